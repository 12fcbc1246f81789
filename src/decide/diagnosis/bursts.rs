//! When etcd's log was full of trouble: the timelines of its signs become
//! episodes. Pure.

use crate::model::diagnosis::{LogSignKind, LogStory};

/// A piece of the timeline counts as busy from so many lines on: one slow
/// request is no burst.
const FEWEST: u64 = 3;

/// And from this share of the busiest piece on.
const SHARE: u64 = 10;

/// A time in which etcd complained much. Nanoseconds since the epoch, exact to
/// one piece of the story's timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// When it began.
    pub from: i64,
    /// When it was over.
    pub to: i64,
    /// Lines that complained.
    pub lines: u64,
}

impl Burst {
    /// How long it lasted, nanoseconds.
    #[must_use]
    pub fn length(&self) -> i64 {
        self.to.saturating_sub(self.from)
    }
}

/// The bursts of a log, the oldest first. Lines about room and about peers are
/// not counted: they are other troubles.
#[must_use]
pub fn bursts(story: &LogStory) -> Vec<Burst> {
    let counts = counts(story);
    let busiest = counts.iter().copied().max().unwrap_or(0);
    let busy = FEWEST.max(busiest.div_ceil(SHARE));
    let start = |piece: usize| {
        let piece = i64::try_from(piece).unwrap_or(i64::MAX);
        story.from.saturating_add(story.piece.saturating_mul(piece))
    };
    let mut bursts: Vec<Burst> = Vec::new();
    let mut calm = true;
    for (piece, lines) in counts.into_iter().enumerate() {
        let (from, to) = (start(piece), start(piece + 1).min(story.to));
        match bursts.last_mut() {
            _ if lines < busy => calm = true,
            Some(last) if !calm => {
                last.to = to;
                last.lines = last.lines.saturating_add(lines);
            }
            _ => {
                calm = false;
                bursts.push(Burst { from, to, lines });
            }
        }
    }
    sharpen(&mut bursts, story);
    bursts
}

/// The longest of them.
#[must_use]
pub fn longest(bursts: &[Burst]) -> Option<&Burst> {
    bursts.iter().max_by_key(|burst| burst.length())
}

/// Lines in each piece, whatever they are a sign of.
fn counts(story: &LogStory) -> Vec<u64> {
    let slow = story
        .signs
        .iter()
        .filter(|sign| !matches!(sign.kind, LogSignKind::NoSpace | LogSignKind::PeerTrouble));
    let mut counts: Vec<u64> = Vec::new();
    for sign in slow {
        counts.resize(counts.len().max(sign.timeline.len()), 0);
        for (sum, lines) in counts.iter_mut().zip(&sign.timeline) {
            *sum = sum.saturating_add(*lines);
        }
    }
    counts
}

/// The first and the last line are known better than by piece.
fn sharpen(bursts: &mut [Burst], story: &LogStory) {
    let signs = || {
        let is_other = |kind| matches!(kind, LogSignKind::NoSpace | LogSignKind::PeerTrouble);
        story.signs.iter().filter(move |sign| !is_other(sign.kind))
    };
    let (first, last) =
        (signs().map(|sign| sign.first_at).min(), signs().map(|sign| sign.last_at).max());
    if let (Some(burst), Some(first)) = (bursts.first_mut(), first)
        && (burst.from..burst.to).contains(&first)
    {
        burst.from = first;
    }
    if let (Some(burst), Some(last)) = (bursts.last_mut(), last)
        && (burst.from..burst.to).contains(&last)
    {
        burst.to = last;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::diagnosis::LogSign;

    fn story(timelines: &[(LogSignKind, &[u64])]) -> LogStory {
        let sign = |(kind, timeline): &(LogSignKind, &[u64])| LogSign {
            kind: *kind,
            count: timeline.iter().sum(),
            worst_ms: None,
            worst_at: None,
            first_at: 0,
            last_at: 0,
            example: String::new(),
            timeline: timeline.to_vec(),
        };
        LogStory {
            from: 1_000,
            to: 1_095,
            lines: 9,
            piece: 10,
            signs: timelines.iter().map(sign).collect(),
            ..LogStory::default()
        }
    }

    fn spans(story: &LogStory) -> Vec<(i64, i64, u64)> {
        bursts(story).iter().map(|burst| (burst.from, burst.to, burst.lines)).collect()
    }

    #[test]
    fn neighbouring_pieces_are_one_burst() {
        let story = story(&[
            (LogSignKind::SlowFdatasync, &[0, 2, 9, 0, 0, 0, 7, 0, 0, 4]),
            (LogSignKind::SlowApply, &[1, 3, 1, 0, 0, 1, 0, 0, 0, 0]),
            (LogSignKind::PeerTrouble, &[9, 9, 9, 9, 9, 9, 9, 9, 9, 9]),
        ]);
        let spans = spans(&story);
        assert_eq!(spans, [(1_010, 1_030, 15), (1_060, 1_070, 7), (1_090, 1_095, 4)]);
        assert_eq!(longest(&bursts(&story)).map(Burst::length), Some(20));
    }

    #[test]
    fn a_single_line_and_a_quiet_hour_are_none() {
        assert_eq!(spans(&story(&[(LogSignKind::SlowApply, &[0, 1, 0, 2, 0])])), []);
        assert_eq!(spans(&story(&[(LogSignKind::SlowApply, &[100, 9, 0, 0, 5])])).len(), 1);
        assert_eq!(bursts(&LogStory::default()), []);
    }

    #[test]
    fn the_first_and_the_last_line_are_taken_as_they_are() {
        let mut story = story(&[(LogSignKind::SlowApply, &[0, 5, 5, 0])]);
        (story.signs[0].first_at, story.signs[0].last_at) = (1_013, 1_022);
        assert_eq!(spans(&story), [(1_013, 1_022, 10)]);
    }

    proptest! {
        #[test]
        fn never_panics(
            from: i64,
            to: i64,
            piece: i64,
            timeline in prop::collection::vec(any::<u64>(), 0..60),
        ) {
            let signs = story(&[(LogSignKind::SlowApply, &[1])]).signs;
            let mut story = LogStory { from, to, piece, signs, ..LogStory::default() };
            story.signs[0].timeline = timeline;
            let _ = bursts(&story).iter().map(Burst::length).collect::<Vec<_>>();
        }
    }
}
