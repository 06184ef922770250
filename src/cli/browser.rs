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
    let mut text = match visit.number {
        1 => "Sign in to go on.\n".to_owned(),
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
    // Nothing useful can be done when stderr itself is gone.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
    if browser && std::io::stderr().is_terminal() && visit.user_code.is_none() {
        open(visit.url);
    }
}

/// Starts the system's opener with the address as its one argument; no shell reads it.
fn open(url: &str) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let child = Command::new(opener)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    // Where there is no opener the printed address remains.
    if let Ok(mut child) = child {
        std::thread::spawn(move || child.wait());
    }
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

const LONGEST: u64 = 64 * 1024;
