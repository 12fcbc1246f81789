//! Lines of real kernels: those of a machine whose disks were made to fail, and
//! those of other drivers and versions, one each.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::model::{
    Bytes,
    diagnosis::{
        Bus,
        KernelEventKind::{self, *},
        Layer, LayerKind, LeafDisk, Place, PlaceRole,
    },
};

fn leaf(name: &str, device: &str, ata: Option<&str>, controller: Option<&str>) -> LeafDisk {
    LeafDisk {
        name: name.to_owned(),
        device: device.to_owned(),
        bus: Bus::Other,
        driver: None,
        vendor: None,
        model: None,
        serial: None,
        firmware: None,
        size: Bytes(0),
        rotational: None,
        write_cache: None,
        scheduler: None,
        state: None,
        controller: controller.map(str::to_owned),
        ata_port: ata.map(str::to_owned),
    }
}

fn layer(name: &str, device: &str, kind: LayerKind, below: &[&str]) -> Layer {
    let below = below.iter().map(|name| (*name).to_owned()).collect();
    Layer { name: name.into(), device: device.into(), kind, label: None, below }
}

/// The disks of the machine whose log was recorded, with etcd on `device`.
fn machine(device: &str) -> DiskBelow {
    DiskBelow {
        places: vec![Place {
            role: PlaceRole::DataDir,
            path: "/var/lib/etcd".into(),
            mount_point: "/var/lib/etcd".into(),
            filesystem: "ext4".into(),
            source: format!("/dev/{device}"),
            size: Bytes(1),
            available: Bytes(1),
            read_only: false,
            devices: vec![device.to_owned()],
            no_device: None,
        }],
        leaves: vec![
            leaf("sda", "8:0", Some("ata1"), None),
            leaf("sdb", "8:16", Some("ata2"), None),
            leaf("nvme1n1", "259:0", None, Some("nvme1")),
            leaf("vdb", "254:16", None, None),
            leaf("vdc", "254:32", None, None),
        ],
        layers: vec![
            layer("dm-0", "253:0", LayerKind::Lvm, &["md0"]),
            layer("md0", "9:0", LayerKind::Md, &["vdb", "vdc"]),
            layer("dm-1", "253:1", LayerKind::Crypt, &["sda2"]),
            layer("sda2", "8:2", LayerKind::Partition, &["sda"]),
        ],
        ..DiskBelow::default()
    }
}

fn names(device: &str) -> Names {
    Names::of(&HostRoot::new("/nonexistent"), &machine(device))
}

/// What one line is, and about which disk.
fn one(text: &str) -> Option<(KernelEventKind, Option<String>)> {
    let record = Record { micros: 1, text: text.to_owned() };
    let events = events(&[record], &names("dm-0"), 0);
    events.into_iter().next().map(|event| (event.kind, event.disk))
}

