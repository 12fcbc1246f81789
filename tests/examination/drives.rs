//! What drives answered.

use etcd_rescue::model::diagnosis::{
    AtaAttribute, AtaHealth, DriveAnswer, DriveHealth, EbsStatistics, NvmeHealth, SelfTest,
    SelfTestState, SmartStatus,
};

use super::Words;

/// `drive NAME KIND …`.
pub fn read(words: &Words) -> DriveHealth {
    let answer = match words.at(2) {
        "ata" => DriveAnswer::Ata(Box::new(ata(words))),
        "nvme" => DriveAnswer::Nvme(Box::new(nvme(words))),
        "hidden" => DriveAnswer::Hidden {
            by: words.text("by").expect("by="),
            look: words.text("look").into_iter().collect(),
        },
        "emulated" => {
            let said =
                words.get("critical").map(|_| Box::new(DriveAnswer::Nvme(Box::new(nvme(words)))));
            DriveAnswer::Emulated { by: words.text("by").expect("by="), said }
        }
        "unreadable" => DriveAnswer::Unreadable {
            why: words.text("why").expect("why="),
            missing: words.get("missing").map(str::to_owned),
        },
        "silent" => DriveAnswer::Silent { after_ms: 15_000 },
        other => panic!("what is the answer {other}?"),
    };
    DriveHealth { disk: words.at(1).to_owned(), answer }
}

/// `attr=ID,VALUE,WORST,RAW[,THRESHOLD]`.
fn ata(words: &Words) -> AtaHealth {
    let attributes = words.all("attr").into_iter().map(|text| {
        let numbers: Vec<u64> = text.split(',').map(|n| n.parse().expect("a number")).collect();
        let byte = |at: usize| numbers.get(at).and_then(|n| u8::try_from(*n).ok());
        AtaAttribute {
            id: byte(0).expect("an id"),
            flags: 0x33,
            value: byte(1).expect("a value"),
            worst: byte(2).expect("a worst"),
            raw: numbers[3],
            threshold: Some(byte(4).unwrap_or(0)),
        }
    });
    let failed = words.text("failed-test").map(|detail| SelfTest {
        kind: "long".to_owned(),
        state: SelfTestState::Failed,
        hours: Some(41_000),
        left_percent: None,
        lba: Some(123_456),
        detail: Some(detail),
    });
    AtaHealth {
        model: words.get("model").map(str::to_owned).unwrap_or_default(),
        serial: words.get("serial").map(str::to_owned).unwrap_or_default(),
        rotation: words.number("rotation").unwrap_or(1),
        smart_enabled: true,
        status: if words.has("failing") { SmartStatus::Failing } else { SmartStatus::Passed },
        attributes: attributes.collect(),
        self_tests: failed.into_iter().collect(),
        ..AtaHealth::default()
    }
}

fn nvme(words: &Words) -> NvmeHealth {
    let ebs = words.number("iops-exceeded").map(|us| EbsStatistics {
        writes: 1_000,
        write_us: 9_000_000,
        volume_iops_exceeded_us: us,
        ..EbsStatistics::default()
    });
    NvmeHealth {
        model: words.get("model").map(str::to_owned).unwrap_or_default(),
        serial: words.get("serial").map(str::to_owned).unwrap_or_default(),
        critical_warning: words.number("critical").unwrap_or(0),
        available_spare: words.number("spare").unwrap_or(100),
        spare_threshold: words.number("threshold").unwrap_or(10),
        used_percent: words.number("used").unwrap_or(3),
        media_errors: words.number("media").unwrap_or(0),
        power_on_hours: words.number("hours").unwrap_or(9_000),
        ebs,
        ..NvmeHealth::default()
    }
}
