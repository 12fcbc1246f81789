//! What a drive's answer means, free of vendors' quirks. What is not known
//! stays unknown: no rule here guesses.

use super::{ata_facts, nvme_facts, scsi_facts};
use crate::model::diagnosis::{DriveAnswer, DriveFacts, DriveHealth, SelfTest, SelfTestState};

/// The facts of a drive; `None` when it did not answer for itself. Those of an
/// emulated drive say so: what is bad in them is worth a word, what is good
/// clears nothing.
#[must_use]
pub fn drive_facts(health: &DriveHealth) -> Option<DriveFacts> {
    let (answer, emulated_by) = health.answer.said();
    let facts = match answer {
        DriveAnswer::Ata(ata) => ata_facts::facts(ata),
        DriveAnswer::Nvme(nvme) => nvme_facts::facts(nvme),
        DriveAnswer::Scsi(scsi) => scsi_facts::facts(scsi),
        DriveAnswer::Hidden { .. }
        | DriveAnswer::Emulated { .. }
        | DriveAnswer::Unreadable { .. }
        | DriveAnswer::Silent { .. } => return None,
    };
    let emulated_by = emulated_by.map(str::to_owned);
    Some(DriveFacts { disk: health.disk.clone(), emulated_by, ..facts })
}

/// "MODEL, serial NUMBER".
pub(crate) fn label(model: &str, serial: &str) -> String {
    match serial {
        "" => model.to_owned(),
        serial => format!("{model}, serial {serial}"),
    }
}

/// The last test that came to an end by itself, when it found a fault.
pub(crate) fn failed_self_test(tests: &[SelfTest]) -> Option<String> {
    let ended =
        |test: &&SelfTest| matches!(test.state, SelfTestState::Completed | SelfTestState::Failed);
    let last = tests.iter().find(ended).filter(|test| test.state == SelfTestState::Failed)?;
    let detail = last.detail.as_deref().unwrap_or("it failed");
    let at = last.hours.map(|hours| format!(" at {hours} power-on hours")).unwrap_or_default();
    let block = last.lba.map(|lba| format!(", first bad block {lba}")).unwrap_or_default();
    Some(format!("the last self-test ({}) ended{at} with: {detail}{block}", last.kind))
}

/// Percent left of the test that runs.
pub(crate) fn self_test_left(tests: &[SelfTest]) -> Option<u8> {
    let running = tests.iter().find(|test| test.state == SelfTestState::Running)?;
    Some(running.left_percent.unwrap_or(100))
}
