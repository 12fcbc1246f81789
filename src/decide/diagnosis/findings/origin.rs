//! Whether the drive is to blame at all: when etcd waits long and the drive
//! answers at once, the delay is made above it, and no new disk will help.

use crate::{
    decide::diagnosis::{
        case::Case,
        device::Device,
        members::pace::{Pace, pace_of_probe},
        wording::{counted, listed, millis},
    },
    model::diagnosis::{Array, EvidenceKind, Finding, LayerKind, LeafDisk, Severity},
};

/// The delay above the drive, when there is one.
pub(crate) fn findings(case: &Case) -> Option<Finding> {
    let here = case.here().filter(|here| here.fsync.is_slow())?;
    let spread = here.numbers.fsync.as_ref()?;
    let leaves = case.wal_leaves();
    let quick = quick_drive(case, &leaves, spread.mean_ms)
        .or_else(|| quick_probe(case, &leaves, spread.mean_ms))?;
    let what = format!(
        "etcd waits {} for an fsync, but {quick}: the delay is made above the drive",
        counted(spread)
    );
    let finding = Finding::new("delay_above_drive", Severity::Warning, EvidenceKind::Latency, what)
        .of(&here.label)
        .because(suspects(case))
        .then(next(case));
    Some(match leaves[..] {
        [one] => finding.on(&one.name),
        _ => finding,
    })
}

/// "sda answers in 1.1 ms", when none of its disks can be what is slow.
fn quick_drive(case: &Case, leaves: &[&LeafDisk], fsync_mean_ms: f64) -> Option<String> {
    let answers: Option<Vec<f64>> =
        leaves.iter().map(|leaf| quick_answer(case, leaf, fsync_mean_ms)).collect();
    let slowest = answers?.into_iter().reduce(f64::max)?;
    let names: Vec<String> = leaves.iter().map(|leaf| leaf.name.clone()).collect();
    let answer = if leaves.len() == 1 { "answers" } else { "answer" };
    Some(format!("{} {answer} in {}", listed(&names), millis(slowest)))
}

/// A disk's counters mix in what others write lazily; our own syncs beside
/// etcd's files do not. They came later than etcd's, so the counters still
/// have to stay far below what etcd waited in the same seconds.
fn quick_probe(case: &Case, leaves: &[&LeafDisk], fsync_mean_ms: f64) -> Option<String> {
    let run = case.examined.probe.as_ref()?.as_ref().ok()?;
    let below = |leaf: &&LeafDisk| {
        let device = case.device(&leaf.name).filter(|device| device.stalled_windows == 0);
        device.and_then(Device::answers_in).is_some_and(|ms| ms * 4.0 < fsync_mean_ms)
    };
    if leaves.is_empty() || !leaves.iter().all(below) {
        return None;
    }
    let middle = run.syncs.quantile(0.5)?;
    let is_quick = matches!(pace_of_probe(&run.syncs), Pace::Fine | Pace::Unsure)
        && run.syncs.millis.len() >= 100
        && middle * 10.0 < fsync_mean_ms;
    is_quick.then(|| {
        format!("our own fdatasync beside its files takes {} (half of them)", millis(middle))
    })
}

/// How fast a disk answers, when it was measured and cannot be what makes
/// fsyncs of this mean slow: below a quarter of it, and below 10 ms.
fn quick_answer(case: &Case, leaf: &LeafDisk, fsync_mean_ms: f64) -> Option<f64> {
    let device = case.device(&leaf.name).filter(|device| device.stalled_windows == 0)?;
    let flushes = leaf.write_cache.as_deref() != Some("write through");
    let measured = device.w_await_ms.is_some() && device.writes >= 3.0
        || flushes && device.flush_await_ms.is_some() && device.flushes >= 3;
    let answer = device.answers_in().filter(|_| measured)?;
    (answer < 10.0 && answer * 4.0 < fsync_mean_ms).then_some(answer)
}

/// What lies between etcd and its drive, or holds etcd itself up.
fn suspects(case: &Case) -> Vec<String> {
    let below = case.examined.below.as_ref();
    let mut suspects = Vec::new();
    for layer in below.iter().flat_map(|below| &below.layers) {
        let name = layer.label.as_deref().unwrap_or(&layer.name);
        suspects.extend(match layer.kind {
            LayerKind::Crypt => Some(format!("encryption lies between ({name}, dm-crypt)")),
            LayerKind::Loop => Some(format!("a file lies between ({name}, a loop device)")),
            LayerKind::Bcache => Some(format!("a cache lies between ({name}, bcache)")),
            LayerKind::DeviceMapper => Some(format!("a mapped device lies between ({name})")),
            _ => None,
        });
    }
    let rebuilding = |array: &&Array| array.sync_action != "idle" && !array.sync_action.is_empty();
    suspects.extend(below.iter().flat_map(|below| &below.arrays).filter(rebuilding).map(|array| {
        format!("the array {} is busy with itself ({})", array.name, array.sync_action)
    }));
    suspects.extend(by_probe(case));
    suspects
}

fn by_probe(case: &Case) -> Option<String> {
    let run = case.examined.probe.as_ref()?.as_ref().ok()?;
    match pace_of_probe(&run.syncs) {
        Pace::Fine | Pace::Unsure => Some(
            "our own fdatasync on the same filesystem is quick: only etcd is held up, by a limit \
             on its cgroup, a lack of CPU, or a tracer"
                .to_owned(),
        ),
        Pace::Slow | Pace::VerySlow => Some(
            "our own fdatasync on the same filesystem is slow as well: it is the filesystem, or \
             what lies between it and the drive"
                .to_owned(),
        ),
        Pace::Unknown => None,
    }
}

fn next(case: &Case) -> String {
    let Some(pid) = case.pid() else {
        return "look at the limits of etcd's cgroup (io.max, cpu.max), at the CPUs, and at what \
                lies between etcd and the drive"
            .to_owned();
    };
    format!(
        "see whether etcd itself is held up: `grep . /sys/fs/cgroup$(cut -d: -f3 \
         /proc/{pid}/cgroup)/{{io,cpu}}.max` (a limit on it), `grep TracerPid /proc/{pid}/status` \
         (not 0: a tracer), `cat /proc/pressure/cpu` (a lack of CPU)"
    )
}
