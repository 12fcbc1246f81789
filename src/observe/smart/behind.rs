//! Who stands between us and a drive, by what the kernel knows without asking
//! the drive: a RAID controller, a hypervisor, a network, a bridge - or nobody.

use crate::model::diagnosis::{Bus, DriveAnswer, LeafDisk};

/// How a disk is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// NVMe admin commands.
    Nvme,
    /// IDENTIFY inside SCSI must succeed.
    Ata,
    /// The same through a USB bridge, which may know another wrapping.
    Usb,
    /// SCSI log pages.
    Scsi,
}

/// What is known before the drive is asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Behind {
    /// Ask it. When ATA commands fail, this is why.
    Ask(Way, Option<DriveAnswer>),
    /// Ask it, and do not take it for a drive.
    AskEmulator(Way, String),
    /// There is no use in asking.
    Known(DriveAnswer),
}

/// See `Behind`.
pub(super) fn behind(leaf: &LeafDisk) -> Behind {
    if let Some(by) = network(leaf) {
        return Behind::Known(DriveAnswer::Hidden { by, look: Vec::new() });
    }
    if let Some(raid) = raid(leaf) {
        // A disk that is handed through whole is named after its own vendor.
        return match leaf.bus {
            _ if is_ata(leaf) => Behind::Ask(Way::Ata, Some(raid)),
            Bus::Scsi => Behind::Ask(Way::Scsi, Some(raid)),
            _ => Behind::Known(raid),
        };
    }
    let nvme = leaf.name.starts_with("nvme");
    if let Some(by) = emulator(leaf) {
        return match (nvme, is_ata(leaf)) {
            (true, _) => Behind::AskEmulator(Way::Nvme, by),
            (_, true) => Behind::AskEmulator(Way::Ata, by),
            _ if by == SCSI_DEBUG => Behind::AskEmulator(Way::Scsi, by),
            _ => Behind::Known(DriveAnswer::Emulated { by, said: None }),
        };
    }
    if nvme {
        return Behind::Ask(Way::Nvme, None);
    }
    if !leaf.name.starts_with("sd") {
        return Behind::Known(no_scsi(leaf));
    }
    match leaf.bus {
        Bus::Usb => Behind::Ask(Way::Usb, Some(bridge(leaf))),
        _ if is_usb(leaf) => Behind::Ask(Way::Usb, Some(bridge(leaf))),
        _ if is_ata(leaf) => Behind::Ask(Way::Ata, None),
        _ => Behind::Ask(Way::Scsi, None),
    }
}

fn driver(leaf: &LeafDisk) -> &str {
    leaf.driver.as_deref().unwrap_or_default()
}

fn vendor(leaf: &LeafDisk) -> &str {
    leaf.vendor.as_deref().unwrap_or_default().trim()
}

fn model(leaf: &LeafDisk) -> &str {
    leaf.model.as_deref().unwrap_or_default().trim()
}

/// libata and SAS adapters call every SATA disk's vendor so (SAT-4, 8.1.2).
fn is_ata(leaf: &LeafDisk) -> bool {
    vendor(leaf) == "ATA" || leaf.bus == Bus::Ata
}

fn is_usb(leaf: &LeafDisk) -> bool {
    matches!(driver(leaf), "usb-storage" | "uas")
}

/// What a network disk is reached by.
fn network(leaf: &LeafDisk) -> Option<String> {
    let name = leaf.name.as_str();
    let is = |prefix: &str| name.starts_with(prefix);
    if matches!(vendor(leaf), "IET" | "LIO-ORG" | "SCST_BIO" | "SCST_FIO")
        || leaf.bus == Bus::Network
        || is("nbd")
        || is("rbd")
        || is("drbd")
    {
        let driver = leaf.driver.as_deref().unwrap_or("no local drive");
        return Some(format!("the network ({driver}): this disk is elsewhere"));
    }
    None
}

