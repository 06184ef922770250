//! The HTTP client with everything automatic turned off, and its name resolution.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::Certificate;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::guard::{BadHost, Blocked, Bounds, Route, check_address};
use crate::model::settings::Network;

/// Why no client can be built from the settings.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The target is no web server.
    #[error(
        "the target `{0}` is not an http or https URL; expected one such as https://mcp.example.com/mcp"
    )]
    Target(String),
    /// An entry of `--allow-host` names no host.
    #[error("--allow-host: {0}")]
    AllowHost(#[from] BadHost),
    /// The additional roots cannot be read.
    #[error("--cacert: cannot read `{}`: {source}; expected a readable PEM file", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The additional roots are no certificates.
    #[error("--cacert: `{}` holds no usable certificate ({reason}); expected one or more PEM blocks `-----BEGIN CERTIFICATE-----`", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The proxy URL is not usable; it is not repeated because it may hold a password.
    #[error(
        "--proxy: the proxy URL is not usable ({0}); expected one such as http://proxy.example.com:3128"
    )]
    Proxy(String),
    /// The `User-Agent` cannot be sent.
    #[error("the User-Agent `{0}` cannot be sent; expected visible ASCII characters")]
    UserAgent(String),
    /// The client itself refused.
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
}

/// The clients, each built when it is first needed: loading the system's roots costs more than a
/// whole audit over loopback.
pub(super) struct Clients {
    network: Network,
    bounds: Bounds,
    roots: Vec<Certificate>,
    open: Pool,
    filtered: Pool,
    certified: Mutex<Vec<Certified>>,
}

/// Connections that showed a certificate: nobody else's.
struct Certified {
    route: Route,
    certificate: SecretString,
    client: Client,
}

/// Connections to hosts of one route.
#[derive(Default)]
struct Pool {
    plain: OnceLock<Client>,
    verified: OnceLock<Client>,
}

#[expect(
    clippy::disallowed_types,
    reason = "the one place where the HTTP client is named"
)]
type Client = reqwest::Client;

impl Clients {
    pub(super) fn new(network: &Network, bounds: &Bounds) -> Result<Self, BuildError> {
        let clients = Self {
            network: network.clone(),
            bounds: bounds.clone(),
            roots: roots(network)?,
            open: Pool::default(),
            filtered: Pool::default(),
            certified: Mutex::default(),
        };
        clients.of(Route::Open, network.cacert.is_some())?;
        Ok(clients)
    }

    pub(super) async fn execute(
        &self,
        route: Route,
        fresh: bool,
        certificate: Option<&SecretString>,
        request: reqwest::Request,
    ) -> Result<reqwest::Response, SendError> {
        let tls = request.url().scheme() == "https";
        if let Some(pem) = certificate.filter(|_| tls) {
            let client = self.certified(route, fresh, pem)?;
            return Ok(client.execute(request).await?);
        }
        if fresh {
            // A client of its own has no connection to share.
            let client = self.make(route, tls || self.network.proxy.is_some(), None)?;
            return Ok(client.execute(request).await?);
        }
        let client = self.of(route, tls)?;
        Ok(client.execute(request).await?)
    }

