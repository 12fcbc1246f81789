//! Which keys were seen, in bounded memory: an open-addressing table of twelve
//! bytes a key. Keys are known by 50 bits of a hash; that two of three million
//! are taken for one has a chance of 1 in 250.

use super::key_hash::TagMap;

/// A key's hash, as much of it as is kept.
pub(super) type Tag = u64;

/// Bits of a tag.
pub(super) const TAG_BITS: u32 = 50;

/// There is no room for another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenKey {
    /// Rows seen of it.
    pub rows: u64,
    /// Whether its newest row is a deletion.
    pub dead: bool,
    /// Whether any row before this one was a deletion.
    pub deleted_before: bool,
    /// Bytes of its key and value; 0 for a dead one.
    pub live_bytes: u32,
}

/// A slot: tag, two flags, number of rows. Zero is free.
const ROWS_BITS: u32 = 12;
const MOST_ROWS: u64 = (1 << ROWS_BITS) - 1;
const DEAD: u64 = 1 << ROWS_BITS;
const DELETED: u64 = 1 << (ROWS_BITS + 1);
const TAG_SHIFT: u32 = ROWS_BITS + 2;

/// Parts that grow one after the other, so that growing takes little more than
/// the table itself.
const SHARDS: usize = 16;
const FIRST_SLOTS: usize = 64;
/// Bytes of a slot and of the size beside it.
const SLOT_BYTES: usize = 12;

/// The table.
#[derive(Debug)]
pub(super) struct SeenKeys {
    shards: Vec<Shard>,
    /// Rows of keys beyond what a slot can count.
    more: TagMap<u64>,
    most_slots: usize,
}

#[derive(Debug, Default)]
struct Shard {
    slots: Vec<u64>,
    sizes: Vec<u32>,
    used: usize,
}

impl SeenKeys {
    /// A table that takes about so many bytes at most.
    pub(super) fn new(bytes: usize) -> Self {
        let most_slots = (bytes / SLOT_BYTES / SHARDS).max(FIRST_SLOTS);
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Self { shards, more: TagMap::default(), most_slots }
    }

    /// Another row of a key; `live_bytes` counts when it is the first.
    pub(super) fn add(&mut self, tag: Tag, dead: bool, live_bytes: u32) -> Result<SeenKey, Full> {
        let shard = &mut self.shards[shard_of(tag)];
        let at = match shard.find(tag) {
            Some(at) => at,
            None => {
                if shard.is_crowded() && !shard.grow(self.most_slots) {
                    return Err(Full);
                }
                let live_bytes = if dead { 0 } else { live_bytes };
                shard.put(tag << TAG_SHIFT | if dead { DEAD } else { 0 }, live_bytes)
            }
        };
        let slot = &mut shard.slots[at];
        let deleted_before = *slot & DELETED != 0;
        if *slot & MOST_ROWS == MOST_ROWS {
            *self.more.entry(tag).or_default() += 1;
        } else {
            *slot += 1;
        }
        if dead {
            *slot |= DELETED;
        }
        let (slot, live_bytes) = (*slot, shard.sizes[at]);
        Ok(SeenKey { deleted_before, ..self.read(tag, slot, live_bytes) })
    }

    /// How often a key was seen.
    pub(super) fn rows(&self, tag: Tag) -> u64 {
        let shard = &self.shards[shard_of(tag)];
        shard.find(tag).map_or(0, |at| self.read(tag, shard.slots[at], 0).rows)
    }

    fn read(&self, tag: Tag, slot: u64, live_bytes: u32) -> SeenKey {
        let counted = slot & MOST_ROWS;
        let more = if counted == MOST_ROWS { self.more.get(&tag).copied() } else { None };
        SeenKey {
            rows: counted + more.unwrap_or(0),
            dead: slot & DEAD != 0,
            deleted_before: slot & DELETED != 0,
            live_bytes,
        }
    }

    /// Forgets every key whose tag is not kept.
    pub(super) fn retain(&mut self, keep: impl Fn(Tag) -> bool) {
        for shard in &mut self.shards {
            shard.rebuild(shard.slots.len(), &keep);
        }
        self.more.retain(|tag, _| keep(*tag));
    }
}

fn shard_of(tag: Tag) -> usize {
    (tag % SHARDS as u64) as usize
}

impl Shard {
    /// Where a tag's search begins: spread over any number of slots.
    fn home(tag: Tag, slots: usize) -> usize {
        let spread = tag.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((u128::from(spread) * slots as u128) >> 64) as usize
    }

    fn find(&self, tag: Tag) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = Self::home(tag, self.slots.len());
        // There is always a free slot: see `is_crowded`.
        loop {
            match self.slots[at] {
                0 => return None,
                slot if slot >> TAG_SHIFT == tag => return Some(at),
                _ => at = self.after(at),
            }
        }
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }

    /// Puts a slot whose tag is not there yet.
    fn put(&mut self, slot: u64, size: u32) -> usize {
        let mut at = Self::home(slot >> TAG_SHIFT, self.slots.len());
        while self.slots[at] != 0 {
            at = self.after(at);
        }
        self.slots[at] = slot;
        self.sizes[at] = size;
        self.used += 1;
        at
    }

    /// Whether four fifths are taken; searches grow long beyond.
    fn is_crowded(&self) -> bool {
        (self.used + 1) * 5 > self.slots.len() * 4
    }

    /// Half as large again, up to the most; false when that is reached.
    fn grow(&mut self, most: usize) -> bool {
        let wanted = (self.slots.len() / 2 * 3).clamp(FIRST_SLOTS, most);
        if wanted <= self.slots.len() {
            return false;
        }
        self.rebuild(wanted, &|_| true);
        true
    }

    fn rebuild(&mut self, slots: usize, keep: &impl Fn(Tag) -> bool) {
        let (old, sizes) = (std::mem::take(&mut self.slots), std::mem::take(&mut self.sizes));
        *self = Self { slots: vec![0; slots], sizes: vec![0; slots], used: 0 };
        for (slot, size) in old.into_iter().zip(sizes) {
            if slot != 0 && keep(slot >> TAG_SHIFT) {
                self.put(slot, size);
            }
        }
    }
}

#[cfg(test)]
#[path = "seen_keys_tests.rs"]
mod tests;
