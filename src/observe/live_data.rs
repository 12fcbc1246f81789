//! Counting the live data of a database: the latest value of every key, read
//! page by page at one revision from one member, as its API server would list
//! them. Only sizes are kept; values go as they come.

use std::time::{Duration, Instant};

use crate::{
    model::{Bytes, LiveData, Revision},
    wire::{Etcd, KeysPage, WireError, WireErrorKind},
};

use super::bolt_size::BoltSize;

/// What one answer should bring, in bytes: the member reads and sends each
/// at once.
const ANSWER: u64 = 4 << 20;
/// Keys in one answer; the API server lists 500 at a time, too.
const MOST_KEYS: u64 = 500;
/// Keys in the first answer: with values of 1.5 MiB, etcd's default limit,
/// 12 MiB.
const FIRST_KEYS: u64 = 8;

/// Counts until everything is counted, the predicted file passes `enough`, or
/// `patience` is over; the last two make it partial. `progress` is called
/// with the predicted size so far.
///
/// # Errors
/// What etcd answers, such as `Compacted` when the revision went meanwhile.
pub async fn count_live_data(
    etcd: &Etcd,
    enough: Bytes,
    patience: Duration,
    mut progress: impl FnMut(&LiveData),
) -> Result<LiveData, WireError> {
    let deadline = Instant::now() + patience;
    let (mut live, mut size) = (LiveData::default(), BoltSize::default());
    // Every key is at or behind the smallest one; the first answer's revision
    // is the one all are read at.
    let (mut from, mut revision, mut limit) = (vec![0], Revision(0), FIRST_KEYS);
    loop {
        let page = match etcd.keys_page(&from, limit, revision).await {
            Ok(page) => page,
            Err(error) if error.kind == WireErrorKind::TooLarge && limit > 1 => {
                limit = (limit / 8).max(1);
                continue;
            }
            Err(error) => return Err(error),
        };
        revision = page.revision;
        add(&mut live, &mut size, &page);
        progress(&live);
        let Some(next) = page.next else { return Ok(live) };
        if live.file_size >= enough || Instant::now() >= deadline {
            return Ok(LiveData { partial: true, ..live });
        }
        limit = next_limit(limit, page.records.iter().map(|record| record.value).sum());
        from = next;
    }
}

fn add(live: &mut LiveData, size: &mut BoltSize, page: &KeysPage) {
    for record in &page.records {
        live.keys += 1;
        live.bytes = live.bytes.plus(Bytes(record.data));
        size.add(record.value);
    }
    live.file_size = size.file_size();
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
