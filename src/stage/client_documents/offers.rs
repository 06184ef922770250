//! The documents that are offered: each sound but for one thing.

use serde_json::{Value, json};
use url::Url;

use super::super::client::LOOPBACK;
use crate::model::client_documents::DocumentVariant;
use crate::wire::documents::{Pace, Served};

/// A client ID, and what is served under it.
pub(super) struct Offer {
    pub(super) variant: DocumentVariant,
    pub(super) client_id: String,
    pub(super) redirect: String,
    /// The path under which its fetch is seen; empty for a client without a document.
    pub(super) path: String,
    pub(super) shelf: Vec<(String, Served)>,
    /// The path that its redirect leads to.
    pub(super) leads_to: Option<String>,
}

/// Makes offers under one base address.
pub(super) struct Maker {
    prefix: String,
    origin: String,
    at_root: bool,
    folder: String,
    run_id: String,
    marker: String,
    unknown: String,
}

impl Maker {
    pub(super) fn new(base: &Url, run_id: &str, nth: usize, word: impl Fn(&str) -> String) -> Self {
        Self {
            prefix: base.as_str().trim_end_matches('/').to_owned(),
            origin: base.origin().ascii_serialization(),
            at_root: base.path() == "/",
            folder: format!("/{run_id}-{nth}"),
            run_id: run_id.to_owned(),
            marker: word("client-name"),
            unknown: word("unknown-document-client"),
        }
    }

    /// A word that stands in every document and nowhere else.
    pub(super) fn marker(&self) -> &str {
        &self.marker
    }

    /// The offer of a variant; none where the base address has no room for it.
    pub(super) fn offer(&self, variant: DocumentVariant) -> Option<Offer> {
        use DocumentVariant as V;
        let path = match variant {
            V::UnknownClient => String::new(),
            V::GoodAgain | V::HttpsKnock => self.path(V::Good),
            V::NoPath if !self.at_root => return None,
            V::NoPath => "/".to_owned(),
            other => self.path(other),
        };
        let client_id = self.client_id(variant, &path);
        let redirect = match variant {
            V::ForeignRedirect => format!("https://{}.mcp-assay.invalid/callback", self.run_id),
            _ => LOOPBACK.to_owned(),
        };
        let elsewhere = format!("{}/elsewhere.json", self.folder);
        let mut shelf = match variant {
            V::UnknownClient | V::Missing | V::GoodAgain | V::HttpsKnock => Vec::new(),
            _ => vec![(path.clone(), self.served(variant, &client_id, &elsewhere))],
        };
        if variant == V::DotSegments {
            // As a fetcher asks that does not resolve them.
            let raw = path.replace(DOTTED, &format!("/x/..{DOTTED}"));
            let served = self.served(variant, &client_id, &elsewhere);
            shelf.push((raw, served));
        }
        let redirected = variant == V::Redirected;
        if redirected {
            shelf.push((elsewhere.clone(), sound(&self.document(&client_id))));
        }
        Some(Offer {
            variant,
            client_id,
            redirect,
            path,
            shelf,
            leads_to: redirected.then_some(elsewhere),
        })
    }

    fn path(&self, variant: DocumentVariant) -> String {
        format!("{}/{}.json", self.folder, variant.as_str())
    }

    fn client_id(&self, variant: DocumentVariant, path: &str) -> String {
        use DocumentVariant as V;
        let url = format!("{}{path}", self.prefix);
        let under = |scheme: &str, user: &str| {
            let rest = url.split_once("://").map_or("", |(_, rest)| rest);
            format!("{scheme}://{user}{rest}")
        };
        let scheme = url.split_once("://").map_or("https", |(scheme, _)| scheme);
        match variant {
            V::UnknownClient => self.unknown.clone(),
            V::HttpsKnock => under("https", ""),
            V::HttpScheme => under("http", ""),
            V::NoPath => self.origin.clone(),
            V::DotSegments => url.replace(DOTTED, &format!("/x/..{DOTTED}")),
            V::Fragment => format!("{url}#f"),
            V::Userinfo => under(scheme, "user:word@"),
            _ => url,
        }
    }

    fn document(&self, client_id: &str) -> Value {
        json!({
            "client_id": client_id,
            "client_name": format!("mcp-assay {} (security test {})", self.run_id, self.marker),
            "redirect_uris": [LOOPBACK],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        })
    }

