//! Bodies on disk, each once, under the digest of its redacted bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::BODIES;
use super::files;
use super::manifest::Listed;
use crate::model::body::{BodyStore, Kept};

/// The bodies of a run. Large ones are read back when they are asked for, so that a run of many
/// thousand requests needs little memory.
#[derive(Debug)]
pub struct Bodies {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sizes: BTreeMap<String, u64>,
    trouble: Option<String>,
}

impl Bodies {
    /// An empty store in a folder that exists.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.join(BODIES),
            state: Mutex::default(),
        }
    }

    /// The first thing that went wrong with a file.
    pub fn trouble(&self) -> Option<String> {
        self.state().trouble.clone()
    }

    /// Every body that was put in.
    pub(super) fn listed(&self) -> Vec<Listed> {
        let state = self.state();
        let listed = state.sizes.iter().map(|(sha256, size)| Listed {
            path: format!("{BODIES}/{sha256}"),
            size: *size,
            sha256: sha256.clone(),
        });
        listed.collect()
    }

    /// Puts bytes in unless they are in already; returns their digest.
    pub(super) fn save(&self, bytes: &[u8]) -> io::Result<String> {
        let sha256 = files::sha256(bytes);
        // Held while writing: whoever puts the same bytes in has to find them complete.
        let mut state = self.state();
        if !state.sizes.contains_key(&sha256) {
            files::new_file(&self.path(&sha256))?.write_all(bytes)?;
            state.sizes.insert(sha256.clone(), bytes.len() as u64);
        }
        Ok(sha256)
    }

    /// A body of a folder that was verified: in memory when it is small.
    pub(super) fn kept(self: &Arc<Self>, sha256: &str, size: u64) -> io::Result<Kept> {
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        if length > SMALL {
            let store: Arc<dyn BodyStore> = Arc::<Self>::clone(self);
            return Ok(Kept::stored(store, sha256, length));
        }
        Ok(self.load(sha256)?.into())
    }

    fn load(&self, sha256: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(self.path(sha256))?
            .take(MOST)
            .read_to_end(&mut bytes)?;
        if files::sha256(&bytes) == sha256 {
            return Ok(bytes);
        }
        let problem = "it was changed while it was in use";
        Err(io::Error::new(io::ErrorKind::InvalidData, problem))
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(sha256)
    }

    fn note(&self, sha256: &str, error: &io::Error) {
        let place = self.path(sha256);
        let text = format!("{}: {error}", place.display());
        self.state().trouble.get_or_insert(text);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BodyStore for Bodies {
    fn put(self: Arc<Self>, bytes: Vec<u8>) -> Kept {
        match self.save(&bytes) {
            Ok(sha256) if bytes.len() > SMALL => {
                let length = bytes.len();
                Kept::stored(self, sha256, length)
            }
            Ok(_) => bytes.into(),
            Err(error) => {
                self.note(&files::sha256(&bytes), &error);
                bytes.into()
            }
        }
    }

    fn fetch(&self, sha256: &str) -> Vec<u8> {
        self.load(sha256).unwrap_or_else(|error| {
            self.note(sha256, &error);
            Vec::new()
        })
    }
}

/// Bytes of a body that are worth a file handle less: most calls and refusals.
const SMALL: usize = 1024;

/// Bytes of the largest body that is read: the cap of a run, with room for labels.
pub(super) const MOST: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Arc<Bodies>) {
        let place = tempfile::tempdir().unwrap();
        files::new_folder(&place.path().join(BODIES)).unwrap();
        let bodies = Arc::new(Bodies::new(place.path()));
        (place, bodies)
    }

    #[test]
    fn equal_bodies_are_stored_once_and_only_large_ones_leave_memory() {
        let (place, bodies) = store();
        let large = vec![b'x'; SMALL + 1];
        for bytes in [&large, &large, &b"small".to_vec()] {
            let kept = Arc::clone(&bodies).put(bytes.clone());
            assert_eq!(&*kept.read(), bytes.as_slice());
            let stored = format!("{kept:?}").contains("stored as");
            assert_eq!(stored, bytes.len() > SMALL);
        }
        let files = std::fs::read_dir(place.path().join(BODIES)).unwrap();
        assert_eq!(files.count(), 2);
        let listed = bodies.listed();
        assert_eq!(listed.len(), 2);
        assert!(listed.iter().any(|file| file.size == large.len() as u64));
        assert_eq!(bodies.trouble(), None);
    }

    #[test]
    fn a_body_that_cannot_be_stored_stays_in_memory_and_the_trouble_is_known() {
        let (place, bodies) = store();
        std::fs::remove_dir(place.path().join(BODIES)).unwrap();
        let large = vec![b'x'; SMALL + 1];
        let kept = Arc::clone(&bodies).put(large.clone());
        assert_eq!(&*kept.read(), large.as_slice());
        assert!(bodies.trouble().unwrap().contains("bodies/"));
    }

    #[test]
    fn a_body_that_was_changed_meanwhile_is_not_taken() {
        let (place, bodies) = store();
        let kept = Arc::clone(&bodies).put(vec![b'x'; SMALL + 1]);
        let listed = bodies.listed();
        std::fs::write(place.path().join(&listed[0].path), "other").unwrap();
        assert!(kept.read().is_empty());
        assert!(bodies.trouble().unwrap().contains("changed"));
    }
}
