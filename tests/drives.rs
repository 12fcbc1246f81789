//! From a drive's pages to what they mean, for drives whose numbers are known:
//! parsers and rules together, on pages built byte by byte.

#[path = "drives/pages.rs"]
mod pages;

use etcd_rescue::{
    decide::drive_facts,
    model::diagnosis::{
        AtaHealth, DriveAnswer, DriveFacts, DriveHealth, LifeLeft, NvmeHealth, ScsiHealth,
        SelfTest, SelfTestState, SmartStatus,
    },
    observe::smart::{ata_identity::Identity, ata_pages, ata_statistics, nvme_pages, scsi_pages},
};
use pages::{Table, log, nvme_identity, nvme_smart, statistics};

fn facts(answer: DriveAnswer) -> DriveFacts {
    let health = DriveHealth { disk: "sda".to_owned(), answer };
    drive_facts(&health).expect("it answered")
}

/// What is made of the pages of an ATA drive.
fn ata(table: &Table) -> AtaHealth {
    let identity = Identity::parse(&table.identity()).expect("an identity");
    let (data, thresholds) = (table.data(), table.thresholds());
    assert!(ata_pages::checksum_holds(&data) && ata_pages::checksum_holds(&thresholds));
    let attributes = ata_pages::attributes(&data, Some(&thresholds));
    assert_eq!(attributes.len(), table.rows.len());
    AtaHealth {
        model: identity.model,
        serial: identity.serial,
        firmware: identity.firmware,
        rotation: identity.rotation,
        smart_enabled: identity.smart_enabled,
        status: SmartStatus::Passed,
        attributes,
        ..AtaHealth::default()
    }
}

fn of_table(table: &Table) -> DriveFacts {
    facts(DriveAnswer::Ata(Box::new(ata(table))))
}

fn recorded(name: &str) -> DriveFacts {
    of_table(&Table::recorded(name))
}

fn left(facts: &DriveFacts) -> Option<u8> {
    facts.life_left.as_ref().map(|left| left.percent)
}

#[test]
fn a_dying_micron_is_seen_in_all_its_numbers() {
    let facts = recorded("micron-5300-dying");
    assert_eq!(facts.label, "Micron_5300_MTFDDAK960TDS, serial SERIAL1");
    assert_eq!(facts.command_timeouts, Some(85));
    assert_eq!(facts.power_on_hours, Some(62_247));
    let source = "attribute 202 Percent_Lifetime_Remain, normalised value".to_owned();
    assert_eq!(facts.life_left, Some(LifeLeft { percent: 9, source }), "raw 91 is what is used");
    assert_eq!(facts.solid_state, Some(true));
    assert_eq!(
        (facts.reallocated, facts.pending, facts.uncorrectable),
        (Some(0), Some(0), Some(0))
    );
    assert_eq!(facts.predicts_failure, None, "its own verdict still says passed");
    assert!(facts.failing_attributes.is_empty());
}

#[test]
fn a_healthy_micron_has_timeouts_too_and_all_its_life() {
    let facts = recorded("micron-5300-healthy");
    assert_eq!(facts.command_timeouts, Some(29));
    assert_eq!(facts.crc_errors, Some(24));
    assert_eq!(left(&facts), Some(100));
    assert_eq!(facts.power_on_hours, Some(4_175));
}

#[test]
fn a_micron_whose_life_is_used_up_has_none_left() {
    let mut table = Table::recorded("micron-5300-dying");
    table.set(202, |row| (row.value, row.worst, row.raw) = (0, 0, 104));
    assert_eq!(left(&of_table(&table)), Some(0));
    table.set(202, |row| (row.value, row.raw) = (0, 0));
    assert_eq!(left(&of_table(&table)), None, "0 is no normalised value");
}

#[test]
fn the_three_words_of_a_seagate_are_unpacked() {
    let facts = recorded("seagate-constellation");
    assert_eq!(facts.command_timeouts, Some(4), "0x0004_0004_0004");
    assert_eq!(facts.reallocated, Some(1));
    assert_eq!((facts.solid_state, left(&facts)), (Some(false), None));
    let mut table = Table::recorded("seagate-constellation");
    table.set(188, |row| row.raw = 0x000C_000C_000C);
    table.set(9, |row| row.raw = 0x6922_0000_84DD);
    let facts = of_table(&table);
    assert_eq!(facts.command_timeouts, Some(12));
    assert_eq!(facts.power_on_hours, Some(34_013), "the upper half is no part of the hours");
}

