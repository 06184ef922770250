//! A token that is bound to a client certificate (RFC 8705 §3): with the certificate, without it, and
//! with one that the run made for itself.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::rpc::{self, Ask};
use super::session::Session;
use super::{Run, close, file, reply};
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::certificate::OwnCertificate;
use crate::model::identity::{Identity, Provenance};
use crate::model::probe::{PlannedGroup, ProbeId, ProbeKey};
use crate::model::settings::Settings;
use crate::oracle::certificates;
use crate::wire::ClientCertificate;

/// Asks at the first door, where the operator gave a certificate for it and the target can see one.
pub async fn certificates(run: &Run<'_>, collected: &mut Collected) {
    let Some(served) = collected.discovery.audited.clone() else {
        return;
    };
    let Some((identity, given)) = bound(run.settings, collected) else {
        return;
    };
    let session = Session {
        transport: served.transport,
        ..Session::stateless(served.revision, &collected.discovery.endpoint)
    };
    let operation = if served.revision.is_modern() {
        Operation::ListTools { cursor: None }
    } else {
        Operation::Initialize
    };
    run.wire
        .know(&format!("certificate-{}", identity.name), &given);
    let name = format!("mcp-assay {}", run.settings.run_id);
    let other = OwnCertificate::generate(&name, false).map(|own| own.shown);
    for (variant, shown) in [
        (certificates::BEFORE, Some(given.clone())),
        (certificates::WITHOUT, None),
        (certificates::OTHER, other.clone()),
        (certificates::AFTER, Some(given)),
    ] {
        if variant == certificates::OTHER && shown.is_none() {
            continue;
        }
        let key = ProbeKey::new(ProbeId::BoundCertificate).variant(variant);
        let mut ask = Ask::new(key, &identity, &session, operation.clone());
        ask.certificate = shown.map_or(ClientCertificate::Withheld, ClientCertificate::Shown);
        // A connection that showed a certificate would speak for the next request.
        ask.fresh_connection = true;
        ask.opens = Some(format!("certificate-{variant}"));
        let sent = rpc::ask(run, ask).await;
        let admitted = reply::result(&sent.exchange).is_some();
        let opened = Session {
            id: sent.learned.first().map(|learned| learned.secret.clone()),
            ..session.clone()
        };
        file(collected, sent);
        if admitted {
            close::one(run, collected, &identity, &opened).await;
        } else if variant == certificates::BEFORE {
            // Without a control a refusal has nothing to be compared with.
            return;
        }
    }
}

/// From now on a token goes to the target with the certificate that the operator gave for it.
pub(crate) fn present(run: &Run<'_>, identity: &Identity, source: &str) {
    let given = run.settings.certificates.get(source);
    if let (Some(given), Some(token)) = (given, &identity.credential)
        && may_be_bound(identity)
    {
        run.wire.know(&format!("certificate-{source}"), given);
        run.wire.certify(token, given);
    }
}

/// Why a token that names a certificate is refused wherever it goes.
pub(crate) fn explained(
    certificates: &BTreeMap<String, SecretString>,
    collected: &Collected,
) -> Option<String> {
    let mut valid = collected.identities.valid();
    let bound = valid.find(|identity| {
        let claims = identity.claims.as_ref();
        claims.is_some_and(|claims| claims.certificate_bound)
    })?;
    let what = if certificates.contains_key(&bound.name) {
        "the one that was shown may be another; give the certificate that it is bound to"
    } else {
        "none was given; name it, with its key, as `target_certificate` in its [[identity]]"
    };
    Some(format!(
        "that of `{}` is bound to a client certificate (`cnf`, `x5t#S256`), and {what}",
        bound.name
    ))
}

/// What it may cost.
pub(crate) fn planned(settings: &Settings) -> Vec<PlannedGroup> {
    let names: Vec<String> = settings.certificates.keys().cloned().collect();
    let group = |probe: ProbeId| PlannedGroup {
        probe,
        tier: probe.tier(),
        identities: names.clone(),
        subjects: Vec::new(),
        requests: if names.is_empty() { 0 } else { MOST },
        per: None,
        conditional: true,
    };
    vec![
        group(ProbeId::BoundCertificate),
        group(ProbeId::CloseSession),
    ]
}

/// The strongest identity whose token names a certificate that the operator lets the target see. What
/// an opaque token names nobody here can read, so that the operator's word counts.
fn bound(settings: &Settings, collected: &Collected) -> Option<(Identity, SecretString)> {
    if !collected.discovery.endpoint.starts_with("https://") {
        return None;
    }
    let given = |identity: &Identity| {
        let stands = may_be_bound(identity) && identity.invalid.is_none();
        let from = match &identity.provenance {
            Provenance::Derived { .. } => None,
            _ => settings.certificates.get(&identity.name),
        };
        from.filter(|_| stands).cloned()
    };
    let baseline = collected.identities.baseline();
    let mut all = baseline.into_iter().chain(collected.identities.valid());
    all.find_map(|identity| Some((identity.clone(), given(identity)?)))
}

