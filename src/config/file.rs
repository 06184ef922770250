//! The configuration file `assay.toml`; unknown keys are refused with their line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::canary::CanarySection;
use super::headers;
use super::login::LoginSection;
use super::object::ObjectSection;
use super::policy::{self, PolicySection};
use super::proof::AudienceWord;
use super::source::{self, Secrets, TokenSource};
use super::targets::{self, TargetEntry};
use super::values::{PromptSection, TemplateSection};
use super::{
    Acceptance, CredentialSource, Error, Hierarchy, IdentityKind, IdentitySource, Mint,
    PolicyEntry, Revision, Severity, Tier, ToolRule, duplicate, read_file,
};
use crate::model::place::Place;

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// What to audit.
    #[serde(deserialize_with = "targets::section")]
    #[schemars(with = "targets::Shape")]
    pub target: TargetSection,
    /// Operator identities.
    pub identity: Vec<IdentitySection>,
    /// The ladder of narrower tokens.
    pub mint: Option<MintSection>,
    /// Scopes that contain others.
    pub hierarchy: Vec<HierarchySection>,
    /// A client that the authorization server already knows.
    pub client: ClientSection,
    /// How `--login` signs in.
    pub login: LoginSection,
    /// Intended policy.
    pub policy: Vec<PolicySection>,
    /// Accepted findings.
    pub accept: Vec<AcceptSection>,
    /// What the operator says about tools.
    pub tool: Vec<ToolSection>,
    /// Values that prompts are asked with.
    pub prompt: Vec<PromptSection>,
    /// Values that resource templates are filled with.
    pub resource_template: Vec<TemplateSection>,
    /// Objects and who owns them.
    pub object: Vec<ObjectSection>,
    /// How far the tool may go.
    pub safety: SafetySection,
    /// Network behaviour.
    pub network: NetworkSection,
    /// What fails the run.
    pub output: OutputSection,
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) path: String,
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) text: String,
}

/// `[target]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TargetSection {
    /// The MCP endpoint.
    #[schemars(with = "Option<String>")]
    pub url: Option<Spanned<String>>,
    /// The revision to audit with; the newest served when absent.
    #[schemars(with = "Option<String>")]
    pub revision: Option<Spanned<String>>,
    /// `[[target]]`, where there are several.
    #[serde(skip)]
    #[schemars(skip)]
    pub several: Vec<TargetEntry>,
}

/// `[[identity]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentitySection {
    /// Its name in reports.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// `env:NAME`, `file:PATH` or `-`.
    #[schemars(with = "Option<String>")]
    pub token: Option<Spanned<String>>,
    /// The field that carries `token` as it is, for example `X-Api-Key`; without it the token goes
    /// into `Authorization: Bearer`.
    #[schemars(with = "Option<String>")]
    pub header: Option<Spanned<String>>,
    /// `client_credentials`, `refresh_token`, `token_exchange`, `jwt_bearer`, `authorization_code`
    /// or `device_code`.
    #[schemars(with = "Option<String>")]
    pub grant: Option<Spanned<String>>,
    /// Source of the refresh token, for `refresh_token`.
    #[schemars(with = "Option<String>")]
    pub refresh_token: Option<Spanned<String>>,
    /// Source of the token to exchange, for `token_exchange`.
    #[schemars(with = "Option<String>")]
    pub subject_token: Option<Spanned<String>>,
    /// What it is: `access_token`, `id_token`, `refresh_token`, `jwt` or a URI; `access_token` when
    /// absent.
    pub subject_token_type: Option<String>,
    /// Source of the assertion, for `jwt_bearer`.
    #[schemars(with = "Option<String>")]
    pub assertion: Option<Spanned<String>>,
    /// Client identifier for a grant.
    pub client_id: Option<String>,
    /// One of that client's registered redirect URIs: the authorization endpoint is asked what it
    /// lets through in its name; nothing is ever sent there.
    #[schemars(with = "Option<String>")]
    pub redirect_uri: Option<Spanned<String>>,
    /// Source of the client secret.
    #[schemars(with = "Option<String>")]
    pub client_secret: Option<Spanned<String>>,
    /// Source of the client's private key, PEM or JWK (`private_key_jwt`).
    #[schemars(with = "Option<String>")]
    pub client_key: Option<Spanned<String>>,
    /// Source of the client's certificate and its key, both in PEM (mutual TLS).
    #[schemars(with = "Option<String>")]
    pub client_certificate: Option<Spanned<String>>,
    /// Source of a certificate and its key, both in PEM, that the target may see with this
    /// identity's token, where the token is bound to it (RFC 8705); it goes nowhere else.
    #[schemars(with = "Option<String>")]
    pub target_certificate: Option<Spanned<String>>,
    /// The `kid` under which the authorization server knows the key.
    pub client_key_id: Option<String>,
    /// Whom assertions of that key are for: `issuer` or `token-endpoint`; the issuer when absent.
    pub assertion_audience: Option<AudienceWord>,
    /// `basic` or `post`; what the metadata advertises when absent.
    pub auth: Option<AuthWord>,
    /// Whether the token is bound to a key of the run (DPoP); as the servers demand when absent.
    pub dpop: Option<bool>,
    /// The issuer, when the target names several.
    pub issuer: Option<String>,
    /// The other server that a `foreign-audience` token is asked for: its resource identifier.
    #[schemars(with = "Option<String>")]
    pub resource: Option<Spanned<String>>,
    /// Scopes it has, or asks for.
    pub scopes: Option<BTreeSet<String>>,
    /// Whether it is the strongest.
    #[serde(default)]
    pub privileged: bool,
    /// `valid`, `other-user`, or what makes it a token to be refused: `expired`,
    /// `foreign-audience`, `foreign-issuer`, `cross-issuer`, `id-token`, `refresh-token`,
    /// `wrong-type`, `upstream`.
    #[serde(default)]
    pub kind: KindWord,
}

