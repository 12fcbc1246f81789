//! Watching the devices and the writers for some seconds: samples of
//! /proc/diskstats in several windows, everything that was written from the
//! first to the last.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use super::{
    diskstats::{self, Counters},
    filesystem::Ground,
    io_stat::{self, ByDisk},
    process_io::{self, Processes},
};
use crate::model::diagnosis::DiskWindow;

/// What was counted at one moment.
#[derive(Clone, Debug)]
pub struct Counted {
    /// When.
    at: Instant,
    /// By cgroup; empty where the kernel does not count by cgroup.
    pub cgroups: BTreeMap<PathBuf, ByDisk>,
    /// By process.
    pub processes: Processes,
}

impl Counted {
    /// Counts now.
    #[must_use]
    pub fn now(ground: Ground<'_>) -> Self {
        let hierarchy = ground.mounts.iter().find(|mount| mount.kind == "cgroup2");
        let cgroups = hierarchy
            .map(|mount| io_stat::read(&ground.host.path(&mount.path)))
            .unwrap_or_default();
        Self { at: Instant::now(), cgroups, processes: process_io::read(ground.host) }
    }

    /// Seconds up to another.
    #[must_use]
    pub fn seconds_to(&self, later: &Self) -> f64 {
        later.at.saturating_duration_since(self.at).as_secs_f64()
    }
}

/// Watches these devices: each one in each window.
#[must_use]
pub fn windows(ground: Ground<'_>, names: &[&str], total: Duration) -> Vec<DiskWindow> {
    // Three to five of at most a second each.
    let count = u32::try_from(total.as_secs()).unwrap_or(u32::MAX).clamp(3, 5);
    let mut windows = Vec::new();
    let mut before = sample(ground);
    for _ in 0..count {
        thread::sleep(total / count);
        let after = sample(ground);
        let seconds = after.0.saturating_duration_since(before.0).as_secs_f64();
        windows.extend(names.iter().filter_map(|name| {
            diskstats::window(name, before.1.get(*name)?, after.1.get(*name)?, seconds)
        }));
        before = after;
    }
    windows
}

fn sample(ground: Ground<'_>) -> (Instant, BTreeMap<String, Counters>) {
    let text = fs::read(ground.host.path("/proc/diskstats")).unwrap_or_default();
    (Instant::now(), diskstats::parse(&String::from_utf8_lossy(&text)))
}
