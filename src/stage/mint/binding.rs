//! Tokens bound to a key of the run (RFC 9449): when one is asked for, and what came.

use std::sync::Arc;

use serde_json::Value;

use super::error;
use crate::model::audit::Collected;
use crate::model::exchange::Exchange;
use crate::stage::{Run, clock};
use crate::wire::ProofKey;

/// The key to bind a token to: as the operator says, else as the target's metadata demands.
pub(crate) fn wanted(
    run: &Run<'_>,
    collected: &Collected,
    dpop: Option<bool>,
) -> Option<Arc<ProofKey>> {
    let demanded = || {
        let document = collected.discovery.chosen_resource_metadata();
        let flag = document.and_then(|it| it.flag("dpop_bound_access_tokens_required"));
        flag == Some(true)
    };
    dpop.unwrap_or_else(demanded).then(|| key(run, collected))?
}

/// The key of the run, dated by the clock of the authorization server.
pub(crate) fn key(run: &Run<'_>, collected: &Collected) -> Option<Arc<ProofKey>> {
    let mut servers = collected.discovery.authorization_servers.iter();
    let dated = servers.find_map(|server| Some(server.chosen()?.exchange));
    run.proof_key(clock::now(collected, dated))
}

/// Whether a token was refused for want of a proof (RFC 9449 §5).
pub(crate) fn is_demanded(exchange: &Exchange) -> bool {
    let demands = ["invalid_dpop_proof", "use_dpop_nonce"];
    error(exchange).is_some_and(|error| demands.contains(&error.as_str()))
}

/// Whether the token of an answer is bound (RFC 9449 §5: the type says so).
pub(crate) fn is_bound(exchange: &Exchange) -> bool {
    let Some(response) = exchange.response() else {
        return false;
    };
    let body: Value = serde_json::from_slice(&response.body.bytes()).unwrap_or_default();
    let kind = body.get("token_type").and_then(Value::as_str);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("dpop"))
}
