//! The record of a change to a manifest that is under way, so that another run
//! finds the old manifest again. It is never trusted over what lies on disk.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the record is while a change is under way.
pub const UNFINISHED_CHANGE: &str = "/var/lib/etcd-rescue/unfinished-change.json";

/// Where old manifests are kept: the kubelet runs every file of its own
/// directory, so never there.
pub const MANIFEST_BACKUPS: &str = "/var/lib/etcd-rescue/manifests";

/// What a change is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Settings.
    Prevent,
    /// Another data directory.
    Relocate {
        /// Host path until now.
        from: PathBuf,
        /// Host path to be.
        to: PathBuf,
    },
}

/// How far a change had come when the record was written: the step that is
/// begun, not one that is known to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The backup is there; nothing else.
    Began,
    /// The manifest is being taken out of its directory.
    TakingOut,
    /// The data are being copied.
    Copying,
    /// The new manifest is taking the place of the old one.
    Replacing,
    /// The old manifest is being put back.
    RollingBack,
}

/// A change that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnfinishedChange {
    /// What for.
    pub purpose: Purpose,
    /// The manifest.
    pub manifest: PathBuf,
    /// Its bytes from before the change.
    pub backup: PathBuf,
    /// SHA-256 of the manifest before, in hex.
    pub before_sha256: String,
    /// SHA-256 of the manifest that is wanted, in hex.
    pub after_sha256: String,
    /// What was begun last.
    pub phase: Phase,
    /// The member's name.
    pub member: String,
    /// The container that ran before, when there was one.
    pub container_before: Option<String>,
    /// When it began, RFC 3339.
    pub began_at: String,
    /// The command line, without secrets.
    pub command: String,
}
