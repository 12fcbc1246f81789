//! What the kernel log says about disks and memory.

use serde::{Deserialize, Serialize};

/// What a kernel line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelEventKind {
    /// A command was not answered in time.
    CommandTimeout,
    /// A link, controller or device was reset.
    Reset,
    /// A sector could not be read or written.
    MediumError,
    /// An I/O error without more about it.
    IoError,
    /// The cable or the backplane.
    CableError,
    /// Written data were lost.
    LostWrite,
    /// A filesystem found itself damaged or gave up.
    FilesystemError,
    /// A filesystem became read-only.
    ReadOnly,
    /// An array lost a member, or a pool ran full.
    ArrayTrouble,
    /// A task waited for minutes.
    HungTask,
    /// A RAID controller or adapter had a fault.
    ControllerFault,
    /// The kernel killed a process for memory.
    OutOfMemory,
}

/// One line of the kernel log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelEvent {
    /// When, nanoseconds since the epoch; a machine that slept is off by as
    /// much.
    pub at: i64,
    /// What it is.
    pub kind: KernelEventKind,
    /// The leaf disk of etcd it is about, or the volume ("md0") above several;
    /// `None` = none of them, or not to be told.
    pub disk: Option<String>,
    /// The line; printable.
    pub text: String,
}

/// What the ring still has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelEvents {
    /// The oldest first.
    pub events: Vec<KernelEvent>,
    /// The oldest line's time, nanoseconds since the epoch; 0 = no line.
    pub from: i64,
    /// Whether lines since the machine's start are lost.
    pub lost: bool,
    /// Why it could not be read ("CAP_SYSLOG is missing").
    pub unreadable: Option<String>,
}
