//! Private keys that the run signs with: the operator's for client assertions, and keys of the run.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// A private key and the JOSE algorithms it can sign with (RFC 7518 §3.1, RFC 8037).
pub struct SigningKey {
    pair: Pair,
    algorithms: Vec<&'static str>,
    id: Option<String>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Reads a private key from PEM (PKCS#8, PKCS#1, SEC 1) or from a JWK.
    ///
    /// # Errors
    /// What is wrong with it, without a byte of it.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.starts_with('{') {
            return from_jwk(text);
        }
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| {
            "it holds no private key in PEM (`-----BEGIN PRIVATE KEY-----`) and no JWK".to_owned()
        })?;
        from_der(&key).ok_or_else(|| {
            "the key is none that can sign: expected RSA from 2048 bits, P-256, P-384, P-521 or \
             Ed25519, without a passphrase"
                .to_owned()
        })
    }

    /// A fresh key on P-256; none when the system has no random bytes.
    pub fn generate() -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
        Some(Self {
            pair: Pair::Ecdsa(pair),
            algorithms: vec!["ES256"],
            id: None,
        })
    }

    /// A fresh RSA key; none when the system has no random bytes.
    pub fn generate_rsa() -> Option<Self> {
        RsaKeyPair::generate(KeySize::Rsa2048).ok().map(of_rsa)
    }

    /// The same key under an identifier that the other side knows.
    #[must_use]
    pub fn named(mut self, id: Option<String>) -> Self {
        self.id = id.or(self.id);
        self
    }

    /// The algorithm to sign with: the first that the other side lists, else the usual one.
    ///
    /// # Errors
    /// Both lists, when they have nothing in common.
    pub fn algorithm(&self, listed: Option<&[&str]>) -> Result<&'static str, String> {
        let mut own = self.algorithms.iter().copied();
        let Some(listed) = listed.filter(|listed| !listed.is_empty()) else {
            return Ok(own.next().unwrap_or("ES256"));
        };
        own.find(|own| listed.contains(own)).ok_or_else(|| {
            format!(
                "the key signs with {}, and the authorization server lists {}",
                self.algorithms.join(", "),
                listed.join(", ")
            )
        })
    }

    /// A JWS in compact form over this payload; members of `header` come after `alg` and `kid`.
    pub fn sign(
        &self,
        algorithm: &str,
        header: Map<String, Value>,
        payload: &Value,
    ) -> Option<String> {
        let mut members = Map::from_iter([("alg".to_owned(), json!(algorithm))]);
        if let Some(id) = &self.id {
            members.insert("kid".to_owned(), json!(id));
        }
        members.extend(header);
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&Value::Object(members)), encode(payload));
        let signature = self.signature(algorithm, signed.as_bytes())?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The public key as a JWK; none for keys that this run did not make.
    pub fn public_jwk(&self) -> Option<Value> {
        let pair = match &self.pair {
            Pair::Ecdsa(pair) => pair,
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let modulus = public.modulus().big_endian_without_leading_zero();
                let exponent = public.exponent().big_endian_without_leading_zero();
                let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
                return Some(json!({"e": encode(exponent), "kty": "RSA", "n": encode(modulus)}));
            }
            Pair::Ed25519(_) => return None,
        };
        let point = pair.public_key().as_ref();
        let (x, y) = (point.get(1..33)?, point.get(33..65)?);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        (point.len() == 65)
            .then(|| json!({"crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y)}))
    }

    /// The thumbprint of the public key (RFC 7638 §3.1): its members are in order already.
    pub fn thumbprint(&self) -> Option<String> {
        let jwk = self.public_jwk()?;
        Some(URL_SAFE_NO_PAD.encode(Sha256::digest(jwk.to_string())))
    }

    fn signature(&self, algorithm: &str, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let (_, encoding) = RSA.iter().find(|(name, _)| *name == algorithm)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)
                    .ok()?;
                Some(signature)
            }
            Pair::Ecdsa(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Some(pair.try_sign(message).ok()?.as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.algorithms.join(", "))
    }
}

fn from_der(key: &PrivateKeyDer<'_>) -> Option<SigningKey> {
    let der = key.secret_der();
    let rsa = match key {
        PrivateKeyDer::Pkcs1(_) => RsaKeyPair::from_der(der),
        _ => RsaKeyPair::from_pkcs8(der),
    };
    if let Ok(pair) = rsa {
        return Some(of_rsa(pair));
    }
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
        return Some(of_ed25519(pair));
    }
    let curve = CURVES.iter().find_map(|(_, name, curve)| {
        let pair = EcdsaKeyPair::from_private_key_der(curve, der).ok()?;
        Some((pair, *name))
    });
    curve.map(|(pair, name)| of_ecdsa(pair, name))
}

