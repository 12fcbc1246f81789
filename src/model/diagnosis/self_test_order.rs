//! Which drive is to test itself, and how it is told.

use serde::{Deserialize, Serialize};

/// The language a drive understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriveProtocol {
    /// ATA inside SCSI.
    Ata,
    /// NVMe.
    Nvme,
    /// SCSI.
    Scsi,
}

/// A self-test to be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTestOrder {
    /// The leaf disk, as etcd's place is called after it ("sda", "nvme0n1").
    pub disk: String,
    /// The node to talk to ("sda", "nvme0").
    pub node: String,
    /// How.
    pub protocol: DriveProtocol,
    /// Every block is read; otherwise only a few minutes.
    pub long: bool,
    /// Minutes it takes, where the drive tells.
    pub minutes: Option<u16>,
    /// By what the drive is emulated.
    pub emulated_by: Option<String>,
}
