//! A hash of keys that costs little for each row.
//!
//! Two keys with one tag are counted as one, and keys are chosen by those who
//! use the cluster: so every multiplication has a factor that is drawn anew in
//! each run, and nobody can make such keys beforehand.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
};

use super::seen_keys::{TAG_BITS, Tag};

/// Bytes that go into one multiplication.
const STEP: usize = 16;

/// Hashes with the seeds of this run.
#[derive(Debug)]
pub(super) struct KeyHash {
    seeds: [u64; 4],
}

impl KeyHash {
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        Self { seeds: std::array::from_fn(|n| random.hash_one(n)) }
    }

    /// The tag of a key, of which all that could be seen is `key`.
    pub(super) fn tag(&self, key: &[u8], length: u64) -> Tag {
        self.of(key, length) >> (64 - TAG_BITS)
    }

    /// All 64 bits.
    pub(super) fn of(&self, key: &[u8], length: u64) -> u64 {
        let [first, second, third, fourth] = self.seeds;
        let (steps, rest) = key.as_chunks::<STEP>();
        let mut state = first;
        for step in steps {
            state = folded(low(step) ^ second, high(step) ^ state);
        }
        if !rest.is_empty() {
            // The last bytes once more, where there are enough of them.
            let last = key.last_chunk().copied().unwrap_or_else(|| padded(rest));
            state = folded(low(&last) ^ second, high(&last) ^ state);
        }
        folded(length ^ third, state ^ fourth)
    }
}

fn low(step: &[u8; STEP]) -> u64 {
    u128::from_le_bytes(*step) as u64
}

fn high(step: &[u8; STEP]) -> u64 {
    (u128::from_le_bytes(*step) >> 64) as u64
}

fn padded(rest: &[u8]) -> [u8; STEP] {
    let mut step = [0; STEP];
    step.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    step
}

/// Both halves of a product: each bit of it depends on bits of both factors.
fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product >> 64) as u64 ^ product as u64
}

/// What is kept by tags.
pub(super) type TagMap<V> = HashMap<Tag, V, BuildHasherDefault<TagHasher>>;

/// Spreads a tag, which is a hash already, over all bits.
#[derive(Debug, Default)]
pub(super) struct TagHasher(u64);

impl Hasher for TagHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_that_are_nearly_alike_have_tags_of_their_own() {
        let hash = KeyHash::new();
        let mut keys: Vec<Vec<u8>> = (0..200).map(|n| vec![0; n]).collect();
        keys.extend((0..100_000).map(|n| format!("/registry/pods/ns/p-{n}").into_bytes()));
        for at in 0..64 {
            let mut key =
                b"/registry/secrets/a-namespace/with-one-letter-that-changes.txt!!".to_vec();
            key[at] ^= 1;
            keys.push(key);
        }
        let tags: HashSet<Tag> = keys.iter().map(|key| hash.tag(key, key.len() as u64)).collect();
        assert_eq!(tags.len(), keys.len());
        assert!(tags.iter().all(|tag| tag >> TAG_BITS == 0));
    }

    #[test]
    fn the_same_only_within_one_run_and_with_the_same_length() {
        let (one, other) = (KeyHash::new(), KeyHash::new());
        assert_eq!(one.of(b"/a/b", 4), one.of(b"/a/b", 4));
        assert_ne!(one.of(b"/a/b", 4), one.of(b"/a/b", 5));
        assert_ne!(one.of(b"/a/b", 4), other.of(b"/a/b", 4));
    }

    #[test]
    fn every_bit_of_a_tag_is_used() {
        let hash = KeyHash::new();
        let mut set = [0_u32; TAG_BITS as usize];
        for n in 0..10_000_u32 {
            let tag = hash.tag(&n.to_be_bytes(), 4);
            set.iter_mut().enumerate().for_each(|(bit, times)| *times += (tag >> bit & 1) as u32);
        }
        assert!(set.iter().all(|times| (4_600..5_400).contains(times)), "{set:?}");
    }
}
