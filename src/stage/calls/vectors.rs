//! Further arguments of tools, each asked by everybody: the strongest identity before and after.

use super::question::{self, Own};
use super::{Asked, columns, input, words};
use crate::model::arguments::Variation;
use crate::model::audit::Collected;
use crate::model::identity::Identity;
use crate::model::settings::Settings;
use crate::oracle::calibrate::Treatment;
use crate::oracle::matrix::{self, MatrixInput};
use crate::oracle::vectors::{self, Vector};
use crate::stage::calls::Treatments;
use crate::stage::enumerate::Sessions;
use crate::stage::{Run, file, together};

/// Every further vector of every tool, within the bound of the run.
pub(crate) fn all(
    settings: &Settings,
    collected: &Collected,
    treatments: &Treatments,
) -> Vec<Vector> {
    let subjects = collected.surface.subjects.iter();
    let vectors = subjects.filter_map(|subject| {
        let treatment = treatments.get(&subject.id)?;
        Some(vectors::further(subject, treatment, &settings.tools))
    });
    vectors.flatten().take(MOST_VECTORS).collect()
}

/// Sends them.
pub(super) async fn send(
    run: &Run<'_>,
    collected: &mut Collected,
    sessions: &Sessions,
    asked: &mut Asked,
) {
    asked.vectors = all(run.settings, collected, &asked.treatments);
    for vector in &mut asked.vectors {
        if let Treatment::Valid { arguments } | Treatment::ListedCall { arguments } =
            &mut vector.treatment
        {
            words::filled_in(run, arguments);
        }
    }
    if asked.vectors.is_empty() {
        return;
    }
    let baseline = collected.identities.baseline.clone();
    let is_baseline = |identity: &Identity| Some(&identity.name) == baseline.as_ref();
    let columns = columns(collected);
    let subjects = collected.surface.subjects.clone();
    // The control comes before and after reads; what may change something runs once, others first.
    let turns = [
        (true, 0, false),
        (false, 0, true),
        (true, 0, true),
        (true, 1, false),
    ];
    for (of_baseline, attempt, listed) in turns {
        let mut own = Vec::new();
        for vector in &asked.vectors {
            let is_listed = matches!(vector.treatment, Treatment::ListedCall { .. });
            let everybody = !of_baseline;
            if is_listed != listed && !everybody {
                continue;
            }
            let Some(subject) = subjects.iter().find(|it| it.id == vector.subject) else {
                continue;
            };
            for identity in columns.iter().filter(|it| is_baseline(it) == of_baseline) {
                let Some(session) = sessions.get(&identity.name) else {
                    continue;
                };
                let variant = Some(vector.label.as_str());
                own.push(Own::new(
                    run,
                    subject,
                    &vector.treatment,
                    identity,
                    session,
                    attempt,
                    variant,
                ));
            }
        }
        let pending = question::pending(run, &own);
        for sent in together(pending).await {
            file(collected, sent);
        }
    }
}

/// The cells of every vector.
pub(crate) fn variations(collected: &Collected, asked: &Asked) -> Vec<Variation> {
    let mut labels: Vec<&str> = asked.vectors.iter().map(|it| it.label.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    let mut variations = Vec::new();
    for label in labels {
        let vectors = || asked.vectors.iter().filter(|it| it.label == label);
        let treatments: Treatments = vectors()
            .map(|it| (it.subject.clone(), it.treatment.clone()))
            .collect();
        let input = MatrixInput {
            treatments: &treatments,
            vector: Some(label),
            ..input(collected, asked)
        };
        let built = matrix::build(&input);
        for vector in vectors() {
            let cells = built.cells.iter();
            let (Treatment::Valid { arguments } | Treatment::ListedCall { arguments }) =
                &vector.treatment
            else {
                continue;
            };
            variations.push(Variation {
                subject: vector.subject.clone(),
                vector: label.to_owned(),
                arguments: arguments.clone(),
                cells: cells
                    .filter(|cell| cell.subject == vector.subject)
                    .cloned()
                    .collect(),
            });
        }
    }
    variations
}

/// Keeps a surface of a thousand tools from doubling.
const MOST_VECTORS: usize = 60;
