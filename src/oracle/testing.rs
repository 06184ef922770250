//! Hand-built evidence for the tests of the oracle.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::calibrate::Treatment;
use super::matrix::MatrixInput;
use crate::model::canary::CanaryTrial;
use crate::model::exchange::{
    Body, Exchange, ExchangeId, Failure, FailureKind, HeaderField, Ledger, Outcome, Request,
    Response,
};
use crate::model::identity::{Claims, Identities, Identity, IdentityKind, Provenance, ScopeSet};
use crate::model::matrix::{Access, Calibration, Cell, Confidence, Matrix};
use crate::model::probe::{ProbeId, ProbeKey, Tier};
use crate::model::surface::{Annotations, ListOutcome, Listing, Subject, SubjectKind, Surface};
use crate::model::target::{Revision, Transport};

pub(crate) fn scopes(scopes: &[&str]) -> ScopeSet {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

/// A valid token of subject `alice` and client `cli` with these scopes.
pub(crate) fn valid(name: &str, held: &[&str]) -> Identity {
    Identity {
        claims: Some(Claims {
            subject: Some("alice".into()),
            client_id: Some("cli".into()),
            scopes: Some(scopes(held)),
            ..Claims::default()
        }),
        ..identity(name, IdentityKind::Valid)
    }
}

pub(crate) fn identity(name: &str, kind: IdentityKind) -> Identity {
    Identity {
        name: name.into(),
        kind,
        provenance: Provenance::Operator {
            source: "env:T".into(),
        },
        privileged: false,
        believed: None,
        requested: None,
        granted: None,
        expires_in: None,
        claims: None,
        exchange: None,
        invalid: None,
        header: None,
        credential: None,
    }
}

/// Anonymous, garbage and these valid ones; the last is the baseline.
pub(crate) fn identities(held: &[(&str, &[&str])]) -> Identities {
    let mut present = vec![
        identity("anonymous", IdentityKind::Anonymous),
        identity("garbage", IdentityKind::Garbage),
    ];
    present.extend(held.iter().map(|(name, scopes)| valid(name, scopes)));
    Identities {
        present,
        missing: Vec::new(),
        baseline: held.last().map(|(name, _)| (*name).to_owned()),
        baseline_reason: String::new(),
    }
}

pub(crate) fn cell(subject: &str, identity: &str, access: Access) -> Cell {
    Cell {
        subject: subject.into(),
        identity: identity.into(),
        listed: Some(true),
        access,
        class: None,
        layer: None,
        confidence: if access.is_decided() || access == Access::Reached {
            Confidence::Strong
        } else {
            Confidence::Inconclusive
        },
        tier: Some(Tier::Authenticated),
        rule: None,
        reason: None,
        decided_by: None,
        attempts: 2,
        mixed: None,
        passes_at_most: None,
        challenged_scopes: Vec::new(),
        flips: Vec::new(),
        exchanges: Vec::new(),
    }
}

pub(crate) fn matrix(cells: Vec<Cell>) -> Matrix {
    Matrix {
        revision: Revision::R2025_11,
        transport: Transport::StreamableHttp,
        identities: Vec::new(),
        cells,
        calibration: Calibration::default(),
    }
}

pub(crate) fn tool(name: &str, read_only: Option<bool>) -> Subject {
    Subject {
        id: format!("tool/{name}"),
        kind: SubjectKind::Tool,
        name: name.into(),
        title: None,
        description: None,
        annotations: read_only.map(|read_only| Annotations {
            read_only: Some(read_only),
            ..Annotations::default()
        }),
        schemes: None,
        input_schema: Some(json!({
            "type": "object",
            "properties": {"id": {"type": "string"}},
            "required": ["id"]
        })),
        prompt_arguments: Vec::new(),
        exchange: ExchangeId(1),
    }
}

pub(crate) fn body(text: &str) -> Body {
    Body {
        bytes: text.as_bytes().into(),
        truncated: false,
        length: text.len() as u64,
        sha256: String::new(),
    }
}

/// A JSON answer.
pub(crate) fn http(status: u16, headers: &[(&str, &str)], text: &str) -> Outcome {
    let mut fields = vec![HeaderField::new("content-type", "application/json")];
    fields.extend(
        headers
            .iter()
            .map(|(name, value)| HeaderField::new(*name, *value)),
    );
    Outcome::Response(Response {
        status,
        headers: fields,
        body: body(text),
        stream: None,
    })
}

/// A tool result with one text.
pub(crate) fn said(text: &str) -> Outcome {
    let message =
        json!({"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": text}]}});
    http(200, &[], &message.to_string())
}

