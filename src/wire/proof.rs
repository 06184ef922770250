//! Proof of possession (RFC 9449): a token that is bound to a key goes out with a proof made for
//! that one request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use url::Url;

use super::Outgoing;
use super::answer::Raw;
use crate::model::key::SigningKey;
use crate::model::proof::ProofFlaw;

/// The key that the tokens of a run are bound to, and the nonces that servers gave for it.
pub struct ProofKey {
    key: SigningKey,
    public: Value,
    thumbprint: String,
    began: Instant,
    epoch: i64,
    serial: AtomicU64,
    nonces: Mutex<HashMap<String, String>>,
    /// The last good proof.
    used: Mutex<Option<String>>,
}

impl ProofKey {
    /// A fresh key; `now` is the time by the authorization server's clock, in seconds. None when the
    /// system gives no key.
    pub fn generate(now: i64) -> Option<Self> {
        let key = SigningKey::generate()?;
        Some(Self {
            public: key.public_jwk()?,
            thumbprint: key.thumbprint()?,
            key,
            began: Instant::now(),
            epoch: now,
            serial: AtomicU64::new(0),
            nonces: Mutex::default(),
            used: Mutex::default(),
        })
    }

    /// What a bound token names in `cnf.jkt` (RFC 9449 §6.1).
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// A proof for one request (RFC 9449 §4.2); a good one is remembered for its replay.
    fn proof(
        &self,
        method: &str,
        url: &Url,
        token: Option<&SecretString>,
        flaw: Option<ProofFlaw>,
    ) -> Option<String> {
        if flaw == Some(ProofFlaw::Replayed) {
            return self.used().clone();
        }
        let claims = self.claims(method, url, token, flaw);
        let other = match flaw {
            Some(ProofFlaw::OtherKey | ProofFlaw::OtherSignature) => Some(SigningKey::generate()?),
            _ => None,
        };
        let named = match (&other, flaw) {
            (Some(other), Some(ProofFlaw::OtherKey)) => other.public_jwk()?,
            _ => self.public.clone(),
        };
        let kind = match flaw {
            Some(ProofFlaw::OtherType) => "JWT",
            _ => "dpop+jwt",
        };
        let header = Map::from_iter([("typ".to_owned(), json!(kind)), ("jwk".to_owned(), named)]);
        if flaw == Some(ProofFlaw::Unsigned) {
            return Some(unsigned(header, &claims));
        }
        let key = other.as_ref().unwrap_or(&self.key);
        let proof = key.sign("ES256", header, &claims)?;
        if flaw.is_none() {
            *self.used() = Some(proof.clone());
        }
        Some(proof)
    }

    fn claims(
        &self,
        method: &str,
        url: &Url,
        token: Option<&SecretString>,
        flaw: Option<ProofFlaw>,
    ) -> Value {
        let mut target = url.clone();
        target.set_query(None);
        target.set_fragment(None);
        let passed = i64::try_from(self.began.elapsed().as_secs()).unwrap_or_default();
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let now = self.epoch.saturating_add(passed);
        let mut claims = Map::from_iter([
            // The key is the run's own, so its name and a number occur once in the world.
            (
                "jti".to_owned(),
                json!(format!("{}-{serial}", self.thumbprint)),
            ),
            (
                "htm".to_owned(),
                match flaw {
                    Some(ProofFlaw::OtherMethod) => json!("PATCH"),
                    _ => json!(method),
                },
            ),
            (
                "htu".to_owned(),
                match flaw {
                    Some(ProofFlaw::OtherUrl) => json!(ELSEWHERE),
                    _ => json!(target.as_str()),
                },
            ),
            (
                "iat".to_owned(),
                match flaw {
                    Some(ProofFlaw::Old) => json!(now.saturating_sub(HOUR)),
                    _ => json!(now),
                },
            ),
        ]);
        let digest = match flaw {
            Some(ProofFlaw::NoToken) => None,
            Some(ProofFlaw::OtherToken) => Some(Sha256::digest(ELSEWHERE)),
            _ => token.map(|token| Sha256::digest(token.expose_secret())),
        };
        if let Some(digest) = digest {
            claims.insert("ath".to_owned(), json!(URL_SAFE_NO_PAD.encode(digest)));
        }
        if let Some(nonce) = self.nonce(url) {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        Value::Object(claims)
    }

    fn used(&self) -> MutexGuard<'_, Option<String>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nonce(&self, url: &Url) -> Option<String> {
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.get(&origin(url)).cloned()
    }

    /// The nonce that a proof for this address holds at present.
    pub(super) fn held(&self, url: &str) -> Option<String> {
        self.nonce(&Url::parse(url).ok()?)
    }

