//! The forms that a refused call is sent in: which bytes change, and nothing else.

use serde_json::{Value, json};

use super::doors;
use super::second::{self, Place};
use crate::mcp::alter::{
    escaped, in_array, quoted, set_field, set_method, set_param, two_names, two_params,
};
use crate::mcp::header::{encode_value, sentinel};
use crate::mcp::{self, Encoded};
use crate::model::probe::ProbeId;
use crate::model::surface::SubjectKind;
use crate::model::target::Revision;
use crate::oracle::bypass::Guarded;
use crate::oracle::calibrate::Treatment;
use crate::stage::rpc::Alter;

/// One way of writing a call.
pub(super) struct Form {
    /// Which way.
    pub(super) way: ProbeId,
    /// What it is called.
    pub(super) name: &'static str,
    /// Whether it names the cover.
    pub(super) covered: bool,
    /// Where a second, forged token goes.
    pub(super) second: Option<Place>,
    /// The change.
    pub(super) alter: Alter<'static>,
}

impl Form {
    pub(super) fn new(
        way: ProbeId,
        name: &'static str,
        alter: impl Fn(&mut Encoded) + Send + Sync + 'static,
    ) -> Self {
        Self {
            way,
            name,
            covered: false,
            second: None,
            alter: Box::new(alter),
        }
    }

    pub(super) fn covered(mut self) -> Self {
        self.covered = true;
        self
    }
}

/// The forms of a call on a session of this revision. `taken` are names that the server lists: a
/// spelling that is another tool's name is left out.
pub(super) fn forms(revision: Revision, call: &Guarded, taken: &[String]) -> Vec<Form> {
    if call.subject.kind != SubjectKind::Tool {
        return doors::forms(revision, call, taken);
    }
    let name = call.subject.name.as_str();
    let cover = call
        .cover
        .as_ref()
        .map(|(subject, _)| subject.name.as_str());
    let mut forms = Vec::new();
    if revision.is_modern() {
        forms.extend(headers(name, cover));
    }
    forms.extend(arrays(revision));
    if call.identity.is_some() {
        forms.extend(spellings(revision, name, taken));
        forms.extend(
            cover
                .map(|cover| doubles(name, cover))
                .into_iter()
                .flatten(),
        );
        forms.extend(methods(revision));
        if let Treatment::Valid { arguments } = &call.treatment {
            forms.extend(arguments_of(arguments));
        }
        forms.extend(versions(revision));
        forms.extend(second::forms());
    }
    forms
}

/// The arrays alone: what the revision with batches is asked.
pub(super) fn arrays(revision: Revision) -> Vec<Form> {
    let list = move |id: u64| {
        let context = mcp::Context {
            revision,
            session: None,
            run_id: "",
            id,
        };
        let encoded = mcp::encode(&mcp::Operation::ListTools { cursor: None }, &context);
        let body = encoded.body.unwrap_or_default();
        serde_json::from_slice::<Value>(&body).unwrap_or_else(|_| json!({}))
    };
    let way = ProbeId::CallInArray;
    vec![
        Form::new(way, "alone", |message| in_array(message, &[], &[])),
        Form::new(way, "behind-a-list", move |message| {
            in_array(message, &[list(BESIDE)], &[]);
        }),
        Form::new(way, "before-a-list", move |message| {
            in_array(message, &[], &[list(BESIDE)]);
        }),
    ]
}

/// Header fields and body disagree (MCP 2026-07-28 §Server Validation).
fn headers(name: &str, cover: Option<&str>) -> Vec<Form> {
    let way = ProbeId::HeaderSplit;
    let mut forms = vec![
        Form::new(way, "name-missing", |message| set_field(message, NAME, &[])),
        Form::new(way, "method-of-list", |message| {
            set_field(message, METHOD, &["tools/list"]);
        }),
        Form::new(way, "two-methods", |message| {
            set_field(message, METHOD, &["tools/list", "tools/call"]);
        }),
    ];
    let encoded = sentinel(name);
    forms.push(Form::new(way, "name-base64", move |message| {
        set_field(message, NAME, &[&encoded]);
    }));
    if let Some(cover) = cover {
        let (own, other) = (encode_value(name), encode_value(cover));
        let lines = [
            vec![other.clone()],
            vec![other.clone(), own.clone()],
            vec![own.clone(), other],
        ];
        let names = [
            "name-of-allowed",
            "two-names-allowed-first",
            "two-names-refused-first",
        ];
        for (form, values) in names.into_iter().zip(lines) {
            let alter = move |message: &mut Encoded| {
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                set_field(message, NAME, &values);
            };
            forms.push(Form::new(way, form, alter).covered());
        }
        let cover = quoted(cover);
        let alter = move |message: &mut Encoded| set_param(message, "name", Some(&cover));
        forms.push(Form::new(way, "name-of-refused", alter).covered());
    }
    forms
}

