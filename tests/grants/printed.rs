//! What an operator reads at the terminal when a token cannot be had, or is not what was asked for:
//! the words, the exit code, and that the others were audited.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use super::*;

/// What the command printed, and how it ended.
struct Printed {
    code: Option<i32>,
    /// Standard output, with each run of white space as one space.
    out: String,
    err: String,
}

impl Printed {
    /// The words are there, as the report prints them.
    fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.out.contains(word), "no `{word}` in\n{}", self.out);
        }
    }

    /// The one that always works was audited: its column has what it may do and what it may not.
    fn goes_on(&self) {
        self.says(&["witness: valid token, scopes notes:read", "+ allowed"]);
        assert!(!self.out.contains("decided 0 of"), "{}", self.out);
    }

    /// The audit was made without an identity, which is said at the top, in the list of what was not
    /// decided, and at the end.
    fn lacks(&self, name: &str, reason: &[&str]) {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.says(&[&format!("{name}: missing, ")]);
        self.says(reason);
        let decided_by = format!("decided by a token for {name} identity/{name}");
        self.says(&[&decided_by, &format!("audited without `{name}`")]);
        self.goes_on();
    }
}

impl Bench {
    /// The command with this configuration; at each address that it prints somebody decides.
    async fn printed(&self, text: &str, flags: &[&str], decision: &'static str) -> Printed {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let witness = identity("witness", "token = \"env:READER\"");
        write!(file, "{text}\n{witness}").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-assay"));
        command
            .args(["audit", &self.running.mcp_url, "--no-browser", "--config"])
            .arg(file.path())
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (source, value) in &self.secrets {
            command.env(source.trim_start_matches("env:"), value);
        }
        let handle = tokio::runtime::Handle::current();
        let run = move || {
            let mut child = command.spawn().expect("the command starts");
            let mut out = child.stdout.take().expect("stdout");
            let printed = std::thread::spawn(move || {
                let mut text = String::new();
                out.read_to_string(&mut text).expect("text");
                text
            });
            let mut err = String::new();
            for line in BufReader::new(child.stderr.take().expect("stderr")).lines() {
                let line = line.expect("text");
                if line.contains("/authorize?") && decision != AWAY {
                    let visit = visitor::visit(line.trim(), decision);
                    handle.block_on(visit).expect("somebody decides");
                }
                err.push_str(&line);
                err.push('\n');
            }
            let code = child.wait().expect("it ends").code();
            let out = printed.join().expect("text");
            let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
            Printed { code, out, err }
        };
        let printed = tokio::task::spawn_blocking(run).await.expect("it runs");
        drop(file);
        printed
    }
}

