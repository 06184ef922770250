//! What an answer's words suggest. Words veto or name; they never decide (oracle §4.4).

/// A limit is spoken of: retry later.
pub(super) fn limit(text: &str) -> bool {
    let text = text.to_lowercase();
    any(
        &text,
        "rate limit|rate-limit|ratelimit|rate_limit|too many requests|too_many_requests\
             |throttl|quota|call volume|limit exceeded|limit is exceeded|slow down|slow_down",
    ) || (text.contains("too many") && text.contains("request"))
        || (text.contains("retry after") || text.contains("try again in"))
        || (text.contains("exceeded") && any(&text, "calls|requests|usage|maximum|limit"))
}

/// An outage is spoken of.
pub(super) fn outage(text: &str) -> bool {
    let text = text.to_lowercase();
    any(
        &text,
        "temporarily|service unavailable|overloaded|timed out|timeout|deadline exceeded\
             |connection refused|connection reset|econnrefused|econnreset|try again later\
             |please retry|no healthy",
    )
}

/// A crash is shown: a gate that trips over a missing claim looks like this, and so does a bug.
pub(super) fn crash(text: &str) -> bool {
    let text = text.to_lowercase();
    any(
        &text,
        "cannot read propert|is not a function|is undefined|nonetype|has no attribute\
             |nullpointer|null pointer|nil pointer|object reference not set|keyerror\
             |typeerror|traceback|stack trace|panicked|index out of|unwrap",
    )
}

/// The session is at fault, not the caller.
pub(super) fn session(text: &str) -> bool {
    let text = text.to_lowercase();
    if text.contains("not initialized") || text.contains("user who initiated") {
        return true;
    }
    text.contains("session")
        && any(
            &text,
            "not found|invalid|expired|required|mismatch|missing|unknown|no longer|terminated\
             |closed|initializ|ownership|access denied|does not match|does not exist|no valid\
             |another|new session|no such|forbidden",
        )
}

/// The protocol version or the request envelope is at fault.
pub(super) fn version(text: &str) -> bool {
    let text = text.to_lowercase();
    (text.contains("protocol") && text.contains("version"))
        || text.contains("mcp-protocol-version")
        || text.contains("io.modelcontextprotocol/")
        || (text.contains("_meta") && text.contains("envelope"))
        || (text.contains("params._meta"))
}

/// The HTTP form of the request is at fault.
pub(super) fn http_form(text: &str) -> bool {
    let text = text.to_lowercase();
    (text.contains("accept")
        && (text.contains("application/json") || text.contains("not acceptable")))
        || text.contains("content-type")
        || text.contains("media type")
        || any(&text, "malformed mcp request|not valid json|parse error")
}

/// A backend behind the server refused.
pub(super) fn upstream(text: &str) -> bool {
    let lower = text.to_lowercase();
    let refusal = any(
        &lower,
        "401|403|forbidden|unauthorized|denied|unauthenticated",
    );
    let quoted_url = lower.contains("http://") || lower.contains("https://");
    let quoted_status = [
        "http 401",
        "http 403",
        "status 401",
        "status 403",
        "status code 401",
    ]
    .iter()
    .chain(&[
        "status code 403",
        "(401",
        "(403",
        ": 401",
        ": 403",
        "401 un",
        "403 forb",
    ])
    .any(|form| lower.contains(form));
    (quoted_url && refusal && quoted_status)
        || any(
            &lower,
            "upstream|remote service|remote server|backend |sqlstate|permission denied for \
             |must be owner of|api group|cannot list resource|cannot get resource\
             |cannot create resource|cannot delete resource|cannot patch resource\
             |resource not accessible|personal access token|service account|assumed-role|arn:\
             |when calling the|api error|missing_scope|access_token_scope_insufficient\
             |insufficient authentication scopes|on account '|permissions needed:\
             |accesserrorid|invalid authentication credentials|returned 401|returned 403\
             |responded with|insufficient privileges to complete|requestdenied\
             |permission_denied|insufficient_access|42501|ora-01031",
        )
        // A status beside a scope is the server's own way of speaking.
        || (quoted_status && refusal && !starts_with_status(&lower) && !lower.contains("scope"))
}

/// A message that says nothing beyond that something failed.
pub(super) fn generic(masked: &str) -> bool {
    let mut words = masked
        .split(|c: char| !c.is_alphanumeric() && c != '\u{27e8}' && c != '\u{27e9}')
        .filter(|word| !word.is_empty())
        .peekable();
    words.peek().is_some() && words.all(|word| listed(GENERIC, word))
}

