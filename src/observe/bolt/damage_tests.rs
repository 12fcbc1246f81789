//! What is left of a file when it is cut, damaged, written to, or was none.

use std::{
    fs::{self, File},
    io,
    os::unix::net::UnixListener,
    path::Path,
};

use nix::{
    fcntl::{Flock, FlockArg},
    sys::stat::Mode,
    unistd::mkfifo,
};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    BoltError, BoltFile,
    testing::{Row, Writer, inline_bucket, meta, revision, rows, seal},
    tests::{holds, opened, values, walked},
};

const PAGE: usize = 512;

/// Leaf pages of two rows below several levels of branches, one with overflow
/// pages, and a small bucket.
fn example() -> Vec<u8> {
    let mut writer = Writer::new(PAGE);
    writer.bucket("key", example_rows());
    writer.inline("meta", &rows(values(2, 20)));
    writer.snapshot()
}

fn example_rows() -> Vec<Row> {
    let mut values = vec![vec![7; 200]; 60];
    values[10] = vec![9; 3000];
    rows(values)
}

/// The pages of the example that are leaf or branch pages of bucket `key`: the
/// leaves first, then the branches up to the root.
fn pages_of(bytes: &[u8], flags: u8) -> Vec<usize> {
    let pages = (2..bytes.len() / PAGE).filter(|page| {
        let header = &bytes[page * PAGE..page * PAGE + 16];
        header[..8] == (*page as u64).to_le_bytes() && header[8] == flags
    });
    pages.collect()
}

/// What a person is told of a file that cannot be opened.
#[track_caller]
fn refusal(bytes: &[u8]) -> String {
    opened(bytes).unwrap_err().to_string()
}

/// Reads all there is, whatever it is: it ends, and errors are sentences.
fn read_all(bytes: &[u8]) {
    let told = opened(bytes).and_then(|file| {
        for bucket in ["key", "meta"] {
            let (rows, walked) = walked(&file, bucket)?;
            assert_eq!(rows.len() as u64, walked.records);
            assert!(walked.pages * u64::from(file.page_size()) <= file.size().0);
            assert_eq!(walked.damage.is_some(), walked.damaged > 0);
        }
        file.buckets()?;
        if file.is_snapshot() { file.check_sum().map(drop) } else { Ok(()) }
    });
    assert!(told.err().is_none_or(|error| error.to_string().len() > 10));
}

#[test]
fn a_file_cut_anywhere_is_told_to_be_cut() {
    let whole = example();
    for length in 0..whole.len() {
        let expected = match length {
            0 => "not an etcd database: it is empty",
            1..20 => "not an etcd database: it",
            20..80 => "not an etcd database: it is cut to the first bytes",
            // Without its checksum it is what a db file is.
            _ if length == whole.len() - 32 => continue,
            _ => "cut: ",
        };
        let told = refusal(&whole[..length]);
        assert!(told.starts_with(expected), "{length}: {told}");
    }
}

#[test]
fn what_is_missing_is_counted() {
    let whole = example();
    let told = refusal(&whole[..whole.len() - 42]);
    let size = whole.len() - 32;
    let expected = format!("cut: 10 of {size} bytes are missing at its end ({} bytes", size - 10);
    assert!(told.starts_with(&expected), "{told}");
    let told = refusal(&whole[..whole.len() - 1]);
    assert!(told.starts_with("cut: 1 of "), "{told}");
}

#[test]
fn a_db_file_may_be_longer() {
    let mut bytes = example();
    bytes.truncate(bytes.len() - 32);
    for more in [0, PAGE, 16 << 20] {
        bytes.resize(bytes.len() + more, 0);
        let file = opened(&bytes).unwrap();
        assert!(!file.is_snapshot());
        holds(&file, "key", &example_rows());
    }
}

