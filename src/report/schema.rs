//! The published schema of `report.json`, made from the types that are serialised.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::model::fleet::Reports;
use crate::model::report::{Report, SCHEMA_VERSION};

/// JSON Schema (2020-12) of the report.
pub fn report_schema() -> Value {
    let title = format!("mcp-assay report {SCHEMA_VERSION}");
    document::<Report>("report.schema.json", &title)
}

/// JSON Schema (2020-12) of the document that holds the reports of several targets.
pub fn reports_schema() -> Value {
    let title = format!("mcp-assay reports {SCHEMA_VERSION}");
    document::<Reports>("reports.schema.json", &title)
}

fn document<T: JsonSchema>(id: &str, title: &str) -> Value {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let schema = generator.into_root_schema_for::<T>().to_value();
    let mut document = Map::new();
    document.insert("$schema".to_owned(), DIALECT.into());
    document.insert("$id".to_owned(), id.into());
    document.insert("title".to_owned(), title.into());
    if let Value::Object(members) = schema {
        for (name, member) in members {
            document.entry(name).or_insert(member);
        }
    }
    Value::Object(document)
}

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
