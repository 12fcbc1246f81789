//! etcd's log of the past hours: how often it complained of what, how bad it
//! was, and when. Reads files only, in a child, because they may lie on the
//! sick disk; what it means is decided elsewhere.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    etcd_log_line::{EtcdLine, nanoseconds},
    log_files::{self, Limits, LogFiles, PODS},
    log_line::LogLine,
    log_signs::{Telling, example, telling},
};
use crate::model::{
    Located,
    diagnosis::{LogSign, LogSignKind, LogStory},
    order::InOrder,
};

/// Pieces of a timeline.
const PIECES: usize = 48;

/// Elections and silent peers belong to a start for so long, nanoseconds.
const START: i64 = 15_000_000_000;

/// An election that somebody asked for is over by then.
const HANDOVER: i64 = 2_000_000_000;

/// One loss of a leader is told by several lines within this.
const SAME_LOSS: i64 = 500_000_000;

/// Where etcd's log is.
///
/// # Errors
/// Why there is none to read, and what shows it.
pub fn place(node: &Located) -> Result<PathBuf, String> {
    if let Some(container) = &node.container {
        return container.log_path.clone().ok_or_else(|| {
            format!(
                "the runtime does not say where the log of the etcd container is: `crictl logs {}`",
                container.short_id()
            )
        });
    }
    // The runtime may not answer; a static pod's log has its place all the same.
    let process = node.process.as_ref().filter(|_| node.manifest.is_none());
    let Some(process) = process else { return Ok(PathBuf::from(PODS)) };
    let unit = if node.layout().unit.is_empty() { "etcd" } else { node.layout().unit };
    Err(format!(
        "etcd ({}) runs outside of a container, so its log is not in a file that can be found \
         here: `journalctl -u {unit}` shows it",
        process.comm
    ))
}

/// Reads the log at `place`: a log file, or the directory of all pods when the
/// runtime does not answer.
#[must_use]
pub fn read(place: &Path, mut limits: Limits) -> LogStory {
    let directories = if place.is_dir() {
        log_files::of_pods(place, |pod| pod.starts_with("kube-system_etcd-"), |name| name == "etcd")
    } else {
        log_files::directories(place)
    };
    let mut files = LogFiles::find(&directories, limits.since);
    let mut book = Book::default();
    let read = files.read(&mut limits, |path, time, line| book.take(path, time, line));
    let mut story = book.story();
    story.files = read.iter().map(|path| path.display().to_string()).collect();
    if directories.is_empty() {
        let none = format!("no log of an etcd container is below {}", place.display());
        files.complaints.push(none);
    }
    story.complaints = files.complaints;
    story
}

/// Reads the bytes of one file as they stand in a CRI log.
#[must_use]
pub fn read_bytes(bytes: &[u8]) -> LogStory {
    let (mut book, mut joiner) = (Book::default(), super::log_line::Joiner::default());
    let mut take = |line: LogLine| {
        let time = nanoseconds(&line.time).unwrap_or(0);
        book.take(Path::new("log"), time, &line);
    };
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        joiner.push(super::log_line::Entry::parse(line)).into_iter().for_each(&mut take);
    }
    joiner.rest().for_each(&mut take);
    book.story()
}

/// One kind while it is counted.
#[derive(Debug, Default)]
struct Counted {
    times: Vec<i64>,
    worst: Option<(f64, i64)>,
    last_at: i64,
    example: String,
}

/// What a file has told of its attempt so far.
#[derive(Debug, Default)]
struct Attempt {
    file: PathBuf,
    /// The last line's time: one without has the same.
    at: i64,
    /// Losing the leader is no trouble before this.
    calm_until: i64,
    stopping: bool,
    last_loss: i64,
}

/// Everything that is counted. Files may come in any order, the lines of one
/// are in theirs.
#[derive(Debug, Default)]
struct Book {
    kinds: BTreeMap<LogSignKind, Counted>,
    attempt: Attempt,
    from: i64,
    to: i64,
    lines: u64,
}

