use super::*;
use crate::model::exchange::{HeaderField, Outcome};
use crate::model::probe::{ProbeId, ProbeKey};
use crate::oracle::observe::observe;
use crate::oracle::testing::{
    body, call, failed, http, reset, rpc_error, said, step_up, unauthorized,
};
use serde_json::json;

fn answer(outcome: Outcome) -> Answer {
    let key = ProbeKey::new(ProbeId::CallValid);
    observe(&call(key, "reader", "write_note", &json!({}), outcome))
}

/// An under-privileged caller whose list works, where the privileged one ran the same call.
fn under() -> Context<'static> {
    Context {
        principal: Some(Principal::Underprivileged),
        arguments: Some(Arguments::Valid),
        list_status: Some(200),
        listed: Some(true),
        listed_for_privileged: Some(true),
        control: Some(Control::Executed),
        ..Context::default()
    }
}

fn seen(outcome: Outcome, context: &Context<'_>) -> (Class, Inference, &'static str) {
    let observation = classify(&answer(outcome), context);
    (observation.class, observation.inference, observation.rule)
}

fn html(status: u16, text: &str) -> Outcome {
    let Outcome::Response(mut response) = http(status, &[], text) else {
        panic!("a response")
    };
    response.headers = vec![HeaderField::new("content-type", "text/html")];
    Outcome::Response(response)
}

use Class::{
    Ambiguous, DeniedOtherPolicy, DeniedServerScope, DeniedToolScope, ElicitationOrInputRequired,
    ExecutedOk, HiddenUnknownTool, InvalidArguments, RateLimited, ServerFault, SessionError,
    StepUpChallenge, Unauthenticated, UnknownTool, UpstreamAuthFailure, VersionError,
};
use Inference::{CallPassed, CallRefused, RefusedCauseUnknown, RefusedDownstream};

#[test]
fn without_a_principal_nothing_is_inferred() {
    for outcome in [
        said("data"),
        step_up("write"),
        unauthorized(),
        failed("Forbidden"),
    ] {
        let observation = classify(&answer(outcome), &Context::default());
        assert_eq!(observation.inference, Inference::Inconclusive);
        assert_eq!(observation.confidence, Confidence::Inconclusive);
    }
}

#[test]
fn s1_lost_and_foreign_answers_are_ambiguous() {
    let foreign = json!({"jsonrpc": "2.0", "id": 99, "result": {"content": []}}).to_string();
    let both =
        json!({"jsonrpc": "2.0", "id": 7, "result": {}, "error": {"code": 1, "message": ""}});
    for outcome in [
        reset(),
        http(202, &[], ""),
        http(504, &[], "{}"),
        http(200, &[], &foreign),
        http(200, &[], &both.to_string()),
        http(200, &[], "{\"jsonrpc\":\"2.0\",\"id\":7,\"res"),
    ] {
        let found = seen(outcome, &under());
        assert_eq!(found, (Ambiguous, Inference::Inconclusive, "S1"));
    }
    assert_ne!(seen(said("data"), &under()).2, "S1");
}

#[test]
fn s2_limits_are_no_decisions() {
    for outcome in [
        http(429, &[], ""),
        http(403, &[("x-ratelimit-remaining", "0")], "{}"),
        http(403, &[], r#"{"message":"Out of call volume quota."}"#),
        rpc_error(-32000, "Rate limit exceeded"),
    ] {
        let found = seen(outcome, &under());
        assert_eq!((found.0, found.2), (RateLimited, "S2"));
    }
    assert_eq!(
        seen(rpc_error(-32000, "Forbidden"), &under()).0,
        DeniedToolScope
    );
    assert_eq!(
        seen(said("wait when you see: rate limit exceeded"), &under()).0,
        ExecutedOk
    );
}

#[test]
fn s3_faults_are_no_decisions_even_as_401() {
    let outage = http(
        401,
        &[(
            "www-authenticate",
            "Bearer error=\"temporarily_unavailable\"",
        )],
        "",
    );
    assert_eq!(seen(outage, &under()).0, ServerFault);
    assert_eq!(seen(http(500, &[], "{}"), &under()).0, ServerFault);
    assert_ne!(seen(unauthorized(), &under()).0, ServerFault);
}

#[test]
fn s4_and_s5_pages_are_not_the_servers_answer() {
    let login = html(200, "<html><form action=\"/signin\"><input></form></html>");
    assert_eq!(seen(login, &under()).0, Unauthenticated);
    let moved = http(302, &[("location", "https://idp.example.com/")], "");
    assert_eq!(seen(moved, &under()).0, Unauthenticated);
    let blocked = html(403, "<html>Request blocked. Incident 12</html>");
    let found = seen(blocked, &under());
    assert_eq!((found.0, found.1), (DeniedOtherPolicy, RefusedCauseUnknown));
}

#[test]
fn s6_the_requests_form_is_no_decision() {
    for outcome in [
        http(
            400,
            &[],
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32022,"message":"x"}}"#,
        ),
        http(
            404,
            &[],
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"x"}}"#,
        ),
        http(400, &[], "Unsupported protocol version"),
    ] {
        assert_eq!(seen(outcome, &under()).0, VersionError);
    }
    assert_eq!(seen(http(406, &[], "{}"), &under()).0, ServerFault);
    assert_eq!(seen(rpc_error(-32602, "no"), &under()).0, DeniedToolScope);
}

