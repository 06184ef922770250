//! `tools/call`: scope, arguments and body, in the order the behaviour has them.

use axum::http::HeaderValue;
use serde_json::{Value, json};

use super::super::behaviour::{Denial, Dispatch, Order, Progress, Revision, Tool, Validation};
use super::super::http;
use super::catalogue::{self, input_schema};
use super::gate::{self, Asked};
use super::methods::{Context, Outcome, Reply};
use super::notes::{self, failed, said};
use super::validation;
use super::ways::Seen;
use super::{handles, kept};

/// Answers a tool call.
pub(crate) fn call(context: &Context<'_>, params: &Value) -> Reply {
    let Some(name) = params.get("name").and_then(Value::as_str) else {
        return Outcome::invalid_params("`name` must be a string").into();
    };
    let policy = &context.shared.behaviour.enforcement;
    if let Some(limited) = limited(context, params) {
        return limited;
    }
    if let Some(reply) = kept::answer(context, name, params) {
        return reply;
    }
    let asked = Asked {
        method: "tools/call",
        name: context.seen.map_or(name, Seen::judged),
    };
    let permitted = gate::permitted(context.shared, context.principal, &asked);
    if !permitted && policy.order == Order::AuthFirst {
        return denied(context, &asked, params);
    }
    let Some(tool) = catalogue::find(&context.shared.behaviour, name) else {
        return match policy.dispatch {
            Dispatch::ByName => unknown(name).into(),
            Dispatch::CatchAll => {
                let done = format!("{name}: 3 records were processed by the default handler");
                Outcome::Result(said(&done)).into()
            }
        };
    };
    let none_given = json!({});
    let arguments = params.get("arguments").unwrap_or(&none_given);
    let validation = if policy.unvalidated.iter().any(|one| one == name) {
        Validation::None
    } else {
        policy.validation
    };
    if let Some(fault) = fault(validation, &tool, arguments) {
        return invalid(context.revision, name, &fault).into();
    }
    if !permitted {
        return denied(context, &asked, params);
    }
    let unfinished = handles::minutes(context, name, params);
    if let Some(outcome) = unfinished.or_else(|| handles::start(context, name, params)) {
        return outcome.into();
    }
    if let Some(refusal) = mode_refused(context, arguments) {
        return refusal;
    }
    let result = notes::run(context.shared, context.principal, name, arguments);
    kept::keep(context, name, params, &result);
    Outcome::Result(result).into()
}

/// A policy that reads arguments: the `full` mode needs a scope of its own.
fn mode_refused(context: &Context<'_>, arguments: &Value) -> Option<Reply> {
    let scope = &context.shared.behaviour.enforcement.full_mode_scope;
    let full = arguments.get("mode").and_then(Value::as_str) == Some("full");
    let holds = context
        .principal
        .is_some_and(|one| one.scopes.contains(scope));
    (full && !scope.is_empty() && !holds).then(|| {
        let refusal = gate::forbidden(context.shared, std::slice::from_ref(scope));
        Outcome::Http(Box::new(refusal)).into()
    })
}

/// A limit per caller and call.
fn limited(context: &Context<'_>, params: &Value) -> Option<Reply> {
    let most = context.shared.behaviour.enforcement.call_limit;
    let caller = context.principal.map_or("", |one| one.subject.as_str());
    let seen = context.shared.count_call(&format!("{caller} {params}"));
    (most > 0 && seen > most).then(|| {
        let mut refusal = http::text(429, "Too many equal calls; slow down\n");
        let later = HeaderValue::from_static("5");
        refusal.headers_mut().insert("retry-after", later);
        Outcome::Http(Box::new(refusal)).into()
    })
}

fn fault(validation: Validation, tool: &Tool, arguments: &Value) -> Option<String> {
    let schema = input_schema(tool.input);
    match validation {
        Validation::Central => validation::fault(&schema, arguments, false),
        Validation::ExtrasIgnored => validation::fault(&schema, arguments, true),
        Validation::Lenient => {
            (!arguments.is_object()).then(|| "arguments must be an object".to_owned())
        }
        Validation::None => None,
    }
}

/// Argument errors became tool results with 2025-11-25.
fn invalid(revision: Revision, tool: &str, fault: &str) -> Outcome {
    let message = format!("Invalid arguments for tool {tool}: {fault}");
    if revision >= Revision::R2025_11 {
        Outcome::Result(failed(&message))
    } else {
        Outcome::invalid_params(&message)
    }
}

fn unknown(name: &str) -> Outcome {
    Outcome::invalid_params(&format!("Unknown tool: {name}"))
}

fn denied(context: &Context<'_>, asked: &Asked<'_>, params: &Value) -> Reply {
    let policy = &context.shared.behaviour.enforcement;
    let scopes = gate::named(context.shared, context.principal, asked);
    let list = scopes.join(" ");
    let outcome = match policy.denial {
        Denial::Http403 | Denial::Http403Bare | Denial::Http401 => {
            Outcome::Http(Box::new(gate::forbidden(context.shared, &scopes)))
        }
        Denial::RpcError => Outcome::Error {
            code: -32003,
            message: format!("Forbidden: this tool requires the scope {list}"),
            data: Some(json!({"requiredScopes": scopes})),
        },
        Denial::ToolError => Outcome::Result(failed(&format!(
            "Permission denied: the scope {list} is required"
        ))),
        Denial::ToolChallenge => {
            let mut result = failed("Another authorization is needed for this tool");
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{list}\"");
            if let Some(members) = result.as_object_mut() {
                let meta = json!({"mcp/www_authenticate": [challenge]});
                members.insert("_meta".to_owned(), meta);
            }
            Outcome::Result(result)
        }
        Denial::UnknownTool => unknown(asked.name),
        Denial::Masked => Outcome::Error {
            code: -32603,
            message: "Internal error".to_owned(),
            data: None,
        },
        Denial::Japanese => Outcome::Result(failed(
            "この操作を実行する権限がありません。管理者に連絡してください。",
        )),
        Denial::OkText => Outcome::Result(said(
            "{\"ok\":false,\"code\":40301,\"message\":\"not entitled\"}",
        )),
        Denial::Pretended => Outcome::Result(notes::pretended(context.shared, asked.name)),
    };
    let token = params
        .pointer("/_meta/progressToken")
        .cloned()
        .unwrap_or_else(|| json!("call"));
    let notices = match policy.progress {
        Progress::Silent => Vec::new(),
        Progress::BeforeDenial => vec![json!({
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {"progressToken": token, "progress": 1, "total": 2},
        })],
    };
    Reply {
        notices,
        outcome,
        kept: false,
    }
}