    fn certified(
        &self,
        route: Route,
        fresh: bool,
        pem: &SecretString,
    ) -> Result<Client, SendError> {
        let known = || {
            self.certified
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let same = |it: &&Certified| {
            it.route == route && it.certificate.expose_secret() == pem.expose_secret()
        };
        if let Some(client) = known().iter().find(same).filter(|_| !fresh) {
            return Ok(client.client.clone());
        }
        let identity = reqwest::Identity::from_pem(pem.expose_secret().as_bytes())?;
        let client = self.make(route, true, Some(&identity))?;
        if !fresh {
            known().push(Certified {
                route,
                certificate: pem.clone(),
                client: client.clone(),
            });
        }
        Ok(client)
    }

    fn of(&self, route: Route, tls: bool) -> Result<&Client, BuildError> {
        let pool = match route {
            Route::Open => &self.open,
            Route::Filtered => &self.filtered,
        };
        let verified = tls || self.network.proxy.is_some();
        let client = if verified {
            &pool.verified
        } else {
            &pool.plain
        };
        if let Some(client) = client.get() {
            return Ok(client);
        }
        let built = self.make(route, verified, None)?;
        Ok(client.get_or_init(|| built))
    }

    fn make(
        &self,
        route: Route,
        verified: bool,
        identity: Option<&reqwest::Identity>,
    ) -> Result<Client, BuildError> {
        // Behind a proxy the only name that is resolved here is the proxy's own.
        let filter = route == Route::Filtered && self.network.proxy.is_none();
        let resolver = Resolver {
            bounds: filter.then(|| self.bounds.clone()),
        };
        build(&self.network, &self.roots, resolver, verified, identity)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

/// Every address of a host, or the reason why none may be used.
pub(super) async fn resolve(
    host: &str,
    bounds: Option<&Bounds>,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
    let Some(bounds) = bounds else {
        return Ok(found);
    };
    let mut usable = Vec::new();
    let mut refused: Option<Blocked> = None;
    for address in found {
        match check_address(bounds, host, address.ip()) {
            Ok(()) => usable.push(address),
            Err(blocked) => refused = Some(blocked),
        }
    }
    match refused {
        Some(blocked) if usable.is_empty() => Err(Box::new(blocked)),
        _ => Ok(usable),
    }
}

struct Resolver {
    bounds: Option<Bounds>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let bounds = self.bounds.clone();
        Box::pin(async move {
            let addresses = resolve(name.as_str(), bounds.as_ref()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn build(
    network: &Network,
    roots: &[Certificate],
    resolver: Resolver,
    verified: bool,
    identity: Option<&reqwest::Identity>,
) -> Result<Client, BuildError> {
    let resolver = Arc::new(resolver);
    let base = || -> Result<reqwest::ClientBuilder, BuildError> {
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_gzip()
            .no_proxy()
            .http1_only()
            .connect_timeout(network.connect_timeout)
            .pool_idle_timeout(IDLE)
            .tls_danger_accept_invalid_certs(network.insecure)
            .dns_resolver(Arc::clone(&resolver));
        if let Some(identity) = identity {
            builder = builder.identity(identity.clone());
        }
        if let Some(proxy) = &network.proxy {
            builder = builder.proxy(proxy_of(proxy)?);
        }
        Ok(builder)
    };
    let given = || base().map(|builder| builder.tls_certs_only(roots.iter().cloned()).build());
    let unusable = |error: &reqwest::Error| match &network.cacert {
        Some(path) => BuildError::Certificate {
            path: path.clone(),
            reason: chain(error),
        },
        None => BuildError::Client(chain(error)),
    };
    if !verified {
        return given()?.map_err(|error| unusable(&error));
    }
    match base()?.tls_certs_merge(roots.iter().cloned()).build() {
        Ok(client) => Ok(client),
        // A slim container has no system roots: `--cacert` still works there.
        Err(error) => given()?.map_err(|_| unusable(&error)),
    }
}

fn roots(network: &Network) -> Result<Vec<Certificate>, BuildError> {
    let Some(path) = &network.cacert else {
        return Ok(Vec::new());
    };
    let pem = std::fs::read(path).map_err(|source| BuildError::CertificateFile {
        path: path.clone(),
        source,
    })?;
    let unusable = |reason: String| BuildError::Certificate {
        path: path.clone(),
        reason,
    };
    let roots = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(chain(&error)))?;
    if roots.is_empty() {
        return Err(unusable("no PEM block in it".to_owned()));
    }
    Ok(roots)
}

fn proxy_of(proxy: &str) -> Result<reqwest::Proxy, BuildError> {
    let url = Url::parse(proxy).map_err(|error| BuildError::Proxy(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        let reason = format!("scheme `{}`", url.scheme());
        return Err(BuildError::Proxy(reason));
    }
    reqwest::Proxy::all(url).map_err(|error| BuildError::Proxy(chain(&error)))
}

/// An error and its causes in one line, each once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// Shorter than the idle time of common servers, so that no request meets a closing connection.
const IDLE: Duration = Duration::from_millis(1500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::guard::Rule;

    fn bounds(target: &str) -> Bounds {
        Bounds::new(
            &Url::parse(target).unwrap(),
            &std::collections::BTreeSet::new(),
        )
        .unwrap()
    }

    fn refused(network: &Network) -> String {
        let error = Clients::new(network, &bounds("https://mcp.example.com/")).err();
        error.unwrap().to_string()
    }

    #[tokio::test]
    async fn a_discovered_name_that_leads_inside_is_refused_when_it_resolves() {
        let outside = bounds("https://mcp.example.com/");
        let error = resolve("localhost", Some(&outside)).await.unwrap_err();
        let blocked = error.downcast_ref::<Blocked>().unwrap();
        assert_eq!(blocked.rule, Rule::Address);
        let inside = bounds("http://127.0.0.1:8000/");
        assert!(
            !resolve("localhost", Some(&inside))
                .await
                .unwrap()
                .is_empty()
        );
        assert!(!resolve("localhost", None).await.unwrap().is_empty());
    }

    #[test]
    fn unusable_settings_name_the_flag_and_the_remedy() {
        let directory = tempfile::tempdir().unwrap();
        let absent = Network {
            cacert: Some(directory.path().join("absent.pem")),
            ..Network::default()
        };
        let text = refused(&absent);
        assert!(
            text.contains("--cacert") && text.contains("absent.pem"),
            "{text}"
        );
        for content in [
            "not PEM",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let path = directory.path().join("bad.pem");
            std::fs::write(&path, content).unwrap();
            let network = Network {
                cacert: Some(path),
                ..Network::default()
            };
            let text = refused(&network);
            assert!(
                text.contains("bad.pem") && text.contains("BEGIN CERTIFICATE"),
                "{text}"
            );
        }
        for proxy in ["not a url", "socks5://user:hunter2@proxy:1080"] {
            let network = Network {
                proxy: Some(proxy.to_owned()),
                ..Network::default()
            };
            let text = refused(&network);
            assert!(
                text.contains("--proxy") && !text.contains("hunter2"),
                "{text}"
            );
        }
    }
}
