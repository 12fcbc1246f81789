//! Asks an ATA drive: IDENTIFY, then each page once, as every SMART command
//! makes the kernel drain the drive's queue.

use std::{fs::File, time::Instant};

use nix::errno::Errno;

use super::{
    ata_identity::Identity,
    ata_pages, ata_self_tests, ata_statistics,
    drive::{Asked, silent},
    permission::{RAWIO, not_passed_on},
};
use crate::{
    model::diagnosis::{AtaHealth, DriveAnswer, SmartStatus},
    sys::{
        ata_command::{AtaCommand, PAGE, Wrapping},
        sense::Sense,
        sg,
    },
};

/// The block layer's own limit: with a shorter one the kernel would reset a
/// drive that is only slow. How long an answer is waited for is the parent's.
const TIMEOUT_MS: u32 = 30_000;

/// Why a page did not come.
enum NoPage {
    Kernel(Errno),
    /// The drive ran into the time limit, or is gone.
    Dead,
    /// The drive, or what stands in front of it, refuses.
    Refused(Option<Sense>),
}

struct Drive<'a> {
    disk: &'a File,
    wrapping: Wrapping,
    /// Nothing more is asked.
    dead: bool,
    complaints: Vec<String>,
}

/// Asks with the first wrapping that IDENTIFY succeeds with.
pub(super) fn ask(disk: &File, node: &str, wrappings: &[Wrapping], started: Instant) -> Asked {
    for wrapping in wrappings {
        let drive = Drive { disk, wrapping: *wrapping, dead: false, complaints: Vec::new() };
        match drive.send(AtaCommand::Identify) {
            Ok((page, _)) => {
                if let Some(identity) = Identity::parse(&page) {
                    return Asked::Answer(DriveAnswer::Ata(Box::new(drive.health(identity))));
                }
            }
            Err(NoPage::Kernel(errno)) => {
                return Asked::Answer(not_passed_on(node, errno, &RAWIO));
            }
            Err(NoPage::Dead) => return Asked::Answer(silent(started)),
            Err(NoPage::Refused(_)) => {}
        }
    }
    Asked::NotUnderstood
}

impl Drive<'_> {
    /// Sends a command; its page and its sense data.
    fn send(&self, command: AtaCommand) -> Result<(Vec<u8>, Vec<u8>), NoPage> {
        let cdb = command.cdb(self.wrapping).ok_or(NoPage::Refused(None))?;
        let mut page = vec![0; if command.has_data() { PAGE } else { 0 }];
        let reply = sg::command(self.disk, &cdb, &mut page, TIMEOUT_MS).map_err(NoPage::Kernel)?;
        if reply.is_dead() {
            return Err(NoPage::Dead);
        }
        if command.has_data() && (!reply.is_good() || reply.missing > 0) {
            return Err(NoPage::Refused(Sense::parse(&reply.sense)));
        }
        Ok((page, reply.sense))
    }

    /// A page, or a complaint that `what` could not be read.
    fn page(&mut self, command: AtaCommand, what: &str) -> Option<Vec<u8>> {
        if self.dead {
            return None;
        }
        let why = match self.send(command) {
            Ok((page, _)) => return Some(page),
            Err(NoPage::Kernel(errno)) => errno.desc().to_owned(),
            Err(NoPage::Dead) => {
                self.dead = true;
                "the drive does not answer any more".to_owned()
            }
            Err(NoPage::Refused(Some(sense))) => sense.to_string(),
            Err(NoPage::Refused(None)) => "refused".to_owned(),
        };
        self.complaints.push(format!("{what} could not be read ({why})"));
        None
    }

    fn health(mut self, identity: Identity) -> AtaHealth {
        let mut health = AtaHealth {
            model: identity.model.clone(),
            serial: identity.serial.clone(),
            firmware: identity.firmware.clone(),
            rotation: identity.rotation,
            write_cache: identity.write_cache,
            link_speed: identity.link_speed,
            best_link_speed: identity.best_link_speed,
            smart_enabled: identity.has_smart && identity.smart_enabled,
            ..AtaHealth::default()
        };
        if health.smart_enabled {
            self.add_smart(&identity, &mut health);
        } else {
            let what = if identity.has_smart { "is switched off" } else { "is not there" };
            self.complaints.push(format!("SMART {what} on this drive"));
        }
        if identity.has_general_logs && self.wrapping == Wrapping::Sixteen {
            self.add_statistics(&mut health);
        }
        health.complaints = self.complaints;
        health
    }

    fn add_smart(&mut self, identity: &Identity, health: &mut AtaHealth) {
        let data = self.page(AtaCommand::SmartData, "the attribute table");
        let thresholds = self.page(AtaCommand::Thresholds, "the thresholds");
        for (page, what) in [(&data, "the attribute table"), (&thresholds, "the thresholds")] {
            if page.as_ref().is_some_and(|page| !ata_pages::checksum_holds(page)) {
                self.complaints.push(format!("{what} came with a wrong checksum"));
            }
        }
        let data = data.unwrap_or_default();
        let abilities = ata_pages::abilities(&data);
        health.attributes = ata_pages::attributes(&data, thresholds.as_deref());
        health.self_test_minutes = abilities.self_test_minutes;
        health.status = self.status();
        if abilities.error_log || identity.has_error_log {
            let log = self.page(AtaCommand::Log(1), "the error log");
            health.error_count = log.as_deref().and_then(ata_pages::error_count);
        }
        let mut log = Vec::new();
        if abilities.self_test || identity.has_self_test {
            log = self.page(AtaCommand::Log(6), "the self-test log").unwrap_or_default();
        }
        health.self_tests = ata_self_tests::all(&data, &log);
    }

    fn status(&mut self) -> SmartStatus {
        if self.dead {
            return SmartStatus::Unknown;
        }
        let status = match self.send(AtaCommand::ReturnStatus) {
            Ok((_, sense)) => ata_pages::status(&sense),
            Err(_) => SmartStatus::Unknown,
        };
        if status == SmartStatus::Unknown {
            let complaint = "the drive's own verdict did not come back; its attributes are held against their thresholds instead";
            self.complaints.push(complaint.to_owned());
        }
        status
    }

    /// Device statistics: only pages that are there are asked for, as a drive
    /// may count a refused command as an error.
    fn add_statistics(&mut self, health: &mut AtaHealth) {
        let log = ata_statistics::LOG;
        let directory = self.page(AtaCommand::LogExt(0, 0), "the directory of logs");
        if !directory.is_some_and(|directory| ata_statistics::has_log(&directory, log)) {
            return;
        }
        let list = self.page(AtaCommand::LogExt(log, 0), "the list of device statistics");
        let there = list.map(|list| ata_statistics::pages(&list)).unwrap_or_default();
        for page in [1, 4, 6, 7].into_iter().filter(|page| there.contains(page)) {
            let what = format!("device statistics page {page:02X}h");
            let Some(bytes) = self.page(AtaCommand::LogExt(log, u16::from(page)), &what) else {
                continue;
            };
            let value = |at| ata_statistics::value(&bytes, page, at);
            match page {
                1 => health.power_on_hours = value(16).map(|hours| hours & 0xFFFF_FFFF),
                4 => {
                    health.reported_uncorrectable = value(8).map(|count| count & 0xFFFF_FFFF);
                    health.resets_in_command = value(16).map(|count| count & 0xFFFF_FFFF);
                }
                6 => health.crc_errors = value(24).map(|count| count & 0xFFFF_FFFF),
                _ => health.used_percent = value(8).map(|used| (used & 0xFF) as u8),
            }
        }
    }
}
