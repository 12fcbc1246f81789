//! What depends on the release of etcd: one table ([`table`]), and how it is asked.
//! Texts of errors and shapes of log lines are not in it: they are told apart by
//! what they say, as a member's release may not be known then.

mod table;

use super::EtcdVersion;

/// Something that etcd does, or knows, in some releases and not in others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// A crash during an online defragmentation can damage the data.
    CrashDuringDefrag,
    /// Running out of disk during a defragmentation kills the member.
    NoSpaceDuringDefragKills,
    /// Alarm requests that change nothing can make the member unbootable.
    AlarmTraffic,
    /// A defragmentation during an incoming raft snapshot can corrupt.
    DefragDuringRaftSnapshot,
    /// Status tells the quota: the flag as it was given, later also the default.
    StatusTellsQuota,
    /// `/livez` and `/readyz`: neither looks at NOSPACE.
    Livez,
    /// `/health?serializable=true`: does not need a leader.
    HealthSerializable,
    /// `/health?exclude=NOSPACE`.
    HealthExclude,
    /// That skips only one of several alarmed members.
    HealthExcludesOne,
    /// The flag that defragments at the start, under either of its names.
    BootstrapDefrag,
    /// Flags that begin with `experimental-`.
    ExperimentalFlags,
    /// The same flags without that beginning.
    StableFlags,
    /// `--snapshot-count` is 10000 when nobody sets it, and 100000 before.
    KeepsFewEntries,
}

/// In which releases something is so: from one up to, and without, another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What.
    pub what: Behaviour,
    /// First release concerned.
    from: EtcdVersion,
    /// First release where it is over.
    until: EtcdVersion,
    /// One sentence for people; empty for what needs none.
    pub text: &'static str,
    /// Where that is written: part of the table, and not of the program.
    #[cfg(test)]
    source: &'static str,
}

impl EtcdVersion {
    /// What is known of this release.
    pub fn rows(self) -> impl Iterator<Item = &'static Row> {
        table::ROWS.iter().filter(move |row| row.from <= self && self < row.until)
    }

    /// Whether, and how, something is so in this release.
    #[must_use]
    pub fn row(self, what: Behaviour) -> Option<&'static Row> {
        self.rows().find(|row| row.what == what)
    }

    /// Whether something is so in this release.
    #[must_use]
    pub fn has(self, what: Behaviour) -> bool {
        self.row(what).is_some()
    }
}

/// The flag that defragments at the start, as it is called from 3.6 on.
const BOOTSTRAP_DEFRAG: &str = "bootstrap-defrag-threshold-megabytes";

/// The name of the flag that defragments at the start: the newest this release
/// knows, but the older one where it knows that as well and it is set, since that
/// one counts then (server/etcdmain/config.go of 3.6, `parse`). `None` when the
/// release has no such flag.
#[must_use]
pub fn bootstrap_defrag_flag(
    version: EtcdVersion,
    is_set: &dyn Fn(&str) -> bool,
) -> Option<&'static str> {
    const OLDER: &str = "experimental-bootstrap-defrag-threshold-megabytes";
    let stable = version.has(Behaviour::StableFlags);
    let name = match version.has(Behaviour::ExperimentalFlags) {
        true if !stable || is_set(OLDER) => OLDER,
        _ => BOOTSTRAP_DEFRAG,
    };
    version.has(Behaviour::BootstrapDefrag).then_some(name)
}

/// The default of a flag in this release; `None` when it has none, or when it
/// is not known (server/embed/config.go by tag).
#[must_use]
pub fn flag_default(flag: &str, version: Option<EtcdVersion>) -> Option<&'static str> {
    match flag {
        "auto-compaction-mode" => Some("periodic"),
        "auto-compaction-retention" => Some("0"),
        "quota-backend-bytes" => Some("2147483648"),
        "snapshot-count" => match version?.has(Behaviour::KeepsFewEntries) {
            true => Some("10000"),
            false => Some("100000"),
        },
        name if name.ends_with(BOOTSTRAP_DEFRAG) => Some("0"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
