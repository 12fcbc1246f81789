//! A member of the cluster and what it says of itself.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Alarm, Behaviour, Bytes, EtcdVersion, Row, diagnosis::Histogram};

/// etcd's member id; printed and serialised in hex, as etcdctl's tables do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl Serialize for MemberId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A revision of the key space; grows with every write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Revision(pub i64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whose word a quota is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaSource {
    /// `Status.dbSizeQuota`, etcd 3.6+.
    Status,
    /// Metric `etcd_server_quota_backend_bytes`.
    Metric,
    /// `--quota-backend-bytes` or `ETCD_QUOTA_BACKEND_BYTES` of the process
    /// on this node.
    Args,
    /// Nothing says otherwise: etcd's default of 2 GiB.
    Default,
    /// It could not be read off that member: the quota of this node's etcd, or
    /// else etcd's default.
    Assumed,
}

impl fmt::Display for QuotaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "status",
            Self::Metric => "metric",
            Self::Args => "args",
            Self::Default => "default 2 GiB",
            Self::Assumed => "assumed",
        })
    }
}

/// The backend quota of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// `None`: the quota is switched off (negative flag).
    pub limit: Option<Bytes>,
    /// Whose word it is.
    pub source: QuotaSource,
}

impl Quota {
    /// etcd's quota when the flag is unset or 0: 2 GiB.
    pub const DEFAULT: Quota =
        Quota { limit: Some(Bytes(2 * 1024 * 1024 * 1024)), source: QuotaSource::Default };

    /// The quota a flag or metric value means: 0 is the default, negative
    /// switches it off.
    #[must_use]
    pub fn from_flag(value: i64, source: QuotaSource) -> Quota {
        match value {
            0 => Quota::DEFAULT,
            negative if negative < 0 => Quota { limit: None, source },
            bytes => Quota { limit: Some(Bytes(bytes.unsigned_abs())), source },
        }
    }

    /// Whether a database of this size is refused writes.
    #[must_use]
    pub fn is_exceeded_by(&self, db_size: Bytes) -> bool {
        self.limit.is_some_and(|limit| db_size >= limit)
    }
}

/// What a member answered to Status.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberStatus {
    /// Server version; `None` when its text is not a release number.
    pub version: Option<EtcdVersion>,
    /// The version text as sent.
    pub version_text: String,
    /// Size of the database file in use by etcd (high-water pages): what the
    /// quota is compared with.
    pub db_size: Bytes,
    /// Pages in use; may be stale on a cluster that refuses writes.
    pub db_size_in_use: Bytes,
    /// The quota and whose word it is.
    pub quota: Quota,
    /// Whom this member takes for the leader; `None` = no leader.
    pub leader: Option<MemberId>,
    /// Whether this member is a learner.
    pub learner: bool,
    /// Every alarm of the cluster as this member knows them.
    pub alarms: Vec<Alarm>,
    /// Other texts of `Status.errors`.
    pub errors: Vec<String>,
    /// Revision of this member's key space.
    pub revision: Revision,
    /// Raft term.
    pub raft_term: u64,
    /// Last raft entry this member has.
    pub raft_index: u64,
    /// Last raft entry this member applied.
    pub raft_applied_index: u64,
}

impl MemberStatus {
    /// How something is in its release; `None` when it is not so, or when its
    /// release is not known.
    #[must_use]
    pub fn row(&self, what: Behaviour) -> Option<&'static Row> {
        self.version?.row(what)
    }
}

/// Why a member cannot be reached, as far as it can be told from here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SilenceKind {
    /// Its host answers, but nobody listens: etcd is down there.
    Refused,
    /// Its host does not answer: it is down, or the network is.
    NoHost,
    /// It took the connection and then said nothing.
    Hangs,
    /// The two sides cannot agree on TLS.
    Tls,
    /// Something else, or it was not even asked.
    #[default]
    Other,
}

/// Why there is no answer from a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// What kind of trouble it is.
    pub kind: SilenceKind,
    /// One line for people.
    pub why: String,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl From<String> for Silence {
    fn from(why: String) -> Self {
        Self { kind: SilenceKind::Other, why }
    }
}

impl From<&str> for Silence {
    fn from(why: &str) -> Self {
        why.to_owned().into()
    }
}

/// How long a member's disk has taken since its etcd started; `None` = its
/// metrics do not tell, or cannot be had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DiskTimes {
    /// `etcd_disk_wal_fsync_duration_seconds`.
    pub fsync: Option<Histogram>,
    /// `etcd_disk_backend_commit_duration_seconds`.
    pub commit: Option<Histogram>,
    /// `etcd_disk_backend_defrag_duration_seconds`.
    pub defrag: Option<Histogram>,
}

/// One member: from the member list, plus its own answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its id.
    pub id: MemberId,
    /// Its name; empty for one that was added but never started.
    pub name: String,
    /// The client URL we dial, or the first advertised one.
    pub endpoint: String,
    /// Whether it is the member of this node.
    pub local: bool,
    /// Whether the member list calls it a learner.
    pub learner: bool,
    /// Whether its metrics say that it is defragmenting, and it therefore
    /// answers nothing else.
    pub defragmenting: bool,
    /// Snapshot streams somebody reads from it right now, by its metrics;
    /// `None` when they cannot be had. A defragmentation waits for them with
    /// everything locked.
    pub open_snapshots: Option<u64>,
    /// What its metrics say of its disk.
    pub disk_times: DiskTimes,
    /// Its status, or why there is none.
    pub status: Result<MemberStatus, Silence>,
}

impl Member {
    /// The name, or the id of a nameless member.
    #[must_use]
    pub fn label(&self) -> String {
        if self.name.is_empty() { self.id.to_string() } else { self.name.clone() }
    }

    /// Whether a name or a hex id typed by a person means this member.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.id.to_string() == name.to_lowercase()
    }

    /// Whether the member itself says that it leads.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.status.as_ref().is_ok_and(|status| status.leader == Some(self.id))
    }

    /// The host of its client URL, IPv6 in brackets as scp takes it; `None`
    /// when that is this machine's loopback.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let authority = self.endpoint.split_once("://")?.1.split('/').next()?;
        let port = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
        let host = &authority[..port.unwrap_or(authority.len())];
        let is_here = host.starts_with("127.") || host == "localhost" || host == "[::1]";
        (!host.is_empty() && !is_here).then_some(host)
    }

    /// "leader", "follower", "learner" or "unknown".
    #[must_use]
    pub fn role(&self) -> &'static str {
        match &self.status {
            _ if self.learner => "learner",
            Err(_) => "unknown",
            Ok(_) if self.is_leader() => "leader",
            Ok(_) => "follower",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_client_url() {
        for (url, expected) in [
            ("https://10.0.0.12:2379", Some("10.0.0.12")),
            ("https://[fd00::12]:2379", Some("[fd00::12]")),
            ("https://[fd00::12]", Some("[fd00::12]")),
            ("https://master-2", Some("master-2")),
            ("https://127.0.0.1:2379", None),
            ("", None),
        ] {
            let member = Member {
                id: MemberId(1),
                name: String::new(),
                endpoint: url.to_owned(),
                local: false,
                learner: false,
                defragmenting: false,
                open_snapshots: None,
                disk_times: DiskTimes::default(),
                status: Err("".into()),
            };
            assert_eq!(member.host(), expected, "{url}");
        }
    }
}
