//! The pipeline: the collecting stages in order, then the judging. Nothing else.

use crate::checks::{self, Check};
use crate::codec::uri;
use crate::model::audit::{Collected, Engagement};
use crate::model::identity::Identity;
use crate::model::matrix::Matrix;
use crate::model::report::{Report, ToolEnforcement};
use crate::model::rules::Rules;
use crate::model::settings::Settings;
use crate::model::target::Target;
use crate::oracle::{
    arguments, breaks, bypass as bypass_oracle, conformity, cut, effective, enforcement, gates,
    idle, ladder as oracle_ladder, matrix, vectors,
};
use crate::report::assemble::{self, Judged};
use crate::stage::{
    Run, beside, bypass, calls, certificates, client_documents, close, discover, doors, enrol,
    enumerate, eras, every_door, forge, hardening, ladder, login, plan, proofs, register, revoked,
    schemes, token_endpoint, transport, wrong_tokens,
};

/// What is to be audited.
pub fn target(url: &url::Url) -> Target {
    Target {
        url: url.to_string(),
        resource: uri::canonical_resource(url),
    }
}

/// Runs every collecting stage; whatever was learned before an interruption is kept.
pub async fn collect(run: &Run<'_>, target: Target, engagement: Engagement) -> Collected {
    let mut collected = begin(target, engagement, run.settings);
    let anonymous = enrol::anonymous();
    discover::discover(run, &anonymous, &mut collected).await;
    if collected.discovery.unusable.is_none() {
        register::register(run, &mut collected).await;
        client_documents::observe(run, &mut collected).await;
        let login = enrol::enrol(run, &mut collected).await;
        let mut sessions = enumerate::enumerate(run, &mut collected).await;
        forecast(run, &collected, None);
        token_endpoint::observe(run, &mut collected).await;
        doors::prepare(run, &mut collected, &sessions).await;
        let mut asked = calls::call(run, &mut collected, &mut sessions).await;
        forecast(run, &collected, Some(&asked.treatments));
        doors::knock(run, &mut collected, &sessions, &asked).await;
        hardening::origins(run, &mut collected, &sessions).await;
        enumerate::repeat_lists(run, &mut collected, &sessions).await;
        calls::on_request(run, &mut collected, &sessions, &asked).await;
        // Last of all on these sessions: where one is alive at a time, further ones end it.
        bypass::bypass(run, &mut collected, &sessions, &asked).await;
        let others = eras::eras(run, &mut collected, &asked).await;
        hardening::plaintext(run, &anonymous, &mut collected).await;
        transport::observe(run, &mut collected, &sessions).await;
        wrong_tokens::spoofs(run, &mut collected).await;
        schemes::schemes(run, &mut collected).await;
        forge::more(run, &mut collected).await;
        proofs::proofs(run, &mut collected).await;
        certificates::certificates(run, &mut collected).await;
        ladder::climb(run, &mut collected, &mut sessions, &mut asked).await;
        bypass::later(run, &mut collected, &sessions, &asked).await;
        beside::beside(run, &mut collected).await;
        every_door::every_door(run, &mut collected, &sessions, &asked).await;
        close::close(run, &mut collected, &sessions).await;
        revoked::revoked(run, &mut collected).await;
        forge::fetched(run, &mut collected);
        if let Some(mut session) = login {
            login::probe(run, &mut collected, &mut session).await;
            login::close(run, &mut collected, session).await;
        }
        collected.plan = plan::plan(run.settings, &collected, Some(&asked.treatments));
        if collected.discovery.audited.is_some() {
            let mut built = matrix::build(&calls::input(&collected, &asked));
            collected.variations = calls::vectors::variations(&collected, &asked);
            vectors::lift(&mut built, &collected.variations);
            vectors::annotate(&mut built, &collected.variations);
            bypass_oracle::annotate(&mut built, &collected.bypass.kept);
            oracle_ladder::settle(&mut built, &collected.identities, &collected.ladder);
            collected.ladder.trials = oracle_ladder::trials(&built, &collected.identities);
            collected.matrices.push(built);
            collected.matrices.extend(others);
        }
    }
    collected
        .unsettled
        .extend(cut::unsettled(&collected.surface));
    let (tools, values) = (&run.settings.tools, &run.settings.values);
    let idle = idle::unsettled(&collected.surface, tools, values);
    collected.unsettled.extend(idle);
    collected.invalid_calls =
        arguments::invalid_calls(&collected.ledger, &collected.surface, &collected.identities);
    collected.gates = gates::gates(&collected.ledger, &collected.identities);
    collected
}

/// Discovery and a login, nothing else; unless the token is to be kept it is given back.
pub async fn sign_in(
    run: &Run<'_>,
    target: Target,
    engagement: Engagement,
    keep: bool,
) -> (Collected, Option<Identity>) {
    let mut collected = begin(target, engagement, run.settings);
    discover::discover(run, &enrol::anonymous(), &mut collected).await;
    let Some(begun) = login::begin(run, &mut collected).await else {
        return (collected, None);
    };
    let identity = match begun.identity {
        Ok(identity) => Some(identity),
        Err(missing) => {
            collected.identities.missing.push(missing);
            None
        }
    };
    if let Some(session) = begun.session {
        if keep && identity.is_some() {
            login::leave(&mut collected, session);
        } else {
            login::close(run, &mut collected, session).await;
        }
    }
    (collected, identity)
}

/// Passive discovery only, then the plan of everything else.
pub async fn foresee(run: &Run<'_>, target: Target, engagement: Engagement) -> Collected {
    let mut collected = begin(target, engagement, run.settings);
    discover::passive(run, &mut collected).await;
    collected.plan = plan::plan(run.settings, &collected, None);
    collected
}

/// Judges what was collected and puts the report together.
pub fn judge(collected: Collected, checks: &[&'static Check], rules: &Rules) -> Report {
    let judged = checks::judge::judge(&collected, checks);
    let empty = Matrix::empty();
    let matrix = collected.matrix().unwrap_or(&empty);
    let tools = enforcement::enforcement(
        matrix,
        &collected.identities,
        &collected.surface,
        &rules.policy,
    );
    let enforcement = ToolEnforcement {
        enforcement: tools.enforcement,
        confidence: tools.confidence,
        counts: tools.counts,
        broken_by: tools.broken_by,
        coverage: tools.coverage,
        exchanges: tools.exchanges,
        sentence: tools.sentence,
    };
    let effective = effective::effective(matrix, &collected.identities);
    let comparison = conformity::compare(
        matrix,
        &collected.surface,
        &collected.identities,
        &rules.policy,
    );
    let breaks = collected.matrices.iter().map(|matrix| {
        breaks::breaks(
            matrix,
            &collected.surface,
            &collected.identities,
            &rules.policy,
        )
    });
    let judged = Judged {
        breaks: breaks.collect(),
        comparison,
        coverage: judged.coverage,
        findings: judged.findings,
        enforcement,
        policy: effective,
    };
    assemble::assemble(collected, judged, rules.clone())
}

/// Plans again where somebody wants to know; the plan of the report is made at the end.
fn forecast(run: &Run<'_>, collected: &Collected, treatments: Option<&calls::Treatments>) {
    if let Some(told) = run.forecast {
        told(plan::plan(run.settings, collected, treatments).requests());
    }
}

fn begin(target: Target, engagement: Engagement, settings: &Settings) -> Collected {
    let mut collected = Collected {
        engagement,
        policy: settings.policy.clone(),
        hierarchy: settings.hierarchy.clone(),
        ..Collected::default()
    };
    collected.discovery.endpoint.clone_from(&target.url);
    collected.target = Some(target);
    collected
}
