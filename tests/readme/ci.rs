//! The action and the example jobs: they parse, every flag and input they name exists, and the scripts
//! do what they say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::CommandFactory;
use mcp_assay::cli::Cli;
use mcp_assay::demo::{self, Running};
use serde_json::Value;

use super::support::behaviour;

#[test]
fn the_action_uses_every_input_it_declares_and_declares_every_input_it_uses() {
    let text = std::fs::read_to_string("action.yml").unwrap();
    let action = yaml("action.yml");
    let declared: BTreeSet<String> = action["inputs"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let used: BTreeSet<String> = text
        .split("inputs.")
        .skip(1)
        .map(|rest| word(rest).to_owned())
        .collect();
    assert_eq!(declared, used);
    for (name, input) in action["inputs"].as_object().unwrap() {
        let says = input["description"].as_str().unwrap_or_default();
        assert!(says.len() > 10, "{name} is not described");
    }
    let steps = action["runs"]["steps"].as_array().unwrap();
    let ids: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["id"].as_str())
        .collect();
    for rest in text.split("steps.").skip(1) {
        assert!(ids.contains(&word(rest)), "{}", word(rest));
    }
    assert_eq!(action["runs"]["using"], "composite");
}

#[test]
fn no_expression_becomes_part_of_a_script() {
    // What somebody else may have a say in reaches a script as data, by its environment.
    let action = yaml("action.yml");
    for step in action["runs"]["steps"].as_array().unwrap() {
        let run = step["run"].as_str().unwrap_or_default();
        assert!(!run.contains("${{"), "{run}");
        assert_eq!(step["run"].is_string(), step["shell"].is_string());
    }
}

#[test]
fn every_variable_of_the_action_is_read_by_its_script() {
    let action = yaml("action.yml");
    for step in action["runs"]["steps"].as_array().unwrap() {
        let Some(variables) = step["env"].as_object() else {
            continue;
        };
        let run = step["run"].as_str().unwrap();
        let script = run.trim_matches('"').rsplit_once('/').map(|(_, name)| name);
        let script =
            script.map(|name| std::fs::read_to_string(Path::new("ci").join(name)).unwrap());
        for name in variables.keys() {
            let read = script
                .as_deref()
                .unwrap_or_default()
                .contains(name.as_str());
            assert!(
                read || run.contains(name.as_str()),
                "{name} is read by nobody"
            );
        }
    }
}

#[test]
fn the_examples_parse_and_name_what_exists() {
    let inputs = yaml("action.yml")["inputs"].clone();
    let workflow = yaml("docs/ci/github.yml");
    let steps = workflow["jobs"]["audit"]["steps"].as_array().unwrap();
    let given = steps[1]["with"].as_object().unwrap();
    assert!(given.keys().all(|name| inputs.get(name).is_some()));
    assert_eq!(workflow["permissions"]["security-events"], "write");

    let job = yaml("docs/ci/gitlab.yml")["mcp-assay"].clone();
    assert_eq!(job["artifacts"]["when"], "always");
    let junit = job["artifacts"]["reports"]["junit"].as_str().unwrap();
    let mut commands = 0;
    for line in job["script"].as_array().unwrap() {
        let line = line.as_str().unwrap();
        if line.starts_with("mcp-assay ") {
            assert!(line.contains(&format!("--report junit={junit}")));
            Cli::command()
                .try_get_matches_from(line.split_whitespace())
                .unwrap_or_else(|error| panic!("{line}: {error}"));
            commands += 1;
        }
    }
    assert_eq!(commands, 1);
}

#[test]
fn every_flag_of_the_script_exists() {
    let audit = Cli::command();
    let audit = audit.find_subcommand("audit").unwrap().clone();
    let global = Cli::command();
    let known: BTreeSet<&str> = audit
        .get_arguments()
        .chain(global.get_arguments())
        .filter_map(clap::Arg::get_long)
        .collect();
    let script = std::fs::read_to_string("ci/audit.sh").unwrap();
    let code = script
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let flags: BTreeSet<String> = code
        .flat_map(|line| line.split([' ', '(', ')', '"', '\'']))
        .filter_map(|part| part.strip_prefix("--"))
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .map(|name| word(name).to_owned())
        .collect();
    assert!(flags.len() >= 7, "{flags:?}");
    for flag in &flags {
        assert!(
            known.contains(flag.as_str()),
            "--{flag} is no flag of `audit`"
        );
    }
}

