//! Who wrote between two countings, the most first.

use std::{fs, path::Path};

use super::{
    cgroup::{self, PodNames},
    io_stat::ByDisk,
    watch::Counted,
};
use crate::{
    model::{
        diagnosis::{LeafDisk, Writer},
        order::InOrder,
    },
    observe::host::HostRoot,
};

/// Most processes and most cgroups that are told; etcd always is.
const MOST: usize = 10;

/// What is known about who may have written.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The host's files.
    pub host: &'a HostRoot,
    /// etcd's process.
    pub etcd: Option<i32>,
    /// Pods.
    pub pods: &'a PodNames,
    /// The disks.
    pub leaves: &'a [LeafDisk],
}

/// Everybody who wrote.
#[must_use]
pub fn writers(known: Known<'_>, first: &Counted, last: &Counted) -> Vec<Writer> {
    let seconds = first.seconds_to(last);
    if seconds <= 0.0 {
        return Vec::new();
    }
    let mut writers = most(cgroups(known, first, last, seconds));
    writers.extend(most(processes(known, first, last, seconds)));
    writers.order_by(by_rate);
    writers
}

fn by_rate(a: &Writer, b: &Writer) -> std::cmp::Ordering {
    b.bytes_per_s.total_cmp(&a.bytes_per_s)
}

/// The first ones, and etcd wherever it is.
fn most(mut writers: Vec<Writer>) -> Vec<Writer> {
    writers.order_by(by_rate);
    let mut place = 0;
    writers.retain(|writer| {
        place += 1;
        place <= MOST || writer.etcd
    });
    writers
}

fn cgroups(known: Known<'_>, first: &Counted, last: &Counted, seconds: f64) -> Vec<Writer> {
    let own = known.etcd.and_then(|pid| cgroup_of(known.host, pid)).unwrap_or_default();
    let nothing = ByDisk::new();
    let mut writers = Vec::new();
    for (path, now) in &last.cgroups {
        // One that has just appeared began with nothing.
        let before = first.cgroups.get(path).unwrap_or(&nothing);
        for leaf in known.leaves {
            let Some(now) = now.get(&leaf.device) else { continue };
            let before = before.get(&leaf.device).copied().unwrap_or_default();
            let bytes = now.bytes.saturating_sub(before.bytes);
            if bytes == 0 {
                continue;
            }
            writers.push(Writer {
                who: cgroup::who(&path.to_string_lossy(), known.pods),
                cgroup: true,
                etcd: path != Path::new("/") && Path::new(&own).starts_with(path),
                disk: Some(leaf.name.clone()),
                bytes_per_s: bytes as f64 / seconds,
                writes_per_s: Some(now.writes.saturating_sub(before.writes) as f64 / seconds),
            });
        }
    }
    writers
}

fn processes(known: Known<'_>, first: &Counted, last: &Counted, seconds: f64) -> Vec<Writer> {
    let mut written: Vec<(i32, u64)> = first.processes.until(&last.processes).into_iter().collect();
    written.order_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let mut place = 0;
    written.retain(|(pid, _)| {
        place += 1;
        place <= MOST || Some(*pid) == known.etcd
    });
    let writer = |(pid, bytes): (i32, u64)| Writer {
        who: process(known, pid),
        cgroup: false,
        etcd: Some(pid) == known.etcd,
        disk: None,
        bytes_per_s: bytes as f64 / seconds,
        writes_per_s: None,
    };
    written.into_iter().map(writer).collect()
}

/// "longhorn (pid 4711, pod longhorn-system/manager-x)".
fn process(known: Known<'_>, pid: i32) -> String {
    let comm = fs::read(known.host.path(format!("/proc/{pid}/comm"))).unwrap_or_default();
    let comm: String = String::from_utf8_lossy(&comm).chars().filter(|c| !c.is_control()).collect();
    let name = if comm.is_empty() { "an ended process" } else { comm.trim() };
    let path = cgroup_of(known.host, pid).unwrap_or_default();
    match cgroup::pod(&path, known.pods) {
        Some(pod) => format!("{name} (pid {pid}, pod {pod})"),
        None => format!("{name} (pid {pid})"),
    }
}

fn cgroup_of(host: &HostRoot, pid: i32) -> Option<String> {
    let text = fs::read_to_string(host.path(format!("/proc/{pid}/cgroup"))).ok()?;
    cgroup::path_of(&text).map(str::to_owned)
}

#[cfg(test)]
#[path = "writers_tests.rs"]
mod tests;
