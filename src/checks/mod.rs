//! The check catalogue: a page says what is asked and what it means, a judge what follows.
//!
//! A check is three things: `checks/<id>.md`, a judge under its area, and a line in the list below.

pub mod case;
pub mod evidence;
pub mod judge;
pub mod maps;
pub mod own;
pub mod page;
pub mod requirements;
mod revisions;
mod select;

mod access;
mod answers;
mod assertions;
mod borrowed;
mod documents;
mod doors;
mod entrances;
mod front;
mod intended;
mod lists;
mod logins;
mod registering;
mod scopes;
mod tokens;
mod urls;
mod ways;

mod discovery {
    pub(super) mod authorization_server_metadata_missing;
    pub(super) mod authorization_servers_missing;
    pub(super) mod challenge_error_without_token;
    pub(super) mod challenge_missing;
    pub(super) mod discovery_routes_disagree;
    pub(super) mod insecure_authorization_endpoints;
    pub(super) mod issuer_mismatch;
    pub(super) mod metadata_at_appended_path;
    pub(super) mod metadata_points_inside;
    pub(super) mod pkce_not_advertised;
    pub(super) mod query_tokens_invited;
    pub(super) mod resource_metadata_missing;
    pub(super) mod resource_mismatch;
}

mod registration {
    pub(super) mod claimed_name_trusted;
    pub(super) mod client_document_fetch_unbounded;
    pub(super) mod client_document_shared_secret_accepted;
    pub(super) mod client_metadata_documents_unsupported;
    pub(super) mod client_record_exposed;
    pub(super) mod consent_cookie_weak;
    pub(super) mod consent_page_frameable;
    pub(super) mod consent_skipped_by_proxy;
    pub(super) mod dangerous_grant_registered;
    pub(super) mod faulty_client_document_accepted;
    pub(super) mod forged_software_statement_accepted;
    pub(super) mod hostile_redirect_registered;
    pub(super) mod malformed_client_id_accepted;
    pub(super) mod native_loopback_refused;
    pub(super) mod redirect_host_not_shown;
    pub(super) mod registered_client_not_deletable;
    pub(super) mod registered_clients_never_expire;
    pub(super) mod registered_scope_unlimited;
    pub(super) mod registration_deprecated_only;
    pub(super) mod registration_gate_bypassed;
    pub(super) mod registration_open;
    pub(super) mod registration_over_http;
    pub(super) mod registration_response_malformed;
    pub(super) mod registration_unlimited;
    pub(super) mod registration_without_redirect;
    pub(super) mod shadow_registration_endpoint;
    pub(super) mod upstream_state_weak;
}

mod grant {
    pub(super) mod client_secret_not_checked;
    pub(super) mod code_not_bound;
    pub(super) mod code_replay_accepted;
    pub(super) mod code_without_verifier_accepted;
    pub(super) mod error_redirect_to_stranger;
    pub(super) mod grant_differs_silently;
    pub(super) mod implicit_flow_advertised;
    pub(super) mod implicit_flow_honoured;
    pub(super) mod introspection_open;
    pub(super) mod issuer_missing_in_response;
    pub(super) mod issuer_parameter_not_advertised;
    pub(super) mod long_lived_tokens;
    pub(super) mod password_grant_advertised;
    pub(super) mod password_grant_honoured;
    pub(super) mod pkce_downgrade_accepted;
    pub(super) mod pkce_not_required;
    pub(super) mod plain_pkce_accepted;
    pub(super) mod plain_pkce_advertised;
    pub(super) mod redirect_not_exact;
    pub(super) mod refresh_token_not_rotated;
    pub(super) mod refresh_widens_grant;
    pub(super) mod resource_indicator_ignored;
    pub(super) mod token_audience_generic;
    pub(super) mod token_error_malformed;
    pub(super) mod token_response_cacheable;
    pub(super) mod unentitled_scope_granted;
    pub(super) mod unknown_client_accepted;
    pub(super) mod upstream_pkce_missing;
}

