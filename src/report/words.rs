//! The words of the report, each in one place.

use crate::model::identity::{IdentityKind, ScopeSet};
use crate::model::matrix::{Access, Confidence};
use crate::model::registration::Posture;
use crate::model::report::Enforcement;
use crate::model::surface::SubjectKind;
use crate::model::target::Transport;

/// What a registration posture means for the operator.
pub const fn posture(posture: Posture) -> &'static str {
    match posture {
        Posture::D0 => "no dynamic client registration",
        Posture::D1 => "gated by an initial access token",
        Posture::D1p => "gated by a source policy; another network may be answered differently",
        Posture::D2 => "gated by a trusted software statement",
        Posture::D3 => "open to strangers, within limits",
        Posture::D4 => "open to strangers, without limits",
        Posture::D5 => "open, and a stranger's client gets a working token without any user",
        Posture::Undetermined => "nothing shows whether a stranger can register a client",
    }
}

/// How sure a statement is.
pub const fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Inconclusive => "not decided",
        Confidence::Weak => "weak",
        Confidence::Strong => "strong",
        Confidence::Proven => "proven",
    }
}

/// How the tools of a server are guarded.
pub const fn enforcement(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::PerTool => "per tool",
        Enforcement::Partial => "partial",
        Enforcement::ServerOnly => "one gate for the whole server",
        Enforcement::None => "none",
        Enforcement::Undetermined => "not decided",
    }
}

/// The sign and word of a cell; the sign repeats the word for those who see no colour.
pub const fn access(access: Access) -> &'static str {
    match access {
        Access::Allowed => "+ allowed",
        Access::Reached => "~ reached",
        Access::Denied => "x denied",
        Access::Inconclusive => "?",
        Access::NotTested => "-",
    }
}

/// The heading of a group of subjects.
pub const fn subjects(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Tool => "Tools",
        SubjectKind::Resource => "Resources",
        SubjectKind::ResourceTemplate => "Resource templates",
        SubjectKind::Prompt => "Prompts",
        SubjectKind::Completion => "Completions",
        SubjectKind::Task => "Tasks",
    }
}

/// The transport in prose.
pub const fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::StreamableHttp => "Streamable HTTP",
        Transport::HttpSse => "HTTP+SSE",
    }
}

/// What an identity carries.
pub const fn identity(kind: IdentityKind) -> &'static str {
    match kind {
        IdentityKind::Anonymous => "no token",
        IdentityKind::Garbage => "a token nobody issued",
        IdentityKind::Valid => "valid token",
        IdentityKind::OtherUser => "another user's token",
        IdentityKind::Expired => "expired token",
        IdentityKind::ForeignAudience => "token for another resource",
        IdentityKind::ForeignIssuer => "token of another issuer",
        IdentityKind::CrossIssuer => "token signed by one issuer in another's name",
        IdentityKind::IdToken => "ID token",
        IdentityKind::RefreshToken => "refresh token",
        IdentityKind::WrongType => "token of another type",
        IdentityKind::Upstream => "token for an API behind the server",
        IdentityKind::Tampered => "tampered copy of a valid token",
        IdentityKind::Unsigned => "unsigned copy of a valid token",
        IdentityKind::KeyConfusion => "copy signed with a key of the attacker's choice",
    }
}

/// All of these scopes: "`a` and `b`", `no scope`.
pub fn scopes(scopes: &ScopeSet) -> String {
    if scopes.is_empty() {
        return "no scope".to_owned();
    }
    let quoted: Vec<String> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
    list(&quoted)
}

/// Any of these scope sets: "`a`, or `b` and `c`"; `no set` when there is none.
pub fn alternatives(sets: &[ScopeSet]) -> String {
    if sets.is_empty() {
        return "no set".to_owned();
    }
    let shown: Vec<String> = sets.iter().take(ALTERNATIVES_SHOWN).map(scopes).collect();
    let more = match sets.len().saturating_sub(ALTERNATIVES_SHOWN) {
        0 => String::new(),
        more => format!(", or {more} more"),
    };
    format!("{}{more}", shown.join(", or "))
}

/// `1 tool`, `2 tools`.
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

const ALTERNATIVES_SHOWN: usize = 6;
