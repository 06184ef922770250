//! Starts a server from its manifest and stops it again.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::manifest::{ClientCredentials, Expected, Identity, Runtime};

/// What a step gives, or why it could not.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A server that can be started.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Folder name, and the variant when the folder has several manifests.
    pub name: String,
    manifest: PathBuf,
}

/// A server that listens; dropping it ends its process group.
#[derive(Debug)]
pub struct Running {
    /// Its manifest, with ports filled in.
    pub expected: Expected,
    scratch: tempfile::TempDir,
    child: Child,
}

/// A token as its authorization server knows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Issued {
    /// `AccessToken`, `ClientCredentials` or `RefreshToken`.
    pub kind: String,
    /// Whose it is.
    pub client: String,
    /// What it is for.
    pub audience: String,
    /// Whether a proof of possession has to come with it.
    pub bound: bool,
    /// Whether it would still be taken.
    pub alive: bool,
}

/// Every manifest below `tests/peers`, by name.
pub fn all() -> Outcome<Vec<Peer>> {
    let mut peers = Vec::new();
    for folder in fs::read_dir(sources())? {
        let folder = folder?.path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder)? {
            let manifest = file?.path();
            if let Some(name) = peer_name(&folder, &manifest) {
                peers.push(Peer { name, manifest });
            }
        }
    }
    peers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(peers)
}

/// The server of that name, such as `typescript` or `oidc-gated`.
pub fn named(name: &str) -> Outcome<Peer> {
    let peers = all()?;
    let names = peers
        .iter()
        .map(|peer| peer.name.clone())
        .collect::<Vec<_>>()
        .join(", ");
    let found = peers.into_iter().find(|peer| peer.name == name);
    found.ok_or_else(|| format!("no server is called {name}; there are {names}").into())
}

/// A token for a machine client.
pub fn ask_for_token(client: &ClientCredentials) -> Outcome<String> {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials")
        .append_pair("scope", &client.scope)
        .append_pair("resource", &client.resource);
    let mut headers = vec![(
        "Content-Type",
        "application/x-www-form-urlencoded".to_owned(),
    )];
    if client.method == "client_secret_post" {
        form.append_pair("client_id", &client.client_id)
            .append_pair("client_secret", &client.client_secret);
    } else {
        let pair = STANDARD.encode(format!("{}:{}", client.client_id, client.client_secret));
        headers.push(("Authorization", format!("Basic {pair}")));
    }
    let endpoint = Url::parse(&client.token_endpoint)?;
    let (status, body) = exchange("POST", &endpoint, &headers, &form.finish())?;
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let token = answer
        .get("access_token")
        .and_then(serde_json::Value::as_str);
    let token = token.map(str::to_owned);
    token.ok_or_else(|| format!("{endpoint} answered {status} without a token: {body}").into())
}

impl Peer {
    /// The manifest with its placeholders left in place.
    pub fn expected(&self) -> Outcome<Expected> {
        self.parse(&fs::read_to_string(&self.manifest)?)
    }

    /// Starts the server and waits until it listens.
    pub fn start(&self) -> Outcome<Running> {
        self.start_with(&[])
    }

    /// The same with one argument in place of another.
    pub fn start_with(&self, changed: &[(&str, &str)]) -> Outcome<Running> {
        let mut last = None;
        for _ in 0..START_ATTEMPTS {
            match self.start_once(changed) {
                Ok(running) => return Ok(running),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| "never started".into()))
    }

