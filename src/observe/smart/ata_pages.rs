//! The SMART pages of an ATA drive: attribute table, thresholds, the drive's
//! verdict, the count of its error log (ATA8-ACS, 7.53; the tables' layout is
//! older and every vendor keeps it).

use super::bytes::{le16, le32};
use crate::{
    model::diagnosis::{AtaAttribute, SmartStatus},
    sys::sense::Registers,
};

/// Slots of the attribute and of the threshold table.
const SLOTS: usize = 30;
/// Bytes of a slot.
const SLOT: usize = 12;

/// Whether all bytes of a page sum up to 0. Firmware gets this wrong at times,
/// so it is a reason to doubt, not to drop the page.
#[must_use]
pub fn checksum_holds(page: &[u8]) -> bool {
    page.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == 0
}

/// Slots of a table in use: id and the bytes of the slot.
fn slots(page: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let table = page.get(2..2 + SLOTS * SLOT).unwrap_or_default();
    table.chunks_exact(SLOT).filter_map(|slot| match slot {
        [0, ..] | [] => None,
        [id, ..] => Some((*id, slot)),
    })
}

/// The attribute table. Thresholds are matched by id: their slots are not
/// always in the same order.
#[must_use]
pub fn attributes(data: &[u8], thresholds: Option<&[u8]>) -> Vec<AtaAttribute> {
    let threshold = |wanted: u8| {
        let mut all = slots(thresholds.unwrap_or_default());
        all.find(|(id, _)| *id == wanted).and_then(|(_, slot)| slot.get(1).copied())
    };
    let attribute = |(id, slot): (u8, &[u8])| {
        let raw = u64::from(le32(slot, 5)?) | u64::from(le16(slot, 9)?) << 32;
        Some(AtaAttribute {
            id,
            flags: le16(slot, 1)?,
            value: *slot.get(3)?,
            worst: *slot.get(4)?,
            threshold: threshold(id),
            raw,
        })
    };
    slots(data).filter_map(attribute).collect()
}

/// The drive's verdict, which SMART RETURN STATUS leaves in the registers.
#[must_use]
pub fn status(sense: &[u8]) -> SmartStatus {
    match Registers::parse(sense).map(|registers| (registers.lba_mid, registers.lba_high)) {
        Some((0x4F, 0xC2)) => SmartStatus::Passed,
        Some((0xF4, 0x2C)) => SmartStatus::Failing,
        _ => SmartStatus::Unknown,
    }
}

/// What SMART READ DATA says the drive can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Byte 370 bit 0.
    pub error_log: bool,
    /// Byte 367 bit 4.
    pub self_test: bool,
    /// Minutes of a short and of a long self-test, where it can.
    pub self_test_minutes: Option<(u16, u16)>,
}

/// See `Abilities`.
#[must_use]
pub fn abilities(data: &[u8]) -> Abilities {
    let at = |at: usize| data.get(at).copied().unwrap_or_default();
    let self_test = at(367) & 1 << 4 != 0;
    let long = match at(373) {
        0xFF => le16(data, 375).unwrap_or_default(),
        minutes => u16::from(minutes),
    };
    Abilities {
        error_log: at(370) & 1 != 0,
        self_test,
        self_test_minutes: self_test.then(|| (u16::from(at(372)), long)),
    }
}

/// How many errors the drive ever logged, by the summary error log (01h).
#[must_use]
pub fn error_count(log: &[u8]) -> Option<u64> {
    le16(log, 452).map(u64::from)
}
