//! Metadata documents: RFC 9728, RFC 8414 and OpenID Connect Discovery, unknown members kept.

use serde_json::Value;
use url::Url;

use super::json;
use super::jsonrpc::Media;
use super::uri::is_loopback_host;

/// Reads a metadata document: a JSON object of a JSON media type without repeated members.
///
/// # Errors
/// Says what came instead and what was expected.
pub fn parse_document(media_type: &str, bytes: &[u8]) -> Result<Value, String> {
    let document = json::read(bytes.trim_ascii());
    if Media::of(media_type) != Media::Json {
        let named = match media_type.trim() {
            "" => "no media type".to_owned(),
            other => format!("media type `{}`", other.escape_debug()),
        };
        let holds = match &document {
            Ok(document) if document.value.is_object() => ", although it holds a JSON object",
            _ => "",
        };
        return Err(format!(
            "the answer has {named}{holds}; expected application/json"
        ));
    }
    let document = document.map_err(|malformed| format!("not JSON: {}", malformed.text))?;
    if let Some(pointer) = document.duplicates.first() {
        return Err(format!(
            "member `{}` is given more than once, so readers may differ on it",
            pointer.escape_debug()
        ));
    }
    match document.value {
        Value::Object(_) => Ok(document.value),
        other => Err(format!(
            "the document is {}; expected a JSON object",
            describe(&other)
        )),
    }
}

/// Why a text cannot serve as an issuer identifier (RFC 8414 §2); `None` when it can.
///
/// Plain http is accepted for loopback hosts only.
pub fn issuer_problem(issuer: &str) -> Option<String> {
    if let Some(problem) = url_problem(issuer) {
        return Some(problem);
    }
    if issuer.contains('?') {
        return Some(format!(
            "`{}` has a query; RFC 8414 §2 allows none",
            issuer.escape_debug()
        ));
    }
    if issuer.contains('#') {
        return Some(format!(
            "`{}` has a fragment; RFC 8414 §2 allows none",
            issuer.escape_debug()
        ));
    }
    None
}

/// Why a text is not an https URL (or http to a loopback host); `None` when it is.
pub fn url_problem(text: &str) -> Option<String> {
    let shown = text.escape_debug();
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some(format!("`{shown}` holds white space or control characters"));
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return Some(format!("`{shown}` is not an absolute URL: {error}")),
    };
    let host = url.host_str().unwrap_or_default();
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    if host.is_empty() || authority.is_empty() || authority.starts_with(['/', '\\']) {
        return Some(format!("`{shown}` has no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some(format!("`{shown}` holds user information"));
    }
    match url.scheme() {
        "https" => None,
        "http" if is_loopback_host(host) => None,
        scheme => Some(format!("`{shown}` uses {scheme}; expected https")),
    }
}

/// Every member of an authorization server's metadata that names an endpoint or key set, in the
/// order of the document, nested ones by dotted name.
pub fn endpoint_members(document: &Value) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    collect_endpoints(document, &mut found);
    // RFC 8705 §5: the mTLS aliases are endpoints as well.
    if let Some(aliases) = document.get("mtls_endpoint_aliases") {
        collect_endpoints(aliases, &mut found);
    }
    found
}

/// The string members of an array; `None` when the member is absent.
///
/// # Errors
/// The inner result says what the member is when it is not an array of strings.
pub fn strings<'d>(document: &'d Value, member: &str) -> Option<Result<Vec<&'d str>, String>> {
    let value = document.get(member)?;
    let Some(items) = value.as_array() else {
        return Some(Err(format!(
            "`{member}` is {}; expected an array of strings",
            describe(value)
        )));
    };
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    Some(texts.ok_or_else(|| {
        let odd = items.iter().find(|item| !item.is_string());
        format!(
            "`{member}` holds {}; expected strings only",
            odd.map_or_else(|| "something else".to_owned(), describe)
        )
    }))
}

