//! ATA commands inside SCSI commands (SAT-4, ATA PASS-THROUGH): the few that
//! read a drive's health, and the one that starts a self-test in the
//! background. What is not here cannot be sent.

/// How the ATA command is wrapped. A disk on a SATA or SAS adapter takes the
/// long form; some USB bridges only the short one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// ATA PASS-THROUGH (16).
    Sixteen,
    /// ATA PASS-THROUGH (12).
    Twelve,
}

/// Bytes of one ATA page.
pub const PAGE: usize = 512;

/// An ATA command of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtaCommand {
    /// IDENTIFY DEVICE.
    Identify,
    /// SMART READ DATA.
    SmartData,
    /// SMART READ THRESHOLDS.
    Thresholds,
    /// SMART RETURN STATUS: no data, the answer is in the registers.
    ReturnStatus,
    /// SMART READ LOG of this log's first page.
    Log(u8),
    /// READ LOG EXT: this page of this log.
    LogExt(u8, u16),
    /// SMART EXECUTE OFFLINE IMMEDIATE in the background: a long self-test, or
    /// a short one. A captive one would block the disk, and is not offered.
    SelfTest {
        /// Every block is read.
        long: bool,
    },
}

/// Feature, LBA low, whether SMART's key stands in LBA mid and high, command.
struct Registers {
    feature: u8,
    lba_low: u8,
    lba_mid: u8,
    lba_high: u8,
    command: u8,
}

const SMART: u8 = 0xB0;

impl AtaCommand {
    /// Whether a page of data comes back.
    #[must_use]
    pub fn has_data(self) -> bool {
        !matches!(self, Self::ReturnStatus | Self::SelfTest { .. })
    }

    fn registers(self) -> Registers {
        // SMART commands carry the key 4Fh/C2h (ACS-3, 7.46).
        let smart = |feature, lba_low| Registers {
            feature,
            lba_low,
            lba_mid: 0x4F,
            lba_high: 0xC2,
            command: SMART,
        };
        match self {
            Self::Identify => {
                Registers { feature: 0, lba_low: 0, lba_mid: 0, lba_high: 0, command: 0xEC }
            }
            Self::SmartData => smart(0xD0, 0),
            Self::Thresholds => smart(0xD1, 1),
            Self::ReturnStatus => smart(0xDA, 0),
            Self::Log(log) => smart(0xD5, log),
            Self::LogExt(log, page) => Registers {
                feature: 0,
                lba_low: log,
                lba_mid: (page & 0xFF) as u8,
                lba_high: 0,
                command: 0x2F,
            },
            Self::SelfTest { long } => smart(0xD4, if long { 2 } else { 1 }),
        }
    }

    /// The SCSI command; `None` where this wrapping cannot carry it: the short
    /// one has no room for the long registers of READ LOG EXT.
    #[must_use]
    pub fn cdb(self, wrapping: Wrapping) -> Option<Vec<u8>> {
        let registers = self.registers();
        let count = u8::from(self.has_data());
        let extended = matches!(self, Self::LogExt(..));
        // PIO data-in (4) or non-data (3), in bits 4:1.
        let protocol = if self.has_data() { 4 << 1 } else { 3 << 1 };
        // From the device, in blocks, as many as the count says; or CK_COND:
        // the registers come back. Never both: libata then calls good data an
        // aborted command.
        let flags = if self.has_data() { 0x0E } else { 0x20 };
        let Registers { feature, lba_low, lba_mid, lba_high, command } = registers;
        match (wrapping, self) {
            (Wrapping::Sixteen, Self::LogExt(_, page)) => {
                let page_high = (page >> 8) as u8;
                Some(vec![
                    0x85,
                    protocol | 1,
                    flags,
                    0,
                    feature,
                    0,
                    count,
                    0,
                    lba_low,
                    page_high,
                    lba_mid,
                    0,
                    lba_high,
                    0,
                    command,
                    0,
                ])
            }
            (Wrapping::Sixteen, _) => Some(vec![
                0x85, protocol, flags, 0, feature, 0, count, 0, lba_low, 0, lba_mid, 0, lba_high,
                0, command, 0,
            ]),
            (Wrapping::Twelve, _) if extended => None,
            (Wrapping::Twelve, _) => Some(vec![
                0xA1, protocol, flags, feature, count, lba_low, lba_mid, lba_high, 0, command, 0, 0,
            ]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(command: AtaCommand, wrapping: Wrapping) -> String {
        let bytes = command.cdb(wrapping).expect("a command");
        bytes.iter().map(|byte| format!("{byte:02X} ")).collect::<String>().trim_end().to_owned()
    }

    #[test]
    fn commands_are_those_of_the_standard() {
        for (command, expected) in [
            (AtaCommand::Identify, "85 08 0E 00 00 00 01 00 00 00 00 00 00 00 EC 00"),
            (AtaCommand::SmartData, "85 08 0E 00 D0 00 01 00 00 00 4F 00 C2 00 B0 00"),
            (AtaCommand::Thresholds, "85 08 0E 00 D1 00 01 00 01 00 4F 00 C2 00 B0 00"),
            (AtaCommand::ReturnStatus, "85 06 20 00 DA 00 00 00 00 00 4F 00 C2 00 B0 00"),
            (AtaCommand::Log(6), "85 08 0E 00 D5 00 01 00 06 00 4F 00 C2 00 B0 00"),
            (AtaCommand::LogExt(4, 7), "85 09 0E 00 00 00 01 00 04 00 07 00 00 00 2F 00"),
            (
                AtaCommand::SelfTest { long: true },
                "85 06 20 00 D4 00 00 00 02 00 4F 00 C2 00 B0 00",
            ),
            (
                AtaCommand::SelfTest { long: false },
                "85 06 20 00 D4 00 00 00 01 00 4F 00 C2 00 B0 00",
            ),
        ] {
            assert_eq!(hex(command, Wrapping::Sixteen), expected, "{command:?}");
        }
        let short = hex(AtaCommand::SmartData, Wrapping::Twelve);
        assert_eq!(short, "A1 08 0E D0 01 00 4F C2 00 B0 00 00");
        assert_eq!(AtaCommand::LogExt(4, 7).cdb(Wrapping::Twelve), None);
    }
}
