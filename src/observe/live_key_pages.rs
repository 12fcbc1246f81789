//! The keys of a live member, page by page, as gently as one client can: one
//! question at a time, bounded answers, and as much rest as work. Whose keys
//! they are is for others to count.

use std::time::{Duration, Instant};

use crate::{
    model::Revision,
    wire::{Etcd, LiveKey, WireError, WireErrorKind as Kind},
};

/// What one answer should bring, in bytes: the member reads and sends each
/// at once.
const ANSWER: u64 = 2 << 20;
/// Keys in one answer; the API server lists 500 at a time, too.
const MOST_KEYS: u64 = 500;
/// Keys in the first answer: with values of 1.5 MiB, etcd's default limit,
/// 12 MiB.
const FIRST_KEYS: u64 = 8;
/// The longest rest between two answers.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// Late answers in a row that end it.
const MOST_LATE: u32 = 3;

/// Where the reading of a member's keys stands.
#[derive(Debug)]
pub struct LiveKeyPages {
    etcd: Etcd,
    /// Where the next page begins; `None` behind the last key.
    from: Option<Vec<u8>>,
    limit: u64,
    /// What all pages are read at; 0 before the first one.
    revision: Revision,
    /// The revision of the first page.
    first: Revision,
    rest: Duration,
}

impl LiveKeyPages {
    /// From the first key on, at the revision that is newest now.
    #[must_use]
    pub fn of(etcd: Etcd) -> Self {
        Self {
            etcd,
            // Every key is at or behind the smallest one.
            from: Some(vec![0]),
            limit: FIRST_KEYS,
            revision: Revision(0),
            first: Revision(0),
            rest: Duration::ZERO,
        }
    }

    /// The next keys, in order; `None` behind the last one. When a compaction
    /// overtakes the reading it goes on at the newest revision: each key still
    /// comes once.
    ///
    /// # Errors
    /// What etcd answers; the same page can be asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<LiveKey>>, WireError> {
        let Some(from) = self.from.clone() else { return Ok(None) };
        let mut late = 0;
        loop {
            tokio::time::sleep(self.rest).await;
            let asked = Instant::now();
            let answered = self.etcd.live_keys_page(&from, self.limit, self.revision).await;
            self.rest = asked.elapsed().min(LONGEST_REST);
            match answered {
                Ok(page) => {
                    self.revision = page.revision;
                    if self.first == Revision(0) {
                        self.first = page.revision;
                    }
                    let bytes = page.keys.iter().map(|key| key.value_length).sum();
                    self.limit = next_limit(self.limit, bytes);
                    self.from = page.next;
                    return Ok(Some(page.keys));
                }
                Err(error) if error.kind == Kind::Compacted && self.revision != Revision(0) => {
                    self.revision = Revision(0);
                }
                Err(error) if error.kind == Kind::TooLarge && self.limit > 1 => self.ask_for_less(),
                Err(error) if error.kind == Kind::Deadline && late < MOST_LATE => {
                    late += 1;
                    self.ask_for_less();
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The revisions of the first and of the latest page; the same unless a
    /// compaction came between.
    #[must_use]
    pub fn revisions(&self) -> (Revision, Revision) {
        (self.first, self.revision)
    }

    fn ask_for_less(&mut self) {
        self.limit = (self.limit / 8).max(1);
    }
}

/// Aims at `ANSWER`, and doubles at most: large values stand together.
fn next_limit(limit: u64, bytes: u64) -> u64 {
    let aimed = limit.saturating_mul(ANSWER) / bytes.max(1);
    aimed.min(limit * 2).clamp(1, MOST_KEYS)
}

#[cfg(test)]
mod tests {
    use super::{ANSWER, MOST_KEYS, next_limit};

    #[test]
    fn answers_grow_slowly_and_shrink_at_once() {
        assert_eq!(next_limit(8, 1000), 16);
        assert_eq!(next_limit(400, 400_000), MOST_KEYS);
        assert_eq!(next_limit(500, 10 * ANSWER), 50);
        assert_eq!(next_limit(4, 90 * ANSWER), 1);
        assert_eq!(next_limit(1, 0), 2);
    }
}
