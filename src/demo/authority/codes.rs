//! Codes and refresh tokens become access tokens here.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use sha2::{Digest, Sha256};

use super::super::behaviour::{
    Binding, CodeUse, Downgrade, MintPolicy, RefreshRotation, RefusedCode, VerifierCheck,
};
use super::super::http::single;
use super::super::state::{Shared, lock};
use super::clients::{Authorization, KnownClient, RefreshGrant};
use super::oauth_error;
use super::token::{audience, respond};

/// Redeems a code.
pub(crate) fn redeem(
    shared: &Shared,
    form: &[(String, String)],
    client_id: &str,
    client: &KnownClient,
) -> Response {
    let code = single(form, "code").unwrap_or_default();
    let knobs = &shared.behaviour.grants;
    // A code is spent by being shown, whatever comes of it (RFC 6749 §4.1.2).
    let taken = {
        let mut clients = lock(&shared.clients);
        let spent = knobs.codes == CodeUse::Once && knobs.refused_codes == RefusedCode::Spent;
        if spent {
            clients.codes.remove(code)
        } else {
            clients.codes.get(code).cloned()
        }
    };
    let Some(authorization) = taken else {
        return oauth_error(400, "invalid_grant", "The code is not valid");
    };
    if !is_bound(shared, form, client_id, &authorization) {
        return oauth_error(
            400,
            "invalid_grant",
            "Client, redirect URI or verifier do not match",
        );
    }
    let resource_given = form.iter().any(|(name, _)| name == "resource");
    if resource_given && audience(shared, form).as_deref() != Some(&authorization.audience) {
        return oauth_error(
            400,
            "invalid_target",
            "The code was issued for another resource",
        );
    }
    if knobs.codes == CodeUse::Once {
        lock(&shared.clients).codes.remove(code);
    }
    let refreshes = client.grants.iter().any(|grant| grant == "refresh_token");
    let grant = RefreshGrant {
        client: client_id.to_owned(),
        scopes: authorization.scopes.clone(),
        audience: authorization.audience.clone(),
        family: shared.ids.next("family"),
        spent: false,
    };
    let refresh = (refreshes && knobs.refresh != RefreshRotation::Absent)
        .then(|| lock(&shared.clients).grant(shared.ids.next("refresh"), grant));
    respond(
        shared,
        form,
        "demo-user",
        client_id,
        &authorization.scopes,
        &authorization.audience,
        refresh,
    )
}

/// Exchanges a refresh token.
pub(crate) fn refresh(shared: &Shared, form: &[(String, String)], client_id: &str) -> Response {
    let presented = single(form, "refresh_token").unwrap_or_default();
    let knobs = &shared.behaviour.grants;
    let known = lock(&shared.clients).refresh.get(presented).cloned();
    let Some(grant) = known.filter(|grant| grant.client == client_id) else {
        return oauth_error(400, "invalid_grant", "The refresh token is not valid");
    };
    if grant.spent {
        // OAuth 2.1 §4.3.1: whoever comes second may be a thief, or the thief came first.
        lock(&shared.clients).end(&grant.family);
        return oauth_error(400, "invalid_grant", "The refresh token was used before");
    }
    let asked = single(form, "scope").map(|text| text.split_ascii_whitespace());
    let scopes: Vec<String> = match asked {
        None => grant.scopes.clone(),
        Some(_) if shared.behaviour.tokens.mint == MintPolicy::GrantsMore => grant.scopes.clone(),
        Some(asked) => asked.map(str::to_owned).collect(),
    };
    let within = scopes.iter().all(|scope| grant.scopes.contains(scope));
    if knobs.refresh_scope == Binding::Bound && !within {
        return oauth_error(400, "invalid_scope", "The scope goes beyond the grant");
    }
    let audience = match (single(form, "resource"), knobs.refresh_resource) {
        (None, _) => grant.audience.clone(),
        (Some(uri), Binding::Bound) if uri != grant.audience => {
            return oauth_error(400, "invalid_target", "The grant is for another resource");
        }
        (Some(uri), _) => uri.to_owned(),
    };
    let next = {
        let mut clients = lock(&shared.clients);
        match knobs.refresh {
            RefreshRotation::Static | RefreshRotation::Absent => presented.to_owned(),
            RefreshRotation::OldAccepted => clients.grant(shared.ids.next("refresh"), grant),
            RefreshRotation::Rotating => {
                if let Some(old) = clients.refresh.get_mut(presented) {
                    old.spent = true;
                }
                clients.grant(shared.ids.next("refresh"), grant)
            }
        }
    };
    respond(
        shared,
        form,
        "demo-user",
        client_id,
        &scopes,
        &audience,
        Some(next),
    )
}

/// A refresh token without the login that leads to it.
pub(crate) fn plant(shared: &Shared, client: &str, scopes: Vec<String>) -> String {
    let grant = RefreshGrant {
        client: client.to_owned(),
        scopes,
        audience: shared.mcp_url.clone(),
        family: shared.ids.next("family"),
        spent: false,
    };
    lock(&shared.clients).grant(shared.ids.next("refresh"), grant)
}

fn is_bound(
    shared: &Shared,
    form: &[(String, String)],
    client_id: &str,
    authorization: &Authorization,
) -> bool {
    let knobs = &shared.behaviour.grants;
    let verifier = single(form, "code_verifier");
    let proof = |verifier: &str| {
        if authorization.plain {
            verifier.to_owned()
        } else {
            BASE64URL.encode(Sha256::digest(verifier.as_bytes()))
        }
    };
    let proven = proof(verifier.unwrap_or_default()) == authorization.challenge;
    // RFC 9700 §4.8.2: a verifier without a challenge is the mark of a downgrade.
    let bare = authorization.challenge.is_empty();
    let verified = match knobs.verifier {
        _ if bare => verifier.is_none() || knobs.downgrade == Downgrade::Unnoticed,
        VerifierCheck::Always => proven,
        VerifierCheck::WhenSent => verifier.is_none() || proven,
        VerifierCheck::Never => true,
    };
    let redirect = single(form, "redirect_uri") == Some(authorization.redirect_uri.as_str());
    verified
        && (knobs.client == Binding::Loose || authorization.client == client_id)
        && (knobs.redirect == Binding::Loose || redirect)
}
