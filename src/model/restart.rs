//! How this node's etcd ended the last time, and why.

use std::path::PathBuf;

/// The end of an earlier attempt of the etcd container. Times are nanoseconds
/// since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastEnd {
    /// Its container id.
    pub id: String,
    /// How often the kubelet had restarted it before, else the runtime's
    /// attempt number.
    pub attempt: u32,
    /// When it was started; 0 = never.
    pub started_at: i64,
    /// When it ended; 0 = the runtime does not say.
    pub finished_at: i64,
    /// Its exit code.
    pub exit_code: i32,
    /// The runtime's reason ("Error", "OOMKilled", "Completed").
    pub reason: String,
    /// The runtime's message; what containerd says of a container that could
    /// not be started.
    pub message: String,
    /// Its log file on the host.
    pub log_path: Option<PathBuf>,
    /// The last lines of its log, oldest first; bounded.
    pub last_lines: Vec<String>,
    /// Lines of the kernel log about its end (OOM kills, I/O errors of the
    /// data disk), newest last; bounded.
    pub kernel_lines: Vec<String>,
}

/// Why etcd ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartCause {
    /// The kubelet stopped it because a probe failed.
    ProbeKill,
    /// The kernel killed it for memory.
    OutOfMemory,
    /// No room on the disk of the data.
    DiskFull,
    /// A WAL, snapshot or database file it cannot use.
    DamagedData,
    /// Another process holds the lock of its data.
    DataLocked,
    /// Flags, addresses or certificate files it cannot start with.
    WrongSettings,
    /// The cluster does not have this member any more, or its data are not
    /// this cluster's.
    RemovedMember,
    /// A panic or a fatal error of another kind.
    Panic,
    /// It died in, or right after, a defragmentation that failed.
    FailedDefragmentation,
    /// The container never ran (image, mounts, command).
    NeverStarted,
    /// Stopped on request: exit code 0 or a signal, and no probe of this node
    /// explains it.
    Stopped,
    /// Nothing seen here explains it.
    Unknown,
}

/// The verdict with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartStory {
    /// Why.
    pub cause: RestartCause,
    /// What it is exactly, where that tells the way out.
    pub exact: Option<super::NoStart>,
    /// One sentence for people, evidence included, without a full stop.
    pub text: String,
    /// Whether waiting for the next attempt can help: false where every start
    /// ends the same way.
    pub passes: bool,
    /// When the kubelet starts it again at the latest, nanoseconds since the
    /// epoch; `None` when it runs, or nothing here will start it.
    pub next_start: Option<i64>,
}
