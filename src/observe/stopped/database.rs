//! The database file of a stopped etcd: whether it can be read, how far it is
//! in the raft log, and whom it knows as removed.

use std::{ops::ControlFlow, path::Path, time::Instant};

use crate::observe::bolt::{BoltError, BoltFile, Record};

/// What the file tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Database {
    /// Why etcd cannot use it.
    pub(super) damage: Option<String>,
    /// The last entry of the raft log that is in it: bucket `meta`, key
    /// `consistent_index`, 8 bytes big-endian; `None` when it cannot be read.
    pub(super) consistent_index: Option<u64>,
    /// Ids of removed members: the keys of bucket `members_removed`, in hex.
    pub(super) removed: Vec<u64>,
    /// Whether all of it was walked through.
    pub(super) complete: bool,
}

impl Database {
    /// Walks through the file until `until`; without a time only through the
    /// small buckets that are wanted here.
    pub(super) fn read(path: &Path, until: Option<Instant>) -> Self {
        let mut read = Self::default();
        match read.walk(path, until) {
            Ok(()) => {}
            // etcd makes a new one, which has nothing of the raft log.
            Err(BoltError::Open(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                read.consistent_index = Some(0);
                read.complete = true;
            }
            // Somebody writes to it: it is not for us to judge.
            Err(BoltError::InUse | BoltError::Changed) => {}
            Err(error) => {
                read.damage = Some(error.to_string());
                read.complete = true;
            }
        }
        read
    }

    fn walk(&mut self, path: &Path, until: Option<Instant>) -> Result<(), BoltError> {
        let file = BoltFile::open(path)?;
        let mut index = 0;
        let mut each = |record: Record<'_>| {
            if record.key == b"consistent_index" {
                index = record.head.try_into().map_or(0, u64::from_be_bytes);
            }
            ControlFlow::Continue(())
        };
        let walked = file.walk_back(b"meta", &mut each)?;
        self.consistent_index = Some(index);
        self.damage = walked.damage;
        let removed = &mut self.removed;
        file.walk_back(b"members_removed", &mut |record| {
            let id = std::str::from_utf8(record.key).ok();
            removed.extend(id.and_then(|id| u64::from_str_radix(id, 16).ok()));
            ControlFlow::Continue(())
        })?;
        let Some(until) = until else { return Ok(()) };
        self.complete = true;
        for bucket in file.buckets()? {
            let complete = &mut self.complete;
            let walked = file.walk_back(&bucket, &mut |_| {
                *complete = Instant::now() < until;
                if *complete { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            self.damage = self.damage.take().or(walked.damage);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_no_damage_and_a_wrong_one_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("db");
        let read = Database::read(&path, None);
        assert_eq!((read.consistent_index, read.damage), (Some(0), None));
        std::fs::write(&path, "not a database").expect("written");
        assert!(Database::read(&path, None).damage.is_some());
    }
}