/// Other spellings of the name; the header field follows the body.
fn spellings(revision: Revision, name: &str, taken: &[String]) -> Vec<Form> {
    let first = |change: fn(char) -> String| -> String {
        let mut rest = name.chars();
        let head = rest.next().map(change).unwrap_or_default();
        format!("{head}{}", rest.as_str())
    };
    let wide = |c: char| match u32::from(c) {
        0x21..=0x7e => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
        _ => c,
    };
    let spelled = [
        ("upper-case", name.to_uppercase()),
        ("lower-case", name.to_lowercase()),
        ("trailing-space", format!("{name} ")),
        ("leading-space", format!(" {name}")),
        ("trailing-tab", format!("{name}\t")),
        ("trailing-newline", format!("{name}\n")),
        ("trailing-null", format!("{name}\u{0}")),
        ("zero-width-space", format!("{name}\u{200b}")),
        (
            "percent",
            first(|c| {
                let mut bytes = [0; 4];
                let units = c.encode_utf8(&mut bytes).bytes();
                units.map(|byte| format!("%{byte:02x}")).collect()
            }),
        ),
        ("full-width", name.chars().map(wide).collect()),
        ("leading-slash", format!("/{name}")),
        ("leading-dot", format!("./{name}")),
    ];
    spelled_forms(revision, "name", name, spelled, taken)
}

