//! The kubelet process of this node, as far as holding it goes.

/// A kubelet process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeletProcess {
    /// Host pid.
    pub pid: i32,
    /// Field 22 of /proc/PID/stat (proc(5)), clock ticks since boot: with the
    /// pid it names one process for good, as pids are used again.
    pub start_time: u64,
    /// Whether every signal but SIGCONT and SIGKILL waits: state T.
    pub stopped: bool,
    /// The pid of the guardian of ours that says it stopped it, dead or alive.
    pub held_by: Option<i32>,
}
