//! The disks below etcd: from the directories down to the drives, who else is
//! on them, who writes, and how they kept up while we watched.

use super::{
    numbers::{ms, or_none, thousands},
    page::Page,
};
use crate::{
    model::{
        Bytes,
        diagnosis::{
            Array, Bus, DiskBelow, DiskWindow, IoPressure, Layer, LayerKind, LeafDisk, Place,
            PlaceRole, SharerKind, Writer,
        },
        order::InOrder,
    },
    say::human::Column,
};

/// Writers shown without `-v`.
const WRITERS: usize = 6;
/// Deepest stack of devices; a loop in what was read ends here.
const DEEPEST: usize = 8;

/// The disks' part of the page.
pub(super) fn below(page: &mut Page, below: &DiskBelow) {
    if below.places.is_empty() && below.leaves.is_empty() {
        return;
    }
    page.heading("The disk below");
    for place in &below.places {
        page.line("", &place_text(place));
        for device in &place.devices {
            tree(page, below, device, 1);
        }
    }
    for array in &below.arrays {
        page.line("", &array_text(array));
    }
    sharers(page, below);
    if let Some(pressure) = &below.pressure {
        page.line("I/O pressure  ", &pressure_text(pressure));
    }
    windows(page, &below.windows);
    writers(page, &below.writers);
}

fn place_text(place: &Place) -> String {
    let role = if place.role == PlaceRole::WalDir { "WAL" } else { "data" };
    let device = place.no_device.clone().unwrap_or_else(|| place.source.clone());
    let read_only = if place.read_only { ", READ-ONLY" } else { "" };
    format!(
        "{} ({role}): {} on {device}, mounted at {}, {} of {} free{read_only}",
        place.path.display(),
        place.filesystem,
        place.mount_point.display(),
        place.available,
        place.size
    )
}

fn tree(page: &mut Page, below: &DiskBelow, name: &str, depth: usize) {
    let indent = 2 + 2 * depth;
    if let Some(leaf) = below.leaves.iter().find(|leaf| leaf.name == name) {
        page.indented(indent, &format!("{name}  "), &leaf_text(leaf));
    } else if let Some(layer) = below.layers.iter().find(|layer| layer.name == name) {
        page.indented(indent, &format!("{name}  "), &layer_text(layer));
        for device in layer.below.iter().filter(|_| depth < DEEPEST) {
            tree(page, below, device, depth + 1);
        }
    } else {
        page.indented(indent, "", name);
    }
}

fn layer_text(layer: &Layer) -> String {
    let kind = match layer.kind {
        LayerKind::Partition => "partition",
        LayerKind::Lvm => "logical volume",
        LayerKind::Crypt => "encrypted volume",
        LayerKind::Multipath => "several ways to one disk",
        LayerKind::DeviceMapper => "device-mapper volume",
        LayerKind::Md => "md array",
        LayerKind::Loop => "file",
        LayerKind::Bcache => "bcache",
    };
    layer.label.as_ref().map_or_else(|| kind.to_owned(), |label| format!("{kind} {label}"))
}

fn leaf_text(leaf: &LeafDisk) -> String {
    let mut parts = vec![
        [&leaf.vendor, &leaf.model].into_iter().flatten().cloned().collect::<Vec<_>>().join(" "),
    ];
    let named = [("serial", &leaf.serial), ("firmware", &leaf.firmware)];
    parts.extend(
        named.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?))),
    );
    parts.push(leaf.size.to_string());
    // Whoever hides a disk lets the kernel guess.
    let hidden = matches!(leaf.bus, Bus::Virtual | Bus::Raid | Bus::Usb | Bus::Network);
    let turns = leaf.rotational.filter(|_| !hidden);
    let turns = turns.map(|turns| if turns { "turning" } else { "solid state" });
    parts.extend(turns.map(str::to_owned));
    let driver = leaf.driver.as_ref().map(|driver| format!(" ({driver})"));
    parts.push(format!("{}{}", bus_text(leaf.bus), driver.unwrap_or_default()));
    parts.extend(leaf.write_cache.as_ref().map(|cache| format!("cache {cache}")));
    parts.extend(leaf.scheduler.as_ref().map(|scheduler| format!("scheduler {scheduler}")));
    let fine = ["running", "live"];
    let state = leaf.state.as_ref().filter(|state| !fine.contains(&state.as_str()));
    parts.extend(state.map(|state| format!("STATE {state}")));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn bus_text(bus: Bus) -> &'static str {
    match bus {
        Bus::Ata => "SATA",
        Bus::Scsi => "SAS",
        Bus::Nvme => "NVMe",
        Bus::Virtual => "a virtual disk",
        Bus::Usb => "USB",
        Bus::Raid => "a RAID controller's virtual drive",
        Bus::Network => "over the network",
        Bus::Mmc => "SD or eMMC",
        Bus::Other => "a disk of another kind",
    }
}

