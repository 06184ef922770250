//! Grants without a person: keys, exchanges, assertions, bound tokens.

use super::*;

#[tokio::test]
async fn a_client_with_a_key_proves_itself_with_an_assertion() {
    let bench = Bench::start("[token_endpoint]\nclient_assertions = \"registered\"\n").await;
    let keyed = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\n";
    let report = bench
        .audit(
            &(identity(
                "keyed",
                &format!("{keyed}client_key = \"env:KEY\"\nscopes = [\"notes:read\"]"),
            ) + &identity(
                "stranger-key",
                &format!("{keyed}client_key = \"env:OTHER_KEY\""),
            )),
            "approve",
        )
        .await;
    let keyed = present(&report, "keyed");
    assert_eq!(grant_of(keyed), "client_credentials");
    assert_eq!(keyed.granted.as_ref().unwrap().len(), 1);
    let body = asked(&report, "keyed").remove(0);
    assert!(
        body.contains("client_assertion_type=") && body.contains("resource="),
        "{body}"
    );
    assert!(!body.contains("client_secret"), "{body}");
    let reason = missing(&report, "stranger-key");
    assert!(
        reason.contains("invalid_client") && reason.contains("client_key"),
        "{reason}"
    );
    // What the run minted was revoked with a new assertion.
    assert!(
        !report.residue.iter().any(|it| it.name == "keyed"),
        "{:?}",
        report.residue
    );
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_narrower_one() {
    let bench = Bench::start("[grants]\nexchange = \"offered\"\n").await;
    let exchange = |token: &str| {
        format!(
            "grant = \"token_exchange\"\nsubject_token = \"env:{token}\"\nclient_id = \
             \"admin-client\"\nclient_secret = \"env:SECRET\"\nscopes = [\"notes:read\"]"
        )
    };
    let text = identity("narrow", &exchange("ADMIN")) + &identity("late", &exchange("EXPIRED"));
    let report = bench.audit(&text, "approve").await;
    let narrow = present(&report, "narrow");
    assert!(grant_of(narrow).ends_with("token-exchange"));
    assert_eq!(narrow.granted.as_ref().unwrap().len(), 1);
    let reason = missing(&report, "late");
    assert!(reason.contains("subject_token"), "{reason}");
}

#[tokio::test]
async fn an_exchange_that_gives_another_kind_of_token_says_so() {
    let bench = Bench::start("[grants]\nexchange = \"of-other-type\"\n").await;
    let text = "grant = \"token_exchange\"\nsubject_token = \"env:ADMIN\"\nclient_id = \
                \"admin-client\"\nclient_secret = \"env:SECRET\"";
    let report = bench.audit(&identity("odd", text), "approve").await;
    let reason = missing(&report, "odd");
    assert!(
        reason.contains("`N_A`") && reason.contains("Bearer"),
        "{reason}"
    );
}

#[tokio::test]
async fn an_assertion_of_the_operator_is_shown_as_it_is() {
    let knobs = "[token_endpoint]\nworkload_assertions = \"registered\"\n";
    let mut bench = Bench::start(knobs).await;
    let key = mcp_assay::model::key::SigningKey::read(CLIENT_KEY).unwrap();
    let assertion = |audience: &str| {
        let expires = jiff::Timestamp::now().as_second() + 300;
        let claims = serde_json::json!({"iss": "https://workload.invalid", "sub": "job",
            "aud": audience, "exp": expires});
        key.sign("ES256", serde_json::Map::new(), &claims).unwrap()
    };
    let good = assertion(&bench.running.issuer);
    let foreign = assertion("https://elsewhere.invalid");
    bench.secrets.insert("env:ASSERTION".to_owned(), good);
    bench.secrets.insert("env:FOREIGN".to_owned(), foreign);
    let grant = |source: &str| {
        format!(
            "grant = \"jwt_bearer\"\nassertion = \"env:{source}\"\nclient_id = \
             \"admin-client\"\nclient_secret = \"env:SECRET\"\nscopes = [\"notes:read\"]"
        )
    };
    let text = identity("job", &grant("ASSERTION")) + &identity("lost", &grant("FOREIGN"));
    let report = bench.audit(&text, "approve").await;
    let job = present(&report, "job");
    assert!(grant_of(job).ends_with("jwt-bearer"));
    assert_eq!(job.granted.as_ref().unwrap().len(), 1);
    let reason = missing(&report, "lost");
    assert!(reason.contains("audience"), "{reason}");
}

#[tokio::test]
async fn tokens_that_are_bound_to_a_key_go_out_with_proofs_and_nonces() {
    let knobs = "[token_endpoint]\nbinding = \"proven\"\n[grants]\nexchange = \"offered\"\n";
    let bench = Bench::start(knobs).await;
    let machine = "grant = \"client_credentials\"\nclient_id = \"admin-client\"\nclient_secret = \"env:SECRET\"\n";
    let refresh = "grant = \"refresh_token\"\nrefresh_token = \"env:CLI_REFRESH\"\nclient_id = \"demo-cli\"\n";
    let browser =
        "grant = \"authorization_code\"\nclient_id = \"demo-cli\"\nscopes = [\"notes:read\"]\n";
    let text = identity("asked", &format!("{machine}dpop = true"))
        + &identity("demanded", machine)
        + &identity("refreshed", &format!("{refresh}scopes = [\"notes:read\"]"))
        + &identity("person", &format!("{browser}dpop = true"))
        + &identity("refused", &format!("{machine}dpop = false"));
    let report = bench.audit(&text, "approve").await;
    for name in ["asked", "demanded", "refreshed", "person"] {
        let bound = present(&report, name);
        assert!(bound.claims.as_ref().unwrap().key_bound, "{name}");
        let lists = report.ledger.iter().filter(|exchange| {
            exchange.identity == name && exchange.probe.id == ProbeId::ListTools
        });
        let statuses: Vec<_> = lists.map(Exchange::status).collect();
        assert!(statuses.contains(&Some(200)), "{name}: {statuses:?}");
    }
    let reason = missing(&report, "refused");
    assert!(reason.contains("invalid_dpop_proof"), "{reason}");
    let nonces = report
        .ledger
        .iter()
        .filter(|it| it.probe.id == ProbeId::ProofNonce);
    assert!(nonces.count() >= 1);
    let bound = report
        .coverage
        .iter()
        .find(|row| row.check == "bound-token-accepted-unproven");
    assert_eq!(
        bound.unwrap().status,
        mcp_assay::model::verdict::Status::Pass
    );
    // Neither a token nor a proof is written anywhere.
    let written = format!("{:?}", report.ledger);
    assert!(
        !written.contains("eyJ"),
        "a proof or a token is in the ledger"
    );
}
