//! What came back to one message, for judges that ask whether it was served.

use crate::codec::jsonrpc::{self, Media};
use crate::model::exchange::{Exchange, Response};

/// The status, also of an answer that did not end.
pub(crate) fn status(exchange: &Exchange) -> Option<u16> {
    response(exchange).map(|response| response.status)
}

/// The response, also one that did not end.
pub(crate) fn response(exchange: &Exchange) -> Option<&Response> {
    let partial = || exchange.failure()?.partial.as_deref();
    exchange.response().or_else(partial)
}

/// Whether a JSON-RPC result came back.
pub(crate) fn is_served(exchange: &Exchange) -> bool {
    messages(exchange)
        .iter()
        .any(|message| message.get("result").is_some())
}

/// The code of the JSON-RPC error that came back.
pub(crate) fn code(exchange: &Exchange) -> Option<i64> {
    messages(exchange)
        .iter()
        .filter(|message| message.get("error").is_some())
        .find_map(jsonrpc::error_code)
}

/// `HTTP 200 with a result`, `HTTP 400 with error -32600`, `no answer`.
pub(crate) fn describe(exchange: &Exchange) -> String {
    let Some(status) = status(exchange) else {
        return "no answer".to_owned();
    };
    match code(exchange) {
        _ if is_served(exchange) => format!("HTTP {status} with a result"),
        Some(code) => format!("HTTP {status} with error {code}"),
        None => format!("HTTP {status}"),
    }
}

fn messages(exchange: &Exchange) -> Vec<serde_json::Value> {
    let Some(response) = response(exchange) else {
        return Vec::new();
    };
    let parsed = match &response.stream {
        Some(stream) => jsonrpc::messages(Media::EventStream, &stream.bytes()),
        None => jsonrpc::messages(Media::of(&response.media_type()), &response.body.bytes()),
    };
    parsed.messages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{ENDPOINT, World, failure, response as answer};
    use crate::model::exchange::{FailureKind, Outcome};
    use crate::model::probe::{ProbeId, ProbeKey};

    fn seen(outcome: Outcome) -> (bool, String) {
        let mut world = World::new();
        let key = ProbeKey::new(ProbeId::ListTools);
        let id = world.ask(key, "admin", ENDPOINT, outcome);
        let exchange = world.collected.ledger.exchange(id).unwrap();
        (is_served(exchange), describe(exchange))
    }

    #[test]
    fn results_are_served_in_either_framing_and_errors_are_not() {
        let result = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        let json = [("Content-Type", "application/json")];
        let served = (true, "HTTP 200 with a result".to_owned());
        assert_eq!(seen(answer(200, &json, result)), served);
        let stream = [("Content-Type", "text/event-stream")];
        let event = format!("data: {result}\n\n");
        assert_eq!(seen(answer(200, &stream, &event)), served);
        let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"no"}}"#;
        assert_eq!(
            seen(answer(400, &json, error)),
            (false, "HTTP 400 with error -32600".to_owned())
        );
        assert_eq!(seen(answer(404, &[], "")), (false, "HTTP 404".to_owned()));
        assert_eq!(
            seen(failure(FailureKind::Reset)),
            (false, "no answer".to_owned())
        );
    }
}
