//! Two runs against a server that has not changed differ in stamps and the run id, in every form.

use mcp_assay::demo;
use mcp_assay::model::report::Report;
use mcp_assay::rehearsal;
use mcp_assay::report::{Format, Style, render};
use serde_json::Value;

use super::support::{SEED, variation};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_run_twice_gives_the_same_reports() {
    let behaviour = variation(
        "[server]\nlist = \"by-scope\"\n[enforcement]\nunguarded = [\"list_revisions\"]\n",
    );
    let running = demo::start(&behaviour).await.unwrap();
    let run = async |seed: [u8; 32], started: &str| -> Report {
        let settings = rehearsal::settings(&behaviour, &running, &seed).unwrap();
        rehearsal::audit_url(&running.mcp_url, &settings, seed, started)
            .await
            .unwrap()
    };
    let (early, late) = ("2026-11-23T08:00:00Z", "2026-11-24T09:30:00Z");
    let first = run(SEED, early).await;
    let again = run(SEED, late).await;
    let other = run(*b"another seed for the other run!!", late).await;
    running.shutdown().await;
    assert!(!first.findings.is_empty());
    for format in Format::ALL {
        let (one, two) = (text(format, &first), text(format, &again));
        same(format, &one, &two, &first, &again);
        // What is derived from the run id stands in the exchanges; the other forms hold none.
        if matches!(
            format,
            Format::Table | Format::Junit | Format::Markdown | Format::Github | Format::Brief
        ) {
            same(format, &one, &text(format, &other), &first, &other);
        }
    }
}

fn same(format: Format, one: &str, two: &str, first: &Report, second: &Report) {
    let (one, two) = (timeless(one, first), timeless(two, second));
    let lines = one.lines().zip(two.lines());
    let odd: Vec<_> = lines.filter(|(a, b)| a != b).take(5).collect();
    assert!(odd.is_empty(), "{format}: {odd:#?}");
    assert_eq!(one.lines().count(), two.lines().count(), "{format}");
}

/// The text without stamps, durations and the run id.
fn timeless(text: &str, report: &Report) -> String {
    let text = undated(&text.replace(&report.engagement.run_id, "RUN"));
    let text = match serde_json::from_str::<Value>(&text) {
        Ok(mut value) => {
            still(&mut value);
            serde_json::to_string_pretty(&value).unwrap()
        }
        Err(_) => text,
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("202") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = stamp(from);
        out.push_str(if end > 3 { "STAMP" } else { "202" });
        rest = &from[end..];
    }
    out.push_str(rest);
    out
}

/// The text without the dates of HTTP, `Mon, 23 Nov 2026 08:00:00 GMT`.
fn undated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split(" GMT").peekable();
    while let Some(part) = parts.next() {
        let start = part.len().saturating_sub("Mon, 23 Nov 2026 08:00:00".len());
        let is_dated = parts.peek().is_some() && part.is_char_boundary(start);
        out.push_str(if is_dated { &part[..start] } else { part });
    }
    out
}

/// The length of the day or stamp that a text begins with; 3 when it is neither a day of these runs.
fn stamp(text: &str) -> usize {
    let is_day = text.starts_with("2026-11-2");
    if !is_day {
        return 3;
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && !"-:.TZ+".contains(c));
    end.unwrap_or(text.len())
}

fn still(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let page = members.get("text").and_then(Value::as_str);
            if page.is_some_and(|page| page.contains(ONCE)) {
                // Each login page of the server has a number of its own.
                members.insert("text".to_owned(), "a page".into());
                members.remove("sha256");
                members.remove("comment");
            }
            for (name, member) in members {
                let timed = [
                    "started_ms",
                    "elapsed_ms",
                    "time",
                    "wait",
                    "receive",
                    "send",
                ];
                if timed.contains(&name.as_str()) && member.is_number() {
                    *member = 0.into();
                } else {
                    still(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(still),
        _ => {}
    }
}

fn text(format: Format, report: &Report) -> String {
    let style = Style {
        width: 120,
        ..Style::default()
    };
    String::from_utf8(render(format, report, &style).unwrap()).unwrap()
}

const ONCE: &str = "name=\"request\" value=\"auth-";