/// What an opaque token is bound to nobody here can read: the operator's word counts.
fn may_be_bound(identity: &Identity) -> bool {
    let claims = identity.claims.as_ref();
    claims.is_none_or(|claims| claims.certificate_bound)
}

/// Two controls, and two that must be refused.
const MOST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::discovery::ServedRevision;
    use crate::model::exchange::ExchangeId;
    use crate::model::exchange::Outcome;
    use crate::model::identity::{Claims, IdentityKind};
    use crate::model::target::{Revision, Transport};
    use crate::oracle::testing::http;
    use crate::rehearsal;
    use crate::stage::testing::Scripted;
    use crate::stage::{Entropy, enrol};

    fn collected(endpoint: &str, bound: bool) -> Collected {
        let mut collected = Collected::default();
        collected.discovery.endpoint = endpoint.to_owned();
        collected.discovery.audited = Some(ServedRevision {
            revision: Revision::R2026_07,
            transport: Transport::StreamableHttp,
            exchange: ExchangeId(0),
        });
        collected.identities.present.push(Identity {
            name: "machine".to_owned(),
            kind: IdentityKind::Valid,
            provenance: Provenance::Operator {
                source: "env:TOKEN".to_owned(),
            },
            claims: Some(Claims {
                certificate_bound: bound,
                ..Claims::default()
            }),
            credential: Some(SecretString::from("token")),
            ..enrol::anonymous()
        });
        collected
    }

    fn listed() -> Outcome {
        http(
            200,
            &[],
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#,
        )
    }

    async fn shown(endpoint: &str, bound: bool, given: bool, answers: Vec<Outcome>) -> Vec<bool> {
        ask(collected(endpoint, bound), given, answers).await
    }

    async fn opaque(given: bool, answers: Vec<Outcome>) -> Vec<bool> {
        let mut collected = collected(HTTPS, true);
        for identity in &mut collected.identities.present {
            identity.claims = None;
        }
        ask(collected, given, answers).await
    }

    async fn ask(mut collected: Collected, given: bool, answers: Vec<Outcome>) -> Vec<bool> {
        let mut settings = rehearsal::defaults(&[7; 32]);
        if given {
            let pem = SecretString::from("certificate and key");
            settings.certificates.insert("machine".to_owned(), pem);
        }
        let wire = Scripted::new(answers);
        let silent = |_: &str, _: usize| {};
        let run = Run::new(&wire, &settings, Entropy::new([7; 32]), &silent);
        certificates(&run, &mut collected).await;
        assert_eq!(collected.ledger.iter().count(), wire.asked().len());
        wire.asked().iter().map(|asked| asked.certified).collect()
    }

    const HTTPS: &str = "https://mcp.example.com/mcp";

    #[tokio::test]
    async fn a_bound_token_goes_out_with_its_certificate_without_and_with_another() {
        let answers = vec![listed(), http(401, &[], ""), http(401, &[], ""), listed()];
        let asked = shown(HTTPS, true, true, answers).await;
        assert_eq!(asked, [true, false, true, true]);
    }

    #[tokio::test]
    async fn an_opaque_token_is_shown_on_the_operators_word() {
        let answers = || vec![listed(), http(401, &[], ""), http(401, &[], ""), listed()];
        assert_eq!(opaque(true, answers()).await.len(), 4);
        assert!(opaque(false, answers()).await.is_empty());
    }

    #[test]
    fn a_token_that_names_a_certificate_explains_its_refusals() {
        let told = explained(&BTreeMap::new(), &collected(HTTPS, true)).unwrap();
        assert!(
            told.contains("`machine`") && told.contains("certificate"),
            "{told}"
        );
        assert_eq!(explained(&BTreeMap::new(), &collected(HTTPS, false)), None);
    }

    #[tokio::test]
    async fn nothing_follows_a_control_that_fails() {
        let asked = shown(HTTPS, true, true, vec![http(401, &[], "")]).await;
        assert_eq!(asked, [true]);
    }

    #[tokio::test]
    async fn no_certificate_is_shown_unasked_for_an_ordinary_token_or_over_plain_http() {
        let plain = "http://127.0.0.1:9000/mcp";
        for (endpoint, bound, given) in [
            (HTTPS, true, false),
            (HTTPS, false, true),
            (plain, true, true),
        ] {
            let asked = shown(endpoint, bound, given, vec![listed()]).await;
            assert!(asked.is_empty(), "{endpoint} {bound} {given}");
        }
    }
}
