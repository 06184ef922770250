//! The forms in which a refused read of a resource or a refused prompt is asked for again.

use serde_json::Value;

use super::forms::{Form, METHOD, NAME, spelled_forms};
use crate::mcp::alter::{quoted, set_field, set_method, two_members};
use crate::mcp::header::encode_value;
use crate::model::probe::ProbeId;
use crate::model::surface::SubjectKind;
use crate::model::target::Revision;
use crate::oracle::bypass::Guarded;
use crate::oracle::calibrate::Treatment;

/// The forms of one request for a resource or a prompt; none for anything else.
pub(super) fn forms(revision: Revision, call: &Guarded, taken: &[String]) -> Vec<Form> {
    let Some(door) = Door::of(call) else {
        return Vec::new();
    };
    let cover = call.cover.as_ref().map(|(subject, _)| subject.name.clone());
    let mut forms = door.spellings(revision, taken);
    forms.extend(door.methods(revision));
    if revision.is_modern() {
        forms.push(Form::new(ProbeId::HeaderSplit, "name-missing", |message| {
            set_field(message, NAME, &[]);
        }));
    }
    if let Some(cover) = cover {
        if revision.is_modern() {
            let field = encode_value(&cover);
            let alter = move |message: &mut crate::mcp::Encoded| {
                set_field(message, NAME, &[&field]);
            };
            forms.push(Form::new(ProbeId::HeaderSplit, "name-of-allowed", alter).covered());
        }
        forms.extend(door.doubles(&cover));
    }
    forms
}

/// What names the thing at a door.
struct Door {
    method: &'static str,
    member: &'static str,
    name: String,
}

impl Door {
    fn of(call: &Guarded) -> Option<Self> {
        let given = match &call.treatment {
            Treatment::Valid { arguments } => arguments.get("uri").and_then(Value::as_str),
            _ => None,
        };
        match call.subject.kind {
            SubjectKind::Resource | SubjectKind::ResourceTemplate => Some(Self {
                method: "resources/read",
                member: "uri",
                name: given.unwrap_or(&call.subject.name).to_owned(),
            }),
            SubjectKind::Prompt => Some(Self {
                method: "prompts/get",
                member: "name",
                name: call.subject.name.clone(),
            }),
            _ => None,
        }
    }

    /// Other spellings of the name; the header field follows the body.
    fn spellings(&self, revision: Revision, taken: &[String]) -> Vec<Form> {
        let name = self.name.as_str();
        let mut spelled = vec![
            ("upper-case", name.to_uppercase()),
            ("trailing-space", format!("{name} ")),
            ("trailing-null", format!("{name}\u{0}")),
            ("zero-width-space", format!("{name}\u{200b}")),
            ("percent", percent(name)),
        ];
        if self.member == "uri" {
            spelled.extend([
                ("trailing-slash", format!("{name}/")),
                ("dot-segment", dotted(name)),
                ("fragment", format!("{name}#")),
                ("query", format!("{name}?")),
            ]);
        } else {
            spelled.push(("leading-slash", format!("/{name}")));
        }
        spelled_forms(revision, self.member, name, spelled, taken)
    }

    /// Two names in one message (RFC 8259 §4).
    fn doubles(&self, cover: &str) -> Vec<Form> {
        let pairs = [
            (
                "two-names-allowed-first",
                cover.to_owned(),
                self.name.clone(),
            ),
            (
                "two-names-refused-first",
                self.name.clone(),
                cover.to_owned(),
            ),
        ];
        let member = self.member;
        let doubled = pairs.into_iter().map(|(form, first, second)| {
            Form::new(ProbeId::NameSpelling, form, move |message| {
                two_members(message, member, &first, &second);
            })
            .covered()
        });
        doubled.collect()
    }

    fn methods(&self, revision: Revision) -> Vec<Form> {
        let capitals: String = self
            .method
            .split('/')
            .map(capital)
            .collect::<Vec<_>>()
            .join("/");
        let spelled = [
            ("capitals", capitals),
            ("trailing-space", format!("{} ", self.method)),
            ("doubled-slash", self.method.replace('/', "//")),
        ];
        let forms = spelled.into_iter().map(|(form, method)| {
            Form::new(ProbeId::MethodSpelling, form, move |message| {
                set_method(message, &quoted(&method));
                if revision.is_modern() {
                    set_field(message, METHOD, &[&encode_value(&method)]);
                }
            })
        });
        forms.collect()
    }
}

fn capital(word: &str) -> String {
    let mut rest = word.chars();
    let head = rest.next().map(|c| c.to_ascii_uppercase());
    head.into_iter().chain(rest).collect()
}

