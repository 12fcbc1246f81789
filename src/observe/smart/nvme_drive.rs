//! Asks an NVMe controller: IDENTIFY, then each log once.

use std::fs::File;

use super::{
    drive::Asked,
    nvme_pages,
    permission::{ADMIN, not_passed_on},
};
use crate::{
    model::diagnosis::{DriveAnswer, NvmeHealth},
    sys::nvme::{self, Admin},
};

/// IDENTIFY and GET LOG PAGE.
const IDENTIFY: u8 = 0x06;
const GET_LOG: u8 = 0x02;

/// See the file's head.
pub(super) fn ask(device: &File, node: &str) -> Asked {
    let mut page = vec![0; nvme_pages::IDENTITY];
    // CNS 01h: the controller.
    let identify = Admin { opcode: IDENTIFY, nsid: 0, cdw10: 1 };
    let identity = match nvme::admin(device, identify, &mut page) {
        Ok(0) => nvme_pages::identity(&page),
        Ok(_) => None,
        Err(errno) => return Asked::Answer(not_passed_on(node, errno, &ADMIN)),
    };
    let Some(identity) = identity else { return Asked::NotUnderstood };
    match log(device, 0x02, nvme_pages::SMART) {
        Ok(smart) => match nvme_pages::with_smart(&identity, &smart) {
            Some(health) => Asked::Answer(DriveAnswer::Nvme(Box::new(more(device, health)))),
            None => Asked::Answer(unreadable(node, "is too short")),
        },
        Err(why) => Asked::Answer(unreadable(node, &format!("could not be read ({why})"))),
    }
}

/// Without its SMART log nothing is known of a drive, though it has a name.
fn unreadable(node: &str, what: &str) -> DriveAnswer {
    DriveAnswer::Unreadable { why: format!("the SMART log of {node} {what}"), missing: None }
}

/// The logs that not every controller has.
fn more(device: &File, mut health: NvmeHealth) -> NvmeHealth {
    if health.can_self_test {
        match log(device, 0x06, nvme_pages::SELF_TESTS) {
            Ok(page) => health.self_tests = nvme_pages::self_tests(&page),
            Err(why) => {
                health.complaints.push(format!("the self-test log could not be read ({why})"))
            }
        }
    }
    // Amazon's PCI vendor.
    if health.vendor_id == 0x1D0F {
        match log(device, 0xD0, nvme_pages::EBS) {
            Ok(page) => health.ebs = nvme_pages::ebs(&page),
            Err(why) => {
                health.complaints.push(format!("Amazon's statistics could not be read ({why})"))
            }
        }
    }
    health
}

/// A log page of the controller.
fn log(device: &File, id: u8, length: usize) -> Result<Vec<u8>, String> {
    let mut page = vec![0; length];
    let dwords = u32::try_from(length / 4).unwrap_or_default().saturating_sub(1);
    let command = Admin { opcode: GET_LOG, nsid: nvme::ALL, cdw10: u32::from(id) | dwords << 16 };
    match nvme::admin(device, command, &mut page) {
        Ok(0) => Ok(page),
        Ok(status) => Err(format!("NVMe status {:03x}h", status & 0x7FF)),
        Err(errno) => Err(errno.desc().to_owned()),
    }
}
