//! What an audit would send, counted before it is sent. Pure.

use crate::codec::uri;
use crate::model::audit::Collected;
use crate::model::client_documents::DocumentVariant;
use crate::model::identity::IdentityKind;
use crate::model::probe::{Plan, PlannedGroup, ProbeId, Tier, Unsettleable};
use crate::model::settings::{CredentialSource, Settings};
use crate::model::surface::SubjectKind;
use crate::oracle::calibrate::Treatment;
use crate::oracle::client_documents;

use super::calls::Treatments;
use super::enumerate::MOST_LOOKS;
use super::front;

/// The plan from what is known: before the surface is read, calls are counted per subject.
pub fn plan(settings: &Settings, collected: &Collected, treatments: Option<&Treatments>) -> Plan {
    let who = Who::new(settings, collected);
    let mut plan = Plan::default();
    discovery(&mut plan, collected);
    looks(&mut plan, &who, collected);
    registration(&mut plan, settings, collected);
    login(&mut plan, settings, collected);
    documents(&mut plan, settings, collected);
    minting(&mut plan, &who);
    plan.groups
        .extend(super::token_endpoint::planned(settings, collected));
    sessions(&mut plan, &who, collected);
    controls(&mut plan, &who, collected);
    calls(&mut plan, settings, &who, treatments);
    transport(&mut plan, collected);
    closing(&mut plan, &who);
    plan.groups.retain(|group| group.requests > 0);
    plan
}

/// Names of the identities that will take part, by what they do.
struct Who {
    refused: Vec<String>,
    valid: Vec<String>,
    minted: Vec<String>,
}

impl Who {
    fn new(settings: &Settings, collected: &Collected) -> Self {
        let present = &collected.identities.present;
        if !present.is_empty() {
            let of = |wanted: bool| {
                let names = present
                    .iter()
                    .filter(|i| i.kind.must_be_refused() == wanted);
                names
                    .map(|identity| identity.name.clone())
                    .collect::<Vec<_>>()
            };
            let minted = present.iter().filter(|identity| {
                matches!(
                    identity.provenance,
                    crate::model::identity::Provenance::Minted { .. }
                )
            });
            let minted = minted.map(|identity| identity.name.clone()).collect();
            return Self {
                refused: of(true),
                valid: of(false),
                minted,
            };
        }
        let named = |wanted: fn(&CredentialSource) -> bool| {
            let sources = settings
                .identities
                .iter()
                .filter(move |s| wanted(&s.credential));
            sources
                .map(|source| source.name.clone())
                .collect::<Vec<_>>()
        };
        let valid = settings
            .identities
            .iter()
            .filter(|s| s.kind == IdentityKind::Valid);
        Self {
            refused: ["anonymous", "garbage", "garbage-jwt"]
                .map(str::to_owned)
                .to_vec(),
            valid: valid.map(|source| source.name.clone()).collect(),
            minted: named(|source| matches!(source, CredentialSource::ClientCredentials(_))),
        }
    }

    fn columns(&self) -> Vec<String> {
        let mut names = vec!["anonymous".to_owned(), "garbage".to_owned()];
        names.extend(self.valid.iter().cloned());
        names
    }

    fn all(&self) -> Vec<String> {
        self.refused.iter().chain(&self.valid).cloned().collect()
    }
}

/// Where nobody without a token sees which revisions are served, tokens look; and the key set is read
/// to forge what must be refused.
fn looks(plan: &mut Plan, who: &Who, collected: &Collected) {
    let looking = who.valid.len().min(MOST_LOOKS);
    let servers = collected.discovery.authorization_servers.len().max(1);
    for (probe, requests) in [
        (ProbeId::DetectModern, looking),
        (ProbeId::DetectLegacy, looking + OLDER_REVISIONS),
        (ProbeId::DetectSse, 3 * looking),
        (ProbeId::KeySet, servers * looking.min(1)),
    ] {
        add(plan, probe, &who.valid, requests, true);
    }
}

