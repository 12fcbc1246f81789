//! What an ATA drive's answer means.

use super::{
    drive_facts::{failed_self_test, label, self_test_left},
    raw_values, wear,
};
use crate::model::diagnosis::{AtaAttribute, AtaHealth, DriveFacts, SmartStatus};

/// The facts of an ATA drive, but for its name.
pub(crate) fn facts(ata: &AtaHealth) -> DriveFacts {
    let raw = |id| attribute(ata, id).map(|attribute| attribute.raw);
    let uncorrectable = [ata.reported_uncorrectable, raw(187), raw(198)];
    DriveFacts {
        label: label(&ata.model, &ata.serial),
        solid_state: match ata.rotation {
            0 => None,
            rotation => Some(rotation == 1),
        },
        predicts_failure: (ata.status == SmartStatus::Failing)
            .then(|| "SMART status: FAILED, the drive predicts its own failure".to_owned()),
        failing_attributes: ata.attributes.iter().filter_map(failing).collect(),
        power_on_hours: ata
            .power_on_hours
            .or_else(|| raw(9).and_then(|raw| raw_values::hours(raw, &ata.model))),
        life_left: wear::life_left(ata),
        command_timeouts: raw(188).map(raw_values::timeouts).or(ata.resets_in_command),
        // Two words: the count, and something of the vendor's.
        reallocated: raw(5).map(|raw| raw & 0xFFFF),
        pending: raw(197).filter(|pending| !flips(ata, *pending)),
        uncorrectable: uncorrectable.into_iter().flatten().max(),
        crc_errors: ata.crc_errors.or_else(|| raw(199)),
        slow_link: slow_link(ata),
        failed_self_test: failed_self_test(&ata.self_tests),
        self_test_left: self_test_left(&ata.self_tests),
        ..DriveFacts::default()
    }
}

/// The attribute of this id.
pub(crate) fn attribute(ata: &AtaHealth, id: u8) -> Option<&AtaAttribute> {
    ata.attributes.iter().find(|attribute| attribute.id == id)
}

/// Crucial's MX500 shows one pending sector now and then and none a moment
/// later: a fault of its firmware.
fn flips(ata: &AtaHealth, pending: u64) -> bool {
    let model = ata.model.as_str();
    pending == 1 && model.starts_with("CT") && model.contains("MX500")
}

/// An attribute that means failure soon and has reached its threshold.
fn failing(attribute: &AtaAttribute) -> Option<String> {
    let AtaAttribute { id, flags, value, .. } = *attribute;
    // 0 = never, FFh = always: for tests only.
    let threshold = attribute.threshold.filter(|threshold| (1..=0xFE).contains(threshold))?;
    let failing = flags & 1 != 0 && (1..=0xFD).contains(&value) && value <= threshold;
    failing.then(|| {
        let name = name(id).map(|name| format!(" {name}")).unwrap_or_default();
        format!("attribute {id}{name} is at {value}, its threshold is {threshold}")
    })
}

/// Names that mean the same on every drive.
fn name(id: u8) -> Option<&'static str> {
    Some(match id {
        1 => "Raw_Read_Error_Rate",
        3 => "Spin_Up_Time",
        5 => "Reallocated_Sector_Ct",
        7 => "Seek_Error_Rate",
        9 => "Power_On_Hours",
        10 => "Spin_Retry_Count",
        184 => "End-to-End_Error",
        187 => "Reported_Uncorrect",
        188 => "Command_Timeout",
        196 => "Reallocated_Event_Count",
        197 => "Current_Pending_Sector",
        198 => "Offline_Uncorrectable",
        199 => "UDMA_CRC_Error_Count",
        _ => return None,
    })
}

/// A link at the first generation's speed though the drive knows better: a
/// cable or a backplane made it fall back. Half of the best speed is as well
/// that of an older port.
fn slow_link(ata: &AtaHealth) -> Option<String> {
    let (now, best) = (ata.link_speed?, ata.best_link_speed?);
    (now == 15 && best > 15).then(|| {
        format!("the SATA link runs at 1.5 Gb/s, the drive can {}.{} Gb/s", best / 10, best % 10)
    })
}
