//! PRIM-27: results that differ by caller are not marked as shareable.
//!
//! MCP 2026-07-28 caching page §Cache Scope Field, §Interaction with Pagination.

use std::collections::BTreeSet;

use crate::checks::case::{Case, Draft};
use crate::checks::evidence::Evidence;
use crate::checks::scopes;
use crate::model::doors::Greeting;
use crate::model::exchange::ExchangeId;
use crate::model::surface::{Listing, SubjectKind};
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::observe::{Hint, observe};

/// Compares the marks of every list with what differs between callers.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let listings = &evidence.collected().surface.listings;
    let complete: Vec<&Listing> = listings
        .iter()
        .filter(|it| it.is_complete() && !it.exchanges.is_empty())
        .collect();
    if complete.is_empty() {
        return Verdict::inconclusive("no list was read to its end");
    }
    let mut case = evidence.case();
    for kind in KINDS {
        let of_kind = complete.iter().filter(|it| it.kind == kind).copied();
        shared(evidence, &mut case, kind, &of_kind.collect::<Vec<_>>());
    }
    for listing in &complete {
        pages(evidence, &mut case, listing);
    }
    greetings(evidence, &mut case);
    case.verdict(Verdict::Held(format!(
        "{} list(s) say truly who may share them",
        complete.len()
    )))
}

/// A list that says it is for everybody, and is not the same for everybody.
fn shared(evidence: &Evidence<'_>, case: &mut Case<'_>, kind: SubjectKind, lists: &[&Listing]) {
    let Some(public) = lists
        .iter()
        .find(|it| it.cache_scopes.iter().any(|scope| scope == PUBLIC))
    else {
        return;
    };
    let names = |it: &Listing| it.names.iter().cloned().collect::<BTreeSet<String>>();
    let other = lists
        .iter()
        .find(|it| it.identity != public.identity && names(it) != names(public));
    let differing = evidence.collected().surface.differing.keys();
    let mut described = differing.filter(|id| id.starts_with(&format!("{}/", kind.as_str())));
    let said = match (other, described.next()) {
        (Some(other), _) => {
            let (mine, theirs) = (names(public), names(other));
            let difference = mine.symmetric_difference(&theirs);
            format!("{} differ(s)", scopes::list(difference))
        }
        (None, Some(id)) => format!("`{id}` is described differently"),
        (None, None) => return,
    };
    let message = format!(
        "the list of {} that `{}` got is marked `public`, and callers get different ones: {said}; \
         expected `private`",
        plural(kind),
        public.identity
    );
    let mut draft = Draft::new(format!("list of {}", plural(kind)), message);
    for listing in std::iter::once(public).chain(other) {
        if let Some(exchange) = listing.exchanges.first() {
            draft = draft.at(*exchange, Part::Body, "a list");
        }
    }
    case.breach(draft);
}

/// One list: the same mark on every page, no page without one, none that came from a shared cache.
fn pages(evidence: &Evidence<'_>, case: &mut Case<'_>, listing: &Listing) {
    let who = &listing.identity;
    let what = plural(listing.kind);
    let about = |exchange: ExchangeId, subject: &str, message: String| {
        Draft::new(format!("{subject} of {what}"), message).at(exchange, Part::Body, "a page")
    };
    let Some(first) = listing.exchanges.first().copied() else {
        return;
    };
    let distinct: BTreeSet<&String> = listing.cache_scopes.iter().collect();
    if distinct.len() > 1 {
        let message = format!(
            "pages of one list of {what} for `{who}` are marked {}; expected one mark for all pages",
            scopes::list(distinct)
        );
        case.breach(about(first, "pages", message));
    }
    if listing.cache_scopes.len() < listing.exchanges.len() {
        let message = format!(
            "{} of {} page(s) of the {what} for `{who}` have no `cacheScope`; expected `public` or \
             `private`",
            listing.exchanges.len() - listing.cache_scopes.len(),
            listing.exchanges.len()
        );
        let draft = about(first, "unmarked list", message);
        case.breach(draft.at_most(Severity::Low, "a missing mark makes nothing shareable"));
    }
    let private = listing.cache_scopes.iter().any(|scope| scope != PUBLIC);
    let cached = listing.exchanges.iter().find(|id| {
        let exchange = evidence.exchange(**id);
        exchange.is_some_and(|exchange| observe(exchange).has(Hint::Cached))
    });
    if let Some(exchange) = cached.filter(|_| private) {
        let message = format!(
            "the list of {what} for `{who}` came from a cache although it is not marked `public`"
        );
        case.advise(about(*exchange, "cached list", message));
    }
}

