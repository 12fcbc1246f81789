//! Findings from the drives' firmware: what it predicts, what it counts, how
//! worn and how old it is.

use crate::{
    decide::diagnosis::{
        case::Case,
        wording::{listed, many, thousands},
    },
    model::diagnosis::{
        DriveFacts, EbsStatistics, EvidenceKind, Finding, KernelEventKind, Severity,
    },
};

/// Five years of power-on hours, the usual warranty of a data centre's drive.
pub(crate) const OLD_HOURS: u64 = 43_800;
/// Sound drives have been seen with up to this many command timeouts.
pub(crate) const USUAL_TIMEOUTS: u64 = 33;
/// From here on timeouts are a warning without slowness.
const MANY_TIMEOUTS: u64 = 100;

/// What the firmware of each drive tells.
pub(crate) fn findings(case: &Case) -> Vec<Finding> {
    let mut found = Vec::new();
    for facts in &case.drives {
        found.extend(prediction(case, facts));
        found.extend(sectors(case, facts));
        found.extend(reallocated(case, facts));
        found.extend(timeouts(case, facts));
        found.extend(media_errors(case, facts));
        found.extend(wear(case, facts));
        found.extend(age(case, facts));
        found.extend(cable(case, facts));
        found.extend(heat_and_tests(case, facts));
    }
    let drives = case.examined.drives.iter();
    found.extend(drives.filter_map(|drive| throttled(case, &drive.disk, drive.answer.ebs()?)));
    found
}

fn firmware(code: &'static str, severity: Severity, facts: &DriveFacts, what: String) -> Finding {
    Finding::new(code, severity, EvidenceKind::Firmware, what).on(&facts.disk)
}

/// What the firmware says of its own future, in its words; empty when it
/// predicts nothing.
pub(crate) fn predicted(facts: &DriveFacts) -> Vec<String> {
    let critical = facts.warnings.iter().filter(|(_, critical)| *critical);
    let mut words: Vec<String> = facts.predicts_failure.iter().cloned().collect();
    words.extend(facts.failing_attributes.iter().cloned());
    words.extend(critical.map(|(warning, _)| warning.clone()));
    words.extend(facts.failed_self_test.iter().cloned());
    words
}

/// Enough by itself.
fn prediction(case: &Case, facts: &DriveFacts) -> Vec<Finding> {
    let label = case.disk_label(&facts.disk);
    let words = predicted(facts);
    let mut found = Vec::new();
    if !words.is_empty() {
        let what = format!("the firmware of {label} reports a failing drive: {}", listed(&words));
        let finding = firmware("drive_fails", Severity::Critical, facts, what);
        found.push(match &facts.emulated_by {
            Some(by) => finding.then(format!(
                "ask the owner of the host about the real disk, as {by} emulates {}",
                facts.disk
            )),
            None => finding.then(format!("replace {} before it fails", facts.disk)),
        });
    }
    let mild = facts.warnings.iter().filter(|(_, critical)| !critical);
    found.extend(mild.map(|(warning, _)| {
        let what = format!("the firmware of {label} warns: {warning}");
        let finding = firmware("drive_warns", Severity::Warning, facts, what);
        if warning.contains("endurance") {
            return finding
                .then(format!("plan to replace {}: it is worn, not failing", facts.disk));
        }
        if warning.contains("temperature") { finding.then("see to its cooling") } else { finding }
    }));
    found
}

/// Sectors that are lost or about to be.
fn sectors(case: &Case, facts: &DriveFacts) -> Vec<Finding> {
    let label = case.disk_label(&facts.disk);
    let graded = |count: u64| if count >= 10 { Severity::Critical } else { Severity::Warning };
    let lost = facts.uncorrectable.filter(|count| *count > 0).map(|count| {
        let what = format!("{label} could not correct {}", many(count, "error"));
        firmware("drive_lost_data", graded(count), facts, what)
    });
    let pending = facts.pending.filter(|count| *count > 0).map(|count| {
        let what = format!("{label} has {} it cannot read", many(count, "sector"));
        firmware("drive_pending_sectors", graded(count), facts, what)
    });
    lost.into_iter().chain(pending).collect()
}

fn reallocated(case: &Case, facts: &DriveFacts) -> Option<Finding> {
    let count = facts.reallocated.filter(|count| *count > 0)?;
    let usual = if facts.solid_state == Some(true) { 0 } else { 16 };
    let severity = if count > usual { Severity::Warning } else { Severity::Info };
    let what =
        format!("{} has replaced {}", case.disk_label(&facts.disk), many(count, "bad sector"));
    Some(firmware("drive_reallocated", severity, facts, what))
}

/// Timeouts mean something together with slowness; sound drives have some.
fn timeouts(case: &Case, facts: &DriveFacts) -> Option<Finding> {
    let count = facts.command_timeouts.filter(|count| *count > 0)?;
    let severity = if count > MANY_TIMEOUTS || case.is_slow_here() {
        Severity::Warning
    } else {
        Severity::Info
    };
    let what = format!(
        "{} counts {} in its life",
        case.disk_label(&facts.disk),
        many(count, "command timeout")
    );
    let usual = (count <= USUAL_TIMEOUTS)
        .then(|| format!("sound drives have been seen with up to {USUAL_TIMEOUTS}"));
    Some(firmware("drive_command_timeouts", severity, facts, what).because(usual))
}

