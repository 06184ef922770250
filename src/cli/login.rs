//! `login`: a person signs in, and the report says what was granted. The token goes nowhere but into
//! the file that was asked for.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::Context;
use clap::{Args, ValueEnum};
use secrecy::ExposeSecret;

use super::args::{Global, TargetArgs};
use super::browser::{self, Keyboard};
use super::progress::Progress;
use super::session::{self, Usage};
use super::{DONE, Outcome, targets};
use crate::audit;
use crate::config::AuthWord;
use crate::config::login::{AudienceWord, LoginFlags};
use crate::config::source::ProcessSecrets;
use crate::model::audit::Collected;
use crate::model::identity::{Identity, ScopeSet};
use crate::model::login::{ClientOrigin, RefreshToken};
use crate::report::{exit, safe};
use crate::stage::{Run, Visit};
use crate::wire::Wire as _;

/// `login`.
#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// Where to sign in.
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Keep the token in this file, readable by its owner only; it is revoked otherwise.
    #[arg(long, value_name = "PATH", help_heading = "Login")]
    pub(crate) token_file: Option<PathBuf>,
    /// Replace the file when it exists.
    #[arg(long, requires = "token_file", help_heading = "Login")]
    pub(crate) force: bool,
}

/// Options of a login, in an audit and alone.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LoginOptions {
    /// Sign in with a browser and audit as that person too; the identity is called `user` unless
    /// named. Consents to trying bad codes and refresh tokens.
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "user",
        help_heading = "Login"
    )]
    pub(crate) login: Option<String>,
    /// Where its secret comes from, if it has one: `env:VARIABLE`, `file:PATH` or `-`.
    #[arg(long, value_name = "SOURCE", help_heading = "Login")]
    pub(crate) client_secret: Option<String>,
    /// Its private key instead, PEM or JWK, to sign assertions with (`private_key_jwt`).
    #[arg(long, value_name = "SOURCE", help_heading = "Login")]
    pub(crate) client_key: Option<String>,
    /// The `kid` under which the authorization server knows that key.
    #[arg(long, value_name = "KID", help_heading = "Login")]
    pub(crate) client_key_id: Option<String>,
    /// Whom those assertions are for [default: issuer].
    #[arg(long, value_name = "WHOM", value_enum, help_heading = "Login")]
    pub(crate) assertion_audience: Option<Audience>,
    /// Its certificate and key instead, both in PEM, to show in the TLS handshake (mutual TLS).
    #[arg(long, value_name = "SOURCE", help_heading = "Login")]
    pub(crate) client_certificate: Option<String>,
    /// Where its secret goes; where the metadata says when absent.
    #[arg(long, value_name = "WHERE", value_enum, help_heading = "Login")]
    pub(crate) client_auth: Option<SecretPlace>,
    /// Bind the token to a key of the run (DPoP); as the servers demand when absent.
    #[arg(long, help_heading = "Login")]
    pub(crate) dpop: bool,
    /// Scopes to ask for; what the target asks for when absent.
    #[arg(long, value_name = "SCOPES", help_heading = "Login")]
    pub(crate) login_scope: Option<String>,
    /// The authorization server to sign in at, when the target names several.
    #[arg(long, value_name = "URL", help_heading = "Login")]
    pub(crate) issuer: Option<String>,
    /// Show a code to type on another device (RFC 8628).
    #[arg(long, help_heading = "Login")]
    pub(crate) device: bool,
    /// Port of the loopback redirect URI; any free one when absent.
    #[arg(long, value_name = "PORT", help_heading = "Login")]
    pub(crate) login_port: Option<u16>,
    /// Seconds to wait for the person, each time [default: 300].
    #[arg(long, value_name = "SECONDS", help_heading = "Login")]
    pub(crate) login_timeout: Option<u64>,
    /// Seconds after which a used refresh token must be refused [default: 60].
    #[arg(long, value_name = "SECONDS", help_heading = "Login")]
    pub(crate) login_grace: Option<u64>,
    /// Print the address and open no browser.
    #[arg(long, help_heading = "Login")]
    pub(crate) no_browser: bool,
}

/// Whom the assertions of a client's key are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Audience {
    /// The issuer of the authorization server.
    Issuer,
    /// The URL of its token endpoint.
    TokenEndpoint,
}

impl Audience {
    const fn word(self) -> AudienceWord {
        match self {
            Self::Issuer => AudienceWord::Issuer,
            Self::TokenEndpoint => AudienceWord::TokenEndpoint,
        }
    }
}

/// Where a client secret goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SecretPlace {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

impl SecretPlace {
    const fn word(self) -> AuthWord {
        match self {
            Self::Basic => AuthWord::Basic,
            Self::Post => AuthWord::Post,
        }
    }
}

impl LoginOptions {
    /// The options as the configuration reads them.
    pub(crate) fn flags(&self) -> LoginFlags {
        LoginFlags {
            name: self.login.clone(),
            client_secret: self.client_secret.clone(),
            client_key: self.client_key.clone(),
            client_key_id: self.client_key_id.clone(),
            client_certificate: self.client_certificate.clone(),
            auth: self.client_auth.map(SecretPlace::word),
            assertion_audience: self.assertion_audience.map(Audience::word),
            dpop: self.dpop,
            scopes: self.login_scope.clone(),
            issuer: self.issuer.clone(),
            device: self.device,
            port: self.login_port,
            timeout: self.login_timeout,
            grace: self.login_grace,
            ..LoginFlags::default()
        }
    }
}

