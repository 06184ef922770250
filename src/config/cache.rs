//! `--token-cache` and `--keep-tokens`: refresh tokens from one run to the next, in a file that nobody
//! else can read.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::model::grant::{Grant, GrantRequest};
use crate::model::settings::{CredentialSource, IdentitySource, Upkeep};

/// What the flags said about tokens that outlive a run.
#[derive(Clone, Debug, Default)]
pub struct UpkeepFlags {
    /// `--keep-tokens`.
    pub keep_tokens: bool,
    /// `--token-cache [FILE]`; an empty path is the default place.
    pub cache: Option<PathBuf>,
    /// The directory of caches: `XDG_CACHE_HOME`, else `.cache` in the home directory.
    pub home: Option<PathBuf>,
}

/// One refresh token in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The server it opens: at any other it would tell a stranger.
    target: String,
    identity: String,
    client_id: String,
    refresh_token: String,
}

/// What happens to tokens after the run, with what an earlier run kept.
///
/// # Errors
/// A file that cannot be read, or that others can read.
pub fn upkeep(
    flags: &UpkeepFlags,
    target: &url::Url,
    identities: &[IdentitySource],
) -> Result<Upkeep, Error> {
    let mut upkeep = Upkeep {
        keep_tokens: flags.keep_tokens,
        ..Upkeep::default()
    };
    let Some(given) = &flags.cache else {
        return Ok(upkeep);
    };
    let named = !given.as_os_str().is_empty();
    let path = match &flags.home {
        _ if named => given.clone(),
        // A relative one would lie in the working directory (XDG base directories, 0.8).
        Some(home) if home.is_absolute() => home.join("mcp-assay").join("tokens.json"),
        Some(_) | None => {
            let problem = "neither XDG_CACHE_HOME nor HOME names a directory by its full path";
            return Err(Error::value(
                FLAG,
                problem,
                "name a file: `--token-cache=FILE`",
            ));
        }
    };
    for entry in read(&path)? {
        let fits = |source: &&IdentitySource| match &source.credential {
            CredentialSource::Grant(request) => {
                let renewable = matches!(request.grant, Grant::RefreshToken(_));
                source.name == entry.identity
                    && entry.target == target.as_str()
                    && request.client.id == entry.client_id
                    && (renewable || request.grant.needs_a_person())
            }
            CredentialSource::Token { .. } => false,
        };
        if identities.iter().any(|source| fits(&source)) {
            let token = SecretString::from(entry.refresh_token);
            upkeep.cached.insert(entry.identity, token);
        }
    }
    upkeep.cache = Some(path);
    Ok(upkeep)
}

/// Writes the newest refresh tokens beside those of other targets and identities; nobody but the
/// owner can read them.
///
/// # Errors
/// What the operating system answers, a file that is no cache, and one that another run holds.
pub fn write(
    path: &Path,
    target: &url::Url,
    used: &BTreeMap<String, SecretString>,
    refresh: &BTreeMap<String, GrantRequest>,
) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let _held = hold(&beside(path, ".lock"))?;
    let ours = |entry: &Entry| {
        let known = used.contains_key(&entry.identity) || refresh.contains_key(&entry.identity);
        entry.target == target.as_str() && known
    };
    // Another run may have written since this one read.
    let mut entries = read(path).map_err(io::Error::other)?;
    entries.retain(|entry| !ours(entry));
    entries.extend(refresh.iter().filter_map(|(identity, request)| {
        let Grant::RefreshToken(token) = &request.grant else {
            return None;
        };
        Some(Entry {
            target: target.to_string(),
            identity: identity.clone(),
            client_id: request.client.id.clone(),
            refresh_token: token.expose_secret().to_owned(),
        })
    }));
    let next = beside(path, ".new");
    // A file that was left there might be open to others.
    match std::fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&next)?;
    serde_json::to_writer_pretty(&mut file, &entries)?;
    file.write_all(b"\n")?;
    std::fs::rename(&next, path)
}

/// The same path with an ending of its own.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Keeps other runs from writing until it is dropped.
fn hold(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600);
    let file = file.open(path)?;
    for _ in 0..LOOKS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("another run holds {}", path.display()),
    ))
}

/// The tokens of a file, or none when there is no file yet.
fn read(path: &Path) -> Result<Vec<Entry>, Error> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => {
            let path = path.display().to_string();
            return Err(Error::Unreadable { path, source });
        }
    };
    let shown = path.display();
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let problem = format!("{shown} is open to others (mode {mode:03o})");
        let remedy =
            format!("`chmod 600 {shown}` if nobody read it, else delete it and sign in again");
        return Err(Error::value(FLAG, problem, remedy));
    }
    if !metadata.is_file() || metadata.len() > MOST_BYTES {
        let problem = format!("{shown} is no file that an earlier run wrote");
        return Err(Error::value(FLAG, problem, "name another file"));
    }
    let text = super::read_file(path)?;
    // The message of the parser could repeat a token.
    serde_json::from_str(&text).map_err(|error| {
        let problem = format!(
            "{shown} is not what an earlier run wrote (line {})",
            error.line()
        );
        Error::value(FLAG, problem, "delete it, or name another file")
    })
}

