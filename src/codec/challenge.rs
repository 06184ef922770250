//! `WWW-Authenticate`: the grammar of RFC 9110 §11.6.1 first, a forgiving scan second.

use std::collections::BTreeSet;

use crate::model::discovery::{Challenge, Challenges};
use crate::model::identity::ScopeSet;

use super::challenge_scan::scan;

/// Reads every value of the field; what the grammar refuses is read leniently and marked.
///
/// A parameter without a name is the `token68` of schemes such as `Negotiate`.
pub fn parse(values: &[&str]) -> Challenges {
    let mut found = Challenges {
        raw: values.iter().map(|value| (*value).to_owned()).collect(),
        ..Challenges::default()
    };
    for (index, value) in values.iter().enumerate() {
        if let Some(challenges) = strict(value) {
            found.challenges.extend(challenges);
            continue;
        }
        let scanned = scan(value);
        let lenient = scanned.deviation.is_some();
        found
            .challenges
            .extend(scanned.challenges.into_iter().map(|challenge| Challenge {
                strict: !lenient,
                ..challenge
            }));
        if let (Some((at, what)), None) = (scanned.deviation, &found.problem) {
            let field = match values.len() {
                0 | 1 => String::new(),
                count => format!("field {} of {count}, ", index.saturating_add(1)),
            };
            found.problem = Some(format!("{field}byte {at}: {what}"));
        }
    }
    found
}

/// The scopes that a challenge names; `None` when it has no `scope` parameter.
///
/// # Errors
/// The inner result says what is wrong when the value is not a scope list (RFC 6749 §3.3) or when
/// repeated `scope` parameters disagree (RFC 6750 §3 allows one).
pub fn scopes(challenge: &Challenge) -> Option<Result<ScopeSet, String>> {
    let mut lists = challenge
        .params
        .iter()
        .filter(|(name, _)| name == "scope")
        .map(|(_, value)| scope_set(value));
    let first = lists.next()?;
    let all: BTreeSet<_> = lists.chain([first.clone()]).collect();
    if all.len() > 1 {
        let count = all.len();
        return Some(Err(format!(
            "`scope` is given several times with {count} different values; expected one"
        )));
    }
    Some(first)
}

/// Splits a scope list and checks its characters (RFC 6749 §3.3).
///
/// # Errors
/// When the list is empty or a character is outside `%x21 / %x23-5B / %x5D-7E`.
pub fn scope_set(list: &str) -> Result<ScopeSet, String> {
    let set: ScopeSet = list
        .split(' ')
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect();
    if set.is_empty() {
        return Err("`scope` is empty; expected at least one scope".to_owned());
    }
    let strange = set
        .iter()
        .find_map(|scope| Some((scope, scope.chars().find(|c| !is_scope_char(*c))?)));
    match strange {
        Some((scope, c)) => Err(format!(
            "scope `{}` holds {}, which RFC 6749 §3.3 does not allow",
            scope.escape_debug(),
            c.escape_unicode()
        )),
        None => Ok(set),
    }
}

const fn is_scope_char(c: char) -> bool {
    matches!(c, '\x21' | '\x23'..='\x5B' | '\x5D'..='\x7E')
}

