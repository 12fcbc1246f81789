//! Few keys, written over and over.

use super::{Pattern, Write, noise::Noise};

pub struct Churn {
    keys: usize,
    value_bytes: usize,
    written: usize,
    noise: Noise,
}

impl Churn {
    pub fn new(keys: usize, value_bytes: usize) -> Self {
        Self { keys: keys.max(1), value_bytes, written: 0, noise: Noise::new(value_bytes) }
    }
}

impl Pattern for Churn {
    fn next(&mut self) -> Write {
        let key = format!("/churn/{}", self.written % self.keys);
        self.written += 1;
        Write { key, value: self.noise.take(self.value_bytes).to_vec() }
    }

    fn in_flight(&self) -> usize {
        // About 2 MB under way, whatever the size of one value.
        (2_000_000 / self.value_bytes.max(1)).clamp(4, 128)
    }

    fn keys(&self) -> usize {
        self.written.min(self.keys)
    }
}
