//! Disks as the kernel names them, most of them seen in a virtual machine that
//! had them all.

use super::*;
use crate::model::Bytes;

/// A disk by name, bus, driver, vendor and model.
fn leaf(name: &str, bus: Bus, driver: &str, vendor: &str, model: &str) -> LeafDisk {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    LeafDisk {
        name: name.to_owned(),
        device: "8:0".to_owned(),
        bus,
        driver: text(driver),
        vendor: text(vendor),
        model: text(model),
        serial: None,
        firmware: None,
        size: Bytes(1 << 30),
        rotational: None,
        write_cache: None,
        scheduler: None,
        state: None,
        controller: None,
        ata_port: None,
    }
}

#[test]
fn real_disks_are_asked_in_their_language() {
    let micron = leaf("sda", Bus::Ata, "ahci", "ATA     ", "Micron_5300_MTFD");
    assert_eq!(behind(&micron), Behind::Ask(Way::Ata, None));
    let on_sas = leaf("sda", Bus::Scsi, "mpt3sas", "ATA", "INTEL SSDSC2BB01");
    assert_eq!(behind(&on_sas), Behind::Ask(Way::Ata, None));
    let sas = leaf("sda", Bus::Scsi, "mpt3sas", "SEAGATE", "ST600MM0006");
    assert_eq!(behind(&sas), Behind::Ask(Way::Scsi, None));
    let nvme = leaf("nvme0n1", Bus::Nvme, "nvme", "", "INTEL SSDPE2KX020T7");
    assert_eq!(behind(&nvme), Behind::Ask(Way::Nvme, None));
    // A real disk that was given to a virtual machine.
    let given = leaf("sda", Bus::Virtual, "virtio_scsi", "SEAGATE", "ST600MM0006");
    assert_eq!(behind(&given), Behind::Ask(Way::Scsi, None));
}

#[test]
fn a_raid_controller_hides_its_disks_and_names_what_shows_them() {
    for (driver, vendor, model, by, look) in [
        (
            "megaraid_sas",
            "AVAGO",
            "MR9361-8i",
            "a MegaRAID controller (megaraid_sas)",
            "smartctl -a -d megaraid,N /dev/sda",
        ),
        (
            "megaraid_sas",
            "QEMU",
            "QEMU HARDDISK",
            "a MegaRAID controller (megaraid_sas)",
            "smartctl -a -d megaraid,N /dev/sda",
        ),
        ("", "DELL", "PERC H730", "a Dell PERC controller", "smartctl -a -d megaraid,N /dev/sda"),
        (
            "smartpqi",
            "HPE",
            "LOGICAL VOLUME",
            "a Smart Array controller (smartpqi)",
            "smartctl -a -d cciss,N /dev/sda",
        ),
        (
            "aacraid",
            "ASR",
            "array",
            "an Adaptec controller (aacraid)",
            "smartctl -a -d aacraid,H,L,ID /dev/sda",
        ),
    ] {
        let disk = leaf("sda", Bus::Raid, driver, vendor, model);
        let Behind::Known(DriveAnswer::Hidden { by: told, look: commands }) = behind(&disk) else {
            panic!("{vendor} {model}: {:?}", behind(&disk));
        };
        assert_eq!(told, by);
        assert!(commands[0].starts_with(look), "{commands:?}");
    }
    let whole = leaf("sda", Bus::Scsi, "smartpqi", "ATA", "Micron_5300_MTFD");
    let Behind::Ask(Way::Ata, Some(DriveAnswer::Hidden { .. })) = behind(&whole) else {
        panic!("a disk that is handed through")
    };
    let whole = leaf("sda", Bus::Scsi, "smartpqi", "SEAGATE", "ST600MM0006");
    assert!(matches!(behind(&whole), Behind::Ask(Way::Scsi, Some(_))));
}

#[test]
fn an_emulated_disk_is_never_taken_for_a_drive() {
    for (disk, way, by) in [
        (leaf("sda", Bus::Ata, "ahci", "ATA", "QEMU HARDDISK"), Way::Ata, "QEMU"),
        (leaf("nvme0n1", Bus::Nvme, "nvme", "", "QEMU NVMe Ctrl"), Way::Nvme, "QEMU"),
        (leaf("sdb", Bus::Ata, "ata_piix", "ATA", "VBOX HARDDISK"), Way::Ata, "VirtualBox"),
        (
            leaf("nvme1n1", Bus::Nvme, "nvme", "", "Amazon Elastic Block Store"),
            Way::Nvme,
            "Amazon EBS",
        ),
        (
            leaf("nvme0n1", Bus::Nvme, "nvme", "", "nvme_card-pd"),
            Way::Nvme,
            "Google Compute Engine",
        ),
        (leaf("nvme0n1", Bus::Nvme, "nvme", "", "MSFT NVMe Accelerator v1.0"), Way::Nvme, "Azure"),
        (leaf("sdd", Bus::Scsi, "scsi_debug", "Linux", "scsi_debug"), Way::Scsi, SCSI_DEBUG),
    ] {
        assert_eq!(behind(&disk), Behind::AskEmulator(way, by.to_owned()), "{:?}", disk.model);
    }
    for (disk, by) in [
        (leaf("sdb", Bus::Virtual, "virtio_scsi", "QEMU", "QEMU HARDDISK"), "QEMU"),
        (leaf("sde", Bus::Usb, "usb-storage", "QEMU", "QEMU HARDDISK"), "QEMU"),
        (leaf("sda", Bus::Virtual, "vmw_pvscsi", "VMware", "Virtual disk"), "VMware"),
        (leaf("sda", Bus::Virtual, "storvsc", "Msft", "Virtual Disk"), "Hyper-V"),
    ] {
        let known = DriveAnswer::Emulated { by: by.to_owned(), said: None };
        assert_eq!(behind(&disk), Behind::Known(known), "{:?}", disk.driver);
    }
}

#[test]
fn what_takes_no_commands_is_said_to_be_hidden() {
    for (disk, words) in [
        (leaf("vda", Bus::Virtual, "virtio_blk", "0x1af4", ""), "the hypervisor (virtio_blk)"),
        (leaf("xvda", Bus::Virtual, "vbd", "", ""), "the hypervisor (vbd)"),
        (leaf("mmcblk0", Bus::Mmc, "mmcblk", "", "DA4064"), "an MMC controller"),
        (leaf("sda", Bus::Network, "iscsi_tcp", "IET", "VIRTUAL-DISK"), "the network (iscsi_tcp)"),
        (leaf("rbd0", Bus::Network, "rbd", "", ""), "the network (rbd)"),
        (leaf("zram0", Bus::Other, "", "", ""), "no drive of its own"),
    ] {
        let Behind::Known(DriveAnswer::Hidden { by, .. }) = behind(&disk) else {
            panic!("{}: {:?}", disk.name, behind(&disk));
        };
        assert!(by.contains(words), "{by}");
    }
}

#[test]
fn a_usb_bridge_is_asked_and_blamed_when_it_does_not_understand() {
    let disk = leaf("sdf", Bus::Usb, "uas", "Samsung", "PSSD T7");
    let Behind::Ask(Way::Usb, Some(DriveAnswer::Hidden { by, look })) = behind(&disk) else {
        panic!("{:?}", behind(&disk));
    };
    assert_eq!(by, "a USB bridge that passes no ATA commands on (uas)");
    assert!(look[0].starts_with("smartctl -d test /dev/sdf"), "{look:?}");
}
