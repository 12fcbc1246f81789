//! Whether a drive may be told to test itself, and how.

use crate::model::diagnosis::{
    DriveAnswer, DriveHealth, DriveProtocol, LeafDisk, SelfTest, SelfTestOrder, SelfTestState,
};

/// The order for a drive, by what it answered.
///
/// # Errors
/// Why it cannot or must not, in a sentence.
pub fn self_test(
    leaf: &LeafDisk,
    health: &DriveHealth,
    long: bool,
) -> Result<SelfTestOrder, String> {
    let disk = &leaf.name;
    let (answer, emulated_by) = health.answer.said();
    let (protocol, minutes, tests) = match answer {
        DriveAnswer::Ata(ata) => {
            let (short, full) = ata
                .self_test_minutes
                .ok_or_else(|| format!("{disk} cannot test itself, it says"))?;
            let minutes = Some(if long { full } else { short });
            (DriveProtocol::Ata, minutes.filter(|minutes| *minutes > 0), &ata.self_tests)
        }
        DriveAnswer::Nvme(nvme) if !nvme.can_self_test => {
            return Err(format!("{disk} cannot test itself, it says"));
        }
        DriveAnswer::Nvme(nvme) => {
            // A short one takes at most two minutes, by the standard.
            let minutes = if long { nvme.self_test_minutes } else { Some(2) };
            (DriveProtocol::Nvme, minutes, &nvme.self_tests)
        }
        DriveAnswer::Scsi(scsi) => (DriveProtocol::Scsi, None, &scsi.self_tests),
        DriveAnswer::Hidden { by, look } => {
            let look = look.first().map(|look| format!("; what sees it: {look}"));
            return Err(format!("{disk} is behind {by}{}", look.unwrap_or_default()));
        }
        DriveAnswer::Emulated { by, .. } => {
            return Err(format!("{disk} is emulated by {by}: there is no drive to test"));
        }
        DriveAnswer::Unreadable { why, .. } => return Err(format!("{disk}: {why}")),
        DriveAnswer::Silent { .. } => {
            return Err(format!("{disk} does not answer: it is not asked for more"));
        }
    };
    if let Some(running) = running(tests) {
        return Err(format!("{disk} tests itself already: {running}"));
    }
    Ok(SelfTestOrder {
        disk: disk.clone(),
        node: match protocol {
            DriveProtocol::Nvme => leaf.controller.clone().unwrap_or_else(|| disk.clone()),
            DriveProtocol::Ata | DriveProtocol::Scsi => disk.clone(),
        },
        protocol,
        long,
        minutes,
        emulated_by: emulated_by.map(str::to_owned),
    })
}

/// The test that runs, in words.
fn running(tests: &[SelfTest]) -> Option<String> {
    let running = tests.iter().find(|test| test.state == SelfTestState::Running)?;
    Some(match running.left_percent {
        Some(left) => format!("{left} % are left"),
        None => "it does not tell how far it is".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::diagnosis::{AtaHealth, Bus, NvmeHealth};

    fn leaf(name: &str) -> LeafDisk {
        LeafDisk {
            name: name.to_owned(),
            device: "8:0".to_owned(),
            bus: Bus::Ata,
            driver: None,
            vendor: None,
            model: None,
            serial: None,
            firmware: None,
            size: crate::model::Bytes(0),
            rotational: None,
            write_cache: None,
            scheduler: None,
            state: None,
            controller: name.starts_with("nvme").then(|| "nvme0".to_owned()),
            ata_port: None,
        }
    }

    fn of(name: &str, answer: DriveAnswer) -> Result<SelfTestOrder, String> {
        self_test(&leaf(name), &DriveHealth { disk: name.to_owned(), answer }, true)
    }

    fn ata() -> AtaHealth {
        AtaHealth { self_test_minutes: Some((2, 54)), ..AtaHealth::default() }
    }

    #[test]
    fn a_drive_that_can_is_told_how_and_for_how_long() {
        let order = of("sda", DriveAnswer::Ata(Box::new(ata()))).expect("it can");
        assert_eq!((order.node.as_str(), order.minutes), ("sda", Some(54)));
        let nvme = NvmeHealth { can_self_test: true, ..NvmeHealth::default() };
        let order = of("nvme0n1", DriveAnswer::Nvme(Box::new(nvme))).expect("it can");
        assert_eq!((order.node.as_str(), order.disk.as_str()), ("nvme0", "nvme0n1"));
        assert_eq!(order.minutes, None, "not told");
        let said = Some(Box::new(DriveAnswer::Ata(Box::new(ata()))));
        let emulated = of("sda", DriveAnswer::Emulated { by: "QEMU".to_owned(), said });
        assert_eq!(emulated.expect("it can").emulated_by.as_deref(), Some("QEMU"));
    }

    #[test]
    fn a_drive_that_cannot_is_left_alone() {
        let why = |answer| of("sda", answer).expect_err("refused");
        let cannot = DriveAnswer::Ata(Box::default());
        assert_eq!(why(cannot), "sda cannot test itself, it says");
        assert!(why(DriveAnswer::Nvme(Box::default())).contains("cannot test itself"));
        let running = SelfTest {
            kind: "running".to_owned(),
            state: SelfTestState::Running,
            hours: None,
            left_percent: Some(40),
            lba: None,
            detail: None,
        };
        let busy = AtaHealth { self_tests: vec![running], ..ata() };
        let busy = why(DriveAnswer::Ata(Box::new(busy)));
        assert_eq!(busy, "sda tests itself already: 40 % are left");
        let (by, look) = ("a RAID controller".to_owned(), vec!["storcli".to_owned()]);
        let hidden = why(DriveAnswer::Hidden { by, look });
        assert_eq!(hidden, "sda is behind a RAID controller; what sees it: storcli");
        assert!(why(DriveAnswer::Silent { after_ms: 1 }).contains("does not answer"));
    }
}
