//! Knobs of how the authorization server treats client ID metadata documents.

use schemars::JsonSchema;
use serde::Deserialize;

/// How client ID metadata documents are fetched and read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Documents {
    /// Whose documents are taken.
    pub admission: DocumentAdmission,
    /// When a document is fetched.
    pub fetch: FetchMoment,
    /// What becomes of a client whose document cannot be had or read.
    pub failure: FetchFailure,
    /// Which URLs may be client ids.
    pub urls: UrlRule,
    /// Whether plain http is taken from loopback.
    pub plain_http: PlainHttp,
    /// Whether redirects of a document are followed.
    pub redirects: FetchRedirects,
    /// Whether the `client_id` in a document has to be its URL.
    pub client_id: MemberCheck,
    /// Whether `client_name` and `redirect_uris` have to be there.
    pub members: MemberCheck,
    /// Whether the redirect URI of a request has to be in the document.
    pub redirect_uri: MemberCheck,
    /// Whether the media type has to be JSON.
    pub media_type: MemberCheck,
    /// Whether documents that speak of a shared secret are refused.
    pub shared_secrets: MemberCheck,
    /// Bytes of a document that are read; 0 for no limit.
    pub max_bytes: usize,
    /// Milliseconds that a document may take; 0 for no limit.
    pub deadline_ms: u64,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            admission: DocumentAdmission::default(),
            fetch: FetchMoment::default(),
            failure: FetchFailure::default(),
            urls: UrlRule::default(),
            plain_http: PlainHttp::default(),
            redirects: FetchRedirects::default(),
            client_id: MemberCheck::default(),
            members: MemberCheck::default(),
            redirect_uri: MemberCheck::default(),
            media_type: MemberCheck::default(),
            shared_secrets: MemberCheck::default(),
            max_bytes: 5 * 1024,
            deadline_ms: 500,
        }
    }
}

/// Whose documents are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentAdmission {
    /// Everybody's.
    #[default]
    Any,
    /// Those of one host that belongs to nobody here.
    Listed,
}

/// When a document is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FetchMoment {
    /// Before anybody logs in.
    #[default]
    BeforeLogin,
    /// After the login, which nobody here gets to.
    AfterLogin,
}

/// What becomes of a client whose document cannot be had or read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FetchFailure {
    /// It is refused.
    #[default]
    Refuse,
    /// It goes on under the name of its URL.
    Proceed,
}

/// Which URLs may be client ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UrlRule {
    /// https with a path, without dot segments, fragment and user.
    #[default]
    Strict,
    /// Every https URL.
    AnyHttps,
}

/// Whether plain http is taken from loopback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlainHttp {
    /// It is not.
    #[default]
    Refused,
    /// It is.
    Loopback,
}

/// Whether redirects of a document are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FetchRedirects {
    /// They are errors.
    #[default]
    Refused,
    /// They are followed, three at most.
    Followed,
}

/// Whether a part of a document is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MemberCheck {
    /// It is.
    #[default]
    Checked,
    /// It is not.
    Unchecked,
}
