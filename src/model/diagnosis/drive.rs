//! What a drive's firmware says of itself, as it says it: no vendor's meaning
//! is put into it here.

use serde::{Deserialize, Serialize};

/// A leaf disk and what its firmware answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriveHealth {
    /// The kernel's name ("sda", "nvme0n1").
    pub disk: String,
    /// What came back.
    pub answer: DriveAnswer,
}

/// What came back from a drive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DriveAnswer {
    /// An ATA drive.
    Ata(Box<AtaHealth>),
    /// An NVMe drive.
    Nvme(Box<NvmeHealth>),
    /// A SCSI or SAS drive.
    Scsi(Box<ScsiHealth>),
    /// Something stands between: nothing is known of the drive.
    Hidden {
        /// "a MegaRAID controller (megaraid_sas)".
        by: String,
        /// Commands or places that would show it; may be empty.
        look: Vec<String>,
    },
    /// It is emulated: what it says is not about a real drive, and can clear
    /// none.
    Emulated {
        /// "QEMU".
        by: String,
        /// What it says all the same.
        said: Option<Box<DriveAnswer>>,
    },
    /// It could not be asked.
    Unreadable {
        /// Why.
        why: String,
        /// The capability we lack ("CAP_SYS_RAWIO").
        missing: Option<String>,
    },
    /// It did not answer in time: it may hang.
    Silent {
        /// How long was waited, milliseconds.
        after_ms: u64,
    },
}

impl DriveAnswer {
    /// What a drive said, be it real or emulated, and by what it is emulated.
    #[must_use]
    pub fn said(&self) -> (&Self, Option<&str>) {
        match self {
            Self::Emulated { by, said } => (said.as_deref().unwrap_or(self), Some(by)),
            answer => (answer, None),
        }
    }

    /// Amazon EBS' statistics, where it is such a volume.
    #[must_use]
    pub fn ebs(&self) -> Option<&EbsStatistics> {
        match self.said().0 {
            Self::Nvme(health) => health.ebs.as_ref(),
            _ => None,
        }
    }
}

/// The drive's own one-bit verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmartStatus {
    /// It predicts no failure, which means little.
    Passed,
    /// It predicts its failure.
    Failing,
    /// It did not say.
    #[default]
    Unknown,
}

/// One row of the attribute table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtaAttribute {
    /// 1 to 255.
    pub id: u8,
    /// Bit 0: at or below the threshold means failure soon.
    pub flags: u16,
    /// Normalised; 0, 254 and 255 are none.
    pub value: u8,
    /// The lowest value ever.
    pub worst: u8,
    /// Threshold; `None` when it could not be read.
    pub threshold: Option<u8>,
    /// 48 bits whose meaning is the vendor's.
    pub raw: u64,
}

/// How a self-test went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfTestState {
    /// It found nothing.
    Completed,
    /// Somebody or something ended it.
    Aborted,
    /// It found a fault.
    Failed,
    /// It runs.
    Running,
    /// A code without meaning.
    Unknown,
}

/// One self-test from the drive's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTest {
    /// "short", "long" or the drive's code.
    pub kind: String,
    /// How it went.
    pub state: SelfTestState,
    /// Power-on hours then; ATA counts modulo 65536.
    pub hours: Option<u64>,
    /// Percent still to do, while it runs.
    pub left_percent: Option<u8>,
    /// The first bad block.
    pub lba: Option<u64>,
    /// The drive's own words for a failure ("read failure").
    pub detail: Option<String>,
}

/// An ATA drive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AtaHealth {
    /// IDENTIFY words 27-46.
    pub model: String,
    /// Words 10-19.
    pub serial: String,
    /// Words 23-26.
    pub firmware: String,
    /// Revolutions a minute; 1 = solid state, 0 = not told (word 217).
    pub rotation: u16,
    /// Whether the volatile write cache is on (word 85).
    pub write_cache: Option<bool>,
    /// Link speed now, tenths of Gb/s (word 77).
    pub link_speed: Option<u16>,
    /// The best it can, tenths of Gb/s (word 76).
    pub best_link_speed: Option<u16>,
    /// Whether SMART is there and on.
    pub smart_enabled: bool,
    /// SMART RETURN STATUS.
    pub status: SmartStatus,
    /// The attribute table.
    pub attributes: Vec<AtaAttribute>,
    /// Errors the drive logged, ever.
    pub error_count: Option<u64>,
    /// Self-tests, the newest first; a running one first.
    pub self_tests: Vec<SelfTest>,
    /// Minutes a short and a long self-test take.
    pub self_test_minutes: Option<(u16, u16)>,
    /// Device statistics: percent of the rated life used (page 7).
    pub used_percent: Option<u8>,
    /// Power-on hours (page 1).
    pub power_on_hours: Option<u64>,
    /// Uncorrectable errors reported (page 4).
    pub reported_uncorrectable: Option<u64>,
    /// Resets between a command's acceptance and its end (page 4).
    pub resets_in_command: Option<u64>,
    /// Interface CRC errors (page 6).
    pub crc_errors: Option<u64>,
    /// Pages that could not be read or looked damaged, in sentences.
    pub complaints: Vec<String>,
}