impl Book {
    fn take(&mut self, file: &Path, time: i64, line: &LogLine) {
        if self.attempt.file != file {
            self.attempt = Attempt { file: file.to_owned(), ..Attempt::default() };
        }
        let parsed = EtcdLine::parse(&line.text);
        let own = || parsed.as_ref().and_then(EtcdLine::own_time);
        let at = Some(time).filter(|time| *time != 0).or_else(own).unwrap_or(self.attempt.at);
        if at <= 0 {
            return;
        }
        self.lines += 1;
        self.attempt.at = at;
        self.from = if self.from == 0 { at } else { self.from.min(at) };
        self.to = self.to.max(at);
        let Some(parsed) = parsed else { return };
        match telling(&parsed) {
            Some(Telling::Starting) => {
                self.attempt.stopping = false;
                self.attempt.calm_until = at.saturating_add(START);
            }
            Some(Telling::Stopping) => self.attempt.stopping = true,
            Some(Telling::HandedOver) => {
                let until = at.saturating_add(HANDOVER);
                self.attempt.calm_until = self.attempt.calm_until.max(until);
            }
            Some(Telling::Sign(kind, millis)) if self.attempt.counts(kind, at) => {
                self.kinds.entry(kind).or_default().add(at, millis, || example(&parsed));
            }
            Some(Telling::Sign(..)) | None => {}
        }
    }

    fn story(self) -> LogStory {
        let span = self.to.saturating_sub(self.from).saturating_add(1);
        let piece = if self.lines == 0 { 0 } else { span.div_euclid(PIECES as i64) + 1 };
        let mut signs: Vec<LogSign> = self
            .kinds
            .into_iter()
            .map(|(kind, counted)| counted.sign(kind, self.from, piece))
            .collect();
        signs.order_by_key(|sign| rank(sign.kind));
        let Self { from, to, lines, .. } = self;
        LogStory { from, to, lines, signs, piece, ..LogStory::default() }
    }
}

impl Attempt {
    /// Whether a sign is trouble at this point of an attempt's life.
    fn counts(&mut self, kind: LogSignKind, at: i64) -> bool {
        let ordinary = matches!(kind, LogSignKind::LeaderLost | LogSignKind::PeerTrouble);
        if ordinary && (self.stopping || at < self.calm_until) {
            return false;
        }
        if kind == LogSignKind::LeaderLost {
            let same = at.saturating_sub(self.last_loss) < SAME_LOSS;
            self.last_loss = at;
            return !same;
        }
        true
    }
}

impl Counted {
    fn add(&mut self, at: i64, millis: Option<f64>, example: impl FnOnce() -> String) {
        self.times.push(at);
        let worse = match (millis, self.worst) {
            (Some(millis), Some((worst, _))) => millis > worst,
            (Some(_), None) => true,
            // Without times the last line speaks for all.
            (None, None) => at >= self.last_at,
            (None, Some(_)) => false,
        };
        self.last_at = self.last_at.max(at);
        if worse {
            self.worst = millis.map(|millis| (millis, at));
            self.example = example();
        }
    }

    fn sign(self, kind: LogSignKind, from: i64, piece: i64) -> LogSign {
        let mut timeline = vec![0; PIECES];
        for at in &self.times {
            let place = at.saturating_sub(from).checked_div(piece).unwrap_or(0);
            let place = usize::try_from(place).unwrap_or(0).min(PIECES - 1);
            if let Some(count) = timeline.get_mut(place) {
                *count += 1;
            }
        }
        LogSign {
            kind,
            count: self.times.len() as u64,
            worst_ms: self.worst.map(|(millis, _)| millis),
            worst_at: self.worst.map(|(_, at)| at),
            first_at: self.times.iter().copied().min().unwrap_or(from),
            last_at: self.last_at,
            example: self.example,
            timeline,
        }
    }
}

/// The worst kind first: what stops writes, what stops the cluster, what is
/// slow from the disk upwards.
fn rank(kind: LogSignKind) -> u8 {
    match kind {
        LogSignKind::NoSpace => 0,
        LogSignKind::LeaderLost => 1,
        LogSignKind::SlowFdatasync => 2,
        LogSignKind::LateHeartbeat => 3,
        LogSignKind::SlowApply => 4,
        LogSignKind::SlowReadIndex => 5,
        LogSignKind::SlowAgreement => 6,
        LogSignKind::SlowRequest => 7,
        LogSignKind::PeerTrouble => 8,
    }
}

#[cfg(test)]
#[path = "log_story_tests.rs"]
mod tests;
