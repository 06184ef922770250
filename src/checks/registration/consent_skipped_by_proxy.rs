//! REG-25: a proxy with one upstream identity asks for consent per client before it forwards.
//!
//! MCP §Confused Deputy Problem.

use std::collections::BTreeMap;

use url::Url;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::checks::urls;
use crate::model::authorization::{FrontAnswer, FrontChannel, FrontClient, FrontEnd, Upstream};
use crate::model::verdict::{Part, Verdict};

type Forwarded<'a> = (&'a FrontClient, &'a FrontAnswer, &'a Upstream);

/// Compares where two clients are sent, and under which name.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    let good = front::good(evidence, &mut case);
    if !good.iter().any(|(_, _, good)| front::is_upstream(good)) {
        return case.verdict(Verdict::Held(
            "the first thing a user sees is a page of this server, not another one's".to_owned(),
        ));
    }
    for channel in &evidence.collected().front_channels {
        let mut by_name: BTreeMap<(&str, &str), Vec<Forwarded<'_>>> = BTreeMap::new();
        for (_, client, good) in good.iter().filter(|(it, _, _)| *it == channel) {
            if let FrontEnd::Upstream(upstream) = &good.end {
                let name = upstream.client_id.as_deref().unwrap_or_default();
                let place = upstream.place.as_str();
                by_name
                    .entry((place, name))
                    .or_default()
                    .push((client, good, upstream));
            }
        }
        for ((place, name), forwarded) in by_name {
            weigh(&mut case, channel, place, name, &forwarded);
        }
    }
    case.verdict(Verdict::Held(
        "clients are known to the other server by their own names".to_owned(),
    ))
}

fn weigh(
    case: &mut crate::checks::case::Case<'_>,
    channel: &FrontChannel,
    place: &str,
    name: &str,
    forwarded: &[Forwarded<'_>],
) {
    let own_name = forwarded
        .iter()
        .any(|(client, _, _)| client.client_id == name);
    if own_name {
        return;
    }
    let [(_, one, _), (_, other, _), ..] = forwarded else {
        case.doubt(
            format!(
                "one client is sent straight to `{place}` as `{name}`; whether every client is, \
                 a second one would show"
            ),
            Some("--allow register"),
        );
        return;
    };
    let same_site = Url::parse(place)
        .ok()
        .zip(Url::parse(&channel.endpoint).ok())
        .is_some_and(|(there, here)| urls::same_site(&there, &here));
    if same_site {
        let reason = format!(
            "clients are sent straight to `{place}`, which may be the login of the same \
             organisation"
        );
        case.doubt(reason, Some("asking the operator whose server that is"));
        return;
    }
    let message = format!(
        "two different clients were sent straight to `{place}`, both as `{name}`, with no page of \
         this server in between; expected its own consent page for each client first"
    );
    let draft = Draft::new(place.to_owned(), message).at(
        one.last(),
        Part::Header("location".to_owned()),
        "one client",
    );
    case.breach(draft.also(&[other.last()], "the other client"));
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{World, upstream};
    use crate::model::authorization::FrontEnd;
    use crate::model::verdict::Status;

    const ID: &str = "consent-skipped-by-proxy";

    fn forwarded() -> World {
        let mut world = World::new();
        world.front(&[]);
        world.good_end(upstream());
        world
    }

    fn second(world: &mut World) {
        let channel = &mut world.collected.front_channels[0];
        let mut client = channel.clients[0].clone();
        client.client_id = "another".to_owned();
        channel.clients.push(client);
    }

    #[test]
    fn two_clients_under_one_foreign_name_are_broken() {
        let mut world = forwarded();
        assert_eq!(world.status(ID), Status::Inconclusive);
        second(&mut world);
        assert_eq!(world.status(ID), Status::Fail);
    }

    #[test]
    fn an_own_page_and_own_names_hold() {
        let mut page = World::new();
        page.front(&[]);
        assert_eq!(page.status(ID), Status::Pass);
        let mut world = forwarded();
        let client = &mut world.collected.front_channels[0].clients[0];
        client.client_id = "static".to_owned();
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_login_on_the_same_site_decides_nothing() {
        let mut world = forwarded();
        second(&mut world);
        for client in &mut world.collected.front_channels[0].clients {
            if let FrontEnd::Upstream(upstream) = &mut client.answers[0].end {
                upstream.place = "https://login.example.com/authorize".to_owned();
            }
        }
        assert_eq!(world.status(ID), Status::Inconclusive);
    }
}
