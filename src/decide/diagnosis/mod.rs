//! From what was seen of a slow etcd to findings and one verdict. Pure, and
//! tested by recorded and made-up examinations.

mod ata_facts;
mod bursts;
mod drive_facts;
mod findings;
mod member_numbers;
mod nvme_facts;
mod quiet;
mod raw_values;
mod scsi_facts;
mod slow_voter;
mod spreads;
#[cfg(test)]
mod testing;
mod verdict;
mod wear;

pub use bursts::{Burst, bursts, longest};
pub use drive_facts::drive_facts;
pub use findings::findings;
pub use member_numbers::member_numbers;
pub use quiet::{WriteThrough, write_through};
pub use slow_voter::slow_voter;
pub use spreads::{between, since_start};
pub use verdict::verdict;

use crate::model::diagnosis::{Diagnosis, Examined};

/// Everything that is wrong, and what it comes to.
#[must_use]
pub fn diagnose(examined: &Examined) -> Diagnosis {
    let findings = findings(examined);
    let verdict = verdict(examined, &findings);
    Diagnosis { findings, verdict }
}
