//! Hand-built evidence of doors beside tools.

use serde_json::json;

use super::{World, response};
use crate::model::exchange::{Body, Exchange, ExchangeId, Request};
use crate::model::matrix::{Access, Cell};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::surface::{Subject, SubjectKind};

impl World {
    /// A resource, template or prompt.
    pub(crate) fn door(&mut self, kind: SubjectKind, name: &str) -> &mut Subject {
        let subject = self.tool(name);
        subject.kind = kind;
        subject.id = kind.subject_id(name);
        subject
    }

    /// The cell of the door that was added last: a refusal when denied, else this text as content;
    /// no text is no content.
    pub(crate) fn door_cell(
        &mut self,
        name: &str,
        identity: &str,
        access: Access,
        text: &str,
    ) -> &mut Cell {
        let kind = self.collected.surface.subjects.last().unwrap().kind;
        let probe = match kind {
            SubjectKind::Prompt => ProbeId::PromptGet,
            SubjectKind::Completion => ProbeId::Complete,
            _ => ProbeId::ReadResource,
        };
        let id = kind.subject_id(name);
        let contents = if text.is_empty() {
            json!([])
        } else {
            json!([{"uri": name, "text": text}])
        };
        let exchange = self.rpc(
            ProbeKey::new(probe).about(id.clone()),
            identity,
            &if access == Access::Denied {
                json!({"error": {"code": -32003, "message": "Forbidden"}})
            } else {
                json!({"result": {"contents": contents}})
            },
        );
        let cell = self.cell(name, identity, access);
        cell.subject = id;
        cell.exchanges = vec![exchange];
        let baseline = self.collected.identities.baseline.clone();
        let controls: Vec<ExchangeId> = self
            .collected
            .ledger
            .iter()
            .filter(|it| Some(&it.identity) == baseline.as_ref() && it.probe.id == probe)
            .map(|it| it.id)
            .collect();
        let cell = self.collected.matrices[0].cells.last_mut().unwrap();
        cell.exchanges.extend(controls);
        cell
    }

    /// A JSON-RPC request with its answer's members.
    pub(crate) fn rpc(
        &mut self,
        key: ProbeKey,
        identity: &str,
        members: &serde_json::Value,
    ) -> ExchangeId {
        let mut answer = json!({"jsonrpc": "2.0", "id": 1});
        let more = members.as_object().unwrap().clone();
        answer.as_object_mut().unwrap().extend(more);
        let headers = [("content-type", "application/json")];
        let sent = json!({"jsonrpc": "2.0", "id": 1, "method": "x", "params": {}}).to_string();
        self.collected.ledger.file(Exchange {
            id: ExchangeId(0),
            tier: key.id.tier(),
            probe: key,
            identity: identity.to_owned(),
            request: Request {
                method: "POST".to_owned(),
                url: self.collected.discovery.endpoint.clone(),
                headers: Vec::new(),
                body: Some(body(&sent)),
            },
            outcome: response(200, &headers, &answer.to_string()),
            started_ms: 0,
            elapsed_ms: 1,
            caused_by: None,
        })
    }
}

fn body(text: &str) -> Body {
    Body {
        bytes: text.as_bytes().into(),
        truncated: false,
        length: text.len() as u64,
        sha256: String::new(),
    }
}
