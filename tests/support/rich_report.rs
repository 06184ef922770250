//! One report with something in every section.

use std::collections::BTreeSet;

use mcp_assay::model::audit::{Collected, Engagement, ResidueItem, SessionRecord};
use mcp_assay::model::discovery::{
    AnonymousAccess, AuthorizationServer, Discovery, MetadataAttempt, Route, ServedRevision,
};
use mcp_assay::model::exchange::{
    Body, Exchange, ExchangeId, HeaderField, Ledger, Outcome, Request, Response,
};
use mcp_assay::model::identity::{
    Identities, Identity, IdentityKind, MissingIdentity, Provenance, ScopeSet,
};
use mcp_assay::model::matrix::{
    Access, Calibration, Cell, Class, Confidence, GateObservation, GateOutcome, Layer, Matrix,
    ValidationSeen,
};
use mcp_assay::model::probe::{Plan, ProbeId, ProbeKey, Tier, Unsettleable};
use mcp_assay::model::registration::{
    CreatedClient, Deletion, Posture, Registration, RegistrationAttempt, RegistrationOutcome,
};
use mcp_assay::model::report::{
    CoverageRow, EffectivePolicy, EffectiveRule, Enforcement, ToolCounts, ToolEnforcement,
};
use mcp_assay::model::settings::{
    Acceptance, CredentialSource, IdentitySource, Network, Settings,
};
use mcp_assay::model::surface::{
    Annotations, DeclaredScheme, ListOutcome, Listing, Subject, SubjectKind, Surface,
};
use mcp_assay::model::target::{ResourceId, Revision, Target, Transport};
use mcp_assay::model::verdict::{Basis, Cite, Finding, Level, Part, Severity, Status};
use mcp_assay::report::assemble::Judged;

/// Names of the tools, in list order.
pub const TOOLS: [&str; 5] = [
    "read_note",
    "list_notes",
    "create_note",
    "delete_note",
    "export_notes",
];

/// What a run against a partly guarded server collected.
pub fn collected() -> Collected {
    Collected {
        target: Some(Target {
            url: URL.to_owned(),
            resource: ResourceId(URL.to_owned()),
        }),
        engagement: Engagement {
            run_id: "a1b2c3d4".to_owned(),
            started: "2026-11-23T08:00:00Z".to_owned(),
            tiers: vec![
                Tier::Passive,
                Tier::Anonymous,
                Tier::Authenticated,
                Tier::Register,
            ],
            reads: true,
            confirmed_hosts: vec!["as.example.com".to_owned()],
            insecure: true,
            cacert: None,
            proxy: None,
            concurrency: 8,
            rate: 50,
            max_requests: 40_000,
        },
        discovery: discovery(),
        identities: identities(),
        surface: surface(),
        gates: vec![gate("anonymous", 4), gate("elsewhere", 5)],
        matrices: vec![matrix(Revision::R2025_11), older_matrix()],
        registrations: vec![registration()],
        sessions: vec![
            SessionRecord {
                identity: "admin".to_owned(),
                exchange: x(1),
                closed: true,
            },
            SessionRecord {
                identity: "reader".to_owned(),
                exchange: x(2),
                closed: false,
            },
        ],
        residue: vec![ResidueItem {
            kind: "client".to_owned(),
            name: "mcp-assay-a1b2c3d4".to_owned(),
            location: "https://as.example.com/register/c-77".to_owned(),
            reason: "the server answered the deletion with 405".to_owned(),
            undo: "DELETE https://as.example.com/register/c-77 with the registration token"
                .to_owned(),
            exchange: Some(x(3)),
        }],
        plan: Plan::default(),
        unsettled: vec![Unsettleable {
            what: "other-users-data".to_owned(),
            reason: "only one user's tokens were given".to_owned(),
            decided_by: Some("--identity with a token of a second user".to_owned()),
        }],
        policy: Vec::new(),
        ledger: ledger(),
        interrupted: false,
    }
}

