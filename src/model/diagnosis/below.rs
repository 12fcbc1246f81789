//! What lies below the data directory: filesystem, volumes, disks, who shares
//! them, and how busy they are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::Bytes;

/// Which of etcd's directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceRole {
    /// `--data-dir`.
    DataDir,
    /// `--wal-dir`, where it is set.
    WalDir,
}

/// One of etcd's directories and what it is on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Which.
    pub role: PlaceRole,
    /// Host path, without symlinks.
    pub path: PathBuf,
    /// Where its filesystem is mounted.
    pub mount_point: PathBuf,
    /// "ext4", "xfs", …
    pub filesystem: String,
    /// The mount's source ("/dev/sda2").
    pub source: String,
    /// Total bytes; 0 = its filesystem does not answer.
    pub size: Bytes,
    /// Bytes that may still be used; says nothing while `size` is 0.
    pub available: Bytes,
    /// Whether nothing can be written.
    pub read_only: bool,
    /// The kernel's names of its topmost block devices ("dm-0"): more than one
    /// for btrfs; empty without any.
    pub devices: Vec<String>,
    /// Why there is no block device ("tmpfs is memory", "nfs is a network
    /// filesystem").
    pub no_device: Option<String>,
}

/// What a block device above a disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerKind {
    /// A partition.
    Partition,
    /// A logical volume.
    Lvm,
    /// dm-crypt, LUKS.
    Crypt,
    /// Several ways to one disk.
    Multipath,
    /// Another device-mapper target.
    DeviceMapper,
    /// An md array.
    Md,
    /// A file.
    Loop,
    /// bcache.
    Bcache,
}

/// A block device that is not a disk itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// The kernel's name ("dm-0", "md0", "sda2").
    pub name: String,
    /// "major:minor".
    pub device: String,
    /// What it is.
    pub kind: LayerKind,
    /// What people call it ("vg0-etcd"), or the file of a loop device.
    pub label: Option<String>,
    /// The devices right below.
    pub below: Vec<String>,
}

/// How a disk is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bus {
    /// libata: SATA.
    Ata,
    /// SAS, or SATA behind a SAS adapter.
    Scsi,
    /// NVMe on PCIe.
    Nvme,
    /// virtio, xen, VMware, Hyper-V: the host's disk is not to be seen.
    Virtual,
    /// A USB bridge.
    Usb,
    /// A RAID controller's virtual drive.
    Raid,
    /// iSCSI, NVMe over fabrics, nbd, rbd, drbd.
    Network,
    /// SD cards and eMMC.
    Mmc,
    /// zram, brd, or not known.
    Other,
}

/// A disk at the bottom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeafDisk {
    /// The kernel's name ("sda", "nvme0n1").
    pub name: String,
    /// "major:minor".
    pub device: String,
    /// How it is reached.
    pub bus: Bus,
    /// The host adapter's driver ("ahci", "megaraid_sas"), or the device's.
    pub driver: Option<String>,
    /// SCSI vendor.
    pub vendor: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Firmware revision.
    pub firmware: Option<String>,
    /// Size.
    pub size: Bytes,
    /// Whether it turns, by the kernel's word, which USB bridges and
    /// hypervisors get wrong.
    pub rotational: Option<bool>,
    /// `queue/write_cache`: "write back" or "write through".
    pub write_cache: Option<String>,
    /// The I/O scheduler in use.
    pub scheduler: Option<String>,
    /// State of the device or its controller ("running", "live", "resetting").
    pub state: Option<String>,
    /// The controller's name for NVMe ("nvme0").
    pub controller: Option<String>,
    /// "ata3": how the kernel log calls its port.
    pub ata_port: Option<String>,
}

/// An md array below etcd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Array {
    /// "md0".
    pub name: String,
    /// "raid1".
    pub level: String,
    /// `array_state`.
    pub state: String,
    /// How many members are missing.
    pub degraded: u64,
    /// How many it should have.
    pub disks: u64,
    /// "idle", "resync", "recover", "check", …
    pub sync_action: String,
    /// Its parts with their state ("in_sync", "faulty").
    pub parts: Vec<(String, String)>,
}

/// What shares a disk with etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharerKind {
    /// The root filesystem.
    Root,
    /// Longhorn's replicas.
    Longhorn,
    /// Rook's or Ceph's data.
    Rook,
    /// OpenEBS' data.
    OpenEbs,
    /// Another local volume provisioner.
    LocalVolumes,
    /// A container runtime's images and writable layers.
    ContainerRuntime,
    /// The kubelet's volumes.
    Kubelet,
    /// Logs.
    Logs,
    /// A database, a Prometheus, another etcd.
    Database,
    /// Swap.
    Swap,
    /// Another mount.
    Mount,
}

/// Something else that lives on one of etcd's disks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sharer {
    /// What it is.
    pub kind: SharerKind,
    /// Where.
    pub path: PathBuf,
    /// The leaf disks both are on.
    pub disks: Vec<String>,
    /// More about it ("4 replicas").
    pub detail: Option<String>,
}

/// Who wrote during the look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Writer {
    /// A process ("longhorn (pid 4711)") or a cgroup's pod or service.
    pub who: String,
    /// Whether `who` is a cgroup, counted by the kernel per disk; a process is
    /// counted over all disks.
    pub cgroup: bool,
    /// Whether it is etcd itself.
    pub etcd: bool,
    /// The leaf disk, for cgroups.
    pub disk: Option<String>,
    /// Bytes a second.
    pub bytes_per_s: f64,
    /// Writes a second; `None` for processes.
    pub writes_per_s: Option<f64>,
}

/// A block device between two samples of /proc/diskstats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiskWindow {
    /// The kernel's name.
    pub name: String,
    /// Length, seconds.
    pub seconds: f64,
    /// Share of the time that something was under way, percent.
    pub util_percent: f64,
    /// Writes completed a second.
    pub writes_per_s: f64,
    /// Bytes written a second.
    pub written_per_s: f64,
    /// Reads completed a second.
    pub reads_per_s: f64,
    /// Mean time of a write, queueing included, milliseconds; `None` without
    /// one.
    pub w_await_ms: Option<f64>,
    /// Mean time of a read.
    pub r_await_ms: Option<f64>,
    /// Mean time of a cache flush; only disks count them.
    pub flush_await_ms: Option<f64>,
    /// Flushes completed.
    pub flushes: u64,
    /// Mean length of the queue.
    pub queue: f64,
    /// Under way at the end.
    pub in_flight: u64,
    /// Something was under way all the time and nothing was completed.
    pub stalled: bool,
}

/// /proc/pressure/io: share of the time that tasks waited, percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IoPressure {
    /// At least one task, over 10 s, 60 s and 300 s.
    pub some: [f64; 3],
    /// All tasks.
    pub full: [f64; 3],
}

/// All that is below etcd on this node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DiskBelow {
    /// etcd's directories.
    pub places: Vec<Place>,
    /// Every device between them and the disks.
    pub layers: Vec<Layer>,
    /// The disks.
    pub leaves: Vec<LeafDisk>,
    /// md arrays among the layers.
    pub arrays: Vec<Array>,
    /// Who else lives there.
    pub sharers: Vec<Sharer>,
    /// Who wrote most, the most first.
    pub writers: Vec<Writer>,
    /// Every device in every window.
    pub windows: Vec<DiskWindow>,
    /// I/O pressure; `None` where the kernel does not measure it.
    pub pressure: Option<IoPressure>,
    /// What could not be seen, in sentences.
    pub complaints: Vec<String>,
}
