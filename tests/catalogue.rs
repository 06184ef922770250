//! Page, judge, requirement, probe and behaviour stay in step: set comparisons, each naming the
//! odd one out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mcp_assay::checks::maps::{Catalogue, map};
use mcp_assay::checks::page::{Page, SECTIONS};
use mcp_assay::checks::requirements::{Area, requirements};
use mcp_assay::checks::{all, find};
use mcp_assay::model::identity::IdentityKind;
use mcp_assay::model::verdict::Basis;

#[test]
fn pages_checks_and_judges_are_the_same_set() {
    let ids: BTreeSet<String> = all().iter().map(|check| check.id.to_owned()).collect();
    assert_eq!(ids.len(), all().len(), "an id appears twice");
    let pages: BTreeSet<String> = stems("checks", "md")
        .into_iter()
        .filter(|stem| !stem.starts_with('_'))
        .collect();
    assert_eq!(odd(&pages, &ids), [""; 0], "pages and catalogue differ");
    let judges: BTreeSet<String> = Area::ALL
        .into_iter()
        .flat_map(|area| stems(&format!("src/checks/{area}"), "rs"))
        .map(|stem| stem.replace('_', "-"))
        .collect();
    assert_eq!(odd(&judges, &ids), [""; 0], "judges and catalogue differ");
}

#[test]
fn each_of_the_nine_flaws_has_a_check() {
    let flaws = map(Catalogue::Flaws);
    let ids: Vec<&str> = flaws.iter().map(|flaw| flaw.id.as_str()).collect();
    assert_eq!(
        ids,
        ["F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9"],
        "a page names a flaw that the paper does not have"
    );
    for flaw in flaws {
        assert!(!flaw.checks.is_empty(), "no check covers {}", flaw.id);
    }
}

#[test]
fn judges_live_under_the_area_of_their_requirement() {
    for check in all() {
        let area = check.area().expect("the requirement exists");
        let file = format!("src/checks/{area}/{}.rs", check.id.replace('-', "_"));
        assert!(
            root().join(&file).is_file(),
            "{} is not at {file}",
            check.id
        );
    }
}

#[test]
fn every_page_parses_and_has_its_sections_in_order() {
    let mut pages: Vec<(String, String)> = all()
        .iter()
        .map(|check| (check.id.to_owned(), check.text.to_owned()))
        .collect();
    let template = fs::read_to_string(root().join("checks/_template.md"));
    pages.push((
        "_template".to_owned(),
        template.expect("the template is there"),
    ));
    for (id, text) in pages {
        let page = Page::parse(&id, &text).unwrap_or_else(|error| panic!("{error}"));
        let headings: Vec<&str> = page.sections.iter().map(|it| it.heading.as_str()).collect();
        assert_eq!(headings, SECTIONS, "sections of {id}");
        for section in &page.sections {
            assert!(
                !section.body.is_empty(),
                "{id}: {} is empty",
                section.heading
            );
        }
        let length = page.title.chars().count();
        assert!(length <= 60, "{id}: the title has {length} characters");
        assert!(!page.severity_why.is_empty(), "{id}: severity_why is empty");
        assert!(!page.needs.is_empty(), "{id}: needs is empty");
        assert!(page.requests > 0, "{id}: requests is zero");
        assert!(
            text.contains(&format!("\nmcp-assay demo {}\n", page.demo)),
            "{id}: See it fire"
        );
    }
}

#[test]
fn titles_are_unique() {
    let mut seen = BTreeMap::new();
    for check in all() {
        let title = &check.page().title;
        if let Some(other) = seen.insert(title, check.id) {
            panic!("`{title}` is the title of {other} and of {}", check.id);
        }
    }
}

#[test]
fn references_are_https_links_to_the_places_that_bind() {
    for check in all() {
        let references = check.page().section("References").expect("a section");
        for line in references.lines() {
            let target = line
                .split("](")
                .nth(1)
                .and_then(|rest| rest.strip_suffix(')'));
            let target = target.unwrap_or_else(|| panic!("{}: `{line}` is no link", check.id));
            assert!(target.starts_with("https://"), "{}: {target}", check.id);
        }
    }
    for row in requirements() {
        assert!(!row.urls.is_empty(), "{} has no url", row.id);
        for url in &row.urls {
            assert!(url.starts_with("https://"), "{}: {url}", row.id);
        }
    }
}

