//! What is intended for a tool, from the first source that says so.

use crate::model::identity::{IdentityKind, ScopeSet};
use crate::model::matrix::{Confidence, Layer};
use crate::model::probe::ProbeId;
use crate::model::settings::PolicyEntry;
use crate::model::surface::Subject;
use crate::oracle::policy::{alternatives, intended};

use super::evidence::{Evidence, ToolCell};
use super::scopes;

/// What a tool asks of its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// No token is needed.
    Public,
    /// Any of these scope sets; an empty set means any valid token, no set that nobody may.
    Scopes(Vec<ScopeSet>),
}

/// An intent and who stated it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// What is intended.
    pub(crate) intent: Intent,
    /// Who says so, as a phrase for a sentence.
    pub(crate) source: &'static str,
}

impl Policy {
    /// Whether the policy lets this caller in; `None` when its scopes are not known.
    pub(crate) fn permits(&self, it: &ToolCell<'_>) -> Option<bool> {
        let Intent::Scopes(alternatives) = &self.intent else {
            return Some(true);
        };
        if it.identity.kind.must_be_refused() || alternatives.is_empty() {
            return Some(false);
        }
        if alternatives.iter().any(ScopeSet::is_empty) {
            return Some(true);
        }
        let held = it.identity.scopes()?;
        Some(alternatives.iter().any(|scopes| scopes.is_subset(held)))
    }

    /// What is asked, as a phrase for a sentence.
    pub(crate) fn demand(&self) -> String {
        match &self.intent {
            Intent::Public => "no token".to_owned(),
            Intent::Scopes(alternatives) if alternatives.is_empty() => {
                "what nobody holds (`deny = true`)".to_owned()
            }
            Intent::Scopes(alternatives) if alternatives.iter().any(ScopeSet::is_empty) => {
                "a valid token".to_owned()
            }
            Intent::Scopes(alternatives) => {
                let each: Vec<String> = alternatives.iter().map(scopes::list).collect();
                format!("the scope {}", each.join(" or "))
            }
        }
    }
}

/// What is stated for a tool: by the operator, else by its declaration.
pub(crate) fn stated(evidence: &Evidence<'_>, tool: &Subject) -> Option<Policy> {
    by_operator(&evidence.collected().policy, tool).or_else(|| declared(tool))
}

/// What the tool declares of itself in `securitySchemes`; an array is an OR.
pub(crate) fn declared(tool: &Subject) -> Option<Policy> {
    let schemes = tool.schemes.as_ref()?;
    let source = "the tool's own securitySchemes";
    if schemes.iter().any(|scheme| scheme.kind == "noauth") {
        return Some(Policy {
            intent: Intent::Public,
            source,
        });
    }
    let oauth = schemes.iter().filter(|scheme| scheme.kind == "oauth2");
    let alternatives: Vec<ScopeSet> = oauth.map(|scheme| scheme.scopes.clone()).collect();
    (!alternatives.is_empty() && alternatives.len() == schemes.len()).then_some(Policy {
        intent: Intent::Scopes(alternatives),
        source,
    })
}

/// What is stated, else what a refusal named and a scope flip confirmed.
pub(crate) fn stated_or_derived(evidence: &Evidence<'_>, tool: &Subject) -> Option<Policy> {
    stated(evidence, tool).or_else(|| derived(evidence, tool))
}

/// Whether a refusal came before argument validation.
pub(crate) fn before_validation(evidence: &Evidence<'_>, it: &ToolCell<'_>) -> bool {
    let asked_invalid = || {
        let answer = it.answer().and_then(|answer| evidence.exchange(answer));
        answer.is_some_and(|exchange| exchange.probe.id == ProbeId::CallInvalid)
    };
    it.is_refused()
        && (it.cell.layer == Some(Layer::ToolGateBeforeValidation)
            || (it.cell.layer != Some(Layer::ServerGate) && asked_invalid()))
}

/// Whether a caller holds less than the strongest one: no token, or a true subset of its scopes.
pub(crate) fn is_narrower(evidence: &Evidence<'_>, it: &ToolCell<'_>) -> bool {
    if it.identity.kind == IdentityKind::Anonymous {
        return true;
    }
    let widest = evidence.baseline().and_then(scopes::held);
    match (scopes::held(it.identity), widest) {
        (Some(held), Some(widest)) => held.is_subset(&widest) && held != widest,
        _ => false,
    }
}

fn by_operator(policy: &[PolicyEntry], tool: &Subject) -> Option<Policy> {
    let entry = intended(policy, tool)?;
    let intent = if entry.deny {
        Intent::Scopes(Vec::new())
    } else if entry.public {
        Intent::Public
    } else {
        Intent::Scopes(alternatives(entry))
    };
    Some(Policy {
        intent,
        source: "the operator's policy",
    })
}

fn derived(evidence: &Evidence<'_>, tool: &Subject) -> Option<Policy> {
    let cells = evidence.valid_cells_of(tool);
    let refusals = cells.filter(|it| it.is_refused() && it.cell.confidence == Confidence::Proven);
    let named = refusals.map(|it| {
        it.cell
            .challenged_scopes
            .iter()
            .cloned()
            .collect::<ScopeSet>()
    });
    let scopes = named.reduce(|known, next| known.intersection(&next).cloned().collect())?;
    (!scopes.is_empty()).then_some(Policy {
        intent: Intent::Scopes(vec![scopes]),
        source: "the server's own refusals",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::surface::DeclaredScheme;

    fn scheme(kind: &str, scopes: &[&str]) -> DeclaredScheme {
        DeclaredScheme {
            kind: kind.to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        }
    }

    #[test]
    fn the_operator_is_heard_before_the_declaration() {
        let mut world = World::new();
        world.tool("read_note").schemes = Some(vec![scheme("oauth2", &["notes:read"])]);
        let tool = world.collected.surface.subjects[0].clone();
        let evidence = world.evidence("unauthorized-tool-callable");
        let policy = stated(&evidence, &tool).unwrap();
        assert_eq!(policy.demand(), "the scope `notes:read`");
        world.policy(&["read_*"], &[], true);
        let evidence = world.evidence("unauthorized-tool-callable");
        assert_eq!(stated(&evidence, &tool).unwrap().intent, Intent::Public);
    }

    #[test]
    fn an_array_of_schemes_is_an_or_and_noauth_makes_it_public() {
        let mut tool = World::new().tool("t").clone();
        assert!(declared(&tool).is_none());
        tool.schemes = Some(vec![scheme("oauth2", &["a"]), scheme("oauth2", &["b"])]);
        let Some(Intent::Scopes(alternatives)) = declared(&tool).map(|policy| policy.intent) else {
            panic!("expected scopes");
        };
        assert_eq!(alternatives.len(), 2);
        tool.schemes = Some(vec![scheme("oauth2", &["a"]), scheme("noauth", &[])]);
        assert_eq!(declared(&tool).unwrap().intent, Intent::Public);
        tool.schemes = Some(vec![scheme("mutualTLS", &[])]);
        assert!(declared(&tool).is_none());
    }
}
