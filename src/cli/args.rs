//! Arguments, grouped by help heading.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::calls::CallOptions;
use super::evidence::{EvidenceOptions, JudgeArgs};
use super::help;
use super::login::{LoginArgs, LoginOptions};
use super::targets::TargetOptions;
use super::upkeep::UpkeepOptions;
use crate::config::{BypassFlags, Flags};
use crate::model::probe::Tier;
use crate::model::target::Revision;
use crate::model::verdict::Severity;

/// Audits the authorization of MCP servers: which clients can connect, and which tools a token opens.
#[derive(Debug, Parser)]
#[command(name = "mcp-assay", version, about, max_term_width = 100, after_help = help::AFTER)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Options of every command.
#[derive(Args, Debug, Clone)]
pub(crate) struct Global {
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, help_heading = "Output")]
    pub(crate) color: Colour,
    /// No colour and nothing that moves: progress is a line per stage, on a terminal or not.
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) plain: bool,
    /// Log what is sent to stderr; twice for more. Never shows secrets or bodies.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
    /// No progress on stderr.
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Width of the table; the terminal's when absent, 120 in a pipe.
    #[arg(long, global = true, value_parser = clap::value_parser!(u16).range(60..=400), help_heading = "Output")]
    pub(crate) width: Option<u16>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Audit an MCP server, or several.
    #[command(after_help = help::AUDIT)]
    Audit(Box<AuditArgs>),
    /// Sign in with a browser and report what was granted; the token is given back unless kept.
    #[command(after_help = help::LOGIN)]
    Login(Box<LoginArgs>),
    /// Look at public metadata only, then print every request that `audit` would send.
    #[command(after_help = help::PLAN)]
    Plan(Box<TargetArgs>),
    #[cfg(feature = "demo")]
    /// Start the embedded servers on loopback, audit them, and print the report.
    #[command(after_help = help::DEMO)]
    Demo(DemoArgs),
    /// List the checks, and how many requirements they cover.
    #[command(after_help = help::CHECKS)]
    Checks(ChecksArgs),
    /// Judge the evidence of an earlier run again, without a network.
    #[command(after_help = help::JUDGE)]
    Judge(JudgeArgs),
    /// Compare two JSON reports of one server, regressions first.
    #[command(after_help = help::DIFF)]
    Diff(DiffArgs),
    /// Print the page of one check.
    #[command(after_help = help::EXPLAIN)]
    Explain(ExplainArgs),
    /// Print a man page, shell completions, or a JSON schema.
    #[command(after_help = help::GENERATE)]
    Generate(GenerateArgs),
}

/// `audit`.
#[derive(Args, Debug)]
pub(crate) struct AuditArgs {
    /// What to audit.
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// What to print.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// An earlier JSON report of the same server: only what is new or worse fails the run.
    ///
    /// With several targets one for each, by `{target}` in the path.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) baseline: Option<PathBuf>,
    /// What to keep of the run.
    #[command(flatten)]
    pub(crate) evidence: EvidenceOptions,
}

