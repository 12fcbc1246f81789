//! Events, each written once: they are all live.

use super::{Pattern, Write, noise::Noise};

const NAMESPACES: [&str; 3] = ["kube-system", "monitoring", "web"];

pub struct Events {
    value_bytes: usize,
    written: usize,
    noise: Noise,
}

impl Events {
    pub fn new(value_bytes: usize) -> Self {
        Self { value_bytes, written: 0, noise: Noise::new(value_bytes) }
    }
}

impl Pattern for Events {
    fn next(&mut self) -> Write {
        let namespace = NAMESPACES[self.written % NAMESPACES.len()];
        let key = format!("/registry/events/{namespace}/pod.{:012x}", self.written);
        self.written += 1;
        Write { key, value: self.noise.take(self.value_bytes).to_vec() }
    }

    fn in_flight(&self) -> usize {
        (2_000_000 / self.value_bytes.max(1)).clamp(4, 128)
    }

    fn keys(&self) -> usize {
        self.written
    }
}
