//! One exchange as a line of `exchanges.jsonl`: its bodies are named by digest.

use std::io;

use serde_json::Value;

use crate::model::body::{Body, Kept};
use crate::model::exchange::Exchange;

/// The line of an exchange; `save` puts a body away and returns its digest.
pub(super) fn write(
    exchange: &Exchange,
    mut save: impl FnMut(&[u8]) -> io::Result<String>,
) -> io::Result<Value> {
    let mut bare = exchange.clone();
    let mut digests = Vec::new();
    for body in bare.bodies_mut() {
        digests.push(save(&body.bytes())?);
        body.bytes = Vec::new().into();
    }
    let mut line = serde_json::to_value(&bare)?;
    let mut digests = digests.into_iter();
    for place in PLACES {
        if let Some(Value::Object(body)) = line.pointer_mut(place)
            && let Some(digest) = digests.next()
        {
            body.remove("text");
            body.insert(FILE.to_owned(), Value::String(digest));
        }
    }
    Ok(line)
}

/// The exchange of a line; `load` finds a body by its digest.
pub(super) fn read(
    mut line: Value,
    mut load: impl FnMut(&str) -> Result<Kept, String>,
) -> Result<Exchange, String> {
    let mut kept = Vec::new();
    for place in PLACES {
        if let Some(Value::Object(body)) = line.pointer_mut(place) {
            match body.remove(FILE) {
                Some(Value::String(digest)) => kept.push(load(&digest)?),
                _ => return Err(format!("the body at `{place}` names no file")),
            }
            body.insert("text".to_owned(), Value::String(String::new()));
        }
    }
    let mut exchange: Exchange = serde_json::from_value(line).map_err(|error| error.to_string())?;
    let bodies: Vec<&mut Body> = exchange.bodies_mut().collect();
    if bodies.len() != kept.len() {
        return Err("it has a body where none belongs".to_owned());
    }
    for (body, kept) in bodies.into_iter().zip(kept) {
        body.bytes = kept;
    }
    Ok(exchange)
}

const FILE: &str = "file";

/// Where bodies stand, in the order of [`Exchange::bodies_mut`]; an answer is complete or partial.
const PLACES: [&str; 5] = [
    "/request/body",
    "/outcome/response/body",
    "/outcome/response/stream",
    "/outcome/failure/partial/body",
    "/outcome/failure/partial/stream",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::exchange::{
        ExchangeId, Failure, FailureKind, HeaderField, Outcome, Request, Response,
    };
    use crate::model::probe::{ProbeId, ProbeKey};

    fn body(bytes: &[u8]) -> Body {
        Body {
            bytes: bytes.into(),
            truncated: false,
            length: bytes.len() as u64,
            sha256: "00".to_owned(),
        }
    }

    fn answer(stream: Option<&[u8]>) -> Response {
        Response {
            status: 200,
            headers: vec![HeaderField::new("content-type", "text/plain")],
            body: body(b"not \xff UTF-8"),
            stream: stream.map(body),
        }
    }

    fn exchange(sent: Option<&[u8]>, outcome: Outcome) -> Exchange {
        Exchange {
            id: ExchangeId(1),
            probe: ProbeKey::new(ProbeId::ListTools),
            identity: "reader".to_owned(),
            tier: ProbeId::ListTools.tier(),
            request: Request {
                method: "POST".to_owned(),
                url: "https://mcp.example.com/mcp".to_owned(),
                headers: Vec::new(),
                body: sent.map(body),
            },
            outcome,
            started_ms: 3,
            elapsed_ms: 4,
            caused_by: None,
        }
    }

    fn failure(partial: Option<Response>) -> Outcome {
        Outcome::Failure(Failure {
            kind: FailureKind::Timeout,
            text: "late".to_owned(),
            partial: partial.map(Box::new),
        })
    }

    fn round_trip(exchange: &Exchange) -> (Exchange, usize) {
        let mut files = BTreeMap::new();
        let line = write(exchange, |bytes| {
            let digest = format!("file-{}", super::super::files::sha256(bytes));
            files.insert(digest.clone(), bytes.to_vec());
            Ok(digest)
        })
        .unwrap();
        assert!(!line.to_string().contains("UTF-8"), "{line}");
        let load = |digest: &str| Ok(files.get(digest).unwrap().clone().into());
        (read(line, load).unwrap(), files.len())
    }

    #[test]
    fn every_body_of_every_outcome_comes_back_byte_for_byte() {
        for (exchange, bodies) in [
            (exchange(None, Outcome::Response(answer(None))), 1),
            (
                exchange(Some(b"a"), Outcome::Response(answer(Some(b"b")))),
                3,
            ),
            (exchange(Some(b"a"), failure(Some(answer(Some(b"b"))))), 3),
            (exchange(Some(b"a"), failure(None)), 1),
            (exchange(None, failure(None)), 0),
        ] {
            assert_eq!(round_trip(&exchange), (exchange, bodies));
        }
    }

    #[test]
    fn lines_that_nobody_wrote_are_refused() {
        let whole = exchange(Some(b"a"), Outcome::Response(answer(None)));
        let line = write(&whole, |_| Ok("digest".to_owned())).unwrap();
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut line = line.clone();
            change(&mut line);
            read(line, |_| Ok(Vec::new().into())).unwrap_err()
        };
        let inline = refused(&|it| it["request"]["body"] = serde_json::json!({"text": "x"}));
        assert!(inline.contains("names no file"), "{inline}");
        let unknown = refused(&|it| it["probe"]["id"] = "no-such-probe".into());
        assert!(unknown.contains("no-such-probe"), "{unknown}");
        assert!(read(line.clone(), |_| Err("gone".to_owned())).is_err());
        assert!(read(Value::Null, |_| Ok(Vec::new().into())).is_err());
        let stray = refused(&|it| {
            it["outcome"]["failure"] = serde_json::json!({"partial": {"body": {"file": "x"}}});
        });
        assert!(!stray.is_empty());
    }
}
