//! What is not a finding: open questions, passes, what was left behind, and the rules of the run.

use std::collections::BTreeMap;
use std::io;

use crate::checks::requirements::{Area, requirement};
use crate::model::report::{CoverageRow, Report};
use crate::model::verdict::Status;
use crate::report::markup::Markup;
use crate::report::undecided::Cause;
use crate::report::{facts, obtained, safe, undecided, words};

use super::{fact, prose, section};

pub(super) fn undecided(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    let heading = match report.undecided.len() {
        0 => "Not decided: nothing".to_owned(),
        n => format!("Not decided ({n})"),
    };
    section(out, "undecided", &heading, |out| {
        if report.undecided.is_empty() {
            return Ok(());
        }
        let groups = undecided::groups(&report.undecided);
        let (first, rest) = groups.split_at(groups.len().min(undecided::CAUSES));
        causes(out, first)?;
        if rest.is_empty() {
            return Ok(());
        }
        let heading = format!("and {}", words::count(rest.len(), "more cause"));
        out.element("details", &[], |fold| {
            fold.leaf("summary", &[], &heading)?;
            causes(fold, rest)
        })
    })
}

fn causes(out: &mut Markup<'_>, groups: &[(Cause<'_>, Vec<&str>)]) -> io::Result<()> {
    rows(out, &["what", "why", "decided by"], |body| {
        for ((reason, flag), what) in groups {
            body.newline()?;
            body.element("tr", &[], |row| {
                row.element("td", &[], |cell| names(cell, what))?;
                for text in [*reason, flag.unwrap_or("no flag of this tool")] {
                    let text = safe::fit(text, LONG);
                    row.element("td", &[], |cell| prose::spans(cell, &text))?;
                }
                Ok(())
            })?;
        }
        Ok(())
    })
}

/// The first names at sight, the others behind a fold.
fn names(out: &mut Markup<'_>, what: &[&str]) -> io::Result<()> {
    let (first, rest) = what.split_at(what.len().min(FEW));
    let joined = |names: &[&str]| {
        let names = names.iter().map(|name| safe::fit_middle(name, NAME));
        names.collect::<Vec<_>>().join(", ")
    };
    out.text(&joined(first))?;
    if rest.is_empty() {
        return Ok(());
    }
    out.element("details", &[], |fold| {
        fold.leaf("summary", &[], &format!("and {} more", rest.len()))?;
        fold.text(&joined(rest))
    })
}

pub(super) fn coverage(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    let counts: Vec<String> = facts::tally(report)
        .into_iter()
        .map(|(status, n)| format!("{n} {}", status.as_str()))
        .collect();
    let heading = format!("Checks ({})", facts::checks(report).count());
    section(out, "checks", &heading, |out| {
        out.leaf("p", &[], &counts.join(", "))?;
        let text = format!(
            "{} of {} cells decided. A pass means that what was sent was answered as it should \
             be, not that the server is secure.",
            report.outcome.decided_cells, report.outcome.cells
        );
        out.leaf("p", &[("class", "dim")], &text)?;
        if report.coverage.is_empty() {
            return Ok(());
        }
        out.element("div", &[("id", "coverage")], |out| {
            out.element("p", &[("class", "filter")], |line| {
                line.element("label", &[], |label| {
                    label.text("Show rows with ")?;
                    label.empty("input", &[("type", "search"), ("data-of", "coverage")])
                })
            })?;
            let areas = Area::ALL.into_iter().map(Some).chain([None]);
            for area in areas {
                let own: Vec<&CoverageRow> = report
                    .coverage
                    .iter()
                    .filter(|row| facts::area(row) == area)
                    .collect();
                if !own.is_empty() {
                    area_of(out, area.map_or("configuration", Area::as_str), &own)?;
                }
            }
            Ok(())
        })
    })
}

/// The checks of one area, which can be folded away.
fn area_of(out: &mut Markup<'_>, name: &str, own: &[&CoverageRow]) -> io::Result<()> {
    let mut counts: BTreeMap<Status, usize> = BTreeMap::new();
    for row in own {
        *counts.entry(row.status).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(status, n)| format!("{n} {}", status.as_str()))
        .collect();
    let title = format!("{name} ({}): {}", own.len(), counts.join(", "));
    out.element("details", &[("open", "open")], |fold| {
        fold.leaf("summary", &[], &title)?;
        let names = ["status", "looked for", "requirement", "rests on", "why"];
        rows(fold, &names, |body| {
            for one in own {
                body.newline()?;
                body.element("tr", &[], |row| {
                    row.element("td", &[], |cell| {
                        let class = format!("badge {}", tone(one.status));
                        cell.leaf("span", &[("class", &class)], one.status.as_str())
                    })?;
                    row.leaf("td", &[], &one.title)?;
                    row.leaf("td", &[("class", "m")], &one.requirements.join(", "))?;
                    row.leaf("td", &[], rests_on(one))?;
                    let why = safe::fit(&one.reason, LONG);
                    row.element("td", &[], |cell| prose::spans(cell, &why))
                })?;
            }
            Ok(())
        })
    })
}

/// What a breach is called where there is one, and the clause where there is none.
fn rests_on(row: &CoverageRow) -> &str {
    let clause = row.requirements.first().and_then(|id| requirement(id));
    match (row.status, clause) {
        (Status::Fail | Status::Warn, _) | (_, None) => &row.wording,
        (_, Some(requirement)) => &requirement.clause,
    }
}

