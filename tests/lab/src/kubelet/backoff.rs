//! How long a container that ended has to wait for its next start. Pure.

use std::time::Duration;

use super::Clock;

/// The kubelet's CrashLoopBackOff: at once, then 10 s doubling up to 5 minutes;
/// forgotten after ten minutes of running.
#[derive(Default)]
pub struct Backoff {
    crashes: u32,
}

impl Backoff {
    /// Notes that the container ended after `lasted` and tells how long to wait.
    pub fn next_delay(&mut self, lasted: Duration, clock: Clock) -> Duration {
        if lasted > clock.seconds(600) {
            self.crashes = 0;
        }
        let delay = match self.crashes {
            0 => 0,
            n => (10u64 << (n - 1).min(5)).min(300),
        };
        self.crashes += 1;
        clock.seconds(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_five_minutes_and_forgets_after_ten() {
        let (mut backoff, clock) = (Backoff::default(), Clock { speed: 1 });
        let short = Duration::from_secs(1);
        let delays: Vec<u64> = (0..8).map(|_| backoff.next_delay(short, clock).as_secs()).collect();
        assert_eq!(delays, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(backoff.next_delay(Duration::from_secs(601), clock), Duration::ZERO);
        assert_eq!(backoff.next_delay(short, Clock { speed: 20 }), Duration::from_millis(500));
    }
}
