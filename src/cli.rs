//! The command line as typed: clap structs and help texts. Imports nothing of
//! ours; `settings` turns it into decisions.

mod prevent;
mod purge;
mod relocate;
mod rules;
mod snapshot;
mod usage;

use std::path::PathBuf;

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{OsStringValueParser, TypedValueParser},
};

pub use prevent::{Prevent, USUAL_PATIENCE};
pub use purge::{Purge, PurgeHow, PurgeWhat};
pub use relocate::Relocate;
pub use rules::Rules;
pub use snapshot::{SnapshotCommand, offline_words};
pub use usage::{ReadHow, SortBy, Usage};

/// `--version`: what this binary is and what it speaks.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (",
    env!("ETCD_RESCUE_SOURCE"),
    ")\netcd API: v3 (servers 3.4 to 3.7)\nCRI API: runtime.v1, runtime.v1alpha2"
);

const EXAMPLES: &str = "\
Examples:
  etcd-rescue                       walk through the recovery, with questions
  etcd-rescue --dry-run             look and show the plan, change nothing
  etcd-rescue recover --yes -w json for scripts: no questions, every safety gate
  etcd-rescue status                every member in one table
  etcd-rescue runbook               the manual, with etcdctl/crictl equivalents

Exit codes: 0 recovered, healthy or nothing to do   1 internal error   2 usage
  3 needs a decision   4 refused by a safety gate, nothing changed
  5 stopped part-way, run it again   6 done but not verified
  7 etcd not found or not reachable   8 findings (diagnose)   129/130/143 interrupted, state printed";

/// Gets etcd writable again on a dead Kubernetes control plane.
///
/// Copied onto a master it finds the etcd container, looks at every member,
/// and after NOSPACE compacts, defragments every member (leader last) behind a
/// verified snapshot, disarms the alarm and proves that writes are accepted.
/// Without a subcommand it runs `recover`.
#[derive(Debug, Parser)]
#[command(name = "etcd-rescue", version = VERSION, after_help = EXAMPLES, max_term_width = 80)]
pub struct Cli {
    /// What to do; `recover` when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
}