#[test]
fn a_drive_that_passes_may_have_replaced_hundreds_of_sectors() {
    let facts = recorded("seagate-barracuda");
    assert_eq!(facts.reallocated, Some(304));
    assert_eq!(facts.predicts_failure, None);
    assert!(facts.failing_attributes.is_empty(), "93 is over 36");
}

#[test]
fn wear_is_read_where_the_vendor_keeps_it() {
    assert_eq!(left(&recorded("intel-s3500")), Some(15), "233: value");
    assert_eq!(left(&recorded("intel-of-dell")), Some(100), "245: raw, and 233 counts writes");
    assert_eq!(left(&recorded("samsung-sm843t")), Some(91), "177: value");
    let one = |model: &str, id, value, raw| left(&of_table(&Table::one(model, id, value, raw)));
    assert_eq!(one("KINGSTON SKC400S371T", 231, 100, 74), Some(74), "the value stays at 100");
    assert_eq!(one("KINGSTON SA400S37240G", 231, 98, 98), Some(98));
    assert_eq!(one("KINGSTON SKC300S37A", 231, 97, 3), Some(97), "another controller");
    assert_eq!(one("CT500MX500SSD1", 202, 83, 17), Some(83));
    assert_eq!(one("TS256GSSD370S", 169, 100, 88), Some(88));
    assert_eq!(one("TS256GSSD370S", 169, 100, 0), None, "never filled in");
    assert_eq!(one("TS256GSSD370S", 169, 1, 0), Some(0));
    assert_eq!(one("ZA500CM10002", 231, 0, 0x5f), Some(95));
}

#[test]
fn what_no_rule_knows_stays_unknown() {
    let one = |model: &str, id, value, raw| left(&of_table(&Table::one(model, id, value, raw)));
    assert_eq!(one("WDC WDS500G2B0A", 233, 100, 12), None, "counts gigabytes there");
    assert_eq!(one("WDC WDS500G2B0A", 230, 5, 5), None);
    assert_eq!(one("SAMSUNG MZ7WD240HAFV", 202, 100, 0), None, "another attribute there");
    assert_eq!(one("KIOXIA-EXCERIA SATA SSD", 231, 50, 50), None);
    let mut disk = Table::one("Micron_of_iron", 202, 9, 91);
    disk.rotation = 7_200;
    assert_eq!(left(&of_table(&disk)), None, "address mark errors of what turns");
}

#[test]
fn the_standards_own_counters_come_first() {
    let page = |number, values: &[(usize, u64)]| statistics(number, values);
    let value = |page: &[u8], number, at| ata_statistics::value(page, number, at);
    let wear = page(7, &[(8, 0xC0 << 56 | 93)]);
    let used = value(&wear, 7, 8).and_then(|used| u8::try_from(used).ok());
    let errors = page(4, &[(8, 0xC0 << 56 | 3), (16, 0xC0 << 56 | 85)]);
    let health = AtaHealth {
        used_percent: used,
        reported_uncorrectable: value(&errors, 4, 8),
        resets_in_command: value(&errors, 4, 16),
        ..ata(&Table::one("TOSHIBA THNSN8", 9, 100, 20_000))
    };
    let facts = facts(DriveAnswer::Ata(Box::new(health)));
    assert_eq!(left(&facts), Some(7));
    assert_eq!((facts.uncorrectable, facts.command_timeouts), (Some(3), Some(85)));
    assert_eq!(value(&page(7, &[(8, 0x80 << 56 | 93)]), 7, 8), None, "supported, not valid");
    assert_eq!(value(&wear, 1, 8), None, "another page");
    assert_eq!(value(&page(7, &[]), 7, 8), None);
}

#[test]
fn hours_that_cannot_be_are_tried_as_minutes_or_are_unknown() {
    let hours = |model: &str, raw| of_table(&Table::one(model, 9, 100, raw)).power_on_hours;
    assert_eq!(hours("Maxtor 6Y080M0", 2_400_000), Some(40_000), "minutes");
    assert_eq!(hours("SAMSUNG HD103UJ", 4_800_000), Some(40_000), "half minutes");
    assert_eq!(hours("FUJITSU MHV2080BH", 14_400_000), Some(4_000), "seconds");
    assert_eq!(hours("INTEL SSDSC2BB016T4", 0x1234_0000_9C40), Some(40_000), "milliseconds above");
}

#[test]
fn a_pending_sector_that_comes_and_goes_is_none() {
    let pending = |model: &str, raw| of_table(&Table::one(model, 197, 100, raw)).pending;
    assert_eq!(pending("CT500MX500SSD1", 1), None);
    assert_eq!(pending("CT500MX500SSD1", 2), Some(2));
    assert_eq!(pending("ST3500418AS", 1), Some(1));
}

