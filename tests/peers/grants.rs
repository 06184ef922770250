//! Audits whose tokens come from an authorization server that we did not write, by every grant that it
//! has. What each must hold is what its configuration in `oidc/grants.mjs` says; what it gave out and
//! what of that is still good at the end, it is asked itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use mcp_assay::config::{self, Flags, Secrets, TokenSource};
use mcp_assay::model::identity::{Identity, Provenance};
use mcp_assay::model::probe::ProbeId;
use mcp_assay::model::report::Report;
use mcp_assay::rehearsal;
use mcp_assay::stage::Visit;

use crate::harness::{Issued, Outcome, Running, named};
use crate::person::{Decision, visit};

/// Fixed, so that run id and canaries repeat.
const SEED: [u8; 32] = *b"a fixed seed for asking grantors";

/// One identity for each grant, and a ladder from one login.
pub async fn disagreements(format: &str) -> Outcome<Vec<String>> {
    let peer = named("oidc-opaque")?.start_with(&[("opaque", format)])?;
    let text = format!(
        "{}[mint]\nfrom = \"browser\"\nscopes = \"each\"\n",
        GRANTS
            .iter()
            .map(|row| section(row.name, row.asks))
            .collect::<String>()
    );
    let report = audit(&peer, &text, Decision::Approve, []).await?;
    let issued = peer.tokens()?;
    let mut found = Vec::new();
    for row in &GRANTS {
        obtained(&report, row, &issued, &mut found);
    }
    ladder(&report, &mut found);
    indicated(&peer, &report, &issued, &mut found);
    left(&report, &issued, &mut found);
    operators_logins(&report, &issued, true, &mut found);
    Ok(found)
}

/// Wrong secrets and keys, consent denied, and a provider that shows a page instead of an answer.
pub async fn refusals() -> Outcome<Vec<String>> {
    let peer = named("oidc-opaque")?.start()?;
    let mut text = section("witness", WITNESS);
    for (name, asks, _) in REFUSALS {
        text.push_str(&section(name, asks));
    }
    let report = audit(&peer, &text, Decision::Deny, []).await?;
    let mut found = Vec::new();
    for (name, _, said) in REFUSALS {
        let missing = report.identities.missing.iter().find(|it| it.name == name);
        match missing {
            Some(missing) if said.iter().all(|part| missing.reason.contains(part)) => {
                println!("  {name}: {}", missing.reason);
            }
            Some(missing) => found.push(format!(
                "{name}: `{}`, expected to read {said:?}",
                missing.reason
            )),
            None => found.push(format!("{name} got a token")),
        }
    }
    if report.identities.named("witness").is_none() || report.outcome.decided_cells == 0 {
        found.push(format!("the audit did not go on: {:?}", report.outcome));
    }
    let issued = peer.tokens()?;
    left(&report, &issued, &mut found);
    operators_logins(&report, &issued, false, &mut found);
    Ok(found)
}

/// A grant, what is asked for, and what the provider is known to give.
struct Row {
    name: &'static str,
    asks: &'static str,
    client: &'static str,
    grant: &'static str,
    granted: &'static [&'static str],
    bound: bool,
}

pub fn section(name: &str, asks: &str) -> String {
    format!("[[identity]]\nname = \"{name}\"\n{asks}\n")
}