#[test]
fn a_damaged_meta_is_told_and_the_other_one_used() {
    let whole = example();
    for (page, transaction) in [(0, 7), (1, 6)] {
        let mut bytes = whole.clone();
        bytes[page * PAGE + 16 + 48] ^= 1;
        let file = opened(&bytes).unwrap();
        let warning = file.warning().unwrap();
        assert!(warning.ends_with(&format!("of transaction {transaction}")), "{warning}");
        holds(&file, "key", &example_rows());
        bytes[(1 - page) * PAGE + 16 + 48] ^= 1;
        assert!(matches!(opened(&bytes), Err(BoltError::Metas)));
    }
    assert_eq!(opened(&whole).unwrap().warning(), None);
}

#[test]
fn something_behind_a_snapshot_is_told() {
    let longer = [&example()[..], &[7; 32], b"and more"].concat();
    let file = opened(&longer).unwrap();
    assert!(!file.is_snapshot());
    assert!(file.warning().is_some_and(|told| told.starts_with("something stands behind")));
    holds(&file, "key", &example_rows());
}

/// Both metas with other numbers in them, at an offset, and right checksums.
fn with_metas(at: usize, number: &[u8]) -> Vec<u8> {
    let mut bytes = example();
    for page in [0, PAGE] {
        let mut meta = bytes[page + 16..page + 80].to_vec();
        meta[at..at + number.len()].copy_from_slice(number);
        seal(&mut meta);
        bytes[page + 16..page + 80].copy_from_slice(&meta);
    }
    bytes
}

#[test]
fn metas_that_make_no_sense_are_refused() {
    assert!(refusal(&with_metas(4, &[3])).contains("bbolt database of version 3"));
    for size in [0_u32, 256, 513, 4095, 1 << 17, u32::MAX] {
        let told = refusal(&with_metas(8, &size.to_le_bytes()));
        assert!(told.starts_with(&format!("its page size is {size},")), "{told}");
    }
    for pages in [u64::MAX, 1 << 60, (1 << 28) + 1] {
        let told = refusal(&with_metas(40, &pages.to_le_bytes()));
        assert!(told.contains("more than any etcd has"), "{told}");
    }
    assert!(matches!(
        opened(&with_metas(40, &(1_u64 << 28).to_le_bytes())),
        Err(BoltError::Short { .. })
    ));
    for root in [0, 1, 1 << 20, u64::MAX] {
        let file = opened(&with_metas(16, &u64::to_le_bytes(root))).unwrap();
        let told = walked(&file, "key").unwrap_err().to_string();
        assert!(told.contains(&format!("damaged: page {root}, from which")), "{told}");
    }
}

#[test]
fn what_is_no_database_is_named() {
    let tar = [&[b'a'; 257][..], b"ustar\0"].concat();
    for (bytes, told) in [
        (&b""[..], "it is empty"),
        (&[0; 5000], "all zeros"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"apiVersion: v1\nkind: Pod\n", "it looks like text"),
        (&tar, "tar archive"),
        (b"SQLite format 3\0\x10\0", "SQLite"),
        (&[0xFF, 1, 2, 3, 0], "nothing that is known here"),
    ] {
        assert!(refusal(bytes).contains(told), "{told}: {}", refusal(bytes));
    }
    let swapped: Vec<u8> =
        example().chunks(4).flat_map(|four| four.iter().rev()).copied().collect();
    assert!(refusal(&swapped).contains("big-endian"));
}

#[test]
fn only_regular_files_are_opened() {
    let dir = tempfile::tempdir().unwrap();
    let (pipe, socket) = (dir.path().join("pipe"), dir.path().join("socket"));
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let _socket = UnixListener::bind(&socket).unwrap();
    for (path, what) in [
        (pipe.as_path(), "a pipe"),
        (socket.as_path(), "a socket"),
        (dir.path(), "a directory"),
        (Path::new("/dev/zero"), "a device"),
    ] {
        let told = BoltFile::open(path).unwrap_err().to_string();
        assert_eq!(told, format!("it is {what}, not a regular file"));
    }
    let told = BoltFile::open(&dir.path().join("none")).unwrap_err().to_string();
    assert!(told.starts_with("cannot open it: No such file"), "{told}");
    let (reader, _writer) = io::pipe().unwrap();
    let told = BoltFile::from_file(File::from(std::os::fd::OwnedFd::from(reader)), "-".into());
    assert!(matches!(told, Err(BoltError::NotAFile("a pipe"))));
}

