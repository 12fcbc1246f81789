//! Whether the members hold the same data, as they were asked before anything
//! was changed.

use super::{MemberId, Revision};

/// What HashKV of every answering voter tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Equality {
    /// They hold the same.
    Proven {
        /// CRC-32C over everything from the compacted to this revision.
        hash: u32,
        /// The revision all of them were asked at.
        revision: Revision,
        /// Whose hashes were compared.
        members: Vec<MemberId>,
    },
    /// They differ; who has which hash, one sentence.
    Different(String),
    /// It could not be told; why, one sentence.
    Unknown(String),
}
