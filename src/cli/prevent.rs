//! The flags of `prevent`: which of etcd's settings are to be what.

use clap::Args;

use super::quoted;

/// How long a new etcd may take when nothing is said.
pub const USUAL_PATIENCE: &str = "3m";

/// The settings wanted on this master.
#[derive(Clone, Debug, Args)]
pub struct Prevent {
    /// How etcd drops history by itself: periodic or revision
    #[arg(long, value_name = "MODE", default_value = "periodic")]
    pub auto_compaction_mode: String,
    /// How much history it keeps: a time (periodic) or revisions
    #[arg(long, value_name = "VALUE", default_value = "1h")]
    pub auto_compaction_retention: String,
    /// Leave auto-compaction as it is
    #[arg(long, conflicts_with_all = ["auto_compaction_mode", "auto_compaction_retention"])]
    pub keep_auto_compaction: bool,
    /// Raise the quota of the database to this (4GiB; at most 8GiB)
    #[arg(long, value_name = "SIZE")]
    pub quota: Option<String>,
    /// Entries of the raft log between two snapshots of etcd's own
    #[arg(long, value_name = "N")]
    pub snapshot_count: Option<u64>,
    /// Defragment at each start when so many megabytes are free
    #[arg(long, value_name = "MB")]
    pub bootstrap_defrag: Option<u32>,
    /// Ask /livez and /readyz in the probes, so that NOSPACE does not kill etcd
    #[arg(long)]
    pub probes: bool,
    /// The member's name, which would have to be typed
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Put the old manifest back when etcd does not run well after this time (unasked: longer for
    /// a large database)
    #[arg(long, value_name = "TIME", default_value = USUAL_PATIENCE)]
    pub rollback_after: String,
}

impl Prevent {
    /// As one would type it again, without the typed word.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = "prevent".to_owned();
        for (flag, value, usual) in [
            ("--auto-compaction-mode", &self.auto_compaction_mode, "periodic"),
            ("--auto-compaction-retention", &self.auto_compaction_retention, "1h"),
            ("--rollback-after", &self.rollback_after, USUAL_PATIENCE),
        ] {
            if value != usual {
                words.push_str(&format!(" {flag} {}", quoted(value)));
            }
        }
        for (flag, value) in [
            ("--quota", self.quota.clone()),
            ("--snapshot-count", self.snapshot_count.map(|n| n.to_string())),
            ("--bootstrap-defrag", self.bootstrap_defrag.map(|n| n.to_string())),
        ] {
            if let Some(value) = value {
                words.push_str(&format!(" {flag} {}", quoted(&value)));
            }
        }
        for (flag, given) in
            [("--keep-auto-compaction", self.keep_auto_compaction), ("--probes", self.probes)]
        {
            if given {
                words.push_str(&format!(" {flag}"));
            }
        }
        words
    }
}
