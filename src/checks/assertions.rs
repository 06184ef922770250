//! What became of assertions that nobody could have made.

use crate::model::token_endpoint::{TokenAttempt, TokenEndpoint, TokenOutcome, TokenQuestion};
use crate::model::verdict::{Part, Verdict};

use super::case::Draft;
use super::evidence::Evidence;

/// How one kind of assertion is judged.
pub(super) struct Rule {
    /// Which question it was.
    pub(super) question: TokenQuestion,
    /// What it is called in a sentence.
    pub(super) noun: &'static str,
    /// The error that shows the assertion itself to have been refused.
    pub(super) expected: &'static str,
    /// Why the question does not apply where it was not asked.
    pub(super) absent: &'static str,
}

/// Token issued: broken. The expected error for a client that exists: held. Anything else is open.
pub(super) fn judge(evidence: &Evidence<'_>, rule: &Rule) -> Verdict {
    let mut case = evidence.case();
    let mut asked = 0_usize;
    let mut unsupported = 0_usize;
    let mut refused = Vec::new();
    for endpoint in &evidence.collected().token_endpoints {
        let attempts: Vec<_> = endpoint.asked(rule.question).collect();
        asked += attempts.len();
        let mut judged = false;
        for attempt in &attempts {
            match (&attempt.outcome, attempt.outcome.error()) {
                (TokenOutcome::Issued, _) => case.breach(broken(rule, endpoint, attempt)),
                (_, Some("unsupported_grant_type")) => unsupported += 1,
                (_, Some(error)) if shows(rule, attempt, error) => {
                    judged = true;
                    refused.push(attempt.form.as_str());
                }
                _ => {}
            }
        }
        if let Some(attempt) = attempts.first().filter(|_| !judged) {
            case.doubt(open(rule, attempt), Some(OPERATOR));
        }
    }
    if asked == 0 {
        return Verdict::NotApplicable(rule.absent.to_owned());
    }
    if unsupported == asked {
        return Verdict::NotApplicable(
            "the metadata lists the grant, and the endpoint does not support it".to_owned(),
        );
    }
    case.verdict(Verdict::Held(format!(
        "{} forged {}(s) were refused with {}: {}",
        refused.len(),
        rule.noun,
        rule.expected,
        refused.join(", ")
    )))
}

/// A stranger may be refused before anybody looks at the assertion, with the same error.
fn shows(rule: &Rule, attempt: &TokenAttempt, error: &str) -> bool {
    let looked_at_client_first = error == "invalid_client" && attempt.client.is_none();
    error == rule.expected && !looked_at_client_first
}

fn broken(rule: &Rule, endpoint: &TokenEndpoint, attempt: &TokenAttempt) -> Draft {
    let who = attempt.client.as_deref().map_or_else(
        || "a client that does not exist".to_owned(),
        |client| format!("client `{client}`"),
    );
    let noun = rule.noun;
    let message = format!(
        "{who} got a token for a forged {noun} ({}), expected HTTP 400 or 401 {}",
        attempt.form, rule.expected
    );
    let draft = Draft::new(format!("{}: {}", endpoint.issuer, attempt.form), message);
    let draft = draft.at(attempt.exchange, Part::Status, "issued");
    match endpoint.control(None) {
        Some(control) if attempt.client.is_none() => {
            draft.at(control.exchange, Part::Status, "refused without it")
        }
        _ => draft,
    }
}

fn open(rule: &Rule, attempt: &TokenAttempt) -> String {
    let answer = attempt.outcome.words();
    match (&attempt.client, attempt.outcome.error()) {
        (None, Some(_)) => format!(
            "a client that does not exist got {answer} for a forged {}; whether the assertion of \
             a client that does exist is checked stays open",
            rule.noun
        ),
        _ => format!(
            "a forged {} got {answer}, which does not show whether it was checked",
            rule.noun
        ),
    }
}

const OPERATOR: &str = "an identity with `client_credentials`";