const FLAG: &str = "--token-cache";
const MOST_BYTES: u64 = 1024 * 1024;
/// How often, and with what pause, a run waits for another that is writing.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::grant::{ClientProof, OAuthClient};
    use crate::model::identity::IdentityKind;

    fn request(grant: Grant) -> GrantRequest {
        GrantRequest {
            grant,
            client: OAuthClient {
                id: "cli".to_owned(),
                proof: ClientProof::Public,
            },
            issuer: None,
            resource: None,
            dpop: None,
        }
    }

    fn identity(name: &str, grant: Grant) -> IdentitySource {
        IdentitySource {
            name: name.to_owned(),
            kind: IdentityKind::Valid,
            privileged: false,
            scopes: None,
            header: None,
            credential: CredentialSource::Grant(request(grant)),
        }
    }

    fn flags(path: &Path) -> UpkeepFlags {
        UpkeepFlags {
            cache: Some(path.to_owned()),
            ..UpkeepFlags::default()
        }
    }

    fn here() -> url::Url {
        url::Url::parse("https://mcp.example/mcp").unwrap()
    }

    fn kept(path: &Path, newest: &BTreeMap<String, GrantRequest>) {
        write(path, &here(), &BTreeMap::new(), newest).unwrap();
    }

    fn given(token: &str) -> Grant {
        Grant::RefreshToken(token.to_owned().into())
    }

    #[test]
    fn what_one_run_wrote_the_next_one_reads_for_the_same_identity_and_client() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("tokens.json");
        let newest = BTreeMap::from([
            ("user".to_owned(), request(given("newest"))),
            ("gone".to_owned(), request(given("other"))),
        ]);
        kept(&path, &newest);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let known = [
            identity("user", given("old")),
            identity("machine", Grant::ClientCredentials),
        ];
        let upkeep = upkeep(&flags(&path), &here(), &known).unwrap();
        assert_eq!(upkeep.cached.len(), 1);
        assert_eq!(upkeep.cached["user"].expose_secret(), "newest");
        // What was used and not renewed is spent.
        write(&path, &here(), &upkeep.cached, &BTreeMap::new()).unwrap();
        let left = read(&path).unwrap();
        let left: Vec<&str> = left.iter().map(|it| it.identity.as_str()).collect();
        assert_eq!(left, ["gone"]);
    }

    #[test]
    fn a_token_of_one_target_is_never_taken_for_another_and_outlives_its_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        let there = url::Url::parse("https://other.example/mcp").unwrap();
        kept(
            &path,
            &BTreeMap::from([("user".to_owned(), request(given("ours")))]),
        );
        let known = [identity("user", given("old"))];
        assert!(
            upkeep(&flags(&path), &there, &known)
                .unwrap()
                .cached
                .is_empty()
        );
        let theirs = BTreeMap::from([("user".to_owned(), request(given("theirs")))]);
        write(&path, &there, &BTreeMap::new(), &theirs).unwrap();
        for (target, token) in [(here(), "ours"), (there, "theirs")] {
            let upkeep = upkeep(&flags(&path), &target, &known).unwrap();
            assert_eq!(upkeep.cached["user"].expose_secret(), token);
        }
    }

    #[test]
    fn runs_side_by_side_lose_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    let newest = request(given(&format!("token-{number}")));
                    kept(path, &BTreeMap::from([(format!("user-{number}"), newest)]));
                });
            }
        });
        assert_eq!(read(&path).unwrap().len(), 8);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_no_cache_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.json");
        kept(&path, &BTreeMap::new());
        std::fs::write(&path, "{\"mine\": true}").unwrap();
        let problem = write(&path, &here(), &BTreeMap::new(), &BTreeMap::new());
        assert!(problem.unwrap_err().to_string().contains("line 1"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"mine\": true}");
    }

    #[test]
    fn a_cache_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        kept(&path, &BTreeMap::new());
        for mode in [0o644, 0o640, 0o604, 0o660] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let text = upkeep(&flags(&path), &here(), &[]);
            let text = text.unwrap_err().to_string();
            assert!(
                text.contains("open to others") && text.contains("chmod 600"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_damaged_cache_is_refused_without_repeating_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        kept(&path, &BTreeMap::new());
        for text in [
            "hunter2",
            "[{\"hunter2\": 1}]",
            "{}",
            "[{\"identity\": \"hunter2\"}]",
        ] {
            std::fs::write(&path, text).unwrap();
            let text = upkeep(&flags(&path), &here(), &[]);
            let text = text.unwrap_err().to_string();
            assert!(
                text.contains("--token-cache") && !text.contains("hunter2"),
                "{text}"
            );
        }
    }

    #[test]
    fn without_a_file_the_cache_lies_where_caches_lie() {
        let folder = tempfile::tempdir().unwrap();
        let asked = UpkeepFlags {
            cache: Some(PathBuf::new()),
            home: Some(folder.path().to_owned()),
            keep_tokens: false,
        };
        let path = upkeep(&asked, &here(), &[]).unwrap().cache.unwrap();
        assert_eq!(path, folder.path().join("mcp-assay").join("tokens.json"));
        // A relative directory would be one below the working directory.
        for home in [None, Some(PathBuf::from(".cache"))] {
            let homeless = UpkeepFlags {
                home,
                ..asked.clone()
            };
            let text = upkeep(&homeless, &here(), &[]).unwrap_err().to_string();
            assert!(text.contains("--token-cache=FILE"), "{text}");
        }
        assert!(
            upkeep(&UpkeepFlags::default(), &here(), &[])
                .unwrap()
                .cache
                .is_none()
        );
    }
}
