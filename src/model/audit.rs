//! Everything the collecting stages know when the judging begins.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arguments::{CallSeries, InvalidCall, TraversalProbes, Variation};
use super::authorization::FrontChannel;
use super::bypass::Bypass;
use super::canary::CanaryTrial;
use super::client_documents::ClientDocuments;
use super::discovery::Discovery;
use super::door_trials::DoorTrial;
use super::doors::Doors;
use super::exchange::{ExchangeId, Ledger};
use super::grant::GrantRequest;
use super::handles::{Handles, ObjectTrial};
use super::identity::Identities;
use super::key_documents::KeyDocuments;
use super::ladder::Ladder;
use super::login::{BesideToken, Login};
use super::matrix::{GateObservation, Matrix};
use super::place::Place;
use super::probe::{Plan, Tier, Unsettleable};
use super::registration::Registration;
use super::settings::{Hierarchy, PolicyEntry};
use super::spare::SpareToken;
use super::surface::Surface;
use super::target::Target;
use super::token_endpoint::TokenEndpoint;
use super::transport::SessionIds;

/// The rules the run was made under.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Engagement {
    /// Eight hexadecimal digits that tag everything the run creates.
    pub run_id: String,
    /// RFC 3339 start of the run.
    pub started: String,
    /// The line of the configuration that names the target; none when a flag does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_at: Option<Place>,
    /// Tiers that were allowed.
    pub tiers: Vec<Tier>,
    /// Whether valid calls of clearly read-only tools were allowed.
    pub reads: bool,
    /// Hosts a credential was allowed to go to.
    pub confirmed_hosts: Vec<String>,
    /// Whether certificates went unverified.
    pub insecure: bool,
    /// Additional roots in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cacert: Option<String>,
    /// Proxy in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Requests in flight to one host.
    pub concurrency: usize,
    /// Requests per second to one remote host.
    pub rate: u32,
    /// Bound on requests.
    pub max_requests: usize,
}

/// Something the run created and could not remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResidueItem {
    /// `client`, `session`, `token`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Where it lives.
    pub location: String,
    /// Why it is still there.
    pub reason: String,
    /// The request that would remove it.
    pub undo: String,
    /// The exchange that created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeId>,
}

/// A session the run opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRecord {
    /// Identity it belongs to.
    pub identity: String,
    /// The exchange that opened it.
    pub exchange: ExchangeId,
    /// Whether it was closed again, or the server has none to close.
    pub closed: bool,
}

/// Everything collected.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Collected {
    /// The target.
    pub target: Option<Target>,
    /// The rules of the run.
    pub engagement: Engagement,
    /// What the target publishes.
    pub discovery: Discovery,
    /// Who asked.
    pub identities: Identities,
    /// The newest refresh token of each identity that has one, and the client it belongs to; never
    /// written anywhere.
    #[serde(skip)]
    pub refresh: BTreeMap<String, GrantRequest>,
    /// Tokens that others replaced and that are still to be given back; never written anywhere.
    #[serde(skip)]
    pub spare: Vec<SpareToken>,
    /// What logins of the run gave beside access tokens; never written anywhere.
    #[serde(skip)]
    pub beside: Vec<BesideToken>,
    /// What there is to ask for.
    pub surface: Surface,
    /// What was learned at the doors beside tools.
    pub doors: Doors,
    /// Calls on objects of the run's own.
    pub canaries: Vec<CanaryTrial>,
    /// Objects that the operator named, and who got them.
    pub objects: Vec<ObjectTrial>,
    /// What was handed to one identity and tried with another.
    pub handles: Handles,
    /// What each door did with each credential.
    pub gates: Vec<GateObservation>,
    /// Wrong credentials at the doors of every revision.
    pub door_trials: Vec<DoorTrial>,
    /// The cells, one matrix per revision and transport.
    pub matrices: Vec<Matrix>,
    /// The ladder of narrower tokens, and what challenges are worth.
    pub ladder: Ladder,
    /// What was tried to get round refusals.
    pub bypass: Bypass,
    /// The answer to a random tool name, where something ran for it.
    pub catch_all: Option<ExchangeId>,
    /// What further arguments of tools led to.
    pub variations: Vec<Variation>,
    /// Calls with arguments that break a schema.
    pub invalid_calls: Vec<InvalidCall>,
    /// Equal calls in a row, where they were asked for.
    pub call_series: Option<CallSeries>,
    /// Resource URIs that leave what is offered, where they were asked for.
    pub traversal: Option<TraversalProbes>,
    /// Registration per authorization server.
    pub registrations: Vec<Registration>,
    /// Token endpoints, asked without a user.
    pub token_endpoints: Vec<TokenEndpoint>,
    /// What each authorization endpoint does before a login.
    pub front_channels: Vec<FrontChannel>,
    /// Logins of people, and what was tried with them.
    pub logins: Vec<Login>,
    /// Client ID metadata documents per authorization server.
    pub client_documents: Vec<ClientDocuments>,
    /// Keys that wrong tokens pointed at; absent where no such token was made.
    pub key_documents: Option<KeyDocuments>,
    /// What the session ids of the run have in common; absent where the server issued none.
    pub session_ids: Option<SessionIds>,
    /// Sessions opened.
    pub sessions: Vec<SessionRecord>,
    /// What is left behind.
    pub residue: Vec<ResidueItem>,
    /// What was planned.
    pub plan: Plan,
    /// What stays open.
    pub unsettled: Vec<Unsettleable>,
    /// Intended policy, when the operator gave one.
    pub policy: Vec<PolicyEntry>,
    /// Scopes that contain others, on the operator's word.
    pub hierarchy: Vec<Hierarchy>,
    /// Every exchange; saved apart from the rest.
    #[serde(skip)]
    pub ledger: Ledger,
    /// Whether the operator interrupted the run.
    pub interrupted: bool,
}

impl Collected {
    /// The matrix of the audited revision.
    pub fn matrix(&self) -> Option<&Matrix> {
        self.matrices.first()
    }
}
