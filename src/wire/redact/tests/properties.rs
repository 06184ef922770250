use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn json_value(telling: &'static str) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        // Too short to turn an object into an OAuth answer by accident.
        let names = prop_oneof![
            "[a-z]{1,2}",
            Just("code".to_owned()),
            Just(telling.to_owned())
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn output_never_contains_the_secret_in_any_encoding(
        secret in "[A-Za-z0-9._~+/=\"\\\\ &<é-]{8,48}",
        before in "\\PC{0,20}",
        after in "\\PC{0,20}",
        escaped in any::<bool>(),
    ) {
        prop_assume!(!"{token}{secret}".contains(&secret));
        let redactor = knowing(&[("token", &secret)]);
        let quoted = Value::from(secret.as_str()).to_string();
        let forms = [
            secret.clone(),
            url_encoded(&secret),
            STANDARD.encode(&secret),
            URL_SAFE.encode(&secret),
            URL_SAFE_NO_PAD.encode(format!("id:{secret}")),
            STANDARD.encode(format!("assay:{secret}")),
            quoted[1..quoted.len() - 1].to_owned(),
        ];
        for form in &forms {
            let text = format!("{before} {form} {after}");
            let texts = [
                text.clone(),
                json!({"a": text, "b": [form]}).to_string(),
                json!({"a": json!({"b": form}).to_string()}).to_string(),
                format!("data: {}\n\n", json!([form])),
            ];
            for text in texts {
                let clean = body(&redactor, &text);
                prop_assert!(!clean.contains(form.as_str()), "{} in {}", form, clean);
                let clean = redactor.body(text.as_bytes(), FORM, escaped).into_owned();
                let clean = String::from_utf8_lossy(&clean).into_owned();
                prop_assert!(!clean.contains(form.as_str()), "{} in {}", form, clean);
            }
            let clean = header(&redactor, "x-echo", form);
            prop_assert!(!clean.contains(form.as_str()));
            let clean = redactor.url(&format!("https://h/{form}?q={form}#{form}"));
            prop_assert!(!clean.contains(form.as_str()), "{} in {}", form, clean);
        }
    }

    #[test]
    fn json_stays_json_and_keeps_its_shape(
        value in json_value("password"),
        secret in "[A-Za-z0-9._~+/=-]{8,24}",
    ) {
        let redactor = knowing(&[("token", &secret)]);
        let with_secret = json!({"value": value, "echo": [secret, {"access_token": secret}]});
        let clean = body(&redactor, &with_secret.to_string());
        let parsed: Value = serde_json::from_str(&clean).unwrap();
        prop_assert_eq!(&parsed["echo"], &json!(["{token}", {"access_token": "{token}"}]));
    }

    #[test]
    fn text_without_secrets_is_unchanged(text in "[ a-zA-Z0-9.,:;\\n{}\\[\\]\"'-]{0,200}") {
        prop_assume!(!text.contains("eyJ"));
        let redactor = knowing(&[("token", TOKEN)]);
        prop_assert_eq!(body(&redactor, &text), text);
    }

    #[test]
    fn json_without_secrets_is_unchanged(value in json_value("token_endpoint")) {
        let text = value.to_string();
        let redactor = knowing(&[("token", TOKEN)]);
        prop_assert_eq!(body(&redactor, &text), text);
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        truncated in any::<bool>(),
    ) {
        let redactor = knowing(&[("token", TOKEN)]);
        let clean = redactor.body(&bytes, "text/event-stream", truncated);
        let leaked = clean.windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes());
        prop_assert!(!leaked);
    }
}
