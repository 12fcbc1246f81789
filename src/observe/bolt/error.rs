//! Why a database file cannot be read, in sentences.

use std::io;

use thiserror::Error;

use crate::model::Bytes;

/// What stands between us and the content. `it` is the file; whoever tells the
/// error names it.
#[derive(Debug, Error)]
pub enum BoltError {
    /// It could not be opened.
    #[error("cannot open it: {0}")]
    Open(io::Error),
    /// It could not be read.
    #[error("cannot read it: {0}")]
    Read(#[from] io::Error),
    /// A pipe, a device, a directory.
    #[error("it is {0}, not a regular file")]
    NotAFile(&'static str),
    /// Something else, and what it looks like.
    #[error("not an etcd database: {0}")]
    NotBolt(&'static str),
    /// bbolt, but of a format that nobody knows yet.
    #[error("a bbolt database of version {0}; only version 2 is known here")]
    Version(u32),
    /// A meta page with a right checksum and a page size that no system has.
    #[error("its page size is {0}, which is none of 512 to 65536 in powers of two")]
    PageSize(u32),
    /// It begins like a database, and neither of its meta pages is whole.
    #[error("damaged: neither of its two meta pages is whole, so nothing in it can be found")]
    Metas,
    /// It ends before what its meta page tells.
    #[error(
        "cut: {} of {needed} bytes are missing at its end ({length} bytes are there); \
         was it copied whole?",
        needed - length
    )]
    Short {
        /// Bytes that are there.
        length: u64,
        /// Bytes that should be there.
        needed: u64,
    },
    /// It claims more pages than any etcd has.
    #[error("damaged: its meta page tells of {0}, more than any etcd has")]
    Absurd(Bytes),
    /// What would lead to the content cannot be read.
    #[error("damaged: {0}")]
    Damaged(String),
    /// A running etcd has it.
    #[error("a running etcd holds it, and changes it while it is read; take a snapshot instead")]
    InUse,
    /// Somebody wrote to it.
    #[error("it was changed while it was read, so what was read does not fit together")]
    Changed,
    /// The db file of a data directory has no checksum.
    #[error("it has no checksum: only snapshots have one")]
    NoCheckSum,
}