/// A RAID controller by its driver or by what it calls its volumes.
fn raid(leaf: &LeafDisk) -> Option<DriveAnswer> {
    let node = format!("/dev/{}", leaf.name);
    let (vendor, model) = (vendor(leaf), model(leaf));
    let is_perc = vendor == "DELL" && model.starts_with("PERC") || model.starts_with("PERC ");
    let (what, look): (&str, &[&str]) = match driver(leaf) {
        _ if is_perc => ("a Dell PERC controller", PERC),
        "megaraid_sas" | "megaraid_mbox" | "megaraid" => ("a MegaRAID controller", MEGARAID),
        "hpsa" | "smartpqi" | "cciss" => ("a Smart Array controller", SMART_ARRAY),
        "aacraid" => ("an Adaptec controller", ADAPTEC),
        "arcmsr" => ("an Areca controller", ARECA),
        "3w-9xxx" | "3w-sas" | "3w-xxxx" => ("a 3ware controller", THREE_WARE),
        _ if matches!(vendor, "3ware" | "AMCC") => ("a 3ware controller", THREE_WARE),
        _ if matches!(vendor, "LSI" | "AVAGO" | "BROADCOM" | "MegaRAID") => {
            ("a MegaRAID controller", MEGARAID)
        }
        _ if matches!(vendor, "HP" | "HPE") && model.starts_with("LOGICAL VOLUME") => {
            ("a Smart Array controller", SMART_ARRAY)
        }
        _ if matches!(vendor, "Adaptec" | "ASR") => ("an Adaptec controller", ADAPTEC),
        _ if vendor == "Areca" => ("an Areca controller", ARECA),
        _ if leaf.bus == Bus::Raid => ("a RAID controller", &[]),
        _ => return None,
    };
    let by = match leaf.driver.as_deref() {
        Some(driver) => format!("{what} ({driver})"),
        None => what.to_owned(),
    };
    let look = look.iter().map(|command| command.replace("DISK", &node)).collect();
    Some(DriveAnswer::Hidden { by, look })
}

// The cache's battery belongs to them: when it fails, the controller writes
// through, and an fsync of less than 1 ms becomes one of 10 ms and more.
const MEGARAID: &[&str] = &[
    "smartctl -a -d megaraid,N DISK",
    "storcli /cALL/eALL/sALL show all",
    "storcli /cALL/bbu show",
    "storcli /cALL/cv show",
];
const PERC: &[&str] = &[
    "smartctl -a -d megaraid,N DISK",
    "perccli /cALL/eALL/sALL show all",
    "perccli /cALL/bbu show",
    "racadm storage get pdisks",
];
const SMART_ARRAY: &[&str] = &["smartctl -a -d cciss,N DISK", "ssacli ctrl all show config detail"];
const ADAPTEC: &[&str] = &["smartctl -a -d aacraid,H,L,ID DISK", "arcconf getconfig 1"];
const ARECA: &[&str] = &["smartctl -a -d areca,N /dev/sgX", "cli64 disk info"];
const THREE_WARE: &[&str] = &["smartctl -a -d 3ware,N /dev/twa0", "tw_cli show"];

/// The kernel's made-up SCSI disk, which answers log pages.
const SCSI_DEBUG: &str = "the kernel's scsi_debug";

/// Who makes this disk up, by its vendor and model: not by the machine, as a
/// virtual machine may have been given a real disk.
fn emulator(leaf: &LeafDisk) -> Option<String> {
    let (vendor, model) = (vendor(leaf), model(leaf));
    let is = |prefix: &str| model.starts_with(prefix);
    let by = match vendor {
        "QEMU" => "QEMU",
        "VMware" | "VMware," => "VMware",
        "Msft" => "Hyper-V",
        "VBOX" => "VirtualBox",
        "Google" => "Google Compute Engine",
        "NUTANIX" => "Nutanix",
        "Linux" if is("scsi_debug") => SCSI_DEBUG,
        _ if is("QEMU ") => "QEMU",
        _ if is("VMware Virtual") => "VMware",
        _ if is("VBOX ") || is("ORCL-VBOX") => "VirtualBox",
        _ if is("Virtual HD") || is("Msft Virtual") => "Hyper-V",
        _ if is("Amazon Elastic Block Store") => "Amazon EBS",
        _ if is("Amazon EC2 NVMe") => "Amazon EC2",
        _ if is("nvme_card") => "Google Compute Engine",
        _ if is("MSFT NVMe Accelerator") || is("Microsoft NVMe Direct Disk") => "Azure",
        _ if is("Parallels") => "Parallels",
        _ => return None,
    };
    Some(by.to_owned())
}

/// Disks that take no SCSI commands.
fn no_scsi(leaf: &LeafDisk) -> DriveAnswer {
    let name = leaf.name.as_str();
    let driver = leaf.driver.as_deref().unwrap_or("driver not known");
    let (by, look) = if name.starts_with("mmcblk") {
        ("an MMC controller".to_owned(), vec![format!("mmc extcsd read /dev/{name}")])
    } else if ["vd", "xvd"].iter().any(|prefix| name.starts_with(prefix))
        || leaf.bus == Bus::Virtual
    {
        (format!("the hypervisor ({driver}), whose owner can look at the real one"), Vec::new())
    } else {
        (format!("{driver}: no drive of its own"), Vec::new())
    };
    DriveAnswer::Hidden { by, look }
}

fn bridge(leaf: &LeafDisk) -> DriveAnswer {
    let driver = leaf.driver.as_deref().unwrap_or("usb-storage");
    DriveAnswer::Hidden {
        by: format!("a USB bridge that passes no ATA commands on ({driver})"),
        look: vec![format!("smartctl -d test /dev/{}", leaf.name)],
    }
}

#[cfg(test)]
#[path = "behind_tests.rs"]
mod tests;
