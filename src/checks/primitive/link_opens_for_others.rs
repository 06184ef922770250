//! PRIM-18: a link that a tool hands out opens only for those who may read it.
//!
//! Hardening on top of PRIM-14; MCP tools page §Resource Links.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::model::exchange::Exchange;
use crate::model::handles::{HandleAsk, LinkTrial, Role};
use crate::model::verdict::{Part, Severity, Verdict};
use crate::oracle::doors::{Shown, is_control, shown};

/// Reads what came of following links that only the strongest identity was handed.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let links = &evidence.collected().handles.links;
    if links.is_empty() {
        return Verdict::NotApplicable("no tool handed out a link that no list names".to_owned());
    }
    let mut case = evidence.case();
    let mut followed = 0_usize;
    for link in links {
        let owner: Vec<&Exchange> = of(link, Role::Owner)
            .filter_map(|ask| evidence.exchange(ask.exchange))
            .filter(|exchange| is_control(exchange))
            .collect();
        if owner.is_empty() {
            case.doubt(
                format!(
                    "`{}` does not open for whoever it was handed to either",
                    link.uri
                ),
                None,
            );
            continue;
        }
        for ask in link.asks.iter().filter(|ask| ask.role != Role::Owner) {
            followed += 1;
            let own = evidence.exchange(ask.exchange);
            match own.map(|own| shown(own, &owner, &[])) {
                Some(Shown::Disclosed) => {
                    let draft = draft(link, ask);
                    if ask.role == Role::Weaker {
                        case.breach(draft);
                    } else {
                        let why = "both users hold the scope, and the document may be shared";
                        case.advise(draft.at_most(Severity::Low, why));
                    }
                }
                Some(Shown::Refused | Shown::Empty | Shown::Missing) => {}
                Some(Shown::Unclear) | None => case.doubt(
                    format!(
                        "following `{}` as `{}` brought no clear answer",
                        link.uri, ask.identity
                    ),
                    None,
                ),
            }
        }
    }
    if followed == 0 && case.is_clean() {
        return Verdict::undecided(
            "nobody but the strongest identity could follow the links that tools handed out",
            "a token with fewer scopes, or an `[[identity]]` of `kind = \"other-user\"`",
        );
    }
    case.verdict(Verdict::Held(format!(
        "{followed} attempt(s) of others to follow a link were refused"
    )))
}

fn of(link: &LinkTrial, role: Role) -> impl Iterator<Item = &HandleAsk> {
    link.asks.iter().filter(move |ask| ask.role == role)
}

fn draft(link: &LinkTrial, ask: &HandleAsk) -> Draft {
    let refused = match ask.role {
        Role::Weaker => ", who is refused the tool,",
        _ => ", another user,",
    };
    let message = format!(
        "`{}` links to `{}`, and `{}`{refused} reads it; expected a refusal",
        link.tool, link.uri, ask.identity
    );
    let mut draft = Draft::new(link.uri.clone(), message)
        .at(ask.exchange, Part::Body, "what the link opens")
        .at(link.handed_out, Part::Body, "the link");
    for owner in of(link, Role::Owner) {
        draft = draft.at(owner.exchange, Part::Body, "the control");
    }
    draft
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::{ProbeId, ProbeKey};
    use crate::model::verdict::Status;

    const ID: &str = "link-opens-for-others";

    fn world(asks: &[(&str, Role, &str)]) -> World {
        let mut world = World::new();
        world.valid("admin", &["r", "w"]);
        let handed_out = world.answer(ProbeId::CallValid, "admin", 200, &[], "{}");
        let mut link = LinkTrial {
            tool: "tool/export".to_owned(),
            uri: "export://1".to_owned(),
            handed_out,
            asks: Vec::new(),
        };
        for (who, role, text) in asks {
            let members = if text.is_empty() {
                json!({"error": {"code": -32002, "message": "not found"}})
            } else {
                json!({"result": {"contents": [{"uri": "export://1", "text": text}]}})
            };
            let key = ProbeKey::new(ProbeId::FollowLink);
            link.asks.push(HandleAsk {
                identity: (*who).to_owned(),
                role: *role,
                what: "resources/read".to_owned(),
                exchange: world.rpc(key, who, &members),
            });
        }
        world.collected.handles.links.push(link);
        world
    }

    #[test]
    fn a_link_that_opens_for_others_warns() {
        for (role, severity) in [
            (Role::Weaker, Severity::Medium),
            (Role::OtherUser, Severity::Low),
        ] {
            let world = world(&[("admin", Role::Owner, "receipt"), ("bob", role, "receipt")]);
            assert_eq!(world.status(ID), Status::Warn);
            assert_eq!(world.verdict(ID).findings()[0].severity, severity);
        }
    }

    #[test]
    fn a_link_that_stays_shut_holds() {
        let shut = world(&[("admin", Role::Owner, "receipt"), ("bob", Role::Weaker, "")]);
        assert_eq!(shut.status(ID), Status::Pass);
    }

    #[test]
    fn without_a_control_or_a_follower_it_stays_open() {
        let dead = world(&[("admin", Role::Owner, ""), ("bob", Role::Weaker, "")]);
        assert_eq!(dead.status(ID), Status::Inconclusive);
        let alone = world(&[("admin", Role::Owner, "receipt")]);
        assert_eq!(alone.status(ID), Status::Inconclusive);
        assert_eq!(World::new().status(ID), Status::NotApplicable);
    }
}