/// Client authentication in words.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthWord {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

/// What kind of token the operator gives.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KindWord {
    /// It should work.
    #[default]
    Valid,
    /// It works and has the same scopes, but stands for another person.
    OtherUser,
    /// Genuine, past its expiry.
    Expired,
    /// Genuine, issued for another resource.
    ForeignAudience,
    /// Genuine, of an issuer that the target does not name.
    ForeignIssuer,
    /// Signed by one issuer of the target in the name of another.
    CrossIssuer,
    /// An ID token.
    IdToken,
    /// A refresh token.
    RefreshToken,
    /// Signed by the right key for the right audience, of another type than `at+jwt`.
    WrongType,
    /// For an API behind the target.
    Upstream,
}

/// `[mint]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MintSection {
    /// The identity whose grant mints, or a grant: `client_credentials`, `token_exchange`,
    /// `refresh_token`, `jwt_bearer` or `login` (a person signs in for each token). The cheapest that
    /// works when absent.
    #[schemars(with = "Option<String>")]
    pub from: Option<Spanned<String>>,
    /// `each`: none, each alone, all but each, all.
    pub scopes: EachWord,
    /// The scopes to vary; the source identity's when absent.
    pub vary: Option<BTreeSet<String>>,
    /// Scopes that every token asks for besides.
    #[serde(default)]
    pub keep: BTreeSet<String>,
}

/// `[[hierarchy]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HierarchySection {
    /// The broader scope.
    #[schemars(with = "String")]
    pub broad: Spanned<String>,
    /// The narrower one, which the broader contains.
    pub narrow: String,
}

/// The only ladder there is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EachWord {
    /// None, each alone, all but each, all.
    Each,
}

/// `[client]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientSection {
    /// Client identifier of a public client.
    pub id: Option<String>,
    /// One of its registered redirect URIs.
    pub redirect_uri: Option<String>,
}

/// `[[accept]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptSection {
    /// Check id.
    #[schemars(with = "String")]
    pub check: Spanned<String>,
    /// Subject pattern; every subject when absent.
    pub subject: Option<String>,
    /// Why it is accepted.
    pub reason: String,
    /// Last day of validity.
    #[schemars(with = "Option<String>")]
    pub expires: Option<Spanned<toml::value::Datetime>>,
}

/// `[[tool]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolSection {
    /// Name pattern.
    pub name: String,
    /// Arguments for a valid call.
    #[schemars(with = "Option<serde_json::Value>")]
    pub arguments: Option<toml::Value>,
    /// Further arguments, each asked on its own.
    #[serde(default)]
    #[schemars(with = "Vec<serde_json::Value>")]
    pub vectors: Vec<toml::Value>,
    /// Whether it may be called with identifiers that name nothing; needs `--allow call`.
    #[serde(default)]
    pub null_object: bool,
    /// How it is called on an object of the run's own; needs `--allow destructive`.
    #[schemars(with = "Option<CanarySection>")]
    pub canary: Option<Spanned<CanarySection>>,
    /// `true`: it only reads, on the operator's word; `false`: never call it.
    pub safe: Option<bool>,
}

/// `[safety]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SafetySection {
    /// `register`, `call`, `destructive`.
    #[schemars(with = "Vec<String>")]
    pub allow: Vec<Spanned<String>>,
    /// Whether valid calls of clearly read-only tools may run; true when absent.
    pub reads: Option<bool>,
    /// Whether refused calls are sent again in other forms; true when absent.
    pub bypass: Option<bool>,
    /// Whether resource paths that climb out of what is offered may be read.
    pub probe_traversal: bool,
    /// Wrong credentials that are not sent: `anonymous`, `garbage`, `garbage-jwt`, `derived`.
    #[schemars(with = "Vec<String>")]
    pub skip_arms: Vec<Spanned<String>>,
    /// https address that forwards to `callback_listen`.
    pub callback_base: Option<String>,
    /// Address and port where documents of the run are served.
    pub callback_listen: Option<String>,
}

