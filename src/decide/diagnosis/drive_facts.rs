//! What a drive's answer means, by vendor and model.

use crate::model::diagnosis::{DriveFacts, DriveHealth};

/// The facts of a drive; `None` when it did not answer for itself.
#[must_use]
pub fn drive_facts(_health: &DriveHealth) -> Option<DriveFacts> {
    None
}