/// The audit of a configuration, read as the binary reads it.
pub async fn audit<const N: usize>(
    peer: &Running,
    text: &str,
    decision: Decision,
    more: [(&'static str, String); N],
) -> Outcome<Report> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(text.as_bytes())?;
    let mut flags = Flags {
        url: Some(peer.expected.url.clone()),
        config: Some(file.path().to_owned()),
        ..Flags::default()
    };
    let signs_in = text.contains("_code\"");
    flags.login.timeout = signs_in.then_some(LOGIN_SECONDS);
    let mut secrets = Given(BTreeMap::from([
        ("env:SECRET", "machine-pass-1".to_owned()),
        ("env:WRONG", "not-the-secret".to_owned()),
        ("env:READER", "reader-pass-1".to_owned()),
        ("env:KEY", peer.file("client-key.pem")?),
        ("env:OTHER_KEY", OTHER_KEY.to_owned()),
        ("env:LOGIN", peer.file("by-login.token")?),
        ("env:REFRESH", peer.file("by-refresh.token")?),
    ]));
    secrets.0.extend(more);
    let read = config::settings(&flags, &mut secrets, "00000000", "2026-11-23");
    let (_, settings) = read.map_err(|error| error.to_string())?;
    let show = move |shown: &Visit<'_>| {
        let page = shown.url.to_owned();
        tokio::spawn(async move {
            match visit(&page, decision).await {
                Ok(text) => println!("  the person saw {} bytes at last", text.len()),
                Err(error) => println!("the person gave up: {error}"),
            }
        });
    };
    let started = jiff::Timestamp::now().to_string();
    let report = rehearsal::audit_as(&peer.expected.url, &settings, SEED, &started, &show).await?;
    println!(
        "{} requests, {} of {} cells decided",
        report.requests.total, report.outcome.decided_cells, report.outcome.cells
    );
    Ok(report)
}

fn obtained(report: &Report, row: &Row, issued: &[Issued], found: &mut Vec<String>) {
    let name = row.name;
    let Some(identity) = report.identities.named(name) else {
        let missing = &report.identities.missing;
        found.push(format!("{name} is missing: {missing:?}"));
        return;
    };
    let granted = identity.granted.iter().flatten().map(String::as_str);
    let granted: BTreeSet<&str> = granted.collect();
    if granted != row.granted.iter().copied().collect() {
        found.push(format!(
            "{name} was granted {granted:?}, expected {:?}",
            row.granted
        ));
    }
    if identity.expires_in.is_none() || identity.invalid.is_some() {
        found.push(format!(
            "{name}: {:?} {:?}",
            identity.expires_in, identity.invalid
        ));
    }
    how(identity, row, found);
    let given = issued
        .iter()
        .find(|it| it.client == row.client && it.kind != "RefreshToken");
    if given.is_none_or(|given| given.bound != row.bound) {
        found.push(format!(
            "{name}: the provider says {given:?}, expected bound: {}",
            row.bound
        ));
    }
    let matrix = report.matrices.first();
    let cells = matrix.iter().flat_map(|matrix| &matrix.cells);
    let opened = cells.filter(|cell| cell.identity == name && cell.subject == "tool/read_note");
    let access: Vec<&str> = opened.map(|cell| cell.access.as_str()).collect();
    if access != ["allowed"] {
        found.push(format!(
            "read_note × {name} is {access:?}, expected allowed"
        ));
    }
}

fn how(identity: &Identity, row: &Row, found: &mut Vec<String>) {
    let Provenance::Minted {
        grant,
        client_id,
        token_endpoint,
    } = &identity.provenance
    else {
        found.push(format!("{}: {:?}", row.name, identity.provenance));
        return;
    };
    if (grant.as_str(), client_id.as_str()) != (row.grant, row.client)
        || !token_endpoint.ends_with("/token")
    {
        found.push(format!("{}: {:?}", row.name, identity.provenance));
    }
}

/// One login, and from its refresh token a token for each set of scopes.
fn ladder(report: &Report, found: &mut Vec<String>) {
    let ladder = &report.ladder;
    println!(
        "  the ladder has {} rungs from {}",
        ladder.rungs.len(),
        ladder.from
    );
    if ladder.from != "browser" || ladder.problem.is_some() || ladder.rungs.is_empty() {
        found.push(format!("the ladder is {ladder:?}"));
    }
    for scope in ["notes:read", "notes:write"] {
        let name = format!("browser-without-{scope}");
        let rung = report.identities.named(&name);
        let granted = rung.and_then(|rung| rung.granted.as_ref());
        if granted.is_none_or(|granted| granted.contains(scope) || granted.is_empty()) {
            found.push(format!("{name} was granted {granted:?}"));
        }
    }
    let returns = report
        .ledger
        .iter()
        .filter(|it| it.probe.id == ProbeId::LoginReturn);
    if returns.count() != 1 {
        found.push("the ladder took more than one login".to_owned());
    }
}

