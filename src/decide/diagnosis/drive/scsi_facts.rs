//! What a SCSI drive's answer means.

use super::drive_facts::{failed_self_test, label, self_test_left};
use crate::model::diagnosis::{DriveFacts, LifeLeft, ScsiHealth};

/// The facts of a SCSI drive, but for its name.
pub(crate) fn facts(scsi: &ScsiHealth) -> DriveFacts {
    let model = format!("{} {}", scsi.vendor, scsi.product);
    let serial = scsi.serial.as_deref().unwrap_or_default();
    let (predicts_failure, warnings) = exception(scsi);
    DriveFacts {
        label: label(model.trim(), serial),
        solid_state: match scsi.rotation {
            0 => None,
            rotation => Some(rotation == 1),
        },
        predicts_failure,
        warnings,
        power_on_hours: scsi.power_on_hours,
        life_left: scsi.used_percent.map(|used| LifeLeft {
            percent: 100_u8.saturating_sub(used),
            source: format!("log page 11h, {used} % of the rated endurance used"),
        }),
        reallocated: scsi.grown_defects,
        uncorrectable: scsi.uncorrected.into_iter().flatten().max(),
        failed_self_test: failed_self_test(&scsi.self_tests),
        self_test_left: self_test_left(&scsi.self_tests),
        ..DriveFacts::default()
    }
}

/// What the last informational exception means (SPC-5, annex F): 5D = failure
/// predicted, of which 5D/FF is a test; 0B = a warning.
fn exception(scsi: &ScsiHealth) -> (Option<String>, Vec<(String, bool)>) {
    match scsi.exception {
        Some((0x5D, qualifier)) if qualifier != 0xFF => {
            let words = "the drive predicts its own failure (informational exception";
            (Some(format!("{words} 5D/{qualifier:02X})")), Vec::new())
        }
        Some((0x0B, qualifier)) => {
            let what = match qualifier {
                1 => "its temperature is too high".to_owned(),
                _ => format!("it warns (informational exception 0B/{qualifier:02X})"),
            };
            (None, vec![(what, false)])
        }
        _ => (None, Vec::new()),
    }
}
