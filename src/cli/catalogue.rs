//! `checks` and `explain`: the catalogue and its pages.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::args::{ChecksArgs, ExplainArgs, Global};
use super::session::{self, Usage};
use super::{DONE, Outcome};
use crate::checks;
use crate::checks::maps::Catalogue;
use crate::checks::page::Page;
use crate::checks::requirements::{requirement, requirements};

/// Lists the checks and counts the requirements they cover.
pub(crate) fn list(args: &ChecksArgs, _global: &Global) -> Outcome {
    if let Some(catalogue) = &args.map {
        let catalogue = catalogue.parse::<Catalogue>().map_err(Usage)?;
        session::put("-", mapped(catalogue).as_bytes())?;
        return Ok(DONE);
    }
    let mut out = String::new();
    let tier = match &args.tier {
        None => None,
        Some(word) => {
            let found = crate::model::probe::Tier::ALL
                .into_iter()
                .find(|tier| tier.as_str() == word);
            Some(found.ok_or_else(|| Usage(format!("`{word}` is not a tier")))?)
        }
    };
    let area = args.area.as_deref().map(str::to_ascii_uppercase);
    if let Some(area) = &area
        && !checks::requirements::Area::ALL
            .iter()
            .any(|known| known.as_str() == area)
    {
        return Err(Usage(format!("`{area}` is not an area")).into());
    }
    let is_wanted = |id: &str| area.as_deref().is_none_or(|area| id.starts_with(area));
    let rows = checks::all()
        .iter()
        .map(|it| it.page().requirements.join(","));
    let widest = rows.map(|row| row.len()).max().unwrap_or_default();
    for check in checks::all() {
        let page = check.page();
        if !is_wanted(page.requirement()) || tier.is_some_and(|tier| page.tier > tier) {
            continue;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{:<widest$} {:<42} {:<8} {:<13} {}",
            page.requirements.join(","),
            check.id,
            page.severity.as_str(),
            page.tier.as_str(),
            page.title
        );
    }
    let rows = requirements()
        .iter()
        .filter(|row| is_wanted(&row.id))
        .collect::<Vec<_>>();
    let open = rows
        .iter()
        .filter(|row| row.excluded.is_some())
        .collect::<Vec<_>>();
    let covered = rows.len() - open.len();
    let _ = writeln!(
        out,
        "\n{} checks; {covered} of {} requirements covered, {} open",
        checks::all().len(),
        rows.len(),
        open.len()
    );
    if args.open {
        for row in open {
            let reason = row.excluded.as_deref().unwrap_or_default();
            let _ = writeln!(
                out,
                "{:<9} {}\n          not checked: {reason}",
                row.id, row.title
            );
        }
    } else {
        let _ = writeln!(
            out,
            "`mcp-assay checks --open` lists the open ones with their reasons"
        );
    }
    session::put("-", out.as_bytes())?;
    Ok(DONE)
}

fn mapped(catalogue: Catalogue) -> String {
    let mut out = String::new();
    let entries = checks::maps::map(catalogue);
    for entry in &entries {
        let title = entry.title.unwrap_or_default();
        let _ = writeln!(out, "{:<10} {title}", entry.id);
        for check in &entry.checks {
            let page = check.page();
            let _ = writeln!(out, "  {:<40} {}", check.id, page.title);
            let _ = writeln!(out, "  {:<40} `mcp-assay demo {}`", "", page.demo);
        }
        if entry.checks.is_empty() {
            let _ = writeln!(out, "  no check covers it");
        }
    }
    let covered = entries.iter().filter(|it| !it.checks.is_empty()).count();
    let _ = writeln!(
        out,
        "\n{covered} of {} entries of {catalogue} covered",
        entries.len()
    );
    out
}

/// Prints the page of a check, or of what is said about the configuration.
pub(crate) fn explain(args: &ExplainArgs) -> Outcome {
    let mut out = String::new();
    if let Some(page) = checks::own::page(&args.check) {
        explained(&mut out, page);
    } else {
        let only = BTreeSet::from([args.check.clone()]);
        let found = checks::select(&only, &BTreeSet::new());
        for check in found.map_err(|unknown| Usage(unknown.to_string()))? {
            explained(&mut out, check.page());
        }
    }
    session::put("-", out.as_bytes())?;
    Ok(DONE)
}

fn explained(out: &mut String, page: &Page) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{}: {}\n", page.id, page.title);
    let _ = writeln!(
        out,
        "severity {} ({}), tier {}, at most {} requests\n",
        page.severity.as_str(),
        page.severity_why,
        page.tier.as_str(),
        page.requests
    );
    for id in &page.requirements {
        if let Some(row) = requirement(id) {
            let _ = writeln!(out, "{id}: {} ({})", row.title, row.clause);
            let links = row.urls.iter().map(|url| format!("  {url}\n"));
            let _ = writeln!(out, "{}", links.collect::<String>());
        }
    }
    for section in &page.sections {
        let _ = writeln!(out, "## {}\n", section.heading);
        let _ = writeln!(out, "{}\n", linked(section.body.trim()));
    }
}

/// `[text](url)` in a list of links becomes `text: url`, which a terminal makes a link of.
fn linked(body: &str) -> String {
    let line = |line: &str| {
        let parts = line.strip_prefix("- [").and_then(|rest| {
            let (text, url) = rest.split_once("](")?;
            Some((text, url.strip_suffix(')')?))
        });
        match parts {
            Some((text, url)) => format!("- {text}\n  {url}"),
            None => line.to_owned(),
        }
    };
    body.lines().map(line).collect::<Vec<_>>().join("\n")
}
