//! The page of a diagnosis: what stands at its top, and that it fits.

use super::*;
use crate::{
    model::diagnosis::{DriveAnswer, DriveHealth, KernelEvents, ProbeRefusal},
    say::human::{incident::incident, testing::assert_fits},
};

fn layout(width: usize) -> Layout {
    Layout { width, blocks: false, verbose: 0 }
}

/// On one line, however it was wrapped.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_tired_person_reads_the_verdict_and_what_to_do_first() {
    let text = diagnosis(&incident(), &layout(80));
    let top: Vec<&str> = text.lines().take(10).collect();
    assert!(top[0].starts_with("CRITICAL  master-1 is slow because its disk sda"), "{text}");
    assert!(top.contains(&"What to do now"), "{text}");
    assert!(top.iter().any(|line| line.contains("Replace sda")), "{text}");
}

#[test]
fn it_fits_and_is_ascii_where_it_has_to_be() {
    for width in [60, 80, 120] {
        for verbose in [0, 1] {
            let text = diagnosis(&incident(), &Layout { verbose, ..layout(width) });
            assert_fits(&text, width);
            assert!(text.is_ascii(), "{text}");
        }
    }
    let blocks = diagnosis(&incident(), &Layout { blocks: true, ..layout(80) });
    assert_fits(&blocks, 80);
    assert!(blocks.contains('█') && blocks.contains('▅'), "{blocks}");
}

#[test]
fn every_part_shows_its_numbers() {
    let text = diagnosis(&incident(), &layout(80));
    for shown in [
        "256-512",
        "WAL fsyncs of master-1 during the watch (n=23, mean 358 ms)",
        "412 (+3)",
        "slow fdatasync",
        "worst 1,412 ms",
        "11-22 03:00",
        "38x",
        "kube-system/kube-apiserver-master-1/kube-apiserver 1,240 lines",
        "dm-0  logical volume vg0-root",
        "sda  ATA Micron_5300_MTFDDAK960TDS, serial 1234",
        "Longhorn (/var/lib/longhorn, 4 replicas)",
        "287",
        "61/44/30 %",
        "62,247 h (7.1 years)",
        "9 % (attribute 202",
        "2 x a command was not answered in time on sda",
        "older lines are lost",
        "46 fdatasyncs of 2,300 bytes",
        "wants p99 below 10 ms",
        "may hang; needs CAP_DAC_READ_SEARCH",
    ] {
        assert!(flat(&text).contains(&flat(shown)), "{shown}\n{text}");
    }
    assert!(!text.contains("THRESHOLD"), "the attribute table is for -v");
    let more = diagnosis(&incident(), &Layout { verbose: 1, ..layout(80) });
    assert!(more.contains("THRESHOLD"), "{more}");
}

#[test]
fn what_was_not_seen_is_never_called_healthy() {
    let mut account = incident();
    account.examined.world = None;
    account.examined.drives = vec![DriveHealth {
        disk: "sda".into(),
        answer: DriveAnswer::Unreadable {
            why: "the kernel refuses ATA commands".into(),
            missing: Some("CAP_SYS_RAWIO".into()),
        },
    }];
    account.facts.clear();
    account.examined.kernel = Some(KernelEvents {
        unreadable: Some("CAP_SYSLOG is missing".into()),
        ..KernelEvents::default()
    });
    account.examined.probe = Some(Err(ProbeRefusal { why: "the answer was no".into() }));
    let text = diagnosis(&account, &layout(80));
    for shown in [
        "CAP_SYS_RAWIO is missing",
        "could not be read: CAP_SYSLOG is missing",
        "not done: the answer",
    ] {
        assert!(flat(&text).contains(shown), "{shown}\n{text}");
    }
    for word in ["healthy", "PASS", "passed"] {
        assert!(!text.contains(word), "{word}\n{text}");
    }
}

#[test]
fn the_line_below_a_round_says_when_and_how_to_end() {
    let text = next_round(incident().examined.at, Duration::from_secs(10));
    assert_eq!(text, "\nSeen at 11-23 03:00:00; again in 10 s. Ctrl-C ends it.\n");
}