/// RFC 8707: the provider was told which server every token is for, and made them for that one alone.
fn indicated(peer: &Running, report: &Report, issued: &[Issued], found: &mut Vec<String>) {
    for token in issued {
        if token.audience != peer.expected.url {
            found.push(format!("a token for another server: {token:?}"));
        }
    }
    let resource: String =
        url::form_urlencoded::byte_serialize(peer.expected.url.as_bytes()).collect();
    let asked = report
        .ledger
        .iter()
        .filter(|it| it.probe.id == ProbeId::MintToken);
    for exchange in asked {
        let body = exchange
            .request
            .body
            .as_ref()
            .map(|body| body.bytes().into_owned());
        let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        if !body.contains(&format!("resource={resource}")) {
            found.push(format!("a token was asked for without `resource`: {body}"));
        }
    }
}

/// What the provider would still take is what the residue says: of access tokens none but JWTs, which
/// it cannot revoke (it says so with `unsupported_token_type`).
pub fn left(report: &Report, issued: &[Issued], found: &mut Vec<String>) {
    let mut alive: Vec<&str> = issued
        .iter()
        .filter(|token| token.alive && token.kind != "RefreshToken")
        .map(|token| token.client.trim_start_matches("by-"))
        .collect();
    let mut told: Vec<&str> = report
        .residue
        .iter()
        .filter(|item| item.kind == "token")
        .map(|item| item.name.split('-').next().unwrap_or_default())
        .collect();
    alive.sort_unstable();
    told.sort_unstable();
    println!(
        "  {} tokens given out, {} left, {} told",
        issued.len(),
        alive.len(),
        told.len()
    );
    if alive != told {
        found.push(format!(
            "the provider keeps tokens of {alive:?}, the residue names {told:?}"
        ));
    }
}

/// What the operator brought: a refresh token that was good for one use is used up exactly where a
/// token was asked for with it, and one that stays good is good afterwards.
fn operators_logins(report: &Report, issued: &[Issued], used: bool, found: &mut Vec<String>) {
    let told = report
        .residue
        .iter()
        .filter(|item| item.kind == "refresh token");
    let told: Vec<&str> = told.map(|item| item.name.as_str()).collect();
    let wanted: &[&str] = if used { &["refresh"] } else { &[] };
    if told != wanted {
        found.push(format!(
            "the residue names the refresh tokens {told:?}, expected {wanted:?}"
        ));
    }
    let alive = |client: &str| {
        let mine = issued
            .iter()
            .filter(|it| it.kind == "RefreshToken" && it.client == client);
        mine.filter(|token| token.alive).count()
    };
    if alive("by-login") != 1 || (!used && alive("by-refresh") != 1) {
        found.push("a login of the operator has ended".to_owned());
    }
}