/// `[network]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkSection {
    /// Hosts a credential may go to beside the target's.
    pub allow_hosts: Vec<String>,
    /// PEM file with additional roots.
    pub cacert: Option<PathBuf>,
    /// Whether certificates go unverified.
    pub insecure: bool,
    /// Proxy URL.
    pub proxy: Option<String>,
    /// Seconds for one answer.
    pub timeout: Option<u64>,
    /// Seconds to connect.
    pub connect_timeout: Option<u64>,
    /// Requests in flight to one host.
    pub concurrency: Option<usize>,
    /// Requests per second to one remote host.
    pub rate: Option<u32>,
    /// Requests in the whole run.
    pub max_requests: Option<usize>,
}

/// `[output]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutputSection {
    /// Findings at or above this severity fail the run.
    pub fail_on: Option<Severity>,
    /// Whether inconclusive checks fail the run.
    pub strict: bool,
}

impl ConfigFile {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// An unreadable file, or a syntax error or unknown key with its line.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::parse(&path.display().to_string(), read_file(path)?)
    }

    pub(super) fn parse(path: &str, text: String) -> Result<Self, Error> {
        let mut file: Self = toml::from_str(&text).map_err(|error| {
            let message = error.to_string().trim_end().to_owned();
            Error::Syntax {
                path: path.to_owned(),
                message,
            }
        })?;
        path.clone_into(&mut file.path);
        file.text = text;
        Ok(file)
    }

    pub(super) fn place(&self, offset: usize) -> String {
        self.line(offset).to_string()
    }

    pub(super) fn line(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or_default();
        Place {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
        }
    }

    /// The line that names the target.
    pub(super) fn target_place(&self) -> Option<Place> {
        let url = self.target.url.as_ref()?;
        Some(self.line(url.span().start))
    }

    pub(super) fn revision(&self) -> Result<Option<Revision>, Error> {
        let Some(text) = &self.target.revision else {
            return Ok(None);
        };
        let place = self.place(text.span().start);
        let parsed = text.get_ref().parse();
        parsed
            .map(Some)
            .map_err(|problem: String| Error::value(place, problem, "name one of them"))
    }

    pub(super) fn allowed_tiers(&self) -> Result<Vec<Tier>, Error> {
        let tier = |word: &Spanned<String>| match word.get_ref().as_str() {
            "register" => Ok(Tier::Register),
            "call" => Ok(Tier::Call),
            "destructive" => Ok(Tier::Destructive),
            other => Err(Error::value(
                self.place(word.span().start),
                format!("`{other}` is not a tier that can be allowed"),
                "use \"register\", \"call\" or \"destructive\"",
            )),
        };
        self.safety.allow.iter().map(tier).collect()
    }

    pub(super) fn identities(
        &self,
        secrets: &mut dyn Secrets,
    ) -> Result<Vec<IdentitySource>, Error> {
        let mut found: Vec<IdentitySource> = Vec::new();
        for section in &self.identity {
            let place = self.place(section.name.span().start);
            source::check_name(&place, section.name.get_ref())?;
            if found
                .iter()
                .any(|known| known.name == *section.name.get_ref())
            {
                return Err(duplicate(&place, section.name.get_ref()));
            }
            let header = section.header.as_ref().map(|header| {
                let place = self.place(header.span().start);
                headers::field(&place, header.get_ref())
            });
            if section.header.is_some() && section.token.is_none() {
                let problem = format!("`{}` has a header and no token", section.name.get_ref());
                let remedy = "add `token = \"env:VARIABLE\"`";
                return Err(Error::value(place, problem, remedy));
            }
            found.push(IdentitySource {
                header: header.transpose()?,
                name: section.name.get_ref().clone(),
                kind: match section.kind {
                    KindWord::Valid => IdentityKind::Valid,
                    KindWord::OtherUser => IdentityKind::OtherUser,
                    KindWord::Expired => IdentityKind::Expired,
                    KindWord::ForeignAudience => IdentityKind::ForeignAudience,
                    KindWord::ForeignIssuer => IdentityKind::ForeignIssuer,
                    KindWord::CrossIssuer => IdentityKind::CrossIssuer,
                    KindWord::IdToken => IdentityKind::IdToken,
                    KindWord::RefreshToken => IdentityKind::RefreshToken,
                    KindWord::WrongType => IdentityKind::WrongType,
                    KindWord::Upstream => IdentityKind::Upstream,
                },
                privileged: section.privileged,
                scopes: section.scopes.clone(),
                credential: self.credential(section, &place, secrets)?,
            });
        }
        Ok(found)
    }

    fn credential(
        &self,
        section: &IdentitySection,
        place: &str,
        secrets: &mut dyn Secrets,
    ) -> Result<CredentialSource, Error> {
        let name = section.name.get_ref();
        match (&section.token, &section.grant) {
            (Some(token), None) => {
                if let Some(resource) = &section.resource {
                    return Err(Error::value(
                        self.place(resource.span().start),
                        "`resource` says what a token is asked for, and this one is given",
                        "remove it, or ask for the token with `grant`",
                    ));
                }
                let (source, token) = self.secret(token, secrets)?;
                Ok(CredentialSource::Token { source, token })
            }
            (None, Some(grant)) => {
                let request = self.grant(section, grant, place, secrets)?;
                Ok(CredentialSource::Grant(request))
            }
            (Some(_), Some(_)) => Err(Error::value(
                place,
                format!("`{name}` has both `token` and `grant`"),
                "keep one of them",
            )),
            (None, None) => Err(Error::value(
                place,
                format!("`{name}` has neither `token` nor `grant`"),
                "add `token = \"env:VARIABLE\"` or `grant = \"client_credentials\"`",
            )),
        }
    }

    pub(super) fn secret(
        &self,
        text: &Spanned<String>,
        secrets: &mut dyn Secrets,
    ) -> Result<(String, secrecy::SecretString), Error> {
        let place = self.place(text.span().start);
        let source = TokenSource::parse(text.get_ref()).map_err(|_| {
            Error::value(
                place.clone(),
                "a secret written into the configuration",
                "name its source: `env:VARIABLE`, `file:PATH` or `-`",
            )
        })?;
        let secret = secrets.read(&source, &place)?;
        Ok((source.to_string(), secret))
    }

    pub(super) fn mint(
        &self,
        identities: &[IdentitySource],
        login: Option<&str>,
    ) -> Result<Option<Mint>, Error> {
        let Some(section) = &self.mint else {
            return Ok(None);
        };
        let from = self.minters(section, identities, login)?;
        let EachWord::Each = section.scopes;
        Ok(Some(Mint {
            by_login: section
                .from
                .as_ref()
                .is_some_and(|it| it.get_ref() == "login"),
            from,
            scopes: section.vary.clone(),
            keep: section.keep.clone(),
        }))
    }

    pub(super) fn hierarchy(&self) -> Result<Vec<Hierarchy>, Error> {
        let pair = |section: &HierarchySection| {
            let broad = section.broad.get_ref();
            if *broad == section.narrow {
                return Err(Error::value(
                    self.place(section.broad.span().start),
                    format!("`{broad}` is named as broader than itself"),
                    "name the scope that contains it as `broad`, and the one it contains as `narrow`",
                ));
            }
            Ok(Hierarchy {
                broad: broad.clone(),
                narrow: section.narrow.clone(),
            })
        };
        self.hierarchy.iter().map(pair).collect()
    }

    pub(super) fn policy(&self) -> Result<Vec<PolicyEntry>, Error> {
        policy::entries(&self.path, &self.policy)
    }

    pub(super) fn acceptances(&self, today: &str) -> Result<Vec<Acceptance>, Error> {
        let acceptance = |section: &AcceptSection| {
            let expires = match &section.expires {
                None => None,
                Some(date) => match date.get_ref().date {
                    Some(date) => Some(date.to_string()),
                    None => {
                        return Err(Error::value(
                            self.place(date.span().start),
                            "`expires` is not a date",
                            "write a date such as 2027-03-31",
                        ));
                    }
                },
            };
            Ok(Acceptance {
                place: Some(self.line(section.check.span().start)),
                check: section.check.get_ref().clone(),
                subject: section.subject.clone(),
                reason: section.reason.clone(),
                // ISO dates order as text.
                expired: expires.as_deref().is_some_and(|date| date < today),
                expires,
            })
        };
        self.accept.iter().map(acceptance).collect()
    }

    pub(super) fn tool_rules(&self) -> Result<Vec<ToolRule>, Error> {
        let json = |value: &toml::Value| serde_json::to_value(value).ok();
        let rule = |section: &ToolSection| {
            let mut vectors: Vec<_> = section.vectors.iter().filter_map(json).collect();
            let given = section.arguments.as_ref().and_then(json);
            let first = given.or_else(|| (!vectors.is_empty()).then(|| vectors.remove(0)));
            Ok(ToolRule {
                name: section.name.clone(),
                arguments: first,
                vectors,
                null_object: section.null_object,
                canary: self.canary(section)?,
                safe: section.safe,
            })
        };
        self.tool.iter().map(rule).collect()
    }
}
