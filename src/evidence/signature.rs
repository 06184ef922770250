//! Detached Ed25519 signatures (RFC 8032) of a manifest, as `openssl pkeyutl` verifies them.

use std::fmt;
use std::path::Path;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use base64::Engine;
use secrecy::{ExposeSecret, SecretString};

use super::files;
use crate::config;

/// A private key.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Reads a private key in PEM, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no such key.
    pub fn read(path: &Path) -> Result<Self, config::Error> {
        let refuse = |problem: &str| {
            let problem = format!("{} {problem}", path.display());
            let remedy = "give an Ed25519 private key without a passphrase, such as `openssl \
                          genpkey -algorithm ed25519 -out KEY` writes";
            config::Error::value("--sign", problem, remedy)
        };
        let text = text(path)?;
        let der = der(text.expose_secret(), "PRIVATE KEY")
            .ok_or_else(|| refuse("holds no `BEGIN PRIVATE KEY` block"))?;
        Ed25519KeyPair::from_pkcs8(&der)
            .map(Self)
            .map_err(|_| refuse("holds a private key that is not Ed25519"))
    }

    /// The signature of these bytes.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey(Vec<u8>);

impl VerifyingKey {
    /// Reads a public key in PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no such key.
    pub fn read(path: &Path) -> Result<Self, config::Error> {
        let refuse = |problem: &str| {
            let problem = format!("{} {problem}", path.display());
            let remedy = "give the public key that `openssl pkey -in KEY -pubout` writes";
            config::Error::value("--verify", problem, remedy)
        };
        let text = text(path)?;
        let der = der(text.expose_secret(), "PUBLIC KEY")
            .ok_or_else(|| refuse("holds no `BEGIN PUBLIC KEY` block"))?;
        // RFC 8410 §4: this prefix and 32 bytes are the whole of it.
        match der.strip_prefix(ED25519_PUBLIC) {
            Some(key) if key.len() == 32 => Ok(Self(key.to_vec())),
            _ => Err(refuse("holds a public key that is not Ed25519")),
        }
    }

    /// Whether a signature was made for these bytes with the private half.
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(bytes, signature)
            .is_ok()
    }
}

fn text(path: &Path) -> Result<SecretString, config::Error> {
    let bytes = files::read_through(path, MOST).map_err(|source| config::Error::Unreadable {
        path: path.display().to_string(),
        source,
    })?;
    Ok(SecretString::from(
        String::from_utf8_lossy(&bytes).into_owned(),
    ))
}

/// The first block with this label (RFC 7468).
fn der(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, after) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (block, _) = after.split_once(&format!("-----END {label}-----"))?;
    let base64: String = block.split_ascii_whitespace().collect();
    let engine = base64::engine::general_purpose::STANDARD;
    engine.decode(base64).ok()
}

const ED25519_PUBLIC: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

const MOST: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410 §10.3 and §10.1: a key that everybody knows, and its public half.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn what_one_half_signs_the_other_verifies_and_nothing_else() {
        let signing = SigningKey::read(file(PRIVATE).path()).unwrap();
        let verifying = VerifyingKey::read(file(PUBLIC).path()).unwrap();
        let signature = signing.sign(b"manifest");
        assert_eq!(signature.len(), 64);
        assert!(verifying.verifies(b"manifest", &signature));
        assert!(!verifying.verifies(b"Manifest", &signature));
        assert!(!verifying.verifies(b"manifest", &signature[..63]));
        assert!(!verifying.verifies(b"manifest", &[]));
        assert_eq!(format!("{signing:?}"), "SigningKey");
    }

    #[test]
    fn files_that_hold_another_thing_are_refused_and_not_repeated() {
        for (text, says) in [
            ("", "no `BEGIN PRIVATE KEY`"),
            (PUBLIC, "no `BEGIN PRIVATE KEY`"),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
                "not Ed25519",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----",
                "no `BEGIN PRIVATE KEY`",
            ),
        ] {
            let error = SigningKey::read(file(text).path()).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("genpkey"), "{error}");
            assert!(!error.contains("AAAA"), "{error}");
        }
        for (text, says) in [
            (PRIVATE, "no `BEGIN PUBLIC KEY`"),
            (
                "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
                "not Ed25519",
            ),
        ] {
            let error = VerifyingKey::read(file(text).path()).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        let missing = SigningKey::read(Path::new("/does/not/exist")).unwrap_err();
        assert!(missing.to_string().contains("cannot be read"), "{missing}");
    }
}
