//! Files that only their owner can read, and digests of what goes through them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::model::hex::hex;

/// A new folder that only its owner can enter.
pub(super) fn new_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// A new file that only its owner can read.
pub(super) fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Opens a plain file of at most `most` bytes; a link is none.
pub(super) fn plain_file(path: &Path, most: u64) -> io::Result<File> {
    let found = std::fs::symlink_metadata(path)?;
    if !found.is_file() {
        let problem = "it is no plain file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    if found.len() > most {
        let problem = format!("it has {} bytes; at most {most} are read", found.len());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    File::open(path)
}

/// Everything in a plain file of at most `most` bytes.
pub(super) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    plain_file(path, most)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The same for what may be behind a link, or be a pipe.
pub(super) fn read_through(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Size and digest of a plain file, without keeping it.
pub(super) fn measure(path: &Path, most: u64) -> io::Result<(u64, String)> {
    let mut seen = Measured::new(io::sink());
    let mut file = plain_file(path, most)?.take(most);
    io::copy(&mut file, &mut seen)?;
    Ok(seen.result())
}

/// Lower-case hex SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Counts and hashes what goes through it.
pub(super) struct Measured<W> {
    out: W,
    size: u64,
    hash: Sha256,
}

impl<W: Write> Measured<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            size: 0,
            hash: Sha256::new(),
        }
    }

    /// Size and digest of what went through.
    pub(super) fn result(self) -> (u64, String) {
        (self.size, hex(&self.hash.finalize()))
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn new_files_and_folders_are_for_their_owner_alone_and_replace_nothing() {
        let place = tempfile::tempdir().unwrap();
        let (folder, file) = (place.path().join("folder"), place.path().join("file"));
        new_folder(&folder).unwrap();
        new_file(&file).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        let again = new_file(&file).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn links_folders_and_large_files_are_not_opened() {
        let place = tempfile::tempdir().unwrap();
        let (file, link) = (place.path().join("file"), place.path().join("link"));
        std::fs::write(&file, b"abc").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read(&file, 3).unwrap(), b"abc");
        assert_eq!(measure(&file, 3).unwrap(), (3, sha256(b"abc")));
        for (path, most, says) in [
            (file.as_path(), 2, "at most 2"),
            (link.as_path(), 9, "no plain file"),
            (place.path(), 9, "no plain file"),
        ] {
            let error = read(path, most).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