fn discovery(plan: &mut Plan, collected: &Collected) {
    let anonymous = vec!["anonymous".to_owned()];
    add(plan, ProbeId::DetectModern, &anonymous, 1, false);
    add(plan, ProbeId::DetectLegacy, &anonymous, 1, false);
    add(plan, ProbeId::DetectSse, &anonymous, 3, true);
    let places = super::metadata::resource_routes(&collected.discovery.endpoint);
    // One more where a challenge points somewhere else.
    let urls = places
        .iter()
        .map(|(_, url)| url.clone())
        .collect::<Vec<_>>();
    group(
        plan,
        ProbeId::ResourceMetadata,
        &anonymous,
        urls,
        places.len() + 1,
        false,
    );
    let servers = &collected.discovery.authorization_servers;
    let routes = servers.iter().map(|server| {
        uri::server_metadata_candidates(&server.issuer).map_or(0, |routes| routes.len())
    });
    let issuers = servers
        .iter()
        .map(|server| server.issuer.clone())
        .collect::<Vec<_>>();
    // Before anything is known: one server with the three routes of an issuer with a path.
    let requests = if servers.is_empty() { 3 } else { routes.sum() };
    group(
        plan,
        ProbeId::ServerMetadata,
        &anonymous,
        issuers,
        requests,
        servers.is_empty(),
    );
    if servers.is_empty() {
        add(plan, ProbeId::DefaultEndpoint, &anonymous, 2, true);
    }
}

fn registration(plan: &mut Plan, settings: &Settings, collected: &Collected) {
    let anonymous = vec!["anonymous".to_owned()];
    let servers = &collected.discovery.authorization_servers;
    let advertised = servers.iter().filter(|server| {
        server
            .chosen()
            .is_some_and(|metadata| metadata.text("registration_endpoint").is_some())
    });
    let advertised = advertised.count();
    let silent = servers.len() - advertised;
    let unknown = servers.is_empty();
    add(
        plan,
        ProbeId::RegistrationGate,
        &anonymous,
        advertised.max(usize::from(unknown)),
        unknown,
    );
    add(
        plan,
        ProbeId::RegistrationPlaintext,
        &anonymous,
        advertised,
        true,
    );
    add(
        plan,
        ProbeId::ShadowRegistration,
        &anonymous,
        5 * silent,
        true,
    );
    front(plan, settings, collected);
    let burst = settings.observe_rate_limit.unwrap_or_default();
    if settings.allows(Tier::Register) {
        for (probe, requests) in [
            (ProbeId::Register, 3),
            (ProbeId::AuthorizeClient, 2),
            (ProbeId::RegisterHostile, 7),
            (ProbeId::RegisterMachine, 1),
            (ProbeId::RegisterBare, 1),
            (ProbeId::RegisterScopes, 1),
            (ProbeId::RegisterName, 1),
            (ProbeId::RegisterLoopback, 2),
            (ProbeId::RegisterGrants, 3),
            (ProbeId::RegisterStatement, 2),
            (ProbeId::RegisterBurst, burst),
            (ProbeId::AuthorizeRedirect, 10),
            (ProbeId::AuthorizeScope, 2),
            (ProbeId::MintStranger, 2),
            (ProbeId::RevokeStranger, 4),
            (ProbeId::ForeignRecord, 8),
            (ProbeId::DeleteClient, MOST_CLIENTS + burst),
            (ProbeId::ReadClient, MOST_CLIENTS + burst),
            (ProbeId::AuthorizeDocument, DocumentVariant::ALL.len()),
        ] {
            add(
                plan,
                probe,
                &anonymous,
                requests * servers.len().max(1),
                true,
            );
        }
    } else if advertised + usize::from(unknown) > 0 {
        plan.unsettleable.push(Unsettleable {
            what: "registration-open".to_owned(),
            reason: "no client is registered without consent, so an endpoint that is reachable \
                     without a token stays undetermined"
                .to_owned(),
            decided_by: Some("--allow register".to_owned()),
        });
    }
}

/// Authorization requests without a login: two clients of the run at most, and the operator's.
fn front(plan: &mut Plan, settings: &Settings, collected: &Collected) {
    let anonymous = vec!["anonymous".to_owned()];
    let servers = &collected.discovery.authorization_servers;
    let unknown = servers.is_empty();
    let asked = servers.iter().filter(|server| {
        server
            .chosen()
            .is_some_and(|metadata| metadata.text("authorization_endpoint").is_some())
    });
    let asked = asked.count().max(usize::from(unknown));
    let registered = if settings.allows(Tier::Register) {
        2 * asked
    } else {
        0
    };
    let clients = registered + usize::from(settings.client.is_some() && asked > 0);
    for (probe, requests, conditional) in [
        (
            ProbeId::AuthorizeStranger,
            asked * front::STRANGER_ASKS,
            unknown,
        ),
        (
            ProbeId::AuthorizeChanged,
            clients * front::ASKS_PER_CLIENT,
            true,
        ),
        (ProbeId::FollowRedirect, asked * front::FOLLOWED, true),
    ] {
        add(plan, probe, &anonymous, requests, conditional);
    }
}