/// What the judges made of it.
pub fn judged() -> Judged {
    let hidden = finding(
        "calls-hidden-tools",
        "tool/export_notes",
        "tool `export_notes` ran for `reader`, whose list does not name it; expected a refusal",
        Severity::High,
        Confidence::Proven,
        "00aa11bb22cc33dd",
    );
    let guard = finding(
        "unguarded-write-tool",
        "tool/create_note",
        "`create_note` changes state and ran for a token without any write scope; its sibling \
         `delete_note` was refused",
        Severity::Medium,
        Confidence::Strong,
        "11bb22cc33dd44ee",
    );
    let open = finding(
        "registration-open",
        "https://as.example.com",
        "an unauthenticated registration was answered 201; a closed endpoint answers 401",
        Severity::Medium,
        Confidence::Proven,
        "22cc33dd44ee55ff",
    );
    let coverage = vec![
        row("calls-hidden-tools", "PRIM-02", Status::Fail, &hidden),
        row("unguarded-write-tool", "PRIM-12", Status::Warn, &guard),
        row("registration-open", "REG-02", Status::Warn, &open),
        CoverageRow {
            status: Status::Inconclusive,
            severity: Severity::High,
            reason: "no token for another resource was given".to_owned(),
            decided_by: Some("an [[identity]] of kind foreign_audience".to_owned()),
            findings: Vec::new(),
            ..row("accepts-foreign-audience", "TOK-08", Status::Fail, &hidden)
        },
        CoverageRow {
            status: Status::Pass,
            reason: "the challenge names the metadata".to_owned(),
            findings: Vec::new(),
            ..row("challenge-without-metadata", "DISC-01", Status::Fail, &hidden)
        },
        CoverageRow {
            status: Status::Observed,
            reason: "3 scopes are named in the metadata".to_owned(),
            findings: Vec::new(),
            ..row("scopes-published", "SCP-01", Status::Fail, &hidden)
        },
    ];
    Judged {
        coverage,
        findings: vec![guard, open, hidden],
        enforcement: ToolEnforcement {
            enforcement: Enforcement::Partial,
            confidence: Confidence::Strong,
            counts: ToolCounts {
                guarded_by_scope: 1,
                open_to_every_token: 2,
                open_without_token: 0,
                undecided: 2,
                total: 5,
            },
            broken_by: vec!["create_note".to_owned(), "export_notes".to_owned()],
            sentence: "Scopes guard one of five tools; create_note and export_notes ran for a \
                       token that should not reach them, and two tools were not decided."
                .to_owned(),
        },
        policy: EffectivePolicy {
            subjects: vec![EffectiveRule {
                subject: "tool/delete_note".to_owned(),
                opened_by: vec![scopes(&["notes:write"])],
                refused_for: vec![scopes(&["notes:read"])],
                gate: "scopes".to_owned(),
            }],
            idle_scopes: Vec::new(),
            unguarded: vec!["tool/create_note".to_owned()],
        },
    }
}

/// What the operator had asked for.
pub fn settings() -> Settings {
    let source = |name: &str| IdentitySource {
        name: name.to_owned(),
        kind: IdentityKind::Valid,
        privileged: name == "admin",
        scopes: None,
        credential: CredentialSource::Token {
            source: "env:TOKEN".to_owned(),
            token: "secret".to_owned().into(),
        },
    };
    Settings {
        tiers: BTreeSet::from([Tier::Passive, Tier::Anonymous, Tier::Authenticated]),
        reads: true,
        revision: None,
        identities: vec![source("reader"), source("admin")],
        mint: None,
        policy: Vec::new(),
        accept: vec![
            Acceptance {
                check: "registration-open".to_owned(),
                subject: Some("https://as.*".to_owned()),
                reason: "partner portal, approved".to_owned(),
                expires: Some("2027-03-31".to_owned()),
                expired: false,
            },
            Acceptance {
                check: "calls-hidden-tools".to_owned(),
                subject: None,
                reason: "until the next release".to_owned(),
                expires: Some("2026-01-31".to_owned()),
                expired: true,
            },
        ],
        tools: Vec::new(),
        network: Network::default(),
        only: BTreeSet::new(),
        skip: BTreeSet::new(),
        fail_on: Severity::Low,
        strict: false,
        run_id: "a1b2c3d4".to_owned(),
    }
}

