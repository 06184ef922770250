//! Tokens that stop working during the run: noticed by a list that they could read before.

use std::collections::{BTreeMap, BTreeSet};

use super::observe::observe;
use crate::model::exchange::{Exchange, ExchangeId, Ledger};
use crate::model::identity::{Identities, Identity};
use crate::model::probe::ProbeId;

/// Valid identities that something worked for, and whose answers have been 401 alone since.
pub fn suspects(ledger: &Ledger, identities: &Identities) -> Vec<String> {
    let refused = |exchange: &&Exchange| exchange.status() == Some(401);
    let refused = ledger.iter().filter(refused);
    let doubted: BTreeSet<&str> = refused
        .map(|exchange| exchange.identity.as_str())
        .filter(|name| identities.valid().any(|identity| identity.name == *name))
        .collect();
    let mut last: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    let asked = ledger.iter();
    for exchange in asked.filter(|exchange| doubted.contains(exchange.identity.as_str())) {
        let (worked, refused) = last.entry(&exchange.identity).or_default();
        if exchange.status() == Some(401) && AT_THE_SERVER.contains(&exchange.probe.id) {
            // A list that was refused since has answered the question already.
            *refused = exchange.probe.id != ProbeId::Liveness;
        } else if AT_THE_SERVER.contains(&exchange.probe.id) && succeeded(exchange) {
            (*worked, *refused) = (true, false);
        }
    }
    let doubtful = |identity: &&Identity| last.get(identity.name.as_str()) == Some(&(true, true));
    let valid = identities.valid().filter(doubtful);
    valid.map(|identity| identity.name.clone()).collect()
}

/// When each identity's token was dead: from the exchange after which it may have been, up to the
/// list that showed it.
#[derive(Clone, Debug, Default)]
pub struct Deaths<'a> {
    spans: BTreeMap<&'a str, Vec<(ExchangeId, ExchangeId)>>,
    standing: BTreeMap<&'a str, ExchangeId>,
}

impl<'a> Deaths<'a> {
    /// Reads the lists that were asked for to see whether tokens are alive.
    pub fn read(ledger: &'a Ledger) -> Self {
        let mut deaths = Self::default();
        let mut since: BTreeMap<&str, ExchangeId> = BTreeMap::new();
        for exchange in ledger.iter() {
            if exchange.probe.id != ProbeId::Liveness {
                continue;
            }
            let identity = exchange.identity.as_str();
            let from = since.insert(identity, exchange.id);
            if exchange.status() == Some(401) {
                let span = (from.unwrap_or(ExchangeId(0)), exchange.id);
                deaths.spans.entry(identity).or_default().push(span);
                deaths.standing.insert(identity, exchange.id);
            } else if succeeded(exchange) {
                deaths.standing.remove(identity);
            }
        }
        deaths
    }

    /// Whether a 401 says no more than that the token was dead.
    pub fn explains(&self, exchange: &Exchange) -> bool {
        let spans = self.spans.get(exchange.identity.as_str());
        let within = |(from, to): &(ExchangeId, ExchangeId)| (from..=to).contains(&&exchange.id);
        exchange.status() == Some(401) && spans.is_some_and(|spans| spans.iter().any(within))
    }

    /// The list that showed an identity's token to be dead, when no newer token replaced it.
    pub fn standing(&self, identity: &str) -> Option<ExchangeId> {
        self.standing.get(identity).copied()
    }
}

/// Whether a minted token is about to expire by what its response or its claims promised.
pub fn is_due(identity: &Identity, ledger: &Ledger) -> bool {
    let claimed = identity.claims.as_ref().and_then(|claims| {
        let seconds = claims.expires_at?.checked_sub(claims.issued_at?)?;
        u64::try_from(seconds).ok()
    });
    let Some(lifetime) = identity.expires_in.or(claimed) else {
        return false;
    };
    let obtained = identity.exchange.and_then(|id| ledger.exchange(id));
    let Some(obtained) = obtained.map(|exchange| exchange.started_ms) else {
        return false;
    };
    let now = ledger
        .iter()
        .map(|exchange| exchange.started_ms.saturating_add(exchange.elapsed_ms))
        .max()
        .unwrap_or_default();
    let margin = (lifetime / 4).min(MARGIN_SECONDS);
    let age = now.saturating_sub(obtained) / 1000;
    age >= lifetime.saturating_sub(margin)
}

