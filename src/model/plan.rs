//! A plan is data: a list of steps that leave no choice to whoever executes
//! them, or the refusals that forbid one.

use std::path::PathBuf;

use super::{Alarm, Bytes, MemberId, Revision, Undo};

/// What a step does. Everything it needs is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Stop this node's kubelet (SIGSTOP) until the plan is over, so that its
    /// probes do not kill etcd meanwhile.
    HoldKubelet {
        /// Its pid.
        pid: i32,
        /// What it would do otherwise, one sentence.
        why: String,
    },
    /// Remove what a broken-off defragmentation left on this node.
    RemoveLeftOvers {
        /// The `member/snap/db.tmp.*` files, with their sizes.
        files: Vec<(PathBuf, Bytes)>,
    },
    /// Stream the member's database to a file and verify it.
    Snapshot {
        /// The final file.
        path: PathBuf,
        /// The failing disk it goes to, when nobody accepted that yet.
        sick_disk: Option<String>,
        /// About how big it gets, or an upper bound.
        expected: Bytes,
        /// In the quick order: taken of the member that was made small first,
        /// whichever that is by then.
        small: bool,
    },
    /// Prove by HashKV that a member, small now, holds what the untouched ones
    /// hold. In the quick order only.
    Compare,
    /// Drop history up to the revision, then wait on each member until its
    /// own deletion is done.
    Compact {
        /// Highest revision whose history goes.
        revision: Revision,
    },
    /// Settle compaction on the member, then rewrite its database file.
    Defragment {
        /// Revision whose compaction must be settled first.
        revision: Revision,
        /// Size before.
        db_size: Bytes,
        /// Upper bound of the stall, in milliseconds.
        expected_stall_ms: u64,
        /// What was measured of that member's disk and makes it so long;
        /// `None` = it goes by the size alone.
        stall_basis: Option<String>,
        /// Whether the member led when the plan was made.
        leader: bool,
        /// Whether it can be taken back.
        undo: Undo,
    },
    /// The same for several followers at once.
    DefragmentTogether {
        /// Revision whose compaction must be settled first.
        revision: Revision,
        /// Whom.
        members: Vec<MemberId>,
        /// Their names.
        names: Vec<String>,
        /// Upper bound of the longest stall, in milliseconds.
        expected_stall_ms: u64,
        /// Whether that of this node's member among them can be taken back.
        undo: Undo,
    },
    /// Take the alarms off, one by one.
    Disarm {
        /// Exactly these (member, NOSPACE) pairs.
        alarms: Vec<Alarm>,
    },
    /// Prove that it is over.
    Verify,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Stable name within the plan: "snapshot", "defrag:master-2".
    pub id: String,
    /// The member it talks to, when it is one.
    pub member: Option<MemberId>,
    /// That member's name.
    pub member_name: String,
    /// That member's endpoint.
    pub endpoint: String,
    /// What it does.
    pub kind: StepKind,
}

/// An ordered list of steps, made from one look at the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Short digest of the plan's content; every journal line carries it.
    pub id: String,
    /// Why the cluster refuses writes, in two sentences.
    pub cause: String,
    /// The revision everything is compacted at.
    pub revision: Revision,
    /// Which order it is and why that is safe, for a recovery; which copy is the
    /// untouched one is told at each step.
    pub order: Option<String>,
    /// A snapshot that was taken earlier in this run and holds everything
    /// still; no step takes another one then.
    pub saved: Option<PathBuf>,
    /// What will be done, in order.
    pub steps: Vec<Step>,
    /// What the person should know before saying yes.
    pub cautions: Vec<String>,
}

/// Why nothing may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which gate.
    pub kind: RefusalKind,
    /// What is wrong, one sentence.
    pub what: String,
    /// What to do or type next.
    pub next: String,
    /// The flag that opens this gate, when a person may open it that way.
    pub flag: Option<String>,
}

/// The gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// This kind of installation is not changed by us, or not from this node alone.
    Layout,
    /// A CORRUPT (or unknown) alarm is raised.
    Corrupt,
    /// No leader or too few members for a quorum.
    NoQuorum,
    /// A voter does not answer and nobody consented to go on without it.
    MissingVoter,
    /// A learner is over quota; it cannot be defragmented online.
    LearnerOverQuota,
    /// A member is behind the leader.
    Lagging,
    /// This node's data directory does not answer.
    DiskHangs,
    /// No filesystem has room for the snapshot.
    NoRoomForSnapshot,
    /// The only snapshot would go to a failing disk.
    SickDisk,
    /// No room for the new database file.
    NoRoomForDatabase,
    /// This etcd release has a known data bug with the step.
    Version,
    /// The only copy of the data would be touched without a snapshot.
    LastCopy,
    /// A member's database would still be over its quota.
    StillOverQuota,
    /// The live data alone fill nine tenths of a quota or more: compaction
    /// and defragmentation are not enough.
    LiveDataOverQuota,
    /// Somebody reads a snapshot stream from the member: a defragmentation
    /// would freeze it until that ends.
    SnapshotStreams,
    /// A revision given by hand cannot be compacted.
    Revision,
}
