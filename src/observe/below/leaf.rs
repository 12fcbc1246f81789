//! What sysfs tells of a disk without asking the disk: names, size, queue,
//! state. Health is read elsewhere.

use std::{fs, path::PathBuf};

use super::{
    block_device::{BlockDevice, attribute, entries},
    bus,
    vital_pages::{self, Identity},
};
use crate::{
    model::{Bytes, diagnosis::LeafDisk, order::InOrder},
    observe::host::HostRoot,
};

/// sysfs counts sizes in these, whatever the disk's own sectors (Linux
/// Documentation/ABI/stable/sysfs-block).
const SECTOR: u64 = 512;

/// Everything about a disk.
#[must_use]
pub fn leaf(host: &HostRoot, device: &BlockDevice) -> LeafDisk {
    let bus = bus::bus(host, device);
    let controllers = controllers(host, device);
    let identity = match controllers.first() {
        Some(controller) => nvme_identity(controller),
        None => identity(device),
    };
    let size = device.attribute("size").and_then(|sectors| sectors.parse::<u64>().ok());
    LeafDisk {
        name: device.name.clone(),
        device: device.number.clone(),
        bus,
        driver: bus::driver(host, device),
        vendor: device.attribute("device/vendor").filter(|_| scsi_address(device).is_some()),
        model: identity.model,
        serial: identity.serial,
        firmware: identity.firmware,
        size: Bytes(size.unwrap_or_default().saturating_mul(SECTOR)),
        rotational: device.attribute("queue/rotational").map(|text| text != "0"),
        write_cache: device.attribute("queue/write_cache"),
        scheduler: device.attribute("queue/scheduler").and_then(|text| chosen(&text)),
        state: state(device, &controllers),
        controller: controllers.first().and_then(|path| name(path)),
        ata_port: bus::ata_port(device),
    }
}

/// "host:channel:target:lun" of a SCSI disk, as the kernel log has it.
#[must_use]
pub fn scsi_address(device: &BlockDevice) -> Option<String> {
    let path = fs::canonicalize(device.path.join("device")).ok()?;
    let name = name(&path)?;
    let parts = name.split(':').filter(|part| part.parse::<u64>().is_ok()).count();
    (parts == 4 && name.split(':').count() == 4).then_some(name)
}

/// Directories of the NVMe controllers that lead to a disk, those that live
/// first: with multipath there are several, listed in the subsystem (Linux
/// drivers/nvme/host/multipath.c).
#[must_use]
pub fn controllers(host: &HostRoot, device: &BlockDevice) -> Vec<PathBuf> {
    let Some(path) = fs::canonicalize(device.path.join("device")).ok() else { return Vec::new() };
    let Some(above) = name(&path) else { return Vec::new() };
    let names = match above.strip_prefix("nvme-subsys") {
        Some(_) => entries(&path),
        None => vec![above],
    };
    let is_controller = |name: &String| {
        name.strip_prefix("nvme")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut paths: Vec<PathBuf> = names
        .iter()
        .filter(|name| is_controller(name))
        .map(|name| host.path(format!("/sys/class/nvme/{name}")))
        .collect();
    paths.order_by_key(|path| attribute(&path.join("state")).as_deref() != Some("live"));
    paths
}

fn name(path: &std::path::Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}

fn nvme_identity(controller: &std::path::Path) -> Identity {
    Identity {
        model: attribute(&controller.join("model")),
        serial: attribute(&controller.join("serial")),
        firmware: attribute(&controller.join("firmware_rev")),
    }
}

/// INQUIRY's model has 16 letters; IDENTIFY's, where the disk is ATA, all of
/// them. A virtio disk's serial is asked from the device: it is left out.
fn identity(device: &BlockDevice) -> Identity {
    let is_ata = device.attribute("device/vendor").as_deref() == Some("ATA");
    let page = |name: &str| fs::read(device.path.join("device").join(name)).ok();
    let identify = page("vpd_pg89").filter(|_| is_ata).map(|page| vital_pages::identify(&page));
    let identify = identify.unwrap_or_default();
    let plain = |name: &str| device.attribute(&format!("device/{name}"));
    Identity {
        model: identify.model.or_else(|| plain("model")).or_else(|| plain("name")),
        serial: identify
            .serial
            .or_else(|| vital_pages::serial(&page("vpd_pg80")?))
            .or_else(|| plain("serial").filter(|_| device.name.starts_with("mmc"))),
        firmware: identify.firmware.or_else(|| plain("rev")).or_else(|| plain("fwrev")),
    }
}

/// The worst state of the controllers, else that of the device.
fn state(device: &BlockDevice, controllers: &[PathBuf]) -> Option<String> {
    // The living ones come first.
    let worst = controllers.iter().rev().find_map(|path| attribute(&path.join("state")));
    worst.or_else(|| device.attribute("device/state"))
}

/// "[mq-deadline] none" has the one in use in brackets.
fn chosen(text: &str) -> Option<String> {
    let inside = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let chosen = inside.map_or(text, |(chosen, _)| chosen).trim();
    (!chosen.is_empty()).then(|| chosen.to_owned())
}
