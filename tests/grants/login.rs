//! `--login` with every way in which its client can prove itself.

use mcp_assay::config::login::AudienceWord;

use super::*;

fn flags(login: LoginFlags) -> Flags {
    Flags {
        client_id: Some("admin-client".to_owned()),
        login: LoginFlags {
            name: Some("person".to_owned()),
            timeout: Some(20),
            grace: Some(0),
            ..login
        },
        ..Flags::default()
    }
}

/// What each request of the login's client said.
fn said(report: &Report) -> Vec<(ProbeId, String)> {
    let own = [
        ProbeId::RedeemCode,
        ProbeId::RefreshToken,
        ProbeId::RevokeToken,
    ];
    let requests = report.ledger.iter().filter(|exchange| {
        own.contains(&exchange.probe.id) && exchange.identity.starts_with("person")
    });
    let said = requests.map(|exchange| {
        let body = exchange.request.body.as_ref().map(|body| body.bytes());
        let text = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        (exchange.probe.id, text)
    });
    said.collect()
}

const KEYED: &str = "[token_endpoint]\nclient_assertions = \"registered\"\n";

#[tokio::test]
async fn every_request_of_a_client_with_a_key_carries_an_assertion_of_its_own() {
    let bench = Bench::start(KEYED).await;
    let keyed = flags(LoginFlags {
        client_key: Some("env:KEY".to_owned()),
        ..LoginFlags::default()
    });
    let report = bench.audit_with("", keyed, "approve").await;
    assert_eq!(grant_of(present(&report, "person")), "authorization_code");
    let said = said(&report);
    for probe in [
        ProbeId::RedeemCode,
        ProbeId::RefreshToken,
        ProbeId::RevokeToken,
    ] {
        assert!(said.iter().any(|(id, _)| *id == probe), "{probe}");
    }
    for (probe, text) in &said {
        let proven = text.contains("client_assertion=") && text.contains("client_assertion_type=");
        assert!(proven && !text.contains("client_secret"), "{probe}: {text}");
    }
    // A server that takes each assertion once refused none of them.
    let refused = report
        .ledger
        .iter()
        .filter(|it| it.identity == "person" && it.status() == Some(401));
    assert_eq!(refused.count(), 0);
    assert!(report.residue.is_empty(), "{:?}", report.residue);
}

#[tokio::test]
async fn a_login_of_the_file_is_made_with_the_key_of_the_file() {
    let bench = Bench::start(KEYED).await;
    let text = "[client]\nid = \"admin-client\"\nredirect_uri = \"http://127.0.0.1:53682/callback\"\n\
                [login]\nclient_key = \"env:KEY\"\nscopes = [\"notes:read\"]\n";
    let asked = Flags {
        client_id: None,
        ..flags(LoginFlags::default())
    };
    let report = bench.audit_with(text, asked, "approve").await;
    let person = present(&report, "person");
    assert_eq!(person.granted.as_ref().unwrap().len(), 1);
    assert!(said(&report)[0].1.contains("client_assertion="));
}

#[tokio::test]
async fn a_key_that_the_server_does_not_know_costs_the_login_only_and_says_what_to_check() {
    let bench = Bench::start(KEYED).await;
    let strange = flags(LoginFlags {
        client_key: Some("env:OTHER_KEY".to_owned()),
        ..LoginFlags::default()
    });
    let report = bench.audit_with("", strange, "approve").await;
    let reason = missing(&report, "person");
    assert!(
        reason.contains("invalid_client") && reason.contains("client_key"),
        "{reason}"
    );
    // A server that insists on the issuer refuses assertions for its token endpoint.
    let elsewhere = flags(LoginFlags {
        client_key: Some("env:KEY".to_owned()),
        assertion_audience: Some(AudienceWord::TokenEndpoint),
        ..LoginFlags::default()
    });
    let report = bench.audit_with("", elsewhere, "approve").await;
    let reason = missing(&report, "person");
    assert!(reason.contains("invalid_client"), "{reason}");
}

#[tokio::test]
async fn the_token_of_a_login_is_bound_where_it_is_asked_for_and_where_it_is_demanded() {
    for dpop in [true, false] {
        let bench = Bench::start("[token_endpoint]\nbinding = \"proven\"\n").await;
        let bound = flags(LoginFlags {
            client_secret: Some("env:SECRET".to_owned()),
            dpop,
            ..LoginFlags::default()
        });
        let report = bench.audit_with("", bound, "approve").await;
        let person = present(&report, "person");
        assert!(person.claims.as_ref().unwrap().key_bound, "{dpop}");
        let lists = report.ledger.iter().filter(|exchange| {
            exchange.identity == "person" && exchange.probe.id == ProbeId::ListTools
        });
        let statuses: Vec<_> = lists.map(Exchange::status).collect();
        assert!(statuses.contains(&Some(200)), "{dpop}: {statuses:?}");
        let refreshed = report.ledger.iter().filter(|exchange| {
            exchange.probe.id == ProbeId::RefreshToken && exchange.status() == Some(200)
        });
        assert!(refreshed.count() > 0, "{dpop}");
        assert_eq!(bench.running.open_sessions(), 0, "{dpop}");
        assert!(!format!("{:?}", report.ledger).contains("eyJ"));
    }
}

#[tokio::test]
async fn who_must_not_be_bound_is_told_that_the_server_demands_it() {
    let bench = Bench::start("[token_endpoint]\nbinding = \"proven\"\n").await;
    let text = "[login]\ndpop = false\n";
    let unbound = flags(LoginFlags {
        client_secret: Some("env:SECRET".to_owned()),
        ..LoginFlags::default()
    });
    let report = bench.audit_with(text, unbound, "approve").await;
    let reason = missing(&report, "person");
    assert!(reason.contains("invalid_dpop_proof"), "{reason}");
}

#[tokio::test]
async fn people_of_identities_are_waited_for_as_long_as_the_flags_say() {
    let bench = Bench::start("").await;
    let brief = Flags {
        login: LoginFlags {
            timeout: Some(1),
            ..LoginFlags::default()
        },
        ..Flags::default()
    };
    let text = identity("person", BROWSER);
    let report = bench.audit_with(&text, brief, AWAY).await;
    let reason = missing(&report, "person");
    assert!(
        reason.contains("within 1 s") && reason.contains("--login-timeout"),
        "{reason}"
    );
}
