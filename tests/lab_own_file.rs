//! A snapshot that is copied from the member's own file, while others write: it is
//! what etcd held at one revision, whole, on every release.

mod common;

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
};

use common::{alone, judge, rescue::rescue, snapshot};
use lab::{Fill, Lab, Master, Spec, Until, releases};

/// Larger than what is worth it (32 MiB).
const SIZE: u64 = 48 << 20;

#[test]
fn it_is_whole_while_others_write() {
    let _turn = alone();
    for etcd in releases() {
        let lab = Lab::up(Spec::new(1, &[etcd])).unwrap();
        lab.fill(Fill::churn(), Until::Bytes(SIZE)).unwrap();
        let master = lab.master("master-1");
        let (done, written) = (AtomicBool::new(false), AtomicU32::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let next = written.load(Ordering::SeqCst);
                    if judge::put(master, &format!("written/{next:05}")) {
                        written.store(next + 1, Ordering::SeqCst);
                    }
                }
            });
            let files: Vec<String> = (0..2)
                .map(|number| {
                    let before = written.load(Ordering::SeqCst);
                    let file = format!("/var/lib/own-{number}.db");
                    let saved = save(master, &file);
                    assert!(saved, "{}: it was streamed", master.release());
                    check(master, &file, before, written.load(Ordering::SeqCst));
                    file
                })
                .collect();
            done.store(true, Ordering::SeqCst);
            assert_eq!(files.len(), 2);
        });
        assert!(written.load(Ordering::SeqCst) > 3, "nobody wrote meanwhile");
        lab.down().unwrap();
    }
}

/// Whether it was copied from the file.
fn save(master: &Master, file: &str) -> bool {
    let saved = rescue(master, &["snapshot", "save", file, "-w", "json"]).ends(0).json();
    assert_eq!(saved["sha256"], snapshot::sha256(&master.path(file)));
    saved["from_file"] == true
}

/// An etcd started on it has every write that was answered before, none that was sent
/// afterwards, and none without those before it.
fn check(master: &Master, file: &str, before: u32, after: u32) {
    let path = master.path(file);
    let (revision, _) = snapshot::content(master, &path);
    let data = snapshot::restored(master, &path);
    // Keys are in base64, whose groups of four characters are three bytes: "written/00" ...
    let has = |number: u32| data.contains(&base64(&format!("written/{number:05}")));
    let count = (0..=after).take_while(|number| has(*number)).count() as u32;
    assert!((before..=after + 1).contains(&count), "{count} of {before} to {after}");
    assert!(!(count..after + 1).any(has), "a write without one before it");
    assert!(revision > 0);
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = text.as_bytes().chunks(3).map(|chunk| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        let digit = |at: usize| match at <= chunk.len() {
            true => DIGITS[(bits >> (18 - 6 * at)) as usize & 63] as char,
            false => '=',
        };
        (0..4).map(digit).collect::<String>()
    });
    groups.collect()
}
