//! A small fdatasync load of our own on the WAL's filesystem, outside etcd's
//! files, that leaves nothing behind; done by a child, as the disk may hang.

use std::{ffi::OsString, path::Path, time::Duration};

use crate::{
    model::diagnosis::{ProbeRefusal, ProbeRun},
    sys::aside::{Missed, ask},
};

/// Measures beside `directory` (etcd's WAL or data directory).
///
/// # Errors
/// `Missed` when the disk does not answer.
pub async fn probe(
    directory: &Path,
    patience: Duration,
) -> Result<Result<ProbeRun, ProbeRefusal>, Missed> {
    ask(&["probe".as_ref(), directory.as_os_str()], patience).await
}

/// The child's side.
///
/// # Errors
/// Why it is not done here.
pub fn run(_words: &[OsString]) -> Result<ProbeRun, ProbeRefusal> {
    Err(ProbeRefusal { why: String::new() })
}
