//! Bytes that the emulated disks of a virtual machine answered (QEMU 7.2,
//! Linux 6.1), and sense data of both formats.

use super::{
    ata_identity::Identity, ata_pages, ata_self_tests, ata_statistics, nvme_pages, scsi_pages,
};
use crate::{
    model::diagnosis::{NvmeHealth, SelfTestState, SmartStatus},
    sys::sense::{Registers, Sense},
};

/// Bytes from what the recorder printed.
fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("hex")).collect()
}

/// SMART RETURN STATUS of QEMU's AHCI disk.
const RETURN_STATUS: &str = "72 01 00 1d 00 00 00 0e 09 0c 00 00 00 00 00 00 00 4f 00 c2 00 50";

#[test]
fn the_drives_verdict_is_in_the_registers() {
    let mut sense = bytes(RETURN_STATUS);
    assert_eq!(ata_pages::status(&sense), SmartStatus::Passed);
    (sense[17], sense[19]) = (0xF4, 0x2C);
    assert_eq!(ata_pages::status(&sense), SmartStatus::Failing);
    sense[19] = 0xC2;
    assert_eq!(ata_pages::status(&sense), SmartStatus::Unknown, "neither");
    sense[21] = 0;
    assert_eq!(Registers::parse(&sense), None, "zeros are no answer");
}

#[test]
fn the_verdict_comes_in_fixed_sense_data_as_well() {
    let mut sense = bytes("70 00 01 00 50 00 00 0a 00 00 4f c2 00 1d 00 00 00 00");
    assert_eq!(ata_pages::status(&sense), SmartStatus::Passed);
    (sense[10], sense[11]) = (0xF4, 0x2C);
    assert_eq!(ata_pages::status(&sense), SmartStatus::Failing);
    sense[4] = 0;
    assert_eq!(ata_pages::status(&sense), SmartStatus::Unknown, "zeros are no answer");
    // A disk of a RAID controller, whose sense data say something else.
    let fault = bytes("f0 00 04 00 00 00 00 0a 00 00 00 00 44 00 00 00 00 00");
    assert_eq!(ata_pages::status(&fault), SmartStatus::Unknown);
    // Behind another descriptor.
    let mut second = bytes("72 01 00 1d 00 00 00 12 00 02 00 00");
    second.extend(&bytes(RETURN_STATUS)[8..]);
    assert_eq!(ata_pages::status(&second), SmartStatus::Passed);
}

#[test]
fn a_refused_command_is_known_as_one() {
    let refused = bytes("70 00 05 00 00 00 00 0a 00 00 00 00 20 00 00 00 00 00");
    let refused = Sense::parse(&refused).expect("fixed sense data");
    assert!(refused.is_unknown_command());
    assert_eq!(refused.to_string(), "sense 5/20/00");
    let page = bytes("70 00 05 00 00 00 00 0a 00 00 00 00 24 00 00 00 00 00");
    assert!(!Sense::parse(&page).expect("fixed sense data").is_unknown_command());
    let aborted = bytes("70 00 0b 00 00 00 00 0a 04 41 00 01 00 00 00 00 00 00");
    assert_eq!(Sense::parse(&aborted).expect("fixed sense data").key, 0x0B);
    assert_eq!(Sense::parse(&[]), None);
}

#[test]
fn an_identity_is_read_by_its_words() {
    let mut page = vec![0; 512];
    for (word, value) in [(82, 0x4021_u16), (83, 0x7400), (84, 0x4000), (85, 0x4021), (87, 0x4000)]
    {
        page[word * 2..word * 2 + 2].copy_from_slice(&value.to_le_bytes());
    }
    assert_eq!(Identity::parse(&page), None, "a bridge that answers zeros");
    page[54..94].fill(b' ');
    page[54..68].copy_from_slice(b"EQUMH RADDSI K");
    page[20..28].copy_from_slice(b"DISERE1R");
    let identity = Identity::parse(&page).expect("an identity");
    assert_eq!((identity.model.as_str(), identity.serial.as_str()), ("QEMU HARDDISK", "IDESERR1"));
    assert!(identity.has_smart && identity.smart_enabled && !identity.has_general_logs);
    assert_eq!((identity.rotation, identity.write_cache), (0, Some(true)));
    assert_eq!((identity.link_speed, identity.best_link_speed), (None, None));
    (page[152], page[154]) = (0x0E, 0x02);
    let slow = Identity::parse(&page).expect("an identity");
    assert_eq!((slow.link_speed, slow.best_link_speed), (Some(15), Some(60)));
    assert_eq!(Identity::parse(&page[..511]), None, "cut off");
}

