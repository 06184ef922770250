//! What one target is told stays hidden in everything that is written about another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcp_assay::demo;

use super::{json, run, text, write};
use crate::support::{behaviour, variation};

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_knows_the_token_of_another_brings_it_into_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let told = demo::start(&behaviour("opaque-tokens")).await.unwrap();
    let token = told.token("admin").unwrap().value.clone();
    let coded = STANDARD.encode(&token);
    let echo = demo::start(&variation(&format!(
        "[[raw]]\nparty = \"resource\"\nmethod = \"GET\"\n\
         path = \"/.well-known/oauth-protected-resource/mcp\"\nstatus = 200\n\
         headers = {{ \"content-type\" = \"application/json\", \"x-seen\" = \"{token}\" }}\n\
         body = '{{\"resource\": \"{{mcp_url}}\", \"authorization_servers\": [\"{{issuer}}\"], \
         \"resource_name\": \"seen {token} and {coded}\"}}'\n"
    )))
    .await
    .unwrap();
    // The one that says it is audited first, before the other was sent anything.
    let list = format!(
        "[[target]]\nname = \"echo\"\nurl = \"{}\"\n\
         [[target]]\nname = \"told\"\nurl = \"{}\"\nidentities = [\"admin\"]\n\
         [[identity]]\nname = \"admin\"\ntoken = \"env:ADMIN\"\n",
        echo.mcp_url, told.mcp_url
    );
    write(&folder, "fleet.toml", &list);
    let env = [("ADMIN", token.clone())];
    let command = "audit -c fleet.toml --exit-zero -r json=all.json -r sarif=all.sarif \
                   -r junit=all.xml -r markdown=all.md -r github=all.txt -r table=- \
                   -r html={target}.html -r har={target}.har -r oscal={target}.oscal \
                   -r brief={target}.brief --evidence kept-{target}";
    let output = run(folder.path(), command, &env).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let all = json(&folder, "all.json");
    let echoed = all["reports"][0].to_string();
    assert!(
        echoed.contains("seen {of-another-target} and {of-another-target}"),
        "what was said did not get into the report at all"
    );
    assert!(all["reports"][1].to_string().contains("{token-admin}"));
    let mut files = vec![output.stdout, output.stderr];
    let mut folders = vec![folder.path().to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(std::fs::read(path).unwrap());
            }
        }
    }
    assert!(files.len() > 30, "{}", files.len());
    for file in files {
        let file = text(&file);
        assert!(!file.contains(&token) && !file.contains(coded.trim_end_matches('=')));
    }
    echo.shutdown().await;
    told.shutdown().await;
}