#[test]
fn every_requirement_is_claimed_by_a_check_or_says_why_not() {
    let known: BTreeSet<String> = requirements().iter().map(|row| row.id.clone()).collect();
    assert_eq!(
        known.len(),
        requirements().len(),
        "a requirement id appears twice"
    );
    let claimed: BTreeSet<String> = all()
        .iter()
        .flat_map(|check| check.page().requirements.iter().cloned())
        .collect();
    let unknown: Vec<&String> = claimed.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "pages claim unknown requirements: {unknown:?}"
    );
    for row in requirements() {
        match (claimed.contains(&row.id), row.excluded.as_deref()) {
            (true, Some(_)) => panic!("{} is claimed and excluded", row.id),
            (false, None) => panic!("{} is neither claimed nor excluded", row.id),
            (false, Some(reason)) => assert!(reason.len() > 15, "{}: `{reason}`", row.id),
            (true, None) => {}
        }
    }
}

#[test]
fn requirement_rows_are_consistent() {
    let mut counts = BTreeMap::new();
    for row in requirements() {
        let (prefix, number) = row.id.split_once('-').expect("AREA-NN");
        assert_eq!(prefix, row.area.prefix(), "{} is in the wrong area", row.id);
        let count = counts.entry(prefix).or_insert(0_u32);
        *count += 1;
        assert_eq!(number, format!("{count:02}"), "{} is out of order", row.id);
        assert!(!row.revisions.is_empty(), "{} applies nowhere", row.id);
        let bases = row.per_revision.iter().filter_map(|it| it.basis);
        let bases: Vec<Basis> = bases.chain([row.basis]).chain(row.advisory).collect();
        if bases.contains(&Basis::R) {
            assert!(row.reference.is_some(), "{} rests on no RFC", row.id);
        }
        if bases.contains(&Basis::X) {
            assert!(row.extension.is_some(), "{} rests on no extension", row.id);
        }
        for variation in &row.per_revision {
            for revision in &variation.revisions {
                assert!(
                    row.revisions.contains(revision),
                    "{} varies in {revision}",
                    row.id
                );
            }
        }
    }
    let expected = [
        ("ASE", 20),
        ("DISC", 13),
        ("EXT", 9),
        ("PRIM", 29),
        ("REG", 26),
        ("SCP", 13),
        ("TOK", 19),
        ("XPT", 17),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn no_page_needs_a_probe_above_its_tier() {
    for check in all() {
        let page = check.page();
        for probe in &page.needs {
            let tier = probe.tier();
            assert!(tier <= page.tier, "{}: {probe} needs {tier}", check.id);
        }
        let highest = page.needs.iter().map(|probe| probe.tier()).max();
        assert_eq!(highest, Some(page.tier), "{}: tier is too high", check.id);
        let credentials = [IdentityKind::Valid, IdentityKind::Garbage];
        if page
            .identities
            .iter()
            .any(|kind| credentials.contains(kind))
        {
            let tier = page.tier;
            assert!(
                tier >= mcp_assay::model::probe::Tier::Authenticated,
                "{}: {tier}",
                check.id
            );
        }
    }
}

#[test]
fn every_demo_behaviour_exists() {
    let behaviours = stems("fixtures/behaviours", "toml");
    for check in all() {
        let demo = &check.page().demo;
        assert!(
            behaviours.contains(demo),
            "{}: no behaviour `{demo}`",
            check.id
        );
    }
}

#[test]
fn back_ticked_check_ids_and_behaviours_in_pages_exist() {
    let behaviours = stems("fixtures/behaviours", "toml");
    for check in all() {
        let ticked = check.text.split('`').skip(1).step_by(2);
        let named = ticked.filter(|text| {
            let slug = |c: char| c.is_ascii_lowercase() || c == '-';
            !text.starts_with('-') && text.matches('-').count() > 1 && text.chars().all(slug)
        });
        for name in named {
            let known = find(name).is_some() || behaviours.contains(name);
            assert!(
                known,
                "{}: `{name}` is neither check nor behaviour",
                check.id
            );
        }
    }
}

fn odd(one: &BTreeSet<String>, other: &BTreeSet<String>) -> Vec<String> {
    one.symmetric_difference(other).cloned().collect()
}

fn stems(folder: &str, extension: &str) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else {
        return BTreeSet::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
