//! The ledger's trials become one matrix.

use std::collections::BTreeMap;

use super::calibrate::Treatment;
use crate::model::exchange::Ledger;
use crate::model::identity::Identities;
use crate::model::matrix::{Calibration, Matrix};
use crate::model::surface::Surface;
use crate::model::target::{Revision, Transport};

/// What the matrix is built from.
#[derive(Clone, Copy, Debug)]
pub struct MatrixInput<'a> {
    /// The revision spoken.
    pub revision: Revision,
    /// The transport used.
    pub transport: Transport,
    /// Every exchange.
    pub ledger: &'a Ledger,
    /// Who asked.
    pub identities: &'a Identities,
    /// What they see.
    pub surface: &'a Surface,
    /// What the pre-flight showed.
    pub calibration: &'a Calibration,
    /// How each subject was asked, by subject id.
    pub treatments: &'a BTreeMap<String, Treatment>,
}

/// Builds the matrix.
pub fn build(input: &MatrixInput<'_>) -> Matrix {
    Matrix {
        revision: input.revision,
        transport: input.transport,
        identities: Vec::new(),
        cells: Vec::new(),
        calibration: input.calibration.clone(),
    }
}