mod token {
    pub(super) mod expired_token_accepted;
    pub(super) mod foreign_audience_accepted;
    pub(super) mod foreign_issuer_accepted;
    pub(super) mod foreign_scheme_accepted;
    pub(super) mod garbage_token_accepted;
    pub(super) mod gate_inconsistent;
    pub(super) mod issuer_keys_pooled;
    pub(super) mod key_address_fetched;
    pub(super) mod key_confusion_accepted;
    pub(super) mod missing_token_accepted;
    pub(super) mod query_token_accepted;
    pub(super) mod refusal_discloses;
    pub(super) mod refusal_status_wrong;
    pub(super) mod revoked_token_accepted;
    pub(super) mod second_token_decides;
    pub(super) mod session_id_is_credential;
    pub(super) mod session_lends_rights;
    pub(super) mod several_tokens_accepted;
    pub(super) mod spoofed_identity_accepted;
    pub(super) mod tampered_token_accepted;
    pub(super) mod token_type_unchecked;
    pub(super) mod unsigned_token_accepted;
    pub(super) mod upstream_token_accepted;
    pub(super) mod wrong_kind_accepted;
}

mod scope {
    pub(super) mod advertised_scope_unobtainable;
    pub(super) mod broader_scope_refused;
    pub(super) mod challenge_incomplete;
    pub(super) mod challenge_without_scope;
    pub(super) mod granted_more_than_requested;
    pub(super) mod insufficient_scope_not_challenged;
    pub(super) mod narrow_token_refused;
    pub(super) mod offline_access_advertised;
    pub(super) mod omnibus_scope;
    pub(super) mod scopes_not_advertised;
    pub(super) mod scopes_not_enforced;
    pub(super) mod unrelated_token_accepted;
    pub(super) mod whole_scope_catalogue_advertised;
}

mod primitive {
    pub(super) mod access_changes_between_repeats;
    pub(super) mod annotation_contradicts_access;
    pub(super) mod answers_shared_between_callers;
    pub(super) mod argument_form_not_checked;
    pub(super) mod arguments_not_validated;
    pub(super) mod batched_call_not_checked;
    pub(super) mod call_state_unbound;
    pub(super) mod caller_specific_list_shareable;
    pub(super) mod completion_leaks_names;
    pub(super) mod declared_scheme_not_enforced;
    pub(super) mod denial_in_band;
    pub(super) mod foreign_object_readable;
    pub(super) mod header_body_split;
    pub(super) mod hidden_prompt_obtainable;
    pub(super) mod hidden_resource_readable;
    pub(super) mod hidden_tool_callable;
    pub(super) mod link_opens_for_others;
    pub(super) mod list_varies_per_connection;
    pub(super) mod method_spelling_not_checked;
    pub(super) mod missing_resource_answered;
    pub(super) mod name_spelling_not_checked;
    pub(super) mod narrower_token_opens_more;
    pub(super) mod permitted_call_refused;
    pub(super) mod policy_drift;
    pub(super) mod protected_tool_public;
    pub(super) mod public_metadata_revealing;
    pub(super) mod refusal_reveals_existence;
    pub(super) mod resource_list_varies_per_connection;
    pub(super) mod resource_path_escapes;
    pub(super) mod revision_asks_no_token;
    pub(super) mod revision_enforces_less;
    pub(super) mod stranger_outdoes_token;
    pub(super) mod subscription_without_permission;
    pub(super) mod task_open_to_others;
    pub(super) mod tool_calls_unlimited;
    pub(super) mod unauthorized_tool_callable;
    pub(super) mod validation_before_authorization;
}

mod transport {
    pub(super) mod cross_origin_access_widened;
    pub(super) mod ended_session_alive;
    pub(super) mod errors_show_the_inside;
    pub(super) mod foreign_host_accepted;
    pub(super) mod foreign_origin_accepted;
    pub(super) mod foreign_stream_replayed;
    pub(super) mod gate_dodged_by_path;
    pub(super) mod legacy_stream_unguarded;
    pub(super) mod missing_metadata_accepted;
    pub(super) mod plaintext_endpoint;
    pub(super) mod session_id_guessable;
    pub(super) mod session_of_another_user;
    pub(super) mod sessions_on_stateless_server;
    pub(super) mod simple_request_accepted;
    pub(super) mod unknown_method_answered;
    pub(super) mod unknown_version_accepted;
}