    fn start_once(&self, changed: &[(&str, &str)]) -> Outcome<Running> {
        let scratch = tempfile::tempdir()?;
        let text = fs::read_to_string(&self.manifest)?
            .replace("{port}", &free_port()?.to_string())
            .replace("{as_port}", &free_port()?.to_string())
            .replace("{documents_port}", &free_port()?.to_string())
            .replace("{scratch}", &scratch.path().to_string_lossy());
        let mut expected = self.parse(&text)?;
        for (old, new) in changed {
            let mut arguments = expected.start.iter_mut();
            let argument = arguments.find(|argument| argument == old);
            (*new).clone_into(argument.ok_or_else(|| format!("no argument is `{old}`"))?);
        }
        let log = scratch.path().join("stderr.log");
        let mut child = self
            .command(&expected)?
            .stderr(fs::File::create(&log)?)
            .spawn()?;
        let ready = wait_until_ready(&mut child);
        let running = Running {
            expected,
            scratch,
            child,
        };
        match ready {
            Ok(url) if url == running.expected.url => Ok(running),
            Ok(url) => Err(format!(
                "{} listens at {url}, its manifest says {}",
                self.name, running.expected.url
            )
            .into()),
            Err(error) => {
                let said = fs::read_to_string(&log).unwrap_or_default();
                Err(format!("{} did not start: {error}\n{said}", self.name).into())
            }
        }
    }

    fn parse(&self, text: &str) -> Outcome<Expected> {
        toml::from_str(text).map_err(|e| format!("{}: {e}", self.manifest.display()).into())
    }

    /// The environment is emptied: one of these servers has a tool that prints it.
    fn command(&self, expected: &Expected) -> Outcome<Command> {
        let folder = self.manifest.parent().ok_or("a manifest has a folder")?;
        let installed = installed().join(folder.file_name().ok_or("a folder has a name")?);
        let program = match expected.runtime {
            Runtime::Python => installed.join("venv/bin/python"),
            Runtime::Node => PathBuf::from("node"),
            Runtime::Rust => installed.join("debug").join(expected.program()?),
        };
        let home = if expected.runtime == Runtime::Node {
            &installed
        } else {
            &folder.into()
        };
        if !home.exists() || (program.is_absolute() && !program.exists()) {
            return Err(format!(
                "{} is not installed in {}; run tests/peers/install.sh",
                self.name,
                installed.display()
            )
            .into());
        }
        if expected.runtime == Runtime::Node {
            stage(folder, &installed)?;
        }
        let mut command = Command::new(program);
        command
            .args(expected.start.iter().skip(1))
            .current_dir(home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0);
        Ok(command)
    }
}

impl Running {
    /// How often each tool's body ran; empty where the server does not count.
    pub fn executed(&self) -> Outcome<BTreeMap<String, u64>> {
        if !self.expected.counts_executions {
            return Ok(BTreeMap::new());
        }
        let url = Url::parse(&self.expected.url)?.join("/__executed")?;
        let (status, body) = exchange("GET", &url, &[], "")?;
        match status {
            200 => Ok(serde_json::from_str(&body)?),
            _ => Err(format!("{url} answered {status}, expected 200: {body}").into()),
        }
    }

    /// Clients that registered themselves and are still there; none where the server has no list.
    pub fn clients(&self) -> Outcome<BTreeSet<String>> {
        let url = Url::parse(&self.expected.url)?.join("/__clients")?;
        let (status, body) = exchange("GET", &url, &[], "")?;
        match status {
            200 => Ok(serde_json::from_str(&body)?),
            _ => Ok(BTreeSet::new()),
        }
    }

    /// A file that the server wrote into its scratch folder.
    pub fn file(&self, name: &str) -> Outcome<String> {
        Ok(fs::read_to_string(self.scratch.path().join(name))?)
    }

    /// Every token that its authorization server gave out.
    pub fn tokens(&self) -> Outcome<Vec<Issued>> {
        let url = Url::parse(&self.expected.url)?.join("/__tokens")?;
        let (_, body) = exchange("GET", &url, &[], "")?;
        Ok(serde_json::from_str(&body)?)
    }