#[test]
fn a_disk_that_gives_nothing_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    fs::write(&path, example()).unwrap();
    // A handle that cannot be read from stands for the disk.
    let file = File::options().write(true).open(&path).unwrap();
    let told = BoltFile::from_file(file, "db".to_owned()).unwrap_err().to_string();
    assert!(told.starts_with("cannot read it: Bad file descriptor"), "{told}");
}

#[test]
fn a_damaged_leaf_is_left_out_and_the_rest_is_read() {
    let whole = example();
    let leaves = pages_of(&whole, 2);
    assert!(leaves.len() > 20, "{leaves:?}");
    // Its number, its kind, its elements' count, the first element's parts.
    for (at, said) in [
        (7, "does not begin as a page does"),
        (8, "is no page of keys"),
        (10, "is empty, and should not be there"),
        (11, "which do not fit in it"),
        (14, "beyond the database's end"),
        (16, "of an unknown kind"),
        (16 + 6, "does not lie in it"),
        (16 + 10, "does not lie in it"),
        (16 + 14, "does not lie in it"),
        (16 + 32, "not in order"),
    ] {
        // The last page is that of the buckets.
        for leaf in &leaves[1..leaves.len() - 1] {
            let mut bytes = whole.clone();
            // Two elements become none, or 64 times as many.
            bytes[leaf * PAGE + at] ^= if at == 10 { 2 } else { 0x40 };
            let file = opened(&bytes).unwrap();
            let (rows, walked) = walked(&file, "key").unwrap();
            assert_eq!(walked.damaged, 1);
            let damage = walked.damage.unwrap();
            let expected = format!("1 place is damaged and left out: page {leaf} ");
            assert!(damage.starts_with(&expected) && damage.contains(said), "{at}: {damage}");
            assert_eq!(rows.len(), 58, "{at}: the leaf has two");
        }
    }
}

#[test]
fn a_tree_that_leads_back_or_away_ends() {
    let whole = example();
    let branches = pages_of(&whole, 1);
    let root = *branches.last().unwrap();
    for target in [0, 1, 2, root, branches[0], 1 << 30, usize::MAX] {
        for branch in &branches {
            let mut bytes = whole.clone();
            let child = branch * PAGE + 16 + 8;
            bytes[child..child + 8].copy_from_slice(&(target as u64).to_le_bytes());
            let file = opened(&bytes).unwrap();
            let (rows, walked) = walked(&file, "key").unwrap();
            assert!(rows.len() <= 60);
            // The first leaf is page 2: there the first branch points anyhow.
            assert_eq!(walked.damage.is_none(), bytes == whole, "{branch} -> {target}");
        }
    }
}

#[test]
fn a_leaf_in_the_place_of_another_is_noticed() {
    let mut bytes = example();
    let leaves = pages_of(&bytes, 2);
    // An old copy of a page: whole in itself, with other keys.
    let (from, to) = (leaves[3] * PAGE, leaves[20] * PAGE);
    bytes.copy_within(from + 16..from + PAGE, to + 16);
    let (rows, walked) = walked(&opened(&bytes).unwrap(), "key").unwrap();
    assert!(walked.damage.unwrap().contains("not in order"));
    assert_eq!(rows.len(), 58);
}

#[test]
fn what_leads_to_the_bucket_is_not_guessed() {
    let whole = example();
    let leaves = pages_of(&whole, 2);
    let top = *leaves.last().unwrap();
    let mut bytes = whole.clone();
    bytes[top * PAGE + 8] = 4;
    let file = opened(&bytes).unwrap();
    let told = walked(&file, "key").unwrap_err().to_string();
    assert!(told.starts_with(&format!("damaged: page {top}, from which everything")), "{told}");
    assert!(file.buckets().is_err());
    let root = *pages_of(&whole, 1).last().unwrap();
    let mut bytes = whole.clone();
    bytes[root * PAGE] ^= 1;
    let file = opened(&bytes).unwrap();
    let told = walked(&file, "key").unwrap_err().to_string();
    assert!(told.starts_with("damaged: the first page of bucket `key` says"), "{told}");
    // The other buckets are not touched by it.
    holds(&file, "meta", &rows(values(2, 20)));
}

