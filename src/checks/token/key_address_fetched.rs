//! TOK-06: an address in the header of a token is not fetched.
//!
//! RFC 8725 §3.10: a `jku` or `x5u` is anybody's to write, and may lead anywhere.

use crate::checks::case::Draft;
use crate::checks::evidence::{Evidence, Protection};
use crate::checks::tokens::{OPEN, is_opaque};
use crate::model::key_documents::KeyOffer;
use crate::model::verdict::{Part, Verdict};

/// Reads from the record of the run's own server who came for keys.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.protection() == Protection::Open {
        return Verdict::NotApplicable(OPEN.to_owned());
    }
    if is_opaque(evidence) {
        return Verdict::NotApplicable(
            "the tokens given are not JSON Web Tokens, so that no header of theirs can hold an \
             address"
                .to_owned(),
        );
    }
    let Some(documents) = &evidence.collected().key_documents else {
        return Verdict::undecided("no copy of a valid token was made", "--identity");
    };
    if documents.offers.is_empty() {
        let reason = documents.reason.as_deref().unwrap_or("nothing was served");
        return Verdict::Inconclusive {
            reason: reason.to_owned(),
            decided_by: documents.decided_by.clone(),
        };
    }
    let mut case = evidence.case();
    let mut ignored = 0_usize;
    for offer in &documents.offers {
        let member = &offer.member;
        let mut sent = evidence.collected().ledger.iter();
        let Some(answer) = sent.find(|it| it.identity == offer.identity && it.status().is_some())
        else {
            case.doubt(
                format!("no answer came to a token whose `{member}` holds an address"),
                None,
            );
            continue;
        };
        if offer.fetches.is_empty() {
            ignored += 1;
            continue;
        }
        let draft = Draft::new(member.as_str(), told(offer));
        case.breach(draft.at(
            answer.id,
            Part::Status,
            "answered the token with the address",
        ));
    }
    case.verdict(Verdict::Held(format!(
        "{ignored} tokens whose headers hold addresses were sent, and none of the addresses was \
         fetched"
    )))
}

fn told(offer: &KeyOffer) -> String {
    let count = match offer.fetches.len() {
        1 => "once".to_owned(),
        many => format!("{many} times"),
    };
    let agent = offer
        .fetches
        .iter()
        .find_map(|fetch| fetch.user_agent.as_deref());
    let agent = agent.map_or(String::new(), |agent| format!(" as `{agent}`"));
    format!(
        "the server fetched `{}`{agent} {count} because the `{}` header of a token says so; expected \
         no request to an address that a token names",
        offer.url, offer.member
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::client_documents::DocumentFetch;
    use crate::model::discovery::AnonymousAccess;
    use crate::model::identity::{Claims, IdentityKind};
    use crate::model::key_documents::KeyDocuments;
    use crate::model::probe::ProbeId;
    use crate::model::verdict::Status;

    const ID: &str = "key-address-fetched";

    fn offer(member: &str, fetches: usize) -> KeyOffer {
        KeyOffer {
            identity: format!("copy-{member}"),
            member: member.to_owned(),
            url: format!("http://127.0.0.1:9/{member}"),
            path: format!("/{member}"),
            fetches: vec![
                DocumentFetch {
                    user_agent: Some("fetcher/1".to_owned()),
                    ..DocumentFetch::default()
                };
                fetches
            ],
        }
    }

    fn world(offers: Vec<KeyOffer>) -> World {
        let mut world = World::new();
        world.valid("reader", &["notes:read"]).claims = Some(Claims::default());
        for offer in &offers {
            world.identity(&offer.identity, IdentityKind::KeyConfusion, &[]);
            world.answer(ProbeId::OpenSession, &offer.identity, 401, &[], "");
        }
        world.collected.key_documents = Some(KeyDocuments {
            offers,
            ..KeyDocuments::default()
        });
        world
    }

    #[test]
    fn a_fetch_is_named_with_its_address_although_the_token_was_refused() {
        let world = world(vec![offer("jku", 2), offer("x5u", 0)]);
        assert_eq!(world.status(ID), Status::Fail);
        let verdict = world.verdict(ID);
        let [finding] = verdict.findings() else {
            panic!("one finding");
        };
        assert_eq!(finding.subject, "jku");
        for part in ["http://127.0.0.1:9/jku", "fetcher/1", "2 times"] {
            assert!(finding.message.contains(part), "{}", finding.message);
        }
    }

    #[test]
    fn addresses_that_nobody_comes_for_hold() {
        let world = world(vec![offer("jku", 0), offer("x5u", 0)]);
        assert_eq!(world.status(ID), Status::Pass);
    }

    #[test]
    fn a_copy_without_an_answer_decides_nothing() {
        let mut world = world(vec![offer("jku", 0)]);
        let unsent = offer("x5u", 0);
        let documents = world.collected.key_documents.as_mut().unwrap();
        documents.offers.push(unsent);
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn where_nothing_could_be_served_the_flag_is_named() {
        let mut world = world(Vec::new());
        world.collected.key_documents = Some(KeyDocuments {
            reason: Some("nothing is served without consent".to_owned()),
            decided_by: Some("--allow register".to_owned()),
            ..KeyDocuments::default()
        });
        let Verdict::Inconclusive { reason, decided_by } = world.verdict(ID) else {
            panic!("expected an inconclusive verdict");
        };
        assert!(reason.contains("consent"), "{reason}");
        assert_eq!(decided_by.as_deref(), Some("--allow register"));
        world.collected.key_documents = None;
        assert_eq!(world.status(ID), Status::Inconclusive);
    }

    #[test]
    fn opaque_tokens_and_open_servers_do_not_apply() {
        let mut opaque = World::new();
        opaque.valid("reader", &["notes:read"]);
        assert_eq!(opaque.status(ID), Status::NotApplicable);
        let mut open = world(vec![offer("jku", 1)]);
        open.collected.discovery.anonymous = AnonymousAccess::Served;
        assert_eq!(open.status(ID), Status::NotApplicable);
    }
}