    fn served(&self, variant: DocumentVariant, client_id: &str, elsewhere: &str) -> Served {
        use DocumentVariant as V;
        let mut document = self.document(client_id);
        if let Some(members) = document.as_object_mut() {
            match variant {
                V::OtherClientId => {
                    members.insert("client_id".to_owned(), json!(format!("{client_id}x")));
                }
                V::NoClientName => {
                    members.remove("client_name");
                }
                V::NoRedirectUris => {
                    members.remove("redirect_uris");
                }
                V::SecretMethod => {
                    let method = json!("client_secret_basic");
                    members.insert("token_endpoint_auth_method".to_owned(), method);
                }
                V::SecretMember => {
                    members.insert("client_secret".to_owned(), json!("everybody-reads-this"));
                }
                V::Large => {
                    members.insert("padding".to_owned(), json!("a".repeat(PADDING)));
                }
                _ => {}
            }
        }
        let mut served = sound(&document);
        match variant {
            V::NotJson => served.body = b"client_id = this is not JSON".to_vec(),
            V::MediaType => served.media_type = "text/html",
            V::Endless => served.pace = Pace::Endless,
            V::Slow => served.pace = Pace::Slow,
            V::Redirected => {
                served.status = 302;
                served.location = Some(format!("{}{elsewhere}", self.prefix));
                served.body = Vec::new();
            }
            _ => {}
        }
        served
    }
}

/// Whether a variant is worth comparing under this base address.
pub(super) fn is_comparable(variant: DocumentVariant, base: &Url) -> bool {
    use DocumentVariant as V;
    match variant {
        V::UnknownClient | V::Good | V::HttpsKnock => false,
        // Under a plain base every client ID has that scheme.
        V::HttpScheme => base.scheme() == "https",
        _ => true,
    }
}

/// Whether the fault is in the client ID, so that it shows without any fetch.
pub(super) const fn is_about_the_url(variant: DocumentVariant) -> bool {
    use DocumentVariant as V;
    matches!(
        variant,
        V::HttpScheme | V::NoPath | V::DotSegments | V::Fragment | V::Userinfo
    )
}

fn sound(document: &Value) -> Served {
    Served {
        status: 200,
        media_type: "application/json",
        location: None,
        body: document.to_string().into_bytes(),
        pace: Pace::Whole,
    }
}

/// The last segment of the path with dots.
const DOTTED: &str = "/dot-segments.json";
/// Bytes of padding, far beyond the recommended 5 kB (Client ID Metadata Document §6.6).
const PADDING: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(base: &str) -> Maker {
        let base = Url::parse(base).unwrap();
        Maker::new(&base, "0123abcd", 0, str::to_owned)
    }

    fn body(offer: &Offer) -> Value {
        serde_json::from_slice(&offer.shelf[0].1.body).unwrap_or_default()
    }

    #[test]
    fn a_good_document_names_its_own_url() {
        let offer = maker("https://a.example/x/")
            .offer(DocumentVariant::Good)
            .unwrap();
        assert_eq!(offer.client_id, "https://a.example/x/0123abcd-0/good.json");
        assert_eq!(offer.path, "/0123abcd-0/good.json");
        assert_eq!(body(&offer)["client_id"], json!(offer.client_id));
        assert!(offer.shelf[0].1.body.len() < 5 * 1024);
    }

    #[test]
    fn every_fault_of_a_url_is_in_the_client_id_and_the_document_agrees_with_it() {
        let maker = maker("https://a.example");
        for (variant, expected) in [
            (
                DocumentVariant::HttpScheme,
                "http://a.example/0123abcd-0/http-scheme.json",
            ),
            (DocumentVariant::NoPath, "https://a.example"),
            (
                DocumentVariant::DotSegments,
                "https://a.example/0123abcd-0/x/../dot-segments.json",
            ),
            (
                DocumentVariant::Fragment,
                "https://a.example/0123abcd-0/fragment.json#f",
            ),
            (
                DocumentVariant::Userinfo,
                "https://user:word@a.example/0123abcd-0/userinfo.json",
            ),
        ] {
            let offer = maker.offer(variant).unwrap();
            assert!(is_about_the_url(variant));
            assert_eq!(offer.client_id, expected);
            assert_eq!(body(&offer)["client_id"], json!(expected));
        }
    }

    #[test]
    fn a_base_with_a_path_has_no_room_for_a_client_id_without_one() {
        let maker = maker("https://a.example/x");
        assert!(maker.offer(DocumentVariant::NoPath).is_none());
    }

    #[test]
    fn each_document_differs_from_the_good_one_in_one_thing() {
        let maker = maker("https://a.example");
        let of = |variant| maker.offer(variant).unwrap();
        assert!(
            body(&of(DocumentVariant::NoClientName))
                .get("client_name")
                .is_none()
        );
        assert!(
            body(&of(DocumentVariant::NoRedirectUris))
                .get("redirect_uris")
                .is_none()
        );
        assert_ne!(
            body(&of(DocumentVariant::OtherClientId))["client_id"],
            json!(of(DocumentVariant::OtherClientId).client_id)
        );
        assert!(of(DocumentVariant::Missing).shelf.is_empty());
        let redirected = of(DocumentVariant::Redirected);
        assert_eq!(redirected.shelf[0].1.status, 302);
        assert_eq!(redirected.shelf[1].0, redirected.leads_to.unwrap());
        assert!(
            of(DocumentVariant::ForeignRedirect)
                .redirect
                .contains(".invalid/")
        );
    }
}
