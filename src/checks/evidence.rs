//! What judges see: a read-only view of everything collected, with the questions they ask of it.

use std::collections::{BTreeSet, HashMap};

use crate::model::audit::Collected;
use crate::model::discovery::{AnonymousAccess, AuthorizationServer, Discovery, MetadataAttempt};
use crate::model::discovery::{Challenge, Route, Sourced};
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::identity::{Identity, IdentityKind, ScopeSet};
use crate::model::matrix::{Access, Cell, GateObservation, GateOutcome};
use crate::model::probe::ProbeId;
use crate::model::surface::{Subject, SubjectKind};
use crate::model::target::Revision;

use super::case::Case;
use super::page::Page;

/// A read-only view of what was collected, on behalf of one check.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    collected: &'a Collected,
    page: &'a Page,
}

/// Whether the target asks for a token at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Some door refuses a request without a token.
    Required,
    /// Every door that was tried answers without a token.
    Open,
    /// No door was seen to do either.
    Unknown,
}

impl<'a> Evidence<'a> {
    /// The view of a check.
    pub const fn new(collected: &'a Collected, page: &'a Page) -> Self {
        Self { collected, page }
    }

    /// The page of the check.
    pub const fn page(&self) -> &'a Page {
        self.page
    }

    /// Everything collected.
    pub const fn collected(&self) -> &'a Collected {
        self.collected
    }

    /// What the target publishes.
    pub const fn discovery(&self) -> &'a Discovery {
        &self.collected.discovery
    }

    /// An empty case.
    pub const fn case(&self) -> Case<'a> {
        Case::new(*self)
    }

    /// The audited revision.
    pub fn revision(&self) -> Option<Revision> {
        self.discovery().revision()
    }

    /// Whether the audited revision is at least this one; an unknown revision counts as the newest.
    pub fn since(&self, revision: Revision) -> bool {
        self.revision().is_none_or(|audited| audited >= revision)
    }

    /// The endpoint that was asked.
    pub fn endpoint(&self) -> &'a str {
        let target = self.collected.target.as_ref();
        match self.discovery().endpoint.as_str() {
            "" => target.map_or("", |target| target.url.as_str()),
            endpoint => endpoint,
        }
    }

    /// Every spelling under which a client knows this endpoint: as given, as asked, canonical.
    pub fn resource_names(&self) -> BTreeSet<&'a str> {
        let target = self.collected.target.as_ref();
        let given = target.map(|target| target.url.as_str());
        let canonical = target.map(|target| target.resource.0.as_str());
        let names = [Some(self.endpoint()), given, canonical];
        let names = names.into_iter().flatten();
        names.filter(|name| !name.is_empty()).collect()
    }

    /// The exchange with this id.
    pub fn exchange(&self, id: ExchangeId) -> Option<&'a Exchange> {
        self.collected.ledger.exchange(id)
    }

    /// The HTTP status of an exchange.
    pub fn status(&self, id: ExchangeId) -> Option<u16> {
        self.exchange(id)?.status()
    }

    /// Every exchange of a probe, in order.
    pub fn probed(&self, id: ProbeId) -> impl Iterator<Item = &'a Exchange> {
        let ledger = self.collected.ledger.iter();
        ledger.filter(move |exchange| exchange.probe.id == id)
    }

    /// Whether the target asks for a token at all.
    pub fn protection(&self) -> Protection {
        let discovery = self.discovery().anonymous;
        let refused = |gate: &GateObservation| {
            matches!(
                gate.outcome,
                GateOutcome::Refused | GateOutcome::RefusedInBand
            )
        };
        let anonymous = || self.gates(IdentityKind::Anonymous);
        if matches!(discovery, AnonymousAccess::Refused | AnonymousAccess::Mixed)
            || anonymous().any(refused)
        {
            Protection::Required
        } else if discovery == AnonymousAccess::Served
            || anonymous().any(|gate| gate.outcome == GateOutcome::Accepted)
        {
            Protection::Open
        } else {
            Protection::Unknown
        }
    }

    /// The exchange that shows a refusal of a request without a token.
    pub fn anonymous_refusal(&self) -> Option<ExchangeId> {
        let challenged = self.discovery().challenges.first();
        let gate = || {
            self.gates(IdentityKind::Anonymous)
                .find(|gate| gate.outcome == GateOutcome::Refused)
        };
        challenged
            .map(|sourced| sourced.exchange)
            .or_else(|| gate().map(|gate| gate.exchange))
    }

    /// The first token challenge to a request without a token.
    pub fn token_challenge(&self) -> Option<Sourced<&'a Challenge>> {
        self.discovery().token_challenge()
    }

    /// Protected resource metadata at the places a client looks: challenge, path, root.
    pub fn resource_metadata(&self) -> impl Iterator<Item = &'a MetadataAttempt> {
        let attempts = self.discovery().resource_metadata.iter();
        attempts.filter(|attempt| {
            matches!(
                attempt.route,
                Route::Challenge | Route::WellKnownInserted | Route::WellKnownRoot
            )
        })
    }

    /// The documents among them.
    pub fn resource_documents(&self) -> impl Iterator<Item = &'a MetadataAttempt> {
        self.resource_metadata()
            .filter(|attempt| attempt.document.is_some())
    }

    /// Authorization servers whose metadata was found, with the document a client would use.
    pub fn authorization_metadata(
        &self,
    ) -> impl Iterator<Item = (&'a AuthorizationServer, &'a MetadataAttempt)> {
        let servers = self.discovery().authorization_servers.iter();
        servers.filter_map(|server| Some((server, server.chosen()?)))
    }

    /// Identities of a kind.
    pub fn identities(&self, kind: IdentityKind) -> impl Iterator<Item = &'a Identity> {
        let present = self.collected.identities.present.iter();
        present.filter(move |identity| identity.kind == kind)
    }

    /// The identity with this name.
    pub fn identity(&self, name: &str) -> Option<&'a Identity> {
        self.collected.identities.named(name)
    }

    /// The strongest valid identity.
    pub fn baseline(&self) -> Option<&'a Identity> {
        self.collected.identities.baseline()
    }

    /// Valid identities whose cells can be used.
    pub fn usable(&self) -> impl Iterator<Item = &'a Identity> {
        let valid = self.collected.identities.valid();
        valid.filter(|identity| identity.invalid.is_none())
    }

    /// The first exchange that carried an identity's credential, or obtained it.
    pub fn first_use(&self, identity: &Identity) -> Option<ExchangeId> {
        identity.exchange.or_else(|| {
            let mut ledger = self.collected.ledger.iter();
            let found = ledger.find(|exchange| exchange.identity == identity.name)?;
            Some(found.id)
        })
    }

    /// What doors did with identities of a kind.
    pub fn gates(&self, kind: IdentityKind) -> impl Iterator<Item = &'a GateObservation> {
        let identities = &self.collected.identities;
        self.collected.gates.iter().filter(move |gate| {
            let known = identities.named(&gate.identity);
            known.is_some_and(|identity| identity.kind == kind)
        })
    }

    /// The cells of the audited revision.
    pub fn cells(&self) -> &'a [Cell] {
        let matrix = self.collected.matrix();
        matrix.map_or(&[], |matrix| matrix.cells.as_slice())
    }

    /// Tool cells with their tool and identity; left out are cells of unusable tokens, and those that
    /// were not asked because others settle them.
    pub fn tool_cells(&self) -> impl Iterator<Item = ToolCell<'a>> {
        let collected = self.collected;
        let subjects = collected.surface.subjects.iter();
        let subjects: HashMap<&str, &Subject> = subjects.map(|it| (it.id.as_str(), it)).collect();
        self.cells().iter().filter_map(move |cell| {
            let tool = *subjects.get(cell.subject.as_str())?;
            let identity = collected.identities.named(&cell.identity)?;
            let usable = tool.kind == SubjectKind::Tool && identity.invalid.is_none();
            (usable && !cell.is_settled()).then_some(ToolCell {
                tool,
                identity,
                cell,
            })
        })
    }

    /// The cells of one tool for valid identities.
    pub fn valid_cells_of(&self, tool: &'a Subject) -> impl Iterator<Item = ToolCell<'a>> {
        let collected = self.collected;
        let cells = self.cells().iter();
        cells
            .filter(|cell| cell.subject == tool.id && !cell.is_settled())
            .filter_map(move |cell| {
                let identity = collected.identities.named(&cell.identity)?;
                let usable = identity.kind == IdentityKind::Valid && identity.invalid.is_none();
                usable.then_some(ToolCell {
                    tool,
                    identity,
                    cell,
                })
            })
    }

    /// Tool cells of valid identities.
    pub fn valid_cells(&self) -> impl Iterator<Item = ToolCell<'a>> {
        self.tool_cells()
            .filter(|it| it.identity.kind == IdentityKind::Valid)
    }

    /// Tool cells without a token.
    pub fn anonymous_cells(&self) -> impl Iterator<Item = ToolCell<'a>> {
        self.tool_cells()
            .filter(|it| it.identity.kind == IdentityKind::Anonymous)
    }

    /// The run's start in seconds since the epoch.
    pub fn started(&self) -> Option<i64> {
        let started: jiff::Timestamp = self.collected.engagement.started.parse().ok()?;
        Some(started.as_second())
    }

    /// Every scope that some valid identity holds.
    pub fn held_scopes(&self) -> ScopeSet {
        let held = self.collected.identities.valid();
        held.filter_map(Identity::scopes)
            .flatten()
            .cloned()
            .collect()
    }

    /// Every scope that a refusal of a valid identity asked for.
    pub fn challenged_scopes(&self) -> ScopeSet {
        let cells = self.valid_cells();
        cells
            .flat_map(|it| it.cell.challenged_scopes.iter().cloned())
            .collect()
    }
}

