use super::*;

fn bounds(target: &str, allowed: &[&str]) -> Bounds {
    let allowed = allowed.iter().map(|&host| host.to_owned()).collect();
    Bounds::new(&Url::parse(target).unwrap(), &allowed).unwrap()
}

fn rule(bounds: &Bounds, url: &str, destination: Destination, secret: bool) -> Option<Rule> {
    check_url(bounds, url, destination, secret)
        .err()
        .map(|blocked| blocked.rule)
}

const PUBLIC: &str = "https://mcp.example.com/mcp";

#[test]
fn a_secret_goes_to_the_target_host_in_any_case_and_on_any_port() {
    let bounds = bounds(PUBLIC, &[]);
    for url in [
        PUBLIC,
        "https://MCP.Example.COM/other",
        "https://mcp.example.com:8443/token",
        "https://mcp.example.com./token",
    ] {
        assert_eq!(
            rule(&bounds, url, Destination::Discovered, true),
            None,
            "{url}"
        );
    }
}

#[test]
fn a_secret_goes_to_no_other_host_unless_the_operator_allows_it() {
    for url in [
        "https://auth.example.com/token",
        "https://mcp.example.com.evil.test/",
        "https://evil.test/?mcp.example.com",
    ] {
        let strict = bounds(PUBLIC, &[]);
        let refused = rule(&strict, url, Destination::Named, true);
        assert_eq!(refused, Some(Rule::Credential), "{url}");
    }
    let allowed = bounds(PUBLIC, &["auth.example.com", "other.test:8443"]);
    let named = Destination::Named;
    assert_eq!(
        rule(&allowed, "https://auth.example.com/token", named, true),
        None
    );
    assert_eq!(
        rule(&allowed, "https://other.test:8443/token", named, true),
        None
    );
    assert_eq!(
        rule(&allowed, "https://other.test/token", named, true),
        Some(Rule::Credential)
    );
}

#[test]
fn a_secret_of_an_https_target_never_goes_over_http() {
    let https = bounds(PUBLIC, &["mcp.example.com", "auth.example.com"]);
    for url in [
        "http://mcp.example.com/mcp",
        "http://auth.example.com/token",
    ] {
        let refused = rule(&https, url, Destination::Named, true);
        assert_eq!(refused, Some(Rule::Credential), "{url}");
        assert_eq!(rule(&https, url, Destination::Named, false), None, "{url}");
    }
    let http = bounds("http://127.0.0.1:8000/mcp", &[]);
    let upgraded = "https://127.0.0.1:8443/mcp";
    assert_eq!(rule(&http, upgraded, Destination::Named, true), None);
    assert_eq!(
        rule(&http, "http://127.0.0.1:9000/t", Destination::Named, true),
        None
    );
}

#[test]
fn a_discovered_internal_address_is_refused_in_every_spelling() {
    let bounds = bounds(PUBLIC, &[]);
    for url in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://0/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.1.2.3/",
        "https://[fd00::1]/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://a.b.localhost/",
        "https://１２７.０.０.１/",
    ] {
        let refused = rule(&bounds, url, Destination::Discovered, false);
        assert_eq!(refused, Some(Rule::Address), "{url}");
        assert_eq!(rule(&bounds, url, Destination::Named, false), None, "{url}");
    }
    let public = "https://auth.example.com/";
    assert_eq!(rule(&bounds, public, Destination::Discovered, false), None);
}

