//! Bytes for values.

/// Bytes that do not compress, cut from a pool: making fresh ones for every write
/// would cost more than writing them.
pub struct Noise {
    pool: Vec<u8>,
    at: usize,
}

impl Noise {
    /// A pool that can give up to `longest` bytes at once.
    pub fn new(longest: usize) -> Self {
        let mut pool = vec![0; longest + (1 << 20)];
        rand::fill(&mut pool[..]);
        Self { pool, at: 0 }
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> &[u8] {
        // A step without a common divisor, so that no two values are alike.
        self.at = (self.at + 7919) % (self.pool.len() - length);
        &self.pool[self.at..self.at + length]
    }
}
