//! What a subject says of itself beside what was seen to open it: scope sets against scope sets.

use crate::model::identity::ScopeSet;
use crate::model::policy::{EffectiveRule, Gate};

/// How a declaration and what was seen compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// They agree; whether that is all there is to know.
    Agrees {
        /// Whether the smallest sets that open the subject are known.
        exact: bool,
    },
    /// A token without these declared scopes was let in.
    TooMany(ScopeSet),
    /// A token with everything declared was refused; these are needed beyond it, as far as is known.
    TooFew(ScopeSet),
    /// The tokens that were tried do not tell.
    NotDetermined(String),
}

/// Compares a declaration, any one set of which is to suffice, with a rule.
pub fn compare(declared: &[ScopeSet], rule: &EffectiveRule) -> Fit {
    let meets = |held: &ScopeSet| declared.iter().any(|set| set.is_subset(held));
    if let Some(refused) = rule.refused_for.iter().find(|held| meets(held)) {
        let known = declared.iter().find(|set| set.is_subset(refused));
        let beyond = known.map(|set| rule.required.difference(set).cloned().collect());
        return Fit::TooFew(beyond.unwrap_or_default());
    }
    if let Some(opened) = rule.opened_by.iter().find(|held| !meets(held)) {
        let lacking = declared.iter().map(|set| set.difference(opened).cloned());
        let lacking = lacking.map(Iterator::collect::<ScopeSet>);
        return Fit::TooMany(lacking.min_by_key(ScopeSet::len).unwrap_or_default());
    }
    match rule.gate {
        Gate::NoToken | Gate::AnyToken | Gate::Scopes => Fit::Agrees { exact: rule.exact },
        Gate::EveryTokenTried if declared.iter().any(ScopeSet::is_empty) => {
            Fit::Agrees { exact: false }
        }
        Gate::EveryTokenTried => Fit::NotDetermined("no token without it was tried".to_owned()),
        Gate::NoTokenTried => Fit::NotDetermined("no token with it was tried".to_owned()),
        Gate::Inconsistent | Gate::NotDetermined => {
            let open = rule.open.as_deref().unwrap_or("not decided");
            Fit::NotDetermined(open.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::matrix::Confidence;
    use crate::oracle::testing::scopes;

    fn rule(gate: Gate, opened: &[&[&str]], refused: &[&[&str]]) -> EffectiveRule {
        EffectiveRule {
            subject: "tool/a".to_owned(),
            gate,
            opened_by: opened.iter().map(|set| scopes(set)).collect(),
            refused_for: refused.iter().map(|set| scopes(set)).collect(),
            required: ScopeSet::new(),
            exact: false,
            ran: true,
            confidence: Confidence::Strong,
            open: None,
            settled_by: Vec::new(),
            decided_by: None,
            exchanges: Vec::new(),
        }
    }

    #[test]
    fn a_smaller_set_that_opens_shows_what_is_declared_in_vain() {
        let seen = rule(Gate::Scopes, &[&["a"]], &[&[]]);
        let fit = compare(&[scopes(&["a", "b"])], &seen);
        assert_eq!(fit, Fit::TooMany(scopes(&["b"])));
    }

    #[test]
    fn the_nearest_of_several_declared_sets_is_named() {
        let seen = rule(Gate::Scopes, &[&["a"]], &[&[]]);
        let declared = [scopes(&["b", "c", "d"]), scopes(&["a", "b"])];
        assert_eq!(compare(&declared, &seen), Fit::TooMany(scopes(&["b"])));
    }

    #[test]
    fn a_refused_token_that_holds_it_all_shows_what_is_left_out() {
        let mut seen = rule(Gate::Scopes, &[&["a", "b"]], &[&["a"]]);
        seen.required = scopes(&["a", "b"]);
        let fit = compare(&[scopes(&["a"])], &seen);
        assert_eq!(fit, Fit::TooFew(scopes(&["b"])));
    }

    #[test]
    fn equal_sets_agree_and_say_whether_smaller_ones_were_tried() {
        let mut seen = rule(Gate::Scopes, &[&["a", "b", "c"]], &[&["c"]]);
        let declared = [scopes(&["a"])];
        assert_eq!(compare(&declared, &seen), Fit::Agrees { exact: false });
        seen.exact = true;
        assert_eq!(compare(&declared, &seen), Fit::Agrees { exact: true });
    }

    #[test]
    fn what_the_tokens_do_not_tell_is_not_determined() {
        for (gate, opened, refused) in [
            (Gate::EveryTokenTried, &[&["a", "b"][..]][..], &[][..]),
            (Gate::NoTokenTried, &[][..], &[&["b"][..]][..]),
            (Gate::Inconsistent, &[][..], &[][..]),
            (Gate::NotDetermined, &[][..], &[][..]),
        ] {
            let fit = compare(&[scopes(&["a"])], &rule(gate, opened, refused));
            assert!(matches!(fit, Fit::NotDetermined(_)), "{gate:?}: {fit:?}");
        }
    }

    #[test]
    fn any_valid_token_is_enough_where_no_scope_is_declared() {
        let seen = rule(Gate::EveryTokenTried, &[&["a"]], &[]);
        let fit = compare(&[ScopeSet::new()], &seen);
        assert_eq!(fit, Fit::Agrees { exact: false });
    }
}
