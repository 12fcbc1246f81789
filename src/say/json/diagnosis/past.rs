//! Logs in a diagnosis: etcd's, its clients', the kernel's.

use serde::Serialize;

use super::time;
use crate::model::diagnosis::{
    KernelEvent, KernelEventKind, KernelEvents, LogSign, LogSignKind, LogStory, Symptom,
    SymptomKind,
};

/// Nanoseconds of a millisecond.
const MILLI: f64 = 1e6;

/// etcd's own log.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LogAnswer {
    files: Vec<String>,
    from: Option<String>,
    to: Option<String>,
    lines: u64,
    /// Length of a piece of the timelines; the first begins at `from`.
    piece_ms: f64,
    signs: Vec<SignAnswer>,
    complaints: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct SignAnswer {
    kind: LogSignKind,
    count: u64,
    worst_ms: Option<f64>,
    worst_at: Option<String>,
    first_at: Option<String>,
    last_at: Option<String>,
    example: String,
    /// How many there were in each piece.
    timeline: Vec<u64>,
}

impl LogAnswer {
    pub fn new(story: &LogStory) -> Self {
        let sign = |sign: &LogSign| SignAnswer {
            kind: sign.kind,
            count: sign.count,
            worst_ms: sign.worst_ms,
            worst_at: sign.worst_at.and_then(time),
            first_at: time(sign.first_at),
            last_at: time(sign.last_at),
            example: sign.example.clone(),
            timeline: sign.timeline.clone(),
        };
        Self {
            files: story.files.clone(),
            from: time(story.from),
            to: time(story.to),
            lines: story.lines,
            piece_ms: story.piece as f64 / MILLI,
            signs: story.signs.iter().map(sign).collect(),
            complaints: story.complaints.clone(),
        }
    }
}

/// What one of etcd's clients on this node suffered.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SymptomAnswer {
    kind: SymptomKind,
    container: String,
    count: u64,
    first_at: Option<String>,
    last_at: Option<String>,
    example: String,
}

impl SymptomAnswer {
    pub fn new(symptom: &Symptom) -> Self {
        Self {
            kind: symptom.kind,
            container: symptom.container.clone(),
            count: symptom.count,
            first_at: time(symptom.first_at),
            last_at: time(symptom.last_at),
            example: symptom.example.clone(),
        }
    }
}

/// The kernel's lines about disks and memory.
#[derive(Clone, Debug, Serialize)]
pub(super) struct KernelAnswer {
    /// The oldest line the ring still has.
    from: Option<String>,
    /// Whether older lines are lost.
    lost: bool,
    unreadable: Option<String>,
    events: Vec<KernelEventAnswer>,
}

#[derive(Clone, Debug, Serialize)]
struct KernelEventAnswer {
    at: Option<String>,
    kind: KernelEventKind,
    disk: Option<String>,
    text: String,
}

impl KernelAnswer {
    pub fn new(kernel: &KernelEvents) -> Self {
        let event = |event: &KernelEvent| KernelEventAnswer {
            at: time(event.at),
            kind: event.kind,
            disk: event.disk.clone(),
            text: event.text.clone(),
        };
        Self {
            from: time(kernel.from),
            lost: kernel.lost,
            unreadable: kernel.unreadable.clone(),
            events: kernel.events.iter().map(event).collect(),
        }
    }
}
