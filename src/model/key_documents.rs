//! Key sets and certificates of the run that headers of wrong tokens pointed at, and who came for them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client_documents::DocumentFetch;

/// Whether the target fetches what a token tells it to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyDocuments {
    /// What was served, and to whom; empty where nothing could be.
    pub offers: Vec<KeyOffer>,
    /// Why nothing was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The flag that would change that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
}

/// One document that the header of a token pointed at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyOffer {
    /// The identity whose token pointed at it.
    pub identity: String,
    /// The member of the header: `jku` or `x5u`.
    pub member: String,
    /// Its address.
    pub url: String,
    /// The path under which its fetch is seen.
    pub path: String,
    /// Every fetch of it.
    pub fetches: Vec<DocumentFetch>,
}
