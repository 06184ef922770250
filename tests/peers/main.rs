//! Servers that nobody of this project wrote: whether their manifests tell the truth, and whether an
//! audit reports that truth.

#![allow(
    clippy::disallowed_types,
    clippy::doc_markdown,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::use_debug,
    unreachable_pub,
    reason = "the harness speaks to the servers by itself and prints what an audit found"
)]

mod audit;
mod certificates;
mod conformance;
mod consistency;
mod grants;
mod harness;
mod ladder;
mod login;
mod manifest;
mod person;
mod rpc;
mod truth;

use harness::Outcome;

async fn verify(name: &str) -> Outcome<()> {
    let peer = harness::named(name)?.start()?;
    let found = truth::disagreements(&peer).await?;
    assert!(
        found.is_empty(),
        "{name}, {}:\n{}",
        peer.expected.title,
        found.join("\n")
    );
    Ok(())
}

async fn audited(name: &str) -> Outcome<()> {
    let found = audit::disagreements(name).await?;
    assert!(found.is_empty(), "{name}:\n{}", found.join("\n"));
    Ok(())
}

macro_rules! peers {
    ($($test:ident, $audit:ident: $name:literal,)*) => {
        const NAMES: &[&str] = &[$($name),*];
        $(
            #[tokio::test]
            async fn $test() -> Outcome<()> {
                verify($name).await
            }

            #[tokio::test]
            async fn $audit() -> Outcome<()> {
                audited($name).await
            }
        )*
    };
}

peers! {
    everything_http_does_what_its_manifest_says, an_audit_of_everything_http_reports_the_truth: "everything-http",
    everything_sse_does_what_its_manifest_says, an_audit_of_everything_sse_reports_the_truth: "everything-sse",
    fastmcp_audience_does_what_its_manifest_says, an_audit_of_fastmcp_audience_reports_the_truth: "fastmcp-audience",
    fastmcp_hidden_does_what_its_manifest_says, an_audit_of_fastmcp_hidden_reports_the_truth: "fastmcp-hidden",
    fastmcp_middleware_does_what_its_manifest_says, an_audit_of_fastmcp_middleware_reports_the_truth: "fastmcp-middleware",
    fastmcp_own_does_what_its_manifest_says, an_audit_of_fastmcp_own_reports_the_truth: "fastmcp-own",
    fastmcp_sound_does_what_its_manifest_says, an_audit_of_fastmcp_sound_reports_the_truth: "fastmcp-sound",
    fastmcp_unguarded_does_what_its_manifest_says, an_audit_of_fastmcp_unguarded_reports_the_truth: "fastmcp-unguarded",
    mcp1_does_what_its_manifest_says, an_audit_of_mcp1_reports_the_truth: "mcp1",
    mcp2_does_what_its_manifest_says, an_audit_of_mcp2_reports_the_truth: "mcp2",
    mcp2_expiry_does_what_its_manifest_says, an_audit_of_mcp2_expiry_reports_the_truth: "mcp2-expiry",
    mcp2_jwt_does_what_its_manifest_says, an_audit_of_mcp2_jwt_reports_the_truth: "mcp2-jwt",
    oidc_audience_does_what_its_manifest_says, an_audit_of_oidc_audience_reports_the_truth: "oidc-audience",
    oidc_constrained_does_what_its_manifest_says, an_audit_of_oidc_constrained_reports_the_truth: "oidc-constrained",
    oidc_documents_does_what_its_manifest_says, an_audit_of_oidc_documents_reports_the_truth: "oidc-documents",
    oidc_gated_does_what_its_manifest_says, an_audit_of_oidc_gated_reports_the_truth: "oidc-gated",
    oidc_machine_does_what_its_manifest_says, an_audit_of_oidc_machine_reports_the_truth: "oidc-machine",
    oidc_off_does_what_its_manifest_says, an_audit_of_oidc_off_reports_the_truth: "oidc-off",
    oidc_opaque_does_what_its_manifest_says, an_audit_of_oidc_opaque_reports_the_truth: "oidc-opaque",
    oidc_open_does_what_its_manifest_says, an_audit_of_oidc_open_reports_the_truth: "oidc-open",
    punkpeye_does_what_its_manifest_says, an_audit_of_punkpeye_reports_the_truth: "punkpeye",
    punkpeye_unguarded_does_what_its_manifest_says, an_audit_of_punkpeye_unguarded_reports_the_truth: "punkpeye-unguarded",
    rmcp_server_does_what_its_manifest_says, an_audit_of_rmcp_server_reports_the_truth: "rmcp-server",
    rmcp_server_layer_does_what_its_manifest_says, an_audit_of_rmcp_server_layer_reports_the_truth: "rmcp-server-layer",
    typescript_does_what_its_manifest_says, an_audit_of_typescript_reports_the_truth: "typescript",
    typescript_audience_does_what_its_manifest_says, an_audit_of_typescript_audience_reports_the_truth: "typescript-audience",
    typescript_hidden_does_what_its_manifest_says, an_audit_of_typescript_hidden_reports_the_truth: "typescript-hidden",
    typescript_http_does_what_its_manifest_says, an_audit_of_typescript_http_reports_the_truth: "typescript-http",
    typescript_resource_does_what_its_manifest_says, an_audit_of_typescript_resource_reports_the_truth: "typescript-resource",
    typescript_rpc_does_what_its_manifest_says, an_audit_of_typescript_rpc_reports_the_truth: "typescript-rpc",
    typescript_unguarded_does_what_its_manifest_says, an_audit_of_typescript_unguarded_reports_the_truth: "typescript-unguarded",
}

#[tokio::test]
async fn opaque_tokens_by_every_grant_of_oidc_provider_are_what_it_says_they_are() -> Outcome<()> {
    let found = grants::disagreements("opaque").await?;
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[tokio::test]
async fn signed_tokens_by_every_grant_of_oidc_provider_are_what_it_says_they_are() -> Outcome<()> {
    let found = grants::disagreements("jwt").await?;
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[tokio::test]
async fn what_oidc_provider_refuses_costs_its_identity_only() -> Outcome<()> {
    let found = grants::refusals().await?;
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[tokio::test]
async fn certificates_of_clients_are_what_oidc_provider_makes_of_them() -> Outcome<()> {
    let found = certificates::disagreements().await?;
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[tokio::test]
async fn a_minted_ladder_at_oidc_finds_the_policy_of_the_source() -> Outcome<()> {
    let found = ladder::disagreements("oidc-machine").await?;
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[tokio::test]
async fn an_audit_with_a_login_at_oidc_reports_the_truth() -> Outcome<()> {
    let found = login::disagreements().await?;
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[tokio::test]
async fn the_conformance_scenarios_for_clients_pass_where_they_fit_an_auditor() -> Outcome<()> {
    let found = tokio::task::spawn_blocking(conformance::disagreements).await??;
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn every_manifest_parses_and_is_tested() -> Outcome<()> {
    let peers = harness::all()?;
    let names: Vec<&str> = peers.iter().map(|peer| peer.name.as_str()).collect();
    assert_eq!(names, NAMES);
    for peer in &peers {
        assert_eq!(
            peer.expected()?.contradictions(),
            Vec::<String>::new(),
            "{}",
            peer.name
        );
    }
    Ok(())
}