/// A cell of the matrix with its tool and identity.
#[derive(Clone, Copy, Debug)]
pub struct ToolCell<'a> {
    /// The tool.
    pub tool: &'a Subject,
    /// Who called it.
    pub identity: &'a Identity,
    /// What came of it.
    pub cell: &'a Cell,
}

impl ToolCell<'_> {
    /// The identity's own first answer.
    pub fn answer(&self) -> Option<ExchangeId> {
        self.cell.exchanges.first().copied()
    }

    /// Whether the call was refused, and not merely by a backend or for want of a control.
    pub fn is_refused(&self) -> bool {
        self.cell.access == Access::Denied
    }

    /// Whether the call got through or at least as far as the privileged one.
    pub fn got_in(&self) -> bool {
        matches!(self.cell.access, Access::Allowed | Access::Reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;

    #[test]
    fn protection_is_required_as_soon_as_one_door_refuses() {
        let mut world = World::new();
        world.collected.discovery.anonymous = AnonymousAccess::Unknown;
        let evidence = |world: &World| world.evidence("missing-token-accepted").protection();
        assert_eq!(evidence(&world), Protection::Unknown);
        world.gate("anonymous", "list-tools", GateOutcome::Accepted, 200);
        assert_eq!(evidence(&world), Protection::Open);
        world.gate("anonymous", "call-invalid", GateOutcome::Refused, 401);
        assert_eq!(evidence(&world), Protection::Required);
    }

    #[test]
    fn an_unknown_revision_counts_as_the_newest() {
        let mut world = World::new();
        world.revision(Revision::R2025_06);
        let evidence = world.evidence("missing-token-accepted");
        assert!(!evidence.since(Revision::R2025_11));
        world.collected.discovery.audited = None;
        let evidence = world.evidence("missing-token-accepted");
        assert!(evidence.since(Revision::R2026_07));
    }

    #[test]
    fn cells_of_invalid_identities_are_left_out() {
        let mut world = World::new();
        world.valid("reader", &["notes:read"]);
        world.tool("read_note");
        world.cell("read_note", "reader", Access::Allowed);
        assert_eq!(
            world.evidence("hidden-tool-callable").tool_cells().count(),
            1
        );
        if let Some(identity) = world.collected.identities.present.last_mut() {
            identity.invalid = Some("holds more than was asked for".to_owned());
        }
        assert_eq!(
            world.evidence("hidden-tool-callable").tool_cells().count(),
            0
        );
    }

    #[test]
    fn the_start_of_the_run_is_read_from_the_engagement() {
        let mut world = World::new();
        assert_eq!(
            world.evidence("expired-token-accepted").started(),
            Some(1_785_000_000)
        );
        world.collected.engagement.started = "yesterday".to_owned();
        assert_eq!(world.evidence("expired-token-accepted").started(), None);
    }
}