fn from_jwk(text: &str) -> Result<SigningKey, String> {
    let jwk: Value = serde_json::from_str(text).map_err(|_| "the JWK is no JSON".to_owned())?;
    let text = |member: &str| jwk.get(member).and_then(Value::as_str);
    let bytes = |member: &str| {
        let text = text(member).unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        bytes
            .filter(|bytes| !bytes.is_empty())
            .ok_or_else(|| format!("the JWK has no usable `{member}`, which a private key needs"))
    };
    let rejected = |_| "the members of the JWK do not make a key".to_owned();
    let key = match (text("kty"), text("crv")) {
        (Some("RSA"), _) => {
            let components = KeyPairComponents {
                public_key: PublicKeyComponents {
                    n: bytes("n")?,
                    e: bytes("e")?,
                },
                d: bytes("d")?,
                p: bytes("p")?,
                q: bytes("q")?,
                dP: bytes("dp")?,
                dQ: bytes("dq")?,
                qInv: bytes("qi")?,
            };
            of_rsa(RsaKeyPair::from_components(&components).map_err(rejected)?)
        }
        (Some("EC"), Some(crv)) => {
            let known = CURVES.iter().find(|(known, _, _)| *known == crv);
            let (_, name, curve) =
                known.ok_or_else(|| format!("the curve `{}` cannot sign", shown(crv)))?;
            let point = [vec![4], bytes("x")?, bytes("y")?].concat();
            let pair = EcdsaKeyPair::from_private_key_and_public_key(curve, &bytes("d")?, &point)
                .map_err(rejected)?;
            of_ecdsa(pair, name)
        }
        (Some("OKP"), Some("Ed25519")) => {
            let pair = Ed25519KeyPair::from_seed_and_public_key(&bytes("d")?, &bytes("x")?);
            of_ed25519(pair.map_err(rejected)?)
        }
        (kty, _) => {
            return Err(format!(
                "the JWK is of type `{}`, expected RSA, EC or OKP with Ed25519",
                shown(kty.unwrap_or_default())
            ));
        }
    };
    let id = text("kid").map(str::to_owned);
    let Some(wanted) = text("alg") else {
        return Ok(key.named(id));
    };
    let own = key.algorithms.iter().copied();
    let chosen: Vec<_> = own.filter(|own| *own == wanted).collect();
    if chosen.is_empty() {
        return Err(format!(
            "the key cannot sign with its `alg` `{}`",
            shown(wanted)
        ));
    }
    Ok(SigningKey {
        algorithms: chosen,
        ..key.named(id)
    })
}

fn of_rsa(pair: RsaKeyPair) -> SigningKey {
    SigningKey {
        pair: Pair::Rsa(pair),
        algorithms: RSA.iter().map(|(name, _)| *name).collect(),
        id: None,
    }
}

fn of_ecdsa(pair: EcdsaKeyPair, name: &'static str) -> SigningKey {
    SigningKey {
        pair: Pair::Ecdsa(pair),
        algorithms: vec![name],
        id: None,
    }
}

