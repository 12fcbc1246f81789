//! The words by which a log of etcd tells why it ended: a table, and how a
//! line is held against it. Reading the lines is `etcd_log`'s.

use crate::model::RestartCause;

/// Words that tell the cause, in lower case, the most telling first.
pub(super) struct Sign {
    pub(super) cause: RestartCause,
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
    Sign { cause, meaning, passes: false, words, counts: Counts::InDeath }
}

/// Texts of etcd 3.4 to 3.6, bbolt and Go.
pub(super) const SIGNS: [Sign; 13] = [
    sign(
        RestartCause::DiskFull,
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
    sign(
        RestartCause::DamagedData,
        "the disk of its data does not read or write",
        &["input/output error", "read-only file system", "structure needs cleaning"],
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
        ..sign(
            RestartCause::DataLocked,
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
        ..sign(
            RestartCause::RemovedMember,
            "the cluster does not have this member any more",
            &["permanently removed"],
        )
    },
    sign(
        RestartCause::RemovedMember,
        "its data directory is empty, but the cluster knows it: was its disk mounted?",
        &["has already been bootstrapped"],
    ),
    sign(
        RestartCause::RemovedMember,
        "its data are another cluster's",
        &["cluster id mismatch", "cluster-id mismatch"],
    ),
    sign(
        RestartCause::DamagedData,
        "it cannot use its data",
        &[
            "snap.db",
            "failed to recover v3 backend",
            "failed to find database snapshot",
            "crc mismatch",
            "wal:",
            "walpb:",
            "failed to read wal",
            "read wal error",
            "failed to open wal",
            "snap:",
            "failed to load snapshot",
            "invalid database",
            "checksum error",
            "version mismatch",
            "file size too small",
            "failed to open database",
            "cannot open database",
            "is out of range [lastindex",
            "freepages:",
            "unexpected page type",
            "page expected to be",
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