    /// Takes the nonce of an answer; whether it is one that the request should have had, and had not:
    /// `held` is what its proof was made with.
    pub(super) fn learn(&self, url: &Url, raw: &Raw, held: Option<&str>) -> bool {
        let Some(nonce) = raw.header("dpop-nonce").filter(|nonce| is_nonce(nonce)) else {
            return false;
        };
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.insert(origin(url), nonce.to_owned());
        matches!(raw.status, 400 | 401) && held != Some(nonce) && asks_for_nonce(raw)
    }
}

/// The fields of a request with its proof; as they were when there is no key.
pub(super) fn proven(
    key: Option<&ProofKey>,
    outgoing: &Outgoing<'_>,
    mut fields: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let Some(key) = key else { return fields };
    let Ok(url) = Url::parse(&outgoing.url) else {
        return fields;
    };
    if outgoing.flaw == Some(ProofFlaw::Bearer) {
        return fields;
    }
    let token = outgoing.credential.as_ref();
    let proof = |flaw| key.proof(outgoing.method, &url, token, flaw);
    let Some(first) = proof(outgoing.flaw) else {
        return fields;
    };
    if let Some(token) = token {
        fields.retain(|(name, _)| name != "authorization");
        let value = format!("DPoP {}", token.expose_secret());
        fields.push(("authorization".to_owned(), value));
    }
    match outgoing.flaw {
        Some(ProofFlaw::Missing) => return fields,
        Some(ProofFlaw::Twice) => fields.extend(proof(None).map(|it| ("dpop".to_owned(), it))),
        _ => {}
    }
    fields.push(("dpop".to_owned(), first));
    fields
}

/// A proof without a signature (RFC 7515 §A.5).
fn unsigned(header: Map<String, Value>, claims: &Value) -> String {
    let mut members = Map::from_iter([("alg".to_owned(), json!("none"))]);
    members.extend(header);
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", encode(&Value::Object(members)), encode(claims))
}

/// RFC 9449 §8 and §9: the error stands in the body of a token endpoint, in the challenge of others.
fn asks_for_nonce(raw: &Raw) -> bool {
    let challenged = raw
        .header("www-authenticate")
        .is_some_and(|it| it.contains(ERROR));
    let told = || {
        let body: Value = serde_json::from_slice(raw.body.kept()).ok()?;
        Some(body.get("error")?.as_str()? == ERROR)
    };
    challenged || told().unwrap_or_default()
}

