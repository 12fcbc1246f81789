//! Times of calls of one kind.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::order::InOrder;

/// How long each of several calls took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// Of the calls that were answered, in the order they were made;
    /// milliseconds.
    pub millis: Vec<f64>,
    /// Why the others were not, each once.
    pub failures: Vec<String>,
    /// How many were not answered.
    pub failed: u64,
}

impl Latencies {
    /// Counts a call that was answered.
    pub fn answered(&mut self, took: Duration) {
        self.millis.push(took.as_secs_f64() * 1_000.0);
    }

    /// Counts a call that was not answered.
    pub fn failed(&mut self, why: String) {
        self.failed += 1;
        if !self.failures.contains(&why) {
            self.failures.push(why);
        }
    }

    /// Takes in later calls.
    pub fn append(&mut self, later: Latencies) {
        self.millis.extend(later.millis);
        self.failed += later.failed;
        let news = later.failures.into_iter().filter(|why| !self.failures.contains(why));
        let news: Vec<String> = news.collect();
        self.failures.extend(news);
    }

    /// The smallest time that a share `q` (0 to 1) of the answered calls did
    /// not exceed (nearest rank); `None` without an answer.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let mut sorted = self.millis.clone();
        sorted.order_by(f64::total_cmp);
        let rank = (q.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied()
    }

    /// The longest time; `None` without an answer.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.quantile(1.0)
    }
}