/// A tool result with `isError`.
pub(crate) fn failed(text: &str) -> Outcome {
    let message = json!({
        "jsonrpc": "2.0", "id": 7,
        "result": {"content": [{"type": "text", "text": text}], "isError": true}
    });
    http(200, &[], &message.to_string())
}

/// A JSON-RPC error.
pub(crate) fn rpc_error(code: i64, text: &str) -> Outcome {
    let message = json!({"jsonrpc": "2.0", "id": 7, "error": {"code": code, "message": text}});
    http(200, &[], &message.to_string())
}

/// A 403 that asks for a scope.
pub(crate) fn step_up(scope: &str) -> Outcome {
    let field = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
    http(
        403,
        &[("www-authenticate", &field)],
        r#"{"error":"insufficient_scope"}"#,
    )
}

/// A 401 with a bare challenge.
pub(crate) fn unauthorized() -> Outcome {
    http(
        401,
        &[("www-authenticate", "Bearer")],
        r#"{"error":"invalid_token"}"#,
    )
}

pub(crate) fn reset() -> Outcome {
    Outcome::Failure(Failure {
        kind: FailureKind::Reset,
        text: "connection reset".into(),
        partial: None,
    })
}

/// A tool call and its outcome.
pub(crate) fn call(
    probe: ProbeKey,
    identity: &str,
    name: &str,
    arguments: &Value,
    outcome: Outcome,
) -> Exchange {
    let request = json!({
        "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {"name": name, "arguments": arguments}
    });
    Exchange {
        id: ExchangeId(0),
        probe,
        identity: identity.into(),
        tier: Tier::Authenticated,
        request: Request {
            method: "POST".into(),
            url: "https://mcp.example.com/mcp".into(),
            headers: Vec::new(),
            body: Some(body(&request.to_string())),
        },
        outcome,
        started_ms: 0,
        elapsed_ms: 0,
        caused_by: None,
    }
}

/// One tool, some identities, and what they got.
pub(crate) struct Bench {
    pub(crate) identities: Identities,
    pub(crate) surface: Surface,
    pub(crate) treatments: BTreeMap<String, Treatment>,
    pub(crate) calibration: Calibration,
    pub(crate) ledger: Ledger,
    pub(crate) canaries: Vec<CanaryTrial>,
}

impl Bench {
    /// A read-only tool `read_note`, called with valid arguments, listed for every valid identity.
    pub(crate) fn valid(held: &[(&str, &[&str])]) -> Self {
        let treatment = Treatment::Valid {
            arguments: json!({"id": "1"}),
        };
        Self::new(held, tool("read_note", Some(true)), treatment)
    }

    /// A writing tool `write_note`, called with arguments that break its schema.
    pub(crate) fn invalid(held: &[(&str, &[&str])]) -> Self {
        let treatment = Treatment::Invalid {
            arguments: json!({"id": {}}),
            broken: vec!["id".into()],
        };
        Self::new(held, tool("write_note", Some(false)), treatment)
    }

    fn new(held: &[(&str, &[&str])], subject: Subject, treatment: Treatment) -> Self {
        let identities = identities(held);
        let listings = identities.present.iter().map(|identity| {
            let outcome = match identity.kind {
                IdentityKind::Valid => ListOutcome::Complete,
                _ => ListOutcome::Refused { status: 401 },
            };
            Listing {
                identity: identity.name.clone(),
                kind: SubjectKind::Tool,
                names: match identity.kind {
                    IdentityKind::Valid => vec![subject.name.clone()],
                    _ => Vec::new(),
                },
                outcome,
                duplicates: Vec::new(),
                exchanges: Vec::new(),
                cache_scopes: Vec::new(),
                attempt: 0,
            }
        });
        let surface = Surface {
            listings: listings.collect(),
            subjects: vec![subject.clone()],
            differing: BTreeMap::new(),
        };
        Self {
            treatments: BTreeMap::from([(subject.id, treatment)]),
            identities,
            surface,
            calibration: Calibration::default(),
            ledger: Ledger::default(),
            canaries: Vec::new(),
        }
    }