fn array_text(array: &Array) -> String {
    let parts: Vec<String> =
        array.parts.iter().map(|(name, state)| format!("{name} {state}")).collect();
    format!(
        "{}: {}, {}, {} of {} disks missing, {} ({})",
        array.name,
        array.level,
        array.state,
        array.degraded,
        array.disks,
        array.sync_action,
        parts.join(", ")
    )
}

fn sharers(page: &mut Page, below: &DiskBelow) {
    if below.sharers.is_empty() {
        return;
    }
    let texts: Vec<String> = below
        .sharers
        .iter()
        .map(|sharer| {
            let detail = sharer.detail.as_ref().map(|detail| format!(", {detail}"));
            let path = sharer.path.display();
            format!("{} ({path}{})", sharer_text(sharer.kind), detail.unwrap_or_default())
        })
        .collect();
    page.line("Also there    ", &texts.join("; "));
}

fn sharer_text(kind: SharerKind) -> &'static str {
    match kind {
        SharerKind::Root => "the root filesystem",
        SharerKind::Longhorn => "Longhorn",
        SharerKind::Rook => "Rook/Ceph",
        SharerKind::OpenEbs => "OpenEBS",
        SharerKind::LocalVolumes => "local volumes",
        SharerKind::ContainerRuntime => "the container runtime",
        SharerKind::Kubelet => "the kubelet",
        SharerKind::Logs => "logs",
        SharerKind::Database => "a database",
        SharerKind::Swap => "swap",
        SharerKind::Mount => "a mount",
    }
}

/// Each device in its worst window: mean times hide a stall of a second.
fn windows(page: &mut Page, windows: &[DiskWindow]) {
    let mut names: Vec<&str> = windows.iter().map(|window| window.name.as_str()).collect();
    names.dedup();
    names.order();
    names.dedup();
    if names.is_empty() {
        return;
    }
    let of = |name: &str| -> Vec<&DiskWindow> {
        windows.iter().filter(|window| window.name == name).collect()
    };
    let worst = |value: fn(&DiskWindow) -> Option<f64>| -> Vec<Option<f64>> {
        let worst = |name: &&str| of(name).into_iter().filter_map(value).reduce(f64::max);
        names.iter().map(worst).collect()
    };
    let column = |title, value: fn(&DiskWindow) -> Option<f64>, text: fn(f64) -> String| {
        let cells = worst(value).into_iter().map(|value| or_none(value, text));
        Column::number(title, cells.collect())
    };
    let whole = |value: f64| thousands(value.round().max(0.0) as u64);
    let rate = |value: f64| Bytes(value.max(0.0) as u64).to_string();
    let stalled = |name: &&str| if of(name).iter().any(|it| it.stalled) { "yes" } else { "no" };
    let seconds = windows.iter().map(|window| window.seconds).fold(0.0, f64::max);
    let most = names.iter().map(|name| of(name).len()).max().unwrap_or(0);
    page.blank();
    let seconds = if seconds < 0.95 { format!("{seconds:.1}") } else { format!("{seconds:.0}") };
    page.line("", &format!("The worst of {most} windows of {seconds} s; times in ms"));
    page.table(vec![
        Column::text("DEVICE", names.iter().map(|name| (*name).to_owned()).collect()),
        column("BUSY %", |window| Some(window.util_percent), whole),
        column("WRITE", |window| window.w_await_ms, ms),
        column("READ", |window| window.r_await_ms, ms),
        column("FLUSH", |window| window.flush_await_ms, ms),
        column("QUEUE", |window| Some(window.queue), |queue| format!("{queue:.1}")),
        column("WRITES/S", |window| Some(window.writes_per_s), whole),
        column("BYTES/S", |window| Some(window.written_per_s), rate),
        Column::text("STALLED", names.iter().map(|name| stalled(name).to_owned()).collect()),
    ]);
}

fn writers(page: &mut Page, writers: &[Writer]) {
    let most = if page.layout.verbose > 0 { usize::MAX } else { WRITERS };
    let shown: Vec<&Writer> = writers.iter().take(most).collect();
    if shown.is_empty() {
        return;
    }
    page.blank();
    page.line("", "Who wrote meanwhile");
    let cells = |cell: fn(&Writer) -> String| shown.iter().map(|writer| cell(writer)).collect();
    let who = |writer: &Writer| {
        format!("{}{}", writer.who, if writer.etcd { " (etcd itself)" } else { "" })
    };
    page.table(vec![
        Column::text("WHO", cells(who)),
        Column::text("DISK", cells(|writer| or_none(writer.disk.clone(), |disk| disk))),
        Column::number("BYTES/S", cells(|writer| Bytes(writer.bytes_per_s as u64).to_string())),
        Column::number(
            "WRITES/S",
            cells(|writer| or_none(writer.writes_per_s, |n| format!("{n:.1}"))),
        ),
    ]);
}

fn pressure_text(pressure: &IoPressure) -> String {
    let three =
        |[ten, sixty, three_hundred]: [f64; 3]| format!("{ten:.0}/{sixty:.0}/{three_hundred:.0} %");
    format!(
        "some task waited for I/O {}, all of them {} of the time (10 s/60 s/5 min)",
        three(pressure.some),
        three(pressure.full)
    )
}
