//! EXT-07: a token that is bound to a client certificate opens nothing without that certificate.
//!
//! RFC 8705 §3; the MCP profile speaks of DPoP only, so that a breach warns.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::tokens;
use crate::model::identity::Identity;
use crate::model::matrix::GateOutcome;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};
use crate::oracle::gates::admits;

/// The audit shows the target no certificate, so that every list a bound token opened is one too many.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let bound: Vec<&Identity> = evidence.usable().filter(|it| is_bound(it)).collect();
    if bound.is_empty() {
        return Verdict::NotApplicable(
            "no token of the audit names a client certificate (`cnf`, `x5t#S256`)".to_owned(),
        );
    }
    let mut case = evidence.case();
    let mut unknown = 0_usize;
    for identity in &bound {
        let lists = evidence.probed(ProbeId::ListTools);
        let mut own = lists.filter(|exchange| exchange.identity == identity.name);
        let Some(opened) = own.find(|list| admits(list) == GateOutcome::Accepted) else {
            unknown += 1;
            continue;
        };
        if tokens::is_list_open(evidence) {
            case.doubt("the lists are open without a token as well", None);
            continue;
        }
        let message = format!(
            "the token of `{}` is bound to a client certificate (`cnf`, `x5t#S256`) and opened the \
             tool list without one, expected HTTP 401 `invalid_token`",
            identity.name
        );
        let draft = Draft::new(format!("token of {}", identity.name), message);
        case.advise(draft.at(opened.id, Part::Status, "accepted without a certificate"));
    }
    if unknown > 0 {
        case.doubt(
            "a bound token opened no list; without a certificate that it works with, its refusal may \
             have other reasons",
            None,
        );
    }
    case.verdict(Verdict::inconclusive("no bound token was judged"))
}

fn is_bound(identity: &Identity) -> bool {
    let claims = identity.claims.as_ref();
    claims.is_some_and(|claims| claims.certificate_bound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::discovery::AnonymousAccess;
    use crate::model::identity::Claims;
    use crate::model::verdict::Status;

    const ID: &str = "certificate-bound-token-accepted";
    const LISTED: &str = r#"{"jsonrpc":"2.0","id":null,"result":{"tools":[]}}"#;

    fn world(bound: bool, status: u16) -> World {
        let mut world = World::new();
        world.valid("machine", &["notes:read"]).claims = Some(Claims {
            certificate_bound: bound,
            ..Claims::default()
        });
        let body = if status == 200 { LISTED } else { "" };
        world.answer(ProbeId::ListTools, "machine", status, &[], body);
        world
    }

    #[test]
    fn a_bound_token_that_opens_a_list_without_its_certificate_falls_short() {
        assert_eq!(world(true, 200).status(ID), Status::Warn);
        assert_eq!(world(true, 200).verdict(ID).findings().len(), 1);
    }

    #[test]
    fn a_refusal_alone_proves_nothing_about_the_certificate() {
        assert_eq!(world(true, 401).status(ID), Status::Inconclusive);
        assert_eq!(world(true, 503).status(ID), Status::Inconclusive);
    }

    #[test]
    fn ordinary_tokens_and_open_lists_break_nothing() {
        assert_eq!(world(false, 200).status(ID), Status::NotApplicable);
        let mut open = world(true, 200);
        open.collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(open.status(ID), Status::Inconclusive);
    }
}
