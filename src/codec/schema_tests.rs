use proptest::prelude::*;

use super::*;

const CANARY: &str = "mcpaudit-abcdefghij23";

fn valid(schema: &Value) -> Option<Value> {
    minimal_valid(schema, CANARY)
}

fn accepts(schema: &Value, instance: &Value) -> bool {
    jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .unwrap()
        .is_valid(instance)
}

/// A schema with one required property.
fn with(property: &Value) -> Value {
    json!({"type": "object", "properties": {"p": property}, "required": ["p"]})
}

#[test]
fn nothing_required_means_empty_arguments() {
    for schema in [
        json!({}),
        json!({"type": "object", "properties": {"a": {"type": "string"}}}),
        json!({"type": "object", "additionalProperties": false}),
    ] {
        assert_eq!(valid(&schema), Some(json!({})));
        assert_eq!(invalid_for_every_required(&schema), None);
    }
}

#[test]
fn only_required_properties_are_filled_and_free_text_is_the_canary() {
    let schema = json!({"type": "object", "required": ["q", "limit"], "properties": {
        "q": {"type": "string"}, "limit": {"type": "integer", "minimum": 5},
        "cursor": {"type": "string"}}});
    assert_eq!(valid(&schema), Some(json!({"q": CANARY, "limit": 5})));
}

#[test]
fn offered_values_come_first() {
    for (property, expected) in [
        (
            json!({"type": "string", "examples": ["e"], "default": "d"}),
            json!("e"),
        ),
        (
            json!({"type": "string", "default": "d", "enum": ["c", "d"]}),
            json!("d"),
        ),
        (json!({"type": "string", "enum": ["c", "d"]}), json!("c")),
        (json!({"const": 7}), json!(7)),
        (json!({"type": "string", "default": null}), json!(CANARY)),
        (
            json!({"type": "string", "examples": [7], "minLength": 3}),
            json!(CANARY),
        ),
    ] {
        assert_eq!(valid(&with(&property)).unwrap()["p"], expected);
    }
}

