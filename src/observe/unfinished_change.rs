//! Whether an earlier run was broken off in the middle of a change to a
//! manifest. Reads the record only; what is done is seen on the manifest.

use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::{fcntl::OFlag, unistd::geteuid};
use serde::de::DeserializeOwned;

use crate::model::{Relocation, UnfinishedChange};

/// Longest record. Ours have some KiB, and 200 bytes for each file of the raft
/// log: with `--max-wals=0` etcd removes none of them.
const LONGEST: u64 = 4 << 20;

/// The record at this path, when there is one.
///
/// # Errors
/// The system's; `InvalidData` when it is not ours or cannot be understood.
pub fn unfinished_change(path: &Path) -> io::Result<Option<UnfinishedChange>> {
    record(path)
}

/// The record of a relocation at this path, when there is one.
///
/// # Errors
/// As `unfinished_change`.
pub fn relocation(path: &Path) -> io::Result<Option<Relocation>> {
    record(path)
}

fn record<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).bits();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let odd = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let found = file.metadata()?;
    if !found.is_file() || found.uid() != geteuid().as_raw() {
        return Err(odd("it is not a file of this user"));
    }
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map(Some).map_err(|error| odd(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_record_is_no_trouble_and_a_broken_one_is() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("record");
        assert_eq!(unfinished_change(&path)?, None);
        std::fs::write(&path, "{\"purpose\": \"prev")?;
        let kind = unfinished_change(&path).map_err(|error| error.kind());
        assert_eq!(kind, Err(io::ErrorKind::InvalidData));
        Ok(())
    }
}
