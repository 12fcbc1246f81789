//! What an NVMe drive's answer means.

use super::drive_facts::{failed_self_test, label, self_test_left};
use crate::model::diagnosis::{DriveFacts, LifeLeft, NvmeHealth};

/// The facts of an NVMe drive, but for its name.
pub(crate) fn facts(nvme: &NvmeHealth) -> DriveFacts {
    let count = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
    DriveFacts {
        label: label(&nvme.model, &nvme.serial),
        solid_state: Some(true),
        power_on_hours: Some(count(nvme.power_on_hours)).filter(|hours| *hours > 0),
        life_left: life_left(nvme),
        media_errors: Some(count(nvme.media_errors)),
        warnings: warnings(nvme),
        // Each counts the minutes the other does not.
        hot_minutes: Some(u64::from(nvme.warm_minutes) + u64::from(nvme.hot_minutes)),
        failed_self_test: failed_self_test(&nvme.self_tests),
        self_test_left: self_test_left(&nvme.self_tests),
        ..DriveFacts::default()
    }
}

/// Whether the drive reports its wear at all: emulated ones leave all three
/// at 0.
fn reports_wear(nvme: &NvmeHealth) -> bool {
    nvme.available_spare != 0 || nvme.spare_threshold != 0 || nvme.used_percent != 0
}

fn life_left(nvme: &NvmeHealth) -> Option<LifeLeft> {
    reports_wear(nvme).then(|| LifeLeft {
        percent: 100_u8.saturating_sub(nvme.used_percent),
        source: format!("NVMe: {} % of the rated endurance used", nvme.used_percent),
    })
}

/// The critical warning's bits and the spare, in words, each with whether it
/// is critical.
fn warnings(nvme: &NvmeHealth) -> Vec<(String, bool)> {
    let has = |bit: u8| nvme.critical_warning & 1 << bit != 0;
    let NvmeHealth { available_spare, spare_threshold, used_percent, .. } = nvme;
    let spare_is_low = available_spare < spare_threshold;
    let mut warnings = Vec::new();
    if has(0) || spare_is_low {
        let spare = if reports_wear(nvme) {
            format!(": {available_spare} % left, its threshold is {spare_threshold} %")
        } else {
            String::new()
        };
        warnings.push((format!("the spare blocks run out{spare}"), true));
    }
    if has(1) {
        warnings.push(("the temperature is out of bounds: it slows itself down".to_owned(), false));
    }
    if has(2) {
        // Some drives set it only because the rated endurance is reached.
        let only_worn = *used_percent >= 100 && !has(0) && !spare_is_low && nvme.media_errors == 0;
        warnings.push(if only_worn {
            (format!("its rated endurance is spent ({used_percent} % used)"), false)
        } else {
            ("it calls itself unreliable: media or internal errors".to_owned(), true)
        });
    }
    if has(3) {
        warnings.push(("it has become read-only".to_owned(), true));
    }
    if has(4) {
        let what = "the backup of its volatile memory failed: a power loss may lose writes";
        warnings.push((what.to_owned(), true));
    }
    if has(5) {
        warnings.push(("its persistent memory region is unreliable".to_owned(), false));
    }
    warnings
}
