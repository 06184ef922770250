//! What happens to tokens during and after the run.

use super::*;

#[tokio::test]
async fn one_refresh_token_gives_narrower_tokens_and_the_newest_is_shown_each_time() {
    for rotation in ["rotating", "static", "old-accepted"] {
        let bench = Bench::start(&format!("[grants]\nrefresh = \"{rotation}\"\n")).await;
        let from = "grant = \"refresh_token\"\nrefresh_token = \"env:CLI_REFRESH\"\nclient_id = \"demo-cli\"\n";
        let text = identity(
            "user",
            &format!("{from}scopes = [\"notes:read\", \"notes:write\"]"),
        ) + "[mint]\nfrom = \"user\"\nscopes = \"each\"\n";
        let report = bench.audit(&text, "approve").await;
        let all = present(&report, "user");
        assert_eq!(grant_of(all), "refresh_token");
        let narrow = present(&report, "user-without-notes:write");
        assert_eq!(narrow.granted.as_ref().unwrap().len(), 1, "{rotation}");
        assert!(
            report.ladder.problem.is_none(),
            "{rotation}: {:?}",
            report.ladder.problem
        );
    }
}

#[tokio::test]
async fn a_replaced_refresh_token_of_the_operator_is_residue() {
    let bench = Bench::start("").await;
    let report = bench.audit(&identity("user", REFRESHED), "approve").await;
    let kinds: Vec<&str> = report.residue.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["refresh token"]);
    let bench = Bench::start("[grants]\nrefresh = \"static\"\n").await;
    let report = bench.audit(&identity("user", REFRESHED), "approve").await;
    let [left] = report.residue.as_slice() else {
        panic!("{:?}", report.residue);
    };
    assert_eq!(left.kind, "token");
    assert!(left.reason.contains("still works"), "{}", left.reason);
}

