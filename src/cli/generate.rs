//! `generate`: man page, completions, schemas; all from the types that do the work.

use clap::CommandFactory;

use super::args::{Cli, Generate, GenerateArgs, Schema};
use super::{DONE, Outcome, session};
use crate::config::ConfigFile;
use crate::report::schema;

pub(crate) fn run(args: &GenerateArgs) -> Outcome {
    let mut out = Vec::new();
    let mut command = Cli::command();
    match args.what {
        Generate::Man => clap_mangen::Man::new(command).render(&mut out)?,
        Generate::Completions { shell } => {
            clap_complete::generate(shell, &mut command, "mcp-assay", &mut out);
        }
        Generate::Schema { of } => {
            let schema = match of {
                Schema::Report => schema::report_schema(),
                Schema::Config => schemars::schema_for!(ConfigFile).to_value(),
            };
            serde_json::to_writer_pretty(&mut out, &schema)?;
            out.push(b'\n');
        }
    }
    session::put("-", &out)?;
    Ok(DONE)
}
