//! Disks, drives and the probe in a diagnosis.

use serde::Serialize;

use super::{super::text, members::LatenciesAnswer};
use crate::model::diagnosis::{
    Array, Bus, DiskBelow, DiskWindow, IoPressure, Layer, LeafDisk, Place, PlaceRole, ProbeRefusal,
    ProbeRun, Sharer, SharerKind, Writer,
};

/// What etcd's documentation wants of such a load: 99 of 100 fdatasyncs in
/// less.
const REFERENCE_P99_MS: f64 = 10.0;

/// Everything below etcd's directories.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DiskBelowAnswer {
    places: Vec<PlaceAnswer>,
    layers: Vec<Layer>,
    arrays: Vec<Array>,
    leaves: Vec<LeafAnswer>,
    sharers: Vec<SharerAnswer>,
    writers: Vec<WriterAnswer>,
    /// Every device in every window.
    windows: Vec<WindowAnswer>,
    pressure: Option<PressureAnswer>,
    complaints: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct PlaceAnswer {
    role: PlaceRole,
    path: String,
    mount_point: String,
    filesystem: String,
    source: String,
    size_bytes: u64,
    available_bytes: u64,
    read_only: bool,
    devices: Vec<String>,
    no_device: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct LeafAnswer {
    name: String,
    /// "major:minor".
    device: String,
    bus: Bus,
    driver: Option<String>,
    vendor: Option<String>,
    model: Option<String>,
    serial: Option<String>,
    firmware: Option<String>,
    size_bytes: u64,
    rotational: Option<bool>,
    write_cache: Option<String>,
    scheduler: Option<String>,
    state: Option<String>,
    controller: Option<String>,
    ata_port: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct SharerAnswer {
    kind: SharerKind,
    path: String,
    disks: Vec<String>,
    detail: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct WriterAnswer {
    who: String,
    /// A cgroup is counted per disk, a process over all disks.
    cgroup: bool,
    etcd: bool,
    disk: Option<String>,
    written_bytes_per_s: f64,
    writes_per_s: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
struct WindowAnswer {
    name: String,
    length_s: f64,
    util_percent: f64,
    writes_per_s: f64,
    written_bytes_per_s: f64,
    reads_per_s: f64,
    w_await_ms: Option<f64>,
    r_await_ms: Option<f64>,
    flush_await_ms: Option<f64>,
    flushes: u64,
    /// Mean length.
    queue: f64,
    in_flight: u64,
    stalled: bool,
}

/// Over 10 s, 60 s and 300 s.
#[derive(Clone, Debug, Serialize)]
struct PressureAnswer {
    some_percent: [f64; 3],
    full_percent: [f64; 3],
}

impl DiskBelowAnswer {
    pub fn new(below: &DiskBelow) -> Self {
        let pressure =
            |it: &IoPressure| PressureAnswer { some_percent: it.some, full_percent: it.full };
        Self {
            places: below.places.iter().map(place).collect(),
            layers: below.layers.clone(),
            arrays: below.arrays.clone(),
            leaves: below.leaves.iter().map(leaf).collect(),
            sharers: below.sharers.iter().map(sharer).collect(),
            writers: below.writers.iter().map(writer).collect(),
            windows: below.windows.iter().map(window).collect(),
            pressure: below.pressure.as_ref().map(pressure),
            complaints: below.complaints.clone(),
        }
    }
}

fn place(place: &Place) -> PlaceAnswer {
    PlaceAnswer {
        role: place.role,
        path: text(&place.path),
        mount_point: text(&place.mount_point),
        filesystem: place.filesystem.clone(),
        source: place.source.clone(),
        size_bytes: place.size.0,
        available_bytes: place.available.0,
        read_only: place.read_only,
        devices: place.devices.clone(),
        no_device: place.no_device.clone(),
    }
}

fn leaf(leaf: &LeafDisk) -> LeafAnswer {
    let leaf = leaf.clone();
    LeafAnswer {
        name: leaf.name,
        device: leaf.device,
        bus: leaf.bus,
        driver: leaf.driver,
        vendor: leaf.vendor,
        model: leaf.model,
        serial: leaf.serial,
        firmware: leaf.firmware,
        size_bytes: leaf.size.0,
        rotational: leaf.rotational,
        write_cache: leaf.write_cache,
        scheduler: leaf.scheduler,
        state: leaf.state,
        controller: leaf.controller,
        ata_port: leaf.ata_port,
    }
}

fn sharer(sharer: &Sharer) -> SharerAnswer {
    SharerAnswer {
        kind: sharer.kind,
        path: text(&sharer.path),
        disks: sharer.disks.clone(),
        detail: sharer.detail.clone(),
    }
}

fn writer(writer: &Writer) -> WriterAnswer {
    WriterAnswer {
        who: writer.who.clone(),
        cgroup: writer.cgroup,
        etcd: writer.etcd,
        disk: writer.disk.clone(),
        written_bytes_per_s: writer.bytes_per_s,
        writes_per_s: writer.writes_per_s,
    }
}

fn window(window: &DiskWindow) -> WindowAnswer {
    WindowAnswer {
        name: window.name.clone(),
        length_s: window.seconds,
        util_percent: window.util_percent,
        writes_per_s: window.writes_per_s,
        written_bytes_per_s: window.written_per_s,
        reads_per_s: window.reads_per_s,
        w_await_ms: window.w_await_ms,
        r_await_ms: window.r_await_ms,
        flush_await_ms: window.flush_await_ms,
        flushes: window.flushes,
        queue: window.queue,
        in_flight: window.in_flight,
        stalled: window.stalled,
    }
}

/// Our own load.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ProbeAnswer {
    /// Why it was not done; the rest is null or 0 then.
    refused: Option<String>,
    directory: Option<String>,
    write_bytes: Option<u64>,
    fdatasync: LatenciesAnswer,
    pwrite: LatenciesAnswer,
    ended: Option<String>,
    upper_estimate: Option<bool>,
    reference_p99_ms: f64,
}

impl ProbeAnswer {
    pub fn new(probe: &Result<ProbeRun, ProbeRefusal>) -> Self {
        let run = probe.as_ref().ok();
        Self {
            refused: probe.as_ref().err().map(|refusal| refusal.why.clone()),
            directory: run.map(|run| text(&run.directory)),
            write_bytes: run.map(|run| run.write_bytes),
            fdatasync: run.map(|run| LatenciesAnswer::new(&run.syncs)).unwrap_or_default(),
            pwrite: run.map(|run| LatenciesAnswer::new(&run.writes)).unwrap_or_default(),
            ended: run.map(|run| run.ended.clone()),
            upper_estimate: run.map(|run| run.upper_estimate),
            reference_p99_ms: REFERENCE_P99_MS,
        }
    }
}
