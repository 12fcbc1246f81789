//! The words by which a log of etcd tells why it ended: a table, and how a
//! line is held against it. Reading the lines is `etcd_log`'s.

use crate::model::{NoStart, RestartCause};

/// Words that tell the cause, in lower case, the most telling first.
pub(super) struct Sign {
    pub(super) cause: RestartCause,
    /// What it is exactly, where that tells the way out.
    pub(super) exact: Option<NoStart>,
    pub(super) meaning: &'static str,
    pub(super) passes: bool,
    /// Any of them.
    words: &'static [&'static str],
    /// Where they count.
    pub(super) counts: Counts,
}

/// Which lines a sign counts in: some words are also written by members that
/// go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    Anywhere,
    /// In any line of a program that gave up.
    BeforeDeath,
    /// In a line the program ends with.
    InDeath,
}

const fn sign(cause: RestartCause, meaning: &'static str, words: &'static [&'static str]) -> Sign {
    Sign { cause, exact: None, meaning, passes: false, words, counts: Counts::InDeath }
}

const fn exactly(exact: NoStart, meaning: &'static str, words: &'static [&'static str]) -> Sign {
    Sign { exact: Some(exact), ..sign(exact.cause(), meaning, words) }
}

/// Texts of etcd 3.4 to 3.6, bbolt and Go.
pub(super) const SIGNS: &[Sign] = &[
    exactly(
        NoStart::DiskFull,
        "the disk of its data is full",
        &["no space left on device", "disk quota exceeded"],
    ),
    Sign {
        passes: true,
        counts: Counts::BeforeDeath,
        ..sign(
            RestartCause::FailedDefragmentation,
            "it died of a defragmentation that failed (etcd before 3.4.35 and 3.5.17 does when \
             there is no room for the new file); the data are whole",
            &["failed to defragment", "unexpected panic during defrag"],
        )
    },
    exactly(
        NoStart::ReadOnly,
        "the filesystem of its data is read-only",
        &["read-only file system"],
    ),
    sign(
        RestartCause::DamagedData,
        "the disk of its data does not read or write",
        &["input/output error", "structure needs cleaning"],
    ),
    Sign {
        passes: true,
        ..sign(
            RestartCause::OutOfMemory,
            "it got no more memory",
            &["cannot allocate memory", "out of memory"],
        )
    },
    Sign {
        counts: Counts::Anywhere,
        passes: true,
        ..exactly(
            NoStart::DataLocked,
            "another process holds its data: does a second etcd run on this node?",
            &[
                "resource temporarily unavailable",
                "file already locked",
                "flocked by another process",
                "holds the file lock",
            ],
        )
    },
    sign(
        RestartCause::WrongSettings,
        "it may not open a file",
        &["permission denied", "operation not permitted"],
    ),
    Sign {
        counts: Counts::Anywhere,
        ..exactly(
            NoStart::MemberRemoved,
            "the cluster does not have this member any more",
            &["permanently removed"],
        )
    },
    exactly(
        NoStart::DataEmpty,
        "its data directory is empty, but the cluster knows it: was its disk mounted?",
        &["has already been bootstrapped"],
    ),
    exactly(
        NoStart::OtherCluster,
        "its data are another cluster's",
        &["cluster id mismatch", "cluster-id mismatch"],
    ),
    exactly(
        NoStart::UpgradeTooEarly,
        "this release cannot take over what the earlier one left in its data",
        &["disallowed custom content in v2store", "too many learner members in cluster"],
    ),
    exactly(
        NoStart::SnapshotDatabaseMissing,
        "the database of its newest raft snapshot is missing",
        &["snap.db", "failed to find database snapshot", "failed to recover v3 backend"],
    ),
    exactly(
        NoStart::WalDamaged,
        "it cannot use its raft log",
        &[
            "crc mismatch",
            "wal:",
            "walpb:",
            "failed to read wal",
            "read wal error",
            "failed to open wal",
        ],
    ),
    exactly(
        NoStart::DatabaseDamaged,
        "it cannot use its database",
        &[
            "invalid database",
            "checksum error",
            "version mismatch",
            "file size too small",
            "failed to open database",
            "cannot open database",
            "freepages:",
            "unexpected page type",
            "page expected to be",
        ],
    ),
    sign(
        RestartCause::DamagedData,
        "it cannot use its data",
        &[
            "snap:",
            "failed to load snapshot",
            "is out of range [lastindex",
            "fatal error: fault",
            "unexpected fault address",
            "sigbus",
            "unexpected eof",
        ],
    ),
    Sign {
        passes: true,
        ..sign(
            RestartCause::WrongSettings,
            "another process has its port: does a second etcd run on this node?",
            &["address already in use"],
        )
    },
    Sign {
        counts: Counts::Anywhere,
        ..sign(
            RestartCause::WrongSettings,
            "it does not understand its flags",
            &[
                "flag provided but not defined",
                "error verifying flags",
                "failed to verify flags",
                "invalid value \"",
                "invalid boolean value",
                "conflicting environment variable",
            ],
        )
    },
    sign(
        RestartCause::WrongSettings,
        "it cannot start with its settings",
        &[
            "no such file or directory",
            "is a directory",
            "cannot assign requested address",
            "tls: ",
            "x509: ",
            "pem data",
            "couldn't find local name",
            "has different advertised",
            "advertise-peer-urls",
        ],
    ),
];

impl Sign {
    /// Whether a line says it; `deadly` is whether the program ended with that
    /// line.
    pub(super) fn is_in(&self, text: &str, deadly: bool) -> bool {
        let text = text.to_lowercase();
        (self.counts != Counts::InDeath || deadly)
            && self.words.iter().any(|words| text.contains(words))
    }
}
