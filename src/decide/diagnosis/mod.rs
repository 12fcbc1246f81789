//! From what was seen of a slow etcd to findings and one verdict. Pure, and
//! tested by recorded and made-up examinations.

mod ata_facts;
mod bursts;
mod case;
mod cause;
mod chain;
mod circumstances;
mod cluster_findings;
mod condemned;
mod device;
mod device_findings;
mod drive_facts;
mod drive_findings;
mod findings;
mod hanging_findings;
mod kernel_findings;
mod latency_findings;
mod log_findings;
mod member_numbers;
mod next_steps;
mod nothing_found;
mod nvme_facts;
mod origin_findings;
mod pace;
mod quiet;
mod raw_values;
mod scsi_facts;
mod self_test;
mod sentence;
mod sharing_findings;
mod sick_disk;
mod slow_voter;
mod spreads;
mod storage_findings;
mod symptom_findings;
#[cfg(test)]
mod testing;
mod unknown;
mod verdict;
mod wear;
mod wording;

pub use bursts::{Burst, bursts, longest};
pub use drive_facts::drive_facts;
pub use member_numbers::member_numbers;
pub use quiet::{WriteThrough, write_through};
pub use self_test::self_test;
pub use sick_disk::sick_disks;
pub use slow_voter::slow_voter;
pub use spreads::{between, since_start};

use crate::model::diagnosis::{Diagnosis, Examined};

/// Everything that is wrong, and what it comes to.
#[must_use]
pub fn diagnose(examined: &Examined) -> Diagnosis {
    let case = case::Case::of(examined);
    let findings = findings::findings(&case);
    let verdict = verdict::verdict(&case, &findings);
    Diagnosis { findings, verdict }
}

#[cfg(test)]
#[path = "never_panics_tests.rs"]
mod tests;
