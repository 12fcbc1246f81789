//! What stays unknown, and how to get to know it: silence is never health.

use crate::{
    decide::{
        diagnosis::{
            case::Case,
            wording::{listed, thousands},
        },
        restart::span,
    },
    model::diagnosis::DriveAnswer,
};

/// Names of what could not be seen, for the end of a sentence.
pub(crate) fn not_seen(case: &Case) -> Vec<String> {
    let mut names: Vec<String> =
        case.examined.unseen.iter().map(|unseen| unseen.what.clone()).collect();
    names.extend(case.examined.drives.iter().filter_map(|drive| match drive.answer {
        DriveAnswer::Ata(_) | DriveAnswer::Nvme(_) | DriveAnswer::Scsi(_) => None,
        _ => Some(format!("the firmware of {}", drive.disk)),
    }));
    if case.examined.kernel.as_ref().is_some_and(|kernel| kernel.unreadable.is_some()) {
        names.push("the kernel log".to_owned());
    }
    let silent = |label: &String| format!("the fsyncs of {label}");
    let blind = case.patients.iter().filter(|patient| {
        patient.numbers.fsync.is_none() && patient.numbers.fsync_since_start.is_none()
    });
    names.extend(blind.map(|patient| silent(&patient.label)));
    let mut seen = Vec::new();
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    names
}

/// Each gap in a sentence.
pub(crate) fn unknown(case: &Case) -> Vec<String> {
    let mut gaps: Vec<String> = Vec::new();
    for unseen in &case.examined.unseen {
        gaps.push(unseen.told());
    }
    gaps.extend(members(case));
    gaps.extend(case.examined.drives.iter().filter_map(|it| drive(case, &it.disk, &it.answer)));
    gaps.extend(wear(case));
    gaps.extend(kernel(case));
    gaps.extend(elsewhere(case));
    if let Some(Err(refusal)) = &case.examined.probe {
        gaps.push(format!("the disk was not measured with a load of our own: {}", refusal.why));
    }
    let complaints = case.examined.below.iter().flat_map(|below| &below.complaints);
    gaps.extend(complaints.cloned());
    gaps.extend(case.examined.log.iter().flat_map(|log| &log.complaints).cloned());
    gaps
}

fn members(case: &Case) -> Vec<String> {
    let answering = case.patients.iter().filter(|patient| patient.member.status.is_ok());
    answering
        .filter_map(|patient| {
            let label = &patient.label;
            if let Some(why) = patient.view.and_then(|view| view.no_metrics.as_ref()) {
                return Some(format!("how long fsyncs take on {label}: no metrics, {why}"));
            }
            match &patient.numbers.fsync {
                None => Some(format!(
                    "how long fsyncs take on {label}: there was none during the look"
                )),
                Some(spread) if spread.n < 20 => Some(format!(
                    "how long fsyncs take on {label} in the long run: there were only {} during the \
                     look; `--window 30s` sees more",
                    thousands(spread.n)
                )),
                Some(_) => None,
            }
        })
        .collect()
}

fn drive(case: &Case, disk: &str, answer: &DriveAnswer) -> Option<String> {
    let label = case.disk_label(disk);
    match answer {
        DriveAnswer::Hidden { by, look } => {
            let look = match &look[..] {
                [] => String::new(),
                look => format!("; what would show it: {}", look.join(" or ")),
            };
            Some(format!("what the firmware of {label} says: it is hidden behind {by}{look}"))
        }
        DriveAnswer::Emulated { by, .. } => Some(format!(
            "what the real disk below {label} is like: {by} emulates it; ask the owner of the host"
        )),
        DriveAnswer::Unreadable { why, missing } => {
            let missing =
                missing.as_ref().map(|it| format!("; {it} is missing")).unwrap_or_default();
            Some(format!("what the firmware of {label} says: {why}{missing}"))
        }
        DriveAnswer::Silent { after_ms } => Some(format!(
            "what the firmware of {label} says: no answer within {} ms",
            thousands(*after_ms)
        )),
        DriveAnswer::Ata(health) => complaints(&label, &health.complaints),
        DriveAnswer::Nvme(health) => complaints(&label, &health.complaints),
        DriveAnswer::Scsi(health) => complaints(&label, &health.complaints),
    }
}

fn complaints(label: &str, complaints: &[String]) -> Option<String> {
    (!complaints.is_empty())
        .then(|| format!("a part of what the firmware of {label} says: {}", complaints.join("; ")))
}

/// Wear that a solid-state drive should tell.
fn wear(case: &Case) -> Vec<String> {
    let untold = case
        .drives
        .iter()
        .filter(|facts| facts.life_left.is_none() && facts.solid_state == Some(true))
        .filter(|facts| facts.emulated_by.is_none() && !is_volume(case, &facts.disk));
    untold
        .map(|facts| {
            format!(
                "how worn {} is: nothing it says is known to tell that for this model",
                case.disk_label(&facts.disk)
            )
        })
        .collect()
}

/// A cloud's volume does not wear out.
fn is_volume(case: &Case, disk: &str) -> bool {
    let mut drives = case.examined.drives.iter();
    drives.any(|drive| drive.disk == disk && drive.answer.ebs().is_some())
}

fn kernel(case: &Case) -> Vec<String> {
    let Some(kernel) = &case.examined.kernel else { return Vec::new() };
    let mut gaps = Vec::new();
    gaps.extend(kernel.unreadable.as_ref().map(|why| format!("what the kernel log says: {why}")));
    if kernel.lost {
        let from = match kernel.from {
            0 => String::new(),
            from => format!(" before {} ago", span(case.since(from))),
        };
        gaps.push(format!(
            "what the kernel log said{from}: its ring has lost that; `journalctl -k` may have it"
        ));
    }
    if kernel.unreadable.is_none() && case.is_slow_here() && kernel.events.is_empty() {
        gaps.push(
            "whether commands stall for less than 30 s: the kernel logs only longer ones, so its \
             silence clears no disk"
                .to_owned(),
        );
    }
    gaps
}

/// Disks and logs are of this node only.
fn elsewhere(case: &Case) -> Option<String> {
    let others: Vec<String> = case
        .patients
        .iter()
        .filter(|patient| !patient.member.local)
        .map(|patient| patient.label.clone())
        .collect();
    (!others.is_empty()).then(|| {
        format!("disks and logs of {}: only this node's can be seen from here", listed(&others))
    })
}
