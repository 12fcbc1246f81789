//! What the kernel log says about etcd's disks and about memory: trouble only,
//! each line tied to the disk it is about. Reads; never waits.

mod names;
pub mod signs;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{SystemTime, UNIX_EPOCH},
};

pub use names::Names;

use super::{
    host::HostRoot,
    kernel_log::{self, Record},
};
use crate::model::diagnosis::{DiskBelow, KernelEvent, KernelEventKind, KernelEvents};

/// Most events that are kept: the newest ones, those of etcd's disks first.
const MOST: usize = 200;

/// How soon the commands of an ATA exception are told after it.
const TOGETHER_US: u64 = 1_000_000;

/// What the ring still has; `below` ties lines to disks. Never waits.
#[must_use]
pub fn kernel_events(host: &HostRoot, below: Option<&DiskBelow>) -> KernelEvents {
    let ring = match kernel_log::read_ring(host) {
        Ok(ring) => ring,
        Err(why) => return KernelEvents { unreadable: Some(why), ..KernelEvents::default() },
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let boot = kernel_log::boot(i64::try_from(now).unwrap_or(i64::MAX));
    let names = below.map_or_else(Names::default, |below| Names::of(host, below));
    KernelEvents {
        events: events(&ring.records, &names, boot),
        from: ring.first.map_or(0, |first| wall(first.micros, boot)),
        lost: ring.first.is_some_and(|first| first.sequence > 0),
        unreadable: None,
    }
}

/// The trouble among the records, the newest ones; `boot` is the wall clock's
/// nanoseconds at CLOCK_MONOTONIC's zero.
#[must_use]
pub fn events(records: &[Record], names: &Names, boot: i64) -> Vec<KernelEvent> {
    let mut seen = Seen::default();
    let mut events: Vec<Option<KernelEvent>> = Vec::new();
    for record in records {
        let Some(kind) = seen.kind(record) else { continue };
        let text = record.text.as_str();
        let disk = match kind {
            KernelEventKind::OutOfMemory => None,
            KernelEventKind::HungTask if is_etcd_blocked(text) => names.own.as_ref(),
            _ => names.about(text),
        };
        // Keyboards are reset, too.
        if text.starts_with("usb ") && disk.is_none() {
            continue;
        }
        if let Some(before) = seen.superseded(record, kind, events.len())
            && let Some(event) = events.get_mut(before)
        {
            *event = None;
        }
        events.push(Some(KernelEvent {
            at: wall(record.micros, boot),
            kind,
            disk: disk.cloned(),
            text: record.text.clone(),
        }));
    }
    newest(events.into_iter().flatten().collect())
}

/// As many as are kept: another disk's flood does not wash away what is known
/// of etcd's.
fn newest(mut events: Vec<KernelEvent>) -> Vec<KernelEvent> {
    let mut too_many = events.len().saturating_sub(MOST);
    events.retain(|event| {
        let goes = too_many > 0 && event.disk.is_none();
        too_many -= usize::from(goes);
        !goes
    });
    events.drain(..too_many);
    events
}

fn wall(micros: u64, boot: i64) -> i64 {
    boot.saturating_add(i64::try_from(micros.saturating_mul(1_000)).unwrap_or(i64::MAX))
}

/// "INFO: task etcd:1234 blocked for more than 120 seconds."
fn is_etcd_blocked(text: &str) -> bool {
    text.contains("task etcd:")
}

/// What earlier lines make of later ones.
#[derive(Debug, Default)]
struct Seen {
    /// The fastest link of each port.
    speeds: BTreeMap<String, u32>,
    /// Devices that have said that they are up.
    up: BTreeSet<String>,
    /// The last frozen port's exception: its prefix, time and place.
    frozen: Option<(String, u64, usize)>,
}

impl Seen {
    fn kind(&mut self, record: &Record) -> Option<KernelEventKind> {
        let text = record.text.as_str();
        if let Some((port, speed)) = signs::link_speed(text) {
            let fastest = self.speeds.entry(port.to_owned()).or_default();
            let slower = speed < *fastest;
            *fastest = speed.max(*fastest);
            return slower.then_some(KernelEventKind::CableError);
        }
        // Said once by each disk as the machine starts.
        if let Some((device, _)) = text.split_once(": Power-on or device reset occurred") {
            let again = !self.up.insert(device.to_owned());
            return again.then_some(KernelEventKind::Reset);
        }
        signs::kind(text)
    }

    /// The place of an exception whose commands this line tells: they are the
    /// better count.
    fn superseded(
        &mut self,
        record: &Record,
        kind: KernelEventKind,
        place: usize,
    ) -> Option<usize> {
        if kind != KernelEventKind::CommandTimeout {
            return None;
        }
        let (port, rest) = record.text.split_once(": ")?;
        if rest.starts_with("exception ") {
            self.frozen = Some((port.to_owned(), record.micros, place));
            return None;
        }
        let told = |frozen: &mut (String, u64, usize)| {
            frozen.0 == port && record.micros.saturating_sub(frozen.1) < TOGETHER_US
        };
        self.frozen.take_if(told).map(|(.., place)| place)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
