//! ASE-13: access tokens die soon after they leak.
//!
//! MCP §Token Theft.

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::logins;
use crate::model::identity::Identity;
use crate::model::verdict::{Part, Severity, Verdict};

/// Reads the lifetime that the token response promised, or that the token's claims span.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut case = evidence.case();
    let mut given = 0_usize;
    let mut longest = None;
    for identity in evidence.collected().identities.valid() {
        given += 1;
        let (says, brief) = match lifetime(evidence, identity) {
            Lifetime::Unknown => continue,
            Lifetime::Seconds(seconds) if seconds <= USUAL => {
                longest = longest.max(Some(seconds));
                continue;
            }
            Lifetime::Seconds(seconds) => (format!("lives {seconds} s"), seconds < DAY),
            Lifetime::Endless => ("has no expiry".to_owned(), false),
        };
        let name = &identity.name;
        let Some(used) = evidence.first_use(identity) else {
            case.doubt(format!("the token of `{name}` was not used"), None);
            continue;
        };
        let message = format!("the token of `{name}` {says}, expected at most {USUAL} s");
        let draft = Draft::new(name.clone(), message).at(used, Part::Request, "the token in use");
        case.breach(if brief {
            draft.at_most(Severity::Info, "it lives less than a day")
        } else {
            draft
        });
    }
    if given == 0 {
        return logins::no_token(evidence, "no valid token was given", "--identity");
    }
    case.verdict(match longest {
        Some(seconds) => Verdict::Held(format!("the longest token lives {seconds} s")),
        None => Verdict::inconclusive("the tokens are opaque and came without `expires_in`"),
    })
}

enum Lifetime {
    Seconds(i64),
    Endless,
    Unknown,
}

fn lifetime(evidence: &Evidence<'_>, identity: &Identity) -> Lifetime {
    if let Some(seconds) = identity.expires_in {
        return Lifetime::Seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
    }
    let Some(claims) = &identity.claims else {
        return Lifetime::Unknown;
    };
    let Some(expires) = claims.expires_at else {
        return Lifetime::Endless;
    };
    // Without `iat` the time that is left is a lower bound, which can only accuse.
    match (claims.issued_at, evidence.started()) {
        (Some(issued), _) => Lifetime::Seconds(expires.saturating_sub(issued)),
        (None, Some(now)) if expires.saturating_sub(now) > USUAL => {
            Lifetime::Seconds(expires.saturating_sub(now))
        }
        _ => Lifetime::Unknown,
    }
}

const USUAL: i64 = 3600;
const DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::identity::Claims;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "long-lived-tokens";

    fn world(issued: Option<i64>, expires: Option<i64>) -> World {
        let mut world = World::new();
        world.valid("reader", &["notes:read"]).claims = Some(Claims {
            issued_at: issued,
            expires_at: expires,
            ..Claims::default()
        });
        world.answer(ProbeId::ListTools, "reader", 200, &[], "{}");
        world
    }

    #[test]
    fn an_hour_holds() {
        assert_eq!(world(Some(0), Some(3600)).status(ID), Status::Pass);
    }

    #[test]
    fn longer_warns_and_a_day_matters_more() {
        let hours = world(Some(0), Some(7200));
        assert_eq!(hours.status(ID), Status::Warn);
        assert_eq!(hours.verdict(ID).findings()[0].severity, Severity::Info);
        for world in [world(Some(0), Some(DAY)), world(Some(0), None)] {
            let severity = world.verdict(ID).findings()[0].severity;
            assert!(severity > Severity::Info);
        }
    }

    #[test]
    fn without_issue_time_what_is_left_can_only_accuse() {
        let started = 1_785_000_000;
        assert_eq!(world(None, Some(started + 9000)).status(ID), Status::Warn);
        assert_eq!(
            world(None, Some(started + 60)).status(ID),
            Status::Inconclusive
        );
    }

    #[test]
    fn the_token_response_is_believed_first() {
        let mut world = world(None, None);
        if let Some(identity) = world.collected.identities.present.last_mut() {
            identity.expires_in = Some(600);
        }
        assert_eq!(world.status(ID), Status::Pass);
    }
}
