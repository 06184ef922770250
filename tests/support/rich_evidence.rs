//! What was seen of the target of the rich report.

use mcp_assay::model::consequence::{ClientTerms, Consequences};
use mcp_assay::model::discovery::{
    AnonymousAccess, AuthorizationServer, Discovery, MetadataAttempt, Route, ServedRevision,
};
use mcp_assay::model::exchange::{
    Body, Exchange, ExchangeId, HeaderField, Ledger, Outcome, Request, Response,
};
use mcp_assay::model::identity::{
    Identities, Identity, IdentityKind, MissingIdentity, Provenance, ScopeSet,
};
use mcp_assay::model::matrix::{Class, Confidence, GateObservation, GateOutcome};
use mcp_assay::model::probe::{ProbeId, ProbeKey};
use mcp_assay::model::registration::{
    CreatedClient, Deletion, Posture, Registration, RegistrationAttempt, RegistrationOutcome,
    Usability,
};
use mcp_assay::model::surface::{
    Annotations, DeclaredScheme, ListOutcome, Listing, Subject, SubjectKind, Surface,
};
use mcp_assay::model::target::{Revision, Transport};
use mcp_assay::model::token_endpoint::{
    Introspection, IntrospectionOutcome, OperatorClient, TokenAttempt, TokenEndpoint, TokenOutcome,
    TokenQuestion,
};

pub(crate) fn discovery() -> Discovery {
    let served = |revision| ServedRevision {
        revision,
        transport: Transport::StreamableHttp,
        exchange: x(1),
    };
    Discovery {
        endpoint: URL.to_owned(),
        revisions: vec![
            served(Revision::R2025_11),
            served(Revision::R2025_06),
            served(Revision::R2025_03),
        ],
        audited: Some(served(Revision::R2025_11)),
        anonymous: AnonymousAccess::Refused,
        authorization_servers: vec![AuthorizationServer {
            issuer: "https://as.example.com".to_owned(),
            named_by: x(1),
            metadata: vec![MetadataAttempt {
                url: "https://as.example.com/.well-known/oauth-authorization-server".to_owned(),
                route: Route::WellKnownInserted,
                exchange: x(2),
                document: Some(serde_json::json!({
                    "issuer": "https://as.example.com",
                    "client_id_metadata_document_supported": true
                })),
                problem: None,
            }],
            blocked: None,
            assumed: false,
        }],
        ..Discovery::default()
    }
}

pub(crate) fn identities() -> Identities {
    let one = |name: &str, kind, provenance, scopes: Option<ScopeSet>| Identity {
        name: name.to_owned(),
        kind,
        provenance,
        privileged: name == "admin",
        header: None,
        believed: scopes,
        requested: None,
        granted: None,
        expires_in: None,
        claims: None,
        exchange: None,
        invalid: None,
        credential: None,
    };
    let derived = |change: &str| Provenance::Derived {
        from: None,
        change: change.to_owned(),
    };
    let given = |source: &str| Provenance::Operator {
        source: source.to_owned(),
    };
    let (read, both) = (
        scopes(&["notes:read"]),
        scopes(&["notes:read", "notes:write"]),
    );
    let present = vec![
        one(
            "anonymous",
            IdentityKind::Anonymous,
            derived("no token"),
            None,
        ),
        one("garbage", IdentityKind::Garbage, derived("random"), None),
        one(
            "reader",
            IdentityKind::Valid,
            given("env:READER_TOKEN"),
            Some(read),
        ),
        one(
            "admin",
            IdentityKind::Valid,
            given("file:admin.token"),
            Some(both),
        ),
        one(
            "elsewhere",
            IdentityKind::ForeignAudience,
            given("env:OTHER_TOKEN"),
            None,
        ),
    ];
    Identities {
        present,
        missing: vec![MissingIdentity {
            name: "auditor".to_owned(),
            reason: "the token endpoint answered 400 invalid_client; check client_id and secret"
                .to_owned(),
            exchange: Some(x(5)),
        }],
        baseline: Some("admin".to_owned()),
        baseline_reason: "marked as privileged".to_owned(),
    }
}

pub(crate) fn surface() -> Surface {
    let mut subjects: Vec<Subject> = TOOLS.iter().map(|name| tool(name)).collect();
    subjects.push(subject(SubjectKind::Resource, "notes://all"));
    subjects.push(subject(SubjectKind::Resource, "notes://audit"));
    subjects.push(subject(SubjectKind::Prompt, "summarise"));
    let listing = |identity: &str| Listing {
        identity: identity.to_owned(),
        kind: SubjectKind::Tool,
        outcome: ListOutcome::Complete,
        names: TOOLS.map(str::to_owned).to_vec(),
        duplicates: Vec::new(),
        exchanges: vec![x(6)],
        cache_scopes: Vec::new(),
        attempt: 0,
    };
    Surface {
        subjects,
        listings: vec![listing("reader"), listing("admin")],
        differing: std::collections::BTreeMap::new(),
    }
}

pub(crate) fn subject(kind: SubjectKind, name: &str) -> Subject {
    Subject {
        id: kind.subject_id(name),
        kind,
        name: name.to_owned(),
        title: None,
        description: None,
        annotations: Some(Annotations {
            read_only: Some(name.starts_with("read") || name.starts_with("list")),
            ..Annotations::default()
        }),
        schemes: Some(vec![DeclaredScheme {
            kind: "oauth2".to_owned(),
            scopes: scopes(&["notes:read"]),
        }]),
        input_schema: None,
        prompt_arguments: Vec::new(),
        exchange: x(6),
    }
}

