//! What `diagnose` says of drives, in virtual machines with emulated ones
//! (`scripts/test --smart`). The judge is Debian's smartctl, in the same boot.

mod diagnosed;
mod disks;
mod guest;
mod judge;
mod qmp;

use std::time::Duration;

use diagnosed::{Diagnosed, page};
use disks::{BAD_SECTOR, Bus, Disk};
use guest::Guest;
use judge::Judge;
use serde_json::Value;

/// A text that calls nothing healthy, which no drive proves by its own word.
#[track_caller]
fn clears_nothing(text: &str) {
    for word in ["PASS", "healthy"] {
        assert!(!text.contains(word), "{text}");
    }
}

/// What QEMU's own drives say is told, and taken for nobody's word.
#[track_caller]
fn emulated(answer: &Value) -> &Value {
    assert_eq!(answer["kind"], "emulated", "{answer:#}");
    assert_eq!(answer["by"], "QEMU", "{answer:#}");
    &answer["said"]
}

#[test]
fn drives_that_answer_say_what_smartctl_says() {
    let disks = [
        Disk::new("nvme", Bus::Nvme),
        Disk::new("sata", Bus::Ahci),
        // Nothing tells that this one is not what it calls itself.
        Disk::new("named", Bus::Ahci).called("Micron_5300_MTFDDAK960TDS"),
    ];
    let Some(mut guest) = Guest::boot(&disks) else { return };
    let mut look = |disk| (Judge::of(&mut guest, disk), Diagnosed::of(&mut guest, disk));
    let [nvme, sata, named] = disks.each_ref().map(&mut look);
    nvme.0.same_nvme(emulated(nvme.1.drive()));
    sata.0.same_ata(emulated(sata.1.drive()));
    named.0.same_ata(named.1.drive());
    for (judge, diagnosed) in [nvme, sata, named] {
        assert!(!judge.fails());
        assert!(diagnosed.findings("drive_fails").is_empty(), "{:#}", diagnosed.document);
    }
    for disk in &disks {
        clears_nothing(&page(&mut guest, disk));
    }
}

#[test]
fn a_drive_that_says_it_fails_is_a_critical_finding() {
    let disks = [Disk::new("well", Bus::Nvme), Disk::new("sick", Bus::Nvme)];
    let Some(mut guest) = Guest::boot(&disks) else { return };
    let [well, sick] = &disks;
    for warning in [4, 9, 0] {
        guest.qmp.set(sick.name, "smart_critical_warning", warning);
        let (judge, diagnosed) = (Judge::of(&mut guest, sick), Diagnosed::of(&mut guest, sick));
        judge.same_nvme(emulated(diagnosed.drive()));
        let findings = diagnosed.findings("drive_fails");
        assert_eq!(judge.fails(), warning != 0);
        assert_eq!(!findings.is_empty(), warning != 0, "{:#}", diagnosed.document);
        for finding in findings {
            assert_eq!(diagnosed.code, 8);
            assert_eq!(finding["severity"], "critical");
            assert_eq!(finding["disk"], sick.kernel_name());
        }
        if warning == 9 {
            let page = page(&mut guest, sick);
            assert!(page.contains(&sick.kernel_name()) && page.contains("read-only"), "{page}");
            assert!(Diagnosed::of(&mut guest, well).findings("drive_fails").is_empty());
        }
    }
}

#[test]
fn what_hides_a_drive_is_named() {
    let disks = [
        (Disk::new("virtio-blk", Bus::VirtioBlk), "the hypervisor (virtio_blk)"),
        (Disk::new("virtio-scsi", Bus::VirtioScsi), "QEMU"),
        (Disk::new("usb", Bus::Usb), "QEMU"),
        (Disk::new("raid", Bus::MegaRaid), "a MegaRAID controller (megaraid_sas)"),
    ];
    let (disks, hiders): (Vec<_>, Vec<_>) = disks.into_iter().unzip();
    let Some(mut guest) = Guest::boot(&disks) else { return };
    for (disk, by) in disks.iter().zip(hiders) {
        Judge::of(&mut guest, disk).sees_nothing();
        let diagnosed = Diagnosed::of(&mut guest, disk);
        let answer = diagnosed.drive();
        assert!(answer["by"].as_str().is_some_and(|name| name.starts_with(by)), "{answer:#}");
        assert!(answer["said"].is_null(), "{answer:#}");
        let page = page(&mut guest, disk);
        clears_nothing(&page);
        assert!(page.contains(by), "{page}");
    }
}

