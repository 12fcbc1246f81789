//! The life an ATA drive has left. The attribute that tells it, and whether in
//! its normalised or in its raw value, is the vendor's choice: what no rule
//! here knows stays unknown.

use super::ata_facts::attribute;
use crate::model::diagnosis::{AtaAttribute, AtaHealth, LifeLeft};

/// Where an attribute keeps the percentage left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// In the normalised value.
    Value,
    /// In the normalised value, which stays 0 below it; the raw value is the
    /// percentage used (Micron).
    ValueOrUsed,
    /// In the whole raw value.
    Raw,
    /// In the lowest byte of the raw value.
    LowByte,
    /// In the raw value where that is a percentage, else in the normalised
    /// one (Phison).
    RawOrValue,
}

/// How a family of drives tells it: the first of these attributes it has.
type Rule = &'static [(u8, Column)];

const MICRON: Rule = &[(202, Column::ValueOrUsed)];
const SAMSUNG: Rule = &[(177, Column::Value)];
const SAMSUNG_CM871: Rule = &[(173, Column::Value)];
const INTEL: Rule = &[(233, Column::Value)];
const INTEL_OF_DELL: Rule = &[(245, Column::Raw)];
const PHISON: Rule = &[(231, Column::RawOrValue)];
const SANDFORCE: Rule = &[(231, Column::Value)];
const SANDISK: Rule = &[(201, Column::Value)];
const SANDISK_CLOUDSPEED: Rule = &[(177, Column::Value), (245, Column::Value)];
const HYNIX: Rule = &[(231, Column::Value), (245, Column::Value)];
const SILICON_MOTION: Rule = &[(169, Column::Raw), (248, Column::Raw)];
const SEAGATE_NYTRO: Rule = &[(231, Column::LowByte)];
const SEAGATE_BARRACUDA: Rule = &[(231, Column::LowByte)];

/// Families by how their model begins; the first that fits.
const FAMILIES: &[(&str, Rule)] = &[
    ("Micron_", MICRON),
    ("Micron ", MICRON),
    ("MICRON_", MICRON),
    ("MTFD", MICRON),
    ("Crucial_", MICRON),
    ("M4-CT", MICRON),
    ("C300-", MICRON),
    ("C400-", MICRON),
    ("SAMSUNG MZ7LF", SAMSUNG_CM871),
    ("SAMSUNG MZNLF", SAMSUNG_CM871),
    ("MZ7LF", SAMSUNG_CM871),
    ("MZNLF", SAMSUNG_CM871),
    ("SAMSUNG MZ", SAMSUNG),
    ("MZ7", SAMSUNG),
    ("Samsung SSD", SAMSUNG),
    ("SAMSUNG SSD", SAMSUNG),
    ("INTEL SSDS", INTEL),
    ("SOLIDIGM SSDS", INTEL),
    ("SSDSC", INTEL),
    ("KINGSTON SKC300", SANDFORCE),
    ("KINGSTON SKC380", SANDFORCE),
    ("KINGSTON SV300", SANDFORCE),
    ("KINGSTON SH103", SANDFORCE),
    ("KINGSTON SA400", PHISON),
    ("KINGSTON SKC", PHISON),
    ("KINGSTON SEDC", PHISON),
    ("KINGSTON DC500", PHISON),
    ("OCZ-VERTEX2", SANDFORCE),
    ("OCZ-VERTEX3", SANDFORCE),
    ("OCZ-AGILITY", SANDFORCE),
    ("Corsair Force", SANDFORCE),
    ("SanDisk", SANDISK),
    ("SDLF", SANDISK_CLOUDSPEED),
    ("HFS", HYNIX),
    ("SK hynix", HYNIX),
    ("InnoDisk", SILICON_MOTION),
    ("Innodisk", SILICON_MOTION),
    ("XA", SEAGATE_NYTRO),
];

/// The life left, and whose word that is. The standard's own number comes
/// before every vendor's.
pub(crate) fn life_left(ata: &AtaHealth) -> Option<LifeLeft> {
    if let Some(used) = ata.used_percent {
        return Some(LifeLeft {
            percent: 100_u8.saturating_sub(used),
            source: format!("device statistics page 07h, {used} % of the rated endurance used"),
        });
    }
    // What turns does not wear so, and uses these numbers for other things.
    if ata.rotation > 1 {
        return None;
    }
    let rule = rule(ata)?;
    rule.iter().find_map(|(id, column)| read(attribute(ata, *id)?, *column))
}

fn rule(ata: &AtaHealth) -> Option<Rule> {
    let model = ata.model.as_str();
    // Dell's drives of Intel keep the model and end in "R".
    if model.starts_with("SSDSC") && model.ends_with('R') {
        return Some(INTEL_OF_DELL);
    }
    let family = FAMILIES.iter().find(|(prefix, _)| model.starts_with(prefix));
    family.map(|(_, rule)| *rule).or_else(|| numbered(model))
}

/// Families whose models begin with letters and a capacity.
fn numbered(model: &str) -> Option<Rule> {
    let capacity_behind = |prefix: &str| {
        let rest = model.strip_prefix(prefix)?;
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        (digits > 1).then(|| rest.get(digits..).unwrap_or_default())
    };
    // "CT500MX500SSD1"; "TS256GSSD370S"; "ZA480NM10001", "ZA500CM10002".
    if capacity_behind("CT").is_some() {
        return Some(MICRON);
    }
    if capacity_behind("TS").is_some_and(|rest| rest.starts_with('G')) {
        return Some(SILICON_MOTION);
    }
    match capacity_behind("ZA")?.get(..2)? {
        "NM" => Some(SEAGATE_NYTRO),
        "CM" => Some(SEAGATE_BARRACUDA),
        _ => None,
    }
}

fn read(attribute: &AtaAttribute, column: Column) -> Option<LifeLeft> {
    let AtaAttribute { id, value, raw, .. } = *attribute;
    let percent = |number: u64| u8::try_from(number).ok().filter(|number| *number <= 100);
    // 0 and what is above 100 are no normalised percentages.
    let normalised = || percent(u64::from(value)).filter(|value| *value > 0);
    let raw_percent = || percent(raw).filter(|raw| *raw > 0);
    // A raw 0 beside a normalised value of a sound drive was never filled in.
    let told = |left: &u8| *left > 0 || value <= 1;
    let from = |found: Option<u8>, where_: &str| {
        let (name, found) = (name(id), found?);
        Some(LifeLeft { percent: found, source: format!("attribute {id} {name}, {where_}") })
    };
    match column {
        Column::Value => from(normalised(), "normalised value"),
        Column::ValueOrUsed if value == 0 && (100..=255).contains(&raw) => {
            from(Some(0), &format!("raw value: {raw} % used"))
        }
        Column::ValueOrUsed => from(normalised(), "normalised value"),
        Column::Raw => from(percent(raw).filter(told), "raw value"),
        Column::LowByte => from(percent(raw & 0xFF).filter(told), "raw value"),
        Column::RawOrValue => match raw_percent() {
            Some(raw) => from(Some(raw), "raw value"),
            None => from(normalised(), "normalised value"),
        },
    }
}

fn name(id: u8) -> &'static str {
    match id {
        169 => "Remaining_Lifetime_Perc",
        173 | 177 => "Wear_Leveling_Count",
        201 => "Lifetime_Remaining",
        202 => "Percent_Lifetime_Remain",
        231 => "SSD_Life_Left",
        233 => "Media_Wearout_Indicator",
        245 => "Percent_Life_Remaining",
        _ => "life left",
    }
}
