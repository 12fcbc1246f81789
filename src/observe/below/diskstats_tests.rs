//! Lines of real kernels, and the arithmetic of a window.

use proptest::prelude::*;

use super::*;

fn between(first: &str, last: &str, seconds: f64) -> Option<DiskWindow> {
    let only = |text: &str| parse(text).into_iter().next().expect("a line");
    let ((name, first), (_, last)) = (only(first), only(last));
    window(&name, &first, &last, seconds)
}

#[test]
fn the_mirror_and_its_disk_as_they_were_recorded() {
    let stats = parse(
        " 254      16 vdb 187 0 1650 260 6 165 1353 50 0 204 321 0 0 0 0 3 10\n\
         \x20  9       0 md0 172 0 1370 68 168 0 1344 268 0 76 336 0 0 0 0 0 0\n\
         nonsense\n 8 0 sda 1 2 3\n",
    );
    assert_eq!(stats.keys().collect::<Vec<_>>(), ["md0", "vdb"]);
    assert_eq!((stats["vdb"].flushes, stats["vdb"].flush_ms), (Some(3), 10));
    let since_boot =
        window("vdb", &Counters { flushes: Some(0), ..Counters::default() }, &stats["vdb"], 1.0);
    let since_boot = since_boot.expect("counted up");
    assert_eq!(since_boot.flush_await_ms, Some(10.0 / 3.0));
    let mirror =
        window("md0", &Counters { flushes: Some(0), ..Counters::default() }, &stats["md0"], 1.0);
    assert_eq!(mirror.expect("counted up").flush_await_ms, None, "only disks count flushes");
}

#[test]
fn a_window_has_iostats_numbers() {
    let first = "8 0 sda 100 0 800 50 1000 0 16000 5000 0 4000 5050 0 0 0 0 10 30";
    let last = "8 0 sda 110 0 880 70 1100 0 17600 35000 3 5500 35080 0 0 0 0 30 8030";
    let window = between(first, last, 2.0).expect("a window");
    assert_eq!((window.util_percent, window.queue), (75.0, 30_030.0 / 2_000.0));
    assert_eq!((window.writes_per_s, window.reads_per_s), (50.0, 5.0));
    assert_eq!(window.written_per_s, 1_600.0 * 512.0 / 2.0);
    assert_eq!((window.w_await_ms, window.r_await_ms), (Some(300.0), Some(2.0)));
    assert_eq!((window.flush_await_ms, window.flushes), (Some(400.0), 20));
    assert_eq!((window.in_flight, window.stalled), (3, false));
}

#[test]
fn times_that_begin_anew_are_no_leap_back() {
    let first = "8 0 sda 1 0 8 4294967290 10 0 80 4294967000 0 4294966796 4294967196";
    let last = "8 0 sda 2 0 16 4 20 0 160 704 0 500 900";
    let window = between(first, last, 1.0).expect("a window");
    assert_eq!((window.r_await_ms, window.w_await_ms), (Some(10.0), Some(100.0)));
    assert_eq!((window.util_percent, window.queue), (100.0, 1.0));
}

#[test]
fn older_kernels_count_no_flushes() {
    for (first, last) in [
        ("8 0 sda 1 0 8 1 10 0 80 10 0 10 11", "8 0 sda 1 0 8 1 11 0 88 12 0 12 13"),
        (
            "8 0 sda 1 0 8 1 10 0 80 10 0 10 11 0 0 0 0",
            "8 0 sda 1 0 8 1 11 0 88 12 0 12 13 5 0 40 9",
        ),
    ] {
        let window = between(first, last, 1.0).expect("a window");
        assert_eq!((window.flush_await_ms, window.w_await_ms), (None, Some(2.0)));
    }
}

#[test]
fn a_disk_that_answers_nothing_is_stalled_and_has_no_mean() {
    let first = "8 0 sda 5 0 8 1 10 0 80 10 2 1000 11 0 0 0 0 1 1";
    for last in [
        // Counted while it waits, and (Linux 5.0 to 5.12) not before it ends.
        "8 0 sda 5 0 8 1 10 0 80 10 4 2000 4011 0 0 0 0 1 1",
        "8 0 sda 5 0 8 1 10 0 80 10 4 1000 11 0 0 0 0 1 1",
    ] {
        let window = between(first, last, 1.0).expect("a window");
        assert!(window.stalled, "{window:?}");
        assert_eq!(
            (window.w_await_ms, window.r_await_ms, window.flush_await_ms),
            (None, None, None)
        );
        assert_eq!((window.util_percent, window.in_flight), (100.0, 4));
    }
}

#[test]
fn a_disk_at_work_or_at_rest_is_not_stalled() {
    let first = "8 0 sda 5 0 8 1 10 0 80 10 0 1000 11 0 0 0 0 1 1";
    for last in [
        "8 0 sda 5 0 8 1 10 0 80 10 0 1000 11 0 0 0 0 1 1",
        // Something has just begun.
        "8 0 sda 5 0 8 1 10 0 80 10 1 1004 15 0 0 0 0 1 1",
        // Only a flush was completed.
        "8 0 sda 5 0 8 1 10 0 80 10 1 2000 999 0 0 0 0 2 900",
    ] {
        assert!(!between(first, last, 1.0).expect("a window").stalled, "{last}");
    }
}

#[test]
fn a_device_that_was_replaced_has_no_window() {
    let first = "8 0 sda 100 0 800 50 1000 0 16000 5000 0 4000 5050";
    let last = "8 0 sda 1 0 8 1 2 0 16 3 0 4 5";
    assert_eq!(between(first, last, 1.0), None);
    assert_eq!(between(first, first, 0.0), None);
}

proptest! {
    #[test]
    fn never_panics(text in "([0-9]{1,20} |sda |\n|-1 ){0,60}", seconds in -1.0..1e9) {
        let stats = parse(&text);
        for (name, first) in &stats {
            for last in stats.values() {
                let window = window(name, first, last, seconds);
                prop_assert!(window.is_none_or(|window| window.util_percent <= 100.0));
            }
        }
    }
}
