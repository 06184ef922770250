use super::*;
use crate::config::cache::UpkeepFlags;
use crate::config::login::LoginFlags;
use crate::config::settings_with;
use crate::config::source::ProcessSecrets;

const TWO: &str = "[[target]]\nname = \"notes\"\nurl = \"https://a.example/mcp\"\nidentities = [\"reader\"]\n\
                   [[target]]\nurl = \"https://b.example/mcp\"\n\
                   [[identity]]\nname = \"reader\"\ntoken = \"env:A\"\n";

/// The targets of a file, written beside those it may name.
fn listed(text: &str, beside: &[(&str, &str)]) -> Result<Targets, Error> {
    found(text, beside, &Flags::default(), &Asked::default())
}

fn found(
    text: &str,
    beside: &[(&str, &str)],
    flags: &Flags,
    asked: &Asked,
) -> Result<Targets, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.toml");
    std::fs::write(&path, text).unwrap();
    for (name, text) in beside {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let flags = Flags {
        config: Some(path),
        ..flags.clone()
    };
    targets(&flags, asked)
}

fn problem(text: &str, beside: &[(&str, &str)]) -> String {
    listed(text, beside).unwrap_err().to_string()
}

fn urls_of(urls: &[&str]) -> Asked {
    Asked {
        urls: urls.iter().map(|&url| url.to_owned()).collect(),
        ..Asked::default()
    }
}

/// Names of the identities that a target was given.
fn identities(planned: &Planned) -> Vec<&str> {
    let given = planned.file.identity.iter();
    given.map(|it| it.name.get_ref().as_str()).collect()
}

#[test]
fn each_target_gets_the_identities_it_names_and_no_other() {
    let text = "[[target]]\nname = \"a\"\nurl = \"https://a.example/mcp\"\nidentities = [\"one\", \"both\"]\n\
                [[target]]\nurl = \"https://b.example/mcp\"\nidentities = [\"two\", \"both\"]\n\
                [[target]]\nurl = \"https://c.example/mcp\"\n\
                [[identity]]\nname = \"one\"\ntoken = \"env:A\"\n\
                [[identity]]\nname = \"two\"\ntoken = \"env:B\"\n\
                [[identity]]\nname = \"both\"\ntoken = \"env:C\"\n";
    let found = listed(text, &[]).unwrap().planned;
    let given: Vec<_> = found.iter().map(identities).collect();
    assert_eq!(
        given,
        [vec!["one", "both"], vec!["two", "both"], Vec::new()]
    );
    assert_eq!(found[0].name.as_deref(), Some("a"));
    assert_eq!(found[1].name, None);
}

#[test]
fn a_target_is_placed_on_the_line_that_names_it() {
    let found = listed(TWO, &[]).unwrap().planned;
    let lines: Vec<_> = found
        .iter()
        .map(|planned| planned.flags.named_at.as_ref().unwrap().line)
        .collect();
    assert_eq!(lines, [3, 6]);
    let second = &found[1];
    let mut secrets = ProcessSecrets::default();
    let (url, settings) =
        settings_with(&second.flags, &second.file, &mut secrets, "r", "2026-01-01").unwrap();
    assert_eq!(url.as_str(), "https://b.example/mcp");
    assert_eq!(settings.named_at.unwrap().line, 6);
    assert!(settings.identities.is_empty());
}

#[test]
fn a_wrong_url_is_refused_at_its_line() {
    let found = listed(&TWO.replace("https://b.example/mcp", "b.example"), &[]).unwrap();
    let Planned { flags, file, .. } = &found.planned[1];
    let mut secrets = ProcessSecrets::default();
    let said = settings_with(flags, file, &mut secrets, "r", "2026-01-01").unwrap_err();
    assert!(
        said.to_string().contains("fleet.toml:6: `b.example`"),
        "{said}"
    );
}

#[test]
fn an_identity_that_no_target_names_is_refused() {
    let said = problem(&TWO.replace("identities = [\"reader\"]\n", ""), &[]);
    assert!(said.contains("fleet.toml:7"), "{said}");
    assert!(said.contains("`reader` belongs to no target"), "{said}");
    assert!(said.contains("identities = [\"reader\"]"), "{said}");
}

#[test]
fn a_name_without_an_identity_is_refused() {
    let said = problem(&TWO.replace("[\"reader\"]", "[\"reader\", \"admin\"]"), &[]);
    assert!(said.contains("no `[[identity]]` called `admin`"), "{said}");
}

#[test]
fn one_entry_alone_takes_the_whole_file() {
    let text = "[[target]]\nurl = \"https://a.example/mcp\"\n[mint]\nscopes = \"each\"\n\
                [[identity]]\nname = \"reader\"\ntoken = \"env:A\"\n";
    let found = listed(text, &[]).unwrap().planned;
    assert_eq!(identities(&found[0]), ["reader"]);
    assert!(found[0].file.mint.is_some());
}