/// What to audit, as whom, and how far to go.
#[derive(Args, Debug)]
pub(crate) struct TargetArgs {
    /// Where it is.
    #[command(flatten)]
    pub(crate) named: TargetOptions,
    /// Configuration file.
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "MCP_ASSAY_CONFIG",
        help_heading = "Target"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Audit with this protocol revision; the newest served when absent.
    #[arg(long, value_name = "DATE", help_heading = "Target")]
    pub(crate) revision: Option<Revision>,
    /// A token and its name: NAME=env:VARIABLE, NAME=file:PATH or NAME=-. Repeat for each token.
    #[arg(
        short,
        long = "identity",
        value_name = "NAME=SOURCE",
        help_heading = "Identities"
    )]
    pub(crate) identities: Vec<String>,
    /// A key that travels in a header of its own: NAME=HEADER:env:VARIABLE or
    /// NAME=HEADER:file:PATH. Repeat for each key.
    #[arg(
        long = "header-identity",
        value_name = "NAME=HEADER:SOURCE",
        help_heading = "Identities"
    )]
    pub(crate) header_identities: Vec<String>,
    /// Tokens after the run.
    #[command(flatten)]
    pub(crate) upkeep: UpkeepOptions,
    /// Signing in.
    #[command(flatten)]
    pub(crate) login: LoginOptions,
    /// The identity that may do most; found by its scopes when absent.
    #[arg(long, value_name = "NAME", help_heading = "Identities")]
    pub(crate) privileged: Option<String>,
    /// A client that the authorization server already knows: the authorization endpoint is asked
    /// what it lets through before a login, and `--login` signs in with it.
    #[arg(long, value_name = "ID", help_heading = "Identities")]
    pub(crate) client_id: Option<String>,
    /// One of the registered redirect URIs of that client; nothing is ever sent there. With
    /// `--login` a loopback address with the path `/callback` is taken when absent.
    #[arg(
        long,
        value_name = "URI",
        requires = "client_id",
        help_heading = "Identities"
    )]
    pub(crate) redirect_uri: Option<String>,
    /// Go beyond the default tiers: `register` creates clients and deletes them, `call` runs tools
    /// that the configuration lists.
    #[arg(
        long,
        value_name = "TIER",
        value_delimiter = ',',
        value_enum,
        help_heading = "Safety"
    )]
    pub(crate) allow: Vec<Extra>,
    /// A host that credentials may go to beside the target's. Repeat for each host.
    #[arg(long = "allow-host", value_name = "HOST", help_heading = "Safety")]
    pub(crate) allow_hosts: Vec<String>,
    /// With `--allow register`: an https address of yours that forwards to `--callback-listen`, so
    /// that the authorization server can fetch client ID metadata documents from this run, and the
    /// target the keys that wrong tokens point at.
    #[arg(long, value_name = "URL", help_heading = "Safety")]
    pub(crate) callback_base: Option<String>,
    /// Where those documents are served [default: a free port of 127.0.0.1].
    #[arg(long, value_name = "ADDRESS:PORT", help_heading = "Safety")]
    pub(crate) callback_listen: Option<String>,
    /// Do not call tools, even those that clearly only read.
    #[arg(long, help_heading = "Safety")]
    pub(crate) no_reads: bool,
    #[command(flatten)]
    pub(crate) bypass: BypassArgs,
    /// Calls beyond the defaults, and calls left out.
    #[command(flatten)]
    pub(crate) calls: CallOptions,
    /// Send this many registrations in a row, each deleted again, to see whether a limit answers;
    /// needs `--allow register`.
    #[arg(long, value_name = "N", help_heading = "Safety")]
    pub(crate) observe_rate_limit: Option<usize>,
    /// Stop after this many requests to a target and say what was left out.
    #[arg(
        long,
        value_name = "N",
        env = "MCP_ASSAY_MAX_REQUESTS",
        help_heading = "Safety"
    )]
    pub(crate) max_requests: Option<usize>,
    /// Run only this check. Repeat for several.
    #[arg(long = "check", value_name = "CHECK", help_heading = "Checks")]
    pub(crate) only: Vec<String>,
    /// Leave this check out. Repeat for several.
    #[arg(long, value_name = "CHECK", help_heading = "Checks")]
    pub(crate) skip: Vec<String>,
    /// PEM file with additional root certificates.
    #[arg(
        long,
        value_name = "FILE",
        env = "MCP_ASSAY_CACERT",
        help_heading = "Network"
    )]
    pub(crate) cacert: Option<PathBuf>,
    /// Do not verify certificates; written into the report.
    #[arg(long, help_heading = "Network")]
    pub(crate) insecure: bool,
    /// Proxy for every request; none is used unless given here.
    #[arg(
        long,
        value_name = "URL",
        env = "MCP_ASSAY_PROXY",
        help_heading = "Network"
    )]
    pub(crate) proxy: Option<String>,
    /// Seconds to wait for one answer [default: 30].
    #[arg(long, value_name = "SECONDS", help_heading = "Network")]
    pub(crate) timeout: Option<u64>,
    /// Seconds to wait for a connection [default: 10].
    #[arg(long, value_name = "SECONDS", help_heading = "Network")]
    pub(crate) connect_timeout: Option<u64>,
    /// Requests in flight to one host [default: 8].
    #[arg(long, value_name = "N", help_heading = "Network")]
    pub(crate) concurrency: Option<usize>,
    /// Requests per second to one remote host; loopback is not limited [default: 50].
    #[arg(long, value_name = "N", help_heading = "Network")]
    pub(crate) rate: Option<u32>,
}

