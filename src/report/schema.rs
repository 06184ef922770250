//! The published schema of `report.json`, made from the types that are serialised.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::model::report::{Report, SCHEMA_VERSION};

/// JSON Schema (2020-12) of the report.
pub fn report_schema() -> Value {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let mut schema = generator.into_root_schema_for::<Report>();
    schema.insert("$id".to_owned(), "report.schema.json".into());
    schema.insert(
        "title".to_owned(),
        format!("mcp-assay report {SCHEMA_VERSION}").into(),
    );
    schema.to_value()
}
