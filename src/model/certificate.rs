//! Certificates that the run makes for itself: nobody vouches for them.

use rcgen::{
    CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize,
};
use secrecy::SecretString;

use super::key::SigningKey;

/// A fresh key and the certificate that it signed for itself.
#[derive(Debug)]
pub struct OwnCertificate {
    /// The key.
    pub key: SigningKey,
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// The certificate in PEM.
    pub pem: String,
    /// Certificate and private key in PEM, to be shown in a TLS handshake.
    pub shown: SecretString,
}

impl OwnCertificate {
    /// A certificate in this name over RSA or P-256; none when the system has no random bytes.
    pub fn generate(name: &str, rsa: bool) -> Option<Self> {
        let pair = if rsa {
            KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
        } else {
            KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
        };
        let pair = pair.ok()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&pair).ok()?;
        let private = pair.serialize_pem();
        let pem = certificate.pem();
        Some(Self {
            key: SigningKey::read(&private).ok()?,
            der: certificate.der().to_vec(),
            shown: SecretString::from(format!("{pem}{private}")),
            pem,
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_certificate_names_the_run_and_holds_the_public_key_of_its_pair() {
        for (rsa, algorithm) in [(false, "ES256"), (true, "RS256")] {
            let own = OwnCertificate::generate("mcp-assay 0123abcd", rsa).unwrap();
            assert_eq!(own.key.algorithm(None), Ok(algorithm));
            assert!(own.pem.starts_with("-----BEGIN CERTIFICATE-----"));
            let holds = |bytes: &[u8]| own.der.windows(bytes.len()).any(|part| part == bytes);
            assert!(holds(b"mcp-assay 0123abcd"));
            let public = own.key.public_jwk().unwrap();
            let member = if rsa { "n" } else { "x" };
            let text = public[member].as_str().unwrap();
            let part = URL_SAFE_NO_PAD.decode(text).unwrap();
            assert!(holds(&part), "{algorithm}");
        }
    }

    #[test]
    fn every_certificate_is_another_and_prints_no_private_key() {
        let make = || OwnCertificate::generate("run", false).unwrap();
        let (one, two) = (make(), make());
        assert_ne!(one.der, two.der);
        assert!(!format!("{one:?}").contains("PRIVATE"));
        let shown = one.shown.expose_secret();
        assert!(shown.contains("BEGIN CERTIFICATE") && shown.contains("BEGIN PRIVATE KEY"));
    }
}