/// The arguments are at fault.
pub(super) fn validation(text: &str) -> bool {
    let text = text.to_lowercase();
    any(
        &text,
        "validation error|validation failed|validation_error|validating \"\
             |is a required property|required property|is not of type|invalid arguments\
             |invalid argument|invalid parameters for|invalid params: |invalid_type\
             |invalid type|invalid input|invalid option|invalid value for|input should be\
             |expected string|expected record|expected object|expected number\
             |expected a string|must match|must be one of|missing field|missing required\
             |missing properties|field required|required argument|required parameter\
             |unmarshal|deserializ|cannot be cast|unable to convert|unexpected additional\
             |unexpected keyword|did not match the following type|string expected|enumeration",
    ) || (text.contains("field") && text.contains("is required"))
        || (text.contains("field") && text.contains("was missing"))
}

/// The name is not known.
pub(super) fn unknown_name(text: &str) -> bool {
    let text = text.to_lowercase();
    any(
        &text,
        "unknown tool|unknown resource|unknown prompt|unknown backend|tool not found\
             |invalid tool name|invalid_tool_name|no such tool|no tool |method not found\
             |not found or not authorized|tool not available|tool does not exist\
             |tool not registered|unregistered tool",
    ) || (any(&text, "tool|resource|prompt|method")
        && any(
            &text,
            "not found|does not exist|doesn't exist|not exist|is not registered",
        ))
        || matches!(text.trim(), "not found" | "tools/call" | "unknown")
}

/// Authorization is spoken of.
pub(super) fn authorization(text: &str) -> bool {
    let text = text.to_lowercase();
    any(
        &text,
        "scope|forbidden|unauthori|not authori|authorization|permission|access denied\
             |denied|not allowed|privilege|requires role|requires authentication",
    )
}

/// A rule other than scope is spoken of: tenant, plan, role, mode, guardrail, argument policy.
pub(super) fn other_policy(text: &str) -> bool {
    let text = text.to_lowercase();
    any(
        &text,
        " plan|workspace|organization|organisation|tenant|member of|allow-list|allowlist\
             |allow list|guardrail|disabled|read-only|readonly|license|licence|subscription\
             |upgrade|region|ip address|tool not allowed|capability not allowed|argument\
             |resource not allowed",
    )
}

/// The server wants something from the user first, or the client cannot be asked.
pub(super) fn confirmation(text: &str) -> bool {
    let text = text.to_lowercase();
    any(
        &text,
        "elicitation|user declined|declined by the user|user rejected|confirm\
             |are you sure",
    )
}

/// A success-shaped text that, as a whole, announces that the thing was not done.
///
/// Only a short single statement counts: longer or quoted text is data about refusals.
pub(super) fn announces_nothing_done(text: &str) -> bool {
    if !is_short(text) {
        return false;
    }
    let trimmed = text.trim();
    let lower = trimmed.to_lowercase().replace('\u{2019}', "'");
    let opens = [
        "sorry",
        "error:",
        "error ",
        "access denied",
        "permission denied",
        "forbidden",
        "unauthorized",
        "denied",
        "not allowed",
        "not permitted",
        "you need",
        "you are not",
        "you're not",
        "you do not",
        "you don't",
        "insufficient",
        "missing scope",
        "missing permission",
        "unable to",
        "i can't",
        "i cannot",
        "cannot ",
        "can't ",
        "failed",
        "rejected",
        "request denied",
        "this action",
        "this operation",
        "this tool",
        "this feature",
    ];
    opens.iter().any(|opening| lower.starts_with(opening))
        || any(
            &lower,
            "dry run|dry-run|dryrun|no changes|nothing was|nothing to |0 rows|0 records\
             |0 files|0 changes|0 items|not executed|skipped|queued|pending approval\
             |awaiting approval|approval|submitted for review|would have|would be|simulat\
             |is not available|read-only mode|readonly mode|not authorized to|not allowed to\
             |not permitted to|upgrade|contact your admin|contact an admin|ask your admin\
             |request access",
        )
}

/// Nothing but an acknowledgement: a silent no-op would say the same (D17).
pub(super) fn acknowledges(text: &str) -> bool {
    let words = || {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
    };
    words().count() <= ACKNOWLEDGEMENT_WORDS
        && words().all(|word| listed(ACKNOWLEDGEMENTS, &word.to_lowercase()))
}

/// A single short statement rather than data.
pub(super) fn is_short(text: &str) -> bool {
    let text = text.trim();
    !text.contains('\n') && text.split_whitespace().count() <= ANNOUNCEMENT_WORDS
}

fn starts_with_status(lower: &str) -> bool {
    lower.starts_with("401") || lower.starts_with("403")
}

