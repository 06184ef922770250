//! The device flow (RFC 8628); the person on the other device decides between two polls.

use axum::response::Response;
use serde_json::json;

use super::super::behaviour::DeviceFlow;
use super::super::http::{self, Incoming, no_store, single};
use super::super::state::{Shared, lock};
use super::clients::DeviceGrant;
use super::oauth_error;
use super::token::{audience, authenticated, granted, respond};

/// Answers a device authorization request.
pub(crate) fn authorize(shared: &Shared, incoming: &Incoming) -> Response {
    if shared.behaviour.grants.device == DeviceFlow::Absent {
        return http::text(404, "Not Found\n");
    }
    let form = incoming.form();
    let (client_id, client) = match authenticated(shared, incoming, &form) {
        Ok(client) => client,
        Err(refusal) => return *refusal,
    };
    let Some(audience) = audience(shared, &form) else {
        return oauth_error(400, "invalid_target", "The resource is not known here");
    };
    let Some(scopes) = granted(shared, &client.scopes, single(&form, "scope")) else {
        return oauth_error(400, "invalid_scope", "None of the scopes can be granted");
    };
    let code = shared.ids.next("device");
    let grant = DeviceGrant {
        client: client_id,
        scopes,
        audience,
        polls: 0,
    };
    lock(&shared.clients).wait(code.clone(), grant);
    let body = json!({
        "device_code": code,
        "user_code": "WDJB-MJHT",
        "verification_uri": format!("{}/device", shared.issuer),
        "expires_in": 60,
        "interval": 1,
    });
    no_store(http::json(200, &body))
}

/// Answers a poll.
pub(crate) fn redeem(shared: &Shared, form: &[(String, String)], client_id: &str) -> Response {
    let code = single(form, "device_code").unwrap_or_default();
    let mut clients = lock(&shared.clients);
    let known = clients.devices.get_mut(code);
    let Some(grant) = known.filter(|grant| grant.client == client_id) else {
        return oauth_error(400, "invalid_grant", "The device code is not valid");
    };
    grant.polls += 1;
    if grant.polls == 1 {
        return oauth_error(400, "authorization_pending", "Nobody has decided yet");
    }
    let grant = grant.clone();
    clients.devices.remove(code);
    drop(clients);
    if shared.behaviour.grants.device == DeviceFlow::Denied {
        return oauth_error(400, "access_denied", "The person refused");
    }
    respond(
        shared,
        form,
        "demo-user",
        client_id,
        &grant.scopes,
        &grant.audience,
        None,
    )
}

/// Path of the device authorization endpoint.
pub(crate) const DEVICE: &str = "/device_authorization";
/// The grant type of a poll.
pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