#[test]
fn a_missing_capability_is_named() {
    let disks = [Disk::new("nvme", Bus::Nvme), Disk::new("sata", Bus::Ahci)];
    let Some(mut guest) = Guest::boot(&disks) else { return };
    let without = |name: &str| format!("/bin/setpriv --bounding-set -{name} --inh-caps -{name}");
    for (disk, capability) in disks.iter().zip(["sys_admin", "sys_rawio"]) {
        let starter = without(capability);
        let judge = guest.run(&format!("{starter} /bin/smartctl -j -a {}", disk.device()));
        Judge(judge.json()).sees_nothing();
        let name = format!("CAP_{}", capability.to_uppercase());
        let diagnosed = Diagnosed::with(&mut guest, disk, &starter, "--window 1s");
        let answer = diagnosed.drive();
        assert_eq!(answer["kind"], "unreadable", "{answer:#}");
        assert_eq!(answer["missing"], name, "{answer:#}");
        assert!(diagnosed.unknown().contains(&name), "{}", diagnosed.unknown());
    }
    guest.run("echo 1 >/proc/sys/kernel/dmesg_restrict").ends(&[0]);
    // The kernel takes the one for the other.
    let starter = "/bin/setpriv --bounding-set -syslog,-sys_admin --inh-caps -syslog,-sys_admin";
    let diagnosed = Diagnosed::with(&mut guest, &disks[1], starter, "--window 1s");
    assert!(diagnosed.unknown().contains("CAP_SYSLOG"), "{}", diagnosed.unknown());
    // It was the capabilities' fault.
    let diagnosed = Diagnosed::of(&mut guest, &disks[1]);
    assert!(!diagnosed.unknown().contains("CAP_"), "{}", diagnosed.unknown());
}

#[test]
fn errors_in_the_kernel_log_are_those_of_their_disk() {
    let disks = [
        Disk::new("nvme", Bus::Nvme).broken(),
        Disk::new("sata", Bus::Ahci).broken(),
        Disk::new("virtio", Bus::VirtioBlk).broken(),
        Disk::new("well", Bus::Ahci),
    ];
    let Some(mut guest) = Guest::boot(&disks) else { return };
    let (broken, well) = disks.split_at(3);
    for disk in broken {
        let (device, block) = (disk.device(), BAD_SECTOR / 8);
        let write =
            format!("dd if=/dev/zero of={device} bs=4096 seek={block} count=1 oflag=direct");
        assert_ne!(guest.run(&write).code, 0, "the write fails");
    }
    let about = |diagnosed: &Diagnosed| {
        let findings = diagnosed.document["findings"].as_array().expect("a list").iter();
        let of_kernel = findings.filter(|finding| finding["kind"] == "kernel_log");
        of_kernel.map(|finding| finding["disk"].to_string()).collect::<Vec<_>>()
    };
    for disk in broken {
        let diagnosed = Diagnosed::of(&mut guest, disk);
        let found = about(&diagnosed);
        let name = format!("{:?}", disk.kernel_name());
        assert!(!found.is_empty(), "{:#}", diagnosed.document);
        assert!(found.iter().all(|disk| *disk == name), "{:#}", diagnosed.document);
    }
    for disk in well {
        let diagnosed = Diagnosed::of(&mut guest, disk);
        assert!(about(&diagnosed).is_empty(), "{:#}", diagnosed.document);
    }
}

/// Keeps etcd's disk writing, which is what its stall shows in.
fn keep_writing(guest: &mut Guest, disk: &Disk) {
    let write = format!("dd if=/dev/zero of={}/member/x bs=4096 count=50 conv=fsync", disk.place());
    guest.run(&format!("(while :; do {write} >/dev/null 2>&1; done </dev/null >/dev/null 2>&1 &)"));
}

#[test]
fn a_hung_disk_is_told_in_time() {
    let disks = [Disk::new("nvme", Bus::Nvme), Disk::new("sata", Bus::Ahci)];
    let Some(mut guest) = Guest::boot(&disks) else { return };
    for disk in &disks {
        keep_writing(&mut guest, disk);
        guest.qmp.throttle(disk.name, 1);
        std::thread::sleep(Duration::from_secs(2));
        let diagnosed = Diagnosed::with(&mut guest, disk, "", "");
        // Before the kernel's own patience (30 s) is over and qemu, told to
        // reset the disk, waits for it as well.
        guest.qmp.throttle(disk.name, 0);
        assert_eq!(diagnosed.code, 8, "{:#}", diagnosed.document);
        let findings = diagnosed.findings("disk_hangs");
        assert!(!findings.is_empty(), "{:#}", diagnosed.document);
        assert!(findings.iter().all(|finding| finding["disk"] == disk.kernel_name()));
    }
}
