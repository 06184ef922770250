//! Client ID metadata documents as observed: what was named, who fetched it, what came of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::ExchangeId;
use super::matrix::Confidence;

/// Which clients may name themselves by a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentAdmission {
    /// The metadata does not say that documents are taken.
    NotAdvertised,
    /// A host that nobody approved was admitted up to login and consent.
    AnyClient,
    /// A good document was refused before anybody fetched it.
    DomainPolicy,
    /// Not determined.
    #[default]
    Undetermined,
}

impl DocumentAdmission {
    /// The word used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAdvertised => "not_advertised",
            Self::AnyClient => "any_client",
            Self::DomainPolicy => "domain_policy",
            Self::Undetermined => "undetermined",
        }
    }
}

macro_rules! variants {
    ($($variant:ident $name:literal $what:literal;)*) => {
        /// What is special about a document, its URL, or the request that names it.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            JsonSchema,
        )]
        pub enum DocumentVariant {
            $(#[doc = $what] #[serde(rename = $name)] $variant,)*
        }

        impl DocumentVariant {
            /// Every variant, controls first.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable kebab-case name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What is special about it, as it stands in a sentence.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }
        }
    };
}

variants! {
    UnknownClient "unknown-client" "a client ID that is no URL and that nobody knows";
    Good "good" "a document without fault";
    GoodAgain "good-again" "the same document a second time";
    HttpsKnock "https-knock" "the good document under https, where no certificate is to be had";
    OtherClientId "other-client-id" "a document whose `client_id` is not its URL";
    NoClientName "no-client-name" "a document without `client_name`";
    NoRedirectUris "no-redirect-uris" "a document without `redirect_uris`";
    NotJson "not-json" "a document that is not JSON";
    MediaType "media-type" "a document served as `text/html`";
    Missing "missing" "a document that is answered with 404";
    ForeignRedirect "foreign-redirect" "a redirect URI that the document does not list";
    HttpScheme "http-scheme" "a client ID with the scheme http";
    NoPath "no-path" "a client ID without a path";
    DotSegments "dot-segments" "a client ID with a `..` segment";
    Fragment "fragment" "a client ID with a fragment";
    Userinfo "userinfo" "a client ID with a user name and a password";
    Redirected "redirected" "a document that is answered with a redirect";
    Large "large" "a document of 128 kB";
    Endless "endless" "a document without an end";
    Slow "slow" "a document that arrives slowly";
    SecretMethod "secret-method" "a document with `token_endpoint_auth_method` `client_secret_basic`";
    SecretMember "secret-member" "a document with a `client_secret`";
}

/// How the authorization endpoint received a client, compared with the two controls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reception {
    /// As the good document: on to login and consent, or back with the same answer.
    GoesOn,
    /// With an error, or as the client that nobody knows.
    Refused,
    /// Neither can be told.
    #[default]
    Unclear,
}

/// One fetch that the run's own server saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentFetch {
    /// HTTP method; empty when the bytes were no HTTP.
    pub method: String,
    /// The path asked for; empty when the bytes were no HTTP.
    pub path: String,
    /// The address that asked; a forwarder's where one is between.
    pub peer: String,
    /// `User-Agent`, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Names of the header fields; values are not kept.
    pub headers: Vec<String>,
    /// Whether it began a TLS handshake, which is not spoken here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handshake: bool,
    /// The status that was answered, 0 when none was.
    pub status: u16,
    /// Bytes of body that the peer took before it went away.
    pub bytes: u64,
    /// Whether this side ended the answer, and not the peer.
    pub outlasted: bool,
    /// Milliseconds from the start of the server to the request.
    pub began_ms: u64,
    /// Milliseconds from the start of the server to the end.
    pub ended_ms: u64,
}

/// One authorization request that names a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentAttempt {
    /// What is special about it.
    pub variant: DocumentVariant,
    /// The `client_id` that was sent.
    pub client_id: String,
    /// How it was received.
    pub reception: Reception,
    /// What was seen, in a few words.
    pub what: String,
    /// Every fetch of its document.
    pub fetches: Vec<DocumentFetch>,
    /// Fetches of the place that its redirect led to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followed: Vec<DocumentFetch>,
    /// Milliseconds from the start of the run's own server to the answer.
    pub answered_ms: u64,
    /// The exchange.
    pub exchange: ExchangeId,
}

impl DocumentAttempt {
    /// Whether the server was still waiting when the run's own server ended its answer.
    pub fn waited_to_the_end(&self) -> bool {
        self.fetches
            .iter()
            .any(|fetch| fetch.outlasted && fetch.ended_ms <= self.answered_ms)
    }
}

/// Everything observed about one authorization server and documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientDocuments {
    /// The issuer.
    pub issuer: String,
    /// Which clients are admitted.
    pub admission: DocumentAdmission,
    /// How sure.
    pub confidence: Confidence,
    /// One sentence: why, or what would determine it.
    pub reason: String,
    /// The flag that would determine it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// The address under which documents were offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Every request.
    pub attempts: Vec<DocumentAttempt>,
    /// The exchanges that the admission rests on.
    pub exchanges: Vec<ExchangeId>,
}

impl ClientDocuments {
    /// The attempt with a variant.
    pub fn attempt(&self, variant: DocumentVariant) -> Option<&DocumentAttempt> {
        self.attempts.iter().find(|it| it.variant == variant)
    }

    /// Whether the good document was received well, so that others can be compared with it.
    pub fn has_control(&self) -> bool {
        self.attempt(DocumentVariant::Good)
            .is_some_and(|it| it.reception == Reception::GoesOn)
    }

    /// Whether the good document was fetched before anybody logged in.
    pub fn is_fetched_early(&self) -> bool {
        self.attempt(DocumentVariant::Good)
            .is_some_and(|it| it.fetches.iter().any(|fetch| !fetch.handshake))
    }
}
