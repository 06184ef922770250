//! The command line: arguments in, exit code out.

mod args;
mod audit;
mod browser;
mod calls;
mod catalogue;
#[cfg(feature = "demo")]
mod demo;
mod diff;
mod ending;
mod evidence;
mod fleet;
mod gather;
mod generate;
mod help;
mod login;
mod plan;
mod progress;
mod session;
mod targets;
mod upkeep;

use std::process::ExitCode;

use clap::FromArgMatches;

pub use args::Cli;
use args::Command;

use crate::report::exit;

/// Parses the arguments and runs one command.
pub fn run() -> ExitCode {
    let cli = parse();
    session::start_logging(cli.global.verbose);
    let outcome = match cli.command {
        Command::Audit(args) => audit::run(&args, &cli.global),
        Command::Login(args) => login::run(&args, &cli.global),
        Command::Plan(args) => plan::run(&args, &cli.global),
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::run(&args, &cli.global),
        Command::Checks(args) => catalogue::list(&args, &cli.global),
        Command::Judge(args) => evidence::judge(&args, &cli.global),
        Command::Diff(args) => diff::run(&args, &cli.global),
        Command::Explain(args) => catalogue::explain(&args),
        Command::Generate(args) => generate::run(&args),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => ExitCode::from(session::complain(&error)),
    }
}

fn parse() -> Cli {
    let matches = help::command().get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// What a command ends with: an exit code, or a mistake to explain.
pub(crate) type Outcome = anyhow::Result<u8>;

/// Everything went well.
pub(crate) const DONE: u8 = exit::CLEAN;
