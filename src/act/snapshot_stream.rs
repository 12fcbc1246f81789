//! From a member's snapshot stream to a file or a writer: etcd's checksum and
//! the disk have a thread each, and a few blocks of memory go round between
//! these and the connection. A disk can take minutes over a write or a sync;
//! signals and the connection are served meanwhile.

use std::{
    io::{self, Write},
    path::Path,
    time::Duration,
};

use prost::bytes::Bytes as Piece;
use tokio::{
    sync::mpsc::{self, Receiver, Sender, error::TryRecvError},
    task::spawn_blocking,
    time::timeout,
};

use super::{
    Saved, SnapshotError, block::Block, checked_file::CheckedFile,
    trailing_checksum::TrailingChecksum,
};
use crate::{
    model::Bytes,
    wire::{Etcd, SnapshotStream, WireError},
};

/// A stream that says nothing for this long has died; a busy disk pauses for
/// seconds, not minutes.
pub(super) const SILENCE: Duration = Duration::from_secs(60);

/// Blocks that go round: 3 MiB.
const BLOCKS: usize = 6;

/// Where the blocks go.
pub(super) enum Sink {
    /// A file that is read back from the disk.
    Checked(CheckedFile),
    /// Anything else.
    Plain(Box<dyn Write + Send>),
}

/// Streams a snapshot into any writer; `path` names it in errors. Whoever
/// drops this does not wait for a write that is under way.
///
/// # Errors
/// Every `SnapshotError`; what was written by then is not a snapshot.
pub async fn stream(
    etcd: &Etcd,
    path: &Path,
    sink: impl Write + Send + 'static,
    progress: impl FnMut(Bytes),
) -> Result<Saved, SnapshotError> {
    stream_within(etcd, path, sink, SILENCE, progress).await
}

/// As `stream`, with another patience for an etcd that sends nothing and a
/// writer that takes nothing. The stream is open no longer than this runs, and
/// never while nobody reads it: an open one keeps the member from being
/// defragmented, and its file from using freed pages again.
///
/// # Errors
/// As `stream`.
pub async fn stream_within(
    etcd: &Etcd,
    path: &Path,
    sink: impl Write + Send + 'static,
    silence: Duration,
    mut progress: impl FnMut(Bytes),
) -> Result<Saved, SnapshotError> {
    let sink = Sink::Plain(Box::new(sink));
    run(etcd, path, sink, silence, &mut progress).await.map(|(saved, _)| saved)
}

/// Streams into a sink and gives it back; `progress` gets the bytes done so far.
pub(super) async fn run(
    etcd: &Etcd,
    path: &Path,
    sink: Sink,
    silence: Duration,
    progress: &mut dyn FnMut(Bytes),
) -> Result<(Saved, Sink), SnapshotError> {
    let mut stream = etcd.snapshot(silence).await?;
    let (give_back, mut free) = mpsc::channel(BLOCKS);
    for _ in 0..BLOCKS {
        // There is room for each of them, always.
        let _ = give_back.try_send(Block::new());
    }
    let (filled, to_hash) = mpsc::channel(BLOCKS);
    let (hashed, to_write) = mpsc::channel(BLOCKS);
    let hashing = on_a_thread(move || Ok(hash(to_hash, &hashed)));
    let writing = on_a_thread(move || write(to_write, &give_back, sink));
    let written = async {
        let both = tokio::try_join!(hashing, writing);
        both.map_err(|source| SnapshotError::Write { path: path.to_owned(), source })
    };
    let received = async {
        let (mut done, mut rest) = (Bytes(0), Default::default());
        loop {
            let mut block = match timeout(silence, free.recv()).await {
                Ok(Some(block)) => block,
                // The writer has ended, and says why.
                Ok(None) => return Ok(()),
                Err(_) => return Err(stalled(path, silence)),
            };
            let more = fill(&mut block, &mut stream, &mut rest).await?;
            done = done.plus(Bytes(block.bytes().len() as u64));
            progress(done);
            if !block.is_empty() && filled.send(block).await.is_err() || !more {
                break;
            }
        }
        drop(filled);
        Ok(())
    };
    let ((check, sink), ()) = tokio::try_join!(written, received)?;
    Ok((check.finish()?, sink))
}

