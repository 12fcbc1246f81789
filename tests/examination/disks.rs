//! Directories, volumes, disks, and who shares them.

use std::path::PathBuf;

use etcd_rescue::model::{
    Bytes,
    diagnosis::{
        Array, Bus, DiskBelow, DiskWindow, IoPressure, Layer, LayerKind, LeafDisk, Place,
        PlaceRole, Sharer, SharerKind, Writer,
    },
};

use super::{Words, bytes};

/// One line about the disks.
pub fn read(words: &Words, below: &mut DiskBelow) {
    match words.at(0) {
        "data-dir" => below.places.push(place(words, PlaceRole::DataDir)),
        "wal-dir" => below.places.push(place(words, PlaceRole::WalDir)),
        "layer" => below.layers.push(layer(words)),
        "disk" => below.leaves.push(disk(words)),
        "window" => {
            let times = words.number("times").unwrap_or(4);
            below.windows.extend(std::iter::repeat_n(window(words), times));
        }
        "array" => below.arrays.push(array(words)),
        "shares" => below.sharers.push(sharer(words)),
        "writer" => below.writers.push(Writer {
            who: words.at(1).to_owned(),
            cgroup: words.get("disk").is_some(),
            etcd: words.has("etcd"),
            disk: words.get("disk").map(str::to_owned),
            bytes_per_s: bytes(words.get("rate").expect("rate=")).0 as f64,
            writes_per_s: words.number("often"),
        }),
        "pressure" => {
            let full = words.number("full").expect("full=");
            below.pressure = Some(IoPressure { some: [full; 3], full: [full; 3] });
        }
        other => panic!("what is `{other}`?"),
    }
}

/// `data-dir PATH on=sda2 fs=ext4 size=200G free=80G`.
fn place(words: &Words, role: PlaceRole) -> Place {
    let size = |key, otherwise| words.get(key).map_or(otherwise, bytes);
    Place {
        role,
        path: PathBuf::from(words.at(1)),
        mount_point: "/".into(),
        filesystem: words.get("fs").unwrap_or("ext4").to_owned(),
        source: String::new(),
        size: size("size", Bytes(200 << 30)),
        available: size("free", Bytes(80 << 30)),
        read_only: words.has("read-only"),
        devices: words.all("on").iter().map(|name| (*name).to_owned()).collect(),
        no_device: words.text("no-device"),
    }
}

/// `layer NAME KIND below=sda below=sdb`.
fn layer(words: &Words) -> Layer {
    let kind = match words.at(2) {
        "partition" => LayerKind::Partition,
        "lvm" => LayerKind::Lvm,
        "crypt" => LayerKind::Crypt,
        "md" => LayerKind::Md,
        "loop" => LayerKind::Loop,
        other => panic!("what is the layer {other}?"),
    };
    Layer {
        name: words.at(1).to_owned(),
        device: "0:0".to_owned(),
        kind,
        label: words.text("label"),
        below: words.all("below").iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// `disk NAME BUS model=… serial=… cache=write_back state=running`.
fn disk(words: &Words) -> LeafDisk {
    let bus = match words.at(2) {
        "ata" => Bus::Ata,
        "nvme" => Bus::Nvme,
        "scsi" => Bus::Scsi,
        "virtual" => Bus::Virtual,
        "raid" => Bus::Raid,
        "usb" => Bus::Usb,
        "network" => Bus::Network,
        "mmc" => Bus::Mmc,
        other => panic!("what is the bus {other}?"),
    };
    LeafDisk {
        name: words.at(1).to_owned(),
        device: "8:0".to_owned(),
        bus,
        driver: None,
        vendor: words.text("vendor"),
        model: words.get("model").map(str::to_owned),
        serial: words.get("serial").map(str::to_owned),
        firmware: None,
        size: Bytes(960_000_000_000),
        rotational: None,
        write_cache: Some(words.text("cache").unwrap_or_else(|| "write back".to_owned())),
        scheduler: None,
        state: words.text("state"),
        controller: None,
        ata_port: None,
    }
}

/// `window NAME util=95 w=40 wps=100 flush=300x8 rate=20M stalled times=4`.
fn window(words: &Words) -> DiskWindow {
    let flush = words.get("flush").map(|flush| {
        let (count, ms) = flush.split_once('x').expect("COUNTxMS");
        (count.parse().expect("a count"), ms.parse().expect("milliseconds"))
    });
    let stalled = words.has("stalled");
    DiskWindow {
        name: words.at(1).to_owned(),
        seconds: 1.25,
        util_percent: words.number("util").unwrap_or(if stalled { 100.0 } else { 3.0 }),
        writes_per_s: words.number("wps").unwrap_or(if stalled { 0.0 } else { 40.0 }),
        written_per_s: words.get("rate").map_or(400_000.0, |rate| bytes(rate).0 as f64),
        reads_per_s: 0.0,
        w_await_ms: words.number("w"),
        r_await_ms: None,
        flush_await_ms: flush.map(|(_, ms)| ms),
        flushes: flush.map_or(0, |(count, _)| count),
        queue: 1.0,
        in_flight: u64::from(stalled),
        stalled,
    }
}

/// `array md0 raid1 disks=2 degraded=1 action=idle part=sda:in_sync`.
fn array(words: &Words) -> Array {
    let parts = words.all("part");
    Array {
        name: words.at(1).to_owned(),
        level: words.at(2).to_owned(),
        state: words.get("state").unwrap_or("clean").to_owned(),
        degraded: words.number("degraded").unwrap_or(0),
        disks: words.number("disks").unwrap_or(2),
        sync_action: words.get("action").unwrap_or("idle").to_owned(),
        parts: parts
            .iter()
            .filter_map(|part| part.split_once(':'))
            .map(|(part, state)| (part.to_owned(), state.to_owned()))
            .collect(),
    }
}

/// `shares KIND PATH disk=sda detail=4_replicas`.
fn sharer(words: &Words) -> Sharer {
    let kind = match words.at(1) {
        "root" => SharerKind::Root,
        "longhorn" => SharerKind::Longhorn,
        "containerd" => SharerKind::ContainerRuntime,
        "kubelet" => SharerKind::Kubelet,
        "logs" => SharerKind::Logs,
        "swap" => SharerKind::Swap,
        "database" => SharerKind::Database,
        other => panic!("what is the sharer {other}?"),
    };
    Sharer {
        kind,
        path: PathBuf::from(words.at(2)),
        disks: words.all("disk").iter().map(|name| (*name).to_owned()).collect(),
        detail: words.text("detail"),
    }
}
