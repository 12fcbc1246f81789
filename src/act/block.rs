//! A piece of memory as a disk takes it without copying: it begins where
//! O_DIRECT wants it, and its length can be filled up to what O_DIRECT wants.

use prost::bytes::{Buf, Bytes};

use super::block_sum::block_sum;

/// Bytes in a block. Below this, disks get slower; a few of these are in memory.
pub(super) const BLOCK: usize = 512 << 10;

/// What O_DIRECT wants of memory, offsets and lengths: no disk's sector, and no
/// page, is larger where we run (open(2), "O_DIRECT").
const ALIGNMENT: usize = 4096;

/// Up to [`BLOCK`] bytes.
pub(super) struct Block {
    memory: Box<[u8]>,
    /// Where the aligned part begins.
    start: usize,
    filled: usize,
    /// Of what is in it, once that was asked for.
    sum: Option<u64>,
}

impl Block {
    pub(super) fn new() -> Self {
        let memory = vec![0; BLOCK + ALIGNMENT].into_boxed_slice();
        let start = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self { memory, start, filled: 0, sum: None }
    }

    /// Moves as much from the front of `bytes` as there is room for.
    pub(super) fn take(&mut self, bytes: &mut Bytes) {
        let room = &mut self.memory[self.start + self.filled..self.start + BLOCK];
        let length = room.len().min(bytes.len());
        bytes.copy_to_slice(&mut room[..length]);
        self.filled += length;
        self.sum = None;
    }

    /// Room for the first `length` bytes (at most [`BLOCK`]) of what it is to hold,
    /// to be overwritten whole.
    pub(super) fn fill_with(&mut self, length: usize) -> &mut [u8] {
        self.filled = length.min(BLOCK);
        self.sum = None;
        &mut self.memory[self.start..self.start + self.filled]
    }

    pub(super) fn is_full(&self) -> bool {
        self.filled == BLOCK
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    pub(super) fn clear(&mut self) {
        self.filled = 0;
        self.sum = None;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.filled]
    }

    /// The sum of what it held when this was asked for first: who changes its memory
    /// after that is found out, whoever it is.
    pub(super) fn sum(&mut self) -> u64 {
        match self.sum {
            Some(sum) => sum,
            None => *self.sum.insert(block_sum(self.bytes(), 0)),
        }
    }

    /// What it holds, and zeros up to the next length that O_DIRECT takes.
    pub(super) fn padded(&mut self) -> &[u8] {
        let end = self.filled.next_multiple_of(ALIGNMENT);
        self.memory[self.start + self.filled..self.start + end].fill(0);
        &self.memory[self.start..self.start + end]
    }

    /// Room for at least `length` bytes (of at most [`BLOCK`]), of a length that
    /// O_DIRECT takes.
    pub(super) fn room(&mut self, length: usize) -> &mut [u8] {
        let length = length.next_multiple_of(ALIGNMENT).min(BLOCK);
        &mut self.memory[self.start..self.start + length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fills_up_pads_and_is_aligned() {
        let mut block = Block::new();
        let mut bytes = Bytes::from(vec![7; BLOCK + 5]);
        block.take(&mut bytes);
        assert!(block.is_full());
        assert_eq!((bytes.len(), block.padded().len()), (5, BLOCK));
        assert_eq!(block.bytes().as_ptr().align_offset(ALIGNMENT), 0);
        let sum = block.sum();
        block.memory[block.start] ^= 1;
        assert_eq!((block.sum(), sum), (sum, block_sum(&[7; BLOCK], 0)));
        block.clear();
        assert_eq!(block.sum(), block_sum(&[], 0));
        assert!(block.is_empty() && block.padded().is_empty());
        block.take(&mut bytes);
        assert_eq!(block.bytes(), [7; 5]);
        assert_eq!(block.sum(), block_sum(&[7; 5], 0));
        let padded = block.padded();
        assert_eq!((padded.len(), &padded[..5], &padded[5..]), (4096, &[7; 5][..], &[0; 4091][..]));
        assert_eq!((block.room(1).len(), block.room(BLOCK).len()), (4096, BLOCK));
    }
}