/// A run in which nothing answered.
pub fn unreachable() -> Collected {
    let full = collected();
    Collected {
        target: full.target,
        engagement: full.engagement,
        discovery: Discovery {
            endpoint: URL.to_owned(),
            unusable: Some(
                "connection refused by 192.0.2.7:443; check the URL, or whether the server runs"
                    .to_owned(),
            ),
            ..Discovery::default()
        },
        ..Collected::default()
    }
}

/// What judging makes of nothing.
pub fn nothing_judged() -> Judged {
    Judged {
        coverage: Vec::new(),
        findings: Vec::new(),
        enforcement: ToolEnforcement {
            enforcement: Enforcement::Undetermined,
            confidence: Confidence::Inconclusive,
            counts: ToolCounts::default(),
            broken_by: Vec::new(),
            sentence: "Nothing is known about the tools: none was listed.".to_owned(),
        },
        policy: EffectivePolicy::default(),
    }
}

/// The cell of a subject and an identity.
pub fn cell(subject: &str, identity: &str, access: Access) -> Cell {
    let class = match access {
        Access::Allowed => Some(Class::ExecutedOk),
        Access::Reached => Some(Class::InvalidArguments),
        Access::Denied => Some(Class::DeniedToolScope),
        Access::Inconclusive => Some(Class::Ambiguous),
        Access::NotTested => None,
    };
    let (reason, decided_by) = match access {
        Access::Reached => (
            Some("validation precedes any visible check"),
            Some("--allow call with arguments for the tool"),
        ),
        Access::Inconclusive => (Some("the answers changed between repeats"), None),
        _ => (None, None),
    };
    Cell {
        subject: subject.to_owned(),
        identity: identity.to_owned(),
        listed: Some(!(identity == "reader" && subject == "tool/export_notes")),
        access,
        class,
        layer: (access == Access::Denied).then_some(Layer::ToolGate),
        confidence: match access {
            Access::Allowed => Confidence::Proven,
            Access::Denied if identity == "garbage" => Confidence::Weak,
            Access::Denied => Confidence::Strong,
            _ => Confidence::Inconclusive,
        },
        tier: (access != Access::NotTested).then_some(Tier::Authenticated),
        rule: None,
        reason: reason.map(str::to_owned),
        decided_by: decided_by.map(str::to_owned),
        attempts: 2,
        challenged_scopes: Vec::new(),
        exchanges: vec![x(6)],
    }
}

/// A tool as it is listed.
pub fn tool(name: &str) -> Subject {
    subject(SubjectKind::Tool, name)
}

/// The matrix of one revision.
pub fn matrix(revision: Revision) -> Matrix {
    use Access::{Allowed, Denied, Inconclusive, NotTested, Reached};
    let rows = [
        ("tool/read_note", [Denied, Denied, Allowed, Allowed]),
        ("tool/list_notes", [Denied, Denied, Allowed, Allowed]),
        ("tool/create_note", [Denied, Denied, Reached, Reached]),
        ("tool/delete_note", [Denied, Denied, Denied, Allowed]),
        ("tool/export_notes", [Denied, Inconclusive, Allowed, Allowed]),
        ("resource/notes://all", [Denied, Denied, Allowed, Allowed]),
        ("resource/notes://audit", [Denied, Denied, Denied, Allowed]),
        ("prompt/summarise", [NotTested; 4]),
    ];
    let names = ["anonymous", "garbage", "reader", "admin"];
    let cells = rows.iter().flat_map(|(subject, row)| {
        let pairs = names.iter().zip(row);
        pairs.map(|(identity, access)| cell(subject, identity, *access))
    });
    Matrix {
        revision,
        transport: Transport::StreamableHttp,
        identities: names.map(str::to_owned).to_vec(),
        cells: cells.collect(),
        calibration: Calibration {
            validation: ValidationSeen::Central,
            tool: Some("read_note".to_owned()),
            exchanges: vec![x(6)],
            reason: "a schema-invalid call of read_note was answered with a validation error"
                .to_owned(),
        },
    }
}

fn older_matrix() -> Matrix {
    let mut older = matrix(Revision::R2025_06);
    older.cells.retain(|cell| cell.subject == "tool/delete_note");
    if let Some(cell) = older.cells.iter_mut().find(|cell| cell.identity == "reader") {
        cell.access = Access::Allowed;
        cell.confidence = Confidence::Proven;
    }
    older
}