/// As etcdctl does: a variable that is set to nothing is not set.
fn path_or_nothing() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Flags that every command takes.
#[derive(Clone, Debug, Default, Args)]
pub struct Global {
    /// Client URLs of etcd, comma separated (default: found on this node)
    #[arg(
        long,
        global = true,
        env = "ETCDCTL_ENDPOINTS",
        value_delimiter = ',',
        value_name = "URL",
        help_heading = "Connection"
    )]
    pub endpoints: Vec<String>,
    /// CA bundle that signed etcd's server certificate
    #[arg(
        long,
        global = true,
        env = "ETCDCTL_CACERT",
        value_parser = path_or_nothing(),
        value_name = "FILE",
        help_heading = "Connection"
    )]
    pub cacert: Option<PathBuf>,
    /// Client certificate to show to etcd
    #[arg(
        long,
        global = true,
        env = "ETCDCTL_CERT",
        value_parser = path_or_nothing(),
        value_name = "FILE",
        help_heading = "Connection"
    )]
    pub cert: Option<PathBuf>,
    /// Private key of the client certificate
    #[arg(
        long,
        global = true,
        env = "ETCDCTL_KEY",
        value_parser = path_or_nothing(),
        value_name = "FILE",
        help_heading = "Connection"
    )]
    pub key: Option<PathBuf>,
    /// etcd user and password, for clusters with authentication on
    #[arg(
        long,
        global = true,
        env = "ETCDCTL_USER",
        hide_env_values = true,
        value_name = "NAME:PASSWORD",
        help_heading = "Connection"
    )]
    pub user: Option<String>,
    /// Password of --user, when that holds only the name
    #[arg(
        long,
        global = true,
        env = "ETCDCTL_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD",
        help_heading = "Connection"
    )]
    pub password: Option<String>,
    /// CRI socket of the container runtime (default: found on this node)
    #[arg(
        long,
        short = 'r',
        global = true,
        env = "CONTAINER_RUNTIME_ENDPOINT",
        value_name = "SOCKET",
        help_heading = "Connection"
    )]
    pub runtime_endpoint: Option<String>,
    /// Container id (or its beginning), when several etcd containers run here
    #[arg(long, global = true, value_name = "ID", help_heading = "Connection")]
    pub container: Option<String>,
    /// etcd's data directory on this host (default: found on this node)
    #[arg(long, global = true, value_name = "DIR", help_heading = "Connection")]
    pub data_dir: Option<PathBuf>,
    /// How long to wait for one answer (30s, 2m); never ends a defragmentation
    #[arg(
        long,
        global = true,
        value_name = "TIME",
        default_value = "5s",
        help_heading = "Connection"
    )]
    pub timeout: String,
    /// How long to wait for what comes back by itself: etcd between two attempts
    /// of the kubelet, a foreign snapshot stream, the API server
    #[arg(
        long,
        global = true,
        value_name = "TIME",
        default_value = "10m",
        help_heading = "Connection"
    )]
    pub wait: String,
    /// Answer on stdout: text for people or one JSON document
    #[arg(
        long,
        short = 'w',
        global = true,
        value_enum,
        default_value = "human",
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    pub write_out: WriteOut,
    /// Colour (NO_COLOR is honoured)
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Output"
    )]
    pub color: Color,
    /// Say more about what is tried
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
    /// Ask nothing; every safety gate stays
    #[arg(long, short, global = true, help_heading = "Safety")]
    pub yes: bool,
    /// Look and show the plan, change nothing
    #[arg(long, global = true, help_heading = "Safety")]
    pub dry_run: bool,
    /// Where the snapshot goes (default: another filesystem than etcd's, with room)
    #[arg(long, global = true, value_name = "DIR", help_heading = "Safety")]
    pub snapshot_dir: Option<PathBuf>,
    /// Take no snapshot (refused when this is the only copy of the data)
    #[arg(long, global = true, conflicts_with = "snapshot_dir", help_heading = "Safety")]
    pub no_snapshot: bool,
    /// When it is taken: `auto` as soon as one member is small and proven equal to
    /// untouched ones, and first of all where that is not as safe; `full-first`
    /// always before anything is changed, history included
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        conflicts_with = "no_snapshot",
        help_heading = "Safety"
    )]
    pub snapshot: SnapshotWhen,
    /// Defragment the followers at the same time while etcd refuses writes anyway
    #[arg(long, global = true, help_heading = "Safety")]
    pub parallel: bool,
    /// Go on although this member does not answer (repeatable)
    #[arg(long, global = true, value_name = "NAME", help_heading = "Safety")]
    pub allow_missing: Vec<String>,
    /// Defragment although this etcd release has a known data bug with it
    #[arg(long, global = true, help_heading = "Safety")]
    pub accept_version_risk: bool,
    /// Go on although live data fill nine tenths of the quota or more
    #[arg(long, global = true, help_heading = "Safety")]
    pub accept_nearly_full: bool,
    /// Put the snapshot on a failing disk when there is no other place for it
    #[arg(long, global = true, help_heading = "Safety")]
    pub accept_sick_disk: bool,
    /// Never stop (SIGSTOP) this node's kubelet, even where its probes would kill
    /// etcd meanwhile
    #[arg(long, global = true, help_heading = "Safety")]
    pub no_hold: bool,
}

/// Output formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WriteOut {
    /// Tables and sentences.
    #[default]
    Human,
    /// One JSON document on stdout.
    Json,
}

/// When the snapshot of a recovery is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SnapshotWhen {
    /// In the quick order where it is safe, else before anything is changed.
    #[default]
    Auto,
    /// Before anything is changed.
    FullFirst,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that can.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Recover from NOSPACE: snapshot, compact, defragment, disarm, verify (default)
    Recover,
    /// Show the etcd of this node: container, certificates, data dir, endpoints
    Locate,
    /// Show every member: size, quota, alarms, revision, lag; this node's disk
    Status,
    /// Save or check a backup that `etcdutl snapshot restore` can use
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Drop history up to a revision on every member (after a snapshot)
    Compact {
        /// Highest revision whose history goes (default: the current one)
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        revision: Option<i64>,
    },
    /// Give free pages back to the filesystem, followers first, leader last
    Defrag {
        /// Only this member, by name or id (repeatable; default: all)
        #[arg(long, value_name = "NAME")]
        member: Vec<String>,
    },
    /// Take the NOSPACE alarms off, once every member is under its quota
    Disarm,
    /// Prove that it is over: writes, alarms, equal members, API server
    Verify,
    /// Print the log of the etcd container
    Logs {
        /// Only the last N lines
        #[arg(long, value_name = "N")]
        tail: Option<usize>,
        /// Keep printing what is added
        #[arg(long, short)]
        follow: bool,
        /// The container before this one
        #[arg(long, short)]
        previous: bool,
    },
    /// Run a program inside the etcd container (most images have no shell)
    Exec {
        /// Program and arguments, after `--`
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<String>,
    },
    /// Say why etcd is slow: fsync, logs, disk, SMART, kernel log; one verdict
    Diagnose(Diagnose),
    /// Show what fills the database: bytes, keys, revisions by resource and namespace
    Usage(Usage),
    /// Delete keys that are safe to lose, when live data alone exceed the quota
    Purge(Purge),
    /// Show etcd's settings on this master, and put what prevents NOSPACE into its
    /// manifest, safely
    Prevent(Box<Prevent>),
    /// Move this member's data to another disk, without losing the member
    Relocate(Relocate),
    /// Print Prometheus alert rules for both incidents: no space, slow disk
    Rules(Box<Rules>),
    /// Print the runbook (embedded in this file)
    Runbook,
}

