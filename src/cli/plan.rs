//! `plan`: passive discovery, then every request that `audit` would send.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use tokio_util::sync::CancellationToken;

use super::args::{Global, TargetArgs};
use super::progress::Progress;
use super::session;
use super::{DONE, Outcome, fleet, targets};
use crate::audit;
use crate::model::audit::Collected;
use crate::model::exchange::Exchange;
use crate::model::probe::{Plan, Tier};
use crate::report::{exit, safe};
use crate::stage::Run;
use crate::wire::Wire as _;

pub(crate) fn run(args: &TargetArgs, global: &Global) -> Outcome {
    let planned = targets::all(args, &args.flags(None))?;
    let several = planned.len() > 1;
    let targets = fleet::prepare(&planned)?;
    let cancel = CancellationToken::new();
    let wires = fleet::wires(&targets, &cancel)?;
    let mut code = DONE;
    let progress = Progress::new(global);
    let told = |stage: &str, requests: usize| progress.stage(stage, requests);
    let outcome = session::runtime()?.block_on(async {
        let interrupted = session::cancel_on_interrupt(&cancel);
        for (target, wire) in targets.iter().zip(&wires) {
            if several && interrupted.load(Ordering::Relaxed) {
                code = exit::worst([code, exit::INTERRUPTED]);
                break;
            }
            let prepared = &target.prepared;
            let run = Run::new(wire, &prepared.settings, prepared.entropy.clone(), &told);
            let what = audit::target(&prepared.url);
            let at = safe::fit_middle(&target.name, SHOWN);
            let stage = if several {
                format!("discover {at}")
            } else {
                "discover".to_owned()
            };
            progress.stage(&stage, 0);
            let work = Box::pin(audit::foresee(&run, what, prepared.engagement.clone()));
            let collected = progress.during(|| wire.sent(), work).await;
            let mut shown = text(&collected);
            if several {
                let (name, url) = (safe::line(&target.name), safe::line(prepared.url.as_str()));
                shown = format!("Target {name}: {url}\n\n{shown}\n");
            }
            let mut put = Ok(());
            progress.pause(|| put = session::put("-", shown.as_bytes()));
            put?;
            let mut ledger = collected.ledger.iter();
            if !ledger.any(|exchange| exchange.response().is_some()) {
                code = exit::worst([code, exit::INCOMPLETE]);
            }
        }
        Ok(code)
    });
    progress.finish();
    outcome
}

fn text(collected: &Collected) -> String {
    let mut out = String::new();
    let sent = collected.ledger.len();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "Sent now, metadata only: {sent} requests");
    for exchange in collected.ledger.iter() {
        let _ = writeln!(
            out,
            "  {} {} → {}",
            exchange.request.method,
            safe::line(&exchange.request.url),
            answer(exchange)
        );
    }
    for tier in Tier::ALL {
        let groups = collected
            .plan
            .groups
            .iter()
            .filter(|group| group.tier == tier);
        let groups = groups.collect::<Vec<_>>();
        if groups.is_empty() {
            continue;
        }
        let total: usize = groups
            .iter()
            .filter(|g| g.per.is_none())
            .map(|g| g.requests)
            .sum();
        let _ = writeln!(out, "\n{tier}: at most {total} requests");
        for group in groups {
            let per = group
                .per
                .as_ref()
                .map(|per| format!(" per {per}"))
                .unwrap_or_default();
            let certain = if group.conditional {
                ", depending on the answers"
            } else {
                ""
            };
            let who = safe::fit(&group.identities.join(", "), 60);
            let _ = writeln!(
                out,
                "  {:>5}{per}  {:<24} {}{certain}\n         as {who}",
                group.requests,
                group.probe.as_str(),
                group.probe.purpose(),
            );
        }
    }
    let bounded = collected
        .plan
        .groups
        .iter()
        .filter(|group| group.per.is_none());
    let all: usize = bounded.map(|group| group.requests).sum();
    let _ = writeln!(
        out,
        "\nTogether: at most {all} requests, and the calls per subject; answers that disagree are \
         asked up to eight times"
    );
    listed(&mut out, &collected.plan);
    if !collected.plan.unsettleable.is_empty() {
        let _ = writeln!(out, "\nWhat this would leave open:");
    }
    for open in &collected.plan.unsettleable {
        let by = open
            .decided_by
            .as_ref()
            .map(|by| format!(" (decided by {by})"))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "  {}: {}{by}",
            safe::line(&open.what),
            safe::line(&open.reason)
        );
    }
    out
}

/// The calls that the operator wrote, before they are sent.
fn listed(out: &mut String, plan: &Plan) {
    if plan.calls.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\nCalls that the configuration lists, each filled with a word of its own for `{{canary}}`:"
    );
    for call in &plan.calls {
        let who = safe::fit(&call.identities.join(", "), 60);
        let _ = writeln!(
            out,
            "  {:<14} {} {}\n         as {who}",
            call.probe.as_str(),
            safe::line(&call.tool),
            safe::line(&call.arguments),
        );
    }
    if plan.unshown_calls > 0 {
        let _ = writeln!(out, "  and {} more", plan.unshown_calls);
    }
}

fn answer(exchange: &Exchange) -> String {
    match (exchange.status(), exchange.failure()) {
        (Some(status), _) => format!("HTTP {status}"),
        (None, Some(failure)) => safe::line(&failure.text),
        (None, None) => "no answer".to_owned(),
    }
}

const SHOWN: usize = 40;
