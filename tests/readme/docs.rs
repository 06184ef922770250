//! Documents are run: commands against the embedded server, configurations through their parser, links to
//! where they lead.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;
use mcp_assay::checks;
use mcp_assay::cli::Cli;
use mcp_assay::config::ConfigFile;
use mcp_assay::demo::{self, Running};

use super::support::behaviour;

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_the_guides_run() {
    let running = demo::start(&behaviour("showcase")).await.unwrap();
    let second = demo::start(&behaviour("compliant")).await.unwrap();
    let here = |text: &str| here(text, &running, &second);
    let mut ran = 0;
    for document in guides() {
        let text = std::fs::read_to_string(&document).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let admin = running.token("admin").unwrap().value.clone();
        std::fs::write(folder.path().join("admin.token"), admin).unwrap();
        for (name, content) in configurations(&text) {
            let content = here(&content);
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        for command in commands(&text) {
            if command.starts_with("cargo ") {
                continue;
            }
            let (code, said) = run(&here(&command), folder.path(), &[&running, &second]);
            assert!(
                matches!(code, Some(0 | 1)),
                "{}: `{command}` ended with {code:?}\n{said}",
                document.display()
            );
            ran += 1;
        }
    }
    assert!(ran >= 15, "only {ran} commands were found");
    running.shutdown().await;
    second.shutdown().await;
}

#[test]
fn every_command_of_every_document_is_one_that_exists() {
    let mut seen = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for command in commands(&text) {
            let Some(words) = command.strip_prefix("mcp-assay ") else {
                continue;
            };
            let words = words.split(" > ").next().unwrap_or_default();
            let words = std::iter::once("mcp-assay").chain(words.split_whitespace());
            if let Err(error) = Cli::command().try_get_matches_from(words) {
                panic!("{}: `{command}`: {error}", document.display());
            }
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen} commands were found");
}

#[test]
fn every_configuration_of_every_document_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for (name, content) in configurations(&text) {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            ConfigFile::read(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", document.display()));
            seen += 1;
        }
    }
    assert!(seen >= 3, "only {seen} configurations were found");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap();
        for target in text.split("](").skip(1) {
            let target = target.split([')', '#']).next().unwrap_or_default();
            let outside = target.starts_with("http") || target.is_empty();
            if !outside && !folder.join(target).exists() {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn every_guide_is_named_in_the_readme_and_names_checks_that_exist() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let own = checks::own::pages().iter().map(|page| page.id.as_str());
    let ids: BTreeSet<&str> = checks::all().iter().map(|it| it.id).chain(own).collect();
    for guide in guides() {
        let name = guide.display().to_string();
        assert!(readme.contains(&format!("]({name})")), "{name}");
        let text = std::fs::read_to_string(&guide).unwrap();
        for line in text.lines().filter(|line| line.starts_with("check = ")) {
            let id = line.trim_start_matches("check = ").trim_matches('"');
            assert!(ids.contains(id), "{name}: {id}");
        }
        for command in commands(&text) {
            if let Some(id) = command.strip_prefix("mcp-assay explain ") {
                assert!(ids.contains(id), "{name}: {id}");
            }
        }
    }
}

/// Where the examples point, with the embedded servers in the place of the vendor's.
fn here(text: &str, running: &Running, second: &Running) -> String {
    text.replace("https://mcp.example.com/mcp", &running.mcp_url)
        .replace("https://notes.example.com/mcp", &second.mcp_url)
        .replace("auth.example.com", "127.0.0.1")
}

fn run(command: &str, folder: &Path, servers: &[&Running; 2]) -> (Option<i32>, String) {
    let programs = Path::new(env!("CARGO_BIN_EXE_mcp-assay")).parent().unwrap();
    let token = |at: usize, name: &str| servers[at].token(name).unwrap().value.clone();
    let output = tokio::task::block_in_place(|| {
        Command::new("sh")
            .args(["-c", command])
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .env("READER_TOKEN", token(0, "reader"))
            .env("ADMIN_TOKEN", token(0, "admin"))
            .env("NOTES_TOKEN", token(1, "admin"))
            .output()
            .unwrap()
    });
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

/// Lines of `console` blocks, continued lines joined, comments and variables left out.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    for block in blocks(text, "console") {
        let joined = block.replace("\\\n", " ");
        let lines = joined.lines().map(str::trim);
        let lines = lines.filter(|line| {
            !line.is_empty() && !line.starts_with('#') && !line.starts_with("export ")
        });
        commands.extend(lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    commands
}

/// `toml` blocks that begin with the name of their file.
fn configurations(text: &str) -> Vec<(String, String)> {
    let blocks = blocks(text, "toml");
    let named = blocks.into_iter().filter_map(|block| {
        let name = block.lines().next()?.strip_prefix("# ")?.to_owned();
        let is_toml = Path::new(&name).extension().is_some_and(|it| it == "toml");
        let is_name = is_toml && !name.contains([' ', '/']);
        is_name.then_some((name, block))
    });
    named.collect()
}

fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

fn guides() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("docs").unwrap();
    let mut guides: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .collect();
    guides.sort();
    assert!(guides.len() >= 6, "{guides:?}");
    guides
}

fn documents() -> Vec<PathBuf> {
    let mut all = guides();
    all.push(PathBuf::from("README.md"));
    all
}