#[test]
fn every_type_and_format_yields_something_valid() {
    for property in [
        json!({"type": "string", "format": "uri"}),
        json!({"type": "string", "format": "email"}),
        json!({"type": "string", "format": "uuid"}),
        json!({"type": "string", "format": "date"}),
        json!({"type": "string", "format": "date-time"}),
        json!({"type": "string", "format": "time"}),
        json!({"type": "string", "format": "duration"}),
        json!({"type": "string", "format": "ipv4"}),
        json!({"type": "string", "format": "ipv6"}),
        json!({"type": "string", "format": "hostname"}),
        json!({"type": "string", "format": "json-pointer"}),
        json!({"type": "string", "format": "int64"}),
        json!({"type": "string", "maxLength": 4}),
        json!({"type": "string", "minLength": 40}),
        json!({"type": "string", "pattern": "^[a-z]{3}-\\d{2,}$"}),
        json!({"type": "string", "pattern": "^(foo|bar)?$", "minLength": 1}),
        json!({"type": "string", "pattern": "^[A-Z]+$", "minLength": 5, "maxLength": 5}),
        json!({"type": "string", "pattern": "^(?!x)(?=.*\\d)[a-z0-9]{3}$", "examples": ["ab1"]}),
        json!({"type": "string", "format": "email",
            "pattern": "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$"}),
        json!({"type": "integer", "exclusiveMinimum": 3, "maximum": 4}),
        json!({"type": "integer", "multipleOf": 7, "minimum": 8}),
        json!({"type": "integer", "maximum": -5}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5}),
        json!({"type": "number", "multipleOf": 0.25, "minimum": 0.3}),
        json!({"type": "boolean"}),
        json!({"type": "null"}),
        json!({"type": ["null", "string"]}),
        json!({"type": "array"}),
        json!({"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": true}),
        json!({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "uniqueItems": true}),
        json!({"type": "array", "prefixItems": [{"type": "integer"}, {"const": "x"}], "minItems": 2}),
        json!({"type": "object", "minProperties": 1, "properties": {"a": {"type": "integer"}}}),
        json!({"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}}),
        json!({"anyOf": [{"type": "null"}, {"type": "integer"}]}),
        json!({"oneOf": [{"type": "string", "maxLength": 3}, {"type": "integer"}]}),
        json!({"allOf": [{"type": "string", "minLength": 30}, {"maxLength": 32}]}),
        json!({"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"type": "boolean"}}, "required": ["b"]}]}),
        json!({"type": "string", "not": {"const": "x"}}),
        json!({}),
        json!(true),
    ] {
        let schema = with(&property);
        let value = valid(&schema).unwrap_or_else(|| panic!("{schema}"));
        assert!(accepts(&schema, &value), "{schema} {value}");
    }
}

#[test]
fn local_references_are_followed() {
    let schema = json!({"type": "object", "required": ["f"], "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"f": {"$ref": "#/definitions/F%69lter"}},
        "definitions": {"Filter": {"type": "object", "required": ["op", "next"], "properties": {
            "op": {"$ref": "#/definitions/Op"}, "next": {"anyOf": [{"type": "null"}, {"$ref": "#/definitions/Op"}]}}},
            "Op": {"enum": ["eq"]}}});
    assert_eq!(
        valid(&schema),
        Some(json!({"f": {"op": "eq", "next": "eq"}}))
    );
    assert!(invalid_for_every_required(&schema).is_some());
    let recursive = json!({"$ref": "#/$defs/Node", "$defs": {"Node": {"type": "object", "required": ["name"],
        "properties": {"name": {"type": "string"}, "child": {"$ref": "#/$defs/Node"}}}}});
    assert_eq!(required(&recursive), ["name"]);
    assert_eq!(valid(&recursive), Some(json!({"name": CANARY})));
}

#[test]
fn what_cannot_be_satisfied_yields_nothing() {
    for schema in [
        with(&json!(false)),
        with(&json!({"type": "string", "minLength": 1e18})),
        with(&json!({"type": "array", "minItems": 1_000_000})),
        with(&json!({"type": "string", "pattern": "^(?=a)b$"})),
        with(&json!({"type": "string", "pattern": "("})),
        with(&json!({"$ref": "https://example.com/schema.json"})),
        with(&json!({"$ref": "#/nowhere"})),
        with(&json!({"$ref": "#/properties/p"})),
        with(&json!({"type": "nonsense"})),
        json!({"type": "string"}),
        json!(false),
        json!("x"),
    ] {
        assert_eq!(valid(&schema), None, "{schema}");
    }
}

#[test]
fn invalid_arguments_put_the_least_plausible_type_in_every_place() {
    let schema = json!({"type": "object",
        "required": ["path", "count", "flag", "filter", "tags", "either", "mode"],
        "properties": {
            "path": {"type": "string"}, "count": {"type": "integer"}, "flag": {"type": "boolean"},
            "filter": {"type": "object"}, "tags": {"type": "array"},
            "either": {"type": ["string", "null"]}, "mode": {"enum": ["a", "b"]},
            "optional": {"type": "string"}}});
    let invalid = invalid_for_every_required(&schema).unwrap();
    let object = json!({"mcp-assay-invalid": true});
    assert_eq!(
        invalid.arguments,
        json!({"path": object, "count": object, "flag": "mcp-assay-invalid", "filter": 1,
            "tags": 1, "either": object, "mode": object})
    );
    assert_eq!(invalid.broken, required(&schema));
}

#[test]
fn a_property_that_takes_anything_is_left_out() {
    let mixed = json!({"type": "object", "required": ["any", "id"],
        "properties": {"any": {}, "id": {"type": "string"}}});
    let invalid = invalid_for_every_required(&mixed).unwrap();
    assert_eq!(
        invalid.arguments,
        json!({"id": {"mcp-assay-invalid": true}})
    );
    assert_eq!(invalid.broken, ["any", "id"]);
    let lone = json!({"type": "object", "required": ["any"], "properties": {"any": true}});
    assert_eq!(
        invalid_for_every_required(&lone).unwrap().arguments,
        json!({})
    );
    let both = json!({"type": "object", "required": ["a", "b"]});
    assert_eq!(invalid_for_every_required(&both), None);
}

#[test]
fn requirements_of_conjunctions_count_and_those_of_alternatives_do_not() {
    let schema = json!({"allOf": [{"required": ["a"], "properties": {"a": {"type": "string"}}},
        {"required": ["b"], "properties": {"b": {"type": "boolean"}}}], "required": ["a"]});
    assert_eq!(required(&schema), ["a", "b"]);
    assert!(invalid_for_every_required(&schema).is_some());
    let either = json!({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]});
    assert!(required(&either).is_empty());
    assert_eq!(required(&json!({"required": "a"})), Vec::<String>::new());
}

/// Each of these would hang, overflow or bloat a validator that follows it.
#[test]
fn hostile_schemas_are_refused_or_answered_within_bounds() {
    let mut doubling = Map::new();
    for n in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
        doubling.insert(format!("d{n}"), json!({"allOf": [next, next]}));
    }
    doubling.insert("d40".to_owned(), json!({"type": "object"}));
    let mut chain = Map::new();
    for n in 0..3000 {
        chain.insert(
            format!("c{n}"),
            json!({"$ref": format!("#/$defs/c{}", n + 1)}),
        );
    }
    let mut deep = json!({"type": "string"});
    for _ in 0..100 {
        deep = json!({"not": deep});
    }
    let branching = json!({"type": "object", "required": ["c"], "properties":
        {"c": {"anyOf": vec![json!({"$ref": "#"}); 50]}}});
    let mut nested = json!({"c": {"c": {"c": {"c": {"c": {}}}}}});
    nested["c"]["c"]["x"] = json!(1);
    let mut example = branching.clone();
    example["examples"] = json!([nested]);
    let refused = [
        json!({"$ref": "#/$defs/d0", "$defs": doubling, "required": ["p"]}),
        json!({"$ref": "#/$defs/c0", "$defs": chain, "required": ["p"]}),
        json!({"allOf": [{"$ref": "#"}], "required": ["p"]}),
        json!({"$ref": "#", "required": ["p"]}),
        with(&deep),
        branching,
        example,
        with(&json!({"$dynamicRef": "#x"})),
        with(&json!({"$id": "https://h/x", "$ref": "#/properties"})),
        with(&json!({"enum": vec![json!("x"); 20_000]})),
        with(&json!({"type": "string", "pattern": "a".repeat(2000)})),
        with(&json!({"type": "string", "description": "x".repeat(300_000)})),
    ];
    for schema in refused {
        let shown: String = schema.to_string().chars().take(80).collect();
        assert_eq!(valid(&schema), None, "{shown}");
    }
}

#[test]
fn hostile_patterns_end_within_bounds() {
    for pattern in [
        "^(a+)+$",
        "^(?=(a+)+$)(a|a)*b$",
        "(((a{1000}){1000}){1000}){1000}",
        "^(?=x)((a{500}){500}){500}",
        "(?:(?=a)a{200}){200}",
        "\\p{L}{1000}{1000}",
        "(a?){900}a{900}",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "[[[[[[",
    ] {
        let property = json!({"type": "string", "pattern": pattern, "default": "a".repeat(2000)});
        let schema = with(&property);
        if let Some(value) = valid(&schema) {
            assert!(value["p"].is_string());
        }
        if let Some(invalid) = invalid_for_every_required(&schema) {
            assert!(invalid.arguments["p"].is_object());
        }
    }
    let parentheses = format!("{}a{}", "(".repeat(490), ")".repeat(490));
    assert_eq!(valid(&with(&json!({"pattern": parentheses}))), None);
    let flood: Map<String, Value> = (0..60)
        .map(|n| (format!("^(a{{{n},}})+$"), json!({"pattern": "^(b+)+$"})))
        .collect();
    let names: Map<String, Value> = (0..400).map(|n| (format!("a{n}"), json!(1))).collect();
    let schema = json!({"required": ["p"], "patternProperties": flood, "examples": [names]});
    assert_eq!(valid(&schema), Some(json!({"p": CANARY})));
}

#[test]
fn formats_of_hostile_examples_do_not_overflow() {
    let open = "(".repeat(4000);
    for format in [
        "regex",
        "uri-template",
        "json-pointer",
        "email",
        "hostname",
        "uri",
    ] {
        let schema = with(&json!({"type": "string", "format": format, "examples": [open]}));
        let value = valid(&schema).unwrap();
        assert!(value["p"].is_string(), "{format}");
    }
}

fn property() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "boolean"})),
        Just(json!({"type": "string", "format": "date"})),
        Just(json!({})),
        (0u32..30, 0u32..30)
            .prop_map(|(a, b)| json!({"type": "string", "minLength": a, "maxLength": a + b})),
        (-50i32..50, 0i32..50)
            .prop_map(|(a, b)| json!({"type": "integer", "minimum": a, "maximum": a + b})),
        "[a-z]{1,4}".prop_map(|text| json!({"enum": [text]})),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), 0u32..4)
                .prop_map(|(items, n)| json!({"type": "array", "items": items, "minItems": n})),
            proptest::collection::btree_map("[a-d]", inner.clone(), 0..4).prop_map(|all| {
                let names: Vec<&String> = all.keys().collect();
                json!({"type": "object", "properties": all, "required": names})
            }),
            inner.prop_map(|one| json!({"anyOf": [{"type": "null"}, one]})),
        ]
    })
}

