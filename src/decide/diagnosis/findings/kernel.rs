//! Findings from the kernel log: commands that were not answered, sectors that
//! cannot be read, filesystems that gave up. Only lines about etcd's disks
//! condemn one.

use crate::{
    decide::{
        diagnosis::{case::Case, wording::many},
        restart::ago,
    },
    model::diagnosis::{EvidenceKind, Finding, KernelEvent, KernelEventKind, Severity},
};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Links are reset while disks are found.
const START_UP: i64 = 60 * SECOND;

/// Kinds that are told one by one, with what to call a line of each.
const KINDS: &[(KernelEventKind, &str, &str)] = &[
    (KernelEventKind::CommandTimeout, "kernel_command_timeouts", "command timeout"),
    (KernelEventKind::MediumError, "kernel_medium_errors", "unreadable or unwritable sector"),
    (KernelEventKind::LostWrite, "kernel_lost_writes", "lost write"),
    (KernelEventKind::IoError, "kernel_io_errors", "failed read or write"),
    (KernelEventKind::Reset, "kernel_resets", "reset"),
    (KernelEventKind::CableError, "kernel_cable_errors", "transmission error"),
    (KernelEventKind::ControllerFault, "kernel_controller_faults", "controller fault"),
];

/// What the kernel log tells.
pub(crate) fn findings(case: &Case) -> Vec<Finding> {
    let Some(kernel) = &case.examined.kernel else { return Vec::new() };
    let booted = if kernel.lost { i64::MIN } else { kernel.from };
    let events: Vec<&KernelEvent> = kernel
        .events
        .iter()
        .filter(|event| event.kind != KernelEventKind::Reset || event.at > booted + START_UP)
        .collect();
    let mut found = Vec::new();
    for name in disks_and_volumes(case) {
        let its: Vec<&KernelEvent> =
            events.iter().filter(|event| event.disk.as_deref() == Some(name)).copied().collect();
        found.extend(KINDS.iter().filter_map(|(kind, code, word)| {
            let of_kind: Vec<&KernelEvent> =
                its.iter().filter(|event| event.kind == *kind).copied().collect();
            of_disk(case, name, &of_kind, code, word)
        }));
        found.extend(gave_up(case, name, &its));
    }
    let of_none: Vec<&KernelEvent> =
        events.iter().filter(|event| event.disk.is_none()).copied().collect();
    found.extend(controller(case, &of_none));
    found.extend(hung_tasks(case, &events));
    found.extend(killed(case, &events));
    found
}

/// etcd's disks, and what lies on several of them: the log calls a filesystem
/// by the volume it is on.
fn disks_and_volumes<'a>(case: &Case<'a>) -> Vec<&'a str> {
    let leaves = case.leaves().iter().map(|leaf| leaf.name.as_str());
    let layers = case.examined.below.iter().flat_map(|below| &below.layers);
    leaves.chain(layers.map(|layer| layer.name.as_str())).collect()
}

fn of_disk(
    case: &Case,
    disk: &str,
    events: &[&KernelEvent],
    code: &'static str,
    word: &str,
) -> Option<Finding> {
    let last = events.iter().max_by_key(|event| event.at)?;
    let within_a_day = events.iter().filter(|event| case.since(event.at) <= DAY).count();
    // The way to the drive; a controller complains of its other disks as well.
    let way = matches!(last.kind, KernelEventKind::CableError | KernelEventKind::ControllerFault);
    let controller = last.kind == KernelEventKind::ControllerFault;
    let severity = match within_a_day {
        _ if case.since(last.at) > 7 * DAY => Severity::Info,
        _ if controller && case.is_well_here() => Severity::Info,
        0 => Severity::Warning,
        _ if way => Severity::Warning,
        _ => Severity::Critical,
    };
    let what = format!(
        "the kernel log has {} of {}, the last {}",
        many(events.len() as u64, word),
        case.disk_label(disk),
        ago(case.since(last.at))
    );
    let finding = Finding::new(code, severity, EvidenceKind::KernelLog, what)
        .on(disk)
        .because([last.text.clone()]);
    Some(match last.kind {
        KernelEventKind::CableError => {
            finding.then(format!("check the cable and the backplane of {disk}"))
        }
        _ => finding,
    })
}

/// Filesystems and arrays that gave up.
fn gave_up(case: &Case, disk: &str, events: &[&KernelEvent]) -> Option<Finding> {
    let of = |kind: KernelEventKind| {
        events.iter().rfind(|event| event.kind == kind && case.since(event.at) <= DAY)
    };
    let (event, code, word) = of(KernelEventKind::ReadOnly)
        .map(|event| (event, "filesystem_gave_up", "a filesystem was made read-only"))
        .or_else(|| {
            let event = of(KernelEventKind::FilesystemError)?;
            Some((event, "filesystem_errors", "a filesystem found itself damaged"))
        })
        .or_else(|| {
            let event = of(KernelEventKind::ArrayTrouble)?;
            Some((event, "array_lost_a_part", "an array or a pool lost a part or ran full"))
        })?;
    let what = format!("{word} on {} {}", case.disk_label(disk), ago(case.since(event.at)));
    Some(
        Finding::new(code, Severity::Critical, EvidenceKind::KernelLog, what)
            .on(disk)
            .because([event.text.clone()]),
    )
}

/// A controller's faults name no disk.
fn controller(case: &Case, events: &[&KernelEvent]) -> Option<Finding> {
    let recent = |event: &&&KernelEvent| {
        event.kind == KernelEventKind::ControllerFault && case.since(event.at) <= DAY
    };
    let last = events.iter().filter(recent).max_by_key(|event| event.at)?;
    let what = format!("a disk controller of this node had a fault {}", ago(case.since(last.at)));
    let severity = if case.is_well_here() { Severity::Info } else { Severity::Warning };
    Some(
        Finding::new("controller_fault", severity, EvidenceKind::KernelLog, what)
            .because([last.text.clone()]),
    )
}

/// etcd, or the filesystem's journal, waited for minutes.
fn hung_tasks(case: &Case, events: &[&KernelEvent]) -> Option<Finding> {
    let names = ["etcd", "jbd2", "xfsaild", "btrfs-trans"];
    let counts = |event: &&&KernelEvent| {
        event.kind == KernelEventKind::HungTask
            && case.since(event.at) <= DAY
            && case.concerns_this_etcd(event.at)
            && names.iter().any(|name| event.text.contains(name))
    };
    let last = events.iter().filter(counts).max_by_key(|event| event.at)?;
    let what = format!(
        "the kernel saw etcd or its filesystem wait for minutes, the last time {}",
        ago(case.since(last.at))
    );
    Some(
        Finding::new("kernel_hung_task", Severity::Warning, EvidenceKind::KernelLog, what)
            .because([last.text.clone()]),
    )
}

fn killed(case: &Case, events: &[&KernelEvent]) -> Option<Finding> {
    let kills = |event: &&&KernelEvent| {
        event.kind == KernelEventKind::OutOfMemory && case.since(event.at) <= DAY
    };
    let last = events.iter().filter(kills).max_by_key(|event| event.at)?;
    let etcd = last.text.contains("etcd") && case.concerns_this_etcd(last.at);
    let (severity, who) =
        if etcd { (Severity::Warning, "etcd") } else { (Severity::Info, "a process") };
    let what = format!("the kernel killed {who} for lack of memory {}", ago(case.since(last.at)));
    Some(
        Finding::new("killed_for_memory", severity, EvidenceKind::KernelLog, what)
            .because([last.text.clone()]),
    )
}