fn strict(value: &str) -> Option<Vec<Challenge>> {
    let challenges = http_auth::parse_challenges(value).ok()?;
    Some(
        challenges
            .into_iter()
            .map(|challenge| Challenge {
                scheme: challenge.scheme.to_owned(),
                params: challenge
                    .params
                    .iter()
                    .map(|(name, value)| (name.to_ascii_lowercase(), value.to_unescaped()))
                    .collect(),
                strict: true,
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(value: &str) -> Challenges {
        parse(&[value])
    }

    fn params(value: &str) -> Vec<(String, String)> {
        one(value).token_challenge().unwrap().params.clone()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_scope_aware_challenges_of_the_wire_guide_are_strict() {
        let found = one(
            "Bearer error=\"insufficient_scope\", scope=\"files:read files:write\", \
             resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\", \
             error_description=\"Additional file write permission required\"",
        );
        assert_eq!(found.problem, None);
        let challenge = found.token_challenge().unwrap();
        assert!(challenge.strict);
        assert_eq!(challenge.param("error"), Some("insufficient_scope"));
        assert_eq!(scopes(challenge), Some(scope_set("files:write files:read")));
    }

    #[test]
    fn several_challenges_share_a_value_and_quoted_commas_stay_inside() {
        let found = one("Basic realm=\"a, b\", Bearer realm=\"mcp\", scope=\"x\"");
        assert_eq!(found.challenges.len(), 2);
        assert_eq!(found.challenges[0].params, [pair("realm", "a, b")]);
        assert_eq!(found.token_challenge().unwrap().param("scope"), Some("x"));
        assert_eq!(found.problem, None);
    }

    #[test]
    fn an_unquoted_url_is_read_leniently_with_its_offset() {
        let found = one("Bearer resource_metadata=https://h/.well-known/x?a=b, scope=\"s\"");
        let challenge = found.token_challenge().unwrap();
        assert!(!challenge.strict);
        assert_eq!(
            challenge.param("resource_metadata"),
            Some("https://h/.well-known/x?a=b")
        );
        assert_eq!(challenge.param("scope"), Some("s"));
        assert_eq!(found.problem.unwrap(), "byte 30: `:` needs a quoted value");
    }

    #[test]
    fn missing_commas_are_bridged() {
        assert_eq!(
            params("Bearer error=\"invalid_token\" scope=\"a b\" realm=x"),
            [
                pair("error", "invalid_token"),
                pair("scope", "a b"),
                pair("realm", "x")
            ]
        );
        let found = one("Basic realm=\"x\" Bearer scope=\"y\"");
        assert_eq!(found.challenges.len(), 2);
        assert!(found.problem.unwrap().starts_with("byte 16: "));
    }

    #[test]
    fn unquoted_scope_lists_keep_every_scope() {
        assert_eq!(
            params("Bearer scope=files:read files:write, error=insufficient_scope"),
            [
                pair("scope", "files:read files:write"),
                pair("error", "insufficient_scope")
            ]
        );
    }

    #[test]
    fn text_in_quotes_is_never_taken_for_a_parameter() {
        for value in [
            "Bearer error_description=\"needs scope=admin, scope=\\\"root\\\"\"",
            "Bearer error_description=\"say \"scope=admin\" please\", realm=:",
            "Bearer realm=:, error_description=\"needs scope=admin",
            "Bearer : \"scope=admin\"",
        ] {
            let found = one(value);
            let challenge = found.token_challenge().unwrap();
            assert_eq!(challenge.param("scope"), None, "{value}");
        }
        assert_eq!(
            params("Bearer error_description=\"none\", scope=admin"),
            [pair("error_description", "none"), pair("scope", "admin")]
        );
    }

    #[test]
    fn token68_and_wide_gaps_and_non_ascii_text_are_legal() {
        for value in [
            "Negotiate YIIfoo/bar+==, Bearer realm=\"x\"",
            "Bearer   realm=\"x\"",
            "Bearer error_description=\"Jeton expiré\", realm=\"x\"",
        ] {
            let found = one(value);
            assert_eq!(found.problem, None, "{value}");
            assert!(found.challenges.iter().all(|challenge| challenge.strict));
            assert_eq!(found.token_challenge().unwrap().param("realm"), Some("x"));
        }
        assert_eq!(
            one("Negotiate abc==").challenges[0].params,
            [pair("", "abc==")]
        );
    }

    #[test]
    fn odd_shapes_still_yield_their_parameters() {
        for value in [
            "Bearer, resource_metadata=\"u\"",
            "Bearer: resource_metadata=\"u\"",
            "Bearer resource_metadata='u'; scope=\"x\"",
            "Bearer realm=, resource_metadata=u;",
            "Bearer error_description=Oh, no, resource_metadata=\"u\"",
            "Bearer resource_metadata=\"u",
            "Bearer error=\"x\" resource_metadata=u",
        ] {
            let found = one(value);
            assert!(found.problem.is_some(), "{value}");
            let challenge = found.token_challenge().unwrap();
            assert_eq!(challenge.param("resource_metadata"), Some("u"), "{value}");
        }
    }

    #[test]
    fn a_parameter_without_a_scheme_is_kept_and_reported() {
        let found = one("resource_metadata=\"u\"");
        assert_eq!(found.challenges[0].scheme, "");
        assert_eq!(found.challenges[0].param("resource_metadata"), Some("u"));
        assert!(found.problem.is_some() && found.token_challenge().is_none());
    }

    #[test]
    fn duplicates_are_kept_and_disagreeing_scopes_are_an_error() {
        let found = one("Bearer scope=\"a\", scope=\"b\"");
        assert_eq!(found.challenges[0].params.len(), 2);
        assert!(scopes(&found.challenges[0]).unwrap().is_err());
        let same = one("Bearer scope=\"a b\", scope=\"b a\"");
        assert!(scopes(&same.challenges[0]).unwrap().is_ok());
        assert_eq!(scopes(&one("Bearer").challenges[0]), None);
    }

    #[test]
    fn scope_characters_follow_the_grammar() {
        assert!(scope_set("a:b/c https://x/y !").is_ok());
        assert!(scope_set("a\"b").is_err());
        assert!(scope_set("a\\b").is_err());
        assert!(scope_set("ä").is_err());
        assert!(scope_set("").is_err());
    }

    #[test]
    fn an_empty_field_is_a_problem_and_the_other_fields_count() {
        let found = parse(&["", "Bearer realm=\"x\""]);
        assert_eq!(found.challenges.len(), 1);
        assert!(found.problem.unwrap().starts_with("field 1 of 2, byte 0"));
        assert_eq!(parse(&[]), Challenges::default());
    }

    #[test]
    fn a_hostile_value_stays_bounded() {
        let found = parse(&[&"Bearer a=:,".repeat(20_000)]);
        assert!(found.challenges.len() <= 64);
        let found = parse(&[&format!("Bearer {}", "a=:,".repeat(20_000))]);
        assert!(found.challenges[0].params.len() <= 64);
    }

    proptest! {
        #[test]
        fn parsing_never_panics(value in any::<String>()) {
            let _ = parse(&[&value]);
        }

        #[test]
        fn dense_punctuation_never_panics(value in r#"(Bearer|[a-c]|[ ,="'\\;:\té])*"#) {
            let _ = parse(&[&value]);
        }

        #[test]
        fn the_scan_agrees_wherever_the_grammar_accepts(
            value in r#"(Bearer|Basic)( [a-c] ?= ?([a-c]{1,2}|"[a-c ,=\\\\]{0,4}"))?((, |,|  |, ,)(Basic|[a-c]=[a-c]|[a-c]="[ a-c,]{0,3}")){0,4}"#
        ) {
            if let Some(expected) = strict(&value) {
                let scanned = scan(&value);
                prop_assert_eq!(scanned.deviation, None);
                prop_assert_eq!(scanned.challenges, expected);
            }
        }
    }
}