#[test]
fn s7_a_refused_session_is_no_refused_call() {
    let text = r#"{"error":{"code":-32000,"message":"Forbidden: another user opened the session, does not match"}}"#;
    assert_eq!(seen(http(403, &[], text), &under()).0, SessionError);
    assert_eq!(
        seen(http(403, &[], r#"{"message":"Forbidden"}"#), &under()).0,
        DeniedToolScope
    );
}

#[test]
fn s7_a_404_is_a_lost_session_only_on_a_session() {
    let mut exchange = call(
        ProbeKey::new(ProbeId::CallValid),
        "reader",
        "write_note",
        &json!({}),
        http(404, &[], "Not Found"),
    );
    assert_eq!(classify(&observe(&exchange), &under()).class, Ambiguous);
    exchange.request.headers = vec![HeaderField::new("Mcp-Session-Id", "{session-reader}")];
    assert_eq!(classify(&observe(&exchange), &under()).class, SessionError);
}

#[test]
fn s8_a_challenge_is_about_the_tool_or_the_server_by_its_list() {
    let found = seen(step_up("write"), &under());
    assert_eq!((found.0, found.1), (StepUpChallenge, CallRefused));
    let context = Context {
        list_status: Some(403),
        ..under()
    };
    assert_eq!(seen(step_up("mcp"), &context).0, DeniedServerScope);
    let mislabelled = http(
        403,
        &[(
            "www-authenticate",
            "Bearer error=\"invalid_token\", scope=\"b a\"",
        )],
        "",
    );
    assert_eq!(seen(mislabelled, &under()).0, StepUpChallenge);
}

#[test]
fn s8_a_stray_challenge_on_a_success_changes_nothing() {
    let text = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"data"}]}}"#;
    let outcome = http(200, &[("www-authenticate", "Bearer scope=\"write\"")], text);
    assert_eq!(seen(outcome, &under()).0, ExecutedOk);
}

#[test]
fn s8_a_challenge_in_meta_counts() {
    let text = json!({"jsonrpc": "2.0", "id": 7, "result": {
        "content": [], "isError": true,
        "_meta": {"mcp/www_authenticate": ["Bearer error=\"insufficient_scope\", scope=\"w\""]}
    }});
    let found = answer(http(200, &[], &text.to_string()));
    assert_eq!(found.challenged_scopes(), ["w"]);
    assert_eq!(classify(&found, &under()).class, StepUpChallenge);
}

#[test]
fn s9_another_kind_of_step_up_is_not_about_scopes() {
    let outcome = http(
        401,
        &[(
            "www-authenticate",
            "Bearer error=\"insufficient_user_authentication\"",
        )],
        "",
    );
    let found = seen(outcome, &under());
    assert_eq!(
        (found.0, found.1),
        (StepUpChallenge, Inference::Inconclusive)
    );
}

#[test]
fn s10_a_401_means_another_thing_for_each_principal() {
    let anonymous = Context {
        principal: Some(Principal::Anonymous),
        list_status: Some(401),
        ..under()
    };
    let found = seen(unauthorized(), &anonymous);
    assert_eq!((found.0, found.1), (Unauthenticated, CallRefused));
    let refused_everywhere = Context {
        list_status: Some(401),
        ..under()
    };
    let found = seen(unauthorized(), &refused_everywhere);
    assert_eq!((found.0, found.1), (Ambiguous, RefusedCauseUnknown));
    assert_eq!(seen(unauthorized(), &under()).0, DeniedToolScope);
}

#[test]
fn s11_a_bare_403_needs_the_list() {
    let forbidden = || http(403, &[], "Forbidden");
    assert_eq!(seen(forbidden(), &under()).1, CallRefused);
    let without = Context {
        list_status: None,
        ..under()
    };
    assert_eq!(seen(forbidden(), &without).1, RefusedCauseUnknown);
    let everybody = Context {
        control: Some(Control::Denied),
        ..under()
    };
    assert_eq!(seen(forbidden(), &everybody).1, Inference::Inconclusive);
}

#[test]
fn s12_questions_are_no_answers() {
    let declined = failed("User declined the operation. Permission not granted.");
    assert_eq!(seen(declined, &under()).0, ElicitationOrInputRequired);
    let text = json!({"jsonrpc": "2.0", "id": 7, "result": {"resultType": "input_required", "inputRequests": {}}});
    assert_eq!(
        seen(http(200, &[], &text.to_string()), &under()).0,
        ElicitationOrInputRequired
    );
    assert_eq!(
        seen(failed("Permission not granted."), &under()).0,
        DeniedToolScope
    );
}