fn succeeded(exchange: &Exchange) -> bool {
    let answer = observe(exchange);
    answer.status < 300 && answer.shape.is_success()
}

/// What is left of a token's life when it is replaced.
const MARGIN_SECONDS: u64 = 60;

/// Doors that the MCP server itself guards.
const AT_THE_SERVER: [ProbeId; 8] = [
    ProbeId::ListTools,
    ProbeId::Liveness,
    ProbeId::CallValid,
    ProbeId::CallInvalid,
    ProbeId::CallListed,
    ProbeId::CallCanary,
    ProbeId::ReadResource,
    ProbeId::PromptGet,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::Outcome;
    use crate::model::matrix::Access;
    use crate::model::probe::ProbeKey;
    use crate::oracle::testing::{Bench, call, said, unauthorized};
    use serde_json::json;

    const TWO: &[(&str, &[&str])] = &[("reader", &["read"]), ("admin", &["read", "write"])];

    fn list(bench: &mut Bench, probe: ProbeId, outcome: Outcome) -> ExchangeId {
        let exchange = call(ProbeKey::new(probe), "reader", "", &json!({}), outcome);
        bench.ledger.file(exchange)
    }

    fn died() -> Bench {
        let mut bench = Bench::valid(TWO).got("admin", vec![said("data"), said("data")]);
        list(&mut bench, ProbeId::ListTools, said("tools"));
        bench.got("reader", vec![unauthorized(), unauthorized()])
    }

    #[test]
    fn a_token_that_worked_and_is_refused_since_is_suspected_once() {
        let mut bench = died();
        assert_eq!(suspects(&bench.ledger, &bench.identities), ["reader"]);
        list(&mut bench, ProbeId::Liveness, unauthorized());
        assert!(suspects(&bench.ledger, &bench.identities).is_empty());
    }

    #[test]
    fn a_token_that_never_worked_or_works_again_is_not_suspected() {
        let never = Bench::valid(TWO).got("reader", vec![unauthorized()]);
        assert!(suspects(&never.ledger, &never.identities).is_empty());
        let again = died().got("reader", vec![said("data")]);
        assert!(suspects(&again.ledger, &again.identities).is_empty());
    }

    #[test]
    fn answers_to_a_dead_token_decide_nothing_and_name_its_end() {
        let mut bench = died();
        assert_eq!(bench.cell("reader").access, Access::Denied);
        list(&mut bench, ProbeId::Liveness, unauthorized());
        let cell = bench.cell("reader");
        assert_eq!(cell.access, Access::Inconclusive);
        assert_eq!(cell.rule.as_deref(), Some("expired"));
        let reason = cell.reason.unwrap_or_default();
        assert!(reason.contains("stopped working"), "{reason}");
    }

    #[test]
    fn a_refusal_by_401_stays_a_refusal_while_the_list_works() {
        let mut bench = died();
        list(&mut bench, ProbeId::Liveness, said("tools"));
        assert_eq!(bench.cell("reader").access, Access::Denied);
    }

    #[test]
    fn answers_to_its_successor_count() {
        let mut bench = died();
        list(&mut bench, ProbeId::Liveness, unauthorized());
        list(&mut bench, ProbeId::Liveness, said("tools"));
        let bench = bench.got("reader", vec![said("data")]);
        assert_eq!(bench.cell("reader").access, Access::Allowed);
        assert!(Deaths::read(&bench.ledger).standing("reader").is_none());
    }

    #[test]
    fn a_token_is_due_before_it_expires_and_not_long_before() {
        let mut bench = Bench::valid(TWO);
        let minted = list(&mut bench, ProbeId::MintToken, said("token"));
        let mut later = call(
            ProbeKey::new(ProbeId::ListTools),
            "reader",
            "",
            &json!({}),
            said("tools"),
        );
        later.started_ms = 250_000;
        bench.ledger.file(later);
        let due = |lifetime: Option<u64>| {
            let mut identity = bench.identities.present[2].clone();
            identity.exchange = Some(minted);
            identity.expires_in = lifetime;
            is_due(&identity, &bench.ledger)
        };
        assert!(due(Some(300)));
        assert!(due(Some(0)));
        assert!(!due(Some(3600)));
        assert!(!due(None));
    }
}
