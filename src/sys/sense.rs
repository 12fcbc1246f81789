//! Sense data: why a SCSI command failed, and the registers an ATA command
//! left (SPC-5, 4.4; SAT-4, 12.2).

/// Key, additional code and qualifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sense {
    /// Sense key: 5 = illegal request, 0Bh = aborted.
    pub key: u8,
    /// Additional sense code: 20h = no such command, 24h = no such field.
    pub code: u8,
    /// Its qualifier.
    pub qualifier: u8,
}

/// The registers after an ATA command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// Error; bit 2 = aborted.
    pub error: u8,
    /// Status; bit 0 = look at the error.
    pub status: u8,
    /// LBA bits 15:8.
    pub lba_mid: u8,
    /// LBA bits 23:16.
    pub lba_high: u8,
}

impl Sense {
    /// In fixed or in descriptor format.
    #[must_use]
    pub fn parse(sense: &[u8]) -> Option<Self> {
        let at = |at: usize| sense.get(at).copied();
        match at(0)? & 0x7F {
            0x70 | 0x71 => Some(Self {
                key: at(2)? & 0x0F,
                code: at(12).unwrap_or_default(),
                qualifier: at(13).unwrap_or_default(),
            }),
            0x72 | 0x73 => Some(Self { key: at(1)? & 0x0F, code: at(2)?, qualifier: at(3)? }),
            _ => None,
        }
    }

    /// Whether it only says that an ATA command's registers came back: it went
    /// well.
    #[must_use]
    pub fn is_ata_information(self) -> bool {
        (self.key, self.code, self.qualifier) == (1, 0, 0x1D)
    }

    /// Whether the device does not know the command.
    #[must_use]
    pub fn is_unknown_command(self) -> bool {
        self.key == 5 && self.code == 0x20
    }
}

impl std::fmt::Display for Sense {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, code, qualifier } = self;
        write!(f, "sense {key:x}/{code:02x}/{qualifier:02x}")
    }
}

impl Registers {
    /// From an ATA status return descriptor, or from fixed sense data that say
    /// "ATA pass-through information available" (00/1D). Some bridges return
    /// only zeros, which is no answer.
    #[must_use]
    pub fn parse(sense: &[u8]) -> Option<Self> {
        let at = |at: usize| sense.get(at).copied();
        let registers = match at(0)? & 0x7F {
            0x70 | 0x71 if at(12)? == 0 && at(13)? == 0x1D => {
                Self { error: at(3)?, status: at(4)?, lba_mid: at(10)?, lba_high: at(11)? }
            }
            0x72 | 0x73 => {
                let descriptor = ata_descriptor(sense.get(8..)?)?;
                let at = |at: usize| descriptor.get(at).copied();
                Self { error: at(3)?, status: at(13)?, lba_mid: at(9)?, lba_high: at(11)? }
            }
            _ => return None,
        };
        (registers.status != 0).then_some(registers)
    }
}

/// The descriptor of type 9 among those of a sense.
fn ata_descriptor(mut descriptors: &[u8]) -> Option<&[u8]> {
    while let [kind, length, ..] = descriptors {
        let end = 2 + usize::from(*length);
        if *kind == 9 {
            return descriptors.get(..end);
        }
        descriptors = descriptors.get(end..)?;
    }
    None
}
