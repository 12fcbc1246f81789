//! Device statistics of an ATA drive, the one vendor-neutral table of counters
//! (ACS-3, A.5): general purpose log 04h. Also the directory of those logs.

use super::bytes::{le16, le64};

/// The log's number.
pub const LOG: u8 = 4;

/// Whether the directory of general purpose logs (log 00h, page 0) has this
/// log.
#[must_use]
pub fn has_log(directory: &[u8], log: u8) -> bool {
    le16(directory, usize::from(log) * 2).is_some_and(|pages| pages > 0)
}

/// The pages the log has, by its page 0.
#[must_use]
pub fn pages(list: &[u8]) -> Vec<u8> {
    if list.get(2) != Some(&0) {
        return Vec::new();
    }
    let count = usize::from(list.get(8).copied().unwrap_or_default());
    list.iter().skip(9).take(count).copied().filter(|page| *page != 0).collect()
}

/// The value at this place of page `number`; nothing unless the page is that
/// page and the drive says that the value is supported and valid.
#[must_use]
pub fn value(page: &[u8], number: u8, at: usize) -> Option<u64> {
    if page.get(2) != Some(&number) {
        return None;
    }
    let entry = le64(page, at)?;
    // Bit 63: supported, bit 62: valid; bits 55:0 are the value.
    (entry >> 62 == 3).then_some(entry & 0x00FF_FFFF_FFFF_FFFF)
}