impl TargetArgs {
    /// The flags as the configuration reads them.
    pub(crate) fn flags(&self, output: Option<&OutputArgs>) -> Flags {
        Flags {
            url: None,
            named_at: None,
            config: self.config.clone(),
            identities: self.identities.clone(),
            header_identities: self.header_identities.clone(),
            from: self.named.from.clone(),
            server: None,
            upkeep: self.upkeep.flags(),
            login: self.login.flags(),
            privileged: self.privileged.clone(),
            revision: self.revision,
            client_id: self.client_id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            allow: self.allow.iter().map(|extra| extra.tier()).collect(),
            callback_base: self.callback_base.clone(),
            callback_listen: self.callback_listen.clone(),
            no_reads: self.no_reads,
            bypass: BypassFlags {
                off: self.bypass.no_bypass,
                query_token: self.bypass.query_token,
            },
            calls: self.calls.flags(),
            allow_hosts: self.allow_hosts.clone(),
            only: self.only.clone(),
            skip: self.skip.clone(),
            fail_on: output
                .and_then(|output| output.fail_on)
                .map(SeverityWord::severity),
            strict: output.is_some_and(|output| output.strict),
            cacert: self.cacert.clone(),
            insecure: self.insecure,
            proxy: self.proxy.clone(),
            timeout: self.timeout,
            connect_timeout: self.connect_timeout,
            concurrency: self.concurrency,
            rate: self.rate,
            max_requests: self.max_requests,
            observe_rate_limit: self.observe_rate_limit,
        }
    }
}

/// What may be done to get round refusals.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct BypassArgs {
    /// Do not look for ways round refusals: no refused call is sent again in another form.
    #[arg(long, help_heading = "Safety")]
    pub(crate) no_bypass: bool,
    /// Send a working token in the query string, which writes it into the logs of the target and of
    /// every proxy on the way, to see that it is ignored; use a short-lived one.
    #[arg(long, help_heading = "Safety")]
    pub(crate) query_token: bool,
}

/// Tiers that need consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Extra {
    /// Register clients and delete them.
    Register,
    /// Call tools that the configuration lists.
    Call,
    /// Call tools that change state, on objects of the run's own, as the configuration says.
    Destructive,
}

impl Extra {
    const fn tier(self) -> Tier {
        match self {
            Self::Register => Tier::Register,
            Self::Call => Tier::Call,
            Self::Destructive => Tier::Destructive,
        }
    }
}

