//! Which etcd releases have a known bug with a step of ours. One table, each
//! row with its source.

use crate::model::EtcdVersion;

/// A release range and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRule {
    /// First release concerned.
    pub from: EtcdVersion,
    /// First release that is fine again.
    pub fixed_in: EtcdVersion,
    /// What the rule is about.
    pub concern: Concern,
    /// One sentence for people.
    pub text: &'static str,
}

/// What a version rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// A crash during an online defragmentation can damage the data.
    CrashDuringDefrag,
    /// Running out of disk during a defragmentation kills the member.
    NoSpaceDuringDefragKills,
    /// Alarm requests that change nothing can make the member unbootable.
    AlarmTraffic,
    /// A defragmentation during an incoming raft snapshot can corrupt.
    DefragDuringRaftSnapshot,
}

const fn v(major: u32, minor: u32, patch: u32) -> EtcdVersion {
    EtcdVersion::new(major, minor, patch)
}

const RULES: &[VersionRule] = &[
    // etcd CHANGELOG-3.5 (3.5.3) and #13766: consistent index could be lost.
    VersionRule {
        from: v(3, 5, 0),
        fixed_in: v(3, 5, 3),
        concern: Concern::CrashDuringDefrag,
        text: "etcd 3.5.0-3.5.2 can lose consistency when it is killed under load (fixed \
               in 3.5.3; defragmenting is safe from 3.5.6 on)",
    },
    // etcd #14685, #14733.
    VersionRule {
        from: v(3, 5, 3),
        fixed_in: v(3, 5, 6),
        concern: Concern::CrashDuringDefrag,
        text: "etcd 3.5.0-3.5.5 can come back with a wrong revision when it is killed during an \
               online defragmentation (fixed in 3.5.6)",
    },
    // etcd #14382, #14419.
    VersionRule {
        from: v(3, 5, 3),
        fixed_in: v(3, 5, 5),
        concern: Concern::AlarmTraffic,
        text: "etcd 3.5.3-3.5.4 may refuse to start after alarm requests that change nothing; do \
               not restart it before the alarm is off (fixed in 3.5.5)",
    },
    // etcd CHANGELOG 3.4.35 and 3.5.17.
    VersionRule {
        from: v(3, 0, 0),
        fixed_in: v(3, 4, 35),
        concern: Concern::NoSpaceDuringDefragKills,
        text: "etcd before 3.4.35 dies when the disk fills up during a defragmentation (fixed in \
               3.4.35)",
    },
    VersionRule {
        from: v(3, 5, 0),
        fixed_in: v(3, 5, 17),
        concern: Concern::NoSpaceDuringDefragKills,
        text: "etcd 3.5 before 3.5.17 dies when the disk fills up during a defragmentation (fixed in \
               3.5.17)",
    },
    // etcd #20650, #20653.
    VersionRule {
        from: v(3, 0, 0),
        fixed_in: v(3, 4, 38),
        concern: Concern::DefragDuringRaftSnapshot,
        text: "etcd before 3.4.38 must not be defragmented while it receives a raft snapshot (fixed in \
               3.4.38)",
    },
    VersionRule {
        from: v(3, 5, 0),
        fixed_in: v(3, 5, 23),
        concern: Concern::DefragDuringRaftSnapshot,
        text: "etcd 3.5 before 3.5.23 must not be defragmented while it receives a raft snapshot \
               (fixed in 3.5.23)",
    },
    VersionRule {
        from: v(3, 6, 0),
        fixed_in: v(3, 6, 5),
        concern: Concern::DefragDuringRaftSnapshot,
        text: "etcd 3.6 before 3.6.5 must not be defragmented while it receives a raft snapshot \
               (fixed in 3.6.5)",
    },
];

/// The rules that hold for a release.
pub fn rules_for(version: EtcdVersion) -> impl Iterator<Item = &'static VersionRule> {
    RULES.iter().filter(move |rule| rule.from <= version && version < rule.fixed_in)
}

/// Whether a concern holds for a release.
#[must_use]
pub fn concerns(version: Option<EtcdVersion>, concern: Concern) -> Option<&'static VersionRule> {
    rules_for(version?).find(|rule| rule.concern == concern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_own_fix() {
        let holds = |version: &str, concern| concerns(version.parse().ok(), concern).is_some();
        use Concern::*;
        for (version, concern, expected) in [
            ("3.5.0", CrashDuringDefrag, true),
            ("3.5.5", CrashDuringDefrag, true),
            ("3.5.6", CrashDuringDefrag, false),
            ("3.4.23", CrashDuringDefrag, false),
            ("3.4.23", NoSpaceDuringDefragKills, true),
            ("3.4.35", NoSpaceDuringDefragKills, false),
            ("3.5.16", NoSpaceDuringDefragKills, true),
            ("3.5.17", NoSpaceDuringDefragKills, false),
            ("3.6.0", NoSpaceDuringDefragKills, false),
            ("3.5.4", AlarmTraffic, true),
            ("3.5.5", AlarmTraffic, false),
            ("3.6.4", DefragDuringRaftSnapshot, true),
            ("3.6.5", DefragDuringRaftSnapshot, false),
        ] {
            assert_eq!(holds(version, concern), expected, "{version} {concern:?}");
        }
        assert!(concerns(None, AlarmTraffic).is_none());
    }
}
