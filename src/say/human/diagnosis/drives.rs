//! The drives' own word, and our probe beside the reference of etcd's
//! documentation.

use super::{
    numbers::{ms, or_none, thousands},
    page::Page,
};
use crate::{
    model::diagnosis::{
        Account, AtaAttribute, DriveAnswer, DriveFacts, DriveHealth, ProbeRefusal, ProbeRun,
        SelfTest, SelfTestState,
    },
    say::human::Column,
};

/// Hours of a year.
const YEAR: f64 = 8_766.0;
/// With fewer values a 99th percentile is one of the slowest few.
const ENOUGH: usize = 200;

/// What the firmware of every drive says.
pub(super) fn drives(page: &mut Page, account: &Account) {
    if account.examined.drives.is_empty() {
        return;
    }
    page.heading("The drives' firmware");
    for health in &account.examined.drives {
        let facts = account.facts.iter().find(|facts| facts.disk == health.disk);
        drive(page, health, facts);
    }
}

fn drive(page: &mut Page, health: &DriveHealth, facts: Option<&DriveFacts>) {
    let label = format!("{}  ", health.disk);
    let (said, _) = health.answer.said();
    if let Some(silence) = silence(&health.answer) {
        page.line(&label, &silence);
    }
    if let Some(facts) = facts {
        page.line(&label, &facts.label);
        for (name, value) in lines(facts) {
            page.indented(4, &format!("{name:<18}"), &value);
        }
    }
    for test in self_tests(said).iter().take(if page.layout.verbose > 0 { 21 } else { 1 }) {
        page.indented(4, &format!("{:<18}", "self-test"), &self_test_text(test));
    }
    if page.layout.verbose > 0
        && let DriveAnswer::Ata(ata) = said
    {
        attributes(page, &ata.attributes);
    }
}

/// Why a drive says nothing of itself.
fn silence(answer: &DriveAnswer) -> Option<String> {
    match answer {
        DriveAnswer::Hidden { by, look } if look.is_empty() => {
            Some(format!("behind {by}: the drive itself is not to be seen"))
        }
        DriveAnswer::Hidden { by, look } => {
            Some(format!("behind {by}; what would show it: {}", look.join(" or ")))
        }
        DriveAnswer::Unreadable { why, missing } => {
            let missing = missing.as_ref().map(|missing| format!(" ({missing} is missing)"));
            Some(format!("could not be asked: {why}{}", missing.unwrap_or_default()))
        }
        DriveAnswer::Silent { after_ms } => {
            Some(format!("did not answer within {} s: it may hang", after_ms / 1_000))
        }
        other => emulated(other),
    }
}

fn emulated(answer: &DriveAnswer) -> Option<String> {
    match answer {
        DriveAnswer::Emulated { by, .. } => Some(format!(
            "emulated by {by}: what it says is not about a real drive; ask the owner of the host"
        )),
        _ => None,
    }
}

/// What is known, each with its name; what is not is left out.
fn lines(facts: &DriveFacts) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let mut add = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    add("FAILURE PREDICTED", facts.predicts_failure.clone());
    for attribute in &facts.failing_attributes {
        add("AT ITS THRESHOLD", Some(attribute.clone()));
    }
    add("powered on", facts.power_on_hours.map(hours));
    add(
        "life left",
        facts.life_left.as_ref().map(|left| format!("{} % ({})", left.percent, left.source)),
    );
    add("command timeouts", facts.command_timeouts.map(thousands));
    add("reallocated", facts.reallocated.map(|n| format!("{} sectors", thousands(n))));
    add("pending", facts.pending.map(|n| format!("{} sectors", thousands(n))));
    add("uncorrectable", facts.uncorrectable.map(thousands));
    add("cable errors", facts.crc_errors.map(thousands));
    add("media errors", facts.media_errors.map(thousands));
    for (warning, critical) in &facts.warnings {
        add(if *critical { "WARNING" } else { "warning" }, Some(warning.clone()));
    }
    add(
        "too hot for",
        facts.hot_minutes.filter(|n| *n > 0).map(|n| format!("{} min", thousands(n))),
    );
    add("link", facts.slow_link.clone());
    add("SELF-TEST FAILED", facts.failed_self_test.clone());
    add("self-test runs", facts.self_test_left.map(|left| format!("{left} % to go")));
    lines
}

