//! What etcd's log tells of the past hours, and what its clients suffered.

use serde::{Deserialize, Serialize};

/// What a line of etcd's log is a sign of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogSignKind {
    /// "slow fdatasync": one took more than a second.
    SlowFdatasync,
    /// "apply request took too long".
    SlowApply,
    /// "leader failed to send out heartbeat on time".
    LateHeartbeat,
    /// "waiting for ReadIndex response took too long".
    SlowReadIndex,
    /// A trace with "agreement among raft nodes before linearized reading".
    SlowAgreement,
    /// "request stats": a whole request was slow.
    SlowRequest,
    /// The leader was lost, or an election was held.
    LeaderLost,
    /// The quota was exceeded.
    NoSpace,
    /// Peers do not answer: the network, or their disks.
    PeerTrouble,
}

/// One kind of sign in a log. Times are nanoseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogSign {
    /// What it is.
    pub kind: LogSignKind,
    /// How many lines.
    pub count: u64,
    /// The longest time one of them tells, milliseconds.
    pub worst_ms: Option<f64>,
    /// When that was.
    pub worst_at: Option<i64>,
    /// The first.
    pub first_at: i64,
    /// The last.
    pub last_at: i64,
    /// The worst line, or the last; shortened, printable.
    pub example: String,
    /// How many there were in each piece of the story's timeline.
    pub timeline: Vec<u64>,
}

/// A container's log, read back over its rotated files and earlier attempts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogStory {
    /// The files that were read, oldest first.
    pub files: Vec<String>,
    /// The first line's time, nanoseconds since the epoch; 0 = no line.
    pub from: i64,
    /// The last line's time.
    pub to: i64,
    /// Lines read.
    pub lines: u64,
    /// What was found, the worst kind first.
    pub signs: Vec<LogSign>,
    /// Length of a piece of the timelines, nanoseconds; 0 = no line.
    pub piece: i64,
    /// What could not be read, in sentences.
    pub complaints: Vec<String>,
}

/// What a client of etcd suffers from: never the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymptomKind {
    /// kube-apiserver: requests to etcd timed out or were cancelled.
    ApiServerTimeouts,
    /// A controller lost the lease it leads by.
    LostLease,
    /// CoreDNS: "Local health request … took more than 1s".
    CoreDnsSlow,
    /// metrics-server: "http: Handler timeout".
    MetricsServerTimeouts,
}

/// A symptom in the log of one container on this node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Symptom {
    /// What it is.
    pub kind: SymptomKind,
    /// "namespace/pod/container".
    pub container: String,
    /// How many lines.
    pub count: u64,
    /// The first, nanoseconds since the epoch.
    pub first_at: i64,
    /// The last.
    pub last_at: i64,
    /// The last line; shortened, printable.
    pub example: String,
}
