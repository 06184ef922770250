//! The person at the terminal: shown an address, which is opened where that is possible, and free to
//! paste the final one where it is not.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::report::safe;
use crate::stage::{Person, Visit};

/// What is typed at the terminal; one reader for a whole run, since two would take each other's lines.
#[derive(Clone)]
pub(crate) struct Keyboard(Arc<Mutex<mpsc::Receiver<String>>>);

impl Keyboard {
    /// Starts to read.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(lines())))
    }
}

/// The person behind a terminal.
pub(crate) fn person<'a>(
    show: &'a (dyn Fn(&Visit<'_>) + Send + Sync),
    keyboard: &Keyboard,
    cancel: &CancellationToken,
) -> Person<'a> {
    Person {
        show,
        pasted: Some(Arc::clone(&keyboard.0)),
        cancel: cancel.clone(),
    }
}

/// Prints what the person has to do, and opens the address unless that is unwanted.
pub(crate) fn show(visit: &Visit<'_>, browser: bool) {
    // Nothing useful can be done when stderr itself is gone.
    let say = |text: &str| drop(std::io::stderr().lock().write_all(text.as_bytes()));
    say(&told(visit));
    if browser
        && std::io::stderr().is_terminal()
        && visit.user_code.is_none()
        && let Err(error) = open(OPENER, visit.url)
    {
        say(&format!(
            "  No browser could be started here ({OPENER}: {error}); open the address yourself.\n"
        ));
    }
}

fn told(visit: &Visit<'_>) -> String {
    let mut text = match visit.number {
        1 => first(visit),
        number => format!(
            "Approve once more, {number} of {} at most: {}. Leave it and the rest goes on.\n",
            visit.most, visit.purpose
        ),
    };
    text.push_str(&format!("  {}\n", safe::line(visit.url)));
    match visit.user_code {
        Some(code) => text.push_str(&format!("  The code to type there: {}\n", safe::line(code))),
        None => text.push_str(
            "  If the browser runs elsewhere, paste the address it ends at here and press Enter.\n",
        ),
    }
    if visit.number == 1 {
        text.push_str(&format!(
            "  You have {} s; `--login-timeout` sets how long.\n",
            visit.timeout.as_secs()
        ));
    }
    text
}

/// Which of several people is wanted, and for what.
fn first(visit: &Visit<'_>) -> String {
    let asked = visit.asked.into_iter().flatten().map(String::as_str);
    let asked: Vec<&str> = asked.collect();
    let asked = match asked.as_slice() {
        [] => String::new(),
        scopes => format!(", which asks for {}", safe::line(&scopes.join(" "))),
    };
    let identity = safe::line(visit.identity);
    format!("Sign in to go on: for the identity `{identity}`{asked}.\n")
}

/// Starts the system's opener with the address as its one argument; no shell reads it.
fn open(opener: &str, url: &str) -> std::io::Result<()> {
    let mut child = Command::new(opener)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    std::thread::spawn(move || child.wait());
    Ok(())
}

/// Lines of standard input, as they come.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(4);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut line = String::new();
            match input.by_ref().take(LONGEST).read_line(&mut line) {
                Ok(read) if read > 0 && sender.blocking_send(line).is_ok() => {}
                _ => return,
            }
        }
    });
    receiver
}

const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};
const LONGEST: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::identity::ScopeSet;

    #[test]
    fn a_person_is_told_for_which_identity_and_for_what() {
        let scopes = ScopeSet::from(["notes:read".to_owned(), "a\u{1b}[2J".to_owned()]);
        let visit = |asked| Visit {
            identity: "alice",
            asked,
            url: "https://auth.example/authorize",
            number: 1,
            most: 1,
            timeout: Duration::from_mins(5),
            purpose: "signing in",
            user_code: None,
        };
        let asked = told(&visit(Some(&scopes)));
        assert!(
            asked.contains("`alice`, which asks for") && asked.contains("notes:read"),
            "{asked}"
        );
        assert!(asked.contains("You have 300 s") && !asked.contains('\u{1b}'));
        let plain = told(&visit(None));
        assert!(
            plain.starts_with("Sign in to go on: for the identity `alice`.\n"),
            "{plain}"
        );
        let again = told(&Visit {
            number: 2,
            most: 6,
            ..visit(None)
        });
        assert!(again.contains("2 of 6") && !again.contains("You have"));
        let device = told(&Visit {
            user_code: Some("WD\u{1b}JB"),
            ..visit(None)
        });
        assert!(device.contains("to type there: WD") && !device.contains('\u{1b}'));
    }

    #[test]
    fn where_nothing_opens_an_address_that_is_an_error_to_be_told() {
        assert!(open("/nowhere/opener", "https://auth.example/").is_err());
    }
}