/// A few words for a value of the wrong type.
pub fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => {
            let shown: String = text.chars().take(SHOWN).collect();
            format!("the string `{}`", shown.escape_debug())
        }
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn collect_endpoints<'d>(document: &'d Value, found: &mut Vec<(&'d str, String)>) {
    let Some(members) = document.as_object() else {
        return;
    };
    for (name, value) in members {
        let named = name.ends_with("_endpoint") || OTHER_ENDPOINTS.contains(&name.as_str());
        if let (true, Some(url)) = (named, value.as_str()) {
            found.push((name, url.to_owned()));
        }
    }
}

const SHOWN: usize = 60;
const OTHER_ENDPOINTS: [&str; 3] = ["jwks_uri", "check_session_iframe", "signed_jwks_uri"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_objects_of_a_json_type_and_keep_unknown_members() {
        let body = br#"{"resource":"https://h/mcp","x_vendor":[1]}"#;
        let document = parse_document("application/json; charset=utf-8", body).unwrap();
        assert_eq!(document["x_vendor"], json!([1]));
        assert!(parse_document("application/vnd.x+json", body).is_ok());
        assert!(parse_document("APPLICATION/JSON", b"\xEF\xBB\xBF{}").is_ok());
    }

    #[test]
    fn what_is_no_document_says_why() {
        for (media_type, body, why) in [
            ("text/html", "<html>", "media type `text/html`; expected"),
            ("text/plain", "{}", "although it holds a JSON object"),
            ("", "{}", "no media type"),
            ("application/json", "[]", "an array"),
            ("application/json", "\"x\"", "the string `x`"),
            ("application/json", "{\"a\":", "not JSON"),
            ("application/json", "", "not JSON"),
            (
                "application/json",
                "{\"issuer\":\"a\",\"issuer\":\"b\"}",
                "`/issuer`",
            ),
        ] {
            let error = parse_document(media_type, body.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let deep = "{\"a\":".repeat(500);
        let error = parse_document("application/json", deep.as_bytes()).unwrap_err();
        assert!(error.contains("recursion"), "{error}");
    }

    #[test]
    fn issuers_are_https_without_query_and_fragment() {
        for good in [
            "https://auth.example.com",
            "https://auth.example.com/tenant1/",
            "http://127.0.0.1:9000",
            "http://localhost/x",
        ] {
            assert_eq!(issuer_problem(good), None, "{good}");
        }
        for bad in [
            "http://auth.example.com",
            "https://h?x",
            "https://h/#",
            "https://u:p@h",
            "https:///h",
            "https:h",
            "auth.example.com",
            "javascript:alert(1)",
            "https://h/a b",
            "",
        ] {
            assert!(issuer_problem(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn endpoint_members_are_found_by_name_wherever_they_are() {
        let document = json!({
            "issuer": "https://h",
            "authorization_endpoint": "https://h/a",
            "jwks_uri": "https://h/k",
            "registration_endpoint": 7,
            "vendor_thing_endpoint": "http://h/v",
            "op_policy_uri": "https://h/p",
            "mtls_endpoint_aliases": {"token_endpoint": "https://m/t"},
        });
        let found = endpoint_members(&document);
        let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "authorization_endpoint",
                "jwks_uri",
                "vendor_thing_endpoint",
                "token_endpoint"
            ]
        );
        assert!(endpoint_members(&json!([])).is_empty());
    }

    #[test]
    fn string_lists_are_read_or_refused_as_a_whole() {
        let document = json!({"a": ["x", "y"], "b": "x", "c": ["x", 1]});
        assert_eq!(strings(&document, "a"), Some(Ok(vec!["x", "y"])));
        assert!(
            strings(&document, "b")
                .unwrap()
                .unwrap_err()
                .contains("`x`")
        );
        assert!(
            strings(&document, "c")
                .unwrap()
                .unwrap_err()
                .contains("a number")
        );
        assert_eq!(strings(&document, "d"), None);
    }

    proptest! {
        #[test]
        fn reading_never_panics(media_type in any::<String>(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_document(&media_type, &bytes);
            let _ = issuer_problem(&media_type);
        }
    }
}