/// What to print and what fails the run.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct OutputArgs {
    /// Write a report: FORMAT is table, json, sarif, junit, markdown, html, github, har, oscal or
    /// brief; PATH is a file or `-` for standard output. Repeat for several; with none, the table
    /// goes to standard output.
    ///
    /// `{target}` in PATH stands for the name of the target: html, har, oscal and brief hold one
    /// target each and need it where there are several.
    #[arg(
        short,
        long = "report",
        value_name = "FORMAT=PATH",
        help_heading = "Output"
    )]
    pub(crate) reports: Vec<String>,
    /// Fail on findings of this severity or above [default: medium].
    #[arg(long, value_name = "SEVERITY", value_enum, help_heading = "Output")]
    pub(crate) fail_on: Option<SeverityWord>,
    /// Fail when a check is inconclusive.
    #[arg(long, help_heading = "Output")]
    pub(crate) strict: bool,
    /// Exit with 0 whatever was found; errors of the run itself keep their code.
    #[arg(long, help_heading = "Output")]
    pub(crate) exit_zero: bool,
    /// Write what was seen to open each tool as `[[policy]]` entries of a configuration, to be read,
    /// corrected and pinned; a new file, or `-` for standard output.
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub(crate) write_policy: Option<String>,
    /// Print every row of the matrix instead of folding equal ones.
    #[arg(long, help_heading = "Output")]
    pub(crate) full: bool,
}

/// Severities in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeverityWord {
    /// Worth knowing.
    Info,
    /// Weakens one layer of several.
    Low,
    /// A guarantee is missing.
    Medium,
    /// A guarantee is broken for some callers.
    High,
    /// A stranger gets what only a chosen caller should.
    Critical,
}

impl SeverityWord {
    pub(crate) const fn severity(self) -> Severity {
        match self {
            Self::Info => Severity::Info,
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
        }
    }
}

/// `demo`.
#[cfg(feature = "demo")]
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// How the servers misbehave: a name from `--list`, or a TOML file.
    #[arg(default_value = "showcase", value_name = "BEHAVIOUR")]
    pub(crate) behaviour: String,
    /// Name the behaviours.
    #[arg(long)]
    pub(crate) list: bool,
    /// Keep the servers up and print their URL and tokens.
    #[arg(long, conflicts_with = "list")]
    pub(crate) serve: bool,
    /// What to print.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// What to keep of the run.
    #[command(flatten)]
    pub(crate) evidence: EvidenceOptions,
}

/// `checks`.
#[derive(Args, Debug)]
pub(crate) struct ChecksArgs {
    /// Which checks cover which entries of another catalogue: 2605.22333, cwe, owasp, nist.
    #[arg(long, value_name = "CATALOGUE", conflicts_with_all = ["area", "tier", "open"])]
    pub(crate) map: Option<String>,
    /// Only this area: DISC, REG, ASE, TOK, SCP, PRIM, XPT, EXT.
    #[arg(long, value_name = "AREA")]
    pub(crate) area: Option<String>,
    /// Only checks that need at most this tier.
    #[arg(long, value_name = "TIER")]
    pub(crate) tier: Option<String>,
    /// Also list requirements without a check, with the reason.
    #[arg(long)]
    pub(crate) open: bool,
}

/// `diff`.
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// The older report, as `--report json=PATH` wrote it.
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The newer report.
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = DiffFormat::Table)]
    pub(crate) format: DiffFormat,
    /// Exit with 1 on regressions of this severity or above [default: low].
    #[arg(long, value_name = "SEVERITY", value_enum)]
    pub(crate) fail_on: Option<SeverityWord>,
    /// Exit with 0 whatever changed.
    #[arg(long)]
    pub(crate) exit_zero: bool,
}

/// Forms of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For a pull-request comment.
    Markdown,
}

/// `explain`.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// Check id, for example registration-open.
    #[arg(value_name = "CHECK")]
    pub(crate) check: String,
}

/// `generate`.
#[derive(Args, Debug)]
pub(crate) struct GenerateArgs {
    /// What to print.
    #[command(subcommand)]
    pub(crate) what: Generate,
}

/// What `generate` prints.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Generate {
    /// The man page, or that of one command.
    Man {
        /// The command, for example `audit`.
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
    /// Completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// A JSON schema.
    Schema {
        /// Of what.
        #[arg(value_enum)]
        of: Schema,
    },
}

/// Formats with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Schema {
    /// `report.json`.
    Report,
    /// The JSON document of several targets.
    Reports,
    /// The configuration file.
    Config,
}
