//! A judge's case: what it found, each finding with evidence that resolves in the ledger.

use serde_json::Value;

use crate::model::exchange::{Exchange, ExchangeId};
use crate::model::matrix::Confidence;
use crate::model::verdict::{Cite, Finding, Part, Severity, Verdict};

use super::evidence::Evidence;

/// A finding in the making.
#[derive(Clone, Debug)]
#[must_use]
pub struct Draft {
    subject: String,
    message: String,
    severity: Option<Severity>,
    confidence: Option<Confidence>,
    cites: Vec<Cite>,
}

impl Draft {
    /// A finding about a subject; the subject is stable across runs, the message is one sentence
    /// with the actual and the expected value.
    pub fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            message: message.into(),
            severity: None,
            confidence: None,
            cites: Vec::new(),
        }
    }

    /// Points at evidence; the first place is the one to look at first.
    pub fn at(mut self, exchange: ExchangeId, part: Part, says: impl Into<String>) -> Self {
        let primary = self.cites.is_empty();
        self.cites.push(Cite {
            exchange,
            part,
            says: says.into(),
            primary,
        });
        self
    }

    /// Points at further exchanges as a whole.
    pub fn also(mut self, exchanges: &[ExchangeId], says: &str) -> Self {
        for exchange in exchanges {
            let known = self.cites.iter().any(|cite| cite.exchange == *exchange);
            if !known && self.cites.len() < MAX_CITES {
                self = self.at(*exchange, Part::Status, says);
            }
        }
        self
    }

    /// Lowers the severity and says why; a higher one than the page's has no effect.
    pub fn at_most(mut self, severity: Severity, why: &str) -> Self {
        self.severity = Some(self.severity.map_or(severity, |known| known.min(severity)));
        self.message = format!("{} ({}: {why})", self.message, severity.as_str());
        self
    }

    /// Says how sure the finding is.
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = Some(confidence);
        self
    }
}

/// What a judge has found so far.
#[derive(Debug)]
pub struct Case<'a> {
    evidence: Evidence<'a>,
    breaches: Vec<Finding>,
    advice: Vec<Finding>,
    doubt: Option<(String, Option<String>)>,
    dangling: Vec<String>,
    overflow: usize,
}

impl<'a> Case<'a> {
    /// An empty case.
    pub const fn new(evidence: Evidence<'a>) -> Self {
        Self {
            evidence,
            breaches: Vec::new(),
            advice: Vec::new(),
            doubt: None,
            dangling: Vec::new(),
            overflow: 0,
        }
    }

    /// Adds something that breaks the requirement.
    pub fn breach(&mut self, draft: Draft) {
        if let Some(finding) = self.close(draft) {
            self.overflow += usize::from(!keep(&mut self.breaches, finding));
        }
    }

    /// Adds a shortfall that does not break the requirement.
    pub fn advise(&mut self, draft: Draft) {
        if let Some(finding) = self.close(draft) {
            self.overflow += usize::from(!keep(&mut self.advice, finding));
        }
    }

    /// Notes that part of the question stays open; the first reason counts.
    pub fn doubt(&mut self, reason: impl Into<String>, decided_by: Option<&str>) {
        if self.doubt.is_none() {
            self.doubt = Some((reason.into(), decided_by.map(str::to_owned)));
        }
    }

    /// Whether nothing was found and nothing stays open.
    pub fn is_clean(&self) -> bool {
        self.breaches.is_empty() && self.advice.is_empty() && self.doubt.is_none()
    }

    /// The verdict: breaches before shortfalls before doubts before `otherwise`.
    pub fn verdict(self, otherwise: Verdict) -> Verdict {
        let Self {
            mut breaches,
            mut advice,
            doubt,
            dangling,
            overflow,
            ..
        } = self;
        let last = breaches.last_mut().or(advice.last_mut());
        if let Some(last) = last.filter(|_| overflow > 0) {
            let more = format!(" (and {overflow} more findings left out)");
            last.message.push_str(&more);
        }
        if !breaches.is_empty() {
            let told: Vec<_> = breaches.iter().map(|it| it.subject.clone()).collect();
            breaches.extend(advice.into_iter().filter(|it| !told.contains(&it.subject)));
            return Verdict::Broken(breaches);
        }
        if !advice.is_empty() {
            return Verdict::Advisory(advice);
        }
        if let Some(missing) = dangling.first() {
            return Verdict::inconclusive(format!(
                "a finding was dropped because its evidence does not resolve: {missing}; \
                 this is a bug in mcp-assay"
            ));
        }
        match doubt {
            Some((reason, decided_by)) => Verdict::Inconclusive { reason, decided_by },
            None => otherwise,
        }
    }

