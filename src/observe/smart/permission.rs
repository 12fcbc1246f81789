//! Why the kernel does not let us ask a drive, with the capability that is
//! missing by its exact name.

use std::io;

use nix::errno::Errno;

use crate::model::diagnosis::DriveAnswer;

/// A capability: its name and its bit (`include/uapi/linux/capability.h`).
pub(super) struct Capability {
    name: &'static str,
    bit: u32,
    /// What the kernel wants it for, with the verb.
    gives: &'static str,
}

/// ATA commands through SCSI.
pub(super) const RAWIO: Capability =
    Capability { name: "CAP_SYS_RAWIO", bit: 17, gives: "ATA commands need" };
/// NVMe admin commands.
pub(super) const ADMIN: Capability =
    Capability { name: "CAP_SYS_ADMIN", bit: 21, gives: "NVMe admin commands need" };
/// Opening any file.
const OPEN: Capability =
    Capability { name: "CAP_DAC_OVERRIDE", bit: 1, gives: "opening a disk that is root's needs" };

impl Capability {
    /// Whether this process has it, by /proc/self/status.
    fn is_missing(&self, status: &str) -> bool {
        let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask & 1 << self.bit == 0)
    }

    fn answer(&self, what: String) -> DriveAnswer {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        if self.is_missing(&status) {
            let why = format!("{what}: {} {}, which this process lacks", self.gives, self.name);
            return DriveAnswer::Unreadable { why, missing: Some(self.name.to_owned()) };
        }
        let why = format!(
            "{what}, though this process has {}: a container's device rules, seccomp or a security module may forbid it",
            self.name
        );
        DriveAnswer::Unreadable { why, missing: None }
    }
}

/// The answer for a node that cannot be opened.
pub(super) fn not_opened(node: &str, error: &io::Error) -> DriveAnswer {
    let what = format!("{node} cannot be opened ({error})");
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EACCES) => OPEN.answer(what),
        Some(Errno::EPERM) => DriveAnswer::Unreadable {
            why: format!("{what}: the device rules of a container forbid it; run this on the host"),
            missing: None,
        },
        Some(Errno::ENOENT) => DriveAnswer::Unreadable {
            why: format!("there is no {node} here; run this on the host"),
            missing: None,
        },
        _ => DriveAnswer::Unreadable { why: what, missing: None },
    }
}

/// The answer for a command the kernel did not pass on.
pub(super) fn not_passed_on(node: &str, errno: Errno, needs: &Capability) -> DriveAnswer {
    let what = format!("the kernel does not pass commands on to {node} ({})", errno.desc());
    match errno {
        Errno::EPERM | Errno::EACCES => needs.answer(what),
        _ => DriveAnswer::Unreadable { why: what, missing: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_capability_is_seen_in_the_effective_set() {
        let status = "CapPrm:\t000001ffffffffff\nCapEff:\t000001fffffdffff\nCapBnd:\t0\n";
        assert!(RAWIO.is_missing(status));
        assert!(!ADMIN.is_missing(status));
        assert!(!RAWIO.is_missing(""), "not known is not missing");
    }

    #[test]
    fn only_a_refused_command_is_blamed_on_a_capability() {
        let answer = not_passed_on("/dev/vda", Errno::ENOTTY, &RAWIO);
        let DriveAnswer::Unreadable { why, missing: None } = answer else { panic!("{answer:?}") };
        assert!(why.contains("/dev/vda") && why.contains("Not a typewriter"), "{why}");
    }
}
