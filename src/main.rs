//! The `mcp-assay` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcp_assay::cli::run()
}
