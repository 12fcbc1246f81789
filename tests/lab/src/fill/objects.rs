//! New keys below a prefix, each written once: what a controller that went
//! wild leaves behind.

use super::{Pattern, Write, noise::Noise};

pub struct Objects {
    prefix: &'static str,
    value_bytes: usize,
    written: usize,
    noise: Noise,
}

impl Objects {
    pub fn new(prefix: &'static str, value_bytes: usize) -> Self {
        Self { prefix, value_bytes, written: 0, noise: Noise::new(value_bytes) }
    }
}

impl Pattern for Objects {
    fn next(&mut self) -> Write {
        let key = format!("{}{:07}", self.prefix, self.written);
        self.written += 1;
        Write { key, value: self.noise.take(self.value_bytes).to_vec() }
    }

    fn in_flight(&self) -> usize {
        128
    }

    fn keys(&self) -> usize {
        self.written
    }
}
