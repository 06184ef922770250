//! The first screen: what was audited, how it ended, and the three answers.

use std::io;

use crate::model::matrix::Confidence;
use crate::model::report::Report;
use crate::report::markup::Markup;
use crate::report::{exit, facts, safe, words};

use super::{fact, prose, section};

pub(super) fn header(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    let url = safe::fit_middle(&report.target.url, LONG);
    out.leaf("h1", &[], &format!("Audit of {url}"))?;
    let outcome = &report.outcome;
    let class = match outcome.exit_code {
        exit::CLEAN => "end good",
        exit::FINDINGS => "end bad",
        _ => "end warn",
    };
    out.element("p", &[], |line| {
        let word = format!("exit {} {}", outcome.exit_code, facts::ending(report));
        line.leaf("span", &[("class", class)], &word)?;
        line.text(&format!(" {}", safe::fit(&outcome.meaning, LONG)))
    })?;
    for alarm in [
        report
            .discovery
            .unusable
            .as_ref()
            .map(|reason| format!("Not audited: {reason}")),
        outcome
            .interrupted
            .then(|| "Interrupted: this is what had been learned by then.".to_owned()),
        report.engagement.insecure.then(|| {
            "Certificates were not verified: anybody on the path could have given these answers."
                .to_owned()
        }),
    ]
    .into_iter()
    .flatten()
    {
        out.element("p", &[("role", "note")], |line| {
            line.leaf("span", &[("class", "badge warn")], "!")?;
            line.text(&format!(" {alarm}"))
        })?;
    }
    out.element("p", &[("class", "dim")], |line| {
        line.text(&format!(
            "MCP {}, run {}, started {}, {}",
            facts::revision(report),
            report.engagement.run_id,
            report.engagement.started,
            words::count(report.requests.total, "request")
        ))
    })
}

pub(super) fn nav(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    let findings = format!("Findings ({})", report.findings.len());
    let undecided = format!("Not decided ({})", report.undecided.len());
    out.element("ul", &[], |list| {
        for (target, name) in [
            ("#answers", "The three answers"),
            ("#matrix", "Who can use what"),
            ("#findings", &findings),
            ("#policy", "What opens each subject"),
            ("#undecided", &undecided),
            ("#checks", "Checks"),
            ("#residue", "Left behind"),
            ("#engagement", "Engagement"),
        ] {
            list.element("li", &[], |item| item.leaf("a", &[("href", target)], name))?;
        }
        Ok(())
    })
}

pub(super) fn answers(out: &mut Markup<'_>, report: &Report) -> io::Result<()> {
    let answers = &report.answers;
    section(out, "answers", "The three answers", |out| {
        out.element("div", &[("class", "cards")], |cards| {
            let clients = &answers.clients;
            let (sentence, sure) = (&clients.sentence, clients.confidence);
            card(
                cards,
                "1. Which clients can connect?",
                sentence,
                sure,
                |list| {
                    let posture = clients.registration.posture;
                    let text = format!("{}: {}", posture.as_str(), words::posture(posture));
                    fact(list, "registration", &text)?;
                    for path in &clients.paths {
                        fact(list, &path.path, &path.gate)?;
                    }
                    fact(list, "specification", &clients.specification)
                },
            )?;
            let tools = &answers.tools;
            let (sentence, sure) = (&tools.sentence, tools.confidence);
            card(
                cards,
                "2. Which tools can an agent invoke?",
                sentence,
                sure,
                |list| {
                    fact(list, "enforcement", words::enforcement(tools.enforcement))?;
                    let counts = &tools.counts;
                    let text = format!(
                        "{} guarded by scope, {} open to every token, {} open without a token, {} \
                     not decided",
                        counts.guarded_by_scope,
                        counts.open_to_every_token,
                        counts.open_without_token,
                        counts.undecided
                    );
                    fact(list, &words::count(counts.total, "tool"), &text)?;
                    if tools.broken_by.is_empty() {
                        return Ok(());
                    }
                    let names: Vec<String> = tools
                        .broken_by
                        .iter()
                        .take(MOST_NAMES)
                        .map(|name| safe::fit_middle(name, NAME))
                        .collect();
                    let rest = tools.broken_by.len() - names.len();
                    let more = if rest > 0 {
                        format!(", and {rest} more")
                    } else {
                        String::new()
                    };
                    fact(list, "broken by", &format!("{}{more}", names.join(", ")))
                },
            )?;
            let data = &answers.data;
            let (sentence, sure) = (&data.sentence, data.confidence);
            card(
                cards,
                "3. What data can those tools access?",
                sentence,
                sure,
                |list| {
                    fact(list, "audience", &data.audience)?;
                    fact(list, "other users", &data.tenant)?;
                    fact(list, "resources", &data.resources)?;
                    fact(list, "prompts", &data.prompts)
                },
            )
        })
    })
}

fn card(
    out: &mut Markup<'_>,
    question: &str,
    sentence: &str,
    confidence: Confidence,
    facts: impl FnOnce(&mut Markup<'_>) -> io::Result<()>,
) -> io::Result<()> {
    out.element("div", &[("class", "card")], |card| {
        card.leaf("h3", &[], question)?;
        card.element("p", &[], |line| {
            prose::spans(line, &safe::fit(sentence, LONG))
        })?;
        let class = match confidence {
            Confidence::Proven | Confidence::Strong => "badge good",
            Confidence::Weak | Confidence::Inconclusive => "badge warn",
        };
        let text = format!("certainty: {}", words::confidence(confidence));
        card.leaf("span", &[("class", class)], &text)?;
        card.element("dl", &[], facts)
    })
}

const LONG: usize = 1200;
const NAME: usize = 80;
const MOST_NAMES: usize = 40;