fn discovery() -> Discovery {
    let served = |revision| ServedRevision {
        revision,
        transport: Transport::StreamableHttp,
        exchange: x(1),
    };
    Discovery {
        endpoint: URL.to_owned(),
        revisions: vec![served(Revision::R2025_11), served(Revision::R2025_06)],
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

fn identities() -> Identities {
    let one = |name: &str, kind, provenance, scopes: Option<ScopeSet>| Identity {
        name: name.to_owned(),
        kind,
        provenance,
        privileged: name == "admin",
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
    let (read, both) = (scopes(&["notes:read"]), scopes(&["notes:read", "notes:write"]));
    let present = vec![
        one("anonymous", IdentityKind::Anonymous, derived("no token"), None),
        one("garbage", IdentityKind::Garbage, derived("random"), None),
        one("reader", IdentityKind::Valid, given("env:READER_TOKEN"), Some(read)),
        one("admin", IdentityKind::Valid, given("file:admin.token"), Some(both)),
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

fn surface() -> Surface {
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

fn subject(kind: SubjectKind, name: &str) -> Subject {
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

fn registration() -> Registration {
    Registration {
        issuer: "https://as.example.com".to_owned(),
        endpoint: Some("https://as.example.com/register".to_owned()),
        attempts: vec![RegistrationAttempt {
            variant: "native-loopback".to_owned(),
            endpoint: "https://as.example.com/register".to_owned(),
            outcome: RegistrationOutcome::Registered,
            requested_redirects: vec!["http://127.0.0.1/cb".to_owned()],
            echoed_redirects: None,
            client: Some("c-77".to_owned()),
            exchange: x(3),
        }],
        clients: vec![CreatedClient {
            client_id: "c-77".to_owned(),
            variant: "native-loopback".to_owned(),
            exchange: x(3),
            manageable: true,
            usable: None,
            deletion: Deletion::Refused {
                exchange: x(4),
                what: "405".to_owned(),
            },
        }],
        stranger_token: None,
        posture: Posture::D4,
        confidence: Confidence::Proven,
        reason: "an anonymous request was answered 201".to_owned(),
        decided_by: None,
        exchanges: vec![x(3)],
    }
}

fn gate(identity: &str, exchange: u32) -> GateObservation {
    GateObservation {
        identity: identity.to_owned(),
        door: "list-tools".to_owned(),
        subject: None,
        outcome: GateOutcome::Refused,
        class: Some(Class::Unauthenticated),
        exchange: x(exchange),
    }
}

fn ledger() -> Ledger {
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
pub fn exchange(probe: ProbeId, identity: &str) -> Exchange {
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

fn finding(
    check: &str,
    subject: &str,
    message: &str,
    severity: Severity,
    confidence: Confidence,
    fingerprint: &str,
) -> Finding {
    let cite = |exchange, part, says: &str, primary| Cite {
        exchange,
        part,
        says: says.to_owned(),
        primary,
    };
    Finding {
        check: check.to_owned(),
        subject: subject.to_owned(),
        message: message.to_owned(),
        severity,
        confidence,
        cites: vec![
            cite(x(7), Part::Status, "unknown name refused", false),
            cite(x(6), Part::Pointer("/result".to_owned()), "the result", true),
        ],
        fingerprint: fingerprint.to_owned(),
    }
}

fn row(check: &str, requirement: &str, status: Status, finding: &Finding) -> CoverageRow {
    let title = check.replace('-', " ");
    let wording = match status {
        Status::Fail => "violates MCP 2025-11-25",
        _ => "posture",
    };
    CoverageRow {
        check: check.to_owned(),
        title: title[..1].to_uppercase() + &title[1..],
        requirements: vec![requirement.to_owned()],
        status,
        severity: finding.severity,
        level: Level::Must,
        basis: Basis::N,
        wording: wording.to_owned(),
        reason: "see the findings".to_owned(),
        decided_by: None,
        findings: vec![finding.fingerprint.clone()],
    }
}

fn scopes(names: &[&str]) -> ScopeSet {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const fn x(n: u32) -> ExchangeId {
    ExchangeId(n)
}

const URL: &str = "https://mcp.example.com/mcp";
