//! Where the numbers come from.

use std::path::PathBuf;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// How.
    pub kind: SourceKind,
    /// The file; `None` for a stream and for pages.
    pub path: Option<PathBuf>,
    /// The member's name; empty for a file.
    pub member: String,
    /// Why it was read this way, or what to know of the file; one sentence,
    /// empty when there is nothing to say.
    pub why: String,
}

/// Ways to read a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceKind {
    /// A snapshot file, with its checksum.
    #[default]
    SnapshotFile,
    /// The db file of a stopped etcd.
    DatabaseFile,
    /// What came through a pipe.
    Pipe,
    /// A live member's snapshot stream.
    SnapshotStream,
    /// A live member's keys, page by page.
    Pages,
}
