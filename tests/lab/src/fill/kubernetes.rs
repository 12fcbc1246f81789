//! What an API server writes: a cluster's objects under /registry, then updates of
//! those that change in a real cluster. Built-in kinds are framed as the API
//! server's protobuf (`k8s`, a zero byte), custom resources are JSON.

use super::{Pattern, Write, noise::Noise};

/// A kind of object: its key prefix, how many of a hundred objects it makes, the
/// size of one, and how many of a hundred updates go to it.
struct Kind {
    prefix: &'static str,
    share: usize,
    bytes: usize,
    updates: usize,
    namespaced: bool,
    json: bool,
}

const fn builtin(prefix: &'static str, share: usize, bytes: usize, updates: usize) -> Kind {
    Kind { prefix, share, bytes, updates, namespaced: true, json: false }
}

const KINDS: [Kind; 11] = [
    builtin("pods", 20, 6_000, 30),
    builtin("events", 25, 800, 0),
    builtin("leases", 3, 350, 15),
    builtin("secrets", 10, 3_500, 2),
    builtin("configmaps", 10, 4_500, 5),
    builtin("replicasets", 9, 2_500, 5),
    builtin("deployments", 5, 3_000, 6),
    builtin("services/endpoints", 4, 1_200, 7),
    Kind { prefix: "minions", share: 1, bytes: 9_000, updates: 10, namespaced: false, json: false },
    Kind {
        prefix: "cert-manager.io/certificates",
        share: 5,
        bytes: 5_000,
        updates: 8,
        namespaced: true,
        json: true,
    },
    Kind {
        prefix: "wgpolicyk8s.io/policyreports",
        share: 8,
        bytes: 12_000,
        updates: 12,
        namespaced: true,
        json: true,
    },
];

const NAMESPACES: [&str; 8] =
    ["kube-system", "default", "monitoring", "payments", "web", "batch", "cert-manager", "kyverno"];

pub struct Cluster {
    live_bytes: u64,
    written_bytes: u64,
    objects: Vec<(usize, String)>,
    turn: usize,
    noise: Noise,
}

impl Cluster {
    /// A cluster whose objects take about `live_bytes`.
    pub fn new(live_bytes: u64) -> Self {
        Self {
            live_bytes,
            written_bytes: 0,
            objects: Vec::new(),
            turn: 0,
            noise: Noise::new(1 << 16),
        }
    }

    /// The kind whose turn it is when each gets its share of a hundred.
    fn kind(turn: usize, share: impl Fn(&Kind) -> usize) -> usize {
        // Spread over the hundred instead of one kind after the other.
        let mut left = turn.wrapping_mul(37) % KINDS.iter().map(&share).sum::<usize>();
        KINDS
            .iter()
            .position(|kind| {
                let mine = left < share(kind);
                left = left.saturating_sub(share(kind));
                mine
            })
            .unwrap_or(0)
    }

    fn new_object(&mut self) -> (usize, String) {
        let index = Self::kind(self.turn, |kind| kind.share);
        let kind = &KINDS[index];
        let number = self.objects.len();
        let suffix =
            format!("{:010x}", (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24);
        let name = format!("{}-{}", NAMESPACES[number % 5], &suffix[..10]);
        let key = if kind.namespaced {
            format!("/registry/{}/{}/{name}", kind.prefix, NAMESPACES[number % NAMESPACES.len()])
        } else {
            format!("/registry/{}/node-{number}", kind.prefix)
        };
        self.objects.push((index, key.clone()));
        (index, key)
    }

    /// An object that is written again; events never are.
    fn old_object(&mut self) -> (usize, String) {
        let wanted = Self::kind(self.turn, |kind| kind.updates);
        let start = self.turn.wrapping_mul(7919) % self.objects.len();
        let from_start = self.objects[start..].iter().chain(&self.objects[..start]);
        from_start.clone().find(|(kind, _)| *kind == wanted).unwrap_or(&self.objects[start]).clone()
    }

    fn value(&mut self, index: usize, key: &str) -> Vec<u8> {
        let kind = &KINDS[index];
        // Objects of one kind differ in size, by a quarter up or down.
        let length = kind.bytes * (75 + self.turn.wrapping_mul(13) % 50) / 100;
        let noise = self.noise.take(length / 2);
        if kind.json {
            let status: String = noise.iter().map(|byte| format!("{byte:02x}")).collect();
            let (group, plural) = kind.prefix.split_once('/').unwrap_or(("", kind.prefix));
            let text = format!(
                r#"{{"apiVersion":"{group}/v1","kind":"{plural}","metadata":{{"name":"{key}"}},"status":"{status}"}}"#
            );
            return text.into_bytes();
        }
        let mut value = b"k8s\0\n".to_vec();
        value.extend_from_slice(key.as_bytes());
        // Half noise, half text: about as varied as real objects.
        value.extend_from_slice(noise);
        value.resize(length, b' ');
        value
    }
}

impl Pattern for Cluster {
    fn next(&mut self) -> Write {
        self.turn += 1;
        let growing = self.objects.is_empty() || self.written_bytes < self.live_bytes;
        let (kind, key) = if growing { self.new_object() } else { self.old_object() };
        let value = self.value(kind, &key);
        self.written_bytes += (key.len() + value.len()) as u64;
        Write { key, value }
    }

    fn in_flight(&self) -> usize {
        128
    }

    fn keys(&self) -> usize {
        self.objects.len()
    }
}
