//! Has a drive test itself, in the background; done by a child, as the drive
//! may hang. A captive test, which would block the disk, cannot be asked for.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    path::Path,
    time::Duration,
};

use nix::errno::Errno;

use crate::{
    consent::Consent,
    model::diagnosis::{DriveProtocol, SelfTestOrder},
    sys::{
        aside::{have_done, understood, word},
        ata_command::{AtaCommand, Wrapping},
        nvme::{self, Admin},
        sense::Sense,
        sg,
    },
};

/// As long as the kernel itself waits: with less it would reset a drive that
/// is only slow.
const TIMEOUT_MS: u32 = 30_000;

/// Starts the test.
///
/// # Errors
/// Why it does not run, or why that is not known, in a sentence.
pub async fn start(
    order: &SelfTestOrder,
    patience: Duration,
    _consent: &Consent,
) -> Result<(), String> {
    let words = [OsStr::new("self-test"), &word(order)];
    let answer = have_done::<Result<(), String>>(&words, patience).await;
    answer.unwrap_or_else(|missed| Err(format!("whether it started is not known: {missed}")))
}

/// The child's side.
///
/// # Errors
/// What the drive said, in a sentence.
pub fn run(words: &[OsString]) -> Result<(), String> {
    let order: Option<SelfTestOrder> = words.first().and_then(|order| understood(order));
    let order = order.ok_or_else(|| "the order for it is not understood".to_owned())?;
    let node = format!("/dev/{}", order.node);
    let disk = sg::open(Path::new(&node)).map_err(|error| format!("{node}: {error}"))?;
    match order.protocol {
        DriveProtocol::Ata => ata(&disk, order.long),
        DriveProtocol::Nvme => nvme(&disk, order.long),
        DriveProtocol::Scsi => scsi(&disk, order.long),
    }
}

fn ata(disk: &File, long: bool) -> Result<(), String> {
    let command = AtaCommand::SelfTest { long };
    let mut last = "it takes no ATA commands".to_owned();
    for wrapping in [Wrapping::Sixteen, Wrapping::Twelve] {
        let Some(cdb) = command.cdb(wrapping) else { continue };
        let reply = sg::command(disk, &cdb, &mut [], TIMEOUT_MS).map_err(kernel)?;
        if reply.is_dead() {
            return Err("the drive does not answer".to_owned());
        }
        let sense = Sense::parse(&reply.sense);
        if reply.is_good() || sense.is_some_and(Sense::is_ata_information) {
            return Ok(());
        }
        last = refused(&reply.sense);
    }
    Err(last)
}

fn nvme(device: &File, long: bool) -> Result<(), String> {
    let (opcode, cdw10) = (0x14, if long { 2 } else { 1 });
    match nvme::admin(device, Admin { opcode, nsid: nvme::ALL, cdw10 }, &mut []) {
        Ok(0) => Ok(()),
        Ok(status) if status & 0x7FF == 0x11D => Err("a self-test runs already".to_owned()),
        Ok(status) => Err(format!("the drive refuses (NVMe status {:03x}h)", status & 0x7FF)),
        Err(errno) => Err(kernel(errno)),
    }
}

/// SEND DIAGNOSTIC: self-test code 1 = background short, 2 = background
/// extended.
fn scsi(disk: &File, long: bool) -> Result<(), String> {
    let code = if long { 2 } else { 1 } << 5;
    let reply =
        sg::command(disk, &[0x1D, code, 0, 0, 0, 0], &mut [], TIMEOUT_MS).map_err(kernel)?;
    if reply.is_good() { Ok(()) } else { Err(refused(&reply.sense)) }
}

fn kernel(errno: Errno) -> String {
    format!("the kernel does not pass the command on ({})", errno.desc())
}

fn refused(sense: &[u8]) -> String {
    match Sense::parse(sense) {
        Some(sense) if sense.is_unknown_command() => {
            "the drive does not know the command".to_owned()
        }
        Some(sense) => format!("the drive refuses ({sense})"),
        None => "the drive refuses".to_owned(),
    }
}