pub(crate) fn registration() -> Registration {
    Registration {
        issuer: "https://as.example.com".to_owned(),
        endpoint: Some("https://as.example.com/register".to_owned()),
        attempts: vec![RegistrationAttempt {
            variant: "native-loopback".to_owned(),
            endpoint: "https://as.example.com/register".to_owned(),
            outcome: RegistrationOutcome::Registered,
            requested_redirects: vec!["http://127.0.0.1/cb".to_owned()],
            echoed_redirects: None,
            requested: ClientTerms::default(),
            echoed: ClientTerms::default(),
            client: Some("c-77".to_owned()),
            exchange: x(3),
        }],
        clients: vec![CreatedClient {
            client_id: "c-77".to_owned(),
            variant: "native-loopback".to_owned(),
            exchange: x(3),
            manageable: true,
            expires_at: None,
            usable: Some(Usability {
                accepted: Some(true),
                what: "a login page".to_owned(),
                exchange: x(4),
            }),
            deletion: Deletion::Refused {
                exchange: x(4),
                what: "405".to_owned(),
            },
        }],
        stranger_token: None,
        consequences: Consequences::default(),
        posture: Posture::D4,
        confidence: Confidence::Proven,
        reason: "an anonymous request was answered 201".to_owned(),
        decided_by: None,
        exchanges: vec![x(3)],
    }
}

pub(crate) fn gate(identity: &str, exchange: u32) -> GateObservation {
    GateObservation {
        identity: identity.to_owned(),
        door: "list-tools".to_owned(),
        subject: None,
        outcome: GateOutcome::Refused,
        class: Some(Class::Unauthenticated),
        exchange: x(exchange),
    }
}

pub(crate) fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    for (probe, identity) in [
        (ProbeId::DetectLegacy, "anonymous"),
        (ProbeId::ServerMetadata, "anonymous"),
        (ProbeId::Register, "anonymous"),
        (ProbeId::ListTools, "anonymous"),
        (ProbeId::MintToken, "auditor"),
        (ProbeId::CallValid, "reader"),
        (ProbeId::UnknownName, "reader"),
    ] {
        ledger.file(exchange(probe, identity));
    }
    ledger
}

/// An exchange that was answered.
pub(crate) fn exchange(probe: ProbeId, identity: &str) -> Exchange {
    let text = "{\"jsonrpc\":\"2.0\"}";
    let body = Body {
        bytes: text.as_bytes().into(),
        truncated: false,
        length: text.len() as u64,
        sha256: "0".repeat(64),
    };
    Exchange {
        id: ExchangeId(0),
        probe: ProbeKey::new(probe),
        identity: identity.to_owned(),
        tier: probe.tier(),
        request: Request {
            method: "POST".to_owned(),
            url: URL.to_owned(),
            headers: vec![HeaderField::new("accept", "application/json")],
            body: None,
        },
        outcome: Outcome::Response(Response {
            status: 200,
            headers: vec![HeaderField::new("content-type", "application/json")],
            body,
            stream: None,
        }),
        started_ms: 1,
        elapsed_ms: 2,
        caused_by: None,
    }
}

/// A token endpoint that gave every kind of answer.
pub(crate) fn token_endpoint() -> TokenEndpoint {
    let asked = |question, outcome| TokenAttempt {
        question,
        form: "unsigned".to_owned(),
        client: Some("notes-machine".to_owned()),
        requested: Some(scopes(&["notes:read"])),
        granted: None,
        claimed: None,
        outcome,
        exchange: x(3),
    };
    let refused = TokenOutcome::Refused {
        status: 400,
        error: "invalid_grant".to_owned(),
    };
    let unclear = TokenOutcome::Unclear {
        what: "HTTP 502".to_owned(),
    };
    TokenEndpoint {
        issuer: "https://as.example.com".to_owned(),
        endpoint: "https://as.example.com/token".to_owned(),
        clients: vec![OperatorClient {
            client_id: "notes-machine".to_owned(),
            method: "client_secret_basic".to_owned(),
            scopes: scopes(&["notes:read"]),
            control: x(3),
        }],
        attempts: vec![
            asked(TokenQuestion::UnknownScope, TokenOutcome::Issued),
            asked(TokenQuestion::IdentityAssertion, refused),
            asked(TokenQuestion::ClientAssertion, unclear),
            asked(TokenQuestion::WrongSecret, TokenOutcome::Limited),
        ],
        introspection: Some(Introspection {
            endpoint: "https://as.example.com/introspect".to_owned(),
            outcome: IntrospectionOutcome::Refused { status: 401 },
            exchange: x(4),
        }),
    }
}

/// A tool as it is listed.
pub(crate) fn tool(name: &str) -> Subject {
    subject(SubjectKind::Tool, name)
}

pub(crate) fn scopes(names: &[&str]) -> ScopeSet {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) const fn x(n: u32) -> ExchangeId {
    ExchangeId(n)
}

pub(crate) const URL: &str = "https://mcp.example.com/mcp";

/// Names of the tools, in list order.
pub(crate) const TOOLS: [&str; 5] = [
    "read_note",
    "list_notes",
    "create_note",
    "delete_note",
    "export_notes",
];
