//! Hand-built evidence for the tests of judges.

mod client_documents;
mod documents;
mod doors;
mod front;
mod login;
mod registration;
mod token_endpoint;
mod ways;

use serde_json::Value;

use crate::model::audit::Collected;
use crate::model::discovery::{
    AnonymousAccess, AuthorizationServer, Challenge, Challenges, MetadataAttempt, Route,
    ServedRevision, Sourced,
};
use crate::model::exchange::{Exchange, ExchangeId, Outcome, Request};
use crate::model::identity::{Identity, IdentityKind, Provenance};
use crate::model::matrix::{
    Access, Calibration, Cell, Class, Confidence, GateObservation, GateOutcome, Matrix,
};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::settings::PolicyEntry;
use crate::model::surface::{Annotations, ListOutcome, Listing, Subject, SubjectKind};
use crate::model::target::{ResourceId, Revision, Target, Transport};
use crate::model::verdict::{Status, Verdict};

use super::evidence::Evidence;
use super::find;
use super::judge::judge;

pub(crate) use documents::{failure, resource_document, response, server_document};
pub(crate) use front::{REDIRECT_HOST, consent, login, refusal, returned, upstream};
pub(crate) use registration::client;
pub(crate) use token_endpoint::CLIENT;

pub(crate) const ENDPOINT: &str = "https://mcp.example.com/mcp";
pub(crate) const ISSUER: &str = "https://auth.example.com";

