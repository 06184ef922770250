//! Upper bounds on the transport probes.

use super::forms::is_local;
use super::lifecycle::SAMPLES;
use super::{revision, routes};
use crate::mcp;
use crate::model::audit::Collected;
use crate::model::discovery::AnonymousAccess;
use crate::model::probe::{PlannedGroup, ProbeId, Tier};
use crate::model::target::{Revision, Transport};

/// The groups of requests that [`observe`](super::observe) may send.
pub(crate) fn planned(collected: &Collected) -> Vec<PlannedGroup> {
    let baseline = collected.identities.baseline.clone();
    let open = collected.discovery.anonymous.lets_in();
    let guarded = collected.discovery.anonymous == AnonymousAccess::Refused;
    let nobody = || "anonymous".to_owned();
    let speaker = baseline.clone().or_else(|| open.then(nobody));
    let revision = revision(collected);
    let audited = collected.discovery.audited.as_ref();
    let sse = audited.is_some_and(|served| served.transport == Transport::HttpSse);
    let sessions = mcp::has_sessions(revision) && baseline.is_some();
    let mut groups = Vec::new();
    let mut add = |probe: ProbeId, who: Vec<String>, requests: usize| {
        let token = baseline.as_ref().is_some_and(|name| who.contains(name));
        let tier = if token {
            probe.tier().max(Tier::Authenticated)
        } else {
            probe.tier()
        };
        groups.push(PlannedGroup {
            probe,
            tier,
            identities: who,
            subjects: Vec::new(),
            requests,
            per: None,
            conditional: true,
        });
    };
    let heard = || vec![speaker.clone().unwrap_or_else(nobody)];
    let both = || {
        let mut who = vec![nobody()];
        who.extend(baseline.clone());
        who
    };
    let count = |asked: bool, requests: usize| if asked { requests } else { 0 };
    let spoken = speaker.is_some();
    let modern = spoken && revision.is_modern();
    let local = is_local(&collected.discovery.endpoint);
    add(ProbeId::ForeignHost, heard(), usize::from(local));
    add(ProbeId::Preflight, vec![nobody()], 1);
    let versions = usize::from(spoken) + usize::from(guarded);
    let versioned = revision >= Revision::R2025_06 && !sse;
    add(ProbeId::UnknownVersion, both(), count(versioned, versions));
    add(ProbeId::TextBody, heard(), usize::from(spoken));
    add(ProbeId::MissingMetadata, heard(), count(modern, 4));
    add(ProbeId::UnknownMethod, heard(), count(modern, 1));
    add(ProbeId::StatelessSession, heard(), count(modern, 3));
    add(ProbeId::SessionMissing, heard(), count(sessions, 1));
    let spellings = routes::variants(&collected.discovery.endpoint).len();
    let routed = count(guarded && !sse, spellings);
    add(ProbeId::RouteVariant, vec![nobody()], routed);
    // Two places; at each the stream and two questions without a token, the stream and three with.
    let streams = if sse { 2 } else { 2 * (3 + 4) };
    add(ProbeId::LegacyStream, both(), count(guarded, streams));
    add(ProbeId::ResumeStream, both(), count(sessions, 3));
    let samples = usize::from(SAMPLES);
    add(ProbeId::SessionSample, heard(), count(sessions, samples));
    add(ProbeId::SessionReuse, heard(), count(sessions, 2));
    let ended = count(sessions, samples) + routed;
    add(ProbeId::CloseSession, both(), ended);
    groups
}
