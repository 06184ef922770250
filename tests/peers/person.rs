//! A person with a browser: follows redirects, keeps cookies, answers the forms of a provider's pages.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::harness::Outcome;

/// What the person does once they know who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Signs in and consents.
    Approve,
    /// Takes the way out that the first page offers.
    Deny,
}

/// Opens a page and goes on until the client was told or a page asks for nothing more; gives the text
/// of the last page.
pub async fn visit(page: &str, decision: Decision) -> Outcome<String> {
    let http = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()?;
    let mut cookies = BTreeMap::new();
    let mut url = Url::parse(page)?;
    let mut form: Option<String> = None;
    let mut refused = false;
    for _ in 0..MOST_PAGES {
        let jar: Vec<String> = cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = match form.take() {
            Some(body) => http
                .post(url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body),
            None => http.get(url.clone()),
        };
        let answer = request.header(COOKIE, jar.join("; ")).send().await?;
        remember(&mut cookies, &answer);
        if let Some(location) = answer.headers().get(LOCATION) {
            url = url.join(location.to_str()?)?;
            continue;
        }
        let text = answer.text().await?;
        if refused || url.path() == "/callback" {
            return Ok(text);
        }
        let Some(action) = between(&text, "action=\"", "\"") else {
            return Ok(text);
        };
        if let (Decision::Deny, Some(way_out)) = (decision, way_out(&text)) {
            url = url.join(&way_out)?;
            continue;
        }
        url = url.join(&action)?;
        let body = filled(&text, decision);
        refused = body.contains("abort=");
        form = Some(body);
    }
    Err("too many pages".into())
}

/// The link that ends the login without an answer.
fn way_out(text: &str) -> Option<String> {
    text.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .find(|link| link.ends_with("/abort"))
        .map(str::to_owned)
}

/// What the page filled in itself, a name and a password; on the page of a device, the button.
fn filled(text: &str, decision: Decision) -> String {
    let mut form = Serializer::new(String::new());
    let denies = decision == Decision::Deny && text.contains("name=\"confirm\"");
    for input in text.split("<input").skip(1) {
        let input = input.split('>').next().unwrap_or_default();
        let name = between(input, "name=\"", "\"").unwrap_or_default();
        if let Some(value) = between(input, "value=\"", "\"") {
            form.append_pair(
                if denies && name == "confirm" {
                    "abort"
                } else {
                    &name
                },
                &value,
            );
        }
    }
    form.append_pair("login", "somebody")
        .append_pair("password", "anything");
    form.finish()
}

fn remember(cookies: &mut BTreeMap<String, String>, answer: &Response) {
    let lines = answer.headers().get_all(SET_COOKIE).iter();
    for line in lines.filter_map(|line| line.to_str().ok()) {
        let pair = line.split(';').next().unwrap_or_default();
        if let Some((name, value)) = pair.split_once('=') {
            if value.is_empty() {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0.to_owned())
}

const MOST_PAGES: usize = 20;
