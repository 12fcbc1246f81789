//! Pages of a SCSI drive: INQUIRY, vital product data, log pages, the list of
//! grown defects (SPC-5, SBC-4).

use super::bytes::{be, be16, be32, text};
use crate::model::diagnosis::{ScsiHealth, SelfTest, SelfTestState};

/// Vendor, product and revision, from the standard INQUIRY data; nothing for
/// what is no disk.
#[must_use]
pub fn inquiry(page: &[u8]) -> Option<ScsiHealth> {
    if page.first()? & 0x1F != 0 {
        return None;
    }
    let field = |from, to| page.get(from..to).map(|bytes| text(bytes.iter().copied()));
    Some(ScsiHealth {
        vendor: field(8, 16)?,
        product: field(16, 32)?,
        revision: field(32, 36)?,
        ..ScsiHealth::default()
    })
}

/// A page of vital product data behind its header; nothing when it is another.
fn vital(page: &[u8], code: u8) -> Option<&[u8]> {
    let length = usize::from(be16(page, 2)?);
    let body = page.get(4..)?;
    (*page.get(1)? == code).then(|| body.get(..length).unwrap_or(body))
}

/// The serial number (VPD page 80h).
#[must_use]
pub fn serial(page: &[u8]) -> Option<String> {
    let serial = text(vital(page, 0x80)?.iter().copied());
    (!serial.is_empty()).then_some(serial)
}

/// Revolutions a minute (VPD page B1h); 1 = solid state, 0 = not told.
#[must_use]
pub fn rotation(page: &[u8]) -> Option<u16> {
    be16(vital(page, 0xB1)?, 0).filter(|told| matches!(told, 1 | 0x0401..=0xFFFE))
}

/// The log pages a drive has (log page 00h).
#[must_use]
pub fn log_pages(page: &[u8]) -> Vec<u8> {
    body(page, 0).unwrap_or_default().iter().map(|code| code & 0x3F).collect()
}

/// A log page behind its header; nothing when it is another.
fn body(page: &[u8], code: u8) -> Option<&[u8]> {
    let length = usize::from(be16(page, 2)?);
    let body = page.get(4..)?;
    (page.first()? & 0x3F == code).then(|| body.get(..length).unwrap_or(body))
}

/// The parameters of a log page: code and value.
fn parameters(page: &[u8], code: u8) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body(page, code).unwrap_or_default();
    std::iter::from_fn(move || {
        let code = be16(rest, 0)?;
        let end = 4 + usize::from(*rest.get(3)?);
        let value = rest.get(4..end)?;
        rest = rest.get(end..)?;
        Some((code, value))
    })
}

fn parameter(page: &[u8], code: u8, wanted: u16) -> Option<&[u8]> {
    parameters(page, code).find(|(code, _)| *code == wanted).map(|(_, value)| value)
}

/// Uncorrected errors of log page 02h (write), 03h (read) or 05h (verify).
#[must_use]
pub fn uncorrected(page: &[u8], code: u8) -> Option<u64> {
    parameter(page, code, 6).and_then(be)
}

/// Errors that are not of the medium (log page 06h).
#[must_use]
pub fn non_medium_errors(page: &[u8]) -> Option<u64> {
    parameter(page, 6, 0).and_then(be)
}

/// Degrees Celsius (log page 0Dh).
#[must_use]
pub fn temperature(page: &[u8]) -> Option<u8> {
    parameter(page, 0x0D, 0)?.get(1).copied().filter(|degrees| *degrees != 0xFF)
}

/// Percent of the rated life used (log page 11h).
#[must_use]
pub fn used_percent(page: &[u8]) -> Option<u8> {
    parameter(page, 0x11, 1)?.get(3).copied()
}

/// Power-on hours (log page 15h, in minutes).
#[must_use]
pub fn power_on_hours(page: &[u8]) -> Option<u64> {
    be32(parameter(page, 0x15, 0)?, 0).map(|minutes| u64::from(minutes / 60))
}

/// Additional sense code and qualifier of the last informational exception
/// (log page 2Fh); 0/0 = none.
#[must_use]
pub fn exception(page: &[u8]) -> Option<(u8, u8)> {
    match parameter(page, 0x2F, 0)? {
        [code, qualifier, ..] => Some((*code, *qualifier)),
        _ => None,
    }
}

/// How many grown defects there are, by the header of READ DEFECT DATA (10):
/// the list's length, whose entries are of 4 or 8 bytes by their format.
#[must_use]
pub fn grown_defects(header: &[u8]) -> Option<u64> {
    let flags = *header.get(1)?;
    let entry = match flags & 0x07 {
        0 => 4,
        3..=5 => 8,
        _ => return None,
    };
    // Bit 3: this is the grown list.
    (flags & 1 << 3 != 0).then_some(u64::from(be16(header, 2)? / entry))
}

/// The self-test results (log page 10h), the newest first.
#[must_use]
pub fn self_tests(page: &[u8]) -> Vec<SelfTest> {
    parameters(page, 0x10).filter_map(|(_, value)| self_test(value)).collect()
}

fn self_test(value: &[u8]) -> Option<SelfTest> {
    let code = *value.first()?;
    let hours = be16(value, 2)?;
    if code == 0 && hours == 0 {
        // Never written.
        return None;
    }
    let (state, detail) = match code & 0x0F {
        0 => (SelfTestState::Completed, None),
        1 => (SelfTestState::Aborted, Some("aborted by the host")),
        2 => (SelfTestState::Aborted, Some("aborted")),
        3 => (SelfTestState::Failed, Some("unknown error, could not be completed")),
        4 => (SelfTestState::Failed, Some("an unknown segment failed")),
        5 => (SelfTestState::Failed, Some("the first segment failed")),
        6 => (SelfTestState::Failed, Some("the second segment failed")),
        7 => (SelfTestState::Failed, Some("a segment failed")),
        0x0F => (SelfTestState::Running, None),
        _ => (SelfTestState::Unknown, None),
    };
    let lba = value.get(4..12).and_then(be);
    Some(SelfTest {
        kind: match code >> 5 {
            1 | 5 => "short".to_owned(),
            2 | 6 => "long".to_owned(),
            other => format!("code {other}"),
        },
        state,
        hours: Some(u64::from(hours)),
        left_percent: None,
        lba: lba.filter(|lba| state == SelfTestState::Failed && *lba != u64::MAX),
        detail: detail.map(str::to_owned),
    })
}

/// Percent left of what runs, by the progress that REQUEST SENSE tells (SPC-5,
/// 4.4.2.4): 65536 = done.
#[must_use]
pub fn percent_left(sense: &[u8]) -> Option<u8> {
    let fixed = matches!(sense.first()? & 0x7F, 0x70 | 0x71);
    let told = fixed && sense.get(15)? & 0x80 != 0;
    let done = u32::from(be16(sense, 16).filter(|_| told)?) * 100 / 65_536;
    u8::try_from(100_u32.saturating_sub(done)).ok()
}
