//! What the person asked of the plan, free of flags and terminals.

use std::path::PathBuf;

use super::Revision;

/// Which part of the recovery is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of it, if it is needed.
    #[default]
    Recover,
    /// Only compaction.
    Compact,
    /// Only defragmentation.
    Defragment,
    /// Only the disarm.
    Disarm,
    /// Deleting keys: of all steps, only the snapshot before it is planned.
    Purge,
}

/// The person's wishes for one plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Which part of the recovery.
    pub scope: Scope,
    /// Members (names or ids) that may be missing.
    pub allow_missing: Vec<String>,
    /// Go on in spite of a version rule.
    pub accept_version_risk: bool,
    /// Go on although the live data fill nine tenths of a quota.
    pub accept_nearly_full: bool,
    /// Put the snapshot on a failing disk when there is no other.
    pub accept_sick_disk: bool,
    /// Leave the kubelet alone.
    pub no_hold: bool,
    /// Take no snapshot.
    pub no_snapshot: bool,
    /// Save everything before anything is changed, also where the quick order
    /// is as safe.
    pub full_first: bool,
    /// Defragment followers at the same time while etcd refuses writes anyway.
    pub parallel: bool,
    /// A verified snapshot of this very run that holds all there is: no other one
    /// is taken.
    pub snapshot: Option<PathBuf>,
    /// Nobody can be asked to type a member's name.
    pub unattended: bool,
    /// Only these members (names or ids); empty = all.
    pub members: Vec<String>,
    /// Compact at this revision instead of the current one.
    pub revision: Option<Revision>,
    /// UTC time stamp for the snapshot's file name ("20260301T041500.123Z").
    pub stamp: String,
}
