//! Grants in which a person takes part.

use super::*;

#[tokio::test]
async fn people_sign_in_for_identities_one_after_the_other() {
    let bench = Bench::start("[grants]\ndevice = \"approved\"\n").await;
    let by = |grant: &str, scope: &str| {
        format!("grant = \"{grant}\"\nclient_id = \"demo-cli\"\nscopes = [\"{scope}\"]")
    };
    let text = identity("browser", &by("authorization_code", "notes:read"))
        + &identity("device", &by("device_code", "notes:write"));
    let report = bench.audit(&text, "approve").await;
    assert_eq!(grant_of(present(&report, "browser")), "authorization_code");
    assert!(grant_of(present(&report, "device")).ends_with("device_code"));
    let left: Vec<_> = report
        .residue
        .iter()
        .map(|it| (&it.kind, &it.name))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
