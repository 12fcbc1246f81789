//! The load itself: writes one after the other, each synced, both timed.

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::fs::FileExt},
    time::{Duration, Instant},
};

use nix::fcntl::{FallocateFlags, fallocate};

use crate::model::diagnosis::{Latencies, ProbeRun};

/// Bytes of one write: the size in the fio line of etcd's documentation, which
/// was taken from a running cluster.
pub const WRITE: usize = 2_300;
/// Most syncs.
pub const MOST: usize = 1_000;
/// Longest time.
pub const LONGEST: Duration = Duration::from_secs(15);
/// Most syncs a second: what etcd's documentation asks of a disk.
pub const PER_SECOND: u32 = 50;

/// When to end.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most syncs.
    pub most: usize,
    /// Longest time.
    pub longest: Duration,
    /// Between two beginnings.
    pub pause: Duration,
    /// What a sync must not take: the disk has enough to do.
    pub slow: Duration,
    /// How many slow ones are enough.
    pub most_slow: usize,
}

impl Limits {
    /// Little enough for a dying disk, much enough for a 99th percentile.
    pub const USUAL: Self = Self {
        most: MOST,
        longest: LONGEST,
        pause: Duration::from_millis(1_000 / PER_SECOND as u64),
        slow: Duration::from_secs(1),
        most_slow: 3,
    };

    /// Just enough to compare two disks by.
    pub const QUICK: Self = Self { most: 100, longest: Duration::from_secs(4), ..Self::USUAL };
}

/// Writes and syncs until a limit is reached or the disk reports an error.
pub fn measure(file: &File, limits: &Limits) -> ProbeRun {
    let length = (limits.most * WRITE) as i64;
    // As etcd does with its WAL segments: the size is known beforehand, and no
    // sync has to write it.
    let grows = fallocate(file.as_fd(), FallocateFlags::empty(), 0, length).is_err();
    let mut run =
        ProbeRun { write_bytes: WRITE as u64, upper_estimate: grows, ..ProbeRun::default() };
    let bytes = [0x65; WRITE];
    let (started, mut slow) = (Instant::now(), 0);
    for turn in 0..limits.most {
        if started.elapsed() >= limits.longest {
            run.ended = format!("{} s", limits.longest.as_secs());
            return run;
        }
        let began = Instant::now();
        let offset = (turn * WRITE) as u64;
        if !timed(&mut run.writes, || file.write_all_at(&bytes, offset)) {
            run.ended = "a write failed".to_owned();
            return run;
        }
        if !timed(&mut run.syncs, || file.sync_data()) {
            run.ended = "an fdatasync failed".to_owned();
            return run;
        }
        let took = run.syncs.millis.last().copied().unwrap_or_default();
        slow += usize::from(took > limits.slow.as_secs_f64() * 1_000.0);
        if slow >= limits.most_slow {
            run.ended = format!("{slow} syncs over {} s", limits.slow.as_secs());
            return run;
        }
        std::thread::sleep(limits.pause.saturating_sub(began.elapsed()));
    }
    run.ended = format!("{} syncs", limits.most);
    run
}

/// Does `call` and notes how long it took, or why it failed.
fn timed(latencies: &mut Latencies, call: impl FnOnce() -> io::Result<()>) -> bool {
    let began = Instant::now();
    match call() {
        Ok(()) => {
            latencies.millis.push(began.elapsed().as_secs_f64() * 1_000.0);
            true
        }
        Err(error) => {
            latencies.failures.push(error.to_string());
            latencies.failed += 1;
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { most: 7, pause: Duration::ZERO, ..Limits::USUAL }
    }

    #[test]
    fn every_write_is_synced_and_both_are_timed() {
        let file = tempfile::tempfile().expect("a file");
        let run = measure(&file, &limits());
        assert_eq!((run.writes.millis.len(), run.syncs.millis.len()), (7, 7));
        assert_eq!((run.write_bytes, run.ended.as_str()), (2_300, "7 syncs"));
        assert_eq!(run.syncs.failed, 0);
    }

    #[test]
    fn slow_syncs_and_the_clock_end_it_early() {
        let file = tempfile::tempfile().expect("a file");
        let slow = Limits { slow: Duration::ZERO, ..limits() };
        let run = measure(&file, &slow);
        assert_eq!((run.syncs.millis.len(), run.ended.as_str()), (3, "3 syncs over 0 s"));
        let late = Limits { longest: Duration::ZERO, ..limits() };
        let run = measure(&file, &late);
        assert_eq!((run.syncs.millis.len(), run.ended.as_str()), (0, "0 s"));
    }

    #[test]
    fn an_error_of_the_disk_is_kept_and_ends_it() {
        let read_only = File::open("/proc/self/status").expect("readable");
        let run = measure(&read_only, &limits());
        assert_eq!((run.writes.failed, run.ended.as_str()), (1, "a write failed"));
        assert!(run.syncs.millis.is_empty() && !run.writes.failures.is_empty());
    }
}