#[test]
fn only_a_real_value_at_a_real_threshold_fails() {
    let failing = |flags, value, threshold| {
        let mut table = Table::one("ST3500418AS", 5, value, 0);
        table.set(5, |row| (row.flags, row.threshold) = (flags, threshold));
        of_table(&table).failing_attributes
    };
    let words = "attribute 5 Reallocated_Sector_Ct is at 36, its threshold is 36";
    assert_eq!(failing(3, 36, 36), [words]);
    assert!(failing(2, 36, 36).is_empty(), "not one that means failure");
    assert!(failing(3, 37, 36).is_empty());
    for value in [0, 0xFE, 0xFF] {
        assert!(failing(3, value, 0xFE).is_empty(), "{value} is no value");
    }
    assert!(failing(3, 1, 0).is_empty() && failing(3, 1, 0xFF).is_empty());
}

#[test]
fn thresholds_belong_to_their_attribute_wherever_they_stand() {
    let table = Table::recorded("qemu-harddisk");
    let mut thresholds = table.thresholds();
    let slots: Vec<u8> = thresholds[2..26].to_vec();
    thresholds[2..14].copy_from_slice(&slots[12..]);
    thresholds[14..26].copy_from_slice(&slots[..12]);
    let attributes = ata_pages::attributes(&table.data(), Some(&thresholds));
    let found: Vec<_> = attributes.iter().map(|row| (row.id, row.threshold)).collect();
    let told = [(1, 6), (3, 0), (4, 20), (5, 36), (9, 0), (12, 0), (190, 50)];
    assert_eq!(found, told.map(|(id, threshold)| (id, Some(threshold))));
    let without = ata_pages::attributes(&table.data(), None);
    assert!(without.iter().all(|row| row.threshold.is_none()));
}

/// What a drive says of itself by NVMe.
fn nvme(model: &str, log: &[u8]) -> NvmeHealth {
    let identity = nvme_pages::identity(&nvme_identity(model)).expect("an identity");
    nvme_pages::with_smart(&identity, log).expect("a log")
}

fn of_nvme(health: NvmeHealth) -> DriveFacts {
    facts(DriveAnswer::Nvme(Box::new(health)))
}

#[test]
fn a_worn_nvme_drive_has_the_rest_of_its_life() {
    // The numbers of an INTEL SSDPE2KX020T7 (smartctl_exporter's testdata).
    let log = nvme_smart(&[(1, 292), (3, 99), (4, 10), (5, 75), (128, 49_441), (144, 106)]);
    let facts = of_nvme(nvme("INTEL SSDPE2KX020T7", &log));
    assert_eq!(left(&facts), Some(25));
    assert_eq!(facts.power_on_hours, Some(49_441));
    assert_eq!((facts.media_errors, facts.warnings.len()), (Some(0), 0));
}

#[test]
fn each_critical_warning_has_its_words() {
    let warnings = |bits: u64| {
        of_nvme(nvme("X", &nvme_smart(&[(0, bits), (3, 100), (4, 10), (5, 3)]))).warnings
    };
    // The bit of a SAMSUNG MZWLL3T2HAJQ-00005 (smartctl_exporter's testdata).
    let [(words, critical)] = &warnings(16)[..] else { panic!("one") };
    assert!(words.contains("volatile memory") && *critical, "{words}");
    let severe: Vec<bool> = warnings(0x3F).into_iter().map(|(_, critical)| critical).collect();
    assert_eq!(severe, [true, false, true, true, true, false]);
}

#[test]
fn spent_endurance_is_not_failure() {
    let warnings =
        |rows: &[(usize, u64)]| of_nvme(nvme("Samsung SSD 970", &nvme_smart(rows))).warnings;
    let spent = warnings(&[(0, 4), (3, 100), (4, 10), (5, 100)]);
    assert_eq!(spent, [("its rated endurance is spent (100 % used)".to_owned(), false)]);
    let failing = warnings(&[(0, 4), (3, 100), (4, 10), (5, 100), (160, 1)]);
    assert!(failing.iter().any(|(_, critical)| *critical), "{failing:?}");
    let low = warnings(&[(3, 4), (4, 10), (5, 60)]);
    let words = "the spare blocks run out: 4 % left, its threshold is 10 %".to_owned();
    assert_eq!(low, [(words, true)]);
}

