//! The raft log's reader over logs that are framed here as etcd frames them;
//! over real ones it is judged in the lab.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Writes a log as etcd does.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    crc: u32,
}

impl Writer {
    fn put(&mut self, kind: u8, crc: u32, data: &[u8]) {
        let mut record = vec![0x08, kind, 0x10];
        let mut number = crc;
        while number >= 0x80 {
            record.push(number as u8 | 0x80);
            number >>= 7;
        }
        record.push(number as u8);
        if !data.is_empty() {
            record.extend([0x1a, data.len() as u8]);
            record.extend(data);
        }
        let padding = (8 - record.len() % 8) % 8;
        let flag = if padding == 0 { 0 } else { 0x80 | padding as u64 };
        self.bytes.extend((record.len() as u64 | flag << 56).to_le_bytes());
        self.bytes.extend(record);
        self.bytes.extend(vec![0; padding]);
    }

    fn begin(crc: u32) -> Self {
        let mut file = Self { bytes: Vec::new(), crc };
        file.put(4, crc, &[]);
        file.data(1, &[0x08, 7, 0x10, 9]);
        file
    }

    fn data(&mut self, kind: u8, data: &[u8]) {
        self.crc = crc32c::update(self.crc, data);
        self.put(kind, self.crc, data);
    }
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(60))
}

/// Two files: entries, a state and a snapshot; the second one preallocated.
fn log(directory: &Path, change: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>, usize)) -> WalRead {
    let mut first = Writer::begin(0);
    first.data(5, &[]);
    first.data(2, &[0x5a; 100]);
    let mut second = Writer::begin(first.crc);
    second.data(3, &[0x08, 2, 0x18, 12]);
    second.data(5, &[0x08, 11, 0x10, 2]);
    let last = second.bytes.len();
    second.data(2, &[0x5b; 120]);
    second.bytes.resize(4096, 0);
    change(&mut first.bytes, &mut second.bytes, last);
    let name = |n: u64, index: u64| directory.join(format!("{n:016x}-{index:016x}.wal"));
    fs::write(name(0, 0), first.bytes).expect("written");
    fs::write(name(1, 5), second.bytes).expect("written");
    fs::write(directory.join("1.tmp"), [0; 64]).expect("written");
    read(directory, soon())
}

#[test]
fn a_whole_log_tells_whose_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let read = log(directory.path(), |_, _, _| {});
    assert_eq!((read.damage.as_deref(), read.torn.as_deref()), (None, None));
    assert!(read.complete);
    assert_eq!((read.member_id, read.cluster_id, read.commit), (7, 9, 12));
    assert_eq!(read.snapshots, [(0, 0), (11, 2)]);
    assert_eq!((read.files.len(), read.first_index()), (2, 0));
    let quick = super::read(directory.path(), None);
    assert_eq!((quick.member_id, quick.cluster_id, quick.complete), (7, 9, false));
}

#[test]
fn a_torn_end_is_no_damage() {
    let directory = tempfile::tempdir().expect("a directory");
    // A header that was not written whole, and a record without its end.
    for kept in [5, 8, 8 + 20, 8 + 120] {
        let read = log(directory.path(), |_, second, last| second.truncate(last + kept));
        assert!(read.damage.is_none() && read.torn.is_some(), "{kept}: {read:?}");
    }
    // A sector that was never written, in the last record only.
    let zeroed = |_: &mut Vec<u8>, second: &mut Vec<u8>, last: usize| {
        second.truncate(last);
        let mut long = Writer { bytes: Vec::new(), crc: 1 };
        long.put(2, 4711, &[0x5a; 120]);
        second.extend(&long.bytes);
        let place = (last + 8).next_multiple_of(512);
        second.resize(4096, 0);
        second[last..last + 8].copy_from_slice(&1400_u64.to_le_bytes());
        second[place..place + 512].fill(0);
    };
    let read = log(directory.path(), zeroed);
    assert!(read.damage.is_none() && read.torn.is_some(), "{read:?}");
}

#[test]
fn damage_in_the_middle_is_told_with_its_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = format!("{:016x}-{:016x}.wal", 0, 0);
    for (at, words) in [(90, "checksum"), (0, "claims")] {
        let read = log(directory.path(), |first, _, _| first[at..at + 4].fill(0xa5));
        let damage = read.damage.unwrap_or_default();
        assert!(damage.contains(&path) && damage.contains(words), "{at}: {damage}");
    }
    // No record is as long as that, nor is one cut in a file that others follow.
    let huge = |_: &mut Vec<u8>, second: &mut Vec<u8>, last: usize| second[last + 4] = 0xa5;
    let read = log(directory.path(), huge);
    assert!(read.damage.is_some_and(|it| it.contains("claims")) && read.torn.is_none());
    let read = log(directory.path(), |first, _, _| first.truncate(first.len() - 40));
    assert!(read.damage.is_some_and(|it| it.contains("claims")) && read.torn.is_none());
    let read = log(directory.path(), |first, _, _| first.truncate(60));
    assert!(read.damage.unwrap_or_default().contains("is cut there"));
    let read = log(directory.path(), |first, _, _| first[56..].fill(0));
    assert!(read.damage.unwrap_or_default().contains("does not go on"));
    log(directory.path(), |_, _, _| {});
    let name = |n: u64| directory.path().join(format!("{n:016x}-{:016x}.wal", n * 5));
    fs::rename(name(1), name(2)).expect("renamed");
    let read = super::read(directory.path(), soon());
    assert!(read.damage.unwrap_or_default().contains("are missing"));
}

#[test]
fn only_what_is_not_there_is_empty() {
    let directory = tempfile::tempdir().expect("a directory");
    let none = read(&directory.path().join("member/wal"), soon());
    assert!(none.files.is_empty() && none.damage.is_none(), "{none:?}");
    let file = directory.path().join("wal");
    fs::write(&file, "").expect("written");
    for until in [soon(), None] {
        let unreadable = read(&file, until).damage.unwrap_or_default();
        assert!(unreadable.contains("wal cannot be read: Not a directory"), "{unreadable}");
    }
}

proptest! {
    #[test]
    fn any_file_is_borne(
        flips in proptest::collection::vec((0_usize..4096, any::<u8>()), 0..8),
        cut in 0_usize..4096,
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        log(directory.path(), |_, second, _| {
            second.truncate(cut);
            for (at, byte) in flips {
                if let Some(place) = second.get_mut(at) {
                    *place = byte;
                }
            }
        });
    }
}
