//! A JSON-RPC client of few lines, so that the manifests are checked by nobody's parser but this.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde_json::{Value, json};
use url::Url;

use crate::harness::Outcome;

/// The revision without sessions.
pub const STATELESS: &str = "2026-07-28";

/// How to speak to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect<'a> {
    /// Streamable HTTP with `initialize`, asking for this revision.
    Session(&'a str),
    /// Streamable HTTP of 2026-07-28.
    Stateless,
    /// HTTP+SSE, asking for this revision.
    HttpSse(&'a str),
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// HTTP status of the POST.
    pub status: u16,
    /// The first `WWW-Authenticate`.
    pub challenge: Option<String>,
    /// The JSON-RPC response with the id of the request.
    pub message: Option<Value>,
    /// The body, when there is no such response.
    pub body: String,
}

/// A conversation of one principal.
pub struct Conversation<'a> {
    http: Client,
    url: Url,
    dialect: Dialect<'a>,
    token: Option<String>,
    session: Option<String>,
    events: Option<Events>,
    next_id: u64,
    /// The answer to `initialize` or `server/discover`.
    pub greeting: Answer,
}

impl Answer {
    /// Whether it is a result without `isError`.
    pub fn succeeded(&self) -> bool {
        self.result().is_some() && self.is_error() != Some(true)
    }

    /// Whether it is a refusal or a failure of any form.
    pub fn failed(&self) -> bool {
        self.status >= 400 || self.code().is_some() || self.is_error() == Some(true)
    }

    /// The result.
    pub fn result(&self) -> Option<&Value> {
        self.message.as_ref()?.get("result")
    }

    /// The code of a JSON-RPC error.
    pub fn code(&self) -> Option<i64> {
        self.message.as_ref()?.pointer("/error/code")?.as_i64()
    }

    /// The result's `isError`.
    pub fn is_error(&self) -> Option<bool> {
        self.result()?.get("isError")?.as_bool()
    }

    /// What a person would read.
    pub fn text(&self) -> String {
        let Some(message) = &self.message else {
            return self.body.clone();
        };
        if let Some(text) = message.pointer("/error/message").and_then(Value::as_str) {
            return text.to_owned();
        }
        let content = message.pointer("/result/content").and_then(Value::as_array);
        let texts = content
            .into_iter()
            .flatten()
            .filter_map(|part| part.get("text")?.as_str());
        texts.collect::<Vec<_>>().join("\n")
    }
}

impl<'a> Conversation<'a> {
    /// Says hello; a refusal is kept as the greeting.
    pub async fn open(url: &str, dialect: Dialect<'a>, token: Option<&str>) -> Outcome<Self> {
        let mut this = Self {
            http: client()?,
            url: Url::parse(url)?,
            dialect,
            token: token.map(str::to_owned),
            session: None,
            events: None,
            next_id: 0,
            greeting: Answer::default(),
        };
        match dialect {
            Dialect::Stateless => {
                this.greeting = this.request("server/discover", json!({})).await?;
            }
            Dialect::Session(revision) => this.initialize(revision).await?,
            Dialect::HttpSse(revision) => {
                let stream = this.authorized(Method::GET, this.url.clone());
                let stream = stream.header(ACCEPT, "text/event-stream").send().await?;
                this.greeting.status = stream.status().as_u16();
                let mut events = Events::of(stream);
                let (name, data) = events.next().await?;
                if name != "endpoint" {
                    return Err(format!("first event is {name}, expected endpoint").into());
                }
                this.url = this.url.join(&data)?;
                this.events = Some(events);
                this.initialize(revision).await?;
            }
        }
        Ok(this)
    }

    /// One call of a tool.
    pub async fn call(&mut self, tool: &str, arguments: Value) -> Outcome<Answer> {
        self.request(
            "tools/call",
            json!({ "name": tool, "arguments": arguments }),
        )
        .await
    }

    /// One request.
    pub async fn request(&mut self, method: &str, params: Value) -> Outcome<Answer> {
        let message = self.message(method, params);
        self.send(&message).await
    }

    /// One request inside a JSON-RPC array.
    pub async fn batch_of_one(&mut self, method: &str, params: Value) -> Outcome<Answer> {
        let message = self.message(method, params);
        self.send(&Value::Array(vec![message])).await
    }