/// RFC 9449 §8.1: visible ASCII without quotes and backslashes.
fn is_nonce(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"\"\\".contains(&byte);
    !text.is_empty() && text.len() <= MOST_NONCE && text.bytes().all(fits)
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

const ERROR: &str = "use_dpop_nonce";
const MOST_NONCE: usize = 1024;
/// An address that no server has (RFC 6761 §6.4).
const ELSEWHERE: &str = "https://mcp-assay.invalid/elsewhere";
/// Seconds; windows are counted in seconds or minutes (RFC 9449 §11.1).
const HOUR: i64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::probe::{ProbeId, ProbeKey};

    fn claims(proof: &str) -> Value {
        let part = proof.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    fn field<'f>(fields: &'f [(String, String)], name: &str) -> Vec<&'f str> {
        let found = fields.iter().filter(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    fn answer(status: u16, nonce: &str, body: &str) -> Raw {
        Raw {
            status,
            headers: vec![("dpop-nonce".to_owned(), nonce.as_bytes().to_vec())],
            body: super::super::capture::Capture::of(body.as_bytes()),
            truncated: false,
            stream: None,
        }
    }

    #[test]
    fn a_proof_speaks_of_one_request_and_its_token() {
        let key = ProofKey::generate(1_000).unwrap();
        let url = "https://mcp.example.com/mcp?a=b#c";
        let mut outgoing = Outgoing::new(ProbeKey::new(ProbeId::ListTools), "POST", url);
        outgoing.credential = Some("secret".to_owned().into());
        let bare = vec![("authorization".to_owned(), "Bearer secret".to_owned())];
        let fields = proven(Some(&key), &outgoing, bare.clone());
        assert_eq!(field(&fields, "authorization"), ["DPoP secret"]);
        let first = claims(field(&fields, "dpop")[0]);
        assert_eq!(first["htu"], "https://mcp.example.com/mcp");
        assert_eq!(
            (&first["htm"], &first["iat"]),
            (&json!("POST"), &json!(1_000))
        );
        assert_eq!(first["ath"], "K7gNU3sdo-OL0wNhqoVWhr3g6s1xYv72ol_pe_Unols");
        let again = proven(Some(&key), &outgoing, bare.clone());
        assert_ne!(claims(field(&again, "dpop")[0])["jti"], first["jti"]);
        assert_eq!(proven(None, &outgoing, bare.clone()), bare);
    }

    #[test]
    fn each_flaw_spoils_one_part_and_no_other() {
        let key = ProofKey::generate(10_000).unwrap();
        let send = |flaw: Option<ProofFlaw>| {
            let url = "https://mcp.example.com/mcp";
            let mut outgoing = Outgoing::new(ProbeKey::new(ProbeId::FlawedProof), "POST", url);
            outgoing.credential = Some("secret".to_owned().into());
            outgoing.flaw = flaw;
            let bare = vec![("authorization".to_owned(), "Bearer secret".to_owned())];
            proven(Some(&key), &outgoing, bare)
        };
        let good = send(None);
        let sound = claims(field(&good, "dpop")[0]);
        for flaw in ProofFlaw::ALL {
            let fields = send(Some(flaw));
            let scheme = field(&fields, "authorization");
            let proofs = field(&fields, "dpop");
            match flaw {
                ProofFlaw::Bearer => {
                    assert_eq!((scheme, proofs.len()), (vec!["Bearer secret"], 0));
                    continue;
                }
                ProofFlaw::Missing => assert!(proofs.is_empty()),
                ProofFlaw::Twice => assert!(proofs.len() == 2 && proofs[0] != proofs[1]),
                ProofFlaw::Replayed => assert_eq!(proofs, field(&good, "dpop")),
                _ => assert_eq!(proofs.len(), 1),
            }
            assert_eq!(scheme, ["DPoP secret"], "{flaw:?}");
            let Some(proof) = proofs.first() else {
                continue;
            };
            let told = claims(proof);
            for (member, spoilt) in [
                ("htm", flaw == ProofFlaw::OtherMethod),
                ("htu", flaw == ProofFlaw::OtherUrl),
                ("iat", flaw == ProofFlaw::Old),
                (
                    "ath",
                    matches!(flaw, ProofFlaw::OtherToken | ProofFlaw::NoToken),
                ),
            ] {
                assert_eq!(told[member] != sound[member], spoilt, "{flaw:?} {member}");
            }
            let part = |at: usize| {
                let text = proof.split('.').nth(at).unwrap();
                URL_SAFE_NO_PAD.decode(text).unwrap()
            };
            let header: Value = serde_json::from_slice(&part(0)).unwrap();
            let own = header["jwk"] == key.public;
            assert_eq!(own, flaw != ProofFlaw::OtherKey, "{flaw:?}");
            assert_eq!(header["typ"] == "dpop+jwt", flaw != ProofFlaw::OtherType);
            assert_eq!(header["alg"] == "none", flaw == ProofFlaw::Unsigned);
            assert_eq!(part(2).is_empty(), flaw == ProofFlaw::Unsigned);
        }
    }

    #[test]
    fn a_request_without_a_token_proves_the_key_alone() {
        let key = ProofKey::generate(0).unwrap();
        let url = "https://as.example.com/token";
        let outgoing = Outgoing::new(ProbeKey::new(ProbeId::MintToken), "POST", url);
        let fields = proven(Some(&key), &outgoing, Vec::new());
        let claims = claims(field(&fields, "dpop")[0]);
        assert!(claims.get("ath").is_none() && claims.get("nonce").is_none());
        assert!(field(&fields, "authorization").is_empty());
    }

    #[test]
    fn a_nonce_is_asked_for_once_and_then_sent_to_that_origin_alone() {
        let key = ProofKey::generate(0).unwrap();
        let url = Url::parse("https://as.example.com/token").unwrap();
        let body = "{\"error\": \"use_dpop_nonce\"}";
        assert!(key.learn(&url, &answer(400, "one", body), None));
        // Requests that were under way at the same time had none either.
        assert!(key.learn(&url, &answer(400, "one", body), None));
        assert_eq!(key.held(url.as_str()).as_deref(), Some("one"));
        // The same nonce again would be refused for ever.
        assert!(!key.learn(&url, &answer(400, "one", body), Some("one")));
        assert!(key.learn(&url, &answer(401, "two", body), Some("one")));
        assert!(!key.learn(&url, &answer(200, "three", body), Some("two")));
        assert!(!key.learn(&url, &answer(400, "four", "<html>"), Some("three")));
        let proof = key.proof("POST", &url, None, None).unwrap();
        assert_eq!(claims(&proof)["nonce"], "four");
        let elsewhere = Url::parse("https://mcp.example.com/").unwrap();
        let proof = key.proof("POST", &elsewhere, None, None).unwrap();
        assert!(claims(&proof).get("nonce").is_none());
    }

    #[test]
    fn what_is_no_nonce_is_not_sent_back() {
        let key = ProofKey::generate(0).unwrap();
        let url = Url::parse("https://as.example.com/token").unwrap();
        let long = "x".repeat(MOST_NONCE + 1);
        for nonce in ["", "a b", "a\"b", &long] {
            let asking = answer(400, nonce, "{\"error\": \"use_dpop_nonce\"}");
            assert!(!key.learn(&url, &asking, None));
            assert_eq!(key.nonce(&url), None);
        }
    }
}
