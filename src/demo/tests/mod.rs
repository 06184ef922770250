//! Both servers, asked over real connections by a client of their own.

mod authority;
mod enforcement;
mod fixtures;
mod interop;
mod legacy;
mod metadata;
mod modern;
mod registration;
mod strangers;
mod surface;
mod token_endpoint;
mod tokens;

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Behaviour, Running, start};

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The JSON-RPC messages of a JSON or an event stream answer.
    fn messages(&self) -> Vec<Value> {
        if self.header("content-type") == "text/event-stream" {
            let data = self
                .text
                .lines()
                .filter_map(|line| line.strip_prefix("data: "));
            data.map(|data| serde_json::from_str(data).unwrap())
                .collect()
        } else {
            vec![self.json()]
        }
    }

    /// The last of them: the answer itself.
    fn message(&self) -> Value {
        self.messages().pop().unwrap()
    }
}

/// The compliant servers with a few lines laid over them.
async fn with(lines: &str) -> Running {
    let text = format!("title = \"test\"\nextends = \"compliant\"\n{lines}");
    start(&Behaviour::from_toml("test", &text).unwrap())
        .await
        .unwrap()
}

async fn builtin(name: &str) -> Running {
    start(&Behaviour::builtin(name).unwrap().unwrap())
        .await
        .unwrap()
}

fn token<'a>(running: &'a Running, name: &str) -> &'a str {
    &running.token(name).unwrap().value
}

/// A client that makes a connection of its own for every request.
#[expect(
    clippy::disallowed_types,
    reason = "these tests must not lean on the auditor's wire"
)]
fn http() -> reqwest::Client {
    static CLIENT: LazyLock<reqwest::Client> =
        LazyLock::new(|| builder().pool_max_idle_per_host(0).build().unwrap());
    CLIENT.clone()
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::ClientBuilder::new()
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .redirect(reqwest::redirect::Policy::none())
}

async fn finish(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer {
        status,
        headers,
        text: response.text().await.unwrap(),
    }
}

async fn get(url: &str) -> Answer {
    finish(http().get(url)).await
}

async fn post_json(url: &str, body: &Value) -> Answer {
    let request = http().post(url).header("content-type", "application/json");
    finish(request.body(body.to_string())).await
}

async fn post_form(url: &str, form: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = http()
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded");
    finish(request.body(body)).await
}

/// The body of a request of the stateless revision.
fn modern_body(method: &str, params: &Value) -> Value {
    let mut params = params.clone();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

/// A request of the stateless revision, with the headers that belong to its body.
fn modern(
    running: &Running,
    token: Option<&str>,
    method: &str,
    params: &Value,
) -> reqwest::RequestBuilder {
    let name = params
        .get("name")
        .or(params.get("uri"))
        .and_then(Value::as_str);
    let mut request = http()
        .post(&running.mcp_url)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method)
        .body(modern_body(method, params).to_string());
    if let Some(name) = name {
        request = request.header("mcp-name", name);
    }
    match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    }
}

async fn ask(running: &Running, token: Option<&str>, method: &str, params: Value) -> Answer {
    finish(modern(running, token, method, &params)).await
}

/// Calls a tool as the ready-made identity of that name.
async fn call(running: &Running, identity: &str, tool: &str, arguments: Value) -> Answer {
    let params = json!({"name": tool, "arguments": arguments});
    ask(
        running,
        Some(token(running, identity)),
        "tools/call",
        params,
    )
    .await
}

/// Names of the tools that an identity is shown.
async fn listed(running: &Running, identity: &str) -> Vec<String> {
    let answer = ask(
        running,
        Some(token(running, identity)),
        "tools/list",
        json!({}),
    )
    .await;
    names(&answer.message()["result"]["tools"])
}

fn names(tools: &Value) -> Vec<String> {
    let tools = tools.as_array().unwrap();
    tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Text of a tool result.
fn said(answer: &Answer) -> String {
    answer.message()["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}
