//! Copies whose key stands in a certificate, or at an address of this run where the target can come
//! for it. Fetching a document of the run is all that they can make the target do.

use secrecy::ExposeSecret;
use url::Url;

use super::{Forged, named};
use crate::codec::jose::{self, KeySource};
use crate::model::audit::{Collected, ResidueItem};
use crate::model::certificate::OwnCertificate;
use crate::model::identity::{Identity, IdentityKind};
use crate::model::key_documents::{KeyDocuments, KeyOffer};
use crate::stage::{Run, client_documents};
use crate::wire::documents::{DocumentHost, Pace, Served};

/// What was made of one token.
pub(super) struct Made {
    /// The copies.
    pub(super) copies: Vec<Forged>,
    /// What is served for them.
    pub(super) documents: KeyDocuments,
}

/// Copies signed with one key of the run, which is forgotten when they are made.
pub(super) fn copies(run: &Run<'_>, collected: &Collected, model: &Identity) -> Option<Made> {
    let token = model.credential.as_ref()?.expose_secret();
    let rsa = rsa_algorithm(model);
    let algorithm = rsa.unwrap_or("ES256");
    let name = format!("mcp-assay {}", run.settings.run_id);
    let own = OwnCertificate::generate(&name, rsa.is_some())?;
    let signed = |source: KeySource<'_>| jose::with_key_from(token, &own.key, algorithm, &source);
    let kind = IdentityKind::KeyConfusion;
    let mut copies = named([(
        "embedded-certificate",
        kind,
        "signed with a private key of the run whose certificate, signed by itself, its `x5c` header \
         holds",
        signed(KeySource::Certificate(&own.der)),
    )]);
    let (host, base) = match base(run, &collected.discovery.endpoint) {
        Ok(found) => found,
        Err((reason, decided_by)) => {
            let documents = KeyDocuments {
                offers: Vec::new(),
                reason: Some(reason.to_owned()),
                decided_by: Some(decided_by.to_owned()),
            };
            return Some(Made { copies, documents });
        }
    };
    let set = jose::key_set(&own.key, algorithm)?.to_string();
    let folder = format!("/{}-keys", run.settings.run_id);
    let mut offers = Vec::new();
    for (name, member, file, media_type, body) in [
        (SET, "jku", "jwks.json", "application/json", set),
        (
            CERTIFICATE,
            "x5u",
            "key.pem",
            "application/pem-certificate-chain",
            own.pem.clone(),
        ),
    ] {
        let path = format!("{folder}/{file}");
        let url = format!("{}{path}", base.as_str().trim_end_matches('/'));
        let (source, change) = if name == SET {
            (KeySource::SetUrl(&url), SET_CHANGE)
        } else {
            (KeySource::CertificateUrl(&url), CERTIFICATE_CHANGE)
        };
        copies.extend(named([(name, kind, change, signed(source))]));
        let served = Served {
            status: 200,
            media_type,
            location: None,
            body: body.into_bytes(),
            pace: Pace::Whole,
        };
        host.put(&path, served);
        offers.push(KeyOffer {
            identity: name.to_owned(),
            member: member.to_owned(),
            url,
            path,
            fetches: Vec::new(),
        });
    }
    let documents = KeyDocuments {
        offers,
        ..KeyDocuments::default()
    };
    Some(Made { copies, documents })
}

/// Reads from the record who came for the documents; late ones count as well.
pub fn fetched(run: &Run<'_>, collected: &mut Collected) {
    let (Some(host), Some(documents)) = (run.documents, &mut collected.key_documents) else {
        return;
    };
    for offer in &mut documents.offers {
        offer.fetches = host.fetches(&offer.path);
        if offer.fetches.is_empty() {
            continue;
        }
        collected.residue.push(ResidueItem {
            kind: "document".to_owned(),
            name: offer.url.clone(),
            location: collected.discovery.endpoint.clone(),
            reason:
                "the target fetched a key of this run and may have cached it; the private half \
                     is forgotten"
                    .to_owned(),
            undo: "none needed: nobody can sign with that key any more".to_owned(),
            exchange: None,
        });
    }
}

/// The RSA algorithm that a token is signed with.
pub(super) fn rsa_algorithm(model: &Identity) -> Option<&'static str> {
    let algorithm = model.claims.as_ref()?.alg.as_deref()?;
    RSA.into_iter().find(|known| *known == algorithm)
}

/// Where the target can come for documents of this run, or why it cannot and the flag for it.
fn base<'a>(
    run: &Run<'a>,
    endpoint: &str,
) -> Result<(&'a DocumentHost, Url), (&'static str, &'static str)> {
    let host = run.documents.ok_or((WITHOUT_CONSENT, "--allow register"))?;
    let reader = Url::parse(endpoint).ok();
    let base = reader.and_then(|reader| client_documents::base_for(host, &reader));
    Ok((host, base.ok_or((OUT_OF_REACH, "--callback-base"))?))
}

/// The copy that points at a key set; its name is that of the copy which points nowhere.
const SET: &str = "key-set-url";
/// The copy that points at a certificate.
const CERTIFICATE: &str = "certificate-url";
const SET_CHANGE: &str = "signed with a private key of the run, its public half in a key set of this run at the address \
     in its `jku` header";
const CERTIFICATE_CHANGE: &str = "signed with a private key of the run, its certificate served by this run at the address in its \
     `x5u` header";
const WITHOUT_CONSENT: &str = "the addresses in the headers of wrong tokens lead nowhere, because \
                               this run serves no documents without consent";
const OUT_OF_REACH: &str = "the addresses in the headers of wrong tokens lead nowhere, because the \
                            target is not on this machine and cannot fetch documents from it";
const RSA: [&str; 6] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
