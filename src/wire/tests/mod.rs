mod answers;
mod limits;
mod responder;
mod secrets;
mod streams;
mod tls;

use std::time::Duration;

use responder::Responder;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::*;
use crate::model::exchange::{Failure, FailureKind, Response};
use crate::model::probe::ProbeId;
use crate::model::settings::Network;

/// Long enough that only a hang reaches it.
const LONG: Duration = Duration::from_mins(1);
/// Short because the test waits for it to pass.
const SHORT: Duration = Duration::from_millis(400);

fn network() -> Network {
    Network {
        timeout: LONG,
        connect_timeout: LONG,
        user_agent: "mcp-assay-test".to_owned(),
        ..Network::default()
    }
}

fn wire(target: &str, network: &Network) -> HttpWire {
    let target = Url::parse(target).unwrap();
    HttpWire::new(&target, network, CancellationToken::new()).unwrap()
}

fn wire_to(responder: &Responder) -> HttpWire {
    wire(&responder.url("/mcp"), &network())
}

fn ask(url: impl Into<String>) -> Outgoing<'static> {
    Outgoing::new(ProbeKey::new(ProbeId::DetectModern), "POST", url)
}

async fn answer(wire: &HttpWire, outgoing: Outgoing<'_>) -> Response {
    let exchange = wire.send(outgoing).await.exchange;
    let shown = format!("{:?}", exchange.outcome);
    exchange.response().cloned().expect(&shown)
}

async fn failure(wire: &HttpWire, outgoing: Outgoing<'_>) -> Failure {
    let exchange = wire.send(outgoing).await.exchange;
    let shown = format!("{:?}", exchange.outcome);
    exchange.failure().cloned().expect(&shown)
}

fn contains(bytes: &[u8], part: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(part)
}