fn listed(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

/// Whether any of the phrases, separated by bars, occurs.
fn any(text: &str, phrases: &str) -> bool {
    phrases.split('|').any(|phrase| text.contains(phrase))
}

const GENERIC: &str = "a again an and call called calling code could error errors exception execute executing \
    execution failed failure generic has in internal invocation invoke invoking it later \
    not occurred of oops operation please process processing request running server \
    something the this to tool try unable unexpected unknown unhandled was went while with \
    wrong your \u{27e8}name\u{27e9} \u{27e8}id\u{27e9}";
const ACKNOWLEDGEMENTS: &str = "accepted acknowledged complete completed done finished null ok okay received result \
    status success successful successfully true";
const ACKNOWLEDGEMENT_WORDS: usize = 6;
const ANNOUNCEMENT_WORDS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that must be recognised, and texts that must not.
    fn tells(of: fn(&str) -> bool, yes: &[&str], no: &[&str]) {
        for text in yes {
            assert!(of(text), "missed: {text}");
        }
        for text in no {
            assert!(!of(text), "taken: {text}");
        }
    }

    #[test]
    fn limits_and_outages_are_told_from_refusals() {
        tells(
            limit,
            &[
                "Rate limited",
                "Too many concurrent requests",
                "You have exceeded your monthly usage",
            ],
            &[
                "Forbidden",
                "limit must be at most 100",
                "too many arguments",
            ],
        );
        tells(
            outage,
            &[
                "request timed out",
                "Service temporarily unavailable",
                "ECONNREFUSED 127.0.0.1",
            ],
            &["access denied", "not found"],
        );
    }

    #[test]
    fn sessions_versions_and_forms_are_told_from_refusals() {
        tells(
            session,
            &[
                "Session not found",
                "Invalid session ID",
                "Server not initialized",
            ],
            &["Forbidden", "There are 3 sessions on Monday"],
        );
        tells(
            version,
            &[
                "Unsupported protocol version: 1999",
                "params._meta is missing a key",
            ],
            &["version 2 of the note", "the protocol of the meeting"],
        );
        tells(
            http_form,
            &[
                "Not Acceptable: Accept application/json",
                "Invalid Content-Type header",
            ],
            &["accepted", "forbidden"],
        );
    }

    #[test]
    fn backends_are_told_from_the_server_itself() {
        tells(
            upstream,
            &[
                "POST https://api.example.com/x: 403 Forbidden",
                "pods is forbidden: User \"alice\" cannot list resource \"pods\" in API group \"\"",
                "ERROR: permission denied for table orders (SQLSTATE 42501)",
                "The remote service answered 403",
            ],
            &[
                "403 Forbidden",
                "Forbidden: missing scope files:write",
                "Error: 403 Forbidden, needs scope notes:write",
                "see https://example.com/help",
            ],
        );
    }

    #[test]
    fn masked_messages_say_nothing() {
        tells(
            generic,
            &[
                "internal server error",
                "an error occurred invoking '\u{27e8}name\u{27e9}'.",
                "something went wrong",
            ],
            &[
                "forbidden",
                "\u{1f512}",
                "erreur",
                "access to the tool failed",
            ],
        );
        tells(
            crash,
            &[
                "Cannot read properties of undefined",
                "'NoneType' object has no attribute 'scopes'",
            ],
            &["undefined behaviour is described here", "access denied"],
        );
    }

    #[test]
    fn acknowledgements_carry_no_data() {
        tells(
            acknowledges,
            &["OK", "ok {result: ok}", "Done.", "Success"],
            &["OK, 3 notes", "ok deleted 17", "milk, eggs"],
        );
    }

    #[test]
    fn announcements_are_short_and_whole() {
        tells(
            announces_nothing_done,
            &[
                "Access denied",
                "Your request was queued for approval",
                "Dry run, nothing was written",
            ],
            &[
                "Access denied\nmeans that the token is missing",
                "The log has an entry: access denied for bob",
                "milk, eggs and bread",
            ],
        );
    }

    #[test]
    fn refusals_name_their_kind() {
        tells(
            other_policy,
            &[
                "not available on your current plan",
                "You are not a member of organization acme",
            ],
            &["missing scope files:write", "forbidden"],
        );
        tells(
            unknown_name,
            &["Unknown tool: x", "Tool x not found", "Not Found"],
            &["note 17 is gone", "forbidden"],
        );
        tells(
            validation,
            &["'id' is not of type 'string'", "missing field `path`"],
            &["forbidden", "missing scope"],
        );
        tells(
            confirmation,
            &["Call again with confirm=true", "Are you sure?"],
            &["forbidden", "Permission not granted"],
        );
        tells(
            authorization,
            &["insufficient scope", "Unauthorized"],
            &["not of type", "boom"],
        );
    }
}