#[test]
fn a_target_opens_its_own_class_of_addresses_and_no_other() {
    let loopback = bounds("http://127.0.0.1:8000/mcp", &[]);
    let found = Destination::Discovered;
    assert_eq!(
        rule(&loopback, "http://localhost:9000/", found, false),
        None
    );
    assert_eq!(rule(&loopback, "http://[::1]:9000/", found, false), None);
    assert_eq!(
        rule(&loopback, "http://10.0.0.1/", found, false),
        Some(Rule::Address)
    );
    let private = bounds("http://10.0.0.5:8000/mcp", &[]);
    assert_eq!(rule(&private, "https://192.168.0.9/", found, false), None);
    assert_eq!(rule(&private, "http://10.0.0.5:8000/x", found, false), None);
    assert_eq!(rule(&private, "http://10.0.0.5:9000/x", found, false), None);
    assert_eq!(
        rule(&private, "http://10.0.0.6/x", found, false),
        Some(Rule::Plaintext)
    );
    assert_eq!(
        rule(&private, "https://127.0.0.1/", found, false),
        Some(Rule::Address)
    );
}

#[test]
fn where_the_target_was_first_reached_is_where_it_stays() {
    let bounds = bounds(PUBLIC, &[]);
    let inside = "https://127.0.0.1/";
    bounds.settle(Reach::Public);
    bounds.settle(Reach::Loopback);
    let refused = rule(&bounds, inside, Destination::Discovered, false);
    assert_eq!(refused, Some(Rule::Address));
}

#[test]
fn an_allowed_host_may_be_internal_and_plain() {
    let bounds = bounds(PUBLIC, &["10.0.0.7:8080", "::1", "[fd00::1]:80"]);
    let found = Destination::Discovered;
    assert_eq!(rule(&bounds, "http://10.0.0.7:8080/", found, false), None);
    assert_eq!(
        rule(&bounds, "http://10.0.0.7/", found, false),
        Some(Rule::Plaintext)
    );
    assert_eq!(rule(&bounds, "https://[::1]:1234/", found, false), None);
    assert_eq!(rule(&bounds, "http://[fd00::1]/", found, false), None);
    assert_eq!(
        rule(&bounds, "https://[fd00::1]/", found, false),
        Some(Rule::Address)
    );
}

#[test]
fn plain_http_that_the_target_names_is_refused() {
    let bounds = bounds(PUBLIC, &[]);
    for url in ["http://auth.example.com/", "http://mcp.example.com/"] {
        let refused = rule(&bounds, url, Destination::Discovered, false);
        assert_eq!(refused, Some(Rule::Plaintext), "{url}");
    }
}

#[test]
fn what_is_no_web_url_is_refused() {
    let bounds = bounds(PUBLIC, &[]);
    let named = Destination::Named;
    for (url, expected) in [
        ("", Rule::NotAUrl),
        ("/relative", Rule::NotAUrl),
        ("https://", Rule::NotAUrl),
        ("file:///etc/passwd", Rule::Scheme),
        ("javascript:alert(1)", Rule::Scheme),
        ("gopher://127.0.0.1:6379/_x", Rule::Scheme),
        ("https://user@mcp.example.com/", Rule::Userinfo),
        ("https://:pw@mcp.example.com/", Rule::Userinfo),
    ] {
        assert_eq!(rule(&bounds, url, named, false), Some(expected), "{url}");
    }
}

#[test]
fn a_refusal_names_the_flag_that_would_permit_it() {
    let bounds = bounds(PUBLIC, &[]);
    let url = "https://10.0.0.7/token";
    let blocked = check_url(&bounds, url, Destination::Discovered, false).unwrap_err();
    assert!(
        blocked.text.contains("--allow-host 10.0.0.7"),
        "{}",
        blocked.text
    );
    assert!(
        blocked.text.contains("a private address"),
        "{}",
        blocked.text
    );
}

#[test]
fn an_allow_host_that_names_no_host_is_an_error() {
    let target = Url::parse(PUBLIC).unwrap();
    for entry in [
        "",
        "https://auth.example.com",
        "a/b",
        "*.example.com",
        "u@h",
        "h:99999",
    ] {
        let entries = BTreeSet::from([entry.to_owned()]);
        let error = Bounds::new(&target, &entries).unwrap_err();
        assert!(error.to_string().contains(entry));
    }
}
