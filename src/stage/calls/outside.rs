//! Resource paths and addresses outside what the server offers, on request.

use url::Url;

use crate::mcp::Operation;
use crate::model::arguments::{TraversalProbe, TraversalProbes};
use crate::model::audit::Collected;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::{Subject, SubjectKind};
use crate::oracle::traversal;
use crate::stage::enumerate::Sessions;
use crate::stage::rpc::{self, Ask};
use crate::stage::{Run, file, together};
use crate::wire::{Pending, Sent};

/// Reads them as the strongest identity, each beside a random URI of its scheme.
pub(super) async fn outside(run: &Run<'_>, collected: &mut Collected, sessions: &Sessions) {
    if !run.settings.calls.traversal {
        return;
    }
    let mut probes = TraversalProbes::default();
    let identity = collected.identities.baseline().cloned();
    let identity = identity.or_else(|| collected.identities.present.first().cloned());
    let session = identity
        .as_ref()
        .and_then(|identity| sessions.get(&identity.name));
    let uris = uris(
        &collected.surface.subjects,
        &run.entropy.word("outside", 16),
    );
    let (Some(identity), Some(session)) = (&identity, session) else {
        probes.unsent = Some("no identity could open a session".to_owned());
        collected.traversal = Some(probes);
        return;
    };
    if uris.is_empty() {
        probes.unsent = Some("the server lists neither resources nor templates".to_owned());
        collected.traversal = Some(probes);
        return;
    }
    probes.identity.clone_from(&identity.name);
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for Outside { form, uri, control } in &uris {
        for (variant, uri) in [
            ((*form).to_owned(), uri),
            (format!("{form}-control"), control),
        ] {
            let key = ProbeKey::new(ProbeId::ReadOutside)
                .about(uri.clone())
                .variant(variant);
            let number = run.next_id();
            let ask = Ask::new(key, identity, session, Operation::ReadResource { uri });
            pending.push(Box::pin(rpc::send(run, ask, number)));
        }
    }
    let mut sent = together(pending).await.into_iter();
    for Outside { form, uri, .. } in uris {
        let (Some(answer), Some(control)) = (sent.next(), sent.next()) else {
            break;
        };
        let exchange = file(collected, answer);
        let control = file(collected, control);
        let ledger = &collected.ledger;
        let read = ledger.exchange(exchange).zip(ledger.exchange(control));
        if let Some((answer, random)) = read {
            probes.probes.push(TraversalProbe {
                form: form.to_owned(),
                uri,
                exchange,
                control,
                outcome: traversal::outcome(ledger, answer, random),
            });
        }
    }
    collected.traversal = Some(probes);
}

/// How many requests the URIs take, with their controls.
pub(crate) fn planned(subjects: &[Subject]) -> usize {
    2 * uris(subjects, "planned").len()
}

struct Outside {
    form: &'static str,
    uri: String,
    control: String,
}

/// The file is world-readable, short, and no secret; the climb is deeper than any root.
fn uris(subjects: &[Subject], word: &str) -> Vec<Outside> {
    let of = |kind: SubjectKind| subjects.iter().find(|subject| subject.kind == kind);
    let resource = of(SubjectKind::Resource);
    let template = of(SubjectKind::ResourceTemplate);
    if resource.is_none() && template.is_none() {
        return Vec::new();
    }
    let mut uris = vec![
        Outside {
            form: "absolute-file",
            uri: "file:///etc/hostname".to_owned(),
            control: format!("file:///{word}/{word}"),
        },
        Outside {
            form: "inside-address",
            uri: "http://127.0.0.1/".to_owned(),
            control: format!("http://{word}.invalid/"),
        },
    ];
    if let Some(base) = resource.and_then(|resource| folder(&resource.name)) {
        uris.push(Outside {
            form: "climbing",
            uri: format!("{base}{CLIMB}etc/hostname"),
            control: format!("{base}{word}"),
        });
        uris.push(Outside {
            form: "climbing-encoded",
            uri: format!("{base}{ENCODED_CLIMB}etc%2fhostname"),
            control: format!("{base}{word}%2f{word}"),
        });
    }
    if let Some(template) = template.map(|template| template.name.as_str())
        && template.contains('{')
    {
        uris.push(Outside {
            form: "template",
            uri: expanded(template, &format!("{CLIMB}etc/hostname")),
            control: expanded(template, word),
        });
    }
    uris
}

/// Everything up to the last slash of a resource URI.
fn folder(uri: &str) -> Option<String> {
    let parsed = Url::parse(uri).ok()?;
    // The first path segment of `note://1` is its host.
    let end = uri.rfind('/').map(|at| at + 1)?;
    (end > parsed.scheme().len()).then(|| uri.get(..end).map(str::to_owned))?
}

/// The template with every expression replaced by the value, unencoded.
fn expanded(template: &str, value: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((_, behind)) = after.split_once('}') else {
            rest = after;
            break;
        };
        out.push_str(value);
        rest = behind;
    }
    out.push_str(rest);
    out
}

const CLIMB: &str = "../../../../../../../../";
const ENCODED_CLIMB: &str = "%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::ExchangeId;

    fn subject(kind: SubjectKind, name: &str) -> Subject {
        Subject::new(kind, name, ExchangeId(1))
    }

    #[test]
    fn uris_climb_out_of_what_is_listed_and_controls_do_not() {
        let listed = [
            subject(SubjectKind::Resource, "file:///srv/notes/a.txt"),
            subject(SubjectKind::ResourceTemplate, "note://{id}/{part}"),
        ];
        let uris = uris(&listed, "zq7f");
        let forms: Vec<&str> = uris.iter().map(|it| it.form).collect();
        assert_eq!(
            forms,
            [
                "absolute-file",
                "inside-address",
                "climbing",
                "climbing-encoded",
                "template"
            ]
        );
        assert!(uris[2].uri.starts_with("file:///srv/notes/../"));
        assert_eq!(uris[2].control, "file:///srv/notes/zq7f");
        assert_eq!(uris[4].control, "note://zq7f/zq7f");
        assert!(uris.iter().all(|it| !it.control.contains("..")));
        assert_eq!(planned(&listed), 10);
    }

    #[test]
    fn a_server_without_resources_is_not_asked() {
        assert!(uris(&[subject(SubjectKind::Tool, "a")], "w").is_empty());
        assert_eq!(planned(&[]), 0);
    }

    #[test]
    fn broken_templates_and_uris_are_harmless() {
        assert_eq!(expanded("note://{id", "v"), "note://id");
        assert_eq!(expanded("plain", "v"), "plain");
        assert_eq!(folder("no uri at all"), None);
        assert_eq!(folder("note://1").as_deref(), Some("note://"));
    }
}