mod extension {
    pub(super) mod bound_token_accepted_unproven;
    pub(super) mod certificate_bound_token_accepted;
    pub(super) mod client_assertion_forged_accepted;
    pub(super) mod enterprise_authorization_announced;
    pub(super) mod extensions_inconsistent;
    pub(super) mod identity_assertion_forged_accepted;
    pub(super) mod machine_client_methods_missing;
    pub(super) mod stranger_obtains_token;
    pub(super) mod workload_assertion_forged_accepted;
    pub(super) mod wrong_proof_accepted;
}

#[cfg(test)]
mod testing;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::model::probe::ProbeId;
use crate::model::verdict::Verdict;

use evidence::Evidence;
use page::Page;
use requirements::{Area, requirement};

pub use select::{UnknownCheck, known, nearest, select};

/// A check: a page and a judge.
#[derive(Debug)]
pub struct Check {
    /// The stem of its page.
    pub id: &'static str,
    /// The page as written.
    pub text: &'static str,
    /// What follows from the evidence.
    pub judge: fn(&Evidence<'_>) -> Verdict,
}

impl Check {
    /// The parsed page.
    ///
    /// # Panics
    /// Never for a check of the catalogue, and there is no other.
    pub fn page(&self) -> &'static Page {
        let position = all().iter().position(|check| check.id == self.id);
        let page = position.and_then(|position| PAGES.get(position));
        #[expect(
            clippy::expect_used,
            reason = "checks exist only in the catalogue, and `PAGES` mirrors it"
        )]
        page.expect("every check is in the catalogue")
    }

    /// The area of its requirement.
    pub fn area(&self) -> Option<Area> {
        Some(requirement(self.page().requirement())?.area)
    }
}

/// Every check, in the order of the areas.
pub const fn all() -> &'static [Check] {
    CATALOGUE
}

/// The check with this id.
pub fn find(id: &str) -> Option<&'static Check> {
    all().iter().find(|check| check.id == id)
}

/// The probes whose answers some checks read.
pub fn needs(checks: &[&Check]) -> BTreeSet<ProbeId> {
    checks
        .iter()
        .flat_map(|check| check.page().needs.iter().copied())
        .collect()
}

macro_rules! catalogue {
    ($($area:ident { $($judge:ident => $id:literal,)* })*) => {
        const CATALOGUE: &[Check] = &[$($(Check {
            id: $id,
            text: include_str!(concat!("../../checks/", $id, ".md")),
            judge: $area::$judge::judge,
        },)*)*];
    };
}

static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| {
    let parsed = all().iter().map(|check| Page::parse(check.id, check.text));
    #[expect(
        clippy::expect_used,
        reason = "embedded text; a test parses it on every build"
    )]
    parsed
        .collect::<Result<_, _>>()
        .expect("embedded pages parse")
});

