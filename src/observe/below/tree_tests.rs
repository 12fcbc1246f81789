//! Recorded trees: from the mount table down to every disk.

use super::{
    BlockDevice, Ground, Mounts, Question, Tree, filesystem, leaf, leaves_below, look,
    recorded::Recorded,
};
use crate::model::diagnosis::{Bus, DiskBelow, DiskWindow, LayerKind, LeafDisk};

/// Looks below /var/lib/etcd of a recorded tree, without watching it.
fn below(manifest: &str) -> DiskBelow {
    let recorded = Recorded::new(manifest);
    let question = Question { data_dir: Some("/var/lib/etcd".into()), ..Question::default() };
    look(&recorded.host(), &question)
}

fn leaves(below: &DiskBelow) -> Vec<&str> {
    below.leaves.iter().map(|leaf| leaf.name.as_str()).collect()
}

fn layers(below: &DiskBelow) -> Vec<(&str, LayerKind, Option<&str>)> {
    let layers = below.layers.iter();
    layers.map(|layer| (layer.name.as_str(), layer.kind, layer.label.as_deref())).collect()
}

#[test]
fn a_partition_of_a_sata_disk() {
    let below = below(include_str!("../../../tests/recorded/below/partition"));
    assert_eq!(layers(&below), [("sda2", LayerKind::Partition, None)]);
    let [place] = &below.places[..] else { panic!("{:?}", below.places) };
    assert_eq!((place.filesystem.as_str(), place.source.as_str()), ("ext4", "/dev/sda2"));
    assert_eq!((place.devices.as_slice(), &place.no_device), (&["sda2".to_owned()][..], &None));
    let [LeafDisk { name, device, bus, driver, vendor, model, rotational, .. }] = &below.leaves[..]
    else {
        panic!("{:?}", below.leaves)
    };
    assert_eq!((name.as_str(), device.as_str(), *bus), ("sda", "8:0", Bus::Ata));
    assert_eq!((driver.as_deref(), vendor.as_deref()), (Some("ahci"), Some("ATA")));
    assert_eq!((model.as_deref(), *rotational), (Some("Micron_5300_MTFD"), Some(false)));
    let leaf = &below.leaves[0];
    assert_eq!(leaf.firmware.as_deref(), Some("U001"));
    assert_eq!(leaf.size.0, 937_703_088 * 512);
    assert_eq!(leaf.write_cache.as_deref(), Some("write back"));
    assert_eq!(leaf.scheduler.as_deref(), Some("mq-deadline"));
    assert_eq!(leaf.state.as_deref(), Some("running"));
    assert_eq!((leaf.ata_port.as_deref(), &leaf.controller), (Some("ata1"), &None));
}

#[test]
fn a_logical_volume_on_a_mirror_of_two_partitions() {
    let below = below(include_str!("../../../tests/recorded/below/lvm_on_md"));
    assert_eq!(leaves(&below), ["sda", "sdb"]);
    assert_eq!(
        layers(&below),
        [
            ("dm-0", LayerKind::Lvm, Some("vg0-etcd")),
            ("md0", LayerKind::Md, None),
            ("sda1", LayerKind::Partition, None),
            ("sdb1", LayerKind::Partition, None),
        ]
    );
    let under = leaves_below(&below.layers, "dm-0");
    assert_eq!(under.into_iter().collect::<Vec<_>>(), ["sda", "sdb"]);
}

#[test]
fn an_encrypted_partition() {
    let below = below(include_str!("../../../tests/recorded/below/crypt"));
    assert_eq!(leaves(&below), ["nvme0n1"]);
    assert_eq!(
        layers(&below),
        [("dm-0", LayerKind::Crypt, Some("luks-etcd")), ("nvme0n1p2", LayerKind::Partition, None)]
    );
    let disk = &below.leaves[0];
    assert_eq!((disk.bus, disk.driver.as_deref()), (Bus::Nvme, Some("nvme")));
    assert_eq!(disk.serial.as_deref(), Some("S64HNE0R500123"));
    assert_eq!(disk.firmware.as_deref(), Some("GDC5602Q"));
    assert_eq!((disk.controller.as_deref(), disk.state.as_deref()), (Some("nvme0"), Some("live")));
}

