//! The table. One row for each stretch of releases in which something is so, each
//! with where that is written; a change that was brought to an older line as well
//! has a row there. Paths are those of the etcd repository at the tags named.

use super::{
    Behaviour::{self, *},
    Row,
};
use crate::model::EtcdVersion;

const fn v(major: u32, minor: u32, patch: u32) -> EtcdVersion {
    EtcdVersion::new(major, minor, patch)
}

/// Later than any release.
const OPEN: EtcdVersion = v(u32::MAX, 0, 0);

const fn row(what: Behaviour, from: EtcdVersion, until: EtcdVersion, source: &'static str) -> Row {
    bug(what, from, until, "", source)
}

#[cfg_attr(not(test), allow(unused_variables))]
const fn bug(
    what: Behaviour,
    from: EtcdVersion,
    until: EtcdVersion,
    text: &'static str,
    source: &'static str,
) -> Row {
    Row {
        what,
        from,
        until,
        text,
        #[cfg(test)]
        source,
    }
}

/// What is known, from 3.4 to 3.7; the etcd of tomorrow is taken for the newest.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    bug(
        CrashDuringDefrag, v(3, 0, 0), v(3, 4, 4),
        "etcd before 3.4.4 mixes old keys into its database when one defragmentation was killed \
         midway and another one follows (fixed in 3.4.4); where member/snap/db.tmp is in a data \
         directory, move it away first",
        "CHANGELOG-3.4 of 3.4.4, pull request 11613",
    ),
    bug(
        CrashDuringDefrag, v(3, 5, 0), v(3, 5, 3),
        "etcd 3.5.0-3.5.2 can lose consistency when it is killed under load (fixed in 3.5.3; \
         defragmenting is safe from 3.5.6 on)",
        "CHANGELOG-3.5 of 3.5.3, issue 13766: the consistent index could be lost",
    ),
    bug(
        CrashDuringDefrag, v(3, 5, 3), v(3, 5, 6),
        "etcd 3.5.0-3.5.5 can come back with a wrong revision when it is killed during an online \
         defragmentation (fixed in 3.5.6)",
        "CHANGELOG-3.5 of 3.5.6, issue 14685, pull request 14733",
    ),
    bug(
        AlarmTraffic, v(3, 5, 3), v(3, 5, 5),
        "etcd 3.5.3-3.5.4 may refuse to start after alarm requests that change nothing; do not \
         restart it before the alarm is off (fixed in 3.5.5)",
        "CHANGELOG-3.5 of 3.5.5, issue 14382, pull request 14419",
    ),
    bug(
        NoSpaceDuringDefragKills, v(3, 0, 0), v(3, 4, 35),
        "etcd before 3.4.35 dies when the disk fills up during a defragmentation (fixed in \
         3.4.35)",
        "CHANGELOG-3.4 of 3.4.35; seen on 3.4.23",
    ),
    bug(
        NoSpaceDuringDefragKills, v(3, 5, 0), v(3, 5, 17),
        "etcd 3.5 before 3.5.17 dies when the disk fills up during a defragmentation (fixed in \
         3.5.17)",
        "CHANGELOG-3.5 of 3.5.17",
    ),
    bug(
        DefragDuringRaftSnapshot, v(3, 0, 0), v(3, 4, 38),
        "etcd before 3.4.38 must not be defragmented while it receives a raft snapshot (fixed in \
         3.4.38)",
        "CHANGELOG-3.4 of 3.4.38, issue 20650, pull request 20653",
    ),
    bug(
        DefragDuringRaftSnapshot, v(3, 5, 0), v(3, 5, 23),
        "etcd 3.5 before 3.5.23 must not be defragmented while it receives a raft snapshot \
         (fixed in 3.5.23)",
        "CHANGELOG-3.5 of 3.5.23, issue 20650",
    ),
    bug(
        DefragDuringRaftSnapshot, v(3, 6, 0), v(3, 6, 5),
        "etcd 3.6 before 3.6.5 must not be defragmented while it receives a raft snapshot (fixed \
         in 3.6.5)",
        "CHANGELOG-3.6 of 3.6.5, issue 20650",
    ),
    // A quota of 0 is the flag left out in 3.6.0-3.6.5, and nothing said before:
    // the metric and the default are right for both, so neither has a row.
    row(StatusTellsQuota, v(3, 6, 0), OPEN, "api/etcdserverpb/rpc.proto of 3.6, dbSizeQuota"),
    row(Livez, v(3, 4, 29), v(3, 5, 0), "CHANGELOG-3.4 of 3.4.29; 404 on 3.4.23"),
    row(Livez, v(3, 5, 11), OPEN, "CHANGELOG-3.5 of 3.5.11; 404 on 3.5.1, 200 on 3.5.16"),
    row(HealthSerializable, v(3, 4, 29), v(3, 5, 0), "CHANGELOG-3.4 of 3.4.29"),
    row(HealthSerializable, v(3, 5, 3), OPEN, "CHANGELOG-3.5 of 3.5.3, pull request 13399"),
    row(HealthExclude, v(3, 4, 16), OPEN, "CHANGELOG-3.4 of 3.4.16"),
    row(HealthExcludesOne, v(3, 4, 16), v(3, 4, 19), "CHANGELOG-3.4 of 3.4.19, 13475"),
    row(HealthExcludesOne, v(3, 5, 0), v(3, 5, 3), "CHANGELOG-3.5 of 3.5.3, 13467"),
    row(BootstrapDefrag, v(3, 5, 0), OPEN, "CHANGELOG-3.5 of 3.5.0, pull request 12941"),
    row(StableFlags, v(3, 6, 0), OPEN, "server/etcdmain/config.go of 3.6; pull request 19267"),
    row(ExperimentalFlags, v(3, 0, 0), v(3, 7, 0), "CHANGELOG-3.7 of 3.7.0, pull request 19959"),
    row(KeepsFewEntries, v(3, 6, 0), OPEN, "CHANGELOG-3.6 of 3.6.0, pull request 15408"),
];
