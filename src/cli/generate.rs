//! `generate`: man pages, completions, schemas; all from the types that do the work.

use clap::CommandFactory;

use super::args::{Cli, Generate, GenerateArgs, Schema};
use super::session::{self, Usage};
use super::{DONE, Outcome};
use crate::checks;
use crate::config::ConfigFile;
use crate::report::schema;

pub(crate) fn run(args: &GenerateArgs) -> Outcome {
    let mut out = Vec::new();
    match &args.what {
        Generate::Man { command } => page(command.as_deref())?.render(&mut out)?,
        Generate::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), NAME, &mut out);
        }
        Generate::Schema { of } => {
            let schema = match of {
                Schema::Report => schema::report_schema(),
                Schema::Reports => schema::reports_schema(),
                Schema::Config => schemars::schema_for!(ConfigFile).to_value(),
            };
            serde_json::to_writer_pretty(&mut out, &schema)?;
            out.push(b'\n');
        }
    }
    session::put("-", &out)?;
    Ok(DONE)
}

/// The page of the program, or of one command with the options of every command.
fn page(name: Option<&str>) -> anyhow::Result<clap_mangen::Man> {
    let mut all = Cli::command();
    let Some(name) = name else {
        return Ok(clap_mangen::Man::new(all));
    };
    all.build();
    let Some(found) = all.find_subcommand(name) else {
        let names: Vec<&str> = all.get_subcommands().map(clap::Command::get_name).collect();
        let near = checks::nearest(name, names.iter().copied());
        let near = near.map_or(String::new(), |it| format!(" (did you mean `{it}`?)"));
        let names = names.join(", ");
        return Err(Usage(format!(
            "`{name}` is not a command{near}; there are {names}"
        ))
        .into());
    };
    let full = format!("{NAME}-{name}");
    Ok(clap_mangen::Man::new(found.clone()).title(full))
}

const NAME: &str = "mcp-assay";
