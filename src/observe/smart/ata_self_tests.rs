//! Self-tests of an ATA drive: the one that runs, and the log of those that
//! ended (ATA8-ACS, 7.53.6.8 and annex A).

use super::bytes::{le16, le32};
use crate::model::diagnosis::{SelfTest, SelfTestState};

/// Entries of the log.
const ENTRIES: usize = 21;
/// Bytes of an entry.
const ENTRY: usize = 24;

/// All of them, the running one first: some drives have it in the log as well,
/// with its kind.
#[must_use]
pub fn all(data: &[u8], page: &[u8]) -> Vec<SelfTest> {
    let mut tests = log(page);
    let Some(running) = running(data) else {
        // Byte 363 decides: a power loss leaves the entry of a running test.
        tests.retain(|test| test.state != SelfTestState::Running);
        if tests.is_empty() {
            // A log that is not there or cannot be read hides no failure.
            tests.extend(failed(data));
        }
        return tests;
    };
    match tests.first_mut() {
        Some(first) if first.state == SelfTestState::Running => {
            first.left_percent = running.left_percent;
        }
        _ => tests.insert(0, running),
    }
    tests
}

/// The test that runs now, by byte 363 of SMART READ DATA, which does not tell
/// its kind.
#[must_use]
pub fn running(data: &[u8]) -> Option<SelfTest> {
    let status = *data.get(363)?;
    (status >> 4 == 0x0F).then(|| SelfTest {
        kind: "background".to_owned(),
        state: SelfTestState::Running,
        hours: None,
        left_percent: Some((status & 0x0F).saturating_mul(10).min(100)),
        lba: None,
        detail: None,
    })
}

/// How the last test ended, by the same byte, when that was a failure.
fn failed(data: &[u8]) -> Option<SelfTest> {
    let (state, detail) = meaning(*data.get(363)? >> 4);
    (state == SelfTestState::Failed).then(|| SelfTest {
        kind: "kind not told".to_owned(),
        state,
        hours: None,
        left_percent: None,
        lba: None,
        detail: detail.map(str::to_owned),
    })
}

/// The log (06h), the newest first.
#[must_use]
pub fn log(page: &[u8]) -> Vec<SelfTest> {
    // 1 to 21; 0 = no test was ever started, though QEMU says so of all.
    let newest = usize::from(page.get(508).copied().unwrap_or_default());
    let newest = if (1..=ENTRIES).contains(&newest) { newest } else { ENTRIES };
    let order = (0..ENTRIES).map(|back| (newest + ENTRIES - 1 - back) % ENTRIES);
    order
        .filter_map(|index| page.get(2 + index * ENTRY..2 + (index + 1) * ENTRY))
        .filter_map(entry)
        .collect()
}

fn entry(bytes: &[u8]) -> Option<SelfTest> {
    if bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    let (kind, status) = (*bytes.first()?, *bytes.get(1)?);
    let (state, detail) = meaning(status >> 4);
    let failed = state == SelfTestState::Failed;
    Some(SelfTest {
        kind: kind_of(kind),
        state,
        hours: le16(bytes, 2).map(u64::from),
        left_percent: (state == SelfTestState::Running)
            .then(|| (status & 0x0F).saturating_mul(10).min(100)),
        lba: le32(bytes, 5)
            .filter(|lba| failed && !matches!(*lba, 0xFFFF_FFFF | 0x0FFF_FFFF))
            .map(u64::from),
        detail: detail.map(str::to_owned),
    })
}

/// What was asked for; bit 7 = the disk did nothing else meanwhile.
fn kind_of(code: u8) -> String {
    match code & 0x7F {
        0 => "offline".to_owned(),
        1 => "short".to_owned(),
        2 => "long".to_owned(),
        3 => "conveyance".to_owned(),
        4 => "selective".to_owned(),
        _ => format!("code {code:02X}h"),
    }
}

/// The status nibble.
fn meaning(status: u8) -> (SelfTestState, Option<&'static str>) {
    match status {
        0 => (SelfTestState::Completed, None),
        1 => (SelfTestState::Aborted, Some("aborted by the host")),
        2 => (SelfTestState::Aborted, Some("interrupted by a reset")),
        3 => (SelfTestState::Failed, Some("fatal error, could not be completed")),
        4 => (SelfTestState::Failed, Some("a failure of unknown kind")),
        5 => (SelfTestState::Failed, Some("electrical failure")),
        6 => (SelfTestState::Failed, Some("servo or seek failure")),
        7 => (SelfTestState::Failed, Some("read failure")),
        8 => (SelfTestState::Failed, Some("suspected handling damage")),
        0x0F => (SelfTestState::Running, None),
        _ => (SelfTestState::Unknown, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_test_is_told_without_a_log() {
        let mut data = vec![0_u8; 512];
        data[363] = 0x74;
        let tests = all(&data, &[]);
        assert_eq!(tests.len(), 1);
        assert_eq!(tests[0].detail.as_deref(), Some("read failure"));
        data[363] = 0x00;
        assert_eq!(all(&data, &[]), []);
    }
}
