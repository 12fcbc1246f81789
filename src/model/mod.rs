//! Plain types of the field, shared by every room.
//!
//! Owns the vocabulary (member, revision, alarm, plan, step). No I/O, no async,
//! no generated types, and it imports nothing of ours.

mod alarm;
pub mod diagnosis;
mod disk;
mod equality;
mod freeable;
mod kubelet;
pub mod layout;
mod live_data;
mod located;
mod manifest_edit;
mod manifest_file;
mod member;
mod no_start;
mod obstacle;
pub mod order;
mod outcome;
mod plan;
mod prevent_wishes;
mod probe;
mod purge;
mod release;
mod relocation;
mod restart;
mod rules;
mod setting_advice;
mod sick_disk;
mod size;
mod stopped_data;
mod timestamp;
mod undo;
mod unfinished_change;
pub mod usage;
mod version;
mod wishes;
mod world;

pub use alarm::{Alarm, AlarmKind};
pub use disk::{DataDir, Filesystem, SnapshotPlace};
pub use equality::Equality;
pub use freeable::{Freeable, FreeableKind};
pub use kubelet::{Guardian, KubeletProcess};
pub use live_data::LiveData;
pub use located::{
    Certificate, CertificateRole, Container, ContainerState, Found, Located, Manifest, Mount,
    Probe, ProbeKind, ProbeTiming, Process, Runtime,
};
pub use manifest_edit::{DiffKind, DiffLine, EditedManifest, ManifestEdit, Unfit};
pub use manifest_file::{DirectoryFile, ManifestDirectory, ManifestFile, PodName};
pub use member::{
    DiskTimes, Member, MemberId, MemberStatus, Quota, QuotaSource, Revision, Silence, SilenceKind,
};
pub use no_start::NoStart;
pub use obstacle::Obstacle;
pub use outcome::{Outcome, StepReport, StepStatus};
pub use plan::{Plan, Refusal, RefusalKind, Step, StepKind};
pub use prevent_wishes::PreventWishes;
pub use purge::{KeyRange, Purge, PurgeGroup, PurgeTarget, Purgeable, behind_prefix};
pub use release::{Behaviour, Row, bootstrap_defrag_flag, flag_default};
pub use relocation::{Copied, Fingerprint, Ground, RELOCATION, Relocation, RelocationTarget};
pub use restart::{LastEnd, RestartCause, RestartStory};
pub use rules::{Rule, RuleGroup, RuleWishes, Thresholds};
pub use setting_advice::{SettingAdvice, SettingsAdvice};
pub use sick_disk::SickDisk;
pub use size::Bytes;
pub use stopped_data::StoppedData;
pub use timestamp::{NoTimestamp, Timestamp};
pub use undo::{UNDO_HOME, Undo, undo_name, undo_owner};
pub use unfinished_change::{
    MANIFEST_BACKUPS, Phase, Purpose, UNFINISHED_CHANGE, UnfinishedChange,
};
pub use version::EtcdVersion;
pub use wishes::{Scope, Wishes};
pub use world::World;
