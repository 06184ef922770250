//! Progress on stderr: the stage, requests sent of those planned, and the time left. A moving line
//! on a terminal, a line per stage with `--plain`, nothing elsewhere.

use std::io::IsTerminal;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Global;
use super::session;

/// What is shown while requests go out.
pub(crate) struct Progress {
    mode: Mode,
    bar: ProgressBar,
    stage: Mutex<String>,
    planned: AtomicUsize,
    sent: AtomicUsize,
    started: Instant,
}

/// How it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// A line that moves.
    Moving,
    /// A line per stage.
    Lines,
    /// Nothing.
    Silent,
}

impl Progress {
    /// As the flags and the terminal allow.
    pub(crate) fn new(global: &Global) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let mode = mode(global, std::io::stderr().is_terminal() && !dumb);
        let bar = match mode {
            Mode::Moving => ProgressBar::new_spinner(),
            Mode::Lines | Mode::Silent => ProgressBar::hidden(),
        };
        // Cut to the width of the terminal, so that a narrow one shows one line all the same.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        if mode == Mode::Moving {
            bar.enable_steady_tick(TICK);
        }
        Self {
            mode,
            bar,
            stage: Mutex::new(String::new()),
            planned: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
            started: Instant::now(),
        }
    }

    /// A stage begins.
    pub(crate) fn stage(&self, stage: &str, requests: usize) {
        tracing::info!(stage, requests, "stage");
        let mut current = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *current != stage;
        stage.clone_into(&mut current);
        drop(current);
        if self.mode == Mode::Lines && is_new {
            session::note(&format!("{}\n", self.line()));
        }
        self.bar.set_message(self.line());
    }

    /// More is known about how many requests the whole run will send at most.
    pub(crate) fn planned(&self, requests: usize) {
        self.planned.store(requests, Ordering::Relaxed);
    }

    /// Does the work and counts what goes out meanwhile.
    pub(crate) async fn during<T>(
        &self,
        sent: impl Fn() -> usize,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(TICK) => {
                    self.sent.store(sent(), Ordering::Relaxed);
                    self.bar.set_message(self.line());
                }
            }
        }
    }

    /// Lets something else be written to stderr.
    pub(crate) fn pause(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    /// Everything is done.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self) -> String {
        let stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = self.sent.load(Ordering::Relaxed);
        let planned = self.planned.load(Ordering::Relaxed);
        line(&stage, sent, planned, self.started.elapsed())
    }
}

/// Quiet wins; the log of `-v` and a moving line would write over each other.
fn mode(global: &Global, terminal: bool) -> Mode {
    match (global.quiet, global.plain) {
        (false, true) => Mode::Lines,
        (false, false) if terminal && global.verbose == 0 => Mode::Moving,
        _ => Mode::Silent,
    }
}

fn line(stage: &str, sent: usize, planned: usize, elapsed: Duration) -> String {
    // The plan is an upper bound; answers that disagree may take a few more.
    if planned <= sent {
        return format!("{stage}: {sent} requests sent");
    }
    let left = left(sent, planned, elapsed);
    let left = left.map_or(String::new(), |left| format!(", {left} left at most"));
    format!("{stage}: {sent} of at most {planned} requests sent{left}")
}

/// At the pace so far; nothing is said before there is a pace.
fn left(sent: usize, planned: usize, elapsed: Duration) -> Option<String> {
    let done = u64::try_from(sent).ok().filter(|sent| *sent >= ENOUGH)?;
    let open = u64::try_from(planned.checked_sub(sent)?).ok()?;
    let millis = u64::try_from(elapsed.as_millis()).ok()?;
    let seconds = millis.checked_mul(open)?.div_ceil(done.checked_mul(1000)?);
    Some(match seconds {
        0..60 => format!("{seconds} s"),
        _ => format!("{} min", seconds.div_ceil(60)),
    })
}

/// How often the line moves.
const TICK: Duration = Duration::from_millis(120);
/// Requests that make a pace.
const ENOUGH: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Colour;

    fn global(quiet: bool, plain: bool, verbose: u8) -> Global {
        Global {
            color: Colour::Auto,
            plain,
            verbose,
            quiet,
            width: None,
        }
    }

    #[test]
    fn a_line_moves_on_a_terminal_only_and_quiet_wins() {
        assert_eq!(mode(&global(false, false, 0), true), Mode::Moving);
        assert_eq!(mode(&global(false, false, 0), false), Mode::Silent);
        assert_eq!(mode(&global(false, false, 1), true), Mode::Silent);
        for terminal in [true, false] {
            assert_eq!(mode(&global(false, true, 0), terminal), Mode::Lines);
            assert_eq!(mode(&global(true, true, 0), terminal), Mode::Silent);
            assert_eq!(mode(&global(true, false, 2), terminal), Mode::Silent);
        }
    }

    #[test]
    fn a_line_says_what_is_known_and_no_more() {
        let ten = Duration::from_secs(10);
        assert_eq!(line("discover", 3, 0, ten), "discover: 3 requests sent");
        assert_eq!(
            line("call", 5, 400, ten),
            "call: 5 of at most 400 requests sent"
        );
        assert_eq!(
            line("call", 100, 400, ten),
            "call: 100 of at most 400 requests sent, 30 s left at most"
        );
        assert_eq!(
            line("call", 100, 4000, ten),
            "call: 100 of at most 4000 requests sent, 7 min left at most"
        );
        assert_eq!(line("close", 410, 400, ten), "close: 410 requests sent");
        assert_eq!(left(usize::MAX, usize::MAX, Duration::MAX), None);
    }
}