#[test]
fn zeros_are_not_reported_and_an_emulator_clears_nothing() {
    // The log of QEMU 7.2.
    let log = nvme_smart(&[(1, 323), (32, 1), (64, 4)]);
    let said = DriveAnswer::Nvme(Box::new(nvme("QEMU NVMe Ctrl", &log)));
    let facts = facts(DriveAnswer::Emulated { by: "QEMU".to_owned(), said: Some(Box::new(said)) });
    assert_eq!(facts.emulated_by.as_deref(), Some("QEMU"));
    assert_eq!((facts.life_left, facts.power_on_hours), (None, None));
    assert!(facts.warnings.is_empty());
    let nothing = DriveAnswer::Emulated { by: "QEMU".to_owned(), said: None };
    let nothing = DriveHealth { disk: "sdb".to_owned(), answer: nothing };
    assert_eq!(drive_facts(&nothing), None);
}

#[test]
fn a_volume_of_amazon_tells_how_long_its_limits_held_it_back() {
    let mut log = vec![0; nvme_pages::EBS];
    log[..4].copy_from_slice(&0x3C23_B510_u32.to_le_bytes());
    for (at, value) in [(16, 1_000_u64), (48, 2_000), (56, 3_000), (64, 4), (72, 5), (80, 6)] {
        log[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    let told = nvme_pages::ebs(&log).expect("its mark");
    assert_eq!((told.writes, told.write_us, told.volume_iops_exceeded_us), (1_000, 2_000, 3_000));
    let instance = (told.instance_iops_exceeded_us, told.instance_throughput_exceeded_us);
    assert_eq!((told.volume_throughput_exceeded_us, instance), (4, (5, 6)));
    log[0] ^= 1;
    assert_eq!(nvme_pages::ebs(&log), None);
}

/// A SAS drive from its pages.
fn sas(exception: (u8, u8)) -> ScsiHealth {
    let mut inquiry = vec![0; 96];
    inquiry[8..36].copy_from_slice(b"HITACHI H109060SESUN600GA690");
    ScsiHealth {
        exception: scsi_pages::exception(&log(0x2F, &[(0, &[exception.0, exception.1, 27])])),
        uncorrected: [
            scsi_pages::uncorrected(&log(2, &[(3, &[0, 7]), (6, &[0, 0, 2])]), 2),
            scsi_pages::uncorrected(&log(3, &[(6, &[0])]), 3),
            None,
        ],
        used_percent: scsi_pages::used_percent(&log(0x11, &[(1, &[0, 0, 0, 88])])),
        power_on_hours: scsi_pages::power_on_hours(&log(0x15, &[(0, &[0, 0, 0xE6, 0x29, 0])])),
        temperature_c: scsi_pages::temperature(&log(0x0D, &[(0, &[0, 27]), (1, &[0, 85])])),
        ..scsi_pages::inquiry(&inquiry).expect("a disk")
    }
}

#[test]
fn a_sas_drive_that_predicts_its_failure_says_so() {
    let health = sas((0x5D, 0x10));
    assert_eq!(health.temperature_c, Some(27));
    let facts = facts(DriveAnswer::Scsi(Box::new(health)));
    assert_eq!(facts.label, "HITACHI H109060SESUN600G");
    let words = "the drive predicts its own failure (informational exception 5D/10)";
    assert_eq!(facts.predicts_failure.as_deref(), Some(words));
    assert_eq!((facts.uncorrectable, left(&facts)), (Some(2), Some(12)));
    assert_eq!(facts.power_on_hours, Some(982));
    let quiet = |exception| self::facts(DriveAnswer::Scsi(Box::new(sas(exception))));
    assert_eq!(quiet((0x5D, 0xFF)).predicts_failure, None, "only a test");
    assert_eq!(quiet((0, 0)).warnings, []);
    assert_eq!(quiet((0x0B, 1)).warnings, [("its temperature is too high".to_owned(), false)]);
}

#[test]
fn the_last_test_that_ended_by_itself_counts() {
    let test = |state, left_percent| SelfTest {
        kind: "long".to_owned(),
        state,
        hours: Some(62_000),
        left_percent,
        lba: Some(4_660),
        detail: Some("read failure".to_owned()),
    };
    let facts = |tests| {
        let health = AtaHealth { self_tests: tests, ..AtaHealth::default() };
        self::facts(DriveAnswer::Ata(Box::new(health)))
    };
    let running = test(SelfTestState::Running, Some(40));
    let aborted = test(SelfTestState::Aborted, None);
    let failed = test(SelfTestState::Failed, None);
    let fine = test(SelfTestState::Completed, None);
    let sick = facts(vec![running, aborted, failed.clone()]);
    assert_eq!(sick.self_test_left, Some(40));
    let words = sick.failed_self_test.expect("it failed");
    assert!(
        words.contains("62000 power-on hours with: read failure, first bad block 4660"),
        "{words}"
    );
    assert_eq!(facts(vec![fine, failed]).failed_self_test, None, "a later one found nothing");
}
