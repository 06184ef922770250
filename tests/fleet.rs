//! Several targets in one run: each sees its own tokens only, one that fails stops no other, and the
//! documents hold them all.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test may stop"
)]
#![cfg(unix)]

#[path = "fleet/beside.rs"]
mod beside;
#[path = "fleet/judged.rs"]
mod judged;
#[path = "fleet/people.rs"]
mod people;
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use mcp_assay::demo::{self, Running};
use mcp_assay::report::schema::reports_schema;
use serde_json::Value;

use support::{behaviour, variation};

#[tokio::test(flavor = "multi_thread")]
async fn every_target_is_reported_and_sees_no_token_but_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let sound = demo::start(&behaviour("compliant")).await.unwrap();
    let broken = demo::start(&behaviour("garbage-token-accepted"))
        .await
        .unwrap();
    let sister = demo::start(&variation(&sister_of(&sound))).await.unwrap();
    let list = format!(
        "[[target]]\nname = \"sound\"\nurl = \"{}\"\nidentities = [\"sound-reader\", \"sound-admin\"]\n\
         [[target]]\nname = \"gone\"\nurl = \"{}\"\n\
         [[target]]\nname = \"broken\"\nconfig = \"broken.toml\"\n\
         [[target]]\nname = \"sister\"\nurl = \"{}\"\nidentities = [\"sister-admin\"]\n\
         [[identity]]\nname = \"sound-reader\"\ntoken = \"env:SOUND_READER\"\n\
         [[identity]]\nname = \"sound-admin\"\ntoken = \"env:SOUND_ADMIN\"\n\
         [[identity]]\nname = \"sister-admin\"\ntoken = \"env:SISTER_ADMIN\"\n",
        sound.mcp_url,
        nobody("localhost"),
        sister.mcp_url,
    );
    write(&folder, "fleet.toml", &list);
    let own = format!(
        "[target]\nurl = \"{}\"\n\
         [[identity]]\nname = \"reader\"\ntoken = \"env:BROKEN_READER\"\n\
         [[identity]]\nname = \"admin\"\ntoken = \"env:BROKEN_ADMIN\"\n",
        broken.mcp_url
    );
    write(&folder, "broken.toml", &own);
    let value = |running: &Running, name: &str| running.token(name).unwrap().value.clone();
    let env = [
        ("SOUND_READER", value(&sound, "reader")),
        ("SOUND_ADMIN", value(&sound, "admin")),
        ("BROKEN_READER", value(&broken, "reader")),
        ("BROKEN_ADMIN", value(&broken, "admin")),
        ("SISTER_ADMIN", value(&sister, "admin")),
    ];
    let output = run(
        folder.path(),
        "audit -c fleet.toml --allow register --connect-timeout 2 -r json=all.json -r sarif=all.sarif \
         -r junit=all.xml -r markdown=all.md -r table=- -r github=all.txt -r json={target}.json \
         -r html={target}.html --evidence kept-{target} --write-policy policy-{target}.toml",
        &env,
    )
    .await;
    let said = text(&output.stderr);
    // One was not reached, which is worse than what was found in another.
    assert_eq!(output.status.code(), Some(3), "{said}");

    let all = json(&folder, "all.json");
    let problems: Vec<String> = jsonschema::validator_for(&reports_schema())
        .unwrap()
        .iter_errors(&all)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(problems, Vec::<String>::new());
    let targets = all["outcome"]["targets"].as_array().unwrap();
    let names: Vec<&str> = targets
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["sound", "gone", "broken", "sister"]);
    let codes: Vec<u64> = targets
        .iter()
        .map(|it| it["exit_code"].as_u64().unwrap())
        .collect();
    assert_eq!(codes[..3], [0, 3, 1], "{targets:#?}");
    for (at, name) in names.iter().enumerate() {
        assert_eq!(all["reports"][at], json(&folder, &format!("{name}.json")));
        let page = std::fs::read_to_string(folder.path().join(format!("{name}.html"))).unwrap();
        assert!(page.contains("<html"), "{name}");
        assert!(folder.path().join(format!("policy-{name}.toml")).is_file());
        let kept = folder.path().join(format!("kept-{name}"));
        assert!(kept.is_dir() && !kept.join("UNFINISHED").exists(), "{name}");
    }

    let log = json(&folder, "all.sarif");
    let ids: BTreeSet<&str> = log["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["automationDetails"]["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    let places = log["runs"][2]["results"].to_string();
    assert!(places.contains("broken.toml"), "{places}");

    let junit = std::fs::read_to_string(folder.path().join("all.xml")).unwrap();
    let document = roxmltree::Document::parse(&junit).unwrap();
    let suites: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name("testsuite"))
        .filter_map(|node| node.attribute("name"))
        .collect();
    for name in names {
        assert!(
            suites.contains(&format!("{name}/run").as_str()),
            "{suites:?}"
        );
    }
    let table = text(&output.stdout);
    assert!(table.starts_with("mcp-assay 0.1.0: 4 targets\n"), "{table}");
    let markdown = std::fs::read_to_string(folder.path().join("all.md")).unwrap();
    assert!(
        markdown.starts_with("## Audit of 4 targets\n"),
        "{markdown}"
    );

    // What each pair of servers saw: of all the tokens of this run none but its own.
    for (running, own) in [(&sound, "SOUND"), (&broken, "BROKEN"), (&sister, "SISTER")] {
        let seen = running.credentials();
        let known = |token: &str| seen.iter().any(|value| value.contains(token));
        for (name, token) in &env {
            assert_eq!(known(token), name.starts_with(own), "{own} and {name}");
        }
    }
    for running in [&sound, &broken, &sister] {
        assert_eq!(running.registered_clients(), 0);
        assert_eq!(running.open_sessions(), 0);
    }
    for (_, token) in &env {
        for name in ["all.json", "all.sarif", "all.xml", "all.md", "all.txt"] {
            let written = std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert!(!written.contains(token.as_str()), "{name} holds a token");
        }
        assert!(!table.contains(token.as_str()) && !said.contains(token.as_str()));
    }
    for running in [sound, broken, sister] {
        running.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_any_target_is_found_before_the_first_request() {
    let folder = tempfile::tempdir().unwrap();
    let running = demo::start(&behaviour("compliant")).await.unwrap();
    let (url, other) = (running.mcp_url.as_str(), nobody("127.0.0.1"));
    let list =
        format!("[[target]]\nurl = \"{url}\"\n[[target]]\nname = \"b\"\nurl = \"{other}\"\n");
    write(&folder, "list.toml", &list);
    write(
        &folder,
        "secret.toml",
        &format!(
            "{list}identities = [\"x\"]\n[[identity]]\nname = \"x\"\ntoken = \"env:NOT_SET\"\n"
        ),
    );
    write(
        &folder,
        "check.toml",
        &format!("{list}[[accept]]\ncheck = \"no-such-check\"\nreason = \"x\"\n"),
    );
    write(
        &folder,
        "roots.toml",
        &format!("{list}[network]\ncacert = \"/does/not/exist.pem\"\n"),
    );
    let many: Vec<String> = (0..21).map(|at| format!("{url}/{at}")).collect();
    let many = many.join(" ");
    let two = format!("{url} {other}");
    let cases = [
        (format!("audit {url} {url}"), "named already"),
        (
            format!("audit {url} {}", url.replace("http:", "HTTP:")),
            "named already",
        ),
        (format!("audit {two} -i reader=env:PATH"), "--identity"),
        (format!("audit {two} --login"), "--login"),
        (format!("audit {two} --token-cache=x.json"), "--token-cache"),
        (format!("audit {two} -r html=x.html"), "`{target}`"),
        (format!("audit {two} -r oscal=-"), "`{target}`"),
        (format!("audit {two} -r har=x.har"), "`{target}`"),
        (format!("audit {two} -r brief=x.md"), "`{target}`"),
        (format!("audit {two} --evidence kept"), "`{target}`"),
        (
            format!("audit {two} --evidence {{target}}/kept-{{target}}"),
            "cannot be written",
        ),
        (format!("audit {two} --write-policy x.toml"), "`{target}`"),
        (format!("audit {two} --baseline x.json"), "`{target}`"),
        (
            format!("audit {two} --baseline {{target}}.json"),
            "cannot be read",
        ),
        (
            format!("audit {two} -r json=no-such-folder/{{target}}.json"),
            "no-such-folder",
        ),
        (format!("audit {many} -r sarif=x.sarif"), "20 runs"),
        (format!("audit {url} not-a-url"), "`not-a-url` is not a URL"),
        ("audit -c secret.toml".to_owned(), "NOT_SET is not set"),
        ("audit -c check.toml".to_owned(), "no-such-check"),
        ("audit -c roots.toml".to_owned(), "/does/not/exist.pem"),
        ("plan -c secret.toml".to_owned(), "NOT_SET is not set"),
        (format!("login {two}"), "`login` is for one target"),
    ];
    for (command, expected) in cases {
        let output = run(folder.path(), &command, &[]).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains(expected), "{command}: {said}");
    }
    assert_eq!(running.requests(), 0, "something was sent");
    assert_eq!(running.credentials(), BTreeSet::new());
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_a_client_get_their_own_headers_only() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        demo::start(&behaviour("compliant")).await.unwrap(),
        demo::start(&behaviour("compliant")).await.unwrap(),
    );
    let servers = serde_json::json!({"mcpServers": {
        "one": {"url": one.mcp_url, "headers": {"Authorization": "Bearer ${ONE}"}},
        "two": {"url": two.mcp_url, "headers": {"Authorization": "Bearer ${TWO}"}},
        "local": {"command": "npx"},
    }});
    write(&folder, "mcp.json", &servers.to_string());
    let value = |running: &Running| running.token("admin").unwrap().value.clone();
    let env = [("ONE", value(&one)), ("TWO", value(&two))];
    let command =
        "audit --from mcp.json --all-servers --exit-zero -r json=all.json -r junit={target}.xml";
    let output = run(folder.path(), command, &env).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("left out") && said.contains("mcpServers.local"),
        "{said}"
    );
    let all = json(&folder, "all.json");
    assert_eq!(all["outcome"]["targets"][1]["name"], "two");
    assert_eq!(all["reports"].as_array().unwrap().len(), 2);
    assert!(folder.path().join("two.xml").is_file());
    for (running, own, other) in [(&one, 0, 1), (&two, 1, 0)] {
        let seen = running.credentials();
        assert!(seen.iter().any(|value| value.contains(&env[own].1)));
        assert!(!seen.iter().any(|value| value.contains(&env[other].1)));
    }
    let output = run(folder.path(), "audit --from mcp.json", &env).await;
    assert!(text(&output.stderr).contains("--all-servers"));
    one.shutdown().await;
    two.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_target_is_held_to_its_own_baseline_and_a_document_of_several_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let broken = demo::start(&behaviour("garbage-token-accepted"))
        .await
        .unwrap();
    let gone = nobody("localhost");
    let list = format!(
        "[[target]]\nname = \"broken\"\nurl = \"{}\"\nidentities = [\"admin\"]\n\
         [[target]]\nname = \"gone\"\nurl = \"{gone}\"\n\
         [[identity]]\nname = \"admin\"\ntoken = \"env:ADMIN\"\n",
        broken.mcp_url
    );
    write(&folder, "fleet.toml", &list);
    let env = [("ADMIN", broken.token("admin").unwrap().value.clone())];
    let command = "audit -c fleet.toml --connect-timeout 2 -r json={target}.json -r json=all.json";
    run(folder.path(), command, &env).await;
    let command =
        "audit -c fleet.toml --connect-timeout 2 --baseline {target}.json -r json=again.json";
    let output = run(folder.path(), command, &env).await;
    let targets = json(&folder, "again.json")["outcome"]["targets"].clone();
    assert_eq!(targets[0]["exit_code"], 0, "{targets}");
    assert_eq!(targets[1]["exit_code"], 3, "{targets}");
    assert_eq!(output.status.code(), Some(3));
    let output = run(folder.path(), "diff all.json broken.json", &[]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("reports of 2 targets") && said.contains("jq"),
        "{said}"
    );
    broken.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_target_takes_its_name_into_paths_too() {
    let folder = tempfile::tempdir().unwrap();
    let url = nobody("127.0.0.1");
    let port = url::Url::parse(&url).unwrap().port().unwrap();
    let command = format!("audit {url} --connect-timeout 2 -r json=r-{{target}}.json");
    let output = run(folder.path(), &command, &[]).await;
    assert_eq!(output.status.code(), Some(3));
    let report = json(&folder, &format!("r-127.0.0.1-{port}-mcp.json"));
    assert_eq!(report["outcome"]["exit_code"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_stops_every_target_and_writes_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let slow = "[server]\ndelay_ms = 200\nrevisions = [\"2025-11-25\"]\n";
    let (one, two) = (
        demo::start(&variation(slow)).await.unwrap(),
        demo::start(&variation(slow)).await.unwrap(),
    );
    let list = format!(
        "[[target]]\nname = \"one\"\nurl = \"{}\"\nidentities = [\"admin\"]\n\
         [[target]]\nname = \"two\"\nurl = \"{}\"\n\
         [[identity]]\nname = \"admin\"\ntoken = \"env:ADMIN\"\n",
        one.mcp_url, two.mcp_url
    );
    write(&folder, "fleet.toml", &list);
    let mut child = binary(folder.path())
        .args(["audit", "-c", "fleet.toml", "-r", "json=all.json"])
        .env("ADMIN", &one.token("admin").unwrap().value)
        .spawn()
        .unwrap();
    while one.open_sessions() == 0 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before the interrupt"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pid = child.id().to_string();
    Command::new("kill").args(["-INT", &pid]).status().unwrap();
    let status = tokio::task::spawn_blocking(move || child.wait())
        .await
        .unwrap()
        .unwrap();
    let all = json(&folder, "all.json");
    assert_eq!(status.code(), Some(130), "{}", all["outcome"]);
    assert_eq!(all["reports"].as_array().unwrap().len(), 2);
    for report in all["reports"].as_array().unwrap() {
        assert_eq!(report["outcome"]["interrupted"], true);
    }
    assert_eq!((one.open_sessions(), two.open_sessions()), (0, 0));
    assert_eq!(
        two.requests(),
        0,
        "the second target was begun after the interrupt"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_several_targets_is_a_plan_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let running = demo::start(&behaviour("compliant")).await.unwrap();
    let gone = nobody("localhost");
    let command = format!("plan {} {gone} --connect-timeout 2", running.mcp_url);
    let output = run(folder.path(), &command, &[]).await;
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(
        shown.contains(&format!("Target {0}: {0}", running.mcp_url)),
        "{shown}"
    );
    assert_eq!(shown.matches("Together: at most").count(), 2, "{shown}");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_was_named_serves_one_target_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        demo::start(&behaviour("compliant")).await.unwrap(),
        demo::start(&behaviour("compliant")).await.unwrap(),
    );
    let elsewhere = two.mcp_url.replace("127.0.0.1", "localhost");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let command = format!(
        "audit {} {elsewhere} --allow register --callback-listen {address} -r json=all.json",
        one.mcp_url
    );
    let output = run(folder.path(), &command, &[]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--callback-listen"), "{said}");
    assert_eq!((one.requests(), two.requests()), (0, 0));
    drop(taken);
    let output = run(folder.path(), &command, &[]).await;
    let targets = json(&folder, "all.json")["outcome"]["targets"].clone();
    let said = text(&output.stderr);
    assert!(!said.contains("callback"), "{said}");
    for target in targets.as_array().unwrap() {
        assert!(target["answers"].is_object(), "{target}");
    }
    assert_eq!((one.registered_clients(), two.registered_clients()), (0, 0));
    one.shutdown().await;
    two.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_and_a_saved_run_take_names_into_paths_too() {
    let folder = tempfile::tempdir().unwrap();
    let command = "demo compliant -r json={target}.json --evidence kept-{target}";
    let output = run(folder.path(), command, &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report = json(&folder, "compliant.json");
    let url = url::Url::parse(report["target"]["url"].as_str().unwrap()).unwrap();
    let command = "judge kept-compliant -r json=again-{target}.json";
    let output = run(folder.path(), command, &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let again = format!("again-127.0.0.1-{}-mcp.json", url.port().unwrap());
    assert_eq!(json(&folder, &again), report);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_costs_no_other_and_is_told_with_its_target() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (nobody("127.0.0.1"), nobody("localhost"));
    let list = format!(
        "[[target]]\nname = \"one\"\nurl = \"{one}\"\n[[target]]\nname = \"two\"\nurl = \"{two}\"\n"
    );
    write(&folder, "fleet.toml", &list);
    std::fs::create_dir(folder.path().join("one.json")).unwrap();
    let command = "audit -c fleet.toml --connect-timeout 2 -r json={target}.json -r junit=all.xml";
    let output = run(folder.path(), command, &[]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(70), "{said}");
    assert!(
        said.contains("error: one: one.json was not written"),
        "{said}"
    );
    assert_eq!(json(&folder, "two.json")["outcome"]["exit_code"], 3);
    let junit = std::fs::read_to_string(folder.path().join("all.xml")).unwrap();
    assert!(
        junit.contains("\"one/run\"") && junit.contains("\"two/run\""),
        "{junit}"
    );
}

/// A server of its own whose authorization server is that of another.
fn sister_of(other: &Running) -> String {
    format!(
        "[[raw]]\nparty = \"resource\"\nmethod = \"GET\"\n\
         path = \"/.well-known/oauth-protected-resource/mcp\"\nstatus = 200\n\
         headers = {{ \"content-type\" = \"application/json\" }}\n\
         body = '{{\"resource\": \"{{mcp_url}}\", \"authorization_servers\": [\"{}\"]}}'\n",
        other.issuer
    )
}

/// An address where nothing listens.
fn nobody(host: &str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    format!("http://{host}:{port}/mcp")
}

fn binary(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-assay"));
    command
        .env_clear()
        .env("NO_COLOR", "1")
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

async fn run(folder: &Path, words: &str, env: &[(&str, String)]) -> Output {
    let mut command = binary(folder);
    command.args(words.split_whitespace());
    command.envs(env.iter().map(|(name, value)| (*name, value.as_str())));
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) {
    std::fs::write(folder.path().join(name), text).unwrap();
}

fn json(folder: &tempfile::TempDir, name: &str) -> Value {
    let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
