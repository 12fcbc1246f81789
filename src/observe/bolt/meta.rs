//! The two meta pages of a bbolt file, and which of them counts. Reads no file.
//!
//! Source: bbolt v1.4.3 internal/common/meta.go: behind the page header of 16
//! bytes magic, version, page size and flags (u32 each), root page, its
//! sequence, free list's page, high-water mark and transaction (u64 each), then
//! FNV-1a of these 56 bytes.

/// `meta.magic`.
pub(in crate::observe) const MAGIC: u32 = 0xED0C_DAED;
/// `common.Version`.
const VERSION: u32 = 2;
/// Page sizes of the systems etcd runs on.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 512..=65536;
/// How much of a file's beginning holds both metas, whatever the page size.
pub(in crate::observe) const HEAD: usize = 65536 + 16 + 64;

/// What a meta page tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::observe) struct Meta {
    /// Bytes of a page: a power of two, 512 to 65536.
    pub page_size: u32,
    /// The page of the tree of buckets.
    pub root: u64,
    /// Pages of the database; none from here on.
    pub high_water: u64,
    /// The transaction that wrote it.
    pub transaction: u64,
}

/// The meta that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::observe) struct Chosen {
    pub meta: Meta,
    /// What is wrong with the other one.
    pub other: Option<MetaFault>,
}

/// Why a meta page is none. The later, the nearer to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::observe) enum MetaFault {
    /// Nothing of the kind.
    NoMagic,
    /// It begins as one.
    Checksum,
    /// Whole, of a version that is not known.
    Version(u32),
    /// Whole, with a page size that no system has.
    PageSize(u32),
}

/// Chooses by a file's first [`HEAD`] bytes, or what there is of them.
///
/// # Errors
/// What is wrong with the better one of the two.
pub(in crate::observe) fn choose(head: &[u8]) -> Result<Chosen, MetaFault> {
    let first = meta_at(head, 0);
    // The second one is where the first one's page size says, or at any usual
    // size when the first is damaged.
    let second = match first {
        Ok(meta) => meta_at(head, meta.page_size as usize),
        Err(_) => any_size(head),
    };
    match (first, second) {
        (Ok(first), Ok(second)) => {
            let meta = if second.transaction > first.transaction { second } else { first };
            Ok(Chosen { meta, other: None })
        }
        (Ok(meta), Err(other)) | (Err(other), Ok(meta)) => Ok(Chosen { meta, other: Some(other) }),
        (Err(first), Err(second)) => Err(first.max(second)),
    }
}

/// The second meta, wherever it is.
fn any_size(head: &[u8]) -> Result<Meta, MetaFault> {
    let mut best = MetaFault::NoMagic;
    for size in (9..=16).map(|shift| 1_u32 << shift) {
        match meta_at(head, size as usize) {
            Ok(meta) if meta.page_size == size => return Ok(meta),
            Ok(_) => best = best.max(MetaFault::Checksum),
            Err(fault) => best = best.max(fault),
        }
    }
    Err(best)
}

fn meta_at(head: &[u8], page: usize) -> Result<Meta, MetaFault> {
    let magic = head.get(page + 16..page + 20).ok_or(MetaFault::NoMagic)?;
    if magic != MAGIC.to_le_bytes() {
        return Err(MetaFault::NoMagic);
    }
    let meta = head.get(page + 16..page + 16 + 64).ok_or(MetaFault::Checksum)?;
    let (body, sum) = meta.split_at(56);
    if sum != fnv(body).to_le_bytes() {
        return Err(MetaFault::Checksum);
    }
    let (version, page_size) = (u32_at(meta, 4), u32_at(meta, 8));
    if version != VERSION {
        return Err(MetaFault::Version(version));
    }
    if !PAGE_SIZES.contains(&page_size) || !page_size.is_power_of_two() {
        return Err(MetaFault::PageSize(page_size));
    }
    Ok(Meta {
        page_size,
        root: u64_at(meta, 16),
        high_water: u64_at(meta, 40),
        transaction: u64_at(meta, 48),
    })
}

/// FNV-1a of 64 bits.
pub(in crate::observe) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The number at an offset; 0 when it is beyond the end.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_le_bytes)
}

/// The number at an offset; 0 when it is beyond the end.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// The number at an offset; 0 when it is beyond the end.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map_or(0, u64::from_le_bytes)
}
