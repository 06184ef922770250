//! Evidence of one target, judged again by the configuration of them all.

use super::{json, run, text, write};

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_judged_by_what_a_list_says_about_its_target_alone() {
    let folder = tempfile::tempdir().unwrap();
    let command = "demo hidden-tool-callable -r json=first.json --evidence kept";
    let output = run(folder.path(), command, &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let first = json(&folder, "first.json");
    let url = first["target"]["url"].as_str().unwrap();
    let accept = "[[accept]]\ncheck = \"hidden-tool-callable\"\nreason = \"CR-121\"\n";
    write(
        &folder,
        "own.toml",
        &format!("[target]\nurl = \"{url}\"\n{accept}"),
    );
    let other = "[[target]]\nurl = \"https://other.example/mcp\"\n";
    write(
        &folder,
        "fleet.toml",
        &format!("{other}[[target]]\nconfig = \"own.toml\"\n"),
    );
    let command = "judge kept --config fleet.toml -r json=again.json";
    run(folder.path(), command, &[]).await;
    let again = json(&folder, "again.json");
    let accepted = again["accepted"].as_array().unwrap();
    assert!(
        accepted
            .iter()
            .any(|it| it["finding"]["check"] == "hidden-tool-callable"),
        "{accepted:?}"
    );
    assert_eq!(
        again["findings"]
            .to_string()
            .matches("hidden-tool-callable")
            .count(),
        0
    );

    write(
        &folder,
        "others.toml",
        &format!("{other}{}", other.replace("other.", "third.")),
    );
    let output = run(folder.path(), "judge kept --config others.toml", &[]).await;
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("none of the 2 targets is") && said.contains(url),
        "{said}"
    );
}