#[test]
fn two_ways_to_one_network_disk() {
    let below = below(include_str!("../../../tests/recorded/below/multipath"));
    assert_eq!(leaves(&below), ["sdb", "sdc"]);
    assert_eq!(layers(&below), [("dm-3", LayerKind::Multipath, Some("mpatha"))]);
    assert!(below.leaves.iter().all(|leaf| leaf.bus == Bus::Network), "{:?}", below.leaves);
}

#[test]
fn a_btrfs_has_all_its_members() {
    let below = below(include_str!("../../../tests/recorded/below/btrfs"));
    assert_eq!(leaves(&below), ["sdb", "sdc"]);
    assert_eq!(below.places[0].devices, ["sdb1", "sdc"]);
}

#[test]
fn an_overlay_is_on_the_disk_of_its_upper_directory() {
    let below = below(include_str!("../../../tests/recorded/below/overlay"));
    assert_eq!((leaves(&below), &below.places[0].devices), (vec!["vda"], &vec!["vda1".to_owned()]));
    assert_eq!(below.leaves[0].bus, Bus::Virtual);
    assert_eq!(below.leaves[0].driver.as_deref(), Some("virtio_blk"));
}

#[test]
fn a_bind_mount_is_on_the_disk_it_comes_from() {
    let below = below(include_str!("../../../tests/recorded/below/bind"));
    assert_eq!(leaves(&below), ["sdb"]);
    assert_eq!(below.places[0].mount_point, std::path::Path::new("/var/lib/etcd"));
}

#[test]
fn an_nvme_disk_of_two_controllers_has_both() {
    let manifest = include_str!("../../../tests/recorded/below/nvme_subsystem");
    let below = below(manifest);
    assert_eq!(leaves(&below), ["nvme0n1"]);
    let disk = &below.leaves[0];
    assert_eq!((disk.controller.as_deref(), disk.bus), (Some("nvme1"), Bus::Nvme));
    assert_eq!(disk.state.as_deref(), Some("resetting"), "the worst of both");
    let recorded = Recorded::new(manifest);
    let device = BlockDevice::by_name(&recorded.host(), "nvme0n1").expect("there");
    assert_eq!(leaf::controllers(&recorded.host(), &device).len(), 2);
}

#[test]
fn a_loop_device_is_on_the_disk_of_its_file() {
    let below = below(include_str!("../../../tests/recorded/below/loop"));
    assert_eq!(leaves(&below), ["vda"]);
    assert_eq!(layers(&below), [("loop0", LayerKind::Loop, Some("/srv/etcd disk.img"))]);
}

#[test]
fn a_virtual_drive_of_a_raid_controller() {
    let below = below(include_str!("../../../tests/recorded/below/megaraid"));
    let disk = &below.leaves[0];
    assert_eq!((disk.bus, disk.driver.as_deref()), (Bus::Raid, Some("megaraid_sas")));
}

