//! Counting the live data of a database: the latest value of every key, read
//! page by page at one revision from one member, as its API server would list
//! them. Only names and sizes are looked at; values go as they come.

use std::time::{Duration, Instant};

use crate::{
    model::{Bytes, KeyRange, LiveData, Purgeable, Revision, behind_prefix},
    wire::{Etcd, NamedPage, WireError, WireErrorKind},
};

use super::{bolt_size::BoltSize, purgeable::Sum};

/// What one answer should bring, in bytes: the member reads and sends each
/// at once.
const ANSWER: u64 = 4 << 20;
/// Keys in one answer; the API server lists 500 at a time, too.
const MOST_KEYS: u64 = 500;
/// Keys in the first answer: with values of 1.5 MiB, etcd's default limit,
/// 12 MiB.
const FIRST_KEYS: u64 = 8;

/// What is counted, and how far.
pub struct Counting<'a> {
    /// Counting ends when the predicted file reaches this size.
    pub enough: Bytes,
    /// Counting ends after this time.
    pub patience: Duration,
    /// Keys below these prefixes are also counted by themselves.
    pub apart: &'a [String],
    /// Which of those must never be deleted.
    pub protected: &'a dyn Fn(&[u8]) -> bool,
}

/// What was counted.
#[derive(Clone, Debug)]
pub struct Counted {
    /// All keys; partial when counting ended early. Its events are not filled.
    pub live: LiveData,
    /// Those below the prefixes.
    pub apart: Purgeable,
    /// The ranges they stand in.
    pub ranges: Vec<KeyRange>,
    /// The revision all was read at.
    pub revision: Revision,
}

/// Counts everything. `progress` is called with what was counted so far.
///
/// # Errors
/// What etcd answers, such as `Compacted` when the revision went meanwhile.
pub async fn count_live_data(
    etcd: &Etcd,
    wanted: &Counting<'_>,
    mut progress: impl FnMut(&LiveData),
) -> Result<Counted, WireError> {
    let deadline = Instant::now() + wanted.patience;
    let (mut live, mut apart) = (LiveData::default(), Sum::new(wanted.apart, wanted.protected));
    let (mut size, mut without) = (BoltSize::default(), BoltSize::default());
    // Every key is at or behind the smallest one.
    let mut pages = Pages::new(vec![0], vec![0], Revision(0));
    loop {
        let page = pages.next(etcd).await?;
        for record in &page.records {
            live.keys += 1;
            live.bytes = live.bytes.plus(Bytes(record.data));
            size.add(record.value);
            if !apart.add(record) {
                without.add(record.value);
            }
        }
        live.file_size = size.file_size();
        progress(&live);
        let over = page.next.is_none();
        if over || live.file_size >= wanted.enough || Instant::now() >= deadline {
            live.partial = !over;
            let (found, ranges) = apart.finish();
            let file_size_without = over.then(|| without.file_size());
            let apart = Purgeable { file_size_without, partial: !over, ..found };
            return Ok(Counted { live, apart, ranges, revision: pages.revision });
        }
    }
}

/// Counts only the keys below the prefixes, until `patience` is over.
/// `progress` is called with the keys so far.
///
/// # Errors
/// As above.
pub async fn count_below(
    etcd: &Etcd,
    wanted: &Counting<'_>,
    mut progress: impl FnMut(u64),
) -> Result<(Purgeable, Vec<KeyRange>, Revision), WireError> {
    let deadline = Instant::now() + wanted.patience;
    let mut sum = Sum::new(wanted.apart, wanted.protected);
    let (mut revision, mut keys, mut partial) = (Revision(0), 0, false);
    for prefix in wanted.apart {
        let prefix = prefix.as_bytes();
        let mut pages = Pages::new(prefix.to_vec(), behind_prefix(prefix), revision);
        loop {
            let page = pages.next(etcd).await?;
            keys += page.records.iter().filter(|record| sum.add(record)).count() as u64;
            progress(keys);
            partial = page.next.is_some() && Instant::now() >= deadline;
            if page.next.is_none() || partial {
                break;
            }
        }
        revision = pages.revision;
        if partial {
            break;
        }
    }
    let (found, ranges) = sum.finish();
    Ok((Purgeable { partial, ..found }, ranges, revision))
}

/// Where the next page begins.
struct Pages {
    from: Vec<u8>,
    behind: Vec<u8>,
    /// The first answer's revision is the one all are read at.
    revision: Revision,
    limit: u64,
}

impl Pages {
    fn new(from: Vec<u8>, behind: Vec<u8>, revision: Revision) -> Self {
        Self { from, behind, revision, limit: FIRST_KEYS }
    }

    async fn next(&mut self, etcd: &Etcd) -> Result<NamedPage, WireError> {
        loop {
            let page = etcd.named_page(&self.from, &self.behind, self.limit, self.revision).await;
            let page = match page {
                Ok(page) => page,
                Err(error) if error.kind == WireErrorKind::TooLarge && self.limit > 1 => {
                    self.limit = (self.limit / 8).max(1);
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.revision = page.revision;
            let bytes = page.records.iter().map(|record| record.value).sum();
            self.limit = next_limit(self.limit, bytes);
            self.from = page.next.clone().unwrap_or_default();
            return Ok(page);
        }
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
