use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::*;

#[derive(Default)]
struct Fake(BTreeMap<String, String>);

impl Secrets for Fake {
    fn text(&mut self, source: &TokenSource) -> Result<String, String> {
        self.0
            .get(&source.to_string())
            .cloned()
            .ok_or_else(|| "is not set".to_owned())
    }
}

fn secrets(pairs: &[(&str, &str)]) -> Fake {
    Fake(
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
    )
}

fn flags(url: &str) -> Flags {
    Flags {
        url: Some(url.to_owned()),
        ..Flags::default()
    }
}

fn problem(flags: &Flags, known: &[(&str, &str)]) -> String {
    settings(flags, &mut secrets(known), "00000000", "2026-11-23")
        .unwrap_err()
        .to_string()
}

#[test]
fn identities_are_read_from_their_sources() {
    let mut given = flags("https://mcp.example.com/mcp");
    given.identities = vec!["reader=env:READER".into(), "admin=file:admin.token".into()];
    let known = [("env:READER", "abc\n"), ("file:admin.token", "Bearer def")];
    let (url, settings) = settings(&given, &mut secrets(&known), "00000000", "2026-11-23").unwrap();
    assert_eq!(url.as_str(), "https://mcp.example.com/mcp");
    let tokens = settings
        .identities
        .iter()
        .map(|identity| match &identity.credential {
            CredentialSource::Token { token, .. } => token.expose_secret().to_owned(),
            CredentialSource::Grant(_) => String::new(),
        });
    assert_eq!(tokens.collect::<Vec<_>>(), ["abc", "def"]);
}

#[test]
fn a_known_client_is_taken_from_flags_before_the_file() {
    let mut given = flags("https://mcp.example.com/mcp");
    given.client_id = Some("app".to_owned());
    given.redirect_uri = Some("https://app.example.com/cb".to_owned());
    let (_, settings) = settings(&given, &mut secrets(&[]), "00000000", "2026-11-23").unwrap();
    let client = settings.client.unwrap();
    assert_eq!(client.id, "app");
    assert_eq!(client.redirect_uri, "https://app.example.com/cb");
}

#[test]
fn half_a_client_is_refused_with_the_other_half() {
    let mut given = flags("https://mcp.example.com/mcp");
    given.client_id = Some("app".to_owned());
    assert!(problem(&given, &[]).contains("--redirect-uri"));
    given.redirect_uri = Some("cb".to_owned());
    assert!(problem(&given, &[]).contains("`cb` is not a URI"));
    given.client_id = None;
    assert!(problem(&given, &[]).contains("--client-id"));
}

#[test]
fn bad_targets_are_refused_with_a_remedy() {
    for bad in [
        "mcp.example.com",
        "ftp://x/",
        "https://u:p@x/mcp",
        "https://x/mcp#f",
        "http://",
    ] {
        assert!(problem(&flags(bad), &[]).contains("URL"), "{bad}");
    }
    assert!(problem(&Flags::default(), &[]).contains("no target given"));
}

#[test]
fn a_token_on_the_command_line_is_refused_and_not_repeated() {
    let mut given = flags("https://x/mcp");
    given.identities = vec!["reader=eyJhbGciOi.secret".into()];
    let text = problem(&given, &[]);
    assert!(text.contains("refused"), "{text}");
    assert!(
        !text.contains("secret.") && !text.contains("eyJhbGciOi"),
        "{text}"
    );
}

#[test]
fn missing_and_empty_sources_name_the_source() {
    let mut given = flags("https://x/mcp");
    given.identities = vec!["reader=env:READER".into()];
    assert!(problem(&given, &[]).contains("env:READER is not set"));
    assert!(problem(&given, &[("env:READER", " \n")]).contains("env:READER is empty"));
    assert!(problem(&given, &[("env:READER", "a b")]).contains("spaces"));
}

fn file(text: &str, known: &[(&str, &str)]) -> Result<Vec<IdentitySource>, Error> {
    ConfigFile::parse("assay.toml", text.to_owned())?.identities(&mut secrets(known))
}

#[test]
fn unknown_keys_are_refused_with_their_line() {
    let text = file("[target]\nurl = \"https://x/\"\nurll = 1\n", &[])
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("assay.toml") && text.contains("line 3") && text.contains("urll"),
        "{text}"
    );
}

#[test]
fn a_secret_in_the_file_is_refused_with_its_line_and_not_repeated() {
    let text = file("[[identity]]\nname = \"reader\"\ntoken = \"s3cr3t\"\n", &[]);
    let text = text.unwrap_err().to_string();
    assert!(
        text.contains("assay.toml:3") && !text.contains("s3cr3t"),
        "{text}"
    );
}

#[test]
fn a_client_is_read_with_its_secret() {
    let text = "[[identity]]\nname = \"writer\"\ngrant = \"client_credentials\"\n\
                client_id = \"assay\"\nclient_secret = \"env:SECRET\"\nscopes = [\"a\", \"b\"]\n";
    let identities = file(text, &[("env:SECRET", "hush")]).unwrap();
    assert!(matches!(
        &identities[0].credential,
        CredentialSource::Grant(request) if request.client.id == "assay"
    ));
    assert!(file(text, &[]).is_err());
}

#[test]
fn an_expired_acceptance_is_marked() {
    let text = "[[accept]]\ncheck = \"registration-open\"\nreason = \"x\"\nexpires = 2026-11-22\n\
                [[accept]]\ncheck = \"registration-open\"\nreason = \"x\"\nexpires = 2026-11-23\n";
    let file = ConfigFile::parse("assay.toml", text.to_owned()).unwrap();
    let expired = file.acceptances("2026-11-23").unwrap();
    assert_eq!(
        expired.iter().map(|a| a.expired).collect::<Vec<_>>(),
        [true, false]
    );
}

#[test]
fn minting_needs_a_client() {
    let text = "[[identity]]\nname = \"reader\"\ntoken = \"env:T\"\n[mint]\nfrom = \"reader\"\nscopes = \"each\"\n";
    let parsed = ConfigFile::parse("assay.toml", text.to_owned()).unwrap();
    let identities = parsed.identities(&mut secrets(&[("env:T", "t")])).unwrap();
    assert!(
        parsed
            .mint(&identities, None)
            .unwrap_err()
            .to_string()
            .contains("cannot mint")
    );
}

#[test]
fn a_series_of_registrations_needs_the_same_consent_as_one() {
    let mut given = flags("https://mcp.example.com/mcp");
    given.observe_rate_limit = Some(10);
    let text = problem(&given, &[]);
    assert!(text.contains("add `--allow register`"), "{text}");
    given.allow = vec![Tier::Register];
    let read = settings(&given, &mut secrets(&[]), "00000000", "2026-11-23");
    assert_eq!(read.unwrap().1.observe_rate_limit, Some(10));
    for count in [0, 51] {
        given.observe_rate_limit = Some(count);
        let text = problem(&given, &[]);
        assert!(text.contains("give 1 to 50"), "{text}");
    }
}
