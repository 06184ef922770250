//! PRIM-10: what a tool declares in `securitySchemes` is what the server enforces.
//!
//! A vendor convention (SEP-1488, draft); no clause.

use crate::checks::access::{Intent, declared};
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::{Evidence, ToolCell};
use crate::checks::scopes;
use crate::model::identity::IdentityKind;
use crate::model::matrix::Access;
use crate::model::policy::{EffectiveRule, Gate};
use crate::model::surface::Subject;
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::declared::{Fit, compare as fit};
use crate::oracle::effective;

/// Compares the declaration with the cells.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let subjects = evidence.collected().surface.subjects.iter();
    let declaring: Vec<&Subject> = subjects.filter(|it| it.schemes.is_some()).collect();
    if declaring.is_empty() {
        return Verdict::NotApplicable("no tool declares securitySchemes".to_owned());
    }
    let mut case = evidence.case();
    for tool in &declaring {
        if is_ambiguous(tool) {
            let message = format!(
                "`{}` declares both noauth and scopes; an array is an OR, so the scopes cannot be \
                 enforced",
                tool.name
            );
            let draft = Draft::new(format!("{} declaration", tool.id), message);
            let draft = draft.at(tool.exchange, Part::Body, "the declaration");
            case.advise(draft.at_most(Severity::Low, "the tool is public either way"));
        }
    }
    for it in evidence.tool_cells() {
        compare(&mut case, &it);
    }
    let (exact, so_far) = sets(&mut case, evidence, &declaring);
    case.verdict(Verdict::Held(format!(
        "{} declaration(s) agree with the answers; of those with scopes {exact} name the smallest set \
         that opens the tool, and {so_far} agree as far as the tokens tell",
        declaring.len()
    )))
}

/// Declared scope sets beside those that were seen to open the tool: how many are the smallest, and
/// how many only agree; what differs is a finding, and what the tokens do not tell stays open.
fn sets(case: &mut Case<'_>, evidence: &Evidence<'_>, declaring: &[&Subject]) -> (usize, usize) {
    let collected = evidence.collected();
    let Some(matrix) = collected.matrix() else {
        return (0, 0);
    };
    let effective = effective::effective(matrix, &collected.identities);
    let (mut exact, mut so_far) = (0, 0);
    for tool in declaring {
        let Some(Intent::Scopes(alternatives)) = declared(tool).map(|policy| policy.intent) else {
            continue;
        };
        let mut rules = effective.subjects.iter();
        let Some(rule) = rules.find(|rule| rule.subject == tool.id) else {
            continue;
        };
        match fit(&alternatives, rule) {
            Fit::Agrees { exact: true } => exact += 1,
            Fit::Agrees { exact: false } => so_far += 1,
            // Where no gate is seen at all, the calls that ran say so themselves.
            Fit::TooMany(unneeded) if rule.ran && rule.gate == Gate::Scopes => {
                let what = format!(
                    "declares {}, which a token that was let in did not hold",
                    scopes::list(&unneeded)
                );
                case.breach(differs(tool, rule, &what));
            }
            Fit::TooFew(missing) => {
                let what = if missing.is_empty() {
                    "declares less than it takes: a token with all of it was refused".to_owned()
                } else {
                    format!("takes {} beyond what it declares", scopes::list(&missing))
                };
                case.breach(differs(tool, rule, &what));
            }
            Fit::TooMany(_) => {}
            Fit::NotDetermined(reason) => case.doubt(
                format!("`{}` declares scopes, and {reason}", tool.name),
                Some(rule.decided_by.as_deref().unwrap_or(TOKENS)),
            ),
        }
    }
    (exact, so_far)
}

fn differs(tool: &Subject, rule: &EffectiveRule, what: &str) -> Draft {
    let opened: Vec<String> = rule.opened_by.iter().map(scopes::list).collect();
    let opened = if opened.is_empty() {
        "nothing that was tried".to_owned()
    } else {
        opened.join(" or ")
    };
    let message = format!("`{}` {what}; it was seen to open for {opened}", tool.name);
    Draft::new(format!("{} scopes", tool.id), message)
        .confidence(rule.confidence)
        .at(tool.exchange, Part::Body, "the declaration")
        .also(&rule.exchanges, "what opens it")
}