/// One form for each spelling that is neither the name nor one that is taken, and the name in JSON
/// escapes; `member` of the parameters carries it.
pub(super) fn spelled_forms(
    revision: Revision,
    member: &'static str,
    name: &str,
    spelled: impl IntoIterator<Item = (&'static str, String)>,
    taken: &[String],
) -> Vec<Form> {
    let mut forms = Vec::new();
    for (form, spelling) in spelled {
        if spelling == name || taken.contains(&spelling) {
            continue;
        }
        let (body, field) = (quoted(&spelling), encode_value(&spelling));
        forms.push(Form::new(ProbeId::NameSpelling, form, move |message| {
            set_param(message, member, Some(&body));
            if revision.is_modern() {
                set_field(message, NAME, &[&field]);
            }
        }));
    }
    let body = escaped(name);
    forms.push(Form::new(
        ProbeId::NameSpelling,
        "escaped",
        move |message| {
            set_param(message, member, Some(&body));
        },
    ));
    forms
}

/// Two names in one message: parsers take the first or the last (RFC 8259 §4).
fn doubles(name: &str, cover: &str) -> Vec<Form> {
    let way = ProbeId::NameSpelling;
    let (own, other) = (name.to_owned(), cover.to_owned());
    let pair = move |swap: bool| {
        if swap {
            (own.clone(), other.clone())
        } else {
            (other.clone(), own.clone())
        }
    };
    let mut forms = Vec::new();
    for (names, params, swap) in [
        ("two-names-allowed-first", "two-params-allowed-first", false),
        ("two-names-refused-first", "two-params-refused-first", true),
    ] {
        let (first, second) = pair(swap);
        let (one, other) = (first.clone(), second.clone());
        forms.push(
            Form::new(way, names, move |message| {
                two_names(message, &first, &second);
            })
            .covered(),
        );
        forms.push(
            Form::new(way, params, move |message| {
                two_params(message, &one, &other);
            })
            .covered(),
        );
    }
    forms
}

fn methods(revision: Revision) -> Vec<Form> {
    let spelled = [
        ("capitals", "Tools/Call"),
        ("trailing-space", "tools/call "),
        ("doubled-slash", "tools//call"),
        ("leading-slash", "/tools/call"),
    ];
    let mut forms: Vec<Form> = spelled
        .into_iter()
        .map(|(form, method)| {
            Form::new(ProbeId::MethodSpelling, form, move |message| {
                set_method(message, &quoted(method));
                if revision.is_modern() {
                    set_field(message, METHOD, &[&encode_value(method)]);
                }
            })
        })
        .collect();
    let raw = [
        ("escaped", "\"\\u0074ools/call\""),
        ("escaped-slash", "\"tools\\/call\""),
    ];
    forms.extend(raw.into_iter().map(|(form, raw)| {
        Form::new(ProbeId::MethodSpelling, form, move |message| {
            set_method(message, raw);
        })
    }));
    forms
}

/// Forms of the arguments that a check may not see; only for tools that read.
fn arguments_of(arguments: &Value) -> Vec<Form> {
    let text = arguments.to_string();
    let forms = [
        ("absent", None),
        ("null", Some("null".to_owned())),
        ("array", Some(format!("[{text}]"))),
        ("string", Some("\"\"".to_owned())),
        ("text-of-json", Some(quoted(&text))),
    ];
    let forms = forms.into_iter().map(|(form, raw)| {
        Form::new(ProbeId::ArgumentsForm, form, move |message| {
            set_param(message, "arguments", raw.as_deref());
        })
    });
    forms.collect()
}

fn versions(revision: Revision) -> Vec<Form> {
    let way = ProbeId::VersionField;
    let mut forms = vec![Form::new(way, "absent", |message| {
        set_field(message, VERSION, &[]);
    })];
    if revision >= Revision::R2025_06 {
        for (form, value) in [("oldest", "2024-11-05"), ("unknown", "1900-01-01")] {
            forms.push(Form::new(way, form, move |message| {
                set_field(message, VERSION, &[value]);
            }));
        }
    } else {
        forms.clear();
    }
    if revision.is_modern() {
        forms.push(Form::new(way, "no-fields", |message| {
            for name in [VERSION, METHOD, NAME] {
                set_field(message, name, &[]);
            }
        }));
    }
    forms
}

/// Forms of each way at most.
pub(super) const MOST_FORMS: [(ProbeId, usize); 7] = [
    (ProbeId::HeaderSplit, 8),
    (ProbeId::CallInArray, 3),
    (ProbeId::NameSpelling, 17),
    (ProbeId::MethodSpelling, 6),
    (ProbeId::ArgumentsForm, 5),
    (ProbeId::VersionField, 4),
    (ProbeId::TwoTokens, second::MOST),
];

pub(super) const NAME: &str = "Mcp-Name";
pub(super) const METHOD: &str = "Mcp-Method";
const VERSION: &str = "MCP-Protocol-Version";

/// The id of a list that travels beside a call; the run's own ids stay far below it.
const BESIDE: u64 = 9_000_001;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::mcp::Operation;
    use crate::model::exchange::ExchangeId;
    use crate::model::surface::Subject;

    fn subject(name: &str) -> Subject {
        Subject::new(SubjectKind::Tool, name, ExchangeId(1))
    }

    fn call(treatment: Treatment) -> Guarded {
        Guarded {
            subject: subject("delete_note"),
            treatment,
            identity: Some("reader".to_owned()),
            control: "admin".to_owned(),
            refused: Vec::new(),
            granted: Vec::new(),
            cover: Some((subject("read_note"), Vec::new())),
        }
    }

    fn valid() -> Guarded {
        call(Treatment::Valid {
            arguments: json!({"id": "1"}),
        })
    }

    fn plain(revision: Revision) -> Encoded {
        let arguments = json!({"id": "1"});
        let operation = Operation::CallTool {
            name: "delete_note",
            arguments: &arguments,
            schema: None,
        };
        let context = mcp::Context {
            revision,
            session: None,
            run_id: "0000beef",
            id: 7,
        };
        mcp::encode(&operation, &context)
    }

    #[test]
    fn every_form_differs_from_the_plain_call_and_from_every_other() {
        for revision in [Revision::R2026_07, Revision::R2025_11] {
            let mut seen = BTreeSet::new();
            // A second token changes the fields that are added last.
            let all = forms(revision, &valid(), &[]).into_iter();
            for form in all.filter(|form| form.second.is_none()) {
                let mut message = plain(revision);
                (form.alter)(&mut message);
                let (way, name) = (form.way, form.name);
                assert!(message != plain(revision), "{way} {name} changes nothing");
                let body = message.body.clone().unwrap_or_default();
                let told = format!("{:?} {}", message.headers, String::from_utf8_lossy(&body));
                assert!(seen.insert(told), "{way} {name} is not new in {revision}");
                assert!(
                    serde_json::from_slice::<Value>(&body).is_ok(),
                    "{way} {name}"
                );
            }
        }
    }

    #[test]
    fn names_of_forms_are_unique_in_their_way() {
        let forms = forms(Revision::R2026_07, &valid(), &[]);
        let names: BTreeSet<_> = forms.iter().map(|form| (form.way, form.name)).collect();
        assert_eq!(names.len(), forms.len());
    }

    #[test]
    fn a_spelling_that_is_another_tool_is_left_out() {
        let taken = ["DELETE_NOTE".to_owned()];
        let upper = |taken: &[String]| {
            let forms = forms(Revision::R2025_11, &valid(), taken);
            forms
                .iter()
                .filter(|form| form.name == "upper-case")
                .count()
        };
        assert_eq!((upper(&[]), upper(&taken)), (1, 0));
    }

    #[test]
    fn odd_arguments_are_for_tools_that_read() {
        let odd = |call: &Guarded| {
            let forms = forms(Revision::R2025_11, call, &[]);
            forms.iter().any(|form| form.way == ProbeId::ArgumentsForm)
        };
        assert!(odd(&valid()));
        assert!(!odd(&call(Treatment::Invalid {
            arguments: json!({"id": {}}),
            broken: vec!["id".to_owned()],
        })));
    }

    #[test]
    fn without_a_refusal_only_what_the_control_can_show_is_sent() {
        let alone = Guarded {
            identity: None,
            ..valid()
        };
        let forms = forms(Revision::R2026_07, &alone, &[]);
        let ways: BTreeSet<_> = forms.iter().map(|form| form.way).collect();
        assert_eq!(
            ways,
            BTreeSet::from([ProbeId::HeaderSplit, ProbeId::CallInArray])
        );
    }

    #[test]
    fn no_form_leaves_the_plan() {
        let forms = forms(Revision::R2026_07, &valid(), &[]);
        for (way, most) in MOST_FORMS {
            let count = forms.iter().filter(|form| form.way == way).count();
            assert!(count <= most, "{way}: {count} forms, {most} planned");
        }
    }
}
