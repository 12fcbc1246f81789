//! `diagnose` for people: the verdict first, then its evidence, from etcd down
//! to the drive.

use crate::model::diagnosis::{Diagnosis, Examined};

/// The whole answer.
#[must_use]
pub fn diagnosis(_examined: &Examined, diagnosis: &Diagnosis, _width: usize) -> String {
    diagnosis.verdict.sentence.clone()
}
