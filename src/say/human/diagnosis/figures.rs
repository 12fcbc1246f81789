//! Figures made of letters: bars of a histogram and a line over time. Block
//! characters where they can be shown, ASCII everywhere else.

use super::numbers::{bracket, thousands};
use crate::model::diagnosis::{Bracket, Spread};

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 7] = ['.', ':', '-', '=', '+', '*', '#'];
/// The widest bar.
const WIDEST: usize = 40;
/// Room for a count.
const COUNT: usize = 8;

/// One line a bucket: its bounds in milliseconds, a bar, how many values. A
/// bucket that is not empty has a bar.
pub(super) fn bars(spread: &Spread, width: usize, blocks: bool) -> Vec<String> {
    let labels = labels(spread);
    let label_width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let room = width.saturating_sub(label_width + COUNT + 5).clamp(5, WIDEST);
    let most = spread.buckets.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let bar = |count: u64| {
        let length = (count as f64 / most as f64 * room as f64).round() as usize;
        let length = length.max(usize::from(count > 0));
        (if blocks { "█" } else { "#" }).repeat(length)
    };
    let lines = labels.iter().zip(&spread.buckets).map(|(label, (_, count))| {
        format!("{label:>label_width$} ms  {:<room$} {}", bar(*count), thousands(*count))
    });
    lines.collect()
}

fn labels(spread: &Spread) -> Vec<String> {
    let mut over_ms = None;
    let labels = spread.buckets.iter().map(|(upto_ms, _)| {
        // The first bucket that is told need not be the histogram's first: its
        // lower bound is half the upper one in all of etcd's histograms.
        let from = over_ms.or(upto_ms.map(|upto| if upto <= 1.0 { 0.0 } else { upto / 2.0 }));
        over_ms = *upto_ms;
        bracket(&Bracket { over_ms: from.unwrap_or(0.0), upto_ms: *upto_ms, estimate_ms: 0.0 })
    });
    labels.collect()
}

/// Counts over time as one letter a piece, at most `width` of them; the
/// highest is `most`. A piece with anything in it is never drawn as empty.
pub(super) fn timeline(pieces: &[u64], most: u64, width: usize, blocks: bool) -> String {
    let levels: &[char] = if blocks { &BLOCKS } else { &ASCII };
    let empty = if blocks { '·' } else { '_' };
    let level = |count: u64| match count {
        0 => empty,
        count => {
            let share = count as f64 / most.max(1) as f64;
            let at = (share * levels.len() as f64).ceil() as usize;
            levels.get(at.clamp(1, levels.len()) - 1).copied().unwrap_or(empty)
        }
    };
    squeezed(pieces, width).into_iter().map(level).collect()
}

/// Neighbouring pieces put together until there are no more than `width`.
pub(super) fn squeezed(pieces: &[u64], width: usize) -> Vec<u64> {
    let together = pieces.len().div_ceil(width.max(1)).max(1);
    pieces.chunks(together).map(|chunk| chunk.iter().sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread() -> Spread {
        let bracket = |over_ms, upto_ms| Bracket { over_ms, upto_ms, estimate_ms: over_ms };
        Spread {
            n: 203,
            mean_ms: 310.0,
            p50: bracket(256.0, Some(512.0)),
            p99: bracket(256.0, Some(512.0)),
            buckets: vec![(Some(128.0), 2), (Some(256.0), 0), (Some(512.0), 200), (None, 1)],
        }
    }

    #[test]
    fn a_bar_a_bucket() {
        assert_eq!(
            bars(&spread(), 32, false),
            [
                " 64-128 ms  #            2",
                "128-256 ms               0",
                "256-512 ms  ############ 200",
                "   >512 ms  #            1",
            ]
        );
        assert!(bars(&spread(), 32, true)[2].contains("████████████ 200"));
    }

    #[test]
    fn a_letter_a_piece() {
        let pieces = [0, 1, 0, 7, 0, 0, 3, 0];
        assert_eq!(timeline(&pieces, 7, 8, false), "_._#__-_");
        assert_eq!(timeline(&pieces, 7, 8, true), "·▂·█··▄·");
        assert_eq!(timeline(&pieces, 7, 4, false), ".#_-", "two pieces a letter");
        assert_eq!(timeline(&[], 0, 4, false), "");
    }
}
