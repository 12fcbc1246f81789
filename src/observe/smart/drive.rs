//! Asks one drive what its firmware says, in the way that fits what stands
//! between. Runs in a child: every call here may hang for ever.

use std::{path::Path, time::Instant};

use super::{
    ata_drive,
    behind::{Behind, Way, behind},
    nvme_drive,
    permission::not_opened,
    scsi_drive,
};
use crate::{
    model::diagnosis::{DriveAnswer, LeafDisk},
    sys::{ata_command::Wrapping, sg},
};

/// What came of the attempt to ask a disk in one way.
pub(super) enum Asked {
    /// An answer, or why there is none.
    Answer(DriveAnswer),
    /// It does not understand this way of asking.
    NotUnderstood,
}

/// Asks the drive.
#[must_use]
pub fn ask(leaf: &LeafDisk) -> DriveAnswer {
    match behind(leaf) {
        Behind::Known(answer) => answer,
        Behind::Ask(way, instead) => {
            let not_understood = || DriveAnswer::Unreadable {
                why: format!("/dev/{} understands none of the commands for health", leaf.name),
                missing: None,
            };
            match ask_by(way, leaf) {
                Asked::Answer(answer) => answer,
                Asked::NotUnderstood => instead.unwrap_or_else(not_understood),
            }
        }
        Behind::AskEmulator(way, by) => match ask_by(way, leaf) {
            Asked::Answer(
                said @ (DriveAnswer::Ata(_) | DriveAnswer::Nvme(_) | DriveAnswer::Scsi(_)),
            ) => DriveAnswer::Emulated { by, said: Some(Box::new(said)) },
            Asked::Answer(other) => other,
            Asked::NotUnderstood => DriveAnswer::Emulated { by, said: None },
        },
    }
}

fn ask_by(way: Way, leaf: &LeafDisk) -> Asked {
    let name = match way {
        Way::Nvme => leaf.controller.as_deref().unwrap_or(&leaf.name),
        _ => &leaf.name,
    };
    if let Some(fabric) = (way == Way::Nvme).then(|| fabric(name)).flatten() {
        let by = format!("the network (NVMe over {fabric}): this disk is elsewhere");
        return Asked::Answer(DriveAnswer::Hidden { by, look: Vec::new() });
    }
    let node = format!("/dev/{name}");
    let disk = match sg::open(Path::new(&node)) {
        Ok(disk) => disk,
        Err(error) => return Asked::Answer(not_opened(&node, &error)),
    };
    let started = Instant::now();
    match way {
        Way::Nvme => nvme_drive::ask(&disk, &node),
        Way::Ata => match ata_drive::ask(&disk, &node, &[Wrapping::Sixteen], started) {
            // A SATA name on something that only speaks SCSI.
            Asked::NotUnderstood if leaf.vendor.as_deref().map(str::trim) != Some("ATA") => {
                scsi_drive::ask(&disk, &node, started)
            }
            asked => asked,
        },
        Way::Usb => ata_drive::ask(&disk, &node, &[Wrapping::Sixteen, Wrapping::Twelve], started),
        Way::Scsi => scsi_drive::ask(&disk, &node, started),
    }
}

/// By which network a controller is reached; nothing for one in this machine.
fn fabric(controller: &str) -> Option<String> {
    let path = Path::new("/sys/class/nvme").join(controller).join("transport");
    let transport = std::fs::read_to_string(path).ok()?;
    let transport = transport.trim();
    matches!(transport, "tcp" | "rdma" | "fc").then(|| transport.to_owned())
}

/// The answer for a drive that let a command run into its time limit.
pub(super) fn silent(started: Instant) -> DriveAnswer {
    let after_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    DriveAnswer::Silent { after_ms }
}
