//! ASE-10: the access token says that it is for this server.
//!
//! RFC 9700 §2.3; RFC 9068 §2.2, §3; RFC 8707 §2.

use std::collections::BTreeSet;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::logins;
use crate::checks::scopes;
use crate::model::verdict::{Part, Verdict};

/// Reads the audience of every valid JSON Web Token.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let mut names: BTreeSet<String> = evidence
        .resource_names()
        .iter()
        .copied()
        .map(plain)
        .collect();
    let published = evidence.discovery().chosen_resource_metadata();
    names.extend(published.and_then(|it| it.text("resource")).map(plain));
    let mut case = evidence.case();
    let mut read = 0_usize;
    let mut given = 0_usize;
    for identity in evidence.collected().identities.valid() {
        given += 1;
        let Some(claims) = &identity.claims else {
            continue;
        };
        read += 1;
        if claims
            .audience
            .iter()
            .any(|audience| names.contains(&plain(audience)))
        {
            continue;
        }
        let audience = scopes::list(&claims.audience);
        let message = format!(
            "the audience of `{}` is {audience}, expected `{}`",
            identity.name,
            evidence.endpoint()
        );
        match evidence.first_use(identity) {
            Some(used) => case.breach(Draft::new(identity.name.clone(), message).at(
                used,
                Part::Request,
                "the token in use",
            )),
            None => case.doubt(
                format!("the token of `{}` was not used", identity.name),
                None,
            ),
        }
    }
    match (given, read) {
        (0, _) => logins::no_token(evidence, "no valid token was given", "--identity"),
        (_, 0) => Verdict::inconclusive("the tokens are opaque, so their audience is not visible"),
        _ => case.verdict(Verdict::Held(format!("{read} token(s) name this server"))),
    }
}

fn plain(name: &str) -> String {
    name.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{ENDPOINT, World};
    use crate::model::identity::Claims;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "token-audience-generic";

    fn status(audience: &[&str]) -> Status {
        let mut world = World::new();
        world.valid("reader", &["notes:read"]).claims = Some(Claims {
            audience: audience.iter().map(|&it| it.to_owned()).collect(),
            ..Claims::default()
        });
        world.answer(ProbeId::ListTools, "reader", 200, &[], "{}");
        world.status(ID)
    }

    #[test]
    fn this_server_among_the_audience_holds() {
        assert_eq!(status(&[ENDPOINT]), Status::Pass);
        assert_eq!(
            status(&["account", "https://mcp.example.com/mcp/"]),
            Status::Pass
        );
    }

    #[test]
    fn a_generic_or_missing_audience_warns() {
        assert_eq!(status(&["api"]), Status::Warn);
        assert_eq!(status(&[]), Status::Warn);
    }

    #[test]
    fn opaque_or_missing_tokens_decide_nothing() {
        let mut world = World::new();
        assert_eq!(world.status(ID), Status::Inconclusive);
        world.valid("reader", &["notes:read"]);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
