//! The ladder: narrower tokens of one client, made when the answers so far call for them.
//!
//! First the server's own gate is measured with lists, then rungs above it are asked about the
//! subjects that are still open, and what stays open gets the sets that may settle it.

mod ask;
pub(crate) mod choose;
pub(crate) mod plan;
mod rungs;

use super::Run;
use super::calls::Asked;
use super::enumerate::Sessions;
use super::obtain::{self, Order};
use crate::model::audit::Collected;
use crate::model::grant::GrantRequest;
use crate::model::identity::{Identity, ScopeSet};
use crate::model::ladder::{Ladder, RungPurpose};
use crate::model::settings::{IdentitySource, Mint, Settings};
use crate::oracle::calibrate::Treatment;
use crate::oracle::narrowing;

/// Makes the rungs, asks with them, and notes what stays open.
pub async fn climb(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &mut Sessions,
    asked: &mut Asked,
) {
    let Some(mut climb) = Climb::new(run, collected, asked) else {
        return;
    };
    collected.ladder = climb.beginning(std::mem::take(&mut collected.ladder));
    if collected.ladder.problem.is_some() {
        return;
    }
    rungs::measure(collected);
    if collected.discovery.audited.is_none() {
        collected.ladder.problem = Some("no revision could be spoken".to_owned());
        return;
    }
    let Some(top) = climb.top(collected).cloned() else {
        let kept = climb.kept.clone();
        climb.one_above(collected, sessions, &kept).await;
        let problem = climb.without_top(collected);
        collected.ladder.problem = Some(climb.told(collected, problem));
        return;
    };
    (run.progress)("ladder", climb.varied.len() * 2);
    let ends = 1 + usize::from(climb.bottom(collected).is_some());
    collected.ladder.calls = ends * climb.subjects();
    climb.leave_one_out(collected, sessions).await;
    if let Some(problem) = unusable(collected) {
        collected.ladder.problem = Some(climb.told(collected, problem));
        return;
    }
    let base = climb.gate(collected, sessions).await;
    climb.one_above(collected, sessions, &base).await;
    climb.ask(collected, sessions, &top, &base).await;
}

/// The two ends of the ladder, which every other identity is compared with: nothing, and all of it.
pub(crate) fn ends<'s>(
    settings: &Settings,
    source: &'s IdentitySource,
    request: &'s GrantRequest,
) -> Vec<Order<'s>> {
    let mint = settings.mint.as_ref();
    let ours = |mint: &&Mint| mint.from.contains(&source.name);
    let Some(mint) = mint.filter(ours) else {
        return Vec::new();
    };
    let varied = varied(mint, source);
    let whole: ScopeSet = varied.union(&mint.keep).cloned().collect();
    let ends = [("none", mint.keep.clone()), ("all", whole)];
    let unlike = |(_, scopes): &(&str, ScopeSet)| source.scopes.as_ref() != Some(scopes);
    let order = |(end, scopes): (&str, ScopeSet)| Order {
        source,
        request,
        scopes: Some(scopes),
        name: format!("{}-{end}", source.name),
        varied: Some(varied.clone()),
    };
    ends.into_iter().filter(unlike).map(order).collect()
}

/// What every step of the ladder needs.
struct Climb<'r, 'w> {
    run: &'r Run<'w>,
    asked: &'r mut Asked,
    source: &'r IdentitySource,
    grant: String,
    varied: ScopeSet,
    kept: ScopeSet,
}

impl<'r, 'w> Climb<'r, 'w> {
    fn new(run: &'r Run<'w>, collected: &Collected, asked: &'r mut Asked) -> Option<Self> {
        let mint = run.settings.mint.as_ref()?;
        let source = run.source(&collected.ladder.from)?;
        let own = obtain::own(source)?.grant.as_str();
        let chosen = collected.ladder.grant.as_deref();
        Some(Self {
            run,
            asked,
            source,
            grant: chosen.unwrap_or(own).to_owned(),
            varied: varied(mint, source),
            kept: mint.keep.clone(),
        })
    }

    fn beginning(&self, chosen: Ladder) -> Ladder {
        Ladder {
            from: self.source.name.clone(),
            grant: chosen.problem.is_none().then(|| self.grant.clone()),
            passed_over: chosen.passed_over,
            problem: chosen.problem,
            rungs: chosen.rungs,
            varied: self.varied.clone(),
            kept: self.kept.clone(),
            budget: plan::budget(self.varied.len(), self.subjects()),
            ..Ladder::default()
        }
    }