#[test]
fn s13_only_the_own_baseline_makes_a_tool_hidden() {
    let unknown = observe(&call(
        ProbeKey::new(ProbeId::UnknownName),
        "reader",
        "zqx_none",
        &json!({}),
        failed("zqx_none n'existe pas"),
    ));
    let context = Context {
        unknown: vec![&unknown.signature],
        ..under()
    };
    assert_eq!(
        seen(failed("write_note n'existe pas"), &context).0,
        HiddenUnknownTool
    );
    assert_eq!(seen(failed("accès refusé"), &context).0, DeniedToolScope);
    let everybody = Context {
        control: Some(Control::UnknownTool),
        ..context
    };
    let found = seen(failed("write_note n'existe pas"), &everybody);
    assert_eq!((found.0, found.1), (UnknownTool, Inference::Inconclusive));
}

fn breaking() -> Context<'static> {
    Context {
        arguments: Some(Arguments::SchemaInvalid),
        control: Some(Control::InvalidArguments),
        broken: vec!["path"],
        ..under()
    }
}

#[test]
fn s14_a_named_broken_property_is_validation_in_any_language() {
    let found = seen(failed("Das Feld path muss ausgefüllt werden."), &breaking());
    assert_eq!(
        (found.0, found.1),
        (InvalidArguments, Inference::Inconclusive)
    );
    let found = seen(failed("Zugriff verweigert"), &breaking());
    assert_ne!(found.0, InvalidArguments);
}

#[test]
fn s14_words_of_authorization_in_a_shared_validation_error_change_nothing() {
    let text = "Invalid arguments: data must have required property 'scope'";
    let privileged = answer(failed(text));
    let context = Context {
        privileged: vec![&privileged.signature],
        broken: vec!["scope"],
        ..breaking()
    };
    assert_eq!(seen(failed(text), &context).0, InvalidArguments);
    let found = seen(failed("missing scope files:write"), &context);
    assert_eq!(found.1, CallRefused);
}

#[test]
fn s15_an_error_is_a_refusal_only_where_the_control_ran() {
    let text = "このツールを実行する権限がありません。";
    assert_eq!(seen(failed(text), &under()).1, CallRefused);
    for control in [Control::Denied, Control::Error, Control::UnknownTool] {
        let context = Context {
            control: Some(control),
            ..under()
        };
        assert_eq!(seen(failed(text), &context).1, Inference::Inconclusive);
    }
}

#[test]
fn s15_masked_and_backend_errors_are_weaker() {
    assert_eq!(
        seen(rpc_error(-32603, "Error while executing tool"), &under()).1,
        RefusedCauseUnknown
    );
    let quoted = failed("GET https://api.example.com: 403 Forbidden");
    let found = seen(quoted, &under());
    assert_eq!((found.0, found.1), (UpstreamAuthFailure, RefusedDownstream));
}

#[test]
fn s16_equal_results_pass_and_cached_ones_do_not() {
    let privileged = answer(said("data of all"));
    let context = Context {
        privileged: vec![&privileged.signature],
        ..under()
    };
    let observation = classify(&answer(said("data of all")), &context);
    assert_eq!(
        (observation.inference, observation.confidence),
        (CallPassed, Confidence::Proven)
    );
    assert_eq!(
        seen(said("Sorry, no."), &context).1,
        Inference::Inconclusive
    );
    let text =
        r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"data of all"}]}}"#;
    let cached = http(200, &[("x-cache", "HIT")], text);
    assert_eq!(seen(cached, &context).1, Inference::Inconclusive);
}

#[test]
fn s16_talk_about_refusals_is_data() {
    let docs =
        "## 401 Unauthorized\nReturned when the token is missing; ask for insufficient_scope.";
    assert_eq!(seen(said(docs), &under()).1, CallPassed);
    for text in [
        "Sorry, I can't do that.",
        "Access denied",
        "Queued for approval",
        "Dry run: 3 files",
    ] {
        assert_ne!(seen(said(text), &under()).1, CallPassed, "{text}");
    }
}

#[test]
fn s16_a_catch_all_dispatcher_is_seen() {
    let context = Context {
        arguments: Some(Arguments::UnknownName),
        ..under()
    };
    assert_eq!(seen(said("data"), &context).0, ExecutedOk);
    assert_eq!(
        seen(rpc_error(-32603, "nothing by that name"), &context).0,
        UnknownTool
    );
}

#[test]
fn a_truncated_body_is_read_as_far_as_it_goes() {
    let Outcome::Response(mut response) = said("data") else {
        panic!("a response")
    };
    let text = response.body.text().into_owned();
    response.body = body(text.get(..text.len() / 2).unwrap());
    response.body.truncated = true;
    assert_eq!(seen(Outcome::Response(response), &under()).2, "S1");
}
