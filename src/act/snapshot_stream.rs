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
    Saved, SnapshotError, block::Block, checked_file::CheckedFile, own_file::OwnFile,
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
    stream_within(etcd, path, None, sink, SILENCE, progress).await
}

/// As `stream`, with another patience for an etcd that sends nothing and a
/// writer that takes nothing. The stream is open no longer than this runs, and
/// never while nobody reads it, or `own`, the member's database file here, in its
/// place: an open one keeps the member from being defragmented, and its file from
/// using freed pages again.
///
/// # Errors
/// As `stream`, and `OwnFile`.
pub async fn stream_within(
    etcd: &Etcd,
    path: &Path,
    own: Option<&Path>,
    sink: impl Write + Send + 'static,
    silence: Duration,
    mut progress: impl FnMut(Bytes),
) -> Result<Saved, SnapshotError> {
    let sink = Sink::Plain(Box::new(sink));
    run(etcd, path, sink, silence, own, &mut progress).await.map(|(saved, _)| saved)
}

/// A block on its way, and whether the database ends with it and its checksum is to
/// be made here.
type Filled = (Block, bool);

/// Streams into a sink and gives it back; `progress` gets the bytes done so far. What
/// is in the file `own`, when the stream comes from it, is read there.
pub(super) async fn run(
    etcd: &Etcd,
    path: &Path,
    sink: Sink,
    silence: Duration,
    own: Option<&Path>,
    progress: &mut dyn FnMut(Bytes),
) -> Result<(Saved, Sink), SnapshotError> {
    let stream = etcd.snapshot(silence).await?;
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
    let incoming = Incoming { stream, rest: Piece::new(), own, file: None, silence };
    let received = receive(incoming, path, &mut free, filled, progress);
    let ((check, sink), from_file) = tokio::try_join!(written, received)?;
    Ok((Saved { from_file, ..check.finish()? }, sink))
}

/// Hands on what comes, block by block; whether most of it was read from the file.
async fn receive(
    mut incoming: Incoming<'_>,
    path: &Path,
    free: &mut Receiver<Block>,
    filled: Sender<Filled>,
    progress: &mut dyn FnMut(Bytes),
) -> Result<bool, SnapshotError> {
    let mut done = Bytes(0);
    let silence = incoming.silence;
    loop {
        // Without one the writer has ended, and says why.
        let Some(block) = next_free(free, path, silence).await? else { return Ok(false) };
        let (mut block, more) = incoming.fill(block).await?;
        done = done.plus(Bytes(block.bytes().len() as u64));
        progress(done);
        let ends = !more && incoming.file.is_some();
        if ends && block.is_full() {
            let Some(empty) = next_free(free, path, silence).await? else { return Ok(false) };
            let _gone = filled.send((std::mem::replace(&mut block, empty), false)).await;
        }
        if (ends || !block.is_empty()) && filled.send((block, ends)).await.is_err() || !more {
            break;
        }
    }
    drop(filled);
    match next_free(free, path, silence).await? {
        Some(spare) => incoming.prove(spare).await,
        None if incoming.file.is_some() => Err(SnapshotError::OwnFile),
        None => Ok(false),
    }
}

async fn next_free(
    free: &mut Receiver<Block>,
    path: &Path,
    silence: Duration,
) -> Result<Option<Block>, SnapshotError> {
    timeout(silence, free.recv()).await.map_err(|_| stalled(path, silence))
}

/// Where the bytes come from.
struct Incoming<'a> {
    stream: SnapshotStream,
    /// What came and found no room.
    rest: Piece,
    /// The file to look into once the first block has come.
    own: Option<&'a Path>,
    /// The file that the stream comes from, from then on.
    file: Option<OwnFile>,
    silence: Duration,
}

impl Incoming<'_> {
    /// Fills an empty block; `false` at the end.
    async fn fill(&mut self, mut block: Block) -> Result<(Block, bool), SnapshotError> {
        if let Some(mut file) = self.file.take() {
            let reading =
                on_a_thread(move || file.fill(&mut block).map(|more| (file, block, more)));
            // A disk that hangs, or reads no more: etcd may have the pages in memory.
            let read = timeout(self.silence, reading).await.map_err(|_| SnapshotError::OwnFile)?;
            let (file, block, more) = read.map_err(|_| SnapshotError::OwnFile)?;
            self.file = Some(file);
            return Ok((block, more));
        }
        let more = fill(&mut block, &mut self.stream, &mut self.rest).await?;
        if let Some(own) = self.own.take().filter(|_| more) {
            let own = own.to_owned();
            // A look that fails is no reason not to take the rest from the stream; one
            // that hangs has taken the first block with it.
            let looking = on_a_thread(move || {
                Ok((OwnFile::of(&own, block.bytes()).unwrap_or_default(), block))
            });
            let looked = timeout(self.silence, looking).await;
            (self.file, block) = looked
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                .map_err(|_| SnapshotError::OwnFile)?;
        }
        Ok((block, more))
    }

    /// Ends a copy of the file with the proof that etcd had its transaction open all
    /// the time; whether there was such a copy.
    async fn prove(mut self, mut spare: Block) -> Result<bool, SnapshotError> {
        let Some(file) = self.file.take() else { return Ok(false) };
        for index in 0..OwnFile::PROOF {
            spare.clear();
            fill(&mut spare, &mut self.stream, &mut self.rest).await?;
            if !file.is_same(index, &spare) {
                return Err(SnapshotError::OwnFile);
            }
        }
        Ok(true)
    }
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
fn hash(mut blocks: Receiver<Filled>, hashed: &Sender<Block>) -> TrailingChecksum {
    let mut check = TrailingChecksum::default();
    while let Some((mut block, ends)) = blocks.blocking_recv() {
        // First, so that what is compared with the disk is what the checksum is of.
        block.sum();
        check.update(block.bytes());
        if ends {
            block.take(&mut Piece::from(check.seal()));
        }
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
        filled.send((block(512), true)).await.unwrap();
        drop(filled);
        let written = to_write.recv().await;
        assert!(written.is_some_and(|block| block.bytes()[..512] == [0; 512] && block.bytes().len() == 544));
        assert!(to_write.recv().await.is_none());
        assert!(hasher.await.unwrap().is_ok());
    }
}
