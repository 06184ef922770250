//! SCP-05: a token that lacks a scope is answered with 403 and a challenge that says so.
//!
//! MCP §Error Handling, §Runtime Insufficient Scope Errors; RFC 6750 §3.1.

use crate::checks::access::is_narrower;
use crate::checks::case::{Case, Draft};
use crate::checks::evidence::{Evidence, ToolCell};
use crate::checks::tokens::challenge_params;
use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::matrix::{Class, Confidence, Layer};
use crate::model::target::Revision;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads how calls of under-privileged tokens were refused.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let refusals: Vec<_> = evidence
        .valid_cells()
        .filter(|it| is_for_want_of_scope(evidence, it))
        .filter_map(|it| Some((it, evidence.exchange(it.answer()?)?)))
        .collect();
    if refusals.is_empty() {
        return Verdict::NotApplicable("no call was refused for want of a scope".to_owned());
    }
    let mut case = evidence.case();
    for (it, exchange) in &refusals {
        read(evidence, &mut case, it, exchange);
    }
    case.verdict(Verdict::Held(format!(
        "{} refusal(s) came as HTTP 403 with a challenge",
        refusals.len()
    )))
}

fn read(evidence: &Evidence<'_>, case: &mut Case<'_>, it: &ToolCell<'_>, exchange: &Exchange) {
    let tool = &it.tool.name;
    let who = &it.identity.name;
    let status = exchange.status().unwrap_or_default();
    if status != 403 {
        let shape = match status {
            200..300 => format!("inside HTTP {status}"),
            _ => format!("with HTTP {status}"),
        };
        let message = format!("`{tool}` refused `{who}` {shape}, expected HTTP 403");
        let subject = format!("refusals {shape}");
        return case.breach(draft(evidence, it, subject, message, exchange.id));
    }
    if !evidence.since(Revision::R2025_11) {
        return;
    }
    let params = exchange
        .response()
        .and_then(challenge_params)
        .unwrap_or_default();
    let has = |name: &str| params.iter().any(|(known, _)| known == name);
    let error = params.iter().find(|(name, _)| name == "error");
    let lacking: Vec<&str> = EXPECTED
        .into_iter()
        .filter(|name| match *name {
            "error" => error.is_none_or(|(_, value)| value != "insufficient_scope"),
            name => !has(name),
        })
        .collect();
    if !lacking.is_empty() {
        let message = format!(
            "`{tool}` refused `{who}` with HTTP 403 and a challenge without {}",
            lacking
                .join(", ")
                .replace("error", "error=\"insufficient_scope\"")
        );
        let why = "the refusal itself is right";
        let subject = "challenges of refusals".to_owned();
        let draft = draft(evidence, it, subject, message, exchange.id);
        case.advise(draft.at_most(Severity::Low, why));
    }
}

fn draft(
    evidence: &Evidence<'_>,
    it: &ToolCell<'_>,
    subject: String,
    message: String,
    at: ExchangeId,
) -> Draft {
    let mut others = evidence.valid_cells_of(it.tool);
    let allowed = others.find(|other| other.got_in() && other.identity.name != it.identity.name);
    let draft = Draft::new(subject, message).at(at, Part::Status, "the refusal");
    let draft = draft.confidence(it.cell.confidence);
    match allowed.and_then(|other| other.answer()) {
        Some(answer) => draft.at(answer, Part::Status, "a wider token gets further"),
        None => draft,
    }
}

fn is_for_want_of_scope(evidence: &Evidence<'_>, it: &ToolCell<'_>) -> bool {
    let hidden = it.cell.class == Some(Class::HiddenUnknownTool) && it.cell.listed == Some(false);
    let other_cause = matches!(
        it.cell.class,
        Some(Class::DeniedOtherPolicy | Class::UpstreamAuthFailure | Class::RateLimited)
    );
    it.is_refused()
        && it.cell.confidence >= Confidence::Strong
        && it.cell.layer != Some(Layer::Backend)
        && !hidden
        && !other_cause
        && (is_narrower(evidence, it) || it.cell.class == Some(Class::StepUpChallenge))
}

const EXPECTED: [&str; 3] = ["error", "scope", "resource_metadata"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::matrix::Access;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "insufficient-scope-not-challenged";
    const FULL: &str = "Bearer error=\"insufficient_scope\", scope=\"w\", \
        resource_metadata=\"https://mcp.example.com/x\"";

    fn world(status: u16, challenge: Option<&str>) -> World {
        let mut world = World::new();
        world.valid("reader", &["r"]);
        world.valid("admin", &["r", "w"]);
        world.tool("create_note");
        let headers: Vec<_> = challenge
            .iter()
            .map(|it| ("WWW-Authenticate", *it))
            .collect();
        let id = world.answer(ProbeId::CallInvalid, "reader", status, &headers, "{}");
        world
            .cell("create_note", "reader", Access::Denied)
            .exchanges = vec![id];
        world.cell("create_note", "admin", Access::Reached);
        world
    }

    #[test]
    fn a_full_challenge_holds() {
        assert_eq!(world(403, Some(FULL)).status(ID), Status::Pass);
    }

    #[test]
    fn another_status_is_broken() {
        for status in [200, 401, 404, 500] {
            assert_eq!(
                world(status, Some(FULL)).status(ID),
                Status::Fail,
                "{status}"
            );
        }
    }

    #[test]
    fn a_bare_403_warns_since_2025_11_25() {
        let mut bare = world(403, None);
        assert_eq!(bare.status(ID), Status::Warn);
        bare.revision(Revision::R2025_06);
        assert_eq!(bare.status(ID), Status::Pass);
    }

    #[test]
    fn a_hidden_tool_that_answers_as_unknown_is_no_scope_refusal() {
        let mut world = world(200, None);
        let cell = &mut world.collected.matrices[0].cells[0];
        cell.class = Some(Class::HiddenUnknownTool);
        cell.listed = Some(false);
        assert_eq!(world.status(ID), Status::NotApplicable);
    }

    #[test]
    fn a_token_of_another_kind_is_no_witness() {
        let mut world = world(200, None);
        world.collected.identities.present[1].believed = None;
        assert_eq!(world.status(ID), Status::NotApplicable);
    }
}
