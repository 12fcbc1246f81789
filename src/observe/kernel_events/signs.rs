//! What a line of the kernel log is about, by its words: those of old and new
//! kernels. Pure; takes any text.

use crate::model::diagnosis::KernelEventKind::{
    self, ArrayTrouble, CableError, CommandTimeout, ControllerFault, FilesystemError, HungTask,
    IoError, LostWrite, MediumError, OutOfMemory, ReadOnly, Reset,
};

/// Lines with one of these are never trouble of a disk: a refused discard or
/// zeroing, drives without a disk in them, an XFS that is unmounted by hand.
const HARMLESS: [&str; 5] = [
    "operation not supported error, dev",
    "op 0x3:(discard)",
    "dev fd0",
    "dev sr0",
    "user initiated shutdown",
];

/// Words in lower case, all of which the line has, and what it is then; the
/// first that fits counts. libata: drivers/ata/libata-eh.c, libata-sata.c;
/// SCSI: drivers/scsi/scsi_logging.c, constants.c; block: block/blk-core.c,
/// fs/buffer.c; NVMe: drivers/nvme/host/{pci,core}.c; filesystems:
/// fs/{ext4,jbd2,xfs,btrfs}; arrays: drivers/md; kernel/hung_task.c,
/// mm/oom_kill.c.
const SIGNS: &[(&[&str], KernelEventKind)] = &[
    (&["out of memory", "killed process"], OutOfMemory),
    (&["info: task ", " blocked ", " for more than "], HungTask),
    // libata
    (&["emask 0x", "(timeout)"], CommandTimeout),
    (&["emask 0x", "(media error)"], MediumError),
    (&["emask 0x", "(ata bus error)"], CableError),
    (&["emask 0x", "(device error)"], IoError),
    (&["emask 0x", "(hsm violation)"], IoError),
    (&["emask 0x", "(host bus error)"], ControllerFault),
    (&["emask 0x10 ", "exception"], CableError),
    (&["emask 0x0 ", "exception", "action 0x6 frozen"], CommandTimeout),
    (&["ata", "qc timeout"], CommandTimeout),
    (&["ata", "error: {", "unc"], MediumError),
    (&["ata", "error: {", "icrc"], CableError),
    (&["ata", "serror: {", "badcrc"], CableError),
    (&["ata", "serror: {", "handshk"], CableError),
    (&["ata", "serror: {", "10b8b"], CableError),
    (&["ata", "serror: {", "dispar"], CableError),
    (&["interface fatal error"], CableError),
    (&["limiting sata link speed"], CableError),
    (&["ata", "resetting link"], Reset),
    (&["comreset failed"], Reset),
    (&["link is slow to respond"], Reset),
    (&["ncq disabled due to excessive errors"], IoError),
    (&["ata", "revalidation failed"], IoError),
    (&["ata", ": disable device"], IoError),
    // SCSI and block layer
    (&["hostbyte=did_time_out"], CommandTimeout),
    (&["hostbyte=did_no_connect"], IoError),
    (&["hostbyte=did_bad_target"], IoError),
    (&["hostbyte=did_transport"], IoError),
    (&["hostbyte=did_error"], IoError),
    (&["sense key : medium error"], MediumError),
    (&["timing out command, waited"], CommandTimeout),
    (&["device offlined"], IoError),
    (&["rejecting i/o to offline device"], IoError),
    (&["rejecting i/o to dead device"], IoError),
    (&["critical medium error, dev"], MediumError),
    (&["protection error, dev"], MediumError),
    (&["timeout error, dev"], CommandTimeout),
    (&["critical space allocation error, dev"], ArrayTrouble),
    (&["transport error, dev"], IoError),
    (&["critical target error, dev"], IoError),
    (&["critical nexus error, dev"], IoError),
    (&["i/o error, dev"], IoError),
    (&["lost async page write"], LostWrite),
    (&["lost sync page write"], LostWrite),
    (&["lost page write due to"], LostWrite),
    (&["buffer i/o error on dev"], IoError),
    // NVMe
    (&["nvme", "qid ", "timeout, reset controller"], Reset),
    (&["nvme", "qid ", "timeout, disable controller"], Reset),
    (&["nvme", "qid ", " timeout"], CommandTimeout),
    (&["nvme", "controller is down; will reset"], Reset),
    (&["nvme", "resetting controller"], Reset),
    (&["nvme", "device not ready"], ControllerFault),
    (&["nvme", "removing after probe failure"], ControllerFault),
    (&["nvme", "after reset failure"], ControllerFault),
    (&["nvme", "@ lba", "(sct 0x2 "], MediumError),
    (&["nvme", "@ lba", "(sct 0x"], IoError),
    // Filesystems
    (&["ext4-fs error"], FilesystemError),
    (&["ext3-fs error"], FilesystemError),
    (&["ext4-fs", "data will be lost"], LostWrite),
    (&["ext4-fs warning", "i/o error"], IoError),
    (&["remounting filesystem read-only"], ReadOnly),
    (&["aborting journal"], FilesystemError),
    (&["jbd2", "error"], FilesystemError),
    (&["xfs (", "i/o error"], FilesystemError),
    (&["xfs (", "corruption"], FilesystemError),
    (&["xfs (", "metadata crc error"], FilesystemError),
    (&["xfs (", "internal error"], FilesystemError),
    (&["xfs (", "shutting down filesystem"], FilesystemError),
    (&["xfs (", "filesystem has been shut down"], FilesystemError),
    (&["xfs (", "writeback error"], LostWrite),
    (&["btrfs", "forced readonly"], ReadOnly),
    (&["btrfs", "lost page write"], LostWrite),
    (&["btrfs error", "errs: wr"], IoError),
    (&["btrfs: bdev", "errs: wr"], IoError),
    (&["btrfs", "csum failed"], FilesystemError),
    (&["btrfs", "checksum error"], FilesystemError),
    (&["btrfs error"], FilesystemError),
    (&["btrfs critical"], FilesystemError),
    (&["btrfs: error"], FilesystemError),
    // Arrays and volumes
    (&["disk failure on"], ArrayTrouble),
    (&["md: super_written gets error"], ArrayTrouble),
    (&["md/raid", "cannot continue operation"], ArrayTrouble),
    (&["md/raid", "not enough operational"], ArrayTrouble),
    (&["md: kicking non-fresh"], ArrayTrouble),
    (&["md/raid", "read error corrected"], MediumError),
    (&["md/raid", "rescheduling sector"], MediumError),
    (&["device-mapper: multipath", "failing path"], ArrayTrouble),
    (&["device-mapper: thin", "out-of-data-space"], ArrayTrouble),
    (&["device-mapper: thin", "out of data space"], ArrayTrouble),
    (&["device-mapper: thin", "out of metadata space"], ArrayTrouble),
    (&["device-mapper: thin", "no free "], ArrayTrouble),
    (&["device-mapper: thin", "switching pool to read-only"], ArrayTrouble),
    (&["bcache", "io error on"], IoError),
    // Adapters: what they say of themselves names no disk, and is no disk's fault.
    (&["fw in fault state"], ControllerFault),
    (&["mpt", "fault_state("], ControllerFault),
    (&["mpt", "log_info(0x"], ControllerFault),
    (&["controller lockup detected"], ControllerFault),
    (&["smartpqi", "controller offline"], ControllerFault),
    (&["aacraid", "host adapter abort request"], CommandTimeout),
    (&["aacraid", "host adapter reset request"], ControllerFault),
    (&["megaraid_sas", "will reset adapter"], ControllerFault),
    (&["megaraid_sas", "resetting fusion adapter"], ControllerFault),
    (&["attempting task abort"], CommandTimeout),
    (&["attempting device reset"], Reset),
    (&["attempting target reset"], Reset),
    (&["attempting host reset"], Reset),
    (&["uas_eh_abort_handler"], CommandTimeout),
    (&["usb ", ": reset ", "usb device"], Reset),
    // Networks and cards
    (&["connection", "ping timeout"], CommandTimeout),
    (&["connection", "detected conn error"], IoError),
    (&["session recovery timed out"], IoError),
    (&["nbd", "connection timed out"], CommandTimeout),
    (&["mmc", "timeout waiting for hardware"], CommandTimeout),
    (&["mmcblk", "error -110"], CommandTimeout),
];

/// What the line is about; `None` for all that is no trouble of a disk, a
/// filesystem or memory.
#[must_use]
pub fn kind(text: &str) -> Option<KernelEventKind> {
    let lower = text.to_ascii_lowercase();
    if HARMLESS.iter().any(|words| lower.contains(words)) {
        return None;
    }
    let fits = |words: &[&str]| words.iter().all(|words| lower.contains(words));
    SIGNS.iter().find(|(words, _)| fits(words)).map(|(_, kind)| *kind)
}

/// The port and the speed of "ata2: SATA link up 1.5 Gbps (…)", in tenths of
/// Gb/s.
#[must_use]
pub fn link_speed(text: &str) -> Option<(&str, u32)> {
    let (port, rest) = text.split_once(": SATA link up ")?;
    let (speed, _) = rest.split_once(" Gbps")?;
    let (whole, tenth) = speed.split_once('.')?;
    let tenths = whole.parse::<u32>().ok()?.checked_mul(10)?;
    Some((port, tenths.checked_add(tenth.parse().ok()?)?))
}