#[test]
fn a_target_with_a_file_of_its_own_is_described_there() {
    let text = "[[target]]\nconfig = \"a.toml\"\n[[target]]\nurl = \"https://b.example/mcp\"\n";
    let own = "[target]\nurl = \"https://a.example/mcp\"\n\
               [[identity]]\nname = \"reader\"\ntoken = \"env:A\"\n[mint]\nscopes = \"each\"\n";
    let found = listed(text, &[("a.toml", own)]).unwrap().planned;
    assert_eq!(identities(&found[0]), ["reader"]);
    assert_eq!(identities(&found[1]), Vec::<&str>::new());
    assert_eq!(found[0].flags.url, None);
    assert!(
        found[0].file.path.ends_with("a.toml"),
        "{}",
        found[0].file.path
    );
}

#[test]
fn a_file_for_one_server_gives_its_tokens_to_no_other() {
    let text = "[[target]]\nurl = \"https://b.example/mcp\"\nconfig = \"a.toml\"\n";
    let own = "[target]\nurl = \"https://a.example/mcp\"\n";
    let said = problem(text, &[("a.toml", own)]);
    assert!(
        said.contains("tokens of one target go to no other"),
        "{said}"
    );
    let same = text.replace("b.example", "A.example");
    assert!(listed(&same, &[("a.toml", own)]).is_ok());
}

#[test]
fn files_that_make_no_sense_together_are_refused() {
    let own = [("a.toml", "[network]\nrate = 1\n"), ("list.toml", TWO)];
    for (text, expected) in [
        ("[[target]]\nname = \"a\"\n", "neither `url` nor `config`"),
        ("[[target]]\nconfig = \"a.toml\"\n", "names a `url`"),
        (
            "[[target]]\nurl = \"https://a.example/\"\nconfig = \"gone.toml\"\n",
            "gone.toml",
        ),
        (
            "[[target]]\nurl = \"https://a.example/\"\nconfig = \"list.toml\"\n",
            "lists targets itself",
        ),
        (
            "[[target]]\nurl = \"https://a.example/\"\nconfig = \"a.toml\"\nidentities = []\n",
            "both `config` and `identities`",
        ),
        (
            "[[target]]\nurl = \"https://a.example/\"\nconfig = \"a.toml\"\nrevision = \"2025-11-25\"\n",
            "both `config` and `revision`",
        ),
        (
            "[[target]]\nurl = \"https://a.example/\"\nconfig = \"a.toml\"\n[network]\nrate = 1\n",
            "`network` would not hold",
        ),
        (
            "[[target]]\nurl = \"https://a.example/\"\n[[target]]\nurl = \"https://b.example/\"\n[client]\nid = \"x\"\n",
            "`client` belongs to one target",
        ),
        (
            "[[target]]\nname = \"x\"\nurl = \"https://a.example/\"\n[[target]]\nname = \"x\"\nurl = \"https://b.example/\"\n",
            "`x` is given twice",
        ),
        (
            "[[target]]\nname = \" \"\nurl = \"https://a.example/\"\n",
            "`name` is empty",
        ),
        (
            "[[target]]\nname = \"a\\u001b\"\nurl = \"https://a.example/\"\n",
            "control characters",
        ),
        ("[[target]]\nurll = \"https://a.example/\"\n", "urll"),
        ("target = 7\n", "[[target]]"),
    ] {
        let said = problem(text, &own);
        assert!(said.contains(expected), "{text}: {said}");
        assert!(said.contains(".toml"), "{text}: {said}");
    }
}

#[test]
fn shared_limits_hold_for_every_listed_target() {
    let found = listed(&format!("{TWO}[network]\nrate = 3\n"), &[])
        .unwrap()
        .planned;
    let rates: Vec<_> = found.iter().map(|it| it.file.network.rate).collect();
    assert_eq!(rates, [Some(3), Some(3)]);
}

