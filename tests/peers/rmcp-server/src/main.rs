//! Notes server on rmcp: a bearer layer of twenty lines in front, every scope check in its handler, or
//! with `--scopes layer` in a second layer that reads the message before rmcp does.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use rmcp::handler::server::tool::Extension;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock};
use rmcp::schemars::{self, JsonSchema};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options {
        port,
        tokens,
        layered,
    } = options(std::env::args().skip(1))?;
    let store = Store::default();
    let service: StreamableHttpService<Notes, LocalSessionManager> = {
        let store = store.clone();
        StreamableHttpService::new(
            move || {
                Ok(Notes {
                    store: store.clone(),
                    layered,
                })
            },
            Arc::default(),
            StreamableHttpServerConfig::default(),
        )
    };
    let mut app = Router::new().nest_service("/mcp", service);
    if layered {
        app = app.layer(middleware::from_fn(scopes_per_tool));
    }
    let app = app
        .layer(middleware::from_fn_with_state(Arc::new(tokens), bearer))
        .route("/__executed", routing::get(executed).with_state(store));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("READY http://127.0.0.1:{port}/mcp");
    axum::serve(listener, app).await?;
    Ok(())
}

struct Options {
    port: u16,
    tokens: Tokens,
    layered: bool,
}

type Tokens = BTreeMap<String, Scopes>;

#[derive(Clone)]
struct Scopes(Vec<String>);

#[derive(Clone, Default)]
struct Store(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    created: Vec<String>,
    executed: BTreeMap<&'static str, u64>,
}

#[derive(Clone)]
struct Notes {
    store: Store,
    layered: bool,
}

#[derive(Deserialize, JsonSchema)]
struct ById {
    /// Id of the note
    id: String,
}

#[derive(Deserialize, JsonSchema)]
struct NewNote {
    /// Title of the note
    title: String,
    /// Text of the note
    body: String,
}

#[tool_router]
impl Notes {
    #[tool(
        description = "Read one note by id",
        annotations(read_only_hint = true)
    )]
    fn read_note(
        &self,
        Extension(parts): Extension<Parts>,
        Parameters(args): Parameters<ById>,
    ) -> CallToolResult {
        self.guarded("read_note", "notes:read", &parts, |content| {
            notes(content)
                .into_iter()
                .find(|(id, _)| *id == args.id)
                .map_or_else(|| format!("There is no note {}", args.id), |(_, body)| body)
        })
    }

    #[tool(description = "List all notes", annotations(read_only_hint = true))]
    fn list_notes(&self, Extension(parts): Extension<Parts>) -> CallToolResult {
        self.guarded("list_notes", "notes:read", &parts, |content| {
            let lines = notes(content)
                .into_iter()
                .map(|(id, body)| format!("{id}: {body}"));
            lines.collect::<Vec<_>>().join("\n")
        })
    }

    #[tool(
        description = "Create a note",
        annotations(read_only_hint = false, destructive_hint = false)
    )]
    fn create_note(
        &self,
        Extension(parts): Extension<Parts>,
        Parameters(args): Parameters<NewNote>,
    ) -> CallToolResult {
        self.guarded("create_note", "notes:write", &parts, |content| {
            content
                .created
                .push(format!("{}: {}", args.title, args.body));
            format!("Created note {}", content.created.len() + 2)
        })
    }

    #[tool(
        description = "Delete one note by id",
        annotations(read_only_hint = false, destructive_hint = true)
    )]
    fn delete_note(
        &self,
        Extension(parts): Extension<Parts>,
        Parameters(args): Parameters<ById>,
    ) -> CallToolResult {
        self.guarded("delete_note", "notes:write", &parts, |_| {
            format!("Deleted note {}", args.id)
        })
    }

    fn guarded(
        &self,
        name: &'static str,
        scope: &str,
        parts: &Parts,
        body: impl FnOnce(&mut Content) -> String,
    ) -> CallToolResult {
        if !self.layered && !holds(parts.extensions.get(), scope) {
            return CallToolResult::error(vec![ContentBlock::text("Insufficient permissions")]);
        }
        let mut content = self.store.lock();
        *content.executed.entry(name).or_default() += 1;
        CallToolResult::success(vec![ContentBlock::text(body(&mut content))])
    }
}

#[tool_handler(name = "notes", version = "1.0.0")]
impl ServerHandler for Notes {}

impl Store {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn notes(content: &Content) -> Vec<(String, String)> {
    let fixed = ["Buy bread", "Water the plants"].map(str::to_owned);
    let all = fixed.into_iter().chain(content.created.iter().cloned());
    all.enumerate()
        .map(|(index, body)| ((index + 1).to_string(), body))
        .collect()
}

async fn executed(State(store): State<Store>) -> Json<BTreeMap<&'static str, u64>> {
    Json(store.lock().executed.clone())
}

async fn bearer(State(tokens): State<Arc<Tokens>>, mut request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION);
    let token = header.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match token.and_then(|token| tokens.get(token)).cloned() {
        Some(scopes) => {
            request.extensions_mut().insert(scopes);
            next.run(request).await
        }
        None => (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, "Bearer")],
        )
            .into_response(),
    }
}

/// Refuses a call whose tool needs a scope that the token lacks; the message goes on as it came.
async fn scopes_per_tool(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MOST_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let message: Message = serde_json::from_slice(&body).unwrap_or_default();
    let needed = TOOL_SCOPES.iter().find(|(name, _)| {
        message.method == "tools/call" && message.params.name.as_deref() == Some(name)
    });
    match needed {
        Some((_, scope)) if !holds(parts.extensions.get(), scope) => {
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
            (
                StatusCode::FORBIDDEN,
                [(header::WWW_AUTHENTICATE, challenge)],
            )
                .into_response()
        }
        _ => next.run(Request::from_parts(parts, body.into())).await,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    method: String,
    params: Params,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Params {
    name: Option<String>,
}

fn holds(scopes: Option<&Scopes>, scope: &str) -> bool {
    scopes.is_some_and(|scopes| scopes.0.iter().any(|one| one == scope))
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
    let (mut port, mut tokens, mut layered) = (None, Tokens::new(), false);
    let mut arguments = arguments;
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--port" => port = Some(value.parse()?),
            "--token" => {
                let (token, scopes) = value.split_once('=').ok_or("--token takes TOKEN=SCOPES")?;
                let scopes = scopes.split_whitespace().map(str::to_owned).collect();
                tokens.insert(token.to_owned(), Scopes(scopes));
            }
            "--scopes" => layered = value == "layer",
            _ => {
                let known = "--port, --token or --scopes";
                return Err(format!("unknown option {name}; expected {known}").into());
            }
        }
    }
    Ok(Options {
        port: port.ok_or("--port is missing")?,
        tokens,
        layered,
    })
}

const TOOL_SCOPES: [(&str, &str); 4] = [
    ("read_note", "notes:read"),
    ("list_notes", "notes:read"),
    ("create_note", "notes:write"),
    ("delete_note", "notes:write"),
];
const MOST_BYTES: usize = 1 << 20;