    fn close(&mut self, draft: Draft) -> Option<Finding> {
        let mut kept = Vec::new();
        for cite in draft.cites {
            if resolves(self.evidence.exchange(cite.exchange), &cite.part) {
                kept.push(cite);
            } else if cite.primary {
                let part = describe(&cite.part);
                self.dangling
                    .push(format!("{part} of {} for {}", cite.exchange, draft.subject));
                return None;
            }
        }
        if kept.is_empty() {
            self.dangling
                .push(format!("no exchange for {}", draft.subject));
            return None;
        }
        let page = self.evidence.page();
        Some(Finding {
            check: page.id.clone(),
            subject: shorten(&draft.subject, MAX_SUBJECT),
            message: shorten(&draft.message, MAX_MESSAGE),
            severity: draft
                .severity
                .map_or(page.severity, |lowered| lowered.min(page.severity)),
            confidence: draft.confidence.unwrap_or(page.confidence),
            cites: kept,
            place: None,
            fingerprint: String::new(),
        })
    }
}

/// A text of at most so many characters; what a peer wrote has no length of its own.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether a part exists in an exchange of the ledger.
pub fn resolves(exchange: Option<&Exchange>, part: &Part) -> bool {
    let Some(exchange) = exchange else {
        return false;
    };
    match part {
        Part::Status | Part::Request => true,
        Part::Body => exchange.response().is_some(),
        Part::Header(name) => exchange
            .response()
            .is_some_and(|response| response.header(name).is_some()),
        Part::AbsentHeader(name) => exchange
            .response()
            .is_some_and(|response| response.header(name).is_none()),
        Part::Pointer(pointer) => exchange.response().is_some_and(|response| {
            serde_json::from_slice::<Value>(&response.body.bytes())
                .is_ok_and(|document| document.pointer(pointer).is_some())
        }),
    }
}

fn keep(kept: &mut Vec<Finding>, finding: Finding) -> bool {
    if kept.iter().any(|other| other.subject == finding.subject) {
        return true;
    }
    let room = kept.len() < MAX_FINDINGS;
    if room {
        kept.push(finding);
    }
    room
}

fn describe(part: &Part) -> String {
    match part {
        Part::Status => "the status".to_owned(),
        Part::Request => "the request".to_owned(),
        Part::Body => "the body".to_owned(),
        Part::Header(name) => format!("header {name}"),
        Part::AbsentHeader(name) => format!("absence of header {name}"),
        Part::Pointer(pointer) => format!("member {pointer}"),
    }
}