    /// Subjects that may be asked about.
    fn subjects(&self) -> usize {
        let treatments = self.asked.treatments.values();
        treatments
            .filter(|treatment| !matches!(treatment, Treatment::NotTested { .. }))
            .count()
    }

    /// What to do where no token with every scope can be had.
    fn without_top(&self, collected: &Collected) -> String {
        let held = self.family(collected).filter_map(Identity::scopes);
        let had: ScopeSet = held.flatten().cloned().collect();
        let list = |scopes: Vec<&String>| {
            let quoted: Vec<String> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
            if quoted.is_empty() {
                "none".to_owned()
            } else {
                quoted.join(", ")
            }
        };
        format!(
            "no usable token holds every scope of the ladder, so a refusal of a narrower one has \
             nothing to be compared with; obtained one at a time: {}; not obtained: {}; set `vary` \
             to what can be had",
            list(self.varied.intersection(&had).collect()),
            list(self.varied.difference(&had).collect()),
        )
    }

    /// A problem, and what the server does with `scope` where that explains it.
    fn told(&self, collected: &Collected, problem: String) -> String {
        match narrowing::explain(&self.grant, &collected.ladder.rungs) {
            Some(told) => format!("{told}; {problem}"),
            None => problem,
        }
    }

    fn whole(&self) -> ScopeSet {
        self.varied.union(&self.kept).cloned().collect()
    }

    /// The token with every scope of the ladder.
    fn top<'c>(&self, collected: &'c Collected) -> Option<&'c Identity> {
        let whole = self.whole();
        self.holding(collected, |held| whole.is_subset(held))
    }

    /// The token with none of them.
    fn bottom<'c>(&self, collected: &'c Collected) -> Option<&'c Identity> {
        self.holding(collected, |held| held.is_disjoint(&self.varied))
    }

    fn holding<'c>(
        &self,
        collected: &'c Collected,
        wanted: impl Fn(&ScopeSet) -> bool,
    ) -> Option<&'c Identity> {
        self.family(collected)
            .find(|identity| identity.scopes().is_some_and(&wanted))
    }

    /// Usable tokens of this ladder.
    fn family<'c>(&self, collected: &'c Collected) -> impl Iterator<Item = &'c Identity> {
        let ends = [
            self.source.name.clone(),
            format!("{}-none", self.source.name),
            format!("{}-all", self.source.name),
        ];
        let ladder = &collected.ladder;
        collected.identities.valid().filter(move |identity| {
            let ours = ends.contains(&identity.name) || ladder.has(&identity.name);
            ours && identity.invalid.is_none()
        })
    }
}

/// The scopes to vary, as many as a ladder can have.
pub(crate) fn varied(mint: &Mint, source: &IdentitySource) -> ScopeSet {
    let named = mint.scopes.as_ref().or(source.scopes.as_ref());
    let named = named.into_iter().flatten();
    named
        .filter(|scope| !mint.keep.contains(*scope))
        .take(MOST_SCOPES)
        .cloned()
        .collect()
}

/// Why no rung can be used, when none can.
fn unusable(collected: &Collected) -> Option<String> {
    let rungs = &collected.ladder.rungs;
    let mut unused = rungs.iter().map(|rung| rung.unused.as_deref());
    let first = unused.next()??;
    unused
        .all(|reason| reason.is_some())
        .then(|| format!("none of {} rung(s) can be used: {first}", rungs.len()))
}

/// The name of a rung; scopes that every rung holds are left out.
fn name(source: &str, purpose: RungPurpose, scopes: &ScopeSet, varied: &ScopeSet) -> String {
    let list = |scopes: ScopeSet| scopes.into_iter().collect::<Vec<_>>().join("+");
    let chosen: ScopeSet = scopes.intersection(varied).cloned().collect();
    match purpose {
        RungPurpose::AllButOne => {
            let left_out = varied.difference(scopes).cloned().collect();
            format!("{source}-without-{}", list(left_out))
        }
        RungPurpose::Minimum => format!("{source}-minimum"),
        RungPurpose::One if chosen.len() == 1 => format!("{source}-only-{}", list(chosen)),
        _ => format!("{source}-with-{}", list(chosen)),
    }
}

/// Scopes of one ladder: two rungs and two calls per subject each.
const MOST_SCOPES: usize = 30;
