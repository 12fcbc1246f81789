//! Asks a SCSI drive: INQUIRY, then each log page it has, once.

use std::{fs::File, time::Instant};

use nix::errno::Errno;

use super::{
    drive::{Asked, silent},
    permission::{RAWIO, not_passed_on},
    scsi_pages,
};
use crate::{
    model::diagnosis::{DriveAnswer, ScsiHealth, SelfTestState},
    sys::sg,
};

/// The block layer's own limit: with a shorter one the kernel would reset a
/// drive that is only slow.
const TIMEOUT_MS: u32 = 30_000;
/// Log pages that are read: every one is two numbers long or twenty entries.
const ROOM: u16 = 512;

enum NoPage {
    Kernel(Errno),
    Dead,
    Refused,
}

struct Drive<'a> {
    disk: &'a File,
    dead: bool,
}

/// See the file's head.
pub(super) fn ask(disk: &File, node: &str, started: Instant) -> Asked {
    let mut drive = Drive { disk, dead: false };
    let inquiry = match drive.send(&[0x12, 0, 0, 0, 96, 0], 96) {
        Ok(page) => scsi_pages::inquiry(&page),
        Err(NoPage::Kernel(errno)) => {
            return Asked::Answer(not_passed_on(node, errno, &RAWIO));
        }
        Err(NoPage::Dead) => return Asked::Answer(silent(started)),
        Err(NoPage::Refused) => None,
    };
    let Some(health) = inquiry else { return Asked::NotUnderstood };
    // Without a list of log pages there is no health to be had.
    let Some(pages) = drive.log(0) else { return Asked::NotUnderstood };
    let pages = scsi_pages::log_pages(&pages);
    Asked::Answer(DriveAnswer::Scsi(Box::new(drive.health(health, &pages))))
}

impl Drive<'_> {
    fn send(&self, cdb: &[u8], length: usize) -> Result<Vec<u8>, NoPage> {
        let mut page = vec![0; length];
        let reply = sg::command(self.disk, cdb, &mut page, TIMEOUT_MS).map_err(NoPage::Kernel)?;
        if reply.is_dead() {
            return Err(NoPage::Dead);
        }
        if !reply.is_good() {
            return Err(NoPage::Refused);
        }
        page.truncate(length.saturating_sub(reply.missing));
        Ok(page)
    }

    fn page(&mut self, cdb: &[u8], length: usize) -> Option<Vec<u8>> {
        if self.dead {
            return None;
        }
        let page = self.send(cdb, length);
        self.dead |= matches!(page, Err(NoPage::Dead));
        page.ok()
    }

    /// LOG SENSE, cumulative values.
    fn log(&mut self, page: u8) -> Option<Vec<u8>> {
        let [high, low] = ROOM.to_be_bytes();
        let cdb = [0x4D, 0, 0x40 | page, 0, 0, 0, 0, high, low, 0];
        self.page(&cdb, usize::from(ROOM))
    }

    /// A page of vital product data.
    fn vital(&mut self, page: u8) -> Option<Vec<u8>> {
        self.page(&[0x12, 1, page, 0, 255, 0], 255)
    }

    fn health(&mut self, mut health: ScsiHealth, pages: &[u8]) -> ScsiHealth {
        health.serial = self.vital(0x80).as_deref().and_then(scsi_pages::serial);
        let rotation = self.vital(0xB1).as_deref().and_then(scsi_pages::rotation);
        health.rotation = rotation.unwrap_or_default();
        for code in [2, 3, 5, 6, 0x0D, 0x10, 0x11, 0x15, 0x2F] {
            if !pages.contains(&code) {
                continue;
            }
            match self.log(code) {
                Some(page) => add(&mut health, code, &page),
                None => health.complaints.push(format!("log page {code:02X}h could not be read")),
            }
        }
        // READ DEFECT DATA (10), the grown list, only its header.
        let defects = self.page(&[0x37, 0, 0x0D, 0, 0, 0, 0, 0, 4, 0], 4);
        health.grown_defects = defects.as_deref().and_then(scsi_pages::grown_defects);
        let newest = health.self_tests.first_mut();
        if let Some(test) = newest.filter(|test| test.state == SelfTestState::Running) {
            let sense = self.page(&[0x03, 0, 0, 0, 252, 0], 252);
            test.left_percent = sense.as_deref().and_then(scsi_pages::percent_left);
        }
        if self.dead {
            health.complaints.push("the drive does not answer any more".to_owned());
        }
        health
    }
}

fn add(health: &mut ScsiHealth, code: u8, page: &[u8]) {
    let [write, read, verify] = &mut health.uncorrected;
    match code {
        2 => *write = scsi_pages::uncorrected(page, code),
        3 => *read = scsi_pages::uncorrected(page, code),
        5 => *verify = scsi_pages::uncorrected(page, code),
        6 => health.non_medium_errors = scsi_pages::non_medium_errors(page),
        0x0D => health.temperature_c = scsi_pages::temperature(page),
        0x10 => health.self_tests = scsi_pages::self_tests(page),
        0x11 => health.used_percent = scsi_pages::used_percent(page),
        0x15 => health.power_on_hours = scsi_pages::power_on_hours(page),
        _ => health.exception = scsi_pages::exception(page),
    }
}