#[test]
fn a_running_test_comes_first_and_the_log_newest_first() {
    // QEMU's log after a short and a long test.
    let mut log = vec![0; 512];
    log[..6].copy_from_slice(&bytes("01 00 01 00 34 12"));
    log[26..30].copy_from_slice(&bytes("02 00 34 12"));
    log[508] = 2;
    let mut data = vec![0; 512];
    (data[367], data[370], data[372], data[373]) = (0x19, 1, 2, 54);
    let tests = ata_self_tests::all(&data, &log);
    let found: Vec<_> = tests.iter().map(|test| (test.kind.as_str(), test.hours)).collect();
    assert_eq!(found, [("long", Some(0x1234)), ("short", Some(0x1234))]);
    assert!(tests.iter().all(|test| test.state == SelfTestState::Completed));
    data[363] = 0xF4;
    let tests = ata_self_tests::all(&data, &log);
    assert_eq!((tests[0].state, tests[0].left_percent), (SelfTestState::Running, Some(40)));
    assert_eq!(tests.len(), 3);
    log[27] = 0xF9;
    let tests = ata_self_tests::all(&data, &log);
    assert_eq!((tests.len(), tests[0].kind.as_str()), (2, "long"), "the log knows its kind");
    assert_eq!(tests[0].left_percent, Some(40));
    data[363] = 0;
    assert_eq!(ata_self_tests::all(&data, &log).len(), 1, "it was cut off, and runs no more");
}

#[test]
fn a_failed_test_tells_where_and_why() {
    let mut log = vec![0; 512];
    log[2..14].copy_from_slice(&bytes("02 75 27 f3 00 34 12 00 00 00 00 00"));
    log[508] = 1;
    let [test] = &ata_self_tests::log(&log)[..] else { panic!("one") };
    assert_eq!((test.state, test.lba), (SelfTestState::Failed, Some(0x1234)));
    assert_eq!((test.hours, test.detail.as_deref()), (Some(62_247), Some("read failure")));
}

#[test]
fn what_a_drive_can_is_in_its_data() {
    let mut data = vec![0; 512];
    (data[367], data[370], data[372], data[373]) = (0x19, 1, 2, 54);
    let abilities = ata_pages::abilities(&data);
    assert!(abilities.error_log && abilities.self_test);
    assert_eq!(abilities.self_test_minutes, Some((2, 54)));
    (data[373], data[375], data[376]) = (0xFF, 0x2C, 0x01);
    assert_eq!(ata_pages::abilities(&data).self_test_minutes, Some((2, 300)));
    assert_eq!(ata_pages::abilities(&[]).self_test_minutes, None);
}

#[test]
fn only_statistics_that_are_there_are_asked_for() {
    let mut directory = vec![0; 512];
    assert!(!ata_statistics::has_log(&directory, ata_statistics::LOG));
    directory[8] = 8;
    assert!(ata_statistics::has_log(&directory, ata_statistics::LOG));
    let mut list = vec![0; 512];
    list[8..13].copy_from_slice(&[4, 0, 1, 4, 7]);
    assert_eq!(ata_statistics::pages(&list), [1, 4, 7]);
}

