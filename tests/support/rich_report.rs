//! One report with something in every section.

use std::collections::BTreeSet;

use mcp_assay::model::audit::{Collected, Engagement, ResidueItem, SessionRecord};
use mcp_assay::model::discovery::Discovery;
use mcp_assay::model::identity::IdentityKind;
use mcp_assay::model::ladder::Ladder;
use mcp_assay::model::matrix::{
    Access, Calibration, Cell, Class, Confidence, Layer, Matrix, ValidationSeen,
};
use mcp_assay::model::place::Place;
use mcp_assay::model::policy::{CellBreak, Contradicts, EffectivePolicy, EffectiveRule, Gate};
use mcp_assay::model::probe::{Plan, Tier, Unsettleable};
use mcp_assay::model::report::{
    CellCoverage, CoverageRow, Enforcement, ToolCounts, ToolEnforcement,
};
use mcp_assay::model::settings::{
    Acceptance, BypassRules, CredentialSource, IdentitySource, Network, Settings,
};
use mcp_assay::model::target::{ResourceId, Revision, Target, Transport};
use mcp_assay::model::verdict::{Basis, Cite, Finding, Level, Part, Severity, Status};
use mcp_assay::report::assemble::Judged;

#[path = "rich_evidence.rs"]
mod evidence;
use evidence::{URL, discovery, gate, identities, ledger, registration, scopes, surface, x};
pub(crate) use evidence::{exchange, tool};

/// What a run against a partly guarded server collected.
pub(crate) fn collected() -> Collected {
    Collected {
        client_documents: Vec::new(),
        hierarchy: Vec::new(),
        ladder: Ladder::default(),
        bypass: mcp_assay::model::bypass::Bypass::default(),
        target: Some(Target {
            url: URL.to_owned(),
            resource: ResourceId(URL.to_owned()),
        }),
        engagement: Engagement {
            run_id: "a1b2c3d4".to_owned(),
            started: "2026-11-23T08:00:00Z".to_owned(),
            named_at: Some(Place {
                path: "ci/assay.toml".to_owned(),
                line: 2,
            }),
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
        catch_all: None,
        variations: Vec::new(),
        invalid_calls: Vec::new(),
        call_series: None,
        traversal: None,
        registrations: vec![registration()],
        token_endpoints: vec![evidence::token_endpoint()],
        front_channels: Vec::new(),
        logins: Vec::new(),
        session_ids: None,
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
        ..Collected::default()
    }
}

/// What the judges made of it.
pub(crate) fn judged() -> Judged {
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
            ..row(
                "challenge-without-metadata",
                "DISC-01",
                Status::Fail,
                &hidden,
            )
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
            coverage: CellCoverage {
                decided: 17,
                cells: 20,
            },
            exchanges: vec![x(6)],
            sentence: "Scopes guard one of five tools; create_note and export_notes ran for a \
                       token that should not reach them, and two tools were not decided."
                .to_owned(),
        },
        policy: policy(),
        comparison: None,
        breaks: vec![vec![CellBreak {
            subject: "tool/export_notes".to_owned(),
            identity: "reader".to_owned(),
            by: Contradicts::Listing,
        }]],
    }
}

fn policy() -> EffectivePolicy {
    EffectivePolicy {
        subjects: vec![EffectiveRule {
            subject: "tool/delete_note".to_owned(),
            opened_by: vec![scopes(&["notes:write"])],
            refused_for: vec![scopes(&["notes:read"])],
            required: scopes(&["notes:write"]),
            gate: Gate::Scopes,
            exact: true,
            ran: true,
            confidence: Confidence::Strong,
            open: None,
            settled_by: Vec::new(),
            decided_by: None,
            exchanges: vec![x(6)],
        }],
        ..EffectivePolicy::default()
    }
}