/// Answers `env:NAME` from a list.
struct Given(BTreeMap<&'static str, String>);

impl Secrets for Given {
    fn text(&mut self, source: &TokenSource) -> Result<String, String> {
        let known = self.0.get(source.to_string().as_str()).cloned();
        known.ok_or_else(|| "is not set".to_owned())
    }
}

const BOTH: &[&str] = &["notes:read", "notes:write"];
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const WITNESS: &str = "grant = \"client_credentials\"\nclient_id = \"by-basic\"\nclient_secret = \"env:SECRET\"\nscopes = [\"notes:read\"]";
const LOGIN_SECONDS: u64 = 9;
const OTHER_KEY: &str = include_str!("../../fixtures/keys/demo-client.pem");

const GRANTS: [Row; 8] = [
    Row {
        name: "basic",
        asks: "grant = \"client_credentials\"\nclient_id = \"by-basic\"\nclient_secret = \"env:SECRET\"\nauth = \"basic\"\nscopes = [\"notes:read\", \"notes:write\"]\nprivileged = true",
        client: "by-basic",
        grant: "client_credentials",
        granted: BOTH,
        bound: false,
    },
    Row {
        name: "post",
        asks: "grant = \"client_credentials\"\nclient_id = \"by-post\"\nclient_secret = \"env:SECRET\"\nauth = \"post\"\nscopes = [\"notes:read\"]",
        client: "by-post",
        grant: "client_credentials",
        granted: &["notes:read"],
        bound: false,
    },
    Row {
        name: "key",
        asks: "grant = \"client_credentials\"\nclient_id = \"by-key\"\nclient_key = \"env:KEY\"\nclient_key_id = \"notes-key\"\nscopes = [\"notes:read\"]",
        client: "by-key",
        grant: "client_credentials",
        granted: &["notes:read"],
        bound: false,
    },
    Row {
        name: "proof",
        asks: "grant = \"client_credentials\"\nclient_id = \"by-proof\"\nclient_secret = \"env:SECRET\"\ndpop = true\nscopes = [\"notes:read\"]",
        client: "by-proof",
        grant: "client_credentials",
        granted: &["notes:read"],
        bound: true,
    },
    Row {
        name: "refresh",
        asks: "grant = \"refresh_token\"\nclient_id = \"by-refresh\"\nrefresh_token = \"env:REFRESH\"\nscopes = [\"notes:read\"]",
        client: "by-refresh",
        grant: "refresh_token",
        granted: &["notes:read"],
        bound: false,
    },
    Row {
        name: "login",
        asks: "grant = \"refresh_token\"\nclient_id = \"by-login\"\nclient_secret = \"env:SECRET\"\nrefresh_token = \"env:LOGIN\"\nscopes = [\"notes:read\"]",
        client: "by-login",
        grant: "refresh_token",
        granted: &["notes:read"],
        bound: false,
    },
    Row {
        name: "browser",
        asks: "grant = \"authorization_code\"\nclient_id = \"by-browser\"\nscopes = [\"notes:read\", \"notes:write\"]",
        client: "by-browser",
        grant: "authorization_code",
        granted: BOTH,
        bound: false,
    },
    Row {
        name: "device",
        asks: "grant = \"device_code\"\nclient_id = \"by-device\"\nscopes = [\"notes:read\"]",
        client: "by-device",
        grant: DEVICE,
        granted: &["notes:read"],
        bound: false,
    },
];

/// Who gets nothing, and what is said about it.
const REFUSALS: [(&str, &str, &[&str]); 7] = [
    (
        "wrong-secret",
        "grant = \"client_credentials\"\nclient_id = \"by-basic\"\nclient_secret = \"env:WRONG\"",
        &["HTTP 401 invalid_client", "the secret and `auth`"],
    ),
    (
        "wrong-key",
        "grant = \"client_credentials\"\nclient_id = \"by-key\"\nclient_key = \"env:OTHER_KEY\"",
        &["invalid_client", "public half of `client_key`"],
    ),
    (
        "wrong-scope",
        "grant = \"client_credentials\"\nclient_id = \"notes-reader\"\nclient_secret = \"env:READER\"\nscopes = [\"notes:write\"]",
        &["invalid_scope", "check `scopes`"],
    ),
    (
        "wrong-refresh",
        "grant = \"refresh_token\"\nclient_id = \"by-refresh\"\nrefresh_token = \"env:WRONG\"",
        &["invalid_grant", "sign in again"],
    ),
    (
        "denied-in-the-browser",
        "grant = \"authorization_code\"\nclient_id = \"by-browser\"\nscopes = [\"notes:read\"]",
        &["access_denied"],
    ),
    (
        "denied-on-the-device",
        "grant = \"device_code\"\nclient_id = \"by-device\"\nscopes = [\"notes:read\"]",
        &["refused on the other device"],
    ),
    (
        "unknown-in-the-browser",
        "grant = \"authorization_code\"\nclient_id = \"nobody\"\nscopes = [\"notes:read\"]",
        &["--login-timeout"],
    ),
];