/// Upper bounds: six authorizations, each code tried in up to six ways.
fn login(plan: &mut Plan, settings: &Settings, collected: &Collected) {
    let Some(request) = &settings.login else {
        return;
    };
    let who = vec![request.name.clone()];
    let registers = request.client_id.is_none() && settings.allows(Tier::Register);
    let device = usize::from(request.device);
    let known = collected.logins.iter().map(|login| {
        let issued = |answer: &crate::model::login::TokenAnswer| usize::from(answer.issued);
        let redeemed = login.redemptions.iter().map(|it| issued(&it.answer));
        let refreshed = login.refreshes.iter().map(|it| issued(&it.answer));
        2 * (redeemed.sum::<usize>() + refreshed.sum::<usize>())
    });
    let tokens = known.max().unwrap_or(12);
    for (probe, requests) in [
        (ProbeId::RegisterLogin, 2 * usize::from(registers)),
        (ProbeId::LoginReturn, 6 * (1 - device)),
        (ProbeId::AuthorizeBare, 2 * (1 - device)),
        (ProbeId::DeviceAuthorization, device),
        (ProbeId::RedeemCode, if request.device { 120 } else { 24 }),
        (ProbeId::RefreshToken, 6),
        (ProbeId::RevokeToken, tokens),
        (ProbeId::DeleteClient, 2 * usize::from(registers)),
    ] {
        add(plan, probe, &who, requests, true);
    }
}

fn documents(plan: &mut Plan, settings: &Settings, collected: &Collected) {
    let mut servers = collected.discovery.authorization_servers.iter();
    let advertised = servers.any(|server| {
        let metadata = server.chosen();
        metadata.is_some_and(|it| it.flag("client_id_metadata_document_supported") == Some(true))
    });
    if advertised && !settings.allows(Tier::Register) {
        plan.unsettleable.push(Unsettleable {
            what: "registration-gate-bypassed".to_owned(),
            reason: client_documents::WITHOUT_CONSENT.to_owned(),
            decided_by: Some("--allow register".to_owned()),
        });
    }
}

fn minting(plan: &mut Plan, who: &Who) {
    add(
        plan,
        ProbeId::MintToken,
        &who.minted,
        who.minted.len(),
        false,
    );
}

fn sessions(plan: &mut Plan, who: &Who, collected: &Collected) {
    let all = who.all();
    let modern = collected
        .discovery
        .revision()
        .is_none_or(crate::model::target::Revision::is_modern);
    let at_doors = who.refused.len() - 1;
    if modern {
        // Stateless: only credentials that must be refused try `server/discover` and `initialize`.
        let refused = &who.refused;
        let doors = if collected.discovery.audited.is_some() {
            at_doors
        } else {
            2 * at_doors
        };
        add(plan, ProbeId::OpenSession, refused, doors, false);
    } else {
        // A second session confirms what passed.
        add(plan, ProbeId::OpenSession, &all, 2 * all.len(), false);
        add(plan, ProbeId::OpenSession, &who.refused, at_doors, true);
        add(plan, ProbeId::Initialized, &all, 2 * all.len(), true);
    }
    let listings = collected.surface.listings.iter();
    let pages = listings.map(|listing| listing.exchanges.len()).max();
    let pages = pages.unwrap_or(1).max(1);
    add(
        plan,
        ProbeId::ListTools,
        &all,
        (all.len() + 4) * pages,
        false,
    );
    for probe in [
        ProbeId::ListResources,
        ProbeId::ListResourceTemplates,
        ProbeId::ListPrompts,
    ] {
        add(
            plan,
            probe,
            &who.columns(),
            who.columns().len() * pages,
            true,
        );
    }
}

fn controls(plan: &mut Plan, who: &Who, collected: &Collected) {
    let all = who.all();
    let requests = who.refused.len() + 2 * who.valid.len();
    add(plan, ProbeId::UnknownName, &all, requests, false);
    add(
        plan,
        ProbeId::UnknownResource,
        &who.valid,
        who.valid.len(),
        true,
    );
    add(
        plan,
        ProbeId::UnknownPrompt,
        &who.valid,
        who.valid.len(),
        true,
    );
    if !who.valid.is_empty() {
        let baseline = collected
            .identities
            .baseline
            .iter()
            .cloned()
            .collect::<Vec<_>>();
        add(plan, ProbeId::Calibrate, &baseline, 1, true);
    }
}

