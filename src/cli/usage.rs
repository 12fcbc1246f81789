//! The flags of `usage`: what is read, and how it is shown.

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};

use super::quoted;

/// What to look at, and how to show it.
#[derive(Clone, Debug, Args)]
pub struct Usage {
    /// Read a snapshot, or the db file of a stopped etcd (`-`: from a pipe)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["read", "member"])]
    pub from: Option<PathBuf>,
    /// How a live etcd is read: its snapshot (shows history too, needs room on a
    /// disk for a moment) or page by page (live data only, needs no room)
    #[arg(long, value_enum, value_name = "HOW", default_value = "auto")]
    pub read: ReadHow,
    /// Read this member (default: a follower, this node's first)
    #[arg(long, value_name = "NAME")]
    pub member: Option<String>,
    /// What stands first
    #[arg(long, value_enum, value_name = "KEY", default_value = "total")]
    pub sort: SortBy,
    /// 1 = resources, 2 = and their namespaces (those with 5 % and more, unless
    /// --top is above 10), 3 = and their biggest objects
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = value_parser!(u8).range(1..=3))]
    pub depth: u8,
    /// Show at most so many of each; of single objects half as many
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u16).range(1..=1000))]
    pub top: u16,
}

/// How a live etcd is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReadHow {
    /// The snapshot where there is room for it, else pages.
    Auto,
    /// Its snapshot, kept on a disk while it is read.
    Snapshot,
    /// Page by page at one revision.
    Pages,
}

/// What the table is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SortBy {
    /// Live bytes and those of old revisions.
    Total,
    /// Bytes of existing keys.
    Live,
    /// Bytes of old revisions.
    History,
    /// Existing keys.
    Keys,
    /// Old revisions.
    Revisions,
    /// Share of the newest writes.
    Growth,
}

impl Usage {
    /// As one would type it again: what differs from the defaults.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = "usage".to_owned();
        if let Some(path) = &self.from {
            words.push_str(&format!(" --from {}", quoted(&path.to_string_lossy())));
        }
        if let Some(member) = &self.member {
            words.push_str(&format!(" --member {}", quoted(member)));
        }
        let named = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
            value().map(|value| value.get_name().to_owned()).unwrap_or_default()
        };
        for (flag, value, usual) in [
            ("--read", named(&|| self.read.to_possible_value()), "auto".to_owned()),
            ("--sort", named(&|| self.sort.to_possible_value()), "total".to_owned()),
            ("--depth", self.depth.to_string(), "2".to_owned()),
            ("--top", self.top.to_string(), "10".to_owned()),
        ] {
            if value != usual {
                words.push_str(&format!(" {flag} {value}"));
            }
        }
        words
    }
}