fn compare(case: &mut Case<'_>, it: &ToolCell<'_>) {
    let tested = matches!(
        it.identity.kind,
        IdentityKind::Anonymous | IdentityKind::Valid
    );
    let Some(policy) = declared(it.tool).filter(|_| tested) else {
        return;
    };
    let anonymous = it.identity.kind == IdentityKind::Anonymous;
    let says = match (policy.permits(it), it.cell.access) {
        (Some(false), Access::Allowed) => "ran the call",
        (Some(false), Access::Reached) if anonymous => "validated the arguments",
        (Some(false), Access::Reached) => {
            return case.doubt(
                format!(
                    "`{}` declares {}; `{}` without it got as far as argument validation",
                    it.tool.name,
                    policy.demand(),
                    it.identity.name
                ),
                Some(it.cell.decided_by.as_deref().unwrap_or("--allow call")),
            );
        }
        (Some(true), Access::Denied) if !anonymous || policy.intent == Intent::Public => {
            "refused the call"
        }
        _ => return,
    };
    let message = format!(
        "`{}` declares {}, and the server {says} of `{}`",
        it.tool.name,
        policy.demand(),
        it.identity.name
    );
    let subject = format!("{} for {}", it.cell.subject, it.identity.name);
    let draft = Draft::new(subject, message).confidence(it.cell.confidence);
    case.breach(match it.answer() {
        Some(answer) => draft.at(answer, Part::Status, "the answer"),
        None => draft,
    });
}

fn is_ambiguous(tool: &Subject) -> bool {
    let schemes = tool.schemes.as_deref().unwrap_or_default();
    schemes.iter().any(|it| it.kind == "noauth")
        && schemes
            .iter()
            .any(|it| it.kind == "oauth2" && !it.scopes.is_empty())
}

const TOKENS: &str = "`[mint]`, or an `[[identity]]` with such a token";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::ProbeId;
    use crate::model::surface::DeclaredScheme;
    use crate::model::verdict::Status;

    const ID: &str = "declared-scheme-not-enforced";

    fn scheme(kind: &str, scopes: &[&str]) -> DeclaredScheme {
        DeclaredScheme {
            kind: kind.to_owned(),
            scopes: scopes.iter().map(|&it| it.to_owned()).collect(),
        }
    }

    fn world(schemes: Vec<DeclaredScheme>) -> World {
        let mut world = World::new();
        world.answer(ProbeId::ListTools, "reader", 200, &[], "{}");
        world.valid("reader", &["r"]);
        world.tool("create_note").schemes = Some(schemes);
        world
    }

    #[test]
    fn a_declared_scope_that_is_not_enforced_warns() {
        let mut world = world(vec![scheme("oauth2", &["w"])]);
        world.cell("create_note", "reader", Access::Allowed);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn a_declared_scope_that_is_enforced_holds() {
        let mut world = world(vec![scheme("oauth2", &["w"])]);
        world.cell("create_note", "reader", Access::Denied);
        world.cell("create_note", "anonymous", Access::Denied);
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.valid("writer", &["w"]);
        world.cell("create_note", "writer", Access::Allowed);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn validation_without_a_token_contradicts_and_with_a_narrow_token_does_not_decide() {
        let mut world = world(vec![scheme("oauth2", &["w"])]);
        world.cell("create_note", "reader", Access::Reached);
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.cell("create_note", "anonymous", Access::Reached);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn a_declared_scope_that_no_token_lacked_is_not_determined() {
        let mut world = world(vec![scheme("oauth2", &["r"])]);
        world.cell("create_note", "reader", Access::Allowed);
        let Verdict::Inconclusive { reason, decided_by } = world.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(reason.contains("no token without it"), "{reason}");
        assert!(decided_by.is_some());
    }

    #[test]
    fn more_scopes_than_it_takes_and_fewer_are_named() {
        let two = |first: Access, second: Access, declared: &[&str]| {
            let mut world = world(vec![scheme("oauth2", declared)]);
            world.valid("wide", &["r", "w"]);
            world.cell("create_note", "reader", first);
            world.cell("create_note", "wide", second);
            let found = world.verdict(ID);
            let found = found.findings().iter();
            let found = found.filter(|it| it.subject.ends_with(" scopes"));
            found.map(|it| it.message.clone()).collect::<Vec<_>>()
        };
        let many = two(Access::Denied, Access::Allowed, &["w", "x"]);
        assert!(many[0].contains("`x`"), "{many:?}");
        let few = two(Access::Denied, Access::Allowed, &["r"]);
        assert!(few[0].contains("`w`") || few[0].contains("less"), "{few:?}");
        assert!(two(Access::Denied, Access::Allowed, &["w"]).is_empty());
    }

    #[test]
    fn a_public_tool_that_refuses_contradicts() {
        let mut world = world(vec![scheme("noauth", &[])]);
        world.cell("create_note", "anonymous", Access::Denied);
        assert_eq!(world.status(ID), Status::Warn);
    }

    #[test]
    fn noauth_beside_scopes_warns_and_no_declaration_does_not_apply() {
        let both = world(vec![scheme("noauth", &[]), scheme("oauth2", &["w"])]);
        assert_eq!(both.status(ID), Status::Warn);
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
