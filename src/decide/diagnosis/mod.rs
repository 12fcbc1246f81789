//! From what was seen of a slow etcd to findings and one verdict. Pure, and
//! tested by recorded and made-up examinations.

mod bursts;
mod case;
mod device;
mod drive;
mod findings;
mod members;
mod sick_disk;
#[cfg(test)]
mod testing;
mod verdict;
mod wording;

pub use bursts::{Burst, bursts, longest};
pub use drive::{drive_facts, self_test};
pub use members::{WriteThrough, between, member_numbers, since_start, slow_voter, write_through};
pub use sick_disk::sick_disks;

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
