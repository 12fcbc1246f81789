//! A block device over all windows of a look: one number of each kind, and in
//! how many windows it was busy or stood still.

use crate::model::diagnosis::{DiskWindow, Examined};

/// A device over all windows. Means are weighted by what they are means of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Device {
    pub(super) name: String,
    pub(super) windows: usize,
    /// Length of all windows, seconds.
    pub(super) seconds: f64,
    /// Mean share of the time that it was busy, percent.
    pub(super) util_percent: f64,
    /// Bytes written a second.
    pub(super) written_per_s: f64,
    /// Writes that were completed.
    pub(super) writes: f64,
    /// Mean time of a write, milliseconds.
    pub(super) w_await_ms: Option<f64>,
    /// Flushes that were completed.
    pub(super) flushes: u64,
    /// Mean time of a flush, milliseconds.
    pub(super) flush_await_ms: Option<f64>,
    /// The worst window's mean time of a write or a flush.
    pub(super) worst_ms: Option<f64>,
    /// Windows with more than 80 % and writes of more than 10 ms.
    pub(super) busy_windows: usize,
    /// Windows in which something was under way and nothing was completed.
    pub(super) stalled_windows: usize,
    /// Their length, seconds.
    pub(super) stalled_seconds: f64,
}

impl Device {
    /// The mean time of what a sync waits for, milliseconds: the slower of
    /// writes and flushes. `None` without either.
    pub(super) fn answers_in(&self) -> Option<f64> {
        [self.w_await_ms, self.flush_await_ms].into_iter().flatten().reduce(f64::max)
    }

    /// Whether it was busy for more than a moment.
    pub(super) fn is_busy(&self) -> bool {
        self.busy_windows >= 2 || (self.busy_windows == 1 && self.windows == 1)
    }

    /// Whether it stood still for longer than a drive takes to clean up.
    pub(super) fn hangs(&self) -> bool {
        self.stalled_windows >= 2 && self.stalled_seconds >= 1.9
    }

    fn add(&mut self, window: &DiskWindow) {
        let writes = window.writes_per_s * window.seconds;
        let mean = |mean: Option<f64>, of: f64, more: Option<f64>, by: f64| match (mean, more) {
            (Some(mean), Some(more)) if of + by > 0.0 => Some((mean * of + more * by) / (of + by)),
            (mean, more) => mean.or(more),
        };
        let flushes = window.flushes as f64;
        self.w_await_ms = mean(self.w_await_ms, self.writes, window.w_await_ms, writes);
        self.flush_await_ms =
            mean(self.flush_await_ms, self.flushes as f64, window.flush_await_ms, flushes);
        let slower = [window.w_await_ms, window.flush_await_ms, self.worst_ms];
        self.worst_ms = slower.into_iter().flatten().reduce(f64::max);
        let (before, now) = (self.seconds, window.seconds);
        let over_time = |old: f64, new: f64| {
            if before + now > 0.0 { (old * before + new * now) / (before + now) } else { new }
        };
        self.util_percent = over_time(self.util_percent, window.util_percent);
        self.written_per_s = over_time(self.written_per_s, window.written_per_s);
        self.writes += writes;
        self.flushes = self.flushes.saturating_add(window.flushes);
        self.seconds += window.seconds;
        self.windows += 1;
        let slow = window.w_await_ms.is_some_and(|ms| ms > 10.0);
        self.busy_windows += usize::from(window.util_percent > 80.0 && slow);
        if window.stalled {
            self.stalled_windows += 1;
            self.stalled_seconds += window.seconds;
        }
    }
}

/// Every device of the examination, in the order of its first window.
pub(super) fn devices(examined: &Examined) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    for window in examined.below.iter().flat_map(|below| &below.windows) {
        let known = devices.iter().position(|device| device.name == window.name);
        let at = known.unwrap_or_else(|| {
            devices.push(Device { name: window.name.clone(), ..Device::default() });
            devices.len() - 1
        });
        if let Some(device) = devices.get_mut(at) {
            device.add(window);
        }
    }
    devices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::diagnosis::DiskBelow;

    #[test]
    fn means_are_weighted_by_what_was_done() {
        let window = |writes_per_s, w_await_ms, stalled| DiskWindow {
            name: "sda".to_owned(),
            seconds: 1.0,
            util_percent: 90.0,
            writes_per_s,
            written_per_s: 0.0,
            reads_per_s: 0.0,
            w_await_ms,
            r_await_ms: None,
            flush_await_ms: None,
            flushes: 0,
            queue: 1.0,
            in_flight: 1,
            stalled,
        };
        let windows = vec![
            window(30.0, Some(10.0), false),
            window(10.0, Some(50.0), false),
            window(0.0, None, true),
        ];
        let below = DiskBelow { windows, ..DiskBelow::default() };
        let examined = Examined { below: Some(below), ..Examined::default() };
        let devices = devices(&examined);
        assert_eq!(devices.len(), 1);
        assert_eq!(devices[0].w_await_ms, Some(20.0));
        assert_eq!(devices[0].worst_ms, Some(50.0));
        assert_eq!((devices[0].busy_windows, devices[0].stalled_windows), (1, 1));
        assert!(!devices[0].hangs());
    }
}
