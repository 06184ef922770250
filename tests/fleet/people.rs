//! Targets that a person signs in at: one page at a time, and each target keeps its own user.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Output, Stdio};

use mcp_assay::demo;

use super::{binary, json, write};
use crate::support::behaviour;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_at_one_target_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        demo::start(&behaviour("login")).await.unwrap(),
        demo::start(&behaviour("login")).await.unwrap(),
    );
    let list = format!(
        "[[target]]\nname = \"one\"\nurl = \"{}\"\nidentities = [\"ann\"]\n\
         [[target]]\nname = \"two\"\nurl = \"{}\"\nidentities = [\"bob\"]\n\
         [[identity]]\nname = \"ann\"\ngrant = \"authorization_code\"\nclient_id = \"demo-cli\"\n\
         [[identity]]\nname = \"bob\"\ngrant = \"authorization_code\"\nclient_id = \"demo-cli\"\n",
        one.mcp_url, two.mcp_url
    );
    write(&folder, "fleet.toml", &list);
    let path = folder.path().to_owned();
    let handle = tokio::runtime::Handle::current();
    let signed_in = tokio::task::spawn_blocking(move || visited(&path, &handle));
    let (output, visits) = signed_in.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let all = json(&folder, "all.json");
    let of = |at: usize, name: &str| {
        let present = all["reports"][at]["identities"]["present"].as_array();
        present.unwrap().iter().any(|it| it["name"] == name)
    };
    assert!(of(0, "ann") && !of(0, "bob"), "{said}");
    assert!(of(1, "bob") && !of(1, "ann"), "{said}");
    assert_eq!(visits, ["one", "two"], "{said}");
    for (running, at) in [(&one, 0), (&two, 1)] {
        assert!(all["outcome"]["targets"][at]["answers"].is_object());
        assert_eq!(running.open_sessions(), 0);
    }
    one.shutdown().await;
    two.shutdown().await;
}

/// Audits while somebody signs in wherever that is asked for; the targets in the order of asking.
fn visited(folder: &std::path::Path, handle: &tokio::runtime::Handle) -> (Output, Vec<String>) {
    let mut child = binary(folder)
        .args(["audit", "-c", "fleet.toml", "-r", "json=all.json"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let (mut said, mut visits) = (String::new(), Vec::new());
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).unwrap() == 0 {
            break;
        }
        if let Some((name, _)) = line.strip_prefix("For ").and_then(|it| it.split_once(':')) {
            visits.push(name.to_owned());
        }
        if let Some(at) = line
            .find("http://")
            .filter(|_| line.contains("/authorize?"))
        {
            let page = line[at..].trim().to_owned();
            let visit = demo::visitor::visit(&page, "approve");
            handle.block_on(visit).unwrap();
        }
        said.push_str(&line);
    }
    lines.read_to_string(&mut said).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stderr = said.into_bytes();
    (output, visits)
}