    /// The token of an identity: as written, from the server's file, or asked for.
    pub fn token(&self, identity: &Identity) -> Outcome<String> {
        if let Some(token) = &identity.token {
            return Ok(token.clone());
        }
        if let Some(path) = &identity.token_file {
            return self.file(path);
        }
        match &identity.client_credentials {
            Some(client) => ask_for_token(client),
            None => Err(format!("{} has no way to a token", identity.name).into()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("sh")
            .args(["-c", "kill -s KILL -- \"$0\"", &group])
            .status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Expected {
    fn program(&self) -> Outcome<&str> {
        self.start
            .first()
            .map(String::as_str)
            .ok_or_else(|| "start is empty".into())
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

pub fn installed() -> PathBuf {
    std::env::var_os("PEERS_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers"),
        PathBuf::from,
    )
}

fn peer_name(folder: &Path, manifest: &Path) -> Option<String> {
    let folder = folder.file_name()?.to_str()?;
    let file = manifest.file_name()?.to_str()?;
    match file.strip_prefix("expected")?.strip_suffix(".toml")? {
        "" => Some(folder.to_owned()),
        variant => Some(format!("{folder}{variant}")),
    }
}

/// Node resolves imports from where the file is, so its files go next to node_modules.
fn stage(folder: &Path, installed: &Path) -> Outcome<()> {
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let (Some(name), true) = (path.file_name(), path.extension() == Some("mjs".as_ref()))
        else {
            continue;
        };
        let staged = tempfile::NamedTempFile::new_in(installed)?;
        fs::copy(&path, staged.path())?;
        staged.persist(installed.join(name))?;
    }
    Ok(())
}

fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn wait_until_ready(child: &mut Child) -> Outcome<String> {
    let stdout = child.stdout.take().ok_or("stdout is not piped")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left) {
            Ok(line) => {
                if let Some(url) = line.strip_prefix("READY ") {
                    return Ok(url.to_owned());
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                return Err(format!("no READY line within {START_DEADLINE:?}").into());
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err("it ended".into()),
        }
    }
}

/// One HTTP/1.1 exchange with a loopback server that states its content length.
fn exchange(
    method: &str,
    url: &Url,
    headers: &[(&str, String)],
    body: &str,
) -> Outcome<(u16, String)> {
    let host = url.host_str().ok_or("a URL has a host")?;
    let port = url.port_or_known_default().ok_or("a URL has a port")?;
    let mut stream = TcpStream::connect((host, port))?;
    stream.set_read_timeout(Some(EXCHANGE_DEADLINE))?;
    let mut head = format!(
        "{method} {} HTTP/1.1\r\nHost: {host}:{port}\r\n",
        url.path()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = body.len();
    head.push_str(&format!(
        "Content-Length: {length}\r\nConnection: close\r\n\r\n"
    ));
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or("an answer has a head")?;
    let status = head
        .split(' ')
        .nth(1)
        .ok_or("an answer has a status")?
        .parse()?;
    Ok((status, body.to_owned()))
}

const START_ATTEMPTS: usize = 3;
const START_DEADLINE: Duration = Duration::from_mins(1);
const EXCHANGE_DEADLINE: Duration = Duration::from_secs(10);
const MAX_ANSWER: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Outcome, named, peer_name};

    #[test]
    fn dropping_a_server_ends_its_process() -> Outcome<()> {
        let peer = named("rmcp-server")?.start()?;
        let process = format!("/proc/{}", peer.child.id());
        assert!(Path::new(&process).exists());
        drop(peer);
        assert!(!Path::new(&process).exists());
        Ok(())
    }

    #[test]
    fn a_fresh_server_has_executed_nothing() -> Outcome<()> {
        let peer = named("rmcp-server")?.start()?;
        assert_eq!(peer.executed()?.values().sum::<u64>(), 0);
        Ok(())
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = named("fastmpc").err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| {
            text.contains("there are everything-http, everything-sse, fastmcp-")
        }));
    }

    #[test]
    fn a_variant_is_named_after_folder_and_file() {
        let folder = Path::new("/p/oidc");
        let name = |file: &str| peer_name(folder, &folder.join(file));
        assert_eq!(name("expected.toml").as_deref(), Some("oidc"));
        assert_eq!(name("expected-off.toml").as_deref(), Some("oidc-off"));
        assert_eq!(name("server.mjs"), None);
    }
}