/// What the operator had asked for.
pub(crate) fn settings() -> Settings {
    let source = |name: &str| IdentitySource {
        name: name.to_owned(),
        kind: IdentityKind::Valid,
        privileged: name == "admin",
        header: None,
        scopes: None,
        credential: CredentialSource::Token {
            source: "env:TOKEN".to_owned(),
            token: "secret".to_owned().into(),
        },
    };
    Settings {
        callback: mcp_assay::model::settings::Callback::default(),
        tiers: BTreeSet::from([Tier::Passive, Tier::Anonymous, Tier::Authenticated]),
        reads: true,
        revision: None,
        identities: vec![source("reader"), source("admin")],
        certificates: std::collections::BTreeMap::new(),
        upkeep: mcp_assay::model::settings::Upkeep::default(),
        login: None,
        waiting: mcp_assay::model::settings::Waiting::default(),
        mint: None,
        hierarchy: Vec::new(),
        client: None,
        policy: Vec::new(),
        accept: vec![
            Acceptance {
                check: "registration-open".to_owned(),
                subject: Some("https://as.*".to_owned()),
                reason: "partner portal, approved".to_owned(),
                expires: Some("2027-03-31".to_owned()),
                expired: false,
                place: None,
            },
            Acceptance {
                check: "calls-hidden-tools".to_owned(),
                subject: None,
                reason: "until the next release".to_owned(),
                expires: Some("2026-01-31".to_owned()),
                expired: true,
                place: Some(Place {
                    path: "ci/assay.toml".to_owned(),
                    line: 12,
                }),
            },
        ],
        tools: Vec::new(),
        values: Vec::new(),
        objects: Vec::new(),
        bypass: BypassRules::default(),
        calls: mcp_assay::model::settings::Calls::default(),
        observe_rate_limit: None,
        network: Network::default(),
        only: BTreeSet::new(),
        skip: BTreeSet::new(),
        fail_on: Severity::Low,
        strict: false,
        named_at: None,
        run_id: "a1b2c3d4".to_owned(),
    }
}

/// A run in which nothing answered.
pub(crate) fn unreachable() -> Collected {
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
pub(crate) fn nothing_judged() -> Judged {
    Judged {
        coverage: Vec::new(),
        findings: Vec::new(),
        enforcement: ToolEnforcement {
            enforcement: Enforcement::Undetermined,
            confidence: Confidence::Inconclusive,
            counts: ToolCounts::default(),
            broken_by: Vec::new(),
            coverage: CellCoverage::default(),
            exchanges: Vec::new(),
            sentence: "Nothing is known about the tools: none was listed.".to_owned(),
        },
        policy: EffectivePolicy::default(),
        comparison: None,
        breaks: Vec::new(),
    }
}

/// The cell of a subject and an identity.
pub(crate) fn cell(subject: &str, identity: &str, access: Access) -> Cell {
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
        mixed: None,
        passes_at_most: None,
        challenged_scopes: Vec::new(),
        flips: Vec::new(),
        exchanges: vec![x(6)],
    }
}

/// The matrix of one revision.
pub(crate) fn matrix(revision: Revision) -> Matrix {
    use Access::{Allowed, Denied, Inconclusive, NotTested, Reached};
    let rows = [
        ("tool/read_note", [Denied, Denied, Allowed, Allowed]),
        ("tool/list_notes", [Denied, Denied, Allowed, Allowed]),
        ("tool/create_note", [Denied, Denied, Reached, Reached]),
        ("tool/delete_note", [Denied, Denied, Denied, Allowed]),
        (
            "tool/export_notes",
            [Denied, Inconclusive, Allowed, Allowed],
        ),
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
    older
        .cells
        .retain(|cell| cell.subject == "tool/delete_note");
    if let Some(cell) = older
        .cells
        .iter_mut()
        .find(|cell| cell.identity == "reader")
    {
        cell.access = Access::Allowed;
        cell.confidence = Confidence::Proven;
    }
    older
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
            cite(
                x(6),
                Part::Pointer("/result".to_owned()),
                "the result",
                true,
            ),
        ],
        place: None,
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
