//! The endpoint under other spellings of its path, and with an overridden verb, without a token.

use url::Url;

use super::super::close;
use super::super::{Run, file, together};
use super::form::Form;
use super::revision;
use crate::mcp::Operation;
use crate::model::audit::Collected;
use crate::model::discovery::AnonymousAccess;
use crate::model::identity::Identity;
use crate::model::probe::{ProbeId, ProbeKey};
use crate::model::target::{Revision, Transport};
use crate::stage::session::Session;
use crate::wire::{Pending, Sent};

pub(super) async fn observe(run: &Run<'_>, collected: &mut Collected, anonymous: &Identity) {
    if collected.discovery.anonymous != AnonymousAccess::Refused {
        return;
    }
    let sse = collected.discovery.audited.as_ref();
    if sse.is_some_and(|served| served.transport == Transport::HttpSse) {
        return;
    }
    // Where sessions are needed, only the request that opens one stands for itself.
    let revision = match revision(collected) {
        Revision::R2024_11 => Revision::R2025_03,
        revision => revision,
    };
    let operation = if revision.is_modern() {
        Operation::ListTools { cursor: None }
    } else {
        Operation::Initialize
    };
    let session = Session::stateless(revision, &collected.discovery.endpoint);
    let mut sessions = Vec::new();
    let mut pending: Vec<Pending<'_, Sent>> = Vec::new();
    for (variant, url) in variants(&collected.discovery.endpoint) {
        let key = ProbeKey::new(ProbeId::RouteVariant).variant(variant);
        let mut form = Form::new(run, key, anonymous, &session, &operation);
        form.url.clone_from(&url);
        if variant == OVERRIDE {
            form = form.with("X-HTTP-Method-Override", "OPTIONS");
        }
        sessions.push(Session {
            url,
            ..session.clone()
        });
        pending.push(Box::pin(form.send(run)));
    }
    for (session, sent) in sessions.into_iter().zip(together(pending).await) {
        let session = Session {
            id: sent.learned.first().map(|learned| learned.secret.clone()),
            ..session
        };
        file(collected, sent);
        close::one(run, collected, anonymous, &session).await;
    }
}

/// Spellings that differ from the endpoint and may lead to the same handler.
pub(super) fn variants(endpoint: &str) -> Vec<(&'static str, String)> {
    let Ok(url) = Url::parse(endpoint) else {
        return Vec::new();
    };
    let path = url.path();
    let slash = path.strip_suffix('/').map_or_else(
        || format!("{path}/"),
        |stem| if stem.is_empty() { path } else { stem }.to_owned(),
    );
    let spelled = [
        ("trailing-slash", slash),
        ("double-slash", format!("/{path}")),
        ("upper-case", path.to_ascii_uppercase()),
        ("path-parameter", format!("{path};v=1")),
    ];
    let mut found = Vec::new();
    for (variant, path) in spelled {
        let mut other = url.clone();
        other.set_path(&path);
        if other != url {
            found.push((variant, other.into()));
        }
    }
    found.push((OVERRIDE, url.into()));
    found
}

const OVERRIDE: &str = "method-override";

#[cfg(test)]
mod tests {
    use super::variants;

    fn paths(endpoint: &str) -> Vec<String> {
        let all = variants(endpoint).into_iter();
        all.map(|(_, url)| url.replacen("https://h", "", 1))
            .collect()
    }

    #[test]
    fn a_path_is_spelled_in_four_more_ways() {
        assert_eq!(
            paths("https://h/mcp"),
            ["/mcp/", "//mcp", "/MCP", "/mcp;v=1", "/mcp"]
        );
        assert_eq!(
            paths("https://h/a/"),
            ["/a", "//a/", "/A/", "/a/;v=1", "/a/"]
        );
    }

    #[test]
    fn the_root_has_no_other_slash_and_no_case() {
        assert_eq!(paths("https://h/"), ["//", "/;v=1", "/"]);
    }

    #[test]
    fn what_is_no_url_has_no_spellings() {
        assert!(variants("mcp").is_empty());
    }
}
