//! The vocabulary of `diagnose`: what is measured of a slow etcd, from its own
//! numbers down to the drive's firmware, and what is found in it. What crosses
//! from a child process carries serde; nothing here judges.

mod account;
mod below;
mod drive;
mod drive_facts;
mod examined;
mod finding;
mod histogram;
mod kernel_events;
mod latencies;
mod log_story;
mod member_numbers;
mod member_view;
mod probe_run;
mod self_test_order;
mod slow_voter;
mod wide;

pub use account::Account;
pub use below::{
    Array, Bus, DiskBelow, DiskWindow, IoPressure, Layer, LayerKind, LeafDisk, Place, PlaceRole,
    Sharer, SharerKind, Writer,
};
pub use drive::{
    AtaAttribute, AtaHealth, DriveAnswer, DriveHealth, EbsStatistics, NvmeHealth, ScsiHealth,
    SelfTest, SelfTestState, SmartStatus,
};
pub use drive_facts::{DriveFacts, LifeLeft};
pub use examined::{Examined, Unseen};
pub use finding::{Diagnosis, EvidenceKind, Finding, Severity, Verdict};
pub use histogram::{Bracket, Histogram, Spread};
pub use kernel_events::{KernelEvent, KernelEventKind, KernelEvents};
pub use latencies::Latencies;
pub use log_story::{LogSign, LogSignKind, LogStory, Symptom, SymptomKind};
pub use member_numbers::MemberNumbers;
pub use member_view::{MemberView, Scrape};
pub use probe_run::{ProbeRefusal, ProbeRun};
pub use self_test_order::{DriveProtocol, SelfTestOrder};
pub use slow_voter::{SlowBy, SlowVoter};