#[test]
fn the_health_log_of_an_emulated_nvme_disk() {
    let mut log = bytes("00 43 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00");
    log.resize(512, 0);
    (log[32], log[64]) = (1, 4);
    let health = nvme_pages::with_smart(&NvmeHealth::default(), &log).expect("a log");
    assert_eq!((health.temperature_k, health.critical_warning), (323, 0));
    assert_eq!((health.power_on_hours, health.media_errors), (0, 0));
    assert_eq!(nvme_pages::with_smart(&NvmeHealth::default(), &log[..100]), None, "cut off");
    let mut identity = vec![0; 4096];
    identity[..2].copy_from_slice(&0x1B36_u16.to_le_bytes());
    identity[4..12].copy_from_slice(b"NVMESER1");
    identity[24..38].copy_from_slice(b"QEMU NVMe Ctrl");
    identity[64..70].copy_from_slice(b"7.2.22");
    identity[256..258].copy_from_slice(&0x010A_u16.to_le_bytes());
    let identity = nvme_pages::identity(&identity).expect("an identity");
    assert_eq!((identity.model.as_str(), identity.firmware.as_str()), ("QEMU NVMe Ctrl", "7.2.22"));
    assert!(!identity.can_self_test, "bit 4 is not set");
}

#[test]
fn self_tests_of_an_nvme_drive() {
    let mut log = vec![0; nvme_pages::SELF_TESTS];
    (log[0], log[1]) = (2, 37);
    (log[4], log[6]) = (0x27, 2);
    log[8..16].copy_from_slice(&49_441_u64.to_le_bytes());
    log[20..28].copy_from_slice(&4_660_u64.to_le_bytes());
    for entry in log[32..].chunks_mut(28) {
        entry[0] = 0x0F;
    }
    let [running, failed] = &nvme_pages::self_tests(&log)[..] else { panic!("two") };
    assert_eq!((running.kind.as_str(), running.left_percent), ("long", Some(63)));
    assert_eq!((failed.state, failed.lba), (SelfTestState::Failed, Some(4_660)));
    assert_eq!(failed.hours, Some(49_441));
}

#[test]
fn log_pages_of_the_kernels_scsi_debug() {
    let pages = bytes("00 00 00 03 00 0d 2f 00 00 00");
    assert_eq!(scsi_pages::log_pages(&pages), [0x00, 0x0D, 0x2F]);
    let exception = bytes("2f 00 00 07 00 00 03 03 00 00 26 00 00 00 00 00");
    assert_eq!(scsi_pages::exception(&exception), Some((0, 0)));
    let temperature = bytes("0d 00 00 0c 00 00 03 02 00 26 00 01 03 02 00 41");
    assert_eq!(scsi_pages::temperature(&temperature), Some(0x26));
    assert_eq!(scsi_pages::rotation(&bytes("00 b1 00 3c 00 01 00 05")), Some(1));
    assert_eq!(scsi_pages::rotation(&bytes("00 b1 00 3c 00 00 00 00")), None, "not told");
    assert_eq!(scsi_pages::exception(&temperature), None, "another page");
}

#[test]
fn defects_and_tests_of_a_scsi_drive() {
    assert_eq!(scsi_pages::grown_defects(&[0, 0x0D, 0, 24]), Some(3));
    assert_eq!(scsi_pages::grown_defects(&[0, 0x05, 0, 24]), None, "not the grown list");
    let mut page = bytes("10 00 00 28");
    for (code, hours) in [(0x47, 1_000_u16), (0x2F, 900)] {
        page.extend([0, 1, 3, 16, code, 0]);
        page.extend(hours.to_be_bytes());
        page.extend(4_660_u64.to_be_bytes());
        page.extend([3, 0x11, 0, 0]);
    }
    let [long, short] = &scsi_pages::self_tests(&page)[..] else { panic!("two") };
    assert_eq!((long.kind.as_str(), long.state), ("long", SelfTestState::Failed));
    assert_eq!((long.hours, long.lba), (Some(1_000), Some(4_660)));
    assert_eq!((short.kind.as_str(), short.state), ("short", SelfTestState::Running));
    let mut sense = bytes("70 00 02 00 00 00 00 0a 00 00 00 00 04 09 00 80 40 00");
    assert_eq!(scsi_pages::percent_left(&sense), Some(75));
    sense[15] = 0;
    assert_eq!(scsi_pages::percent_left(&sense), None);
}
