//! How a disk is reached, by its name, its place in sysfs and the driver of its
//! host adapter.

use std::{fs, path::Path};

use super::{
    block_device::{BlockDevice, attribute},
    leaf::controllers,
};
use crate::{model::diagnosis::Bus, observe::host::HostRoot};

/// Drivers whose disks are a hypervisor's (`proc_name` of the host, Linux
/// drivers/scsi).
const HYPERVISOR: [&str; 6] =
    ["virtio_scsi", "vmw_pvscsi", "storvsc", "storvsc_host_t", "xen-scsifront", "ibmvscsi"];

/// Drivers of RAID controllers.
const RAID: [&str; 11] = [
    "megaraid_sas",
    "megaraid",
    "hpsa",
    "smartpqi",
    "aacraid",
    "arcmsr",
    "3w-9xxx",
    "3w-sas",
    "3w-xxxx",
    "ips",
    "cciss",
];

/// Drivers whose disks are on a network.
const NETWORK: [&str; 11] = [
    "iscsi_tcp",
    "ib_iser",
    "iser",
    "bnx2i",
    "cxgb4i",
    "qla4xxx",
    "lpfc",
    "qla2xxx",
    "bnx2fc",
    "fnic",
    "zfcp",
];

/// INQUIRY vendors of virtual drives, whatever the driver (smartmontools'
/// os_linux.cpp and scsicmds.cpp know the same ones).
const RAID_VENDORS: [&str; 9] =
    ["DELL", "LSI", "AVAGO", "BROADCOM", "MegaRAID", "Adaptec", "Areca", "AMCC", "3ware"];

/// How it is reached.
#[must_use]
pub fn bus(host: &HostRoot, device: &BlockDevice) -> Bus {
    let named = |prefix: &str| device.name.starts_with(prefix);
    if named("nvme") {
        let transports = controllers(host, device);
        let transport = transports.first().and_then(|path| attribute(&path.join("transport")));
        return match transport.as_deref() {
            None | Some("pcie" | "apple-nvme") => Bus::Nvme,
            Some(_) => Bus::Network,
        };
    }
    match () {
        () if named("sd") => scsi(host, device),
        () if named("vd") || named("xvd") => Bus::Virtual,
        () if named("mmcblk") => Bus::Mmc,
        () if ["nbd", "rbd", "drbd"].into_iter().any(named) => Bus::Network,
        () => Bus::Other,
    }
}

fn scsi(host: &HostRoot, device: &BlockDevice) -> Bus {
    let vendor = device.attribute("device/vendor").unwrap_or_default();
    let model = device.attribute("device/model").unwrap_or_default();
    let driver = driver(host, device).unwrap_or_default();
    let driver = driver.as_str();
    let on_way = |prefix: &str| device.way().any(|part| part.starts_with(prefix));
    let virtual_drive = RAID_VENDORS.contains(&vendor.as_str())
        || model.starts_with("PERC ")
        || model.eq_ignore_ascii_case("LOGICAL VOLUME");
    match () {
        () if ata_port(device).is_some() => Bus::Ata,
        () if matches!(driver, "usb-storage" | "uas") || on_way("usb") => Bus::Usb,
        () if HYPERVISOR.contains(&driver) || vendor == "VMware" || vendor == "Msft" => {
            Bus::Virtual
        }
        () if NETWORK.contains(&driver) || on_way("session") => Bus::Network,
        () if virtual_drive => Bus::Raid,
        () if RAID.contains(&driver) && !is_passed_through(device, &vendor) => Bus::Raid,
        () => Bus::Scsi,
    }
}

/// Whether a RAID controller hands a physical disk through: hpsa and smartpqi
/// say "N/A" for its RAID level; a virtual drive never has the vendor "ATA".
fn is_passed_through(device: &BlockDevice, vendor: &str) -> bool {
    let level = device.attribute("device/raid_level");
    level.map_or(vendor == "ATA", |level| level == "N/A")
}

/// The host adapter's driver, else the device's own.
#[must_use]
pub fn driver(host: &HostRoot, device: &BlockDevice) -> Option<String> {
    let adapter = device.way().rev().find(|part| is_numbered(part, "host"));
    let named = adapter
        .and_then(|adapter| {
            attribute(&host.path(format!("/sys/class/scsi_host/{adapter}/proc_name")))
        })
        // Adapters without a name of their own.
        .filter(|name| !name.starts_with(['<', '(']));
    named.or_else(|| nvme_driver(host, device)).or_else(|| linked_driver(&device.path, adapter))
}

fn nvme_driver(host: &HostRoot, device: &BlockDevice) -> Option<String> {
    let controller = controllers(host, device).into_iter().next()?;
    Some(match attribute(&controller.join("transport")).as_deref() {
        None | Some("pcie") => "nvme".to_owned(),
        Some(transport) => format!("nvme-{transport}"),
    })
}

/// The driver that sysfs links: of the adapter's device for SCSI, where the
/// nearest one would only be "sd".
fn linked_driver(path: &Path, adapter: Option<&str>) -> Option<String> {
    let above =
        |path: &&Path| adapter.is_none_or(|adapter| !path.iter().any(|part| part == adapter));
    let device = fs::canonicalize(path.join("device")).ok()?;
    let link = device
        .ancestors()
        .take(8)
        .filter(above)
        .find_map(|path| fs::canonicalize(path.join("driver")).ok())?;
    Some(link.file_name()?.to_str()?.to_owned())
}

/// "ata3": libata's port on the way to the disk.
#[must_use]
pub fn ata_port(device: &BlockDevice) -> Option<String> {
    device.way().find(|part| is_numbered(part, "ata")).map(str::to_owned)
}

fn is_numbered(part: &str, prefix: &str) -> bool {
    part.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}
