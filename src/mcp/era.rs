//! Which era of the protocol a server speaks, told from its answer to `server/discover`.

use serde_json::Value;

use crate::codec::jsonrpc::{Answer, error_code};

/// The era of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Era {
    /// Per-request metadata, 2026-07-28 and later; it may serve older revisions too.
    Modern {
        /// The versions it names; empty when it named none.
        supported: Vec<String>,
    },
    /// Refuses as a modern server does (404 with −32601) but has no `server/discover`, which it
    /// must have: ask `tools/list` in the modern form.
    ModernShape,
    /// Opens with `initialize`, or is no modern server at all.
    Legacy,
    /// The answer does not tell: refused, limited, failed, redirected, or no MCP at all.
    Unknown,
}

/// Reads the answer to a modern `server/discover`.
///
/// −32602 and −32000…−32019 are no modern markers: legacy servers use them for many things.
pub fn era(status: u16, answer: &Answer<'_>) -> Era {
    if matches!(status, 401 | 403 | 407 | 408 | 429) || !matches!(status, 200..=299 | 400..=499) {
        return Era::Unknown;
    }
    let is_success = status < 300;
    match answer {
        Answer::Result(message) if is_success => {
            let supported = supported_versions(message);
            if supported.is_empty() {
                Era::Legacy
            } else {
                Era::Modern { supported }
            }
        }
        Answer::Error(message) | Answer::Unattributed(message) => match error_code(message) {
            Some(-32022..=-32020) => Era::Modern {
                supported: supported_versions(message),
            },
            Some(-32601) if status == 404 => Era::ModernShape,
            _ => Era::Legacy,
        },
        _ if is_success => Era::Unknown,
        _ => Era::Legacy,
    }
}

/// The versions that a message names: `result.supportedVersions` or `error.data.supported`.
pub fn supported_versions(message: &Value) -> Vec<String> {
    let named = message
        .pointer("/result/supportedVersions")
        .or_else(|| message.pointer("/error/data/supported"));
    let versions = named.and_then(Value::as_array);
    versions
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .take(MAX_VERSIONS)
        .map(str::to_owned)
        .collect()
}

/// The version that `initialize` settled on.
pub fn negotiated_version(result: &Value) -> Option<&str> {
    result.get("protocolVersion")?.as_str()
}

const MAX_VERSIONS: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::codec::jsonrpc::answer;

    fn told(status: u16, message: &Value) -> Era {
        era(status, &answer(std::slice::from_ref(message), &json!(1)))
    }

    fn error(code: i64, data: &Value) -> Value {
        json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "", "data": data}})
    }

    fn modern(versions: &[&str]) -> Era {
        Era::Modern {
            supported: versions.iter().map(|&version| version.to_owned()).collect(),
        }
    }

    #[test]
    fn modern_markers_are_recognised() {
        let discovered =
            json!({"id": 1, "result": {"supportedVersions": ["2026-07-28", "2025-11-25"]}});
        assert_eq!(
            told(200, &discovered),
            modern(&["2026-07-28", "2025-11-25"])
        );
        let unsupported = error(-32022, &json!({"supported": ["2026-07-28"]}));
        assert_eq!(told(400, &unsupported), modern(&["2026-07-28"]));
        assert_eq!(told(400, &error(-32020, &json!(null))), modern(&[]));
        assert_eq!(told(400, &error(-32021, &json!({}))), modern(&[]));
        assert_eq!(told(404, &error(-32601, &json!(null))), Era::ModernShape);
    }

    #[test]
    fn everything_else_that_refuses_is_a_legacy_candidate() {
        assert_eq!(
            told(400, &error(-32602, &json!({"supported": ["2024-11-05"]}))),
            Era::Legacy
        );
        assert_eq!(told(400, &error(-32000, &json!(null))), Era::Legacy);
        assert_eq!(told(400, &error(-32600, &json!(null))), Era::Legacy);
        assert_eq!(told(200, &error(-32601, &json!(null))), Era::Legacy);
        assert_eq!(told(400, &error(-32601, &json!(null))), Era::Legacy);
        assert_eq!(
            told(
                404,
                &json!({"id": 1, "result": {"supportedVersions": ["x"]}})
            ),
            Era::Legacy
        );
        assert_eq!(told(200, &json!({"id": 1, "result": {}})), Era::Legacy);
        assert_eq!(era(404, &Answer::None), Era::Legacy);
        assert_eq!(era(405, &Answer::None), Era::Legacy);
    }

    #[test]
    fn refusals_for_other_reasons_tell_nothing() {
        for status in [401, 403, 429, 302, 500, 503] {
            assert_eq!(
                told(status, &error(-32022, &json!({}))),
                Era::Unknown,
                "{status}"
            );
        }
        assert_eq!(era(200, &Answer::None), Era::Unknown);
        assert_eq!(era(202, &Answer::None), Era::Unknown);
    }

    #[test]
    fn versions_are_read_from_results_and_errors_and_bounded() {
        assert_eq!(
            supported_versions(&error(-32602, &json!({"supported": ["2025-06-18", 7]}))),
            ["2025-06-18"]
        );
        let many = json!({"result": {"supportedVersions": vec!["v"; 500]}});
        assert_eq!(supported_versions(&many).len(), MAX_VERSIONS);
        assert!(supported_versions(&json!({"result": {}})).is_empty());
        let result = json!({"protocolVersion": "2025-03-26"});
        assert_eq!(negotiated_version(&result), Some("2025-03-26"));
        assert_eq!(negotiated_version(&json!({"protocolVersion": 1})), None);
    }
}
