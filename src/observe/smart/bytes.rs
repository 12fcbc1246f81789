//! Numbers and texts at places of a page; nothing where the page is too short.

/// Little-endian, as ATA and NVMe write.
pub(super) fn le16(page: &[u8], at: usize) -> Option<u16> {
    page.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

pub(super) fn le32(page: &[u8], at: usize) -> Option<u32> {
    page.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

pub(super) fn le64(page: &[u8], at: usize) -> Option<u64> {
    page.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

pub(super) fn le128(page: &[u8], at: usize) -> Option<u128> {
    page.get(at..)?.first_chunk().map(|bytes| u128::from_le_bytes(*bytes))
}

/// Big-endian, as SCSI writes.
pub(super) fn be16(page: &[u8], at: usize) -> Option<u16> {
    page.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

pub(super) fn be32(page: &[u8], at: usize) -> Option<u32> {
    page.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Big-endian, as many bytes as there are; nothing when they are more than
/// eight with a value in front of the last eight.
pub(super) fn be(bytes: &[u8]) -> Option<u64> {
    let (front, last) = bytes.split_at(bytes.len().saturating_sub(8));
    if front.iter().any(|byte| *byte != 0) {
        return None;
    }
    Some(last.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// Printable ASCII without the spaces around it; anything else becomes a
/// question mark, and zeros at the end are padding.
pub(super) fn text(bytes: impl IntoIterator<Item = u8>) -> String {
    let printable = |byte| match byte {
        b' '..=b'~' => char::from(byte),
        0 => ' ',
        _ => '?',
    };
    bytes.into_iter().map(printable).collect::<String>().trim().to_owned()
}
