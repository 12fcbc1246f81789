//! /proc/diskstats, and what two samples of it tell of a device. Pure; takes
//! any bytes.

use std::collections::BTreeMap;

use crate::model::{diagnosis::DiskWindow, order};

/// A sector of /proc/diskstats, whatever the disk's own (Linux
/// Documentation/admin-guide/iostats.rst).
const SECTOR: f64 = 512.0;

/// Times are kept in so many milliseconds and begin anew (`unsigned int` in
/// block/genhd.c).
const WRAP: u64 = 1 << 32;

/// The share of a window that has to be busy for a stall that began in it.
const NEARLY_ALL: f64 = 0.9;

/// One device's counters since it appeared. Times are milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reads completed.
    pub reads: u64,
    /// Time of all reads.
    pub read_ms: u64,
    /// Writes completed.
    pub writes: u64,
    /// Sectors written.
    pub sectors_written: u64,
    /// Time of all writes.
    pub write_ms: u64,
    /// Under way now.
    pub in_flight: u64,
    /// Time with something under way.
    pub busy_ms: u64,
    /// Time of everything under way, added up.
    pub weighted_ms: u64,
    /// Discards completed; 0 before Linux 4.18.
    pub discards: u64,
    /// Cache flushes completed; `None` before Linux 5.5.
    pub flushes: Option<u64>,
    /// Time of all flushes.
    pub flush_ms: u64,
}

/// Every line by the device's name; those that cannot be understood are left
/// out.
#[must_use]
pub fn parse(text: &str) -> BTreeMap<String, Counters> {
    order::map(text.lines().filter_map(line))
}

fn line(line: &str) -> Option<(String, Counters)> {
    let mut words = line.split_ascii_whitespace().skip(2);
    let name = words.next()?.to_owned();
    let fields: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
    let field = |number: usize| fields.get(number - 1).copied();
    // 11 numbers, 15 since Linux 4.18, 17 since 5.5.
    Some((
        name,
        Counters {
            reads: field(1)?,
            read_ms: field(4)?,
            writes: field(5)?,
            sectors_written: field(7)?,
            write_ms: field(8)?,
            in_flight: field(9)?,
            busy_ms: field(10)?,
            weighted_ms: field(11)?,
            discards: field(12).unwrap_or_default(),
            flushes: field(17).and(field(16)),
            flush_ms: field(17).unwrap_or_default(),
        },
    ))
}

/// What a device did in the seconds between two samples; `None` when it was
/// replaced meanwhile.
#[must_use]
pub fn window(name: &str, first: &Counters, last: &Counters, seconds: f64) -> Option<DiskWindow> {
    let reads = last.reads.checked_sub(first.reads)?;
    let writes = last.writes.checked_sub(first.writes)?;
    let sectors = last.sectors_written.checked_sub(first.sectors_written)?;
    let discards = last.discards.checked_sub(first.discards)?;
    let flushes = match (first.flushes, last.flushes) {
        (Some(first), Some(last)) => last.checked_sub(first)?,
        _ => 0,
    };
    if seconds <= 0.0 {
        return None;
    }
    let millis = seconds * 1_000.0;
    let busy = elapsed(first.busy_ms, last.busy_ms);
    let completed = reads.saturating_add(writes).saturating_add(discards).saturating_add(flushes);
    // Linux 5.0 to 5.12 counts a request's busy time only when it ends: what
    // was under way at the start, and still is, tells enough.
    let under_way = first.in_flight > 0 || busy >= NEARLY_ALL * millis;
    let stalled = completed == 0 && last.in_flight > 0 && under_way;
    Some(DiskWindow {
        name: name.to_owned(),
        seconds,
        util_percent: if stalled { 100.0 } else { (100.0 * busy / millis).min(100.0) },
        writes_per_s: writes as f64 / seconds,
        written_per_s: sectors as f64 * SECTOR / seconds,
        reads_per_s: reads as f64 / seconds,
        w_await_ms: mean(elapsed(first.write_ms, last.write_ms), writes),
        r_await_ms: mean(elapsed(first.read_ms, last.read_ms), reads),
        flush_await_ms: mean(elapsed(first.flush_ms, last.flush_ms), flushes),
        flushes,
        queue: elapsed(first.weighted_ms, last.weighted_ms) / millis,
        in_flight: last.in_flight,
        stalled,
    })
}

/// Milliseconds between two readings of a counter that begins anew.
fn elapsed(first: u64, last: u64) -> f64 {
    last.checked_sub(first).unwrap_or_else(|| last.saturating_add(WRAP).saturating_sub(first))
        as f64
}

fn mean(total: f64, count: u64) -> Option<f64> {
    (count > 0).then(|| total / count as f64)
}

#[cfg(test)]
#[path = "diskstats_tests.rs"]
mod tests;