#[tokio::test]
async fn each_identity_says_how_it_was_had() {
    let bench = Bench::start("").await;
    let report = bench.audit(&identity("machine", MACHINE), "approve").await;
    for format in [
        mcp_assay::report::Format::Table,
        mcp_assay::report::Format::Html,
        mcp_assay::report::Format::Markdown,
        mcp_assay::report::Format::Brief,
    ] {
        let bytes =
            mcp_assay::report::render(format, &report, &mcp_assay::report::Style::default());
        let text = String::from_utf8_lossy(&bytes.unwrap()).replace('\n', " ");
        // Markdown escapes what could mean something.
        let text = text.replace('\\', "");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in [
            "client_credentials as client admin-client",
            "asked notes:read",
            "granted",
            "until ",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_run_goes_on_with_the_refresh_token_that_was_cached() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::start("").await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("assay.toml");
    std::fs::write(&config, identity("user", REFRESHED)).unwrap();
    let cache = folder.path().join("tokens.json");
    let run = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mcp-assay"));
        command
            .args(["audit", &bench.running.mcp_url, "--config"])
            .arg(&config)
            .arg(format!("--token-cache={}", cache.display()))
            .args(["--report", "json=-", "--exit-zero", "--quiet"])
            .env("CLI_REFRESH", &bench.secrets["env:CLI_REFRESH"]);
        command.output().unwrap()
    };
    for round in 0..2 {
        let output = tokio::task::block_in_place(run);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let missing = &report["identities"]["missing"];
        assert_eq!(missing, &serde_json::json!([]), "{round}");
        let kinds: Vec<&str> = report["residue"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it["kind"].as_str())
            .collect();
        assert!(!kinds.contains(&"refresh token"), "{kinds:?}");
        let kept = std::fs::read_to_string(&cache).unwrap();
        assert!(kept.contains("\"user\"") && !kept.contains(&bench.secrets["env:CLI_REFRESH"]));
        let mode = std::fs::metadata(&cache).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = tokio::task::block_in_place(run);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("--token-cache") && text.contains("chmod 600"),
        "{text}"
    );
}

/// Requests that revoked something, by what they were called.
fn given_back(report: &Report) -> Vec<String> {
    let revoked = report.ledger.iter().filter(|exchange| {
        exchange.probe.id == ProbeId::RevokeToken && exchange.status() == Some(200)
    });
    revoked
        .filter_map(|exchange| exchange.probe.variant.clone())
        .collect()
}

#[tokio::test]
async fn a_token_that_ends_during_the_run_is_replaced_and_both_are_given_back() {
    let bench = Bench::start("[tokens]\nuses = 14\n").await;
    let report = bench.audit(&identity("machine", MACHINE), "approve").await;
    assert!(
        asked(&report, "machine").len() > 1,
        "it was asked for again"
    );
    let back = given_back(&report);
    assert!(back.contains(&"machine".to_owned()), "{back:?}");
    assert!(
        back.iter().any(|it| it.starts_with("machine-spare-")),
        "{back:?}"
    );
    is_within_plan(&report);
    assert!(
        report.residue.iter().all(|it| it.kind != "token"),
        "{:?}",
        report.residue
    );
}

#[tokio::test]
async fn tokens_that_were_replaced_are_kept_on_request_and_listed() {
    let bench = Bench::start("[tokens]\nuses = 14\n").await;
    let flags = Flags {
        upkeep: config::cache::UpkeepFlags {
            keep_tokens: true,
            ..Default::default()
        },
        ..Flags::default()
    };
    let text = identity("machine", MACHINE);
    let report = bench.audit_with(&text, flags, "approve").await;
    let own = |it: &String| it == "machine" || it.starts_with("machine-spare-");
    assert!(!given_back(&report).iter().any(own));
    let names: Vec<&str> = report.residue.iter().map(|it| it.name.as_str()).collect();
    assert!(
        names.contains(&"machine") && names.iter().any(|it| it.starts_with("machine-spare-")),
        "{names:?}"
    );
}

#[tokio::test]
async fn the_token_of_a_login_is_renewed_and_its_cells_are_taken_up_again() {
    let flags = || Flags {
        client_id: Some("admin-client".to_owned()),
        login: LoginFlags {
            name: Some("person".to_owned()),
            client_secret: Some("env:SECRET".to_owned()),
            timeout: Some(20),
            grace: Some(0),
            ..LoginFlags::default()
        },
        ..Flags::default()
    };
    let lasting = Bench::start("").await;
    let lasting = lasting.audit_with("", flags(), "approve").await;
    assert!(asked(&lasting, "person").is_empty(), "nothing ended");
    let bench = Bench::start("[tokens]\nuses = 14\n").await;
    let report = bench.audit_with("", flags(), "approve").await;
    let renewed = asked(&report, "person");
    assert!(!renewed.is_empty(), "it was asked for again");
    assert!(renewed.iter().all(|body| body.contains("refresh_token")));
    assert_eq!(grant_of(present(&report, "person")), "refresh_token");
    // What was asked with the dead token alone was asked again with the new one.
    let cells = |report: &Report| -> Vec<_> {
        let cells = report.matrices[0].cells.iter();
        let own = cells.filter(|cell| cell.identity == "person");
        own.map(|cell| (cell.subject.clone(), cell.access))
            .collect()
    };
    assert_eq!(cells(&report), cells(&lasting));
    is_within_plan(&report);
    assert!(
        report.residue.iter().all(|it| !it.kind.contains("token")),
        "{:?}",
        report.residue
    );
}

#[tokio::test]
async fn refresh_tokens_that_were_replaced_are_given_back_where_the_server_still_takes_them() {
    for rotation in ["old-accepted", "rotating", "static"] {
        let bench = Bench::start(&format!("[grants]\nrefresh = \"{rotation}\"\n")).await;
        let given = bench.running.refresh_tokens();
        let from = "grant = \"authorization_code\"\nclient_id = \"demo-cli\"\n";
        let text = identity(
            "user",
            &format!("{from}scopes = [\"notes:read\", \"notes:write\"]"),
        ) + "[mint]\nfrom = \"user\"\nscopes = \"each\"\n";
        let report = bench.audit(&text, "approve").await;
        assert!(
            asked(&report, "user-without-notes:write").len() == 1,
            "{rotation}: {:?}",
            report.identities.missing
        );
        assert_eq!(bench.running.refresh_tokens(), given, "{rotation}");
        is_within_plan(&report);
        assert!(
            report.residue.iter().all(|it| !it.kind.contains("token")),
            "{rotation}: {:?}",
            report.residue
        );
    }
}

#[tokio::test]
async fn the_operators_own_refresh_token_is_left_alone_and_those_between_are_given_back() {
    let bench = Bench::start("[grants]\nrefresh = \"old-accepted\"\n").await;
    let given = bench.running.refresh_tokens();
    let from = "grant = \"refresh_token\"\nrefresh_token = \"env:CLI_REFRESH\"\nclient_id = \"demo-cli\"\n";
    let text = identity(
        "user",
        &format!("{from}scopes = [\"notes:read\", \"notes:write\"]"),
    ) + "[mint]\nfrom = \"user\"\nscopes = \"each\"\n";
    let report = bench.audit(&text, "approve").await;
    let kinds: Vec<&str> = report.residue.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["refresh token"]);
    // The newest one is what that line speaks of.
    assert_eq!(bench.running.refresh_tokens(), given + 1);
    is_within_plan(&report);
}
