//! What a drive's firmware says of itself: pages as bytes turned into the
//! model's words (pure), and who is asked for them in which order (in a child
//! process, as a drive may hang). No vendor's meaning is put into anything
//! here, and nothing is sent to a drive but commands that read.

mod ata_drive;
pub mod ata_identity;
pub mod ata_pages;
pub mod ata_self_tests;
pub mod ata_statistics;
mod behind;
mod bytes;
mod drive;
mod nvme_drive;
pub mod nvme_pages;
mod permission;
mod scsi_drive;
pub mod scsi_pages;

pub use drive::ask;

#[cfg(test)]
mod recorded_tests;
