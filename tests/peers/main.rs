//! Servers that nobody of this project wrote, and whether their manifests tell the truth.

mod consistency;
mod harness;
mod manifest;
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

macro_rules! peers {
    ($($test:ident: $name:literal,)*) => {
        const NAMES: &[&str] = &[$($name),*];
        $(
            #[tokio::test]
            async fn $test() -> Outcome<()> {
                verify($name).await
            }
        )*
    };
}

peers! {
    everything_sse_does_what_its_manifest_says: "everything-sse",
    fastmcp_middleware_does_what_its_manifest_says: "fastmcp-middleware",
    fastmcp_sound_does_what_its_manifest_says: "fastmcp-sound",
    fastmcp_unguarded_does_what_its_manifest_says: "fastmcp-unguarded",
    mcp1_does_what_its_manifest_says: "mcp1",
    mcp2_does_what_its_manifest_says: "mcp2",
    oidc_constrained_does_what_its_manifest_says: "oidc-constrained",
    oidc_gated_does_what_its_manifest_says: "oidc-gated",
    oidc_machine_does_what_its_manifest_says: "oidc-machine",
    oidc_off_does_what_its_manifest_says: "oidc-off",
    oidc_open_does_what_its_manifest_says: "oidc-open",
    rmcp_server_does_what_its_manifest_says: "rmcp-server",
    typescript_does_what_its_manifest_says: "typescript",
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