/// What the server says of itself, told to different callers.
fn greetings(evidence: &Evidence<'_>, case: &mut Case<'_>) {
    let greetings = &evidence.collected().doors.greetings;
    let says = |it: &Greeting| (it.capabilities.clone(), it.instructions.clone());
    let public = greetings
        .iter()
        .find(|it| it.cache_scope.as_deref() == Some(PUBLIC));
    let Some(public) = public else { return };
    if let Some(other) = greetings.iter().find(|it| says(it) != says(public)) {
        let message = format!(
            "`server/discover` is marked `public`, and tells `{}` something else than `{}`; expected \
             `private`",
            other.identity, public.identity
        );
        let draft = Draft::new("server/discover", message);
        let draft = draft.at(public.exchange, Part::Body, "marked public");
        case.breach(draft.at(other.exchange, Part::Body, "another answer"));
    }
}

const fn plural(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Tool => "tools",
        SubjectKind::Resource => "resources",
        SubjectKind::ResourceTemplate => "resource templates",
        SubjectKind::Prompt => "prompts",
        SubjectKind::Completion => "completions",
        SubjectKind::Task => "tasks",
    }
}

const PUBLIC: &str = "public";
const KINDS: [SubjectKind; 4] = [
    SubjectKind::Tool,
    SubjectKind::Resource,
    SubjectKind::ResourceTemplate,
    SubjectKind::Prompt,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::ProbeId;
    use crate::model::target::Revision;
    use crate::model::verdict::Status;

    const ID: &str = "caller-specific-list-shareable";

    fn world(lists: &[(&str, &[&str], &[&str])]) -> World {
        let mut world = World::new();
        world.revision(Revision::R2026_07);
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        for (who, names, marks) in lists {
            world.listing(who, 0, names);
            let listing = world.collected.surface.listings.last_mut().unwrap();
            listing.cache_scopes = marks.iter().map(|&mark| mark.to_owned()).collect();
        }
        world
    }

    fn greeting(world: &mut World, identity: &str, mark: &str, instructions: &str) {
        let exchange = world.answer(ProbeId::Introduce, identity, 200, &[], "{}");
        world.collected.doors.greetings.push(Greeting {
            identity: identity.to_owned(),
            capabilities: Vec::new(),
            instructions: Some(instructions.to_owned()),
            cache_scope: Some(mark.to_owned()),
            exchange,
        });
    }

    #[test]
    fn a_public_list_that_differs_by_caller_is_broken() {
        let differing = [
            ("reader", &["a"][..], &["public"][..]),
            ("admin", &["a", "b"], &["public"]),
        ];
        assert_eq!(world(&differing).status(ID), Status::Fail);
        let private = differing.map(|(who, names, _)| (who, names, &["private"][..]));
        assert_eq!(world(&private).status(ID), Status::Pass);
        let same = differing.map(|(who, _, marks)| (who, &["a"][..], marks));
        assert_eq!(world(&same).status(ID), Status::Pass);
    }

    #[test]
    fn a_description_that_differs_makes_a_list_differ() {
        let mut world = world(&[
            ("reader", &["a"], &["public"]),
            ("admin", &["a"], &["public"]),
        ]);
        let members = vec!["description".to_owned()];
        world
            .collected
            .surface
            .differing
            .insert("tool/a".to_owned(), members);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn mixed_and_missing_marks_are_broken() {
        let mut mixed = world(&[("reader", &["a"], &["private", "public"])]);
        let second = mixed.answer(ProbeId::ListTools, "reader", 200, &[], "{}");
        mixed.collected.surface.listings[0].exchanges.push(second);
        assert_eq!(mixed.status(ID), Status::Fail);
        assert_eq!(world(&[("reader", &["a"], &[])]).status(ID), Status::Fail);
    }

    #[test]
    fn a_private_list_from_a_cache_warns() {
        let mut world = world(&[("reader", &["a"], &["private"])]);
        let aged = world.answer(ProbeId::ListTools, "reader", 200, &[("age", "9")], "{}");
        world.collected.surface.listings[0].exchanges = vec![aged];
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn a_public_greeting_is_the_same_for_everybody() {
        let mut world = world(&[("reader", &["a"], &["private"])]);
        greeting(&mut world, "reader", "public", "hello");
        greeting(&mut world, "admin", "public", "hello");
        assert_eq!(world.status(ID), Status::Pass);
        greeting(&mut world, "anonymous", "private", "who are you?");
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn without_a_list_nothing_is_decided_and_older_revisions_have_no_marks() {
        assert_eq!(world(&[]).status(ID), Status::Inconclusive);
        let mut old = world(&[("reader", &["a"], &[])]);
        old.revision(Revision::R2025_11);
        assert_eq!(old.status(ID), Status::NotApplicable);
    }
}