/// One machine client that asks for `notes:read`.
fn machine(secret: &str) -> String {
    let text = format!(
        "grant = \"client_credentials\"\nclient_id = \"admin-client\"\nclient_secret = \
         \"env:{secret}\"\nscopes = [\"notes:read\"]"
    );
    identity("machine", &text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_client_secret() {
    let bench = Bench::start("").await;
    let printed = bench.printed(&machine("WRONG"), &[], AWAY).await;
    let reason = [
        "the token endpoint refused client `admin-client`: HTTP 401 invalid_client",
        "check `client_id`, the secret and `auth` (basic or post)",
    ];
    printed.lacks("machine", &reason);
    assert!(!printed.out.contains("not-the-secret"));
    // Who wants everybody says so.
    let strict = bench.printed(&machine("WRONG"), &["--strict"], AWAY).await;
    assert_eq!(strict.code, Some(3), "{}", strict.out);
    strict.goes_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authorization_server_that_answers_errors_in_html() {
    let bench = Bench::start("[token_endpoint]\nerrors = \"page\"\n").await;
    let printed = bench.printed(&machine("WRONG"), &[], AWAY).await;
    let reason = [
        "with HTTP 400 text/html",
        "expected a token or an OAuth error in JSON (RFC 6749 §5), so why is not told",
        "check `client_id`, the secret and `auth`",
    ];
    printed.lacks("machine", &reason);
    assert!(!printed.out.contains("<html"), "{}", printed.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consent_that_is_denied_in_the_browser_and_on_another_device() {
    let bench = Bench::start("[grants]\ndevice = \"denied\"\n").await;
    let browser = identity("person", BROWSER);
    let printed = bench.printed(&browser, &[], "deny").await;
    let denied = "the authorization server answered `access_denied`";
    printed.lacks("person", &[denied, "run again and allow it"]);
    let device = identity(
        "device",
        &BROWSER.replace("authorization_code", "device_code"),
    );
    let printed = bench.printed(&device, &[], AWAY).await;
    printed.lacks("device", &["consent was refused on the other device"]);
    assert!(printed.err.contains("The code to type there: "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_nobody_finishes() {
    let bench = Bench::start("").await;
    let unfinished = "nobody finished the login within 1 s; `--login-timeout` gives it longer";
    let entry = identity("person", BROWSER);
    let short = ["--login-timeout", "1"];
    let printed = bench.printed(&entry, &short, AWAY).await;
    printed.lacks("person", &[unfinished]);
    let asked = "for the identity `person`, which asks for notes:read notes:write.";
    assert!(printed.err.contains(asked), "{}", printed.err);
    assert!(printed.err.contains("You have 1 s"), "{}", printed.err);
    let flags = ["--login", "--client-id", "demo-cli", "--login-timeout", "1"];
    let printed = bench.printed("", &flags, AWAY).await;
    printed.lacks("user", &[unfinished]);
    // What a login would have told is not decided, and says by what it is.
    printed.says(&["the login failed: nobody finished the login within 1 s"]);
    printed.says(&["decided by --login code-without-verifier-accepted"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_that_the_server_does_not_have_is_answered_in_the_words_of_whoever_asks() {
    let bench = Bench::start("").await;
    let device = identity(
        "device",
        &BROWSER.replace("authorization_code", "device_code"),
    );
    let printed = bench.printed(&device, &[], AWAY).await;
    let missing = "names no `device_authorization_endpoint`";
    printed.lacks(
        "device",
        &[missing, "take `grant = \"authorization_code\"`"],
    );
    assert!(!printed.out.contains("--device"), "{}", printed.out);
    let flags = ["--login", "--device", "--client-id", "demo-cli"];
    let printed = bench.printed("", &flags, AWAY).await;
    printed.lacks("user", &[missing, "log in without `--device`"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_disagree() {
    let knobs =
        "[token_endpoint]\nclient_assertions = \"registered\"\nclock_ahead_seconds = -3600\n";
    let bench = Bench::start(knobs).await;
    let keyed = |key: &str| {
        let text = machine("SECRET").replace("client_secret", "client_key");
        text.replace("env:SECRET", key)
    };
    let printed = bench.printed(&keyed("env:OTHER_KEY"), &[], AWAY).await;
    let reason = [
        "invalid_client",
        "by the server's clock it is 20",
        "by this machine's 20",
        "set the clock that is wrong",
    ];
    printed.lacks("machine", &reason);
    // Assertions are dated by the server's clock: with the right key there is a token.
    let printed = bench.printed(&keyed("env:KEY"), &[], AWAY).await;
    assert_eq!(printed.code, Some(0), "{}", printed.out);
    printed.says(&["machine: valid token, scopes notes:read"]);
    printed.goes_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_without_a_lifetime() {
    let bench = Bench::start("[grants]\nlifetime = \"omitted\"\n").await;
    let printed = bench.printed(&machine("SECRET"), &[], AWAY).await;
    assert_eq!(printed.code, Some(0), "{}", printed.out);
    printed.says(&[
        "machine: valid token, scopes notes:read",
        "by client_credentials as client admin-client; asked notes:read; granted notes:read; until 20",
        "by the token itself, the answer names no lifetime",
    ]);
    printed.goes_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authorization_server_that_grants_more_than_was_asked_for() {
    let bench = Bench::start("[tokens]\nmint = \"grants-more\"\n").await;
    let printed = bench.printed(&machine("SECRET"), &[], AWAY).await;
    assert_eq!(printed.code, Some(0), "{}", printed.out);
    printed.says(&[
        "not usable: the token was asked for with scope `notes:read` and also holds `notes:delete \
         notes:write`",
        "asked notes:read; granted notes:delete notes:read notes:write; until",
        "LOW More scopes are granted than asked for",
        "decided by another token for machine identity/machine",
    ]);
    printed.goes_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authorization_server_that_ignores_the_scope_and_does_not_say_so() {
    let knobs = "[tokens]\nmint = \"grants-more\"\n[grants]\nscope_echo = \"omitted\"\n";
    let bench = Bench::start(knobs).await;
    let printed = bench.printed(&machine("SECRET"), &[], AWAY).await;
    assert_eq!(printed.code, Some(1), "{}", printed.out);
    printed.says(&[
        "not usable: the token was asked for with scope `notes:read`",
        "granted notes:delete notes:read notes:write by the token itself",
        "MEDIUM A grant differs from the request without saying so",
        "EXIT 1 findings",
    ]);
    printed.goes_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_only_identity_is_missing_audits_nobody_and_says_so() {
    let mut bench = Bench::start("").await;
    // A witness whose token nobody takes.
    let rejected = ("env:READER".to_owned(), "no-token-of-anybody".to_owned());
    bench.secrets.extend([rejected]);
    let printed = bench.printed(&machine("WRONG"), &[], AWAY).await;
    assert_eq!(printed.code, Some(3), "{}", printed.out);
    printed.says(&[
        "machine: missing",
        "EXIT 3 incomplete",
        "audited without `machine`",
    ]);
}
