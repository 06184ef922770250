//! Progress on stderr: the stage and how many requests it will send. Only on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A spinner that names the stage.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Silent when asked for, or when stderr is no terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self {
                bar: ProgressBar::hidden(),
            };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar }
    }

    /// A stage begins.
    pub(crate) fn stage(&self, stage: &str, requests: usize) {
        tracing::info!(stage, requests, "stage");
        self.bar.set_message(match requests {
            0 => stage.to_owned(),
            _ => format!("{stage} ({requests} planned)"),
        });
    }

    /// Lets something else be written to stderr.
    pub(crate) fn pause(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    /// Everything is done.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
