//! Changes to a static-pod manifest, as data.

use std::path::PathBuf;

use super::ProbeKind;

/// One change to etcd's manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestEdit {
    /// The flag of the etcd container gets this value; it is added when it is
    /// not there.
    Flag {
        /// Without dashes: "quota-backend-bytes".
        name: String,
        /// As etcd reads it.
        value: String,
    },
    /// The HTTP probe asks this path, with its query.
    ProbePath {
        /// Which probe.
        kind: ProbeKind,
        /// "/livez".
        path: String,
    },
    /// The hostPath volume that is this host path now becomes another one.
    HostPath {
        /// As it is written now.
        from: PathBuf,
        /// What it shall be.
        to: PathBuf,
    },
    /// The hostPath volume that is this host path has to be there already: its
    /// `type` becomes `Directory`, so that the kubelet makes no empty one.
    HostPathHasToExist {
        /// As it is written.
        path: PathBuf,
    },
}

/// The manifest as it shall be, and what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditedManifest {
    /// The whole new text.
    pub text: String,
    /// The differing lines in order, with some around them.
    pub lines: Vec<DiffLine>,
    /// What one should know of how it was done, in sentences.
    pub notes: Vec<String>,
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// Which kind.
    pub kind: DiffKind,
    /// Line number, from 1: in the old text, for added ones in the new text.
    pub number: usize,
    /// The line without its end.
    pub text: String,
}

/// Kinds of lines in a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffKind {
    /// Stays.
    Same,
    /// Goes.
    Removed,
    /// Comes.
    Added,
}

/// Why a manifest is not edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What it is that we do not edit, one sentence.
    pub why: String,
}
