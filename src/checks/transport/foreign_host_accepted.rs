//! XPT-02: a local server refuses requests that name a foreign host.
//!
//! MCP transports page §Security Warning, item 2; DNS rebinding.

use crate::checks::answers::{self, describe};
use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::urls;
use crate::model::probe::ProbeId;
use crate::model::verdict::{Part, Verdict};

/// Compares a request that names a foreign host with the same one that names the server's own.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Some(asked) = evidence.probed(ProbeId::ForeignHost).next() else {
        let remote = urls::parse(evidence.endpoint())
            .filter(|url| !urls::is_loopback(url) && !urls::is_internal(url));
        return match remote {
            Some(_) => Verdict::NotApplicable(
                "the endpoint is on another machine, where no page of a local network leads"
                    .to_owned(),
            ),
            None => Verdict::inconclusive("no request named a foreign host"),
        };
    };
    let mut plain = evidence.probed(ProbeId::ListTools);
    let control = plain
        .find(|it| it.identity == asked.identity)
        .and_then(answers::status);
    let mut case = evidence.case();
    match (answers::status(asked), control) {
        (Some(status @ 200..300), _) => {
            let message = format!(
                "{} to a request whose `Host` is not this server, expected 403 or 421",
                describe(asked)
            );
            let draft = Draft::new("foreign host", message);
            case.breach(draft.at(asked.id, Part::Status, format!("HTTP {status}")));
        }
        (Some(401), Some(401)) => case.doubt(
            "every request needs a token, and the host is not looked at before that",
            Some("--identity"),
        ),
        (Some(status @ 400..500), Some(control)) if status != control => {}
        (_, Some(control)) => case.doubt(
            format!(
                "{} with a foreign host, HTTP {control} with its own",
                describe(asked)
            ),
            None,
        ),
        (_, None) => case.doubt("the same request with its own host was not answered", None),
    }
    case.verdict(Verdict::Held(format!(
        "a foreign host is refused: {}",
        describe(asked)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::verdict::Status;

    const ID: &str = "foreign-host-accepted";

    fn status(control: u16, foreign: u16) -> Status {
        let mut world = World::local();
        world.answer(ProbeId::ListTools, "admin", control, &[], "{}");
        world.answer(ProbeId::ForeignHost, "admin", foreign, &[], "{}");
        world.status(ID)
    }

    #[test]
    fn a_served_foreign_host_is_broken_and_a_refused_one_holds() {
        assert_eq!(status(200, 200), Status::Warn);
        assert_eq!(status(200, 403), Status::Pass);
        assert_eq!(status(200, 421), Status::Pass);
    }

    #[test]
    fn a_missing_token_or_a_fault_decides_nothing() {
        assert_eq!(status(401, 401), Status::Inconclusive);
        assert_eq!(status(200, 500), Status::Inconclusive);
        assert_eq!(World::local().status(ID), Status::Inconclusive);
    }

    #[test]
    fn a_remote_server_has_no_loopback() {
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
