//! What a drive's own words mean, by vendor and model: facts free of quirks,
//! and whether it can test itself.

mod ata_facts;
mod drive_facts;
mod nvme_facts;
mod raw_values;
mod scsi_facts;
mod self_test;
mod wear;

pub use drive_facts::drive_facts;
pub use self_test::self_test;