fn of_ed25519(pair: Ed25519KeyPair) -> SigningKey {
    SigningKey {
        pair: Pair::Ed25519(pair),
        // RFC 9864 §2.2 gave the algorithm a name of its own; RFC 8037 is what servers know.
        algorithms: vec!["EdDSA", "Ed25519"],
        id: None,
    }
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// RSA algorithms, the most common first.
static RSA: [(&str, &dyn RsaEncoding); 6] = [
    ("RS256", &RSA_PKCS1_SHA256),
    ("PS256", &RSA_PSS_SHA256),
    ("RS384", &RSA_PKCS1_SHA384),
    ("PS384", &RSA_PSS_SHA384),
    ("RS512", &RSA_PKCS1_SHA512),
    ("PS512", &RSA_PSS_SHA512),
];

static CURVES: [(&str, &str, &EcdsaSigningAlgorithm); 3] = [
    ("P-256", "ES256", &ECDSA_P256_SHA256_FIXED_SIGNING),
    ("P-384", "ES384", &ECDSA_P384_SHA384_FIXED_SIGNING),
    ("P-521", "ES512", &ECDSA_P521_SHA512_FIXED_SIGNING),
];

#[cfg(test)]
mod tests {
    use super::*;

    const P256: &str = include_str!("../../fixtures/keys/demo-es256.pem");

    fn header(token: &str) -> Value {
        let part = token.split('.').next().unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_signature_is_one_that_an_independent_verifier_accepts() {
        for (text, alg) in [
            (P256, jsonwebtoken::Algorithm::ES256),
            (RSA_JWK, jsonwebtoken::Algorithm::RS256),
            (ED25519_JWK, jsonwebtoken::Algorithm::EdDSA),
        ] {
            let key = SigningKey::read(text).unwrap();
            let name = key.algorithm(None).unwrap();
            let token = key.sign(name, Map::new(), &json!({"a": 1})).unwrap();
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let public = match alg {
                jsonwebtoken::Algorithm::ES256 => jsonwebtoken::DecodingKey::from_ec_pem(
                    include_bytes!("../../fixtures/keys/demo-es256.pub.pem"),
                )
                .unwrap(),
                _ => jsonwebtoken::DecodingKey::from_jwk(&serde_json::from_str(text).unwrap())
                    .unwrap(),
            };
            let verified = jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &public, alg);
            assert!(verified.unwrap(), "{name}");
        }
    }

    #[test]
    fn a_generated_key_has_the_thumbprint_of_its_public_half() {
        let key = SigningKey::generate().unwrap();
        let jwk = key.public_jwk().unwrap();
        assert_eq!(jwk.as_object().unwrap().len(), 4);
        assert_eq!(key.thumbprint().unwrap().len(), 43);
        assert_ne!(
            key.thumbprint(),
            SigningKey::generate().unwrap().thumbprint()
        );
    }

    #[test]
    fn the_algorithm_is_one_that_both_sides_know() {
        let rsa = SigningKey::read(RSA_JWK).unwrap();
        assert_eq!(rsa.algorithm(None), Ok("RS256"));
        assert_eq!(rsa.algorithm(Some(&["ES256", "PS256"])), Ok("PS256"));
        assert_eq!(rsa.algorithm(Some(&[])), Ok("RS256"));
        let text = rsa.algorithm(Some(&["ES256"])).unwrap_err();
        assert!(
            text.contains("RS256") && text.contains("lists ES256"),
            "{text}"
        );
    }

    #[test]
    fn a_key_carries_its_identifier_and_the_given_one_wins() {
        let key = SigningKey::read(ED25519_JWK).unwrap();
        let token = key.sign("EdDSA", Map::new(), &json!({})).unwrap();
        assert_eq!(header(&token).get("kid"), Some(&json!("one")));
        let key = key.named(Some("two".to_owned()));
        let typ = Map::from_iter([("typ".to_owned(), json!("JWT"))]);
        let token = key.sign("EdDSA", typ, &json!({})).unwrap();
        assert_eq!(
            header(&token),
            json!({"alg": "EdDSA", "kid": "two", "typ": "JWT"})
        );
    }

    #[test]
    fn what_is_no_key_is_refused_without_repeating_it() {
        let public = include_str!("../../fixtures/keys/demo-es256.pub.pem");
        let half = ED25519_JWK.replace("\"d\"", "\"x-d\"");
        let symmetric = r#"{"kty": "oct", "k": "c2VjcmV0"}"#;
        let strange = ED25519_JWK.replace("{\"kid\"", "{\"alg\":\"RS256\",\"kid\"");
        for text in [
            "",
            "hunter2",
            public,
            "{",
            "{}",
            symmetric,
            &half,
            &strange,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            r#"{"kty":"EC","crv":"secp256k1","d":"AA","x":"AA","y":"AA"}"#,
            r#"{"kty":"EC","crv":"P-256","d":"AA","x":"AA","y":"AA"}"#,
        ] {
            let problem = SigningKey::read(text).unwrap_err();
            assert!(!problem.contains("hunter2"), "{problem}");
            assert!(problem.len() > 10, "{problem}");
        }
    }

    #[test]
    fn nothing_of_a_key_is_printed() {
        let key = SigningKey::read(ED25519_JWK).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey(EdDSA, Ed25519)");
    }

    /// RFC 8037 appendix A.1.
    const ED25519_JWK: &str = r#"{"kid":"one","kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// RFC 7515 appendix A.2.1.
    const RSA_JWK: &str = include_str!("../../fixtures/keys/rfc7515-a2.jwk.json");
}