/// A target in the making: protected, 2025-11-25, nothing else known.
pub(crate) struct World {
    pub(crate) collected: Collected,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut collected = Collected {
            target: Some(Target {
                url: ENDPOINT.to_owned(),
                resource: ResourceId(ENDPOINT.to_owned()),
            }),
            ..Collected::default()
        };
        collected.engagement.started = "2026-07-25T17:20:00Z".to_owned();
        collected.discovery.endpoint = ENDPOINT.to_owned();
        collected.discovery.anonymous = AnonymousAccess::Refused;
        let mut world = Self { collected };
        world.revision(Revision::R2025_11);
        world.identity("anonymous", IdentityKind::Anonymous, &[]);
        world
    }

    /// A target on loopback.
    pub(crate) fn local() -> Self {
        let mut world = Self::new();
        let url = "http://127.0.0.1:9000/mcp";
        world.collected.discovery.endpoint = url.to_owned();
        world.collected.target = Some(Target {
            url: url.to_owned(),
            resource: ResourceId(url.to_owned()),
        });
        world
    }

    pub(crate) fn revision(&mut self, revision: Revision) {
        self.collected.discovery.audited = Some(ServedRevision {
            revision,
            transport: Transport::StreamableHttp,
            exchange: ExchangeId(0),
        });
        for matrix in &mut self.collected.matrices {
            matrix.revision = revision;
        }
    }

    /// The view of a check.
    pub(crate) fn evidence(&self, check: &str) -> Evidence<'_> {
        Evidence::new(&self.collected, find(check).unwrap().page())
    }

    /// What the judge of a check says.
    pub(crate) fn verdict(&self, check: &str) -> Verdict {
        (find(check).unwrap().judge)(&self.evidence(check))
    }

    /// The word in the coverage row of a check.
    pub(crate) fn status(&self, check: &str) -> Status {
        let judged = judge(&self.collected, &[find(check).unwrap()]);
        judged.coverage[0].status
    }

    pub(crate) fn ask(
        &mut self,
        key: ProbeKey,
        identity: &str,
        url: &str,
        outcome: Outcome,
    ) -> ExchangeId {
        let tier = key.id.tier();
        self.collected.ledger.file(Exchange {
            id: ExchangeId(0),
            probe: key,
            identity: identity.to_owned(),
            tier,
            request: Request {
                method: "POST".to_owned(),
                url: url.to_owned(),
                headers: Vec::new(),
                body: None,
            },
            outcome,
            started_ms: 0,
            elapsed_ms: 1,
            caused_by: None,
        })
    }

    /// An answer of the endpoint.
    pub(crate) fn answer(
        &mut self,
        probe: ProbeId,
        identity: &str,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
    ) -> ExchangeId {
        let url = self.collected.discovery.endpoint.clone();
        let key = ProbeKey::new(probe);
        self.ask(key, identity, &url, response(status, headers, body))
    }

    /// A refusal of the endpoint with a challenge, parsed.
    pub(crate) fn challenge(&mut self, scheme: &str, params: &[(&str, &str)]) -> ExchangeId {
        let text: Vec<String> = params
            .iter()
            .map(|(key, value)| format!("{key}=\"{value}\""))
            .collect();
        let raw = format!("{scheme} {}", text.join(", "));
        let headers = [("WWW-Authenticate", raw.trim())];
        let id = self.answer(ProbeId::DetectModern, "anonymous", 401, &headers, "");
        self.collected.discovery.challenges.push(Sourced {
            value: Challenges {
                challenges: vec![Challenge {
                    scheme: scheme.to_owned(),
                    params: owned(params),
                    strict: true,
                }],
                raw: vec![raw.trim().to_owned()],
                problem: None,
            },
            exchange: id,
        });
        id
    }

    /// Protected resource metadata at a place.
    pub(crate) fn resource_metadata(&mut self, route: Route, document: &Value) -> ExchangeId {
        let url = match route {
            Route::WellKnownRoot => "https://mcp.example.com/.well-known/oauth-protected-resource",
            Route::WellKnownAppended => {
                "https://mcp.example.com/mcp/.well-known/oauth-protected-resource"
            }
            _ => "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
        };
        let attempt = self.metadata(ProbeId::ResourceMetadata, url, route, 200, document);
        let exchange = attempt.exchange;
        self.collected.discovery.resource_metadata.push(attempt);
        exchange
    }

    /// A place without protected resource metadata.
    pub(crate) fn no_resource_metadata(&mut self, route: Route, status: u16) -> ExchangeId {
        let url = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
        let attempt = self.metadata(ProbeId::ResourceMetadata, url, route, status, &Value::Null);
        let exchange = attempt.exchange;
        self.collected.discovery.resource_metadata.push(attempt);
        exchange
    }

    /// An authorization server without metadata.
    pub(crate) fn server(&mut self, issuer: &str) -> &mut AuthorizationServer {
        self.collected
            .discovery
            .authorization_servers
            .push(AuthorizationServer {
                issuer: issuer.to_owned(),
                named_by: ExchangeId(1),
                metadata: Vec::new(),
                blocked: None,
                assumed: false,
            });
        self.collected
            .discovery
            .authorization_servers
            .last_mut()
            .unwrap()
    }

    /// Metadata of the authorization server that was added last, with status 200 unless null.
    pub(crate) fn server_metadata(&mut self, route: Route, document: &Value) -> ExchangeId {
        let status = if document.is_null() { 404 } else { 200 };
        let url = format!("{ISSUER}/.well-known/oauth-authorization-server");
        let attempt = self.metadata(ProbeId::ServerMetadata, &url, route, status, document);
        let exchange = attempt.exchange;
        let server = self.collected.discovery.authorization_servers.last_mut();
        server.unwrap().metadata.push(attempt);
        exchange
    }

    /// An authorization server whose metadata is sound, with members replaced.
    pub(crate) fn sound_server(&mut self, changes: &[(&str, Value)]) -> ExchangeId {
        self.server(ISSUER);
        let document = server_document(changes);
        self.server_metadata(Route::WellKnownInserted, &document)
    }

    pub(crate) fn identity(
        &mut self,
        name: &str,
        kind: IdentityKind,
        scopes: &[&str],
    ) -> &mut Identity {
        let known = !scopes.is_empty();
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self.collected.identities.present.push(Identity {
            name: name.to_owned(),
            kind,
            provenance: Provenance::Operator {
                source: "env:TOKEN".to_owned(),
            },
            privileged: false,
            believed: known.then_some(scopes),
            requested: None,
            granted: None,
            expires_in: None,
            claims: None,
            exchange: None,
            invalid: None,
            header: None,
            credential: None,
        });
        self.collected.identities.present.last_mut().unwrap()
    }

    /// A valid identity; the last one is the baseline.
    pub(crate) fn valid(&mut self, name: &str, scopes: &[&str]) -> &mut Identity {
        self.collected.identities.baseline = Some(name.to_owned());
        self.identity(name, IdentityKind::Valid, scopes)
    }

    /// What a door did.
    pub(crate) fn gate(
        &mut self,
        identity: &str,
        door: &str,
        outcome: GateOutcome,
        status: u16,
    ) -> &mut GateObservation {
        let probe = ProbeId::ALL.iter().find(|probe| probe.as_str() == door);
        let probe = *probe.unwrap();
        let exchange = self.answer(probe, identity, status, &[], "");
        self.collected.gates.push(GateObservation {
            identity: identity.to_owned(),
            door: door.to_owned(),
            subject: None,
            outcome,
            class: None,
            exchange,
        });
        self.collected.gates.last_mut().unwrap()
    }

    pub(crate) fn tool(&mut self, name: &str) -> &mut Subject {
        self.collected
            .surface
            .subjects
            .push(Subject::new(SubjectKind::Tool, name, ExchangeId(1)));
        self.collected.surface.subjects.last_mut().unwrap()
    }

    /// A tool that says whether it only reads.
    pub(crate) fn annotated_tool(&mut self, name: &str, read_only: bool) {
        self.tool(name).annotations = Some(Annotations {
            read_only: Some(read_only),
            ..Annotations::default()
        });
    }

    /// A cell with one answer of its own: 403 when denied, 200 otherwise.
    pub(crate) fn cell(&mut self, tool: &str, identity: &str, access: Access) -> &mut Cell {
        let status = if access == Access::Denied { 403 } else { 200 };
        self.cell_answered(tool, identity, access, ProbeId::CallInvalid, status)
    }

    pub(crate) fn cell_answered(
        &mut self,
        tool: &str,
        identity: &str,
        access: Access,
        probe: ProbeId,
        status: u16,
    ) -> &mut Cell {
        let exchange = self.answer(probe, identity, status, &[], "{}");
        let revision = self.collected.discovery.revision().unwrap();
        if self.collected.matrices.is_empty() {
            self.collected.matrices.push(Matrix {
                revision,
                transport: Transport::StreamableHttp,
                identities: Vec::new(),
                cells: Vec::new(),
                calibration: Calibration::default(),
            });
        }
        let cells = &mut self.collected.matrices[0].cells;
        cells.push(Cell {
            subject: SubjectKind::Tool.subject_id(tool),
            identity: identity.to_owned(),
            listed: Some(true),
            access,
            class: (access == Access::Denied).then_some(Class::DeniedToolScope),
            layer: None,
            confidence: Confidence::Strong,
            tier: Some(probe.tier()),
            rule: None,
            reason: None,
            decided_by: None,
            attempts: 2,
            mixed: None,
            passes_at_most: None,
            challenged_scopes: Vec::new(),
            flips: Vec::new(),
            exchanges: vec![exchange],
        });
        cells.last_mut().unwrap()
    }

    pub(crate) fn policy(&mut self, tools: &[&str], require: &[&str], public: bool) {
        self.collected.policy.push(PolicyEntry {
            tools: tools.iter().map(|&tool| tool.to_owned()).collect(),
            require: require.iter().map(|&scope| scope.to_owned()).collect(),
            public,
            ..PolicyEntry::default()
        });
    }

    pub(crate) fn listing(&mut self, identity: &str, attempt: u16, names: &[&str]) {
        let exchange = self.answer(ProbeId::ListTools, identity, 200, &[], "{}");
        self.collected.surface.listings.push(Listing {
            identity: identity.to_owned(),
            kind: SubjectKind::Tool,
            outcome: ListOutcome::Complete,
            names: names.iter().map(|&name| name.to_owned()).collect(),
            duplicates: Vec::new(),
            exchanges: vec![exchange],
            cache_scopes: Vec::new(),
            attempt,
        });
    }

    fn metadata(
        &mut self,
        probe: ProbeId,
        url: &str,
        route: Route,
        status: u16,
        document: &Value,
    ) -> MetadataAttempt {
        let text = document.to_string();
        let key = ProbeKey::new(probe).about(url);
        let exchange = self.ask(key, "anonymous", url, response(status, &[], &text));
        MetadataAttempt {
            url: url.to_owned(),
            route,
            exchange,
            document: document.is_object().then(|| document.clone()),
            problem: (!document.is_object()).then(|| format!("HTTP {status}")),
        }
    }
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
