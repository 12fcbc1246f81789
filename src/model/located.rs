//! Everything `locate` reads off this node about its etcd.

use std::path::PathBuf;

use super::{Bytes, Quota};

/// A value and where it was found ("flag --data-dir of pid 4711").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// What was found.
    pub value: T,
    /// Where, for people.
    pub source: String,
}

impl<T> Found<T> {
    /// A value with its source.
    pub fn new(value: T, source: impl Into<String>) -> Self {
        Self { value, source: source.into() }
    }
}

/// The container runtime that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// Socket path.
    pub socket: Found<PathBuf>,
    /// "containerd", "cri-o", …
    pub name: String,
    /// Its version.
    pub version: String,
    /// "v1" or "v1alpha2".
    pub api: &'static str,
}

/// CRI's container states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, not started.
    Created,
    /// Running.
    Running,
    /// Ended.
    Exited,
    /// The runtime does not know.
    Unknown,
}

impl std::fmt::Display for ContainerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Exited => "exited",
            Self::Unknown => "unknown",
        })
    }
}

/// A mount of the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Path inside the container.
    pub container_path: PathBuf,
    /// Path on the host.
    pub host_path: PathBuf,
}

/// The etcd container as the runtime tells it. Times are nanoseconds since
/// the epoch, 0 = has not happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Full id.
    pub id: String,
    /// Container name ("etcd").
    pub name: String,
    /// Pod name and namespace.
    pub pod: String,
    /// Namespace of the pod.
    pub namespace: String,
    /// State.
    pub state: ContainerState,
    /// When it was made.
    pub created_at: i64,
    /// When it was started.
    pub started_at: i64,
    /// When it ended.
    pub finished_at: i64,
    /// Exit code; only meaningful when exited.
    pub exit_code: i32,
    /// The runtime's reason ("Error", "OOMKilled", "Completed").
    pub reason: String,
    /// Restart count by the kubelet's annotation, else the attempt number.
    pub restarts: u32,
    /// Image name.
    pub image: String,
    /// Log file on the host.
    pub log_path: Option<PathBuf>,
    /// Host pid of its first process, when running.
    pub pid: Option<i32>,
    /// Process arguments (OCI spec).
    pub args: Vec<String>,
    /// Process environment (OCI spec), `NAME=value`.
    pub env: Vec<String>,
    /// Its mounts.
    pub mounts: Vec<Mount>,
}

impl Container {
    /// As much of the id as crictl shows.
    #[must_use]
    pub fn short_id(&self) -> &str {
        self.id.get(..13).unwrap_or(&self.id)
    }
}

/// The etcd process on the host, by /proc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Host pid.
    pub pid: i32,
    /// Arguments.
    pub args: Vec<String>,
    /// `ETCD_*` environment, `NAME=value`.
    pub env: Vec<String>,
    /// Name of the executable ("etcd", "k3s").
    pub comm: String,
}

/// Which probe of the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// Kills the container when it fails.
    Liveness,
    /// Kills the container when it does not succeed in time.
    Startup,
    /// Only takes it out of service.
    Readiness,
}

/// The probe's numbers, in seconds and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeTiming {
    /// Wait before the first probe.
    pub initial_delay: u32,
    /// Between probes.
    pub period: u32,
    /// Until a probe counts as failed.
    pub timeout: u32,
    /// Failures in a row until it acts.
    pub failure_threshold: u32,
}

/// An HTTP probe of the static pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Which one.
    pub kind: ProbeKind,
    /// Path with query ("/health?exclude=NOSPACE&serializable=true").
    pub path: String,
    /// Port as written in the manifest, named ports resolved.
    pub port: Option<u16>,
    /// Its numbers.
    pub timing: ProbeTiming,
}

/// The static-pod manifest of etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its file.
    pub path: PathBuf,
    /// Command line of the etcd container.
    pub args: Vec<String>,
    /// Its HTTP probes.
    pub probes: Vec<Probe>,
}

/// What a certificate file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateRole {
    /// We trust servers signed by it.
    Ca,
    /// We show it to etcd.
    Client,
    /// etcd shows it to clients.
    Server,
    /// etcd shows it to its peers.
    Peer,
}

impl std::fmt::Display for CertificateRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ca => "CA",
            Self::Client => "client",
            Self::Server => "server",
            Self::Peer => "peer",
        })
    }
}