    /// From now on the requests carry another token, on the same session.
    pub fn switch_token(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    /// Ends the session where there is one.
    pub async fn close(self) -> Outcome<()> {
        if self.session.is_some() {
            self.authorized(Method::DELETE, self.url.clone())
                .send()
                .await?;
        }
        Ok(())
    }

    async fn initialize(&mut self, revision: &str) -> Outcome<()> {
        let client = json!({ "name": "truth", "version": "0" });
        let params =
            json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": client });
        self.greeting = self.request("initialize", params).await?;
        if self.greeting.succeeded() {
            let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            self.post(&done).send().await?;
        }
        Ok(())
    }

    fn message(&mut self, method: &str, mut params: Value) -> Value {
        self.next_id += 1;
        if self.dialect == Dialect::Stateless
            && let Some(members) = params.as_object_mut()
        {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": STATELESS,
                "io.modelcontextprotocol/clientInfo": { "name": "truth", "version": "0" },
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            members.insert("_meta".to_owned(), meta);
        }
        json!({ "jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params })
    }

    async fn send(&mut self, message: &Value) -> Outcome<Answer> {
        let response = self.post(message).send().await?;
        let header = |headers: &HeaderMap, name: &str| {
            Some(headers.get(name)?.to_str().unwrap_or_default().to_owned())
        };
        if let Some(id) = header(response.headers(), "mcp-session-id") {
            self.session = Some(id);
        }
        let mut answer = Answer {
            status: response.status().as_u16(),
            challenge: header(response.headers(), WWW_AUTHENTICATE.as_str()),
            ..Answer::default()
        };
        if let Some(events) = self
            .events
            .as_mut()
            .filter(|_| response.status().is_success())
        {
            answer.message = Some(events.response_to(self.next_id).await?);
            return Ok(answer);
        }
        let body = tokio::time::timeout(PATIENCE, response.text()).await??;
        answer.message = messages(&body).find(|message| message["id"] == self.next_id);
        answer.body = body;
        Ok(answer)
    }

    fn post(&self, message: &Value) -> RequestBuilder {
        let mut request = self
            .authorized(Method::POST, self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream");
        if self.dialect == Dialect::Stateless {
            let text = |pointer| message.pointer(pointer).and_then(Value::as_str);
            request = request
                .header("MCP-Protocol-Version", STATELESS)
                .header("Mcp-Method", text("/method").unwrap_or_default());
            if let Some(name) = text("/params/name") {
                request = request.header("Mcp-Name", name);
            }
        }
        request.body(message.to_string())
    }

    fn authorized(&self, method: Method, url: Url) -> RequestBuilder {
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(session) = &self.session {
            request = request.header("Mcp-Session-Id", session);
        }
        request
    }
}

/// A client that does nothing by itself.
pub fn client() -> Outcome<Client> {
    Ok(Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .build()?)
}

/// The messages of a JSON or an SSE body, arrays opened.
fn messages(body: &str) -> impl Iterator<Item = Value> {
    let whole = serde_json::from_str(body).ok();
    let lines = body.lines().filter_map(|line| line.strip_prefix("data:"));
    let events = lines.filter_map(|data| serde_json::from_str(data.trim()).ok());
    whole
        .into_iter()
        .chain(events)
        .flat_map(|value| match value {
            Value::Array(values) => values,
            value => vec![value],
        })
}

/// The stream of HTTP+SSE.
struct Events {
    response: futures_util::stream::BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: Vec<u8>,
    ready: VecDeque<(String, String)>,
}

impl Events {
    fn of(response: Response) -> Self {
        let bytes = response.bytes_stream().map(|chunk| Ok(chunk?.to_vec()));
        Self {
            response: bytes.boxed(),
            buffer: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    async fn response_to(&mut self, id: u64) -> Outcome<Value> {
        loop {
            let (_, data) = self.next().await?;
            let message: Value = serde_json::from_str(&data)?;
            if message["id"] == id && message.get("method").is_none() {
                return Ok(message);
            }
        }
    }

    async fn next(&mut self) -> Outcome<(String, String)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.next()).await?;
            self.buffer.extend(chunk.ok_or("the event stream ended")??);
            while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                self.ready
                    .push_back(event(&String::from_utf8_lossy(&block)));
            }
        }
    }
}

fn event(block: &str) -> (String, String) {
    let field = |name: &str| {
        let lines = block.lines().filter_map(|line| line.strip_prefix(name));
        lines.map(str::trim).collect::<Vec<_>>().join("\n")
    };
    (field("event:"), field("data:"))
}

const PATIENCE: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::{event, messages};
    use serde_json::{Value, json};

    #[test]
    fn json_arrays_and_event_streams_give_the_same_messages() {
        let plain = r#"{"id":1}"#;
        let array = r#"[{"id":1}]"#;
        let stream = "data: \nid: 0\nretry: 3000\n\ndata: {\"id\":1}\nid: 1\n\n";
        for body in [plain, array, stream] {
            assert_eq!(
                messages(body).collect::<Vec<_>>(),
                [json!({ "id": 1 })],
                "{body}"
            );
        }
    }

    #[test]
    fn an_html_page_holds_no_message() {
        assert_eq!(
            messages("<p>data: no</p>").collect::<Vec<_>>(),
            Vec::<Value>::new()
        );
    }

    #[test]
    fn an_event_has_a_name_and_its_data() {
        let (name, data) = event("event: endpoint\ndata: /message?sessionId=1\n\n");
        assert_eq!(
            (name.as_str(), data.as_str()),
            ("endpoint", "/message?sessionId=1")
        );
    }
}