fn media_errors(case: &Case, facts: &DriveFacts) -> Option<Finding> {
    let count = facts.media_errors.filter(|count| *count > 0)?;
    let of_media = [KernelEventKind::MediumError, KernelEventKind::IoError];
    let kernel_agrees =
        case.examined.kernel.iter().flat_map(|kernel| &kernel.events).any(|event| {
            of_media.contains(&event.kind) && event.disk.as_deref() == Some(facts.disk.as_str())
        });
    let severity = if kernel_agrees { Severity::Critical } else { Severity::Warning };
    let what = format!("{} counts {}", case.disk_label(&facts.disk), many(count, "media error"));
    let agrees = kernel_agrees.then(|| "the kernel log has errors of it as well".to_owned());
    Some(firmware("drive_media_errors", severity, facts, what).because(agrees))
}

fn wear(case: &Case, facts: &DriveFacts) -> Option<Finding> {
    let left = facts.life_left.as_ref().filter(|left| left.percent <= 20)?;
    let severity = if left.percent <= 10 { Severity::Warning } else { Severity::Info };
    let label = case.disk_label(&facts.disk);
    let what = match left.percent {
        0 => format!("{label} has used up its rated life: its endurance is spent"),
        percent => format!("{label} has {percent} % of its rated life left"),
    };
    Some(
        Finding::new("drive_worn", severity, EvidenceKind::Wear, what)
            .on(&facts.disk)
            .because([format!("by {}", left.source)])
            .then(format!("plan to replace {}", facts.disk)),
    )
}

/// Age is context, never a finding of its own.
fn age(case: &Case, facts: &DriveFacts) -> Option<Finding> {
    let hours = facts.power_on_hours.filter(|hours| *hours > OLD_HOURS)?;
    let what = format!(
        "{} has run for {} hours ({:.1} years)",
        case.disk_label(&facts.disk),
        thousands(hours),
        hours as f64 / 8_766.0
    );
    Some(Finding::new("drive_old", Severity::Info, EvidenceKind::Wear, what).on(&facts.disk))
}

fn cable(case: &Case, facts: &DriveFacts) -> Vec<Finding> {
    let label = case.disk_label(&facts.disk);
    let storage = |code, severity, what| {
        Finding::new(code, severity, EvidenceKind::Storage, what)
            .on(&facts.disk)
            .then(format!("check the cable and the backplane of {}", facts.disk))
    };
    let errors = facts.crc_errors.filter(|count| *count > 0).map(|count| {
        let severity = if count > 16 { Severity::Warning } else { Severity::Info };
        let what = format!(
            "{label} counts {}: the cable or the backplane, not the drive",
            many(count, "transmission error")
        );
        storage("drive_cable_errors", severity, what)
    });
    let slow = facts.slow_link.as_ref().map(|link| {
        storage(
            "drive_link_slow",
            Severity::Warning,
            format!("the link of {label} is slow: {link}"),
        )
    });
    errors.into_iter().chain(slow).collect()
}

fn heat_and_tests(case: &Case, facts: &DriveFacts) -> Vec<Finding> {
    let label = case.disk_label(&facts.disk);
    let hot = facts.hot_minutes.filter(|minutes| *minutes > 0).map(|minutes| {
        let what = format!(
            "{label} was so hot for {} of its life that it slows down",
            many(minutes, "minute")
        );
        firmware("drive_hot", Severity::Info, facts, what)
    });
    let testing = facts.self_test_left.map(|left| {
        let what = format!("{label} tests itself, {left} % are left: that slows it down a little");
        firmware("drive_tests_itself", Severity::Info, facts, what)
    });
    hot.into_iter().chain(testing).collect()
}

/// What Amazon says of its own volume; counted since it was attached, so it
/// is a finding only while etcd is slow.
fn throttled(case: &Case, disk: &str, ebs: &EbsStatistics) -> Option<Finding> {
    let exceeded = [
        ("the volume's IOPS", ebs.volume_iops_exceeded_us),
        ("the volume's throughput", ebs.volume_throughput_exceeded_us),
        ("the instance's IOPS", ebs.instance_iops_exceeded_us),
        ("the instance's throughput", ebs.instance_throughput_exceeded_us),
    ];
    let told: Vec<String> = exceeded
        .iter()
        .filter(|(_, us)| *us > 0)
        .map(|(what, us)| format!("{what} for {} s", thousands(us.div_ceil(1_000_000))))
        .collect();
    (!told.is_empty()).then(|| {
        let severity = if case.is_slow_here() { Severity::Warning } else { Severity::Info };
        let what = format!(
            "Amazon has slowed {} down, as it exceeded {}",
            case.disk_label(disk),
            listed(&told)
        );
        let mean = (ebs.writes > 0).then(|| {
            let us = ebs.write_us / ebs.writes;
            format!("a write took {} us on average since the volume was attached", thousands(us))
        });
        Finding::new("volume_limit_exceeded", severity, EvidenceKind::Firmware, what)
            .on(disk)
            .because(mean)
            .then("give the volume more IOPS and throughput (gp3: 3,000 IOPS and 125 MiB/s unless more is bought), or etcd a volume of its own")
    })
}
