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
    /// The guardian of ours that says it stopped it.
    pub held_by: Option<Guardian>,
}

/// The process that stopped a kubelet for a rescue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guardian {
    /// Its pid.
    pub pid: i32,
    /// Whether it still runs; then it lets the kubelet go when its rescue
    /// ends.
    pub runs: bool,
}