#[test]
fn scripts_are_sound_shell() {
    for script in ["ci/audit.sh", "ci/install.sh", ".ci/run"] {
        if !Path::new(script).exists() {
            continue;
        }
        let output = Command::new("bash").args(["-n", script]).output().unwrap();
        assert!(output.status.success(), "{script}: {}", said(&output));
        let text = std::fs::read_to_string(script).unwrap();
        assert!(text.contains("set -euo pipefail"), "{script}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_server_fails_the_job_after_its_reports_are_written() {
    let running = demo::start(&behaviour("hidden-tool-callable"))
        .await
        .unwrap();
    let job = Job::new(&running);
    let output = job.run(&[("ASSAY_ANNOTATIONS", "true")]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let outputs = job.read("output");
    assert!(outputs.starts_with("exit-code=1\n"), "{outputs}");
    assert!(
        outputs.contains("\njson=reports/report.json\n"),
        "{outputs}"
    );
    assert!(
        outputs.contains("\nsarif=reports/report.sarif\n"),
        "{outputs}"
    );
    assert!(job.read("summary").contains("## Audit of"));
    let annotations = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(annotations.contains("::error title="), "{annotations}");
    let sarif: Value = serde_json::from_str(&job.read("reports/report.sarif")).unwrap();
    assert!(!sarif["runs"][0]["results"].as_array().unwrap().is_empty());
    for name in ["junit.xml", "report.html", "summary.md"] {
        assert!(!job.read(&format!("reports/{name}")).is_empty(), "{name}");
    }

    let lenient = job.run(&[("ASSAY_EXIT_ZERO", "true")]);
    assert_eq!(lenient.status.code(), Some(0));
    assert!(job.read("output").contains("exit-code=0\n"));

    // Anywhere else the script itself ends with the code.
    let elsewhere = job.run(&[("GITHUB_OUTPUT", ""), ("GITHUB_STEP_SUMMARY", "")]);
    assert_eq!(elsewhere.status.code(), Some(1), "{}", said(&elsewhere));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_server_passes_the_job() {
    let running = demo::start(&behaviour("compliant")).await.unwrap();
    let job = Job::new(&running);
    let output = job.run(&[]);
    assert!(
        job.read("output").starts_with("exit-code=0\n"),
        "{}",
        said(&output)
    );
    assert!(job.read("summary").contains("**Passed**"));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("::error"));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_urls_make_one_job_with_a_page_for_each() {
    let first = demo::start(&behaviour("compliant")).await.unwrap();
    let second = demo::start(&behaviour("compliant")).await.unwrap();
    let job = Job::new(&first);
    let urls = format!("{}\n{}\n", first.mcp_url, second.mcp_url);
    let output = job.run(&[("ASSAY_URL", &urls), ("ASSAY_IDENTITIES", "")]);
    assert!(
        job.read("output").starts_with("exit-code="),
        "{}",
        said(&output)
    );
    let log: Value = serde_json::from_str(&job.read("reports/report.sarif")).unwrap();
    assert_eq!(log["runs"].as_array().unwrap().len(), 2);
    assert!(job.read("summary").starts_with("## Audit of 2 targets"));
    for running in [&first, &second] {
        let url = url::Url::parse(&running.mcp_url).unwrap();
        let page = format!("reports/report-127.0.0.1-{}-mcp.html", url.port().unwrap());
        assert!(job.read(&page).contains("<html"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_several_urls_each_token_goes_to_the_one_it_was_issued_for() {
    let first = demo::start(&behaviour("compliant")).await.unwrap();
    let second = demo::start(&behaviour("compliant")).await.unwrap();
    let job = Job::new(&first);
    let (one, two) = (&first.mcp_url, &second.mcp_url);
    let urls = format!("{one}\n{two}\n");
    let token = |running: &Running| running.token("admin").unwrap().value.clone();
    let (own, other) = (token(&first), token(&second));
    let lines = format!(
        "{one} reader=env:READER_TOKEN\r\n{one} admin=env:ADMIN_TOKEN\n\n  {two} admin=env:OTHER\n"
    );
    let run = |identities: &str, more: (&str, &str)| {
        job.run(&[
            ("ASSAY_URL", &urls),
            ("ASSAY_IDENTITIES", identities),
            ("OTHER", &other),
            more,
        ])
    };
    let output = run(&lines, ("ASSAY_STRICT", "false"));
    let outputs = job.read("output");
    assert!(outputs.starts_with("exit-code="), "{}", said(&output));
    assert!(!outputs.starts_with("exit-code=2"), "{}", said(&output));
    let all: Value = serde_json::from_str(&job.read("reports/report.json")).unwrap();
    let names = |at: usize| all["reports"][at]["identities"]["present"].to_string();
    assert!(names(0).contains("\"reader\"") && names(1).contains("\"admin\""));
    assert!(!names(1).contains("\"reader\""));
    for (running, own, other) in [(&first, &own, &other), (&second, &other, &own)] {
        let seen = running.credentials();
        assert!(seen.iter().any(|value| value.contains(own.as_str())));
        assert!(!seen.iter().any(|value| value.contains(other.as_str())));
    }
    let quiet = ("ASSAY_STRICT", "false");
    for (identities, more, expected) in [
        (
            "reader=env:READER_TOKEN",
            quiet,
            "write `URL NAME=env:VARIABLE`",
        ),
        (lines.as_str(), ("ASSAY_CONFIG", "x.toml"), "as [[target]]"),
        (
            "https://elsewhere.example/ a=env:OTHER",
            quiet,
            "1 of 1 begin with a URL that `url` does not name",
        ),
        (
            &format!("{one} a=env:X\"\nurl=\"y"),
            quiet,
            "write `URL NAME=env:VARIABLE`",
        ),
    ] {
        let output = run(identities, more);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(expected), "{}", said(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_could_not_be_made_fails_whatever_was_asked_for() {
    let running = demo::start(&behaviour("compliant")).await.unwrap();
    let job = Job::new(&running);
    running.shutdown().await;
    job.run(&[("ASSAY_EXIT_ZERO", "true")]);
    assert!(job.read("output").starts_with("exit-code=3\n"));
    assert!(job.read("summary").contains("**Not complete**"));

    // An earlier report must not pass for that of a run that wrote none.
    std::fs::write(job.path("output"), "").unwrap();
    let output = job.run(&[("ASSAY_FAIL_ON", "sometimes")]);
    assert_eq!(job.read("output"), "exit-code=2\n", "{}", said(&output));
    let output = job.run(&[("ASSAY_STRICT", "yes")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("yes is neither true nor false"));
}

#[test]
fn a_release_archive_is_installed_only_when_it_is_the_one_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("release/mcp-assay-0.1.0")).unwrap();
    let program = "#!/bin/sh\necho mcp-assay 0.1.0\n";
    std::fs::write(root.join("release/mcp-assay-0.1.0/mcp-assay"), program).unwrap();
    let archive = root.join("mcp-assay.tar.gz");
    let made = Command::new("tar")
        .arg("-czf")
        .arg(&archive)
        .args(["-C", "release", "mcp-assay-0.1.0"])
        .current_dir(root)
        .status()
        .unwrap();
    assert!(made.success());
    let digest = {
        use sha2::Digest;
        format!(
            "{:x}",
            sha2::Sha256::digest(std::fs::read(&archive).unwrap())
        )
    };
    let install = |archive: &str, sha256: &str| {
        Command::new(std::fs::canonicalize("ci/install.sh").unwrap())
            .env("ASSAY_ROOT", root.join("into"))
            .env("ASSAY_ARCHIVE", archive)
            .env("ASSAY_ARCHIVE_SHA256", sha256)
            .env("GITHUB_PATH", root.join("path"))
            .output()
            .unwrap()
    };
    let archive = archive.to_str().unwrap();
    let other = install(archive, &"0".repeat(64));
    assert_eq!(other.status.code(), Some(2));
    assert!(said(&other).contains("nothing was installed"));
    assert!(!root.join("into/bin/mcp-assay").exists());
    let unnamed = install("https://releases.example/mcp-assay.tar.gz", "");
    assert_eq!(unnamed.status.code(), Some(2));
    assert!(said(&unnamed).contains("archive-sha256: missing"));
    let absent = install("absent.tar.gz", "");
    assert_eq!(absent.status.code(), Some(2));

    let output = install(archive, &digest);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "mcp-assay 0.1.0\n");
    let path = std::fs::read_to_string(root.join("path")).unwrap();
    assert_eq!(path.trim_end(), root.join("into/bin").to_str().unwrap());
}

/// A job of a pipeline, with its files.
struct Job {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Job {
    fn new(running: &Running) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = Path::new(env!("CARGO_BIN_EXE_mcp-assay")).parent().unwrap();
        let own = |name: &str| folder.path().join(name).display().to_string();
        let mut environment = vec![
            (
                "PATH".to_owned(),
                format!("{}:/usr/bin:/bin", programs.display()),
            ),
            ("GITHUB_OUTPUT".to_owned(), own("output")),
            ("GITHUB_STEP_SUMMARY".to_owned(), own("summary")),
            ("ASSAY_URL".to_owned(), running.mcp_url.clone()),
            ("ASSAY_OUTPUT".to_owned(), "reports".to_owned()),
            (
                "ASSAY_IDENTITIES".to_owned(),
                "reader=env:READER_TOKEN\r\n\nadmin=env:ADMIN_TOKEN\n".to_owned(),
            ),
            (
                "ASSAY_ARGUMENTS".to_owned(),
                "--timeout=5\n--connect-timeout=2\n".to_owned(),
            ),
        ];
        for (variable, name) in [("READER_TOKEN", "reader"), ("ADMIN_TOKEN", "admin")] {
            let token = running.token(name).unwrap().value.clone();
            environment.push((variable.to_owned(), token));
        }
        Self {
            folder,
            environment,
        }
    }

    fn run(&self, more: &[(&str, &str)]) -> Output {
        tokio::task::block_in_place(|| {
            Command::new("bash")
                .arg(std::fs::canonicalize("ci/audit.sh").unwrap())
                .current_dir(self.folder.path())
                .env_clear()
                .envs(self.environment.iter().cloned())
                .envs(more.iter().copied())
                .output()
                .unwrap()
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

fn yaml(path: &str) -> Value {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    &text[..end.unwrap_or(text.len())]
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