/// An NVMe drive: log page 02 and what IDENTIFY says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NvmeHealth {
    /// Model.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Firmware revision.
    pub firmware: String,
    /// PCI vendor.
    pub vendor_id: u16,
    /// Whether it has a volatile write cache: without one a flush is free.
    pub write_cache: Option<bool>,
    /// Critical warning bits.
    pub critical_warning: u8,
    /// Kelvin; 0 = not reported.
    pub temperature_k: u16,
    /// Percent.
    pub available_spare: u8,
    /// Percent.
    pub spare_threshold: u8,
    /// Percent of the rated life; up to 255.
    pub used_percent: u8,
    /// Units of 512,000 bytes.
    #[serde(with = "super::wide")]
    pub data_units_written: u128,
    /// Hours.
    #[serde(with = "super::wide")]
    pub power_on_hours: u128,
    /// Power losses without a shutdown.
    #[serde(with = "super::wide")]
    pub unsafe_shutdowns: u128,
    /// Media and data integrity errors.
    #[serde(with = "super::wide")]
    pub media_errors: u128,
    /// Entries of the error log, ever; harmless host commands count too.
    #[serde(with = "super::wide")]
    pub error_entries: u128,
    /// Minutes above the warning temperature.
    pub warm_minutes: u32,
    /// Minutes above the critical temperature.
    pub hot_minutes: u32,
    /// Self-tests, the newest first; a running one first.
    pub self_tests: Vec<SelfTest>,
    /// Whether it can test itself.
    pub can_self_test: bool,
    /// Minutes a long self-test takes.
    pub self_test_minutes: Option<u16>,
    /// Amazon EBS' own latency truth.
    pub ebs: Option<EbsStatistics>,
    /// What could not be read, in sentences.
    pub complaints: Vec<String>,
}

/// Log page D0h of an Amazon EBS volume: microseconds since it was attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EbsStatistics {
    /// Writes.
    pub writes: u64,
    /// Their time.
    pub write_us: u64,
    /// The volume's IOPS were exceeded for so long.
    pub volume_iops_exceeded_us: u64,
    /// The volume's throughput.
    pub volume_throughput_exceeded_us: u64,
    /// The instance's IOPS.
    pub instance_iops_exceeded_us: u64,
    /// The instance's throughput.
    pub instance_throughput_exceeded_us: u64,
}

/// A SCSI drive: its log pages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScsiHealth {
    /// INQUIRY vendor.
    pub vendor: String,
    /// INQUIRY product.
    pub product: String,
    /// INQUIRY revision.
    pub revision: String,
    /// VPD page 80h.
    pub serial: Option<String>,
    /// Revolutions a minute; 1 = solid state, 0 = not told.
    pub rotation: u16,
    /// Informational exceptions (page 2Fh): additional sense code and
    /// qualifier; 5Dh = failure predicted.
    pub exception: Option<(u8, u8)>,
    /// Degrees Celsius.
    pub temperature_c: Option<u8>,
    /// Uncorrected write, read and verify errors.
    pub uncorrected: [Option<u64>; 3],
    /// Grown defects.
    pub grown_defects: Option<u64>,
    /// Percent of the rated life used (page 11h).
    pub used_percent: Option<u8>,
    /// Hours, from the background scan page.
    pub power_on_hours: Option<u64>,
    /// Errors that are not of the medium (page 06h).
    pub non_medium_errors: Option<u64>,
    /// Self-tests, the newest first.
    pub self_tests: Vec<SelfTest>,
    /// What could not be read, in sentences.
    pub complaints: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(answer: DriveAnswer) {
        let health = DriveHealth { disk: "sda".to_owned(), answer };
        let written = postcard::to_allocvec(&health).expect("written");
        let read: DriveHealth = postcard::from_bytes(&written).expect("read");
        assert_eq!(read, health);
    }

    #[test]
    fn every_answer_crosses_from_the_child_to_its_parent() {
        let nvme = NvmeHealth {
            media_errors: 7,
            data_units_written: u128::from(u64::MAX),
            self_tests: vec![],
            ebs: Some(EbsStatistics { writes: u64::MAX, ..EbsStatistics::default() }),
            ..NvmeHealth::default()
        };
        let attribute = AtaAttribute { id: 188, raw: 0xFFFF_FFFF_FFFF, ..AtaAttribute::default() };
        let ata = AtaHealth { attributes: vec![attribute], ..AtaHealth::default() };
        let nvme = DriveAnswer::Nvme(Box::new(nvme));
        there_and_back(DriveAnswer::Emulated {
            by: "QEMU".to_owned(),
            said: Some(Box::new(nvme.clone())),
        });
        there_and_back(nvme);
        there_and_back(DriveAnswer::Ata(Box::new(ata)));
        there_and_back(DriveAnswer::Scsi(Box::default()));
        there_and_back(DriveAnswer::Silent { after_ms: 15_000 });
    }
}