#[test]
fn buckets_that_are_none_are_told() {
    let plain = (0, b"key".to_vec(), b"value".to_vec());
    let short = (1, b"key".to_vec(), vec![0; 15]);
    let mut no_page = inline_bucket(&rows(values(2, 20)));
    no_page[16 + 8] = 1;
    let mut long = inline_bucket(&rows(values(2, 20)));
    long[16 + 10] = 200;
    for row in [plain, short, (1, b"key".to_vec(), no_page), (1, b"key".to_vec(), long)] {
        let mut writer = Writer::new(4096);
        writer.top(row);
        let told = walked(&opened(&writer.finish()).unwrap(), "key").unwrap_err();
        assert!(matches!(told, BoltError::Damaged(_)), "{told}");
    }
    // etcd has no buckets in buckets: a row that says so is a damaged one.
    let mut inner = rows(values(9, 30));
    inner[4] = (1, revision(5), inline_bucket(&rows(values(2, 20))));
    let mut writer = Writer::new(4096);
    writer.bucket("key", inner);
    let (rows, walked) = walked(&opened(&writer.finish()).unwrap(), "key").unwrap();
    assert!(rows.len() == 8 && walked.damage.unwrap().contains("a bucket where etcd has none"));
}

#[test]
fn a_wrong_checksum_is_told() {
    let whole = example();
    for at in [PAGE * 3 + 100, whole.len() - 33, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        assert!(!opened(&bytes).unwrap().check_sum().unwrap());
    }
}

#[test]
fn an_etcd_that_runs_on_it_is_noticed_and_not_hindered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    fs::write(&path, example()).unwrap();
    let file = BoltFile::open(&path).unwrap();
    file.refuse_if_in_use().unwrap();
    let etcd = Flock::lock(File::open(&path).unwrap(), FlockArg::LockExclusiveNonblock);
    assert!(etcd.is_ok(), "our lock is still held");
    assert!(matches!(file.refuse_if_in_use(), Err(BoltError::InUse)));
    drop(etcd);
    file.refuse_if_in_use().unwrap();
}

#[test]
fn what_a_writer_changed_is_void() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    fs::write(&path, example()).unwrap();
    let file = BoltFile::open(&path).unwrap();
    let pages = file.size().0 / PAGE as u64;
    let mut next = example();
    // The next transaction goes to the other meta.
    next[16..80].copy_from_slice(&meta(PAGE as u32, pages - 1, pages, 8));
    let told = file.walk_back(b"key", &mut |_| {
        fs::write(&path, &next).unwrap();
        std::ops::ControlFlow::Break(())
    });
    assert!(matches!(told, Err(BoltError::Changed)), "{told:?}");
    let file = BoltFile::open(&path).unwrap();
    let told = file.walk_back(b"key", &mut |_| {
        File::options().write(true).open(&path).unwrap().set_len(100).unwrap();
        std::ops::ControlFlow::Continue(())
    });
    assert!(matches!(told, Err(BoltError::Changed)), "{told:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn any_bytes_end_in_an_answer(bytes in vec(any::<u8>(), 0..3000)) {
        read_all(&bytes);
    }

    #[test]
    fn any_damage_ends_in_an_answer(changes in vec((any::<Index>(), any::<u8>()), 1..12)) {
        let mut bytes = example();
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = byte;
        }
        read_all(&bytes);
    }

    #[test]
    fn any_damage_behind_whole_metas_ends_in_an_answer(
        changes in vec((any::<Index>(), 0_usize..48, any::<u8>()), 1..12),
    ) {
        let mut bytes = example();
        let pages = bytes.len() / PAGE - 2;
        for (page, at, byte) in changes {
            // Headers and the first elements: what leads on.
            bytes[(2 + page.index(pages)) * PAGE + at] = byte;
        }
        read_all(&bytes);
    }
}