#[test]
fn flags_that_would_give_a_token_to_every_target_are_refused() {
    let two = urls_of(&["https://a.example/", "https://b.example/"]);
    let one = urls_of(&["https://a.example/"]);
    let cases = [
        (
            "--identity",
            Flags {
                identities: vec!["reader=topsecret".to_owned()],
                ..Flags::default()
            },
        ),
        (
            "--header-identity",
            Flags {
                header_identities: vec!["robot=X-Key:topsecret".to_owned()],
                ..Flags::default()
            },
        ),
        (
            "--login",
            Flags {
                login: LoginFlags {
                    name: Some("user".to_owned()),
                    ..LoginFlags::default()
                },
                ..Flags::default()
            },
        ),
        (
            "--privileged",
            Flags {
                privileged: Some("admin".to_owned()),
                ..Flags::default()
            },
        ),
        (
            "--client-id",
            Flags {
                client_id: Some("cli".to_owned()),
                ..Flags::default()
            },
        ),
        (
            "--token-cache",
            Flags {
                upkeep: UpkeepFlags {
                    cache: Some(PathBuf::from("tokens.json")),
                    ..UpkeepFlags::default()
                },
                ..Flags::default()
            },
        ),
    ];
    for (flag, flags) in cases {
        let said = targets(&flags, &two).unwrap_err().to_string();
        assert!(said.starts_with(flag), "{said}");
        assert!(said.contains("2 ") && !said.contains("topsecret"), "{said}");
        assert_eq!(targets(&flags, &one).unwrap().planned.len(), 1, "{flag}");
    }
    let own = Flags {
        upkeep: UpkeepFlags {
            cache: Some(PathBuf::from("tokens-{target}.json")),
            ..UpkeepFlags::default()
        },
        ..Flags::default()
    };
    assert_eq!(targets(&own, &two).unwrap().planned.len(), 2);
}

#[test]
fn a_file_with_identities_does_not_serve_several_urls() {
    let two = urls_of(&["https://a.example/", "https://b.example/"]);
    let flags = Flags::default();
    let with_token = "[[identity]]\nname = \"reader\"\ntoken = \"env:A\"\n";
    let said = found(with_token, &[], &flags, &two)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("fleet.toml:2") && said.contains("`reader` names no target"),
        "{said}"
    );
    let said = found("[mint]\nscopes = \"each\"\n", &[], &flags, &two).unwrap_err();
    assert!(
        said.to_string().contains("`mint` belongs to one target"),
        "{said}"
    );
    let limits = "[network]\nrate = 3\n";
    assert_eq!(found(limits, &[], &flags, &two).unwrap().planned.len(), 2);
}

#[test]
fn targets_are_named_in_one_way_only() {
    let flags = Flags::default();
    let said = found(TWO, &[], &flags, &urls_of(&["https://a.example/"])).unwrap_err();
    assert!(said.to_string().contains("give one of the two"), "{said}");
    let from = Flags {
        from: Some(PathBuf::from("mcp.json")),
        ..Flags::default()
    };
    let said = found(TWO, &[], &from, &Asked::default()).unwrap_err();
    assert!(said.to_string().starts_with("--from"), "{said}");
}

#[test]
fn servers_of_a_client_are_told_apart_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mcp.json");
    let text = r#"{"mcpServers": {"a": {"url": "https://a.example/", "headers": {"X-Key": "k-a"}},
        "b": {"url": "https://b.example/"}, "c": {"command": "npx"}}}"#;
    std::fs::write(&path, text).unwrap();
    let flags = Flags {
        from: Some(path),
        ..Flags::default()
    };
    let asked = |servers: &[&str], all_servers| Asked {
        servers: servers.iter().map(|&name| name.to_owned()).collect(),
        all_servers,
        urls: Vec::new(),
    };
    for asked in [asked(&["a", "b"], false), asked(&[], true)] {
        let found = targets(&flags, &asked).unwrap();
        let keys: Vec<usize> = found
            .planned
            .iter()
            .map(|it| {
                let mut secrets = ProcessSecrets::default();
                let settings = settings_with(&it.flags, &it.file, &mut secrets, "r", "2026-01-01");
                settings.unwrap().1.identities.len()
            })
            .collect();
        assert_eq!(keys, [1, 0]);
        assert_eq!(found.skipped.len(), usize::from(asked.all_servers));
    }
    let said = targets(&flags, &asked(&["a", "a"], false)).unwrap_err();
    assert!(said.to_string().contains("`a` is given twice"), "{said}");
}

#[test]
fn of_a_list_the_part_of_one_target_is_found_by_its_url() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        let path = folder.path().join("fleet.toml");
        std::fs::write(&path, text).unwrap();
        ConfigFile::read(&path).unwrap()
    };
    let own =
        "[target]\nurl = \"https://c.example/mcp\"\n[[accept]]\ncheck = \"x\"\nreason = \"y\"\n";
    std::fs::write(folder.path().join("own.toml"), own).unwrap();
    let list = read(&format!("{TWO}[[target]]\nconfig = \"own.toml\"\n"));
    let found = about(&list, "https://c.example/mcp").unwrap();
    assert!(found.path.ends_with("own.toml") && found.accept.len() == 1);
    let found = about(&list, "https://b.example:443/mcp").unwrap();
    assert!(found.accept.is_empty() && found.identity.is_empty());
    let problem = about(&list, "https://d.example/mcp")
        .unwrap_err()
        .to_string();
    assert!(
        problem.contains("none of the 3 targets is `https://d.example/mcp`"),
        "{problem}"
    );
    let single = read("[target]\nurl = \"https://a.example/mcp\"\n");
    assert!(about(&single, "https://d.example/mcp").is_ok());
}