/// How to look for what makes etcd slow.
#[derive(Clone, Debug, Args)]
pub struct Diagnose {
    /// How long members and disks are watched (1s to 30s)
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub window: String,
    /// How far back logs are read (30m, 24h, 7d)
    #[arg(long, value_name = "TIME", default_value = "24h")]
    pub since: String,
    /// Look only: put no entry into the raft log of an etcd too quiet to be measured
    #[arg(long)]
    pub passive: bool,
    /// Also measure the disk with up to 1000 small synced writes of our own beside
    /// etcd's files (15s at most; asks first on a terminal)
    #[arg(long)]
    pub probe: bool,
    /// Have the drive below etcd test itself; a later `diagnose` shows how it went
    #[arg(long, value_enum, value_name = "KIND")]
    pub self_test: Option<SelfTestKind>,
    /// Look again and again, so long apart (default 10s), until Ctrl-C; with
    /// -w json one document per line. Drives and the probe only the first time
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "10s")]
    pub watch: Option<String>,
}

impl Diagnose {
    /// As one would type it again: what differs from the defaults.
    fn words(&self) -> String {
        let mut words = "diagnose".to_owned();
        for (flag, value, usual) in
            [("--window", &self.window, "5s"), ("--since", &self.since, "24h")]
        {
            if value != usual {
                words.push_str(&format!(" {flag} {value}"));
            }
        }
        for (flag, given) in [("--passive", self.passive), ("--probe", self.probe)] {
            if given {
                words.push_str(&format!(" {flag}"));
            }
        }
        if let Some(kind) = self.self_test {
            let kind = if kind == SelfTestKind::Short { "short" } else { "long" };
            words.push_str(&format!(" --self-test {kind}"));
        }
        if let Some(pause) = &self.watch {
            words.push_str(&format!(" --watch {pause}"));
        }
        words
    }
}

/// How thoroughly a drive tests itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SelfTestKind {
    /// Minutes.
    Short,
    /// Hours: every block is read.
    Long,
}

impl Command {
    /// The subcommand with its own arguments, as one would type it again.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Recover => "recover".to_owned(),
            Self::Locate => "locate".to_owned(),
            Self::Status => "status".to_owned(),
            Self::Snapshot(wanted) => wanted.words(),
            Self::Compact { revision } => {
                let revision = revision.iter().map(|n| format!(" --revision {n}"));
                format!("compact{}", revision.collect::<String>())
            }
            Self::Defrag { member } => {
                let members = member.iter().map(|name| format!(" --member {name}"));
                format!("defrag{}", members.collect::<String>())
            }
            Self::Disarm => "disarm".to_owned(),
            Self::Verify => "verify".to_owned(),
            Self::Logs { .. } => "logs".to_owned(),
            Self::Exec { command } => format!("exec -- {}", command.join(" ")),
            Self::Diagnose(wanted) => wanted.words(),
            Self::Usage(wanted) => wanted.words(),
            Self::Purge(wanted) => wanted.words(),
            Self::Prevent(wanted) => wanted.words(),
            Self::Relocate(wanted) => wanted.words(),
            Self::Rules(rules) => rules.words(),
            Self::Runbook => "runbook".to_owned(),
        }
    }
}

/// `word` as a POSIX shell reads it back.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