/// A certificate file with its life span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// What it is for.
    pub role: CertificateRole,
    /// Host path.
    pub path: PathBuf,
    /// Subject ("CN=master-1").
    pub subject: String,
    /// Seconds since the epoch.
    pub not_before: i64,
    /// Seconds since the epoch.
    pub not_after: i64,
}

/// Everything found on this node, each with its source. Absent means: looked
/// for and not found; `complaints` say why where that matters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Located {
    /// The installation it belongs to and how that was told; `None` = nobody looked:
    /// `layout` then goes by what else is here.
    pub layout: Option<super::layout::Detected>,
    /// The container runtime.
    pub runtime: Option<Runtime>,
    /// The etcd container.
    pub container: Option<Container>,
    /// The etcd process.
    pub process: Option<Process>,
    /// The static-pod manifest.
    pub manifest: Option<Manifest>,
    /// Data directory, host path.
    pub data_dir: Option<Found<PathBuf>>,
    /// Separate WAL directory, host path.
    pub wal_dir: Option<Found<PathBuf>>,
    /// Client URLs to dial, best first.
    pub endpoints: Vec<Found<String>>,
    /// Client URLs the other members probably have: hosts of
    /// `--initial-cluster`, the port of this one. The way in while etcd is
    /// down here.
    pub siblings: Vec<Found<String>>,
    /// CA bundle to trust, host path.
    pub ca: Option<Found<PathBuf>>,
    /// Client certificate to show, host path.
    pub cert: Option<Found<PathBuf>>,
    /// Its key, host path.
    pub key: Option<Found<PathBuf>>,
    /// Expiry of every certificate file involved.
    pub certificates: Vec<Certificate>,
    /// Metrics base URL ("http://127.0.0.1:2381").
    pub metrics_url: Option<Found<String>>,
    /// `--quota-backend-bytes` of this node's etcd.
    pub quota: Option<Found<Quota>>,
    /// `--auto-compaction-retention` of this node's etcd.
    pub compaction: Option<Found<String>>,
    /// etcd's version, by image tag, data or process.
    pub version: Option<Found<String>>,
    /// etcd's `--name`.
    pub name: Option<Found<String>>,
    /// The data directory's room; `None` when there is no data directory, or
    /// when it does not answer.
    pub disk: Option<super::DataDir>,
    /// Directories of this node that did not answer in time, and were left
    /// alone: their disk may hang.
    pub hanging: Vec<PathBuf>,
    /// Total memory of this node.
    pub memory: Option<Bytes>,
    /// The kubelet of this node.
    pub kubelet: Option<super::KubeletProcess>,
    /// How etcd's container ended the last time; `None` when it never did.
    pub last_end: Option<super::LastEnd>,
    /// What its data show while it does not run; `None` when it runs, or when
    /// they were not looked at.
    pub stopped: Option<super::StoppedData>,
    /// What could make room on etcd's filesystem, the safest first; only
    /// looked for when room is short.
    pub freeable: Vec<super::Freeable>,
    /// What could not be read, in sentences.
    pub complaints: Vec<String>,
}

impl Located {
    /// Whether a look at the data directory took too long.
    #[must_use]
    pub fn data_dir_hangs(&self) -> bool {
        self.data_dir.as_ref().is_some_and(|found| self.hanging.contains(&found.value))
    }

    /// The data directory, unless it hangs.
    #[must_use]
    pub fn answering_data_dir(&self) -> Option<&std::path::Path> {
        let found = self.data_dir.as_ref().filter(|_| !self.data_dir_hangs());
        found.map(|found| found.value.as_path())
    }

    /// A flag of etcd's (without its dashes) as its manifest, container or process has it.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<&str> {
        let manifest = self.manifest.as_ref().map(|manifest| &manifest.args);
        let container = self.container.as_ref().map(|container| &container.args);
        let process = self.process.as_ref().map(|process| &process.args);
        let mut lists = [manifest, container, process].into_iter().flatten();
        lists.find_map(|args| {
            let mut args = args.iter();
            while let Some(arg) = args.next() {
                match arg.trim_start_matches('-').strip_prefix(name) {
                    Some("") => return args.next().map(String::as_str),
                    Some(rest) if rest.starts_with('=') => return rest.get(1..),
                    _ => {}
                }
            }
            None
        })
    }
}