    fn asked(&self) -> (ProbeId, Value) {
        match self.treatments.values().next() {
            Some(Treatment::Invalid { arguments, .. }) => (ProbeId::CallInvalid, arguments.clone()),
            Some(Treatment::ListedCall { arguments }) => (ProbeId::CallListed, arguments.clone()),
            Some(Treatment::Canary { arguments }) => (ProbeId::CallCanary, arguments.clone()),
            Some(Treatment::Valid { arguments }) => (ProbeId::CallValid, arguments.clone()),
            _ => (ProbeId::CallValid, Value::Null),
        }
    }

    /// Files answers of an identity in attempt order.
    pub(crate) fn got(mut self, identity: &str, outcomes: Vec<Outcome>) -> Self {
        let (probe, arguments) = self.asked();
        let subject = self.surface.subjects[0].clone();
        let taken = self
            .ledger
            .iter()
            .filter(|exchange| exchange.identity == identity && exchange.probe.id == probe)
            .count();
        for (at, outcome) in outcomes.into_iter().enumerate() {
            let key = ProbeKey::new(probe)
                .about(&subject.id)
                .attempt(u16::try_from(at + taken).unwrap());
            self.ledger
                .file(call(key, identity, &subject.name, &arguments, outcome));
        }
        self
    }

    /// Files an answer of an identity in a second session.
    pub(crate) fn fresh(mut self, identity: &str, outcome: Outcome) -> Self {
        let (probe, arguments) = self.asked();
        let subject = self.surface.subjects[0].clone();
        let key = ProbeKey::new(probe)
            .about(&subject.id)
            .variant("fresh-session");
        self.ledger
            .file(call(key, identity, &subject.name, &arguments, outcome));
        self
    }

    /// Files two answers to random names.
    pub(crate) fn unknown(mut self, identity: &str, answer: impl Fn(&str) -> Outcome) -> Self {
        for (at, name) in ["zqxv_ab", "kkpw_cd"].into_iter().enumerate() {
            let key = ProbeKey::new(ProbeId::UnknownName)
                .about(name)
                .attempt(u16::try_from(at).unwrap());
            self.ledger
                .file(call(key, identity, name, &json!({}), answer(name)));
        }
        self
    }

    /// Sets how an identity's list ended.
    pub(crate) fn list(mut self, identity: &str, outcome: &ListOutcome, named: bool) -> Self {
        let name = self.surface.subjects[0].name.clone();
        for listing in &mut self.surface.listings {
            if listing.identity == identity {
                listing.outcome = outcome.clone();
                listing.names = if named {
                    vec![name.clone()]
                } else {
                    Vec::new()
                };
            }
        }
        self
    }

    pub(crate) fn identity(mut self, name: &str, change: impl FnOnce(&mut Identity)) -> Self {
        let found = self
            .identities
            .present
            .iter_mut()
            .find(|identity| identity.name == name);
        change(found.unwrap());
        self
    }

    pub(crate) fn input(&self) -> MatrixInput<'_> {
        MatrixInput {
            revision: Revision::R2025_11,
            transport: Transport::StreamableHttp,
            ledger: &self.ledger,
            identities: &self.identities,
            surface: &self.surface,
            calibration: &self.calibration,
            treatments: &self.treatments,
            canaries: &self.canaries,
            repeat: 0,
            vector: None,
        }
    }

    /// The cell of an identity.
    pub(crate) fn cell(&self, identity: &str) -> Cell {
        let matrix = super::matrix::build(&self.input());
        let found = matrix.cells.iter().find(|cell| cell.identity == identity);
        found.unwrap().clone()
    }
}
