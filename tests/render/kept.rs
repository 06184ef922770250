//! Schemas that are kept in files beside the types they say.

use mcp_assay::report::schema::{report_schema, reports_schema};
use serde_json::Value;

#[test]
fn the_schema_files_are_what_the_types_say() {
    for (name, schema) in [
        ("report.schema.json", report_schema()),
        ("reports.schema.json", reports_schema()),
    ] {
        is_current(name, &schema);
    }
}

fn is_current(name: &str, schema: &Value) {
    let path = format!("{}/fixtures/schemas/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut fresh = serde_json::to_string_pretty(schema).unwrap();
    fresh.push('\n');
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == fresh,
        "fixtures/schemas/{name} is not what the types say; run `UPDATE=1 cargo test --test render`"
    );
}
