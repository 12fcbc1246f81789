//! What `diagnose` says of drives, in a virtual machine with emulated ones
//! (`scripts/test --smart`). The judge is Debian's smartctl, in the same boot.

mod disks;
mod guest;
mod qmp;

use disks::{Bus, Disk};
use guest::Guest;

#[test]
fn drives_say_the_same_to_smartctl() {
    let disks = [
        Disk::new("nvme-a", Bus::Nvme),
        Disk::new("nvme-b", Bus::Nvme),
        Disk::new("sata", Bus::Ahci),
        Disk::new("virtio-blk", Bus::VirtioBlk),
        Disk::new("virtio-scsi", Bus::VirtioScsi),
        Disk::new("usb", Bus::Usb),
        Disk::new("raid", Bus::MegaRaid),
    ];
    let Some(mut guest) = Guest::boot(&disks) else { return };
    for disk in &disks {
        let judge = guest.run(&format!("smartctl -j -a {}", disk.device()));
        println!("{} {} {} {:?}", disk.name, disk.device(), judge.code, judge.took);
        println!("{}", judge.stdout);
    }
    for c in ["lsmod", "cat /proc/mounts", "ls -l /sys/block", "dmesg | tail -50"] {
        println!("{}", guest.run(c).stdout);
    }
}