pub(crate) fn run(args: &LoginArgs, global: &Global) -> Outcome {
    let mut planned = targets::only(&args.target, &args.target.flags(None), "login")?;
    let name = &mut planned.flags.login.name;
    name.get_or_insert_with(|| "user".to_owned());
    let kept = args.token_file.as_deref();
    if let Some(path) = kept.filter(|path| path.exists() && !args.force) {
        let problem = "exists already; choose another path, or pass `--force` to replace it";
        return Err(Usage(format!("--token-file {} {problem}", path.display())).into());
    }
    let mut prepared = session::prepare(&planned, &mut ProcessSecrets::default())?;
    let key = targets::key(planned.name.as_deref(), &prepared.url);
    session::remember(&mut prepared, &planned, &key)?;
    let (wire, cancel) = session::wire(&prepared)?;
    let open = !args.target.login.no_browser;
    let progress = Progress::new(global);
    let show = |visit: &Visit<'_>| progress.pause(|| browser::show(visit, open));
    let told = |stage: &str, requests: usize| progress.stage(stage, requests);
    let (collected, identity, interrupted) = session::runtime()?.block_on(async {
        let interrupted = session::cancel_on_interrupt(&cancel);
        let run = Run::new(&wire, &prepared.settings, prepared.entropy.clone(), &told)
            .with_person(browser::person(&show, &Keyboard::new(), &cancel));
        let target = audit::target(&prepared.url);
        let engagement = prepared.engagement.clone();
        let work = Box::pin(audit::sign_in(&run, target, engagement, kept.is_some()));
        let (collected, identity) = progress.during(|| wire.sent(), work).await;
        progress.finish();
        (collected, identity, interrupted.load(Ordering::Relaxed))
    });
    let Some(identity) = identity else {
        session::note(&refusal(&collected));
        session::note(&residue(&collected));
        return Ok(if interrupted {
            exit::INTERRUPTED
        } else {
            exit::INCOMPLETE
        });
    };
    if let (Some(path), Some(token)) = (kept, &identity.credential) {
        write(path, token.expose_secret(), args.force)
            .with_context(|| format!("{} was not written", path.display()))?;
    }
    session::put("-", summary(&collected, &identity, kept).as_bytes())?;
    session::note(&residue(&collected));
    Ok(DONE)
}

/// A new file that nobody else can read.
fn write(path: &Path, token: &str, replace: bool) -> std::io::Result<()> {
    if replace && path.exists() {
        std::fs::remove_file(path)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(token.as_bytes())?;
    file.write_all(b"\n")
}

fn refusal(collected: &Collected) -> String {
    let missing = collected.identities.missing.first();
    let unusable = collected.discovery.unusable.as_ref();
    let reason = missing.map(|missing| &missing.reason).or(unusable);
    format!(
        "No token: {}\n",
        safe::line(reason.map_or("nobody signed in", String::as_str))
    )
}

fn residue(collected: &Collected) -> String {
    let mut out = String::new();
    for item in &collected.residue {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "Left behind: {} {}: {}; {}",
            item.kind,
            safe::line(&item.name),
            safe::line(&item.reason),
            safe::line(&item.undo)
        );
    }
    out
}

fn summary(collected: &Collected, identity: &Identity, kept: Option<&Path>) -> String {
    let mut out = String::new();
    let Some(login) = collected.logins.last() else {
        return out;
    };
    let words = |scopes: Option<&ScopeSet>| {
        scopes.map_or("(not said)".to_owned(), |scopes| {
            scopes.iter().cloned().collect::<Vec<_>>().join(" ")
        })
    };
    let claims = identity.claims.as_ref();
    let audience = claims.map_or("(the token is opaque)".to_owned(), |it| {
        it.audience.join(" ")
    });
    let origin = match login.client {
        ClientOrigin::Operator => "yours",
        ClientOrigin::Registered => "registered for this run",
    };
    let kind = if login.public {
        "public"
    } else {
        "confidential"
    };
    let lifetime = identity
        .expires_in
        .map_or("(not said)".to_owned(), |seconds| format!("{seconds} s"));
    let first = login.redemptions.first();
    let refresh = first.is_some_and(|it| it.answer.refresh != RefreshToken::Absent);
    let fate = match kept {
        Some(path) => format!("in {}, readable by you alone", path.display()),
        None => "given back; `--token-file PATH` would keep it".to_owned(),
    };
    let rows = [
        ("signed in at", login.issuer.clone()),
        ("client", format!("{} ({origin}, {kind})", login.client_id)),
        ("grant", login.grant.clone()),
        ("resource", login.resource.clone()),
        ("asked for", words(login.requested.as_ref())),
        ("granted", words(identity.scopes())),
        ("audience", audience),
        ("lifetime", lifetime),
        (
            "refresh token",
            if refresh { "yes" } else { "no" }.to_owned(),
        ),
        ("token", fate),
    ];
    for (name, value) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name:<14} {}", safe::line(&value));
    }
    out
}