proptest! {
    #[test]
    fn generated_arguments_are_valid_and_broken_ones_are_not(
        all in proptest::collection::btree_map("[a-e]", property(), 0..5)
    ) {
        let names: Vec<&String> = all.keys().collect();
        let schema = json!({"type": "object", "properties": all, "required": names});
        let value = valid(&schema);
        prop_assert!(value.is_some_and(|value| accepts(&schema, &value)));
        if let Some(invalid) = invalid_for_every_required(&schema) {
            prop_assert!(!accepts(&schema, &invalid.arguments));
            let sent = invalid.arguments.as_object().unwrap();
            prop_assert!(sent.keys().all(|name| invalid.broken.contains(name)));
            prop_assert!(!sent.is_empty() || invalid.broken.len() == 1);
        }
    }

    #[test]
    fn arbitrary_json_as_a_schema_never_panics(text in r##"\{("(type|required|properties|\$ref|allOf|items|enum|minimum|pattern)":("#"|"string"|\["a"\]|\{\}|\[\{\}\]|-1|"a\*"),){0,5}"x":0\}"##) {
        if let Ok(schema) = serde_json::from_str::<Value>(&text) {
            let _ = valid(&schema);
            let _ = invalid_for_every_required(&schema);
        }
    }
}

#[test]
fn null_objects_name_nothing_that_exists() {
    let canary = "mcpaudit-abcdefghijkl";
    let of = |property: Value| json!({"type": "object", "properties": {"id": property}, "required": ["id"]});
    let made = |property: Value| null_object(&of(property), canary);
    let hinted = json!({"type": "string", "examples": ["1"], "default": "2"});
    assert_eq!(made(hinted), Some(json!({"id": canary})));
    for hit in [
        json!({"type": "integer"}),
        json!({"type": "string", "enum": ["first", "second"]}),
        json!({"type": "string", "const": "main"}),
        json!({"type": "string", "maxLength": 2}),
        json!({"type": "array", "items": {"type": "string"}, "minItems": 1}),
    ] {
        assert_eq!(made(hit.clone()), None, "{hit}");
    }
}

