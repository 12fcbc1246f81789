//! What drives answer.

use etcd_rescue::{
    decide,
    model::diagnosis::{
        AtaHealth, DriveAnswer, DriveHealth, NvmeHealth, ScsiHealth, SelfTestState,
    },
    observe::smart::{
        ata_identity::Identity, ata_pages, ata_self_tests, ata_statistics, nvme_pages, scsi_pages,
    },
    sys::sense::{Registers, Sense},
};

/// An answer crosses from the child unchanged, and something is made of it.
fn travels(answer: DriveAnswer) {
    let health = DriveHealth { disk: "sda".to_owned(), answer };
    let written = serde_json::to_string(&health).expect("written");
    let read: DriveHealth = serde_json::from_str(&written).expect("as it was written");
    assert_eq!(read, health);
    let facts = decide::drive_facts(&health).expect("it answered");
    assert!(facts.life_left.is_none_or(|left| left.percent <= 100));
    assert!(facts.self_test_left.is_none_or(|left| left <= 100));
}

/// Pages of an ATA drive, 512 bytes each: IDENTIFY, data, thresholds, the
/// self-test log, device statistics; sense data behind them.
pub fn ata_pages(bytes: &[u8]) {
    let page = |number: usize| bytes.get(number * 512..).unwrap_or_default();
    let page = |number| page(number).get(..512).unwrap_or(page(number));
    let (data, thresholds, log) = (page(1), page(2), page(3));
    let attributes = ata_pages::attributes(data, Some(thresholds));
    assert!(attributes.len() <= 30 && attributes.iter().all(|attribute| attribute.id != 0));
    let self_tests = ata_self_tests::all(data, log);
    assert!(self_tests.len() <= 22);
    let running = self_tests.iter().skip(1).filter(|test| test.state == SelfTestState::Running);
    assert!(running.count() <= 20);
    let identity = Identity::parse(page(0)).unwrap_or_default();
    assert!(identity.model.is_ascii() && identity.serial.len() <= 20);
    let _ = (ata_pages::checksum_holds(data), ata_pages::error_count(log));
    let sense = bytes.get(5 * 512..).unwrap_or_default();
    let _ = (Sense::parse(sense), Registers::parse(sense));
    let pages = ata_statistics::pages(page(4));
    assert!(!pages.contains(&0) && pages.len() < 256);
    travels(DriveAnswer::Ata(Box::new(AtaHealth {
        model: identity.model,
        rotation: identity.rotation,
        link_speed: identity.link_speed,
        best_link_speed: identity.best_link_speed,
        status: ata_pages::status(sense),
        attributes,
        self_tests,
        self_test_minutes: ata_pages::abilities(data).self_test_minutes,
        power_on_hours: ata_statistics::value(page(4), 1, 16),
        used_percent: ata_statistics::value(page(4), 7, 8).map(|used| (used & 0xFF) as u8),
        ..AtaHealth::default()
    })));
}

/// Pages of an NVMe controller: IDENTIFY up to its vendor's part, then the
/// SMART, the self-test and EBS' log.
pub fn nvme_pages(bytes: &[u8]) {
    let (identity, logs) = bytes.split_at(bytes.len().min(1_024));
    let identity: NvmeHealth = nvme_pages::identity(identity).unwrap_or_default();
    let health = nvme_pages::with_smart(&identity, logs).unwrap_or(identity);
    let logs = logs.get(nvme_pages::SMART..).unwrap_or_default();
    let self_tests = nvme_pages::self_tests(logs);
    assert!(self_tests.len() <= 21);
    travels(DriveAnswer::Nvme(Box::new(NvmeHealth {
        self_tests,
        ebs: nvme_pages::ebs(logs),
        ..health
    })));
}

/// Pages of a SCSI drive: INQUIRY, then any page.
pub fn scsi_pages(bytes: &[u8]) {
    let (inquiry, page) = bytes.split_at(bytes.len().min(96));
    let health: ScsiHealth = scsi_pages::inquiry(inquiry).unwrap_or_default();
    let self_tests = scsi_pages::self_tests(page);
    assert!(self_tests.len() <= page.len());
    assert!(scsi_pages::log_pages(page).iter().all(|code| *code < 0x40));
    assert!(scsi_pages::percent_left(page).is_none_or(|left| left <= 100));
    travels(DriveAnswer::Scsi(Box::new(ScsiHealth {
        serial: scsi_pages::serial(page),
        rotation: scsi_pages::rotation(page).unwrap_or_default(),
        exception: scsi_pages::exception(page),
        temperature_c: scsi_pages::temperature(page),
        uncorrected: [2, 3, 5].map(|code| scsi_pages::uncorrected(page, code)),
        grown_defects: scsi_pages::grown_defects(page),
        used_percent: scsi_pages::used_percent(page),
        power_on_hours: scsi_pages::power_on_hours(page),
        non_medium_errors: scsi_pages::non_medium_errors(page),
        self_tests,
        ..health
    })));
}
