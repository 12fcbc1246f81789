//! One directory that takes the journal and the report, behind a thread of its
//! own: the disk may be the dying one, and whoever waits for it waits no longer
//! than told. A thread that hangs in the kernel is left behind; the shell sees
//! the end of the process only when that disk answers.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::Duration,
};

use nix::fcntl::OFlag;

use super::{journal_names, private_directory::prepare_directory};
use crate::{model::Bytes, sys::statvfs};

/// A journal takes kilobytes; where there is less than this, the room is
/// etcd's and the node's.
const ROOM: Bytes = Bytes(16 << 20);

/// What the thread is asked to do. Each is on disk when it is answered.
#[derive(Debug)]
pub(super) enum Job {
    /// Make `STEM.jsonl` with these lines.
    Begin {
        /// Name without extension.
        stem: String,
        /// All lines so far.
        lines: String,
    },
    /// Append this line, line end included.
    Line(String),
    /// Write `STEM.md`, whole or not at all.
    Report(String),
}

type Answer = io::Result<()>;

/// The near end of the thread.
#[derive(Debug)]
pub(super) struct JournalPlace {
    directory: PathBuf,
    jobs: SyncSender<(Job, SyncSender<Answer>)>,
}

impl JournalPlace {
    /// Starts the thread; it touches nothing before its first job.
    pub(super) fn begin(directory: &Path) -> Result<JournalPlace, String> {
        // Each job is waited for, so that there is never a second one.
        let (jobs, work) = sync_channel(1);
        let mut place = Work { directory: directory.to_owned(), open: None };
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || place.serve(&work))
            .map_err(|error| error.to_string())?;
        Ok(JournalPlace { directory: directory.to_owned(), jobs })
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The journal's path.
    pub(super) fn path(&self, stem: &str) -> PathBuf {
        self.directory.join(format!("{stem}.jsonl"))
    }

    /// Has a job done, for as long as `patience` lasts; the reason when it was
    /// not.
    pub(super) fn ask(&self, job: Job, patience: Duration) -> Result<(), String> {
        let (answer, answered) = sync_channel(1);
        let gone = || "its writer has ended".to_owned();
        self.jobs.send((job, answer)).map_err(|_| gone())?;
        match answered.recv_timeout(patience) {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(RecvTimeoutError::Timeout) => Err("the disk does not answer".to_owned()),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }
}

/// The far end.
struct Work {
    directory: PathBuf,
    open: Option<Open>,
}

struct Open {
    stem: String,
    file: File,
    /// Bytes of whole lines.
    length: u64,
}

impl Work {
    fn serve(&mut self, work: &Receiver<(Job, SyncSender<Answer>)>) {
        for (job, answer) in work {
            let done = match job {
                Job::Begin { stem, lines } => self.begin(stem, &lines),
                Job::Line(line) => self.line(&line),
                Job::Report(text) => self.report(&text),
            };
            // Nobody may be waiting any more.
            let _ = answer.send(done);
        }
    }

    fn begin(&mut self, stem: String, lines: &str) -> Answer {
        let parent = self.directory.parent().unwrap_or(Path::new("/"));
        let room = statvfs::room(parent)?.available;
        if room < ROOM {
            return Err(io::Error::other(format!("only {room} free")));
        }
        prepare_directory(&self.directory).map_err(|error| match error {
            super::SnapshotError::Directory { why, .. } => io::Error::other(why),
            other => io::Error::other(other.to_string()),
        })?;
        let path = self.directory.join(format!("{stem}.jsonl"));
        let file = create(&path, OFlag::O_APPEND)?;
        self.open = Some(Open { stem, file, length: 0 });
        if let Err(error) = self.line(lines) {
            // Half a beginning is nothing to look at later.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        File::open(&self.directory)?.sync_all()?;
        journal_names::remove_old(&self.directory);
        Ok(())
    }

    /// One write, so that there is a whole line or none; what a full disk cut
    /// off is taken away again.
    fn line(&mut self, line: &str) -> Answer {
        let open = self.open.as_mut().ok_or_else(nothing_open)?;
        let written = open.file.write(line.as_bytes());
        match written {
            Ok(all) if all == line.len() => open.length += all as u64,
            short => {
                let _ = open.file.set_len(open.length);
                short?;
                return Err(io::Error::other("no space left"));
            }
        }
        open.file.sync_data()
    }

    fn report(&mut self, text: &str) -> Answer {
        let open = self.open.as_ref().ok_or_else(nothing_open)?;
        let path = self.directory.join(format!("{}.md", open.stem));
        let part = self.directory.join(format!("{}{}", open.stem, journal_names::PART));
        let written = create(&part, OFlag::empty()).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&part, &path)
        });
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written?;
        File::open(&self.directory)?.sync_all()
    }
}

/// A new private file, never through a link.
fn create(path: &Path, more: OFlag) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | more;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(flags.bits())
        .open(path)
}

fn nothing_open() -> io::Error {
    io::Error::other("nothing was begun")
}