#[test]
fn a_choice_is_varied_only_where_every_value_stays_valid() {
    let schema = json!({
        "type": "object",
        "properties": {"mode": {"type": "string", "enum": ["a", "b", "c"]}, "id": {"type": "string"}},
        "required": ["mode", "id"],
        "not": {"properties": {"mode": {"const": "c"}}}
    });
    let given = json!({"mode": "a", "id": "1"});
    let all = choices(&schema, &given, 3, &|_| true);
    assert_eq!(all, [json!({"mode": "b", "id": "1"})]);
    assert!(choices(&schema, &given, 3, &|_| false).is_empty());
    assert!(choices(&schema, &json!(7), 3, &|_| true).is_empty());
}

#[test]
fn an_obstacle_names_its_place() {
    for (schema, told) in [
        (json!([]), "not an object"),
        (
            json!({"properties": {"id": {"$ref": "https://x.example/id"}}, "required": ["id"]}),
            "`/properties/id/$ref`",
        ),
        (json!({"type": "nonsense"}), "no valid JSON Schema"),
        (
            json!({"type": "object", "properties": {"id": {"type": "string", "minLength": 3, "maxLength": 5, "pattern": "^(?=x)y$"}}, "required": ["id"]}),
            "input schema",
        ),
        (
            json!({"type": "object", "properties": {"id": {"type": "integer", "not": {"type": "integer"}}}, "required": ["id"]}),
            "`/properties/id/not`",
        ),
    ] {
        let text = obstacle(&schema);
        assert!(text.contains(told), "{text}");
    }
}