#[test]
fn the_log_of_a_machine_with_failing_disks_is_told() {
    let log = include_bytes!("../../../tests/recorded/kernel/faults");
    let told = events(&kernel_log::parse(log), &names("dm-0"), 1_000_000_000);
    let count = |kind: KernelEventKind, disk: &str| {
        let disk = Some(disk.to_owned()).filter(|disk| !disk.is_empty());
        told.iter().filter(|event| event.kind == kind && event.disk == disk).count()
    };
    // The commands that were not answered, not the exceptions around them.
    let lines = String::from_utf8_lossy(log);
    let commands = lines.lines().filter(|line| line.contains("(timeout)")).count();
    assert!(commands > 20, "{commands}");
    assert_eq!(count(CommandTimeout, "sdb"), commands);
    assert_eq!(count(Reset, "sdb"), 4);
    assert_eq!((count(CommandTimeout, "nvme1n1"), count(Reset, "nvme1n1")), (5, 1));
    assert_eq!(count(LostWrite, "sda"), 1);
    assert!(count(IoError, "sda") >= 2, "{told:#?}");
    assert_eq!(count(ArrayTrouble, "md0") + count(ArrayTrouble, "vdc"), 1);
    // Another disk's, with scsi_debug below.
    assert_eq!(count(MediumError, "sda"), 0);
    assert!(count(MediumError, "") >= 2);
    let first = told.first().expect("events");
    assert_eq!(first.at, 1_000_000_000 + 10_855_187_000);
    assert!(told.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[test]
fn a_machine_that_starts_has_no_trouble() {
    let log = String::from_utf8_lossy(include_bytes!("../../../tests/recorded/kernel/faults"));
    let boot: String = log.lines().take(40).map(|line| format!("{line}\n")).collect();
    let boot = boot.split("FAILED Result").next().unwrap_or_default().to_owned();
    assert_eq!(events(&kernel_log::parse(boot.as_bytes()), &names("sda"), 0), []);
    for text in [
        "sd 0:0:0:0: Power-on or device reset occurred",
        "ata1: SATA link up 6.0 Gbps (SStatus 133 SControl 300)",
        "EXT4-fs (sda2): mounted filesystem with ordered data mode. Quota mode: none.",
        "BTRFS info (device sda2): bdev /dev/sda2 errs: wr 3, rd 0, flush 0, corrupt 0, gen 0",
        "operation not supported error, dev sda, sector 0 op 0x9:(WRITE_ZEROES) flags 0x800",
        "I/O error, dev fd0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
        "usb 1-1: reset low-speed USB device number 2 using xhci_hcd",
        "nvme nvme1: Abort status: 0x0",
        "XFS (sda2): User initiated shutdown received.",
        "oom_reaper: reaped process 1 (etcd), now anon-rss:0kB",
    ] {
        assert_eq!(one(text), None, "{text}");
    }
}

#[test]
fn each_drivers_words_are_known() {
    let table: &[(&str, KernelEventKind, Option<&str>)] = &[
        (
            "ata1.00: exception Emask 0x10 SAct 0x0 SErr 0x400100 action 0x6 frozen",
            CableError,
            Some("sda"),
        ),
        ("ata1: SError: { UnrecovData BadCRC Handshk }", CableError, Some("sda")),
        ("ata1.00: error: { UNC }", MediumError, Some("sda")),
        ("ata1.00: error: { ICRC ABRT }", CableError, Some("sda")),
        ("ata1: limiting SATA link speed to 3.0 Gbps", CableError, Some("sda")),
        ("ata1: COMRESET failed (errno=-16)", Reset, Some("sda")),
        ("ata1: link is slow to respond, please be patient (ready=0)", Reset, Some("sda")),
        ("ata1.00: qc timeout after 5000 msecs (cmd 0xec)", CommandTimeout, Some("sda")),
        (
            "sd 3:0:0:0: [sdd] tag#3 FAILED Result: hostbyte=DID_TIME_OUT driverbyte=DRIVER_OK cmd_age=61s",
            CommandTimeout,
            None,
        ),
        ("sd 0:0:0:0: [sda] tag#0 Sense Key : Medium Error [current]", MediumError, Some("sda")),
        (
            "blk_update_request: I/O error, dev sda, sector 8000 op 0x1:(WRITE) flags 0x800",
            IoError,
            Some("sda"),
        ),
        (
            "blk_update_request: critical medium error, dev sda, sector 2048",
            MediumError,
            Some("sda"),
        ),
        ("end_request: I/O error, dev sdb, sector 99", IoError, Some("sdb")),
        ("print_req_error: I/O error, dev nvme1n1, sector 123", IoError, Some("nvme1n1")),
        ("timeout error, dev vdb, sector 1 op 0x1:(WRITE)", CommandTimeout, Some("vdb")),
        (
            "Buffer I/O error on dev dm-1, logical block 1000, lost async page write",
            LostWrite,
            Some("sda"),
        ),
        ("lost page write due to I/O error on sda2", LostWrite, Some("sda")),
        (
            "nvme nvme1: I/O tag 489 (d1e9) opcode 0x1 (I/O Cmd) QID 3 timeout, aborting req_op:WRITE(1) size:524288",
            CommandTimeout,
            Some("nvme1n1"),
        ),
        ("nvme nvme1: I/O 23 QID 4 timeout, completion polled", CommandTimeout, Some("nvme1n1")),
        ("nvme nvme1: I/O tag 28 (301c) QID 0 timeout, disable controller", Reset, Some("nvme1n1")),
        (
            "nvme nvme1: controller is down; will reset: CSTS=0xffffffff, PCI_STATUS=0x10",
            Reset,
            Some("nvme1n1"),
        ),
        (
            "nvme nvme1: Device not ready; aborting reset, CSTS=0x1",
            ControllerFault,
            Some("nvme1n1"),
        ),
        ("nvme nvme1: Removing after probe failure status: -19", ControllerFault, Some("nvme1n1")),
        ("nvme nvme1: Disabling device after reset failure: -19", ControllerFault, Some("nvme1n1")),
        (
            "nvme1n1: I/O Cmd(0x1) @ LBA 8000, 8 blocks, I/O Error (sct 0x2 / sc 0x80)",
            MediumError,
            Some("nvme1n1"),
        ),
        (
            "nvme1c0n1: Read(0x2) @ LBA 0, 8 blocks, Host Aborted Command (sct 0x3 / sc 0x71)",
            IoError,
            Some("nvme1n1"),
        ),
        (
            "EXT4-fs error (device dm-0): ext4_journal_check_start:83: comm etcd: Detected aborted journal",
            FilesystemError,
            Some("dm-0"),
        ),
        ("EXT4-fs (sda2): Remounting filesystem read-only", ReadOnly, Some("sda")),
        ("Aborting journal on device sda2-8.", FilesystemError, Some("sda")),
        (
            "JBD2: previous I/O error to superblock detected for dm-1-8.",
            FilesystemError,
            Some("sda"),
        ),
        ("XFS (dm-1): log I/O error -5", FilesystemError, Some("sda")),
        (
            "XFS (dm-1): Filesystem has been shut down due to log error (0x2).",
            FilesystemError,
            Some("sda"),
        ),
        (
            "XFS (sda2): Metadata CRC error detected at xfs_agf_read_verify+0xd0/0xf0 [xfs]",
            FilesystemError,
            Some("sda"),
        ),
        (
            "BTRFS error (device sda2): bdev /dev/sda2 errs: wr 1, rd 0, flush 0, corrupt 0, gen 0",
            IoError,
            Some("sda"),
        ),
        ("BTRFS info (device sda2: state E): forced readonly", ReadOnly, Some("sda")),
        (
            "BTRFS warning (device sda2): csum failed root 5 ino 257 off 0",
            FilesystemError,
            Some("sda"),
        ),
        (
            r"md/raid1:md0: Disk failure on vdc, disabling device.\x0amd/raid1:md0: Operation continuing on 1 devices.",
            ArrayTrouble,
            Some("vdc"),
        ),
        ("md/raid1:md0: not enough operational mirrors.", ArrayTrouble, Some("md0")),
        ("md: super_written gets error=-5", ArrayTrouble, None),
        (
            "device-mapper: thin: 253:0: switching pool to out-of-data-space (queue IO) mode",
            ArrayTrouble,
            Some("dm-0"),
        ),
        ("device-mapper: multipath: 253:9: Failing path 8:16.", ArrayTrouble, Some("sdb")),
        ("INFO: task etcd:4711 blocked for more than 120 seconds.", HungTask, Some("dm-0")),
        ("INFO: task jbd2/sda2-8:200 blocked for more than 241 seconds.", HungTask, Some("sda")),
        (
            "INFO: task kworker/u4:1:9 blocked in I/O wait for more than 122 seconds.",
            HungTask,
            None,
        ),
        (
            "megaraid_sas 0000:01:00.0: FW in FAULT state, Fault code:0x10000 subcode:0x0 func:megasas_transition_to_ready",
            ControllerFault,
            None,
        ),
        (
            "megaraid_sas 0000:01:00.0: Found FW in FAULT state, will reset adapter scsi0.",
            ControllerFault,
            None,
        ),
        (
            "mpt3sas_cm0: log_info(0x31110e03): originator(PL), code(0x11), sub_code(0x0e03)",
            ControllerFault,
            None,
        ),
        ("sd 0:0:0:0: attempting task abort! scmd(0x00000000a1b2c3d4)", CommandTimeout, None),
        ("Out of memory: Killed process 4711 (etcd) total-vm:11223344kB", OutOfMemory, None),
        (
            "Memory cgroup out of memory: Killed process 9 (kube-apiserver) total-vm:1kB",
            OutOfMemory,
            None,
        ),
    ];
    for (text, kind, disk) in table {
        assert_eq!(one(text), Some((*kind, disk.map(str::to_owned))), "{text}");
    }
}

#[test]
fn a_link_that_gets_slower_and_a_disk_that_is_reset_again_are_trouble() {
    let line = |micros, text: &str| Record { micros, text: text.to_owned() };
    let told = events(
        &[
            line(1, "ata1: SATA link up 6.0 Gbps (SStatus 133 SControl 300)"),
            line(2, "sd 0:0:0:0: Power-on or device reset occurred"),
            line(3, "ata2: SATA link up 1.5 Gbps (SStatus 113 SControl 300)"),
            line(4, "ata1: SATA link up 3.0 Gbps (SStatus 123 SControl 320)"),
            line(5, "sd 0:0:0:0: Power-on or device reset occurred"),
        ],
        &names("sda2"),
        0,
    );
    let told: Vec<_> = told.iter().map(|event| (event.at, event.kind)).collect();
    assert_eq!(told, [(4_000, CableError), (5_000, Reset)]);
}

#[test]
fn addresses_and_adapters_lead_to_the_disk() {
    use crate::observe::below::{Question, look, recorded::Recorded};
    let about = |manifest: &str, text: &str| {
        let recorded = Recorded::new(manifest);
        let question = Question { data_dir: Some("/var/lib/etcd".into()), ..Question::default() };
        let below = look(&recorded.host(), &question);
        Names::of(&recorded.host(), &below).about(text).cloned()
    };
    let raid = include_str!("../../../tests/recorded/below/megaraid");
    for text in [
        "megaraid_sas 0000:00:06.0: FW in FAULT state, Fault code:0x10000",
        "sd 13:2:0:0: attempting task abort! scmd(0x1)",
        "megaraid_sas 0000:00:06.9: Found FW in FAULT state, will reset adapter scsi13.",
    ] {
        assert_eq!(about(raid, text).as_deref(), Some("sdc"), "{text}");
    }
    let subsystem = include_str!("../../../tests/recorded/below/nvme_subsystem");
    for text in ["nvme nvme0: resetting controller", "nvme nvme1: x", "x 0000:03:00.0: AER"] {
        assert_eq!(about(subsystem, text).as_deref(), Some("nvme0n1"), "{text}");
    }
    let iscsi = include_str!("../../../tests/recorded/below/multipath");
    let ping = " connection2:0: ping timeout of 5 secs expired, recv timeout 5";
    assert_eq!(about(iscsi, ping).as_deref(), Some("sdc"));
    assert_eq!(about(iscsi, "XFS (dm-3): log I/O error -5").as_deref(), Some("dm-3"));
    let mirror = include_str!("../../../tests/recorded/below/lvm_on_md");
    assert_eq!(about(mirror, "sd 1:0:0:0: [sdb] x").as_deref(), Some("sdb"));
    assert_eq!(about(mirror, "EXT4-fs error (device sdz1): x"), None);
}

#[test]
fn only_the_newest_are_kept() {
    let line = |n: u64| Record { micros: n, text: format!("I/O error, dev sda, sector {n}") };
    let records: Vec<Record> = (0..1_000).map(line).collect();
    let told = events(&records, &names("sda2"), 0);
    assert_eq!((told.len(), told[MOST - 1].at), (MOST, 999_000));
    let flood = (1_000..2_000).map(|n| line(n).text.replace("sda", "sdz"));
    let flood = flood.map(|text| Record { micros: 2_000, text });
    let told = events(&[&records[990..], &flood.collect::<Vec<_>>()].concat(), &names("sda2"), 0);
    let own = told.iter().filter(|event| event.disk.is_some()).count();
    assert_eq!((told.len(), own), (MOST, 10));
}

#[test]
fn a_log_that_cannot_be_read_is_not_a_clean_one() {
    let root = tempfile::tempdir().expect("a directory");
    let host = HostRoot::new(root.path());
    let told = kernel_events(&host, None);
    assert_eq!(told.unreadable.as_deref(), Some("/dev/kmsg is not there"));
    fs::create_dir_all(host.path("/dev")).expect("made");
    fs::write(host.path("/dev/kmsg"), "3,900,5000000,-;I/O error, dev sda, sector 1\n")
        .expect("written");
    let told = kernel_events(&host, Some(&machine("sda2")));
    assert_eq!((told.events.len(), told.lost, told.unreadable), (1, true, None));
    assert!(told.from > 1_500_000_000_000_000_000, "{}", told.from);
    assert_eq!(told.from, told.events[0].at);
}

proptest! {
    #[test]
    fn never_panics(
        lines in prop::collection::vec(
            "(ata[0-9.]{1,4}: |nvme nvme1: |exception Emask 0x0 action 0x6 frozen|\\(timeout\\)|\
             : SATA link up |[0-9.]{1,9} Gbps|usb |task etcd:|dev sda|Emask 0x|[ -~é]){0,6}",
            0..12,
        ),
        micros in any::<u64>(),
    ) {
        let records: Vec<Record> = lines.into_iter().map(|text| Record { micros, text }).collect();
        let told = events(&records, &names("dm-0"), i64::MAX);
        prop_assert!(told.len() <= records.len());
    }
}
