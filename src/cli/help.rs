//! What `-h` shows of a command, so that it fits a screen; `--help` leaves nothing out.

use clap::CommandFactory;

use super::args::Cli;

/// The command as the shell sees it.
pub(crate) fn command() -> clap::Command {
    let mut command = Cli::command();
    for (name, common) in [
        ("audit", &COMMON[..]),
        ("plan", &COMMON),
        ("login", &OF_LOGIN),
    ] {
        command = command.mut_subcommand(name, |one| {
            one.mut_args(|argument| {
                let is_common = common.contains(&argument.get_id().as_str());
                argument.hide_short_help(!is_common)
            })
        });
    }
    command
}

/// What most audits need.
const COMMON: [&str; 14] = [
    "urls",
    "config",
    "identities",
    "login",
    "allow",
    "allow_hosts",
    "no_reads",
    "max_requests",
    "only",
    "reports",
    "fail_on",
    "strict",
    "exit_zero",
    "baseline",
];

/// What most logins need.
const OF_LOGIN: [&str; 14] = [
    "urls",
    "config",
    "token_file",
    "force",
    "client_id",
    "client_secret",
    "redirect_uri",
    "login_scope",
    "issuer",
    "device",
    "no_browser",
    "login_timeout",
    "allow",
    "allow_hosts",
];

pub(super) const AFTER: &str = "\
See `mcp-assay demo` for a first report without a target, and `mcp-assay explain CHECK` for what a \
finding means.

Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 wrong usage; 3 the audit is incomplete; \
4 the engagement rules forbid it; 70 a bug in mcp-assay; 130 interrupted.";

pub(super) const AUDIT: &str = "\
Examples:
  mcp-assay audit https://mcp.example.com/mcp
  mcp-assay audit https://mcp.example.com/mcp -i reader=env:READER_TOKEN -i admin=file:admin.token
  mcp-assay audit -c assay.toml --allow register --allow-host auth.example.com -r json=report.json
  mcp-assay audit -c assay.toml --evidence run-7 --sign assessor.pem
  mcp-assay audit -c fleet.toml -r sarif=fleet.sarif -r html=reports/{target}.html";

pub(super) const LOGIN: &str = "\
Examples:
  mcp-assay login https://mcp.example.com/mcp --client-id ID
  mcp-assay login https://mcp.example.com/mcp --client-id ID --device --token-file user.token
  mcp-assay audit https://mcp.example.com/mcp -i user=file:user.token";

pub(super) const PLAN: &str = "\
Examples:
  mcp-assay plan https://mcp.example.com/mcp
  mcp-assay plan -c assay.toml --allow register
  mcp-assay plan -c fleet.toml";

#[cfg(feature = "demo")]
pub(super) const DEMO: &str = "\
Examples:
  mcp-assay demo
  mcp-assay demo registration-open -r html=demo.html
  mcp-assay demo hidden-tool-callable --serve";

pub(super) const CHECKS: &str = "\
Examples:
  mcp-assay checks
  mcp-assay checks --map owasp";

pub(super) const JUDGE: &str = "\
Examples:
  mcp-assay judge run-7
  mcp-assay judge run-7 --report html=report.html --fail-on high
  mcp-assay judge run-7 --verify assessor-public.pem --config corrected-policy.toml

Without --fail-on, --strict and --config the report and the exit code are those of the run.";

pub(super) const DIFF: &str = "\
Examples:
  mcp-assay diff approved.json report.json
  mcp-assay diff approved.json report.json --format markdown --fail-on high";

pub(super) const EXPLAIN: &str = "\
Examples:
  mcp-assay explain registration-open
  mcp-assay explain hidden-tool-callable";

pub(super) const GENERATE: &str = "\
Examples:
  mcp-assay generate man audit > mcp-assay-audit.1
  mcp-assay generate completions bash > mcp-assay.bash
  mcp-assay generate schema report";