pub(super) fn residue(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    let open = || report.sessions.iter().filter(|session| !session.closed);
    let n = report.residue.len() + open().count();
    let heading = match n {
        0 => "Left behind: nothing".to_owned(),
        n => format!("Left behind ({n})"),
    };
    section(out, "residue", &heading, |out| {
        for item in &report.residue {
            out.element("dl", &[], |list| {
                let name = safe::fit_middle(&item.name, NAME);
                fact(
                    list,
                    &item.kind,
                    &format!("{name} at {}", safe::fit(&item.location, LONG)),
                )?;
                fact(list, "still there", &safe::fit(&item.reason, LONG))?;
                fact(list, "undo", &safe::fit(&item.undo, LONG))
            })?;
        }
        for session in open() {
            let text = format!(
                "Session of {}, opened in {}, was not closed; it ends when the server drops it.",
                session.identity, session.exchange
            );
            out.leaf("p", &[], &text)?;
        }
        Ok(())
    })
}

pub(super) fn engagement(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    let run = &report.engagement;
    section(out, "engagement", "Engagement", |out| {
        out.element("dl", &[], |list| {
            let tool = format!("{} {}", report.tool.name, report.tool.version);
            fact(list, "tool", &tool)?;
            fact(list, "run", &run.run_id)?;
            fact(list, "started", &run.started)?;
            fact(list, "target", &safe::fit_middle(&report.target.url, LONG))?;
            fact(list, "revision", facts::revision(report))?;
            let tiers: Vec<&str> = run.tiers.iter().map(|tier| tier.as_str()).collect();
            fact(list, "allowed tiers", &tiers.join(", "))?;
            let reads = if run.reads {
                "may be called"
            } else {
                "are not called"
            };
            fact(list, "read-only tools", reads)?;
            fact(
                list,
                "other hosts",
                &or_none(&run.confirmed_hosts.join(", ")),
            )?;
            let counts = report.requests.by_tier.iter();
            let counts: Vec<String> = counts.map(|(tier, n)| format!("{tier} {n}")).collect();
            let total = report.requests.total;
            fact(
                list,
                "requests",
                &format!("{total} ({})", or_none(&counts.join(", "))),
            )?;
            let limits = format!(
                "{} in flight, {} a second, at most {}",
                run.concurrency, run.rate, run.max_requests
            );
            fact(list, "limits", &limits)?;
            fact(
                list,
                "certificates",
                if run.insecure {
                    "not verified"
                } else {
                    "verified"
                },
            )?;
            fact(list, "extra roots", run.cacert.as_deref().unwrap_or("none"))?;
            fact(list, "proxy", run.proxy.as_deref().unwrap_or("none"))
        })?;
        out.leaf("h3", &[], "Identities")?;
        rows(
            out,
            &[
                "name",
                "what it carries",
                "scopes",
                "how it was had",
                "state",
            ],
            |body| {
                for identity in &report.identities.present {
                    let scopes = identity.scopes().map(|scopes| {
                        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
                        or_none(&scopes.join(" "))
                    });
                    let scopes = scopes.as_deref().unwrap_or("not known");
                    let baseline = report.identities.baseline.as_ref() == Some(&identity.name);
                    let state = match &identity.invalid {
                        Some(reason) => format!("not usable: {reason}"),
                        None if baseline => "strongest".to_owned(),
                        None => String::new(),
                    };
                    let kind = words::identity(identity.kind);
                    let had = obtained::obtained(report, identity).unwrap_or_default();
                    row(body, &[&identity.name, kind, scopes, &had, &state])?;
                }
                for missing in &report.identities.missing {
                    row(body, &[&missing.name, "missing", "", "", &missing.reason])?;
                }
                Ok(())
            },
        )?;
        for line in obtained::ladder(report) {
            out.leaf("p", &[], &format!("Ladder {line}"))?;
        }
        Ok(())
    })
}

pub(super) fn rows(
    out: &mut Markup<'_>,
    names: &[&'static str],
    content: impl FnOnce(&mut Markup<'_>) -> io::Result<()>,
) -> io::Result<()> {
    out.element("div", &[("class", "scroll")], |out| {
        out.element("table", &[("class", "sort list")], |table| {
            table.element("thead", &[], |head| {
                head.element("tr", &[], |row| {
                    for name in names {
                        row.leaf("th", &[("scope", "col")], name)?;
                    }
                    Ok(())
                })
            })?;
            table.element("tbody", &[], content)
        })
    })
}

pub(super) fn row(out: &mut Markup<'_>, cells: &[&str]) -> io::Result<()> {
    out.newline()?;
    out.element("tr", &[], |row| {
        for cell in cells {
            let text = safe::fit(cell, LONG);
            row.element("td", &[], |cell| prose::spans(cell, &text))?;
        }
        Ok(())
    })
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none" } else { text }.to_owned()
}

const fn tone(status: Status) -> &'static str {
    match status {
        Status::Pass => "good",
        Status::Fail => "bad",
        Status::Warn | Status::Inconclusive => "warn",
        Status::NotApplicable | Status::Observed => "cool",
    }
}

/// Names of one cause that are shown without unfolding.
const FEW: usize = 12;
const NAME: usize = 120;
const LONG: usize = 1200;