fn calls(plan: &mut Plan, settings: &Settings, who: &Who, treatments: Option<&Treatments>) {
    let columns = who.columns();
    let Some(treatments) = treatments else {
        for probe in [
            ProbeId::CallValid,
            ProbeId::CallInvalid,
            ProbeId::ReadResource,
            ProbeId::PromptGet,
        ] {
            if !who.valid.is_empty() && (settings.reads || probe == ProbeId::CallInvalid) {
                let mut planned = group_of(probe, &columns, Vec::new(), 2 * columns.len(), true);
                planned.per = Some("subject of its kind".to_owned());
                plan.groups.push(planned);
            }
        }
        return;
    };
    for probe in [
        ProbeId::CallValid,
        ProbeId::CallInvalid,
        ProbeId::CallListed,
        ProbeId::ReadResource,
        ProbeId::PromptGet,
    ] {
        let subjects = treatments
            .iter()
            .filter(|(id, treatment)| probe_of(id, treatment) == Some(probe));
        let subjects = subjects.map(|(id, _)| id.clone()).collect::<Vec<_>>();
        // A refusal is asked again, a pass is confirmed in a second session, and the control comes
        // before and after; what the operator listed runs once.
        let each = if probe == ProbeId::CallListed { 1 } else { 2 };
        let requests = subjects.len() * columns.len() * each;
        group(plan, probe, &columns, subjects, requests, each > 1);
    }
    for (id, treatment) in treatments {
        if let Treatment::NotTested { reason, decided_by } = treatment {
            plan.unsettleable.push(Unsettleable {
                what: id.clone(),
                reason: reason.clone(),
                decided_by: decided_by.clone(),
            });
        }
    }
}

fn transport(plan: &mut Plan, collected: &Collected) {
    let baseline = collected.identities.baseline.clone();
    let who = baseline.clone().unwrap_or_else(|| "anonymous".to_owned());
    let mut origins = group_of(ProbeId::ForeignOrigin, &[who], Vec::new(), 4, false);
    if baseline.is_some() {
        origins.tier = Tier::Authenticated;
    }
    plan.groups.push(origins);
    let plain = super::hardening::plain_http(&collected.discovery.endpoint).is_some();
    add(
        plan,
        ProbeId::PlaintextEndpoint,
        &["anonymous".to_owned()],
        usize::from(plain),
        false,
    );
}

fn closing(plan: &mut Plan, who: &Who) {
    let all = who.all();
    add(plan, ProbeId::CloseSession, &all, all.len(), true);
    add(
        plan,
        ProbeId::RevokeToken,
        &who.minted,
        who.minted.len(),
        true,
    );
}

fn probe_of(id: &str, treatment: &Treatment) -> Option<ProbeId> {
    let is = |kind: SubjectKind| id.starts_with(&format!("{}/", kind.as_str()));
    match treatment {
        Treatment::NotTested { .. } => None,
        Treatment::Invalid { .. } => Some(ProbeId::CallInvalid),
        Treatment::ListedCall { .. } => Some(ProbeId::CallListed),
        Treatment::Valid { .. } if is(SubjectKind::Tool) => Some(ProbeId::CallValid),
        Treatment::Valid { .. } if is(SubjectKind::Prompt) => Some(ProbeId::PromptGet),
        Treatment::Valid { .. } => Some(ProbeId::ReadResource),
    }
}

fn add(plan: &mut Plan, probe: ProbeId, who: &[String], requests: usize, conditional: bool) {
    group(plan, probe, who, Vec::new(), requests, conditional);
}

fn group(
    plan: &mut Plan,
    probe: ProbeId,
    who: &[String],
    subjects: Vec<String>,
    requests: usize,
    conditional: bool,
) {
    plan.groups
        .push(group_of(probe, who, subjects, requests, conditional));
}

fn group_of(
    probe: ProbeId,
    who: &[String],
    subjects: Vec<String>,
    requests: usize,
    conditional: bool,
) -> PlannedGroup {
    PlannedGroup {
        probe,
        tier: probe.tier(),
        identities: who.to_vec(),
        subjects,
        requests,
        per: None,
        conditional,
    }
}

/// Clients that one authorization server can be made to hold: one valid one and one per question.
const MOST_CLIENTS: usize = 19;

/// Legacy revisions that are asked for one by one once a legacy one is served.
const OLDER_REVISIONS: usize = 2;
