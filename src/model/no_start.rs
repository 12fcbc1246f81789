//! What exactly keeps an etcd from starting, or from taking part.

use super::RestartCause;

/// The cause to the point where another way out begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoStart {
    /// No room on the disk of the data.
    DiskFull,
    /// That filesystem is mounted read-only.
    ReadOnly,
    /// A record of the raft log, not the last one, is not what was written.
    WalDamaged,
    /// The database file cannot be used.
    DatabaseDamaged,
    /// The database is older than the raft snapshot, whose own is missing.
    SnapshotDatabaseMissing,
    /// Another process holds the data.
    DataLocked,
    /// The cluster removed this member.
    MemberRemoved,
    /// There are no data, but the cluster knows the member.
    DataEmpty,
    /// The data are another cluster's.
    OtherCluster,
    /// A certificate that members show to each other has expired.
    CertificateExpired,
    /// The CA has.
    CaExpired,
    /// A certificate is not valid yet, or files are from the future.
    Clock,
    /// This release cannot take over data the earlier one left (3.5 to 3.6).
    UpgradeTooEarly,
}

impl NoStart {
    /// The word for scripts.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::ReadOnly => "disk_read_only",
            Self::WalDamaged => "wal_damaged",
            Self::DatabaseDamaged => "database_damaged",
            Self::SnapshotDatabaseMissing => "snap_db_missing",
            Self::DataLocked => "data_locked",
            Self::MemberRemoved => "member_removed",
            Self::DataEmpty => "data_dir_empty",
            Self::OtherCluster => "other_cluster",
            Self::CertificateExpired => "certificate_expired",
            Self::CaExpired => "ca_expired",
            Self::Clock => "clock",
            Self::UpgradeTooEarly => "upgrade_too_early",
        }
    }

    /// The wider cause it belongs to.
    #[must_use]
    pub const fn cause(self) -> RestartCause {
        match self {
            Self::DiskFull => RestartCause::DiskFull,
            Self::ReadOnly
            | Self::WalDamaged
            | Self::DatabaseDamaged
            | Self::SnapshotDatabaseMissing => RestartCause::DamagedData,
            Self::DataLocked => RestartCause::DataLocked,
            Self::MemberRemoved | Self::DataEmpty | Self::OtherCluster => {
                RestartCause::RemovedMember
            }
            Self::CertificateExpired | Self::CaExpired | Self::Clock | Self::UpgradeTooEarly => {
                RestartCause::WrongSettings
            }
        }
    }
}