fn hours(hours: u64) -> String {
    format!("{} h ({:.1} years)", thousands(hours), hours as f64 / YEAR)
}

fn self_tests(answer: &DriveAnswer) -> &[SelfTest] {
    match answer {
        DriveAnswer::Ata(ata) => &ata.self_tests,
        DriveAnswer::Nvme(nvme) => &nvme.self_tests,
        DriveAnswer::Scsi(scsi) => &scsi.self_tests,
        _ => &[],
    }
}

fn self_test_text(test: &SelfTest) -> String {
    let state = match test.state {
        SelfTestState::Completed => "found nothing",
        SelfTestState::Aborted => "was broken off",
        SelfTestState::Failed => "FOUND A FAULT",
        SelfTestState::Running => "runs",
        SelfTestState::Unknown => "ended in an unknown way",
    };
    let mut text = format!("{} {state}", test.kind);
    if let Some(left) = test.left_percent {
        text.push_str(&format!(", {left} % to go"));
    }
    if let Some(hours) = test.hours {
        text.push_str(&format!(", at {} h", thousands(hours)));
    }
    for (name, value) in [("block", test.lba.map(thousands)), ("", test.detail.clone())] {
        if let Some(value) = value {
            text.push_str(format!(", {name} {value}").replace("  ", " ").trim_end());
        }
    }
    text
}

fn attributes(page: &mut Page, attributes: &[AtaAttribute]) {
    let cells = |cell: fn(&AtaAttribute) -> String| attributes.iter().map(cell).collect();
    page.table(vec![
        Column::number("ATTRIBUTE", cells(|it| it.id.to_string())),
        Column::number("VALUE", cells(|it| it.value.to_string())),
        Column::number("WORST", cells(|it| it.worst.to_string())),
        Column::number("THRESHOLD", cells(|it| or_none(it.threshold, |limit| limit.to_string()))),
        Column::number("RAW", cells(|it| it.raw.to_string())),
    ]);
}

/// Our own load.
pub(super) fn probe(page: &mut Page, probe: &Result<ProbeRun, ProbeRefusal>) {
    page.heading("The probe: our own fdatasync load");
    let run = match probe {
        Ok(run) => run,
        Err(refusal) => return page.line("not done: ", &refusal.why),
    };
    let n = run.syncs.millis.len();
    let at = |q| or_none(run.syncs.quantile(q), |millis| format!("{} ms", ms(millis)));
    let few = if n < ENOUGH { " (few: it is one of the slowest)" } else { "" };
    page.line(
        "",
        &format!(
            "{} fdatasyncs of {} bytes in {}: p50 {}, p99 {}{few}, longest {}; ended after {}",
            thousands(n as u64),
            thousands(run.write_bytes),
            run.directory.display(),
            at(0.5),
            at(0.99),
            at(1.0),
            run.ended
        ),
    );
    let writes = |q| or_none(run.writes.quantile(q), |millis| format!("{} ms", ms(millis)));
    page.line("", &format!("the writes before them: p50 {}, longest {}", writes(0.5), writes(1.0)));
    for failure in run.writes.failures.iter().chain(&run.syncs.failures) {
        page.line("FAILED: ", failure);
    }
    page.line(
        "",
        "etcd's documentation wants p99 below 10 ms of such a load (its fio line: 22 MiB in \
         writes of 2,300 bytes)",
    );
    if run.upper_estimate {
        page.line(
            "",
            "this filesystem preallocates no room, so each sync also wrote the new size: etcd's \
             own are somewhat faster",
        );
    }
}
