//! The report as one page that needs nothing else: no request leaves it, and it reads without
//! scripts. Text of the target passes through [`Markup`] alone.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::model::report::Report;

use super::markup::Markup;
use super::{RenderError, Renderer, safe};

mod curl;
mod exchange;
mod findings;
mod grid;
mod policy;
mod prose;
mod sections;
mod style;
mod top;

/// Renders the report as a self-contained page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Html;

impl Renderer for Html {
    fn render(&self, report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
        let mut page = Markup::new(out);
        page.literal("<!DOCTYPE html>\n")?;
        page.element("html", &[("lang", "en")], |html| {
            html.element("head", &[], |head| self::head(head, report))?;
            html.newline()?;
            html.element("body", &[], |body| self::body(body, report))
        })?;
        page.newline()?;
        Ok(())
    }
}

fn head(head: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    head.newline()?;
    head.empty("meta", &[("charset", "utf-8")])?;
    let policy = content_policy();
    head.empty(
        "meta",
        &[
            ("http-equiv", "Content-Security-Policy"),
            ("content", &policy),
        ],
    )?;
    let viewport = "width=device-width, initial-scale=1";
    head.empty("meta", &[("name", "viewport"), ("content", viewport)])?;
    head.empty("meta", &[("name", "referrer"), ("content", "no-referrer")])?;
    head.empty(
        "meta",
        &[("name", "color-scheme"), ("content", "light dark")],
    )?;
    head.newline()?;
    let title = format!("Audit of {}", safe::fit_middle(&report.target.url, 120));
    head.leaf("title", &[], &title)?;
    head.newline()?;
    head.element("style", &[], |inner| inner.literal(style::STYLE))
}

fn body(body: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    body.leaf(
        "a",
        &[("class", "skip"), ("href", "#answers")],
        "Skip to the answers",
    )?;
    body.newline()?;
    body.element("header", &[], |header| top::header(header, report))?;
    body.newline()?;
    body.element("nav", &[("aria-label", "Sections")], |nav| {
        top::nav(nav, report)
    })?;
    body.newline()?;
    body.element("main", &[], |main| {
        top::answers(main, report)?;
        grid::write(main, report)?;
        findings::write(main, report)?;
        policy::write(main, report)?;
        sections::undecided(main, report)?;
        sections::coverage(main, report)?;
        sections::residue(main, report)?;
        sections::engagement(main, report)
    })?;
    body.newline()?;
    let made = format!("{} {}", report.tool.name, report.tool.version);
    body.leaf("footer", &[], &made)?;
    body.newline()?;
    body.element("script", &[], |inner| inner.literal(style::SCRIPT))
}

/// Nothing may be fetched, sent or framed; the two literals of this program are named by hash.
fn content_policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(style::STYLE),
        hash(style::SCRIPT)
    )
}

/// A section with its heading.
fn section(
    out: &mut Markup<'_>,
    id: &'static str,
    heading: &str,
    content: impl FnOnce(&mut Markup<'_>) -> io::Result<()>,
) -> io::Result<()> {
    out.newline()?;
    out.element(
        "section",
        &[("id", id), ("aria-labelledby", &format!("{id}-h"))],
        |inner| {
            inner.leaf("h2", &[("id", &format!("{id}-h"))], heading)?;
            content(inner)
        },
    )
}

/// A name and a value of a list of facts.
fn fact(list: &mut Markup<'_>, name: &str, value: &str) -> io::Result<()> {
    list.leaf("dt", &[], name)?;
    list.leaf("dd", &[], value)
}
