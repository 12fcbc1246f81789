//! Which pages were reached, one bit each: so a tree cannot lead in a circle.

use std::ops::Range;

/// Bits by page.
pub(super) struct Seen {
    bits: Vec<u64>,
}

impl Seen {
    /// For pages below `high_water`. Memory that is never touched costs nothing.
    pub(super) fn new(high_water: u64) -> Self {
        Self { bits: vec![0; usize::try_from(high_water.div_ceil(64)).unwrap_or(0)] }
    }

    /// Marks the pages. The first one that was marked already, if any is; then
    /// none is marked.
    pub(super) fn mark(&mut self, pages: Range<u64>) -> Option<u64> {
        if let Some(twice) = pages.clone().find(|page| self.has(*page)) {
            return Some(twice);
        }
        for page in pages {
            if let Some(word) = self.bits.get_mut((page / 64) as usize) {
                *word |= 1 << (page % 64);
            }
        }
        None
    }

    fn has(&self, page: u64) -> bool {
        // What lies outside cannot be marked, so it is never new.
        self.bits.get((page / 64) as usize).is_none_or(|word| word >> (page % 64) & 1 == 1)
    }
}