/// The last ASCII letter or digit as its percent encoding: the same URI (RFC 3986 §6.2.2.2).
fn percent(name: &str) -> String {
    let at = name.rfind(|c: char| c.is_ascii_alphanumeric());
    let split = at.and_then(|at| Some((name.get(..at)?, name.get(at..)?)));
    let Some((head, tail)) = split else {
        return name.to_owned();
    };
    let mut rest = tail.chars();
    let code = rest.next().map_or(0, u32::from);
    format!("{head}%{code:02X}{}", rest.as_str())
}

/// A segment that leads nowhere before the last one (RFC 3986 §6.2.2.3).
fn dotted(name: &str) -> String {
    match name.rsplit_once('/') {
        Some((head, last)) => format!("{head}/./{last}"),
        None => name.to_owned(),
    }
}

/// Forms of each way at most.
pub(super) const MOST_FORMS: [(ProbeId, usize); 3] = [
    (ProbeId::HeaderSplit, 2),
    (ProbeId::NameSpelling, 12),
    (ProbeId::MethodSpelling, 3),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::mcp::{self, Encoded, Operation};
    use crate::oracle::testing::tool;

    fn call(kind: SubjectKind, name: &str) -> Guarded {
        let subject = |name: &str| {
            let mut subject = tool(name, None);
            subject.kind = kind;
            subject.id = kind.subject_id(name);
            subject
        };
        Guarded {
            subject: subject(name),
            treatment: Treatment::Valid {
                arguments: json!({}),
            },
            identity: Some("reader".to_owned()),
            control: "admin".to_owned(),
            refused: Vec::new(),
            granted: Vec::new(),
            cover: Some((subject("note://1"), Vec::new())),
        }
    }

    fn plain(revision: Revision, call: &Guarded) -> Encoded {
        let context = mcp::Context {
            revision,
            session: None,
            run_id: "0000beef",
            id: 7,
        };
        let nothing = json!({});
        let operation = match call.subject.kind {
            SubjectKind::Prompt => Operation::GetPrompt {
                name: &call.subject.name,
                arguments: &nothing,
            },
            _ => Operation::ReadResource {
                uri: &call.subject.name,
            },
        };
        mcp::encode(&operation, &context)
    }

    #[test]
    fn every_form_differs_from_the_plain_request_and_from_every_other() {
        for (kind, name) in [
            (SubjectKind::Resource, "note://a/salaries"),
            (SubjectKind::Prompt, "compare_pay"),
        ] {
            for revision in [Revision::R2026_07, Revision::R2025_11] {
                let call = call(kind, name);
                let mut seen = BTreeSet::new();
                for form in forms(revision, &call, &[]) {
                    let mut message = plain(revision, &call);
                    (form.alter)(&mut message);
                    let told = format!("{} {}", form.way, form.name);
                    assert!(message != plain(revision, &call), "{told} changes nothing");
                    let body = message.body.clone().unwrap_or_default();
                    assert!(serde_json::from_slice::<Value>(&body).is_ok(), "{told}");
                    let text = String::from_utf8_lossy(&body).into_owned();
                    assert!(
                        seen.insert((format!("{:?}", message.headers), text)),
                        "{told}"
                    );
                }
                assert!(seen.len() > 8);
            }
        }
    }

    #[test]
    fn no_form_leaves_the_plan_and_tools_have_none_here() {
        for kind in [SubjectKind::Resource, SubjectKind::Prompt] {
            let all = forms(Revision::R2026_07, &call(kind, "note://a/b"), &[]);
            for (way, most) in MOST_FORMS {
                let count = all.iter().filter(|form| form.way == way).count();
                assert!(count <= most, "{way}: {count} forms, {most} planned");
            }
        }
        let tool = call(SubjectKind::Tool, "read_note");
        assert!(forms(Revision::R2026_07, &tool, &[]).is_empty());
    }

    #[test]
    fn a_spelling_that_is_listed_itself_is_left_out() {
        let call = call(SubjectKind::Resource, "note://a/b");
        let count = |taken: &[String]| {
            let forms = forms(Revision::R2025_11, &call, taken);
            let slashes = forms.iter().filter(|form| form.name == "trailing-slash");
            slashes.count()
        };
        assert_eq!((count(&[]), count(&["note://a/b/".to_owned()])), (1, 0));
    }

    #[test]
    fn percent_and_dots_keep_the_uri_what_it_is() {
        assert_eq!(percent("note://a/b"), "note://a/%62");
        assert_eq!(percent("::"), "::");
        assert_eq!(dotted("note://a/b"), "note://a/./b");
        assert_eq!(dotted("plain"), "plain");
    }
}