catalogue! {
    discovery {
        resource_metadata_missing => "resource-metadata-missing",
        authorization_servers_missing => "authorization-servers-missing",
        resource_mismatch => "resource-mismatch",
        metadata_at_appended_path => "metadata-at-appended-path",
        challenge_missing => "challenge-missing",
        challenge_error_without_token => "challenge-error-without-token",
        metadata_points_inside => "metadata-points-inside",
        authorization_server_metadata_missing => "authorization-server-metadata-missing",
        issuer_mismatch => "issuer-mismatch",
        pkce_not_advertised => "pkce-not-advertised",
        insecure_authorization_endpoints => "insecure-authorization-endpoints",
        query_tokens_invited => "query-tokens-invited",
        discovery_routes_disagree => "discovery-routes-disagree",
    }
    registration {
        registration_deprecated_only => "registration-deprecated-only",
        registration_open => "registration-open",
        registration_response_malformed => "registration-response-malformed",
        registration_over_http => "registration-over-http",
        hostile_redirect_registered => "hostile-redirect-registered",
        registration_without_redirect => "registration-without-redirect",
        dangerous_grant_registered => "dangerous-grant-registered",
        registered_scope_unlimited => "registered-scope-unlimited",
        forged_software_statement_accepted => "forged-software-statement-accepted",
        claimed_name_trusted => "claimed-name-trusted",
        registration_unlimited => "registration-unlimited",
        client_record_exposed => "client-record-exposed",
        registered_client_not_deletable => "registered-client-not-deletable",
        registered_clients_never_expire => "registered-clients-never-expire",
        native_loopback_refused => "native-loopback-refused",
        shadow_registration_endpoint => "shadow-registration-endpoint",
        client_metadata_documents_unsupported => "client-metadata-documents-unsupported",
        redirect_host_not_shown => "redirect-host-not-shown",
        consent_skipped_by_proxy => "consent-skipped-by-proxy",
        consent_page_frameable => "consent-page-frameable",
        consent_cookie_weak => "consent-cookie-weak",
        upstream_state_weak => "upstream-state-weak",
        faulty_client_document_accepted => "faulty-client-document-accepted",
        malformed_client_id_accepted => "malformed-client-id-accepted",
        client_document_fetch_unbounded => "client-document-fetch-unbounded",
        client_document_shared_secret_accepted => "client-document-shared-secret-accepted",
        registration_gate_bypassed => "registration-gate-bypassed",
    }
    grant {
        pkce_not_required => "pkce-not-required",
        plain_pkce_advertised => "plain-pkce-advertised",
        plain_pkce_accepted => "plain-pkce-accepted",
        upstream_pkce_missing => "upstream-pkce-missing",
        redirect_not_exact => "redirect-not-exact",
        error_redirect_to_stranger => "error-redirect-to-stranger",
        unknown_client_accepted => "unknown-client-accepted",
        code_without_verifier_accepted => "code-without-verifier-accepted",
        pkce_downgrade_accepted => "pkce-downgrade-accepted",
        implicit_flow_advertised => "implicit-flow-advertised",
        implicit_flow_honoured => "implicit-flow-honoured",
        password_grant_advertised => "password-grant-advertised",
        password_grant_honoured => "password-grant-honoured",
        resource_indicator_ignored => "resource-indicator-ignored",
        token_audience_generic => "token-audience-generic",
        issuer_parameter_not_advertised => "issuer-parameter-not-advertised",
        issuer_missing_in_response => "issuer-missing-in-response",
        long_lived_tokens => "long-lived-tokens",
        client_secret_not_checked => "client-secret-not-checked",
        token_error_malformed => "token-error-malformed",
        introspection_open => "introspection-open",
        unentitled_scope_granted => "unentitled-scope-granted",
        refresh_token_not_rotated => "refresh-token-not-rotated",
        token_response_cacheable => "token-response-cacheable",
        code_replay_accepted => "code-replay-accepted",
        code_not_bound => "code-not-bound",
        refresh_widens_grant => "refresh-widens-grant",
        grant_differs_silently => "grant-differs-silently",
    }
    token {
        missing_token_accepted => "missing-token-accepted",
        garbage_token_accepted => "garbage-token-accepted",
        foreign_scheme_accepted => "foreign-scheme-accepted",
        expired_token_accepted => "expired-token-accepted",
        tampered_token_accepted => "tampered-token-accepted",
        unsigned_token_accepted => "unsigned-token-accepted",
        key_confusion_accepted => "key-confusion-accepted",
        key_address_fetched => "key-address-fetched",
        foreign_issuer_accepted => "foreign-issuer-accepted",
        foreign_audience_accepted => "foreign-audience-accepted",
        wrong_kind_accepted => "wrong-kind-accepted",
        token_type_unchecked => "token-type-unchecked",
        upstream_token_accepted => "upstream-token-accepted",
        issuer_keys_pooled => "issuer-keys-pooled",
        query_token_accepted => "query-token-accepted",
        several_tokens_accepted => "several-tokens-accepted",
        second_token_decides => "second-token-decides",
        session_id_is_credential => "session-id-is-credential",
        session_lends_rights => "session-lends-rights",
        gate_inconsistent => "gate-inconsistent",
        refusal_discloses => "refusal-discloses",
        refusal_status_wrong => "refusal-status-wrong",
        revoked_token_accepted => "revoked-token-accepted",
        spoofed_identity_accepted => "spoofed-identity-accepted",
    }
    scope {
        scopes_not_advertised => "scopes-not-advertised",
        omnibus_scope => "omnibus-scope",
        whole_scope_catalogue_advertised => "whole-scope-catalogue-advertised",
        challenge_without_scope => "challenge-without-scope",
        insufficient_scope_not_challenged => "insufficient-scope-not-challenged",
        challenge_incomplete => "challenge-incomplete",
        offline_access_advertised => "offline-access-advertised",
        broader_scope_refused => "broader-scope-refused",
        scopes_not_enforced => "scopes-not-enforced",
        unrelated_token_accepted => "unrelated-token-accepted",
        narrow_token_refused => "narrow-token-refused",
        granted_more_than_requested => "granted-more-than-requested",
        advertised_scope_unobtainable => "advertised-scope-unobtainable",
    }
    primitive {
        list_varies_per_connection => "list-varies-per-connection",
        resource_list_varies_per_connection => "resource-list-varies-per-connection",
        hidden_resource_readable => "hidden-resource-readable",
        missing_resource_answered => "missing-resource-answered",
        refusal_reveals_existence => "refusal-reveals-existence",
        link_opens_for_others => "link-opens-for-others",
        subscription_without_permission => "subscription-without-permission",
        hidden_prompt_obtainable => "hidden-prompt-obtainable",
        completion_leaks_names => "completion-leaks-names",
        foreign_object_readable => "foreign-object-readable",
        task_open_to_others => "task-open-to-others",
        call_state_unbound => "call-state-unbound",
        caller_specific_list_shareable => "caller-specific-list-shareable",
        public_metadata_revealing => "public-metadata-revealing",
        hidden_tool_callable => "hidden-tool-callable",
        header_body_split => "header-body-split",
        batched_call_not_checked => "batched-call-not-checked",
        name_spelling_not_checked => "name-spelling-not-checked",
        method_spelling_not_checked => "method-spelling-not-checked",
        argument_form_not_checked => "argument-form-not-checked",
        answers_shared_between_callers => "answers-shared-between-callers",
        revision_enforces_less => "revision-enforces-less",
        revision_asks_no_token => "revision-asks-no-token",
        unauthorized_tool_callable => "unauthorized-tool-callable",
        permitted_call_refused => "permitted-call-refused",
        policy_drift => "policy-drift",
        narrower_token_opens_more => "narrower-token-opens-more",
        access_changes_between_repeats => "access-changes-between-repeats",
        protected_tool_public => "protected-tool-public",
        stranger_outdoes_token => "stranger-outdoes-token",
        validation_before_authorization => "validation-before-authorization",
        declared_scheme_not_enforced => "declared-scheme-not-enforced",
        denial_in_band => "denial-in-band",
        annotation_contradicts_access => "annotation-contradicts-access",
        resource_path_escapes => "resource-path-escapes",
        arguments_not_validated => "arguments-not-validated",
        tool_calls_unlimited => "tool-calls-unlimited",
    }
    transport {
        foreign_origin_accepted => "foreign-origin-accepted",
        foreign_host_accepted => "foreign-host-accepted",
        plaintext_endpoint => "plaintext-endpoint",
        session_of_another_user => "session-of-another-user",
        session_id_guessable => "session-id-guessable",
        ended_session_alive => "ended-session-alive",
        sessions_on_stateless_server => "sessions-on-stateless-server",
        unknown_version_accepted => "unknown-version-accepted",
        missing_metadata_accepted => "missing-metadata-accepted",
        unknown_method_answered => "unknown-method-answered",
        cross_origin_access_widened => "cross-origin-access-widened",
        legacy_stream_unguarded => "legacy-stream-unguarded",
        foreign_stream_replayed => "foreign-stream-replayed",
        simple_request_accepted => "simple-request-accepted",
        gate_dodged_by_path => "gate-dodged-by-path",
        errors_show_the_inside => "errors-show-the-inside",
    }
    extension {
        stranger_obtains_token => "stranger-obtains-token",
        machine_client_methods_missing => "machine-client-methods-missing",
        client_assertion_forged_accepted => "client-assertion-forged-accepted",
        enterprise_authorization_announced => "enterprise-authorization-announced",
        identity_assertion_forged_accepted => "identity-assertion-forged-accepted",
        bound_token_accepted_unproven => "bound-token-accepted-unproven",
        wrong_proof_accepted => "wrong-proof-accepted",
        certificate_bound_token_accepted => "certificate-bound-token-accepted",
        workload_assertion_forged_accepted => "workload-assertion-forged-accepted",
        extensions_inconsistent => "extensions-inconsistent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_the_union_of_the_pages() {
        let check = find("foreign-origin-accepted").unwrap();
        assert!(needs(&[check]).contains(&ProbeId::ForeignOrigin));
    }
}
