//! Our own snapshot stream is never open while nobody reads it: an open one
//! would freeze the member in its defragmentation.

mod common;
mod fake;

use std::{
    io::{self, Write},
    path::Path,
    sync::mpsc,
    time::Duration,
};

use common::until;
use etcd_rescue::{
    act::{SnapshotError, stream_within},
    wire::{Etcd, Tls},
};
use fake::etcd::FakeEtcd;

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
    stream_within(&client, Path::new("x"), disk, PATIENCE, |_| {}).await.unwrap();
    ended(&etcd, &client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_ends_the_stream() {
    let (etcd, client) = large().await;
    let (release, hangs) = mpsc::channel();
    let disk = Disk { room: 100_000, hangs: Some(hangs) };
    let silence = Duration::from_millis(500);
    let error = stream_within(&client, Path::new("x"), disk, silence, |_| {}).await.unwrap_err();
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
    let error = stream_within(&client, Path::new("x"), disk, PATIENCE, |_| {}).await.unwrap_err();
    assert!(matches!(error, SnapshotError::Write { .. }), "{error}");
    ended(&etcd, &client);
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_ends_the_stream() {
    let (etcd, client) = large().await;
    let (release, hangs) = mpsc::channel();
    let disk = Disk { room: 100_000, hangs: Some(hangs) };
    let streaming = stream_within(&client, Path::new("x"), disk, PATIENCE, |_| {});
    let cut = tokio::time::timeout(Duration::from_millis(500), streaming).await;
    assert!(cut.is_err());
    ended(&etcd, &client);
    drop(release);
}
