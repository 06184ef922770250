//! REG-23: the page on which a user agrees names the host that the user is sent to.
//!
//! MCP §Localhost Redirect URI Risks.

use url::Url;

use crate::checks::case::Draft;
use crate::checks::evidence::Evidence;
use crate::checks::front;
use crate::model::authorization::{FrontClient, FrontEnd, FrontPage};
use crate::model::verdict::{Part, Verdict};
use crate::oracle::front_page;

/// Looks for the host of the redirect URI in the text of the first page.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Verdict {
    if let Some(verdict) = front::without_client(evidence) {
        return verdict;
    }
    let mut case = evidence.case();
    for (_, client, good) in front::good(evidence, &mut case) {
        let (FrontEnd::Page(page), Some(host)) = (&good.end, host(client)) else {
            case.doubt(
                "the authorization endpoint shows no page of its own before a login",
                Some(front::LOG_IN),
            );
            continue;
        };
        let exchange = evidence.exchange(good.last());
        let body = exchange.and_then(|exchange| exchange.response());
        let text = body.map_or_else(String::new, |response| {
            front_page::visible(&response.body.text())
        });
        if text.contains(&host) {
            continue;
        }
        if is_consent(evidence, client, page, &text) {
            let message = format!(
                "the page that asks for consent does not show the host of the redirect URI; \
                 expected `{host}` on it"
            );
            case.breach(Draft::new(host, message).at(good.last(), Part::Body, "the consent page"));
        } else {
            case.doubt(
                "the first page does not show the redirect host, and is not clearly the page on \
                 which the user agrees",
                Some(front::LOG_IN),
            );
        }
    }
    case.verdict(Verdict::Held(
        "the first page shows the redirect host".to_owned(),
    ))
}

fn host(client: &FrontClient) -> Option<String> {
    let url = Url::parse(&client.redirect_uri).ok()?;
    url.host_str().map(str::to_owned)
}

/// A form without anything to type, on a page that names a client which only this run could have
/// named: the user is asked about that client, and a click is the answer.
fn is_consent(evidence: &Evidence<'_>, client: &FrontClient, page: &FrontPage, text: &str) -> bool {
    let run_id = &evidence.collected().engagement.run_id;
    let names_client = client.registered && !run_id.is_empty() && text.contains(run_id.as_str());
    (200..300).contains(&page.status) && page.forms > 0 && !page.typed_input && names_client
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{REDIRECT_HOST, World, consent};
    use crate::model::verdict::Status;

    const ID: &str = "redirect-host-not-shown";

    fn status(body: &str, registered: bool) -> Status {
        let mut world = World::new();
        world.collected.engagement.run_id = "5f0c2b7e".to_owned();
        world.front(&[]);
        world.good_end(consent());
        world.good_body(body, &[]);
        world.collected.front_channels[0].clients[0].registered = registered;
        world.status(ID)
    }

    #[test]
    fn a_consent_page_without_the_host_is_broken() {
        let page = "<p>mcp-assay 5f0c2b7e asks</p><form><button></form>";
        assert_eq!(status(page, true), Status::Fail);
    }

    #[test]
    fn a_page_that_shows_the_host_holds() {
        let page = format!("<p>back to {REDIRECT_HOST}</p><form><input name=user></form>");
        assert_eq!(status(&page, false), Status::Pass);
    }

    #[test]
    fn a_host_in_the_markup_is_not_shown() {
        let page = format!("<p>5f0c2b7e</p><form action=\"//{REDIRECT_HOST}\"></form>");
        assert_eq!(status(&page, true), Status::Fail);
    }

    #[test]
    fn a_page_that_may_be_a_login_decides_nothing() {
        let page = "<form><button>Continue with another account</button></form>";
        assert_eq!(status(page, true), Status::Inconclusive);
        let named = "<p>5f0c2b7e</p><form><button></form>";
        assert_eq!(status(named, false), Status::Inconclusive);
    }
}
