//! Why a grant makes no ladder: what the server did with `scope`, told from the tokens it gave.

use crate::model::identity::ScopeSet;
use crate::model::ladder::Rung;

/// What the rungs of a ladder show of the server's way with `scope`; nothing when they are as asked.
pub fn explain(grant: &str, rungs: &[Rung]) -> Option<String> {
    let made: Vec<(&Rung, &ScopeSet)> = rungs
        .iter()
        .filter_map(|rung| Some((rung, rung.realised.as_ref()?)))
        .collect();
    let asked_less = made.iter().any(|(rung, _)| rung.asked != all(rungs));
    let mut realised = made.iter().map(|(_, held)| *held);
    let first = realised.next();
    let same = first.is_some_and(|first| realised.all(|held| held == first));
    if made.len() > 1 && same && asked_less {
        return Some(format!(
            "the authorization server ignores `scope` of `{grant}` requests: {} tokens, asked for \
             with different scopes, hold {} all of them",
            made.len(),
            list(first.into_iter().flatten()),
        ));
    }
    let more = made
        .iter()
        .find(|(rung, held)| !held.is_subset(&rung.asked));
    if let Some((rung, held)) = more {
        return Some(format!(
            "the authorization server grants more than `{grant}` requests ask for: asked {}, got {} \
             as well",
            list(&rung.asked),
            list(held.difference(&rung.asked)),
        ));
    }
    let less = made.iter().find(|(rung, held)| *held != &rung.asked);
    if let Some((rung, held)) = less {
        return Some(format!(
            "the authorization server grants less than `{grant}` requests ask for: asked {}, got {}",
            list(&rung.asked),
            list(*held),
        ));
    }
    let mut refused = rungs.iter().filter(|rung| rung.realised.is_none());
    let reason = refused.find_map(|rung| rung.unused.as_deref())?;
    Some(format!(
        "the grant `{grant}` gives no narrower token: {reason}"
    ))
}

fn all(rungs: &[Rung]) -> ScopeSet {
    rungs
        .iter()
        .flat_map(|rung| rung.asked.iter().cloned())
        .collect()
}

fn list<'s>(scopes: impl IntoIterator<Item = &'s String>) -> String {
    let quoted: Vec<String> = scopes
        .into_iter()
        .map(|scope| format!("`{scope}`"))
        .collect();
    if quoted.is_empty() {
        "none".to_owned()
    } else {
        quoted.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ladder::RungPurpose;

    fn set(text: &str) -> ScopeSet {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn rung(asked: &str, realised: Option<&str>) -> Rung {
        Rung {
            identity: asked.to_owned(),
            purpose: RungPurpose::AllButOne,
            asked: set(asked),
            realised: realised.map(set),
            passes_gate: None,
            unused: realised
                .is_none()
                .then(|| "HTTP 400 invalid_scope".to_owned()),
        }
    }

    fn said(rungs: &[Rung]) -> String {
        explain("refresh_token", rungs).unwrap_or_default()
    }

    #[test]
    fn a_server_that_gives_the_same_whatever_is_asked_ignores_the_scope() {
        let rungs = [rung("a b", Some("a b c")), rung("b c", Some("a b c"))];
        let text = said(&rungs);
        assert!(
            text.contains("ignores `scope`") && text.contains("`a` `b` `c`"),
            "{text}"
        );
    }

    #[test]
    fn more_and_less_than_asked_are_told_apart() {
        let more = said(&[rung("a", Some("a x")), rung("b", Some("b"))]);
        assert!(more.contains("more") && more.contains("got `x`"), "{more}");
        let less = said(&[rung("a b", Some("a")), rung("b", Some("b"))]);
        assert!(less.contains("less") && less.contains("got `a`"), "{less}");
        let nothing = said(&[rung("a", Some(""))]);
        assert!(nothing.contains("got none"), "{nothing}");
    }

    #[test]
    fn a_refusal_is_repeated_and_a_sound_ladder_needs_no_words() {
        let refused = said(&[rung("a", None), rung("b", None)]);
        assert!(refused.contains("invalid_scope"), "{refused}");
        assert_eq!(
            explain("x", &[rung("a", Some("a")), rung("b", Some("b"))]),
            None
        );
        assert_eq!(explain("x", &[]), None);
    }
}