/// Fills a block as far as the stream goes; `false` at its end. `rest` is what
/// came and found no room.
async fn fill(
    block: &mut Block,
    stream: &mut SnapshotStream,
    rest: &mut Piece,
) -> Result<bool, WireError> {
    while !block.is_full() {
        if rest.is_empty() {
            match stream.next().await? {
                Some(piece) => *rest = piece,
                None => return Ok(false),
            }
        }
        block.take(rest);
    }
    Ok(true)
}

/// A disk that hangs, or a reader at the other end of a pipe that sleeps.
fn stalled(path: &Path, silence: Duration) -> SnapshotError {
    let why = format!("it took nothing for {silence:?}; the snapshot stream was ended");
    let source = io::Error::new(io::ErrorKind::TimedOut, why);
    SnapshotError::Write { path: path.to_owned(), source }
}

pub(super) async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|lost| Err(io::Error::other(lost)))
}

/// Checks what comes and hands it on until there is no more, or nobody there.
fn hash(mut blocks: Receiver<Block>, hashed: &Sender<Block>) -> TrailingChecksum {
    let mut check = TrailingChecksum::default();
    while let Some(mut block) = blocks.blocking_recv() {
        // First, so that what is compared with the disk is what etcd's checksum is of.
        block.sum();
        check.update(block.bytes());
        if hashed.blocking_send(block).is_err() {
            break;
        }
    }
    check
}

/// Writes what comes until there is no more, and does in its pauses what else
/// there is to do.
fn write(
    mut blocks: Receiver<Block>,
    give_back: &Sender<Block>,
    mut sink: Sink,
) -> io::Result<Sink> {
    loop {
        let block = match blocks.try_recv() {
            Ok(block) => Some(block),
            Err(TryRecvError::Empty) if sink.pause()? => continue,
            Err(TryRecvError::Empty) => blocks.blocking_recv(),
            Err(TryRecvError::Disconnected) => None,
        };
        let Some(mut block) = block else { break };
        sink.write(&mut block)?;
        block.clear();
        // Who gave it may be gone; then no other will come.
        let _ = give_back.try_send(block);
    }
    if let Sink::Plain(writer) = &mut sink {
        writer.flush()?;
    }
    Ok(sink)
}

impl Sink {
    fn write(&mut self, block: &mut Block) -> io::Result<()> {
        match self {
            Self::Checked(file) => file.write(block),
            Self::Plain(writer) => writer.write_all(block.bytes()),
        }
    }

    /// Something that can be done while no block waits; `false` when there is
    /// nothing.
    fn pause(&mut self) -> io::Result<bool> {
        match self {
            Self::Checked(file) => file.read_block(),
            Self::Plain(_) => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes whole pieces until it is full.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn block(length: usize) -> Block {
        let mut block = Block::new();
        block.take(&mut Piece::from(vec![0; length]));
        block
    }

    #[tokio::test]
    async fn the_writers_error_travels_back_and_a_gone_sender_ends_it() {
        let disk = || Sink::Plain(Box::new(Disk(1000)));
        let (give_back, mut free) = mpsc::channel(1);
        let (hashed, to_write) = mpsc::channel(1);
        let writer =
            tokio::spawn(on_a_thread(move || write(to_write, &give_back, disk()).map(drop)));
        while hashed.send(block(512)).await.is_ok() {}
        let error = writer.await.unwrap().err().map(|error| error.kind());
        assert_eq!(error, Some(io::ErrorKind::StorageFull));
        assert!(free.recv().await.is_some_and(|block| block.is_empty()));
        assert!(free.recv().await.is_none());

        let (filled, to_hash) = mpsc::channel(1);
        let (hashed, mut to_write) = mpsc::channel(1);
        let hasher = tokio::spawn(on_a_thread(move || Ok(hash(to_hash, &hashed))));
        filled.send(block(512)).await.unwrap();
        drop(filled);
        assert!(to_write.recv().await.is_some_and(|block| block.bytes() == [0; 512]));
        assert!(to_write.recv().await.is_none());
        assert!(hasher.await.unwrap().is_ok());
    }
}
