//! The way back from the defragmentation of this node's member: a second name
//! for the old database file. What it is called, and nothing else.

use std::{ffi::OsStr, path::PathBuf};

use super::MemberId;

/// The name of the directory of ours beside a data directory.
pub const UNDO_HOME: &str = "etcd-rescue";

/// Whether a defragmentation can be taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Undo {
    /// It is another node's member: its files cannot be reached from here.
    #[default]
    Elsewhere,
    /// By this hard link to the old file.
    Link(PathBuf),
    /// There is none, and why, as half a sentence.
    None(&'static str),
}

impl Undo {
    /// The hard link, when there will be one.
    #[must_use]
    pub fn link(&self) -> Option<&PathBuf> {
        match self {
            Self::Link(path) => Some(path),
            Self::Elsewhere | Self::None(_) => None,
        }
    }
}

/// The link's name: whose old file it is, and since when. `stamp` is that of a
/// plan's wishes ("20260301T041500.001Z").
#[must_use]
pub fn undo_name(cluster: u64, member: MemberId, stamp: &str) -> String {
    format!("undo-{cluster:x}-{member}-{stamp}.db")
}

/// Cluster and member of exactly such a name; `None` for any other.
#[must_use]
pub fn undo_owner(name: &OsStr) -> Option<(u64, MemberId)> {
    let rest = name.to_str()?.strip_prefix("undo-")?.strip_suffix("Z.db")?;
    let mut parts = rest.split('-');
    let mut id = || u64::from_str_radix(parts.next()?, 16).ok();
    let (cluster, member) = (id()?, MemberId(id()?));
    let (stamp, nothing) = (parts.next()?, parts.next());
    let is_stamp = stamp.len() >= 15
        && stamp.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'.',
            _ => byte.is_ascii_digit(),
        });
    let named_so = undo_name(cluster, member, &format!("{stamp}Z"));
    (is_stamp && nothing.is_none() && name == named_so.as_str()).then_some((cluster, member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exactly_our_names_are_ours() {
        let name = undo_name(0xc1, MemberId(0x8e9e), "20260301T041500.001Z");
        assert_eq!(undo_owner(OsStr::new(&name)), Some((0xc1, MemberId(0x8e9e))));
        for other in [
            "db",
            "undo.db",
            "undo-c1-8e9e.db",
            "undo-c1-8e9e-20260301T041500.001Z.db.part",
            "undo-c1-8e9e-20260301T041500.001Z-2.db",
            "undo-C1-8e9e-20260301T041500.001Z.db",
            "undo-c1-8e9e-backup-before-upgradeZ.db",
            "undo-+c1-8e9e-20260301T041500.001Z.db",
            "etcd-c1-master-1-rev7-20260301T041500.001Z.db",
        ] {
            assert_eq!(undo_owner(OsStr::new(other)), None, "{other}");
        }
    }
}