#[test]
fn a_degraded_array_and_a_stalled_disk_are_told() {
    let recorded = Recorded::new(include_str!("../../../tests/recorded/below/lvm_on_md"));
    // The same in every window: two writes under way, none completed.
    for line in [
        "8 0 sda 5 0 8 1 10 0 80 10 0 1000 11 0 0 0 0 1 1",
        "8 16 sdb 5 0 8 1 10 0 80 10 2 1000 11 0 0 0 0 1 1",
        "9 0 md0 5 0 8 1 10 0 80 10 1 1000 11 0 0 0 0 0 0",
        "8 32 sdc 5 0 8 1 10 0 80 10 9 1000 11 0 0 0 0 1 1",
    ] {
        recorded.write("/proc/diskstats", line);
    }
    recorded.write("/proc/pressure/io", "some avg10=99.00 avg60=50.00 avg300=9.00 total=1");
    recorded.write("/proc/pressure/io", "full avg10=98.00 avg60=49.00 avg300=8.00 total=1");
    let question = Question {
        data_dir: Some("/var/lib/etcd".into()),
        window: std::time::Duration::from_millis(60),
        ..Question::default()
    };
    let below = look(&recorded.host(), &question);
    let [array] = &below.arrays[..] else { panic!("{below:?}") };
    assert_eq!((array.name.as_str(), array.level.as_str()), ("md0", "raid1"));
    assert_eq!((array.degraded, array.disks, array.sync_action.as_str()), (1, 2, "recover"));
    let part = |name: &str, state: &str| (name.to_owned(), state.to_owned());
    assert_eq!(array.parts, [part("sda1", "in_sync"), part("sdb1", "faulty")]);
    let windows = |name: &str, stalled: bool| {
        let of = |window: &&DiskWindow| window.name == name && window.stalled == stalled;
        below.windows.iter().filter(of).count()
    };
    assert_eq!((windows("sda", false), windows("sdb", true), windows("md0", true)), (3, 3, 3));
    assert_eq!(windows("sdc", true), 0, "not below etcd");
    assert_eq!(below.pressure.map(|pressure| pressure.full[0]), Some(98.0));
}

#[test]
fn filesystems_without_a_disk_say_so() {
    for (kind, source, why) in [
        ("tmpfs", "tmpfs", "memory"),
        ("nfs4", "nas:/etcd", "network filesystem (nas:/etcd)"),
        ("ceph", "10.0.0.1:6789:/", "network"),
        ("9p", "hostshare", "hypervisor"),
        ("zfs", "tank/etcd", "zpool status -v"),
        ("fuse.sshfs", "host:/", "network"),
        ("fuse.mergerfs", "a:b", "program's filesystem"),
        ("ext4", "/dev/sdz", "is not in /sys"),
    ] {
        let mount = format!("/proc/self/mountinfo = 30 1 0:50 / / rw - {kind} {source} rw");
        let below = below(&mount);
        let told = below.places[0].no_device.clone().unwrap_or_default();
        assert!(told.contains(why), "{kind}: {told}");
        assert_eq!((below.leaves.len(), below.places[0].devices.len()), (0, 0));
    }
}

#[test]
fn this_machine_has_a_disk_or_a_reason() {
    let directory = tempfile::tempdir().expect("a directory");
    let question = Question { data_dir: Some(directory.path().to_owned()), ..Question::default() };
    let below = look(&super::HostRoot::default(), &question);
    let [place] = &below.places[..] else { panic!("{below:?}") };
    assert_eq!(place.no_device.is_none(), !below.leaves.is_empty(), "{below:?}");
    assert!(place.size.0 > 0, "{place:?}");
}

#[test]
fn a_tree_that_loops_ends() {
    let recorded = Recorded::new(
        "/sys/devices/virtual/block/dm-0/dev = 253:0\n/sys/devices/virtual/block/dm-1/dev = 253:1\n\
         /sys/devices/virtual/block/dm-0/slaves/dm-1 -> /sys/devices/virtual/block/dm-1\n\
         /sys/devices/virtual/block/dm-1/slaves/dm-0 -> /sys/devices/virtual/block/dm-0\n\
         /proc/self/mountinfo = 30 1 253:0 / / rw - ext4 /dev/dm-0 rw",
    );
    let (host, mut tree) = (recorded.host(), Tree::default());
    let mounts = Mounts::read_in(&host);
    let ground = Ground { host: &host, mounts: &mounts };
    let mount = mounts.iter().next().expect("a mount");
    for device in filesystem::devices(ground, mount).expect("a device") {
        tree.add(ground, device);
    }
    assert_eq!(tree.leaves().count(), 0);
    let layers: Vec<_> = tree.layers().cloned().collect();
    assert_eq!(leaves_below(&layers, "dm-0").len(), 0);
}