const MAX_CITES: usize = 8;
const MAX_FINDINGS: usize = 100;
const MAX_SUBJECT: usize = 300;
const MAX_MESSAGE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::World;
    use crate::model::probe::ProbeId;

    fn world() -> (World, ExchangeId) {
        let mut world = World::new();
        let id = world.answer(
            ProbeId::ListTools,
            "anonymous",
            401,
            &[("WWW-Authenticate", "Bearer")],
            "{\"a\":{\"b\":1}}",
        );
        (world, id)
    }

    #[test]
    fn parts_resolve_only_where_they_exist() {
        let (world, id) = world();
        let exchange = world.collected.ledger.exchange(id);
        assert!(resolves(exchange, &Part::Status));
        assert!(resolves(
            exchange,
            &Part::Header("www-authenticate".to_owned())
        ));
        assert!(!resolves(exchange, &Part::Header("etag".to_owned())));
        assert!(resolves(exchange, &Part::AbsentHeader("etag".to_owned())));
        assert!(!resolves(
            exchange,
            &Part::AbsentHeader("WWW-Authenticate".to_owned())
        ));
        assert!(resolves(exchange, &Part::Pointer("/a/b".to_owned())));
        assert!(!resolves(exchange, &Part::Pointer("/a/c".to_owned())));
        assert!(!resolves(None, &Part::Status));
    }

    #[test]
    fn a_finding_with_a_dangling_primary_part_is_refused_and_named() {
        let (world, id) = world();
        let evidence = world.evidence("missing-token-accepted");
        let mut case = evidence.case();
        case.breach(Draft::new("x", "y").at(id, Part::Header("etag".to_owned()), "z"));
        let Verdict::Inconclusive { reason, .. } = case.verdict(Verdict::Held(String::new()))
        else {
            panic!("expected an inconclusive verdict");
        };
        assert!(reason.contains("header etag of x0001"), "{reason}");
    }

    #[test]
    fn a_finding_has_exactly_one_primary_place_and_drops_dangling_others() {
        let (world, id) = world();
        let evidence = world.evidence("missing-token-accepted");
        let mut case = evidence.case();
        case.breach(
            Draft::new("x", "y")
                .at(id, Part::Status, "refusal")
                .at(ExchangeId(99), Part::Status, "gone")
                .at(id, Part::Body, "body"),
        );
        let verdict = case.verdict(Verdict::Held(String::new()));
        let [finding] = verdict.findings() else {
            panic!("expected one finding");
        };
        assert_eq!(finding.cites.len(), 2);
        assert_eq!(finding.cites.iter().filter(|cite| cite.primary).count(), 1);
    }

    #[test]
    fn what_a_peer_wrote_is_bounded_in_length_and_number() {
        let (world, id) = world();
        let evidence = world.evidence("missing-token-accepted");
        let mut case = evidence.case();
        let long = "é".repeat(5000);
        case.breach(Draft::new(long.clone(), long).at(id, Part::Status, ""));
        for at in 0..150 {
            case.breach(Draft::new(at.to_string(), "y").at(id, Part::Status, ""));
        }
        let verdict = case.verdict(Verdict::Held(String::new()));
        let findings = verdict.findings();
        assert_eq!(findings[0].message.chars().count(), MAX_MESSAGE + 1);
        assert_eq!(findings[0].subject.chars().count(), MAX_SUBJECT + 1);
        assert_eq!(findings.len(), MAX_FINDINGS);
        let last = &findings[MAX_FINDINGS - 1].message;
        assert!(last.ends_with("(and 51 more findings left out)"), "{last}");
    }

    #[test]
    fn a_judge_lowers_severity_and_never_raises_it() {
        let (world, id) = world();
        let evidence = world.evidence("missing-token-accepted");
        let page = evidence.page().severity;
        let mut case = evidence.case();
        case.breach(
            Draft::new("low", "y")
                .at(id, Part::Status, "")
                .at_most(Severity::Info, "why"),
        );
        case.breach(
            Draft::new("high", "y")
                .at(id, Part::Status, "")
                .at_most(Severity::Critical, "why"),
        );
        let verdict = case.verdict(Verdict::Held(String::new()));
        let severities: Vec<_> = verdict.findings().iter().map(|it| it.severity).collect();
        assert_eq!(severities, [Severity::Info, page.min(Severity::Critical)]);
    }

    #[test]
    fn a_breach_outranks_a_shortfall_and_a_shortfall_outranks_a_doubt() {
        let (world, id) = world();
        let evidence = world.evidence("missing-token-accepted");
        let mut case = evidence.case();
        assert!(case.is_clean());
        case.doubt("open", Some("--flag"));
        case.advise(Draft::new("a", "y").at(id, Part::Status, ""));
        case.advise(Draft::new("a", "again").at(id, Part::Status, ""));
        let verdict = case.verdict(Verdict::Held(String::new()));
        assert!(matches!(verdict, Verdict::Advisory(ref found) if found.len() == 1));
        let mut case = evidence.case();
        case.advise(Draft::new("a", "y").at(id, Part::Status, ""));
        case.breach(Draft::new("b", "y").at(id, Part::Status, ""));
        let verdict = case.verdict(Verdict::Held(String::new()));
        assert!(matches!(verdict, Verdict::Broken(ref found) if found.len() == 2));
    }
}
