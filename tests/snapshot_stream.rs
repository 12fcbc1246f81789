//! Our own snapshot stream is never open while nobody reads it: an open one
//! would freeze the member in its defragmentation. And what is copied from the
//! member's own file in its place is what the stream would have brought, or nothing.

mod common;
mod fake;

use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use common::until;
use etcd_rescue::{
    act::{Saved, SnapshotError, stream_within},
    wire::{Etcd, Tls},
};
use fake::etcd::{Act, FakeEtcd, Rpc};
use ring::digest::{SHA256, digest};

const PATIENCE: Duration = Duration::from_secs(20);

/// A member whose database is larger than what is buffered on the way.
async fn large() -> (FakeEtcd, Etcd) {
    let etcd = FakeEtcd::single().await;
    etcd.state().member(1).database = vec![7; 32 << 20];
    let tls = Tls::load(None, None, None).unwrap();
    let client = Etcd::dial(&etcd.endpoint(1), &tls, None, PATIENCE).await.unwrap();
    (etcd, client)
}

/// Takes so many bytes; then it hangs until its sender is gone, or is full.
struct Disk {
    room: usize,
    hangs: Option<mpsc::Receiver<()>>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.room.checked_sub(bytes.len()) {
            Some(room) => self.room = room,
            None => match &self.hangs {
                Some(released) => drop(released.recv()),
                None => return Err(io::ErrorKind::StorageFull.into()),
            },
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails unless the server ends the stream although we stay connected.
#[track_caller]
fn ended(etcd: &FakeEtcd, client: &Etcd) {
    until("the stream ends in the server", PATIENCE, || etcd.open_streams(1) == 0);
    assert_eq!(etcd.state().member(1).streams_begun, 1);
    assert_eq!(client.endpoint(), etcd.endpoint(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_read_to_its_end_is_over_when_we_say_so() {
    let (etcd, client) = large().await;
    let disk = Disk { room: 64 << 20, hangs: None };
    stream_within(&client, Path::new("x"), None, disk, PATIENCE, |_| {}).await.unwrap();
    ended(&etcd, &client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_ends_the_stream() {
    let (etcd, client) = large().await;
    let (release, hangs) = mpsc::channel();
    let disk = Disk { room: 100_000, hangs: Some(hangs) };
    let silence = Duration::from_millis(500);
    let error =
        stream_within(&client, Path::new("x"), None, disk, silence, |_| {}).await.unwrap_err();
    let SnapshotError::Write { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.kind(), io::ErrorKind::TimedOut);
    assert!(source.to_string().contains("took nothing for 500ms"), "{source}");
    ended(&etcd, &client);
    drop(release);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_stream() {
    let (etcd, client) = large().await;
    let disk = Disk { room: 100_000, hangs: None };
    let error =
        stream_within(&client, Path::new("x"), None, disk, PATIENCE, |_| {}).await.unwrap_err();
    assert!(matches!(error, SnapshotError::Write { .. }), "{error}");
    ended(&etcd, &client);
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_ends_the_stream() {
    let (etcd, client) = large().await;
    let (release, hangs) = mpsc::channel();
    let disk = Disk { room: 100_000, hangs: Some(hangs) };
    let streaming = stream_within(&client, Path::new("x"), None, disk, PATIENCE, |_| {});
    let cut = tokio::time::timeout(Duration::from_millis(500), streaming).await;
    assert!(cut.is_err());
    ended(&etcd, &client);
    drop(release);
}

/// Keeps what it is given.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const MIB: usize = 1 << 20;
const PAGE: usize = 4096;

/// A page with what is read of a meta: page size, pages, transaction.
fn meta(pages: usize, transaction: u8) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    page[24..28].copy_from_slice(&(PAGE as u32).to_le_bytes());
    page[56..64].copy_from_slice(&(pages as u64).to_le_bytes());
    page[64] = transaction;
    page
}

/// A member and its file, of which every page is another one; the file's metas are
/// the other way round, as etcd sends that of its transaction first. `change` is made
/// to the file.
async fn with_file(
    pages: usize,
    act: Option<Act>,
    change: impl FnOnce(&mut Vec<u8>),
) -> (Result<Saved, SnapshotError>, Vec<u8>, Vec<u8>) {
    let rest: Vec<u8> =
        (2..pages).flat_map(|page| (page as u32).to_le_bytes().repeat(1024)).collect();
    let database = [meta(pages, 9), meta(pages, 8), rest.clone()].concat();
    let mut file = [meta(pages, 8), meta(pages, 9), rest].concat();
    change(&mut file);
    let own = tempfile::NamedTempFile::new().unwrap();
    own.as_file().write_all(&file).unwrap();
    let etcd = FakeEtcd::single().await;
    etcd.state().member(1).database.clone_from(&database);
    if let Some(act) = act {
        etcd.script(1, Rpc::Snapshot, act);
    }
    let tls = Tls::load(None, None, None).unwrap();
    let client = Etcd::dial(&etcd.endpoint(1), &tls, None, PATIENCE).await.unwrap();
    let kept = Kept::default();
    let (path, sink) = (Path::new("x"), kept.clone());
    let saved = stream_within(&client, path, Some(own.path()), sink, PATIENCE, |_| {}).await;
    ended(&etcd, &client);
    let kept = kept.0.lock().unwrap().clone();
    (saved, kept, database)
}

fn sealed(database: &[u8]) -> Vec<u8> {
    [database, digest(&SHA256, database).as_ref()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_members_own_file_gives_what_the_stream_would() {
    // The second one ends with a whole block of 512 KiB.
    for pages in [10_001, 40 * MIB / PAGE] {
        let (saved, kept, database) = with_file(pages, None, |_| {}).await;
        let saved = saved.unwrap();
        assert!(saved.from_file);
        assert!(kept == sealed(&database), "{pages}");
        assert_eq!(saved.bytes.0, kept.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_is_left_alone() {
    let pages = 10_000;
    for change in [
        |file: &mut Vec<u8>| file[PAGE + 64] = 10,
        |file: &mut Vec<u8>| file[100 * PAGE] ^= 1,
        |file: &mut Vec<u8>| file.truncate(9_999 * PAGE),
        |file: &mut Vec<u8>| file.clear(),
    ] {
        let (saved, kept, database) = with_file(pages, None, change).await;
        assert!(!saved.unwrap().from_file);
        assert!(kept == sealed(&database));
    }
    let (saved, kept, database) = with_file(1000, None, |_| {}).await;
    assert!(!saved.unwrap().from_file, "a small one is streamed");
    assert!(kept == sealed(&database));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_not_held_still_is_not_believed() {
    // Behind the first block, before the end of the proof.
    let (saved, ..) = with_file(10_000, None, |file| file[3 * MIB] ^= 1).await;
    assert!(matches!(saved, Err(SnapshotError::OwnFile)), "{saved:?}");
    // etcd went away while the file was copied: 20 blobs are 640 KiB.
    let (saved, ..) = with_file(10_000, Some(Act::CutAfter(20)), |_| {}).await;
    assert!(matches!(saved, Err(SnapshotError::Stream(_))), "{saved:?}");
    let (saved, ..) = with_file(10_000, Some(Act::EndAfter(20)), |_| {}).await;
    assert!(matches!(saved, Err(SnapshotError::OwnFile)), "{saved:?}");
}
