//! Pages of an NVMe controller: IDENTIFY, the SMART log (02h), the self-test
//! log (06h) (NVM Express Base Specification 2.0, 5.16.1 and 5.17), and Amazon
//! EBS' own log (D0h).

use super::bytes::{le16, le32, le64, le128, text};
use crate::model::diagnosis::{EbsStatistics, NvmeHealth, SelfTest, SelfTestState};

/// Bytes of the page of IDENTIFY.
pub const IDENTITY: usize = 4096;
/// Bytes of the SMART log.
pub const SMART: usize = 512;
/// Bytes of the self-test log.
pub const SELF_TESTS: usize = 564;
/// Bytes of EBS' log.
pub const EBS: usize = 4096;

/// Who a controller is; nothing when the page names no model.
#[must_use]
pub fn identity(page: &[u8]) -> Option<NvmeHealth> {
    let model = text(page.get(24..64)?.iter().copied());
    if model.is_empty() {
        return None;
    }
    let can_self_test = le16(page, 256)? & 1 << 4 != 0;
    Some(NvmeHealth {
        model,
        serial: text(page.get(4..24)?.iter().copied()),
        firmware: text(page.get(64..72)?.iter().copied()),
        vendor_id: le16(page, 0)?,
        write_cache: page.get(525).map(|cache| cache & 1 != 0),
        can_self_test,
        self_test_minutes: le16(page, 316).filter(|minutes| can_self_test && *minutes > 0),
        ..NvmeHealth::default()
    })
}

/// What the SMART log adds to who a controller is; nothing when it is too short.
#[must_use]
pub fn with_smart(health: &NvmeHealth, log: &[u8]) -> Option<NvmeHealth> {
    let byte = |at: usize| log.get(at).copied();
    // No drive ever counts beyond 64 bits; broken firmware may say so.
    let count = |at| le128(log, at).map(|count| count.min(u128::from(u64::MAX)));
    Some(NvmeHealth {
        critical_warning: byte(0)?,
        temperature_k: le16(log, 1)?,
        available_spare: byte(3)?,
        spare_threshold: byte(4)?,
        used_percent: byte(5)?,
        data_units_written: count(48)?,
        power_on_hours: count(128)?,
        unsafe_shutdowns: count(144)?,
        media_errors: count(160)?,
        error_entries: count(176)?,
        warm_minutes: le32(log, 192)?,
        hot_minutes: le32(log, 196)?,
        ..health.clone()
    })
}

/// The self-test log: the running one first, then the newest.
#[must_use]
pub fn self_tests(log: &[u8]) -> Vec<SelfTest> {
    let current = log.first().copied().unwrap_or_default() & 0x0F;
    let done = log.get(1).copied().unwrap_or_default() & 0x7F;
    let running = (current != 0).then(|| SelfTest {
        kind: kind_of(current),
        state: SelfTestState::Running,
        hours: None,
        left_percent: Some(100_u8.saturating_sub(done)),
        lba: None,
        detail: None,
    });
    let ended = log.get(4..SELF_TESTS.min(log.len())).unwrap_or_default();
    running.into_iter().chain(ended.chunks_exact(28).filter_map(self_test)).collect()
}

fn self_test(entry: &[u8]) -> Option<SelfTest> {
    let status = *entry.first()?;
    if status >> 4 == 0 {
        // No code of a test: never written.
        return None;
    }
    let (state, detail) = match status & 0x0F {
        0 => (SelfTestState::Completed, None),
        1 => (SelfTestState::Aborted, Some("aborted by the host")),
        2 => (SelfTestState::Aborted, Some("interrupted by a reset")),
        3 | 4 | 8 | 9 => (SelfTestState::Aborted, Some("aborted")),
        5 => (SelfTestState::Failed, Some("fatal error, could not be completed")),
        6 => (SelfTestState::Failed, Some("a segment failed")),
        7 => (SelfTestState::Failed, Some("segments failed")),
        0x0F => return None,
        _ => (SelfTestState::Unknown, None),
    };
    // Byte 2 tells which of the following are valid; bit 1: the block.
    let has_lba = entry.get(2)? & 2 != 0;
    Some(SelfTest {
        kind: kind_of(status >> 4),
        state,
        hours: le64(entry, 4),
        left_percent: None,
        lba: le64(entry, 16).filter(|_| has_lba),
        detail: detail.map(str::to_owned),
    })
}

fn kind_of(code: u8) -> String {
    match code {
        1 => "short".to_owned(),
        2 => "long".to_owned(),
        _ => format!("code {code:X}h"),
    }
}

/// Amazon's statistics of an EBS volume or of a local disk; nothing when the
/// log does not begin with their mark (nvme-cli, the `amzn` plugin).
#[must_use]
pub fn ebs(log: &[u8]) -> Option<EbsStatistics> {
    if !matches!(le32(log, 0)?, 0x3C23_B510 | 0xEC2C_0D7E) {
        return None;
    }
    Some(EbsStatistics {
        writes: le64(log, 16)?,
        write_us: le64(log, 48)?,
        volume_iops_exceeded_us: le64(log, 56)?,
        volume_throughput_exceeded_us: le64(log, 64)?,
        instance_iops_exceeded_us: le64(log, 72)?,
        instance_throughput_exceeded_us: le64(log, 80)?,
    })
}
