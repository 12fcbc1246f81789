//! What `diagnose` says of drives, in a virtual machine with emulated ones
//! (`scripts/test --smart`). The judge is Debian's smartctl, in the same boot.

mod disks;
mod guest;
mod qmp;

use disks::{Bus, Disk};
use guest::Guest;
use serde_json::json;

#[test]
fn experiment() {
    let disks = [
        Disk::new("nvme", Bus::Nvme),
        Disk::new("sata", Bus::Ahci),
        Disk::new("virtio-blk", Bus::VirtioBlk),
        Disk::new("virtio-scsi", Bus::VirtioScsi),
        Disk::new("usb", Bus::Usb),
        Disk::new("raid", Bus::MegaRaid),
    ];
    let Some(mut guest) = Guest::boot(&disks) else { return };
    let show = |guest: &mut Guest, c: &str| {
        let a = guest.run(c);
        println!("$ {c}\n{} {:?}\n{}{}", a.code, a.took, a.stdout, a.stderr);
        a
    };
    show(&mut guest, "ip link set lo up");
    let mut aside = |guest: &mut Guest, words: String| {
        show(
            guest,
            &format!(
                "nc -l -p 9 -e /bin/etcd-rescue __look-aside {words} & for i in $(seq 20); do sleep 0.1; nc 127.0.0.1 9 </dev/null && break; done"
            ),
        )
    };
    for disk in &disks {
        let a = aside(&mut guest, format!("disks 1000 0 {} ''", disk.place()));
        let leaf = a.json()["leaves"][0].to_string();
        aside(&mut guest, format!("drive '{leaf}'"));
        show(&mut guest, &format!("etcd-rescue diagnose --window 1s --data-dir {}", disk.place()));
        show(
            &mut guest,
            &format!("etcd-rescue diagnose --window 1s --data-dir {} -w json", disk.place()),
        );
    }
    show(
        &mut guest,
        "ls -la /bin/setpriv; /bin/setpriv --bounding-set -sys_rawio --inh-caps -sys_rawio smartctl -a /dev/sda; /bin/setpriv --bounding-set -sys_admin --inh-caps -sys_admin smartctl -a /dev/nvme0n1; /bin/setpriv --bounding-set -sys_admin --inh-caps -sys_admin /bin/setpriv -d",
    );
    let throttle = |guest: &mut Guest, name: &str, limit: i32| {
        guest.qmp.execute(
            "block_set_io_throttle",
            json!({"id": name, "bps":0,"bps_rd":0,"bps_wr":limit,"iops":0,"iops_rd":0,"iops_wr":0}),
        );
    };
    for disk in &disks[..2] {
        throttle(&mut guest, disk.name, 1);
        show(
            &mut guest,
            &format!(
                "(while :; do dd if=/dev/zero of={}/member/x bs=4096 count=50 conv=fsync </dev/null >/dev/null 2>&1; done &) ; sleep 3; smartctl -H {} </dev/null >/tmp/x 2>&1 & sleep 5; grep State /proc/$(pidof smartctl)/status; cat /sys/block/{}/inflight; sleep 1; cat /proc/diskstats",
                disk.place(),
                disk.device(),
                disk.kernel_name()
            ),
        );
        throttle(&mut guest, disk.name, 0);
    }
    show(&mut guest, "sleep 3; cat /tmp/x; dmesg | tail -60");
}
