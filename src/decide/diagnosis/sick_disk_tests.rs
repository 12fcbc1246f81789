//! Disks that something speaks against, and those that nothing does.

use super::{
    super::testing::{histogram, world},
    sick_disks,
};
use crate::model::{
    Bytes,
    diagnosis::{
        AtaAttribute, AtaHealth, Bus, DiskBelow, DriveAnswer, DriveHealth, Examined, KernelEvent,
        KernelEventKind, KernelEvents, LeafDisk, SmartStatus,
    },
};

const NOW: i64 = 1_767_225_600_000_000_000;
const HOUR: i64 = 3_600_000_000_000;

/// One SATA disk below etcd, seen by all means.
fn examined(health: AtaHealth, events: Vec<KernelEvent>, fsyncs: &[f64]) -> Examined {
    let leaf = LeafDisk {
        name: "sda".to_owned(),
        device: "8:0".to_owned(),
        bus: Bus::Ata,
        driver: Some("ahci".to_owned()),
        vendor: None,
        model: Some("Micron_5300_MTFDDAK960TDS".to_owned()),
        serial: Some("1".to_owned()),
        firmware: None,
        size: Bytes(960 << 30),
        rotational: Some(false),
        write_cache: None,
        scheduler: None,
        state: None,
        controller: None,
        ata_port: None,
    };
    let mut world = world(3);
    world.members[0].disk_times.fsync = Some(histogram(fsyncs));
    let answer = DriveAnswer::Ata(Box::new(health));
    Examined {
        at: NOW,
        world: Some(world),
        below: Some(DiskBelow { leaves: vec![leaf], ..DiskBelow::default() }),
        drives: vec![DriveHealth { disk: "sda".to_owned(), answer }],
        kernel: Some(KernelEvents { events, from: NOW - 90 * HOUR, ..KernelEvents::default() }),
        ..Examined::default()
    }
}

fn sound() -> AtaHealth {
    AtaHealth {
        model: "Micron_5300_MTFDDAK960TDS".to_owned(),
        rotation: 1,
        smart_enabled: true,
        status: SmartStatus::Passed,
        ..AtaHealth::default()
    }
}

fn attribute(id: u8, value: u8, raw: u64) -> AtaAttribute {
    AtaAttribute { id, value, worst: value, raw, ..AtaAttribute::default() }
}

fn judged(examined: &Examined) -> Vec<(String, bool, usize)> {
    let sick = sick_disks(examined).into_iter();
    sick.map(|sick| (sick.disk, sick.failing, sick.signs.len())).collect()
}

const QUICK: [f64; 2_000] = [2.0; 2_000];
const SLOW: [f64; 2_000] = [300.0; 2_000];

#[test]
fn nothing_speaks_against_a_sound_disk() {
    assert_eq!(judged(&examined(sound(), vec![], &QUICK)), []);
    assert_eq!(judged(&Examined::default()), []);
}

#[test]
fn the_firmwares_own_word_is_enough() {
    let fails = AtaHealth { status: SmartStatus::Failing, ..sound() };
    assert_eq!(judged(&examined(fails, vec![], &QUICK)), [("sda".to_owned(), true, 1)]);
}

#[test]
fn the_kernels_word_of_today_is_enough() {
    let event = |hours: i64, kind| KernelEvent {
        at: NOW - hours * HOUR,
        kind,
        disk: Some("sda".to_owned()),
        text: "ata1.00: failed command: WRITE FPDMA QUEUED".to_owned(),
    };
    let today = vec![event(2, KernelEventKind::CommandTimeout)];
    assert_eq!(judged(&examined(sound(), today, &QUICK)), [("sda".to_owned(), true, 1)]);
    let cable = vec![event(2, KernelEventKind::CableError)];
    assert_eq!(judged(&examined(sound(), cable, &QUICK)), [], "the cable is not the drive");
    let old = vec![event(24 * 30, KernelEventKind::CommandTimeout)];
    assert_eq!(judged(&examined(sound(), old, &QUICK)), [], "a month ago");
}

#[test]
fn slowness_alone_is_a_doubt() {
    assert_eq!(judged(&examined(sound(), vec![], &SLOW)), [("sda".to_owned(), false, 1)]);
    assert_eq!(judged(&examined(sound(), vec![], &SLOW[..50])), [], "too few fsyncs to say");
}

#[test]
fn slowness_with_a_history_is_enough() {
    let history = AtaHealth { attributes: vec![attribute(188, 100, 85)], ..sound() };
    let found = judged(&examined(history.clone(), vec![], &SLOW));
    assert_eq!(found, [("sda".to_owned(), true, 1)]);
    assert_eq!(judged(&examined(history, vec![], &QUICK)), [], "sound drives have some");
}

#[test]
fn a_drive_that_does_not_answer_is_in_doubt_and_a_slow_one_is_failing() {
    for (fsyncs, failing, signs) in [(&QUICK, false, 1), (&SLOW, true, 2)] {
        let mut silent = examined(sound(), vec![], fsyncs);
        silent.drives[0].answer = DriveAnswer::Silent { after_ms: 5_000 };
        assert_eq!(judged(&silent), [("sda".to_owned(), failing, signs)]);
    }
}
