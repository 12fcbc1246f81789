//! Holding this node's kubelet, as the rescue sees it: starts the guardian,
//! talks to it, replaces it when it dies, and lets go of a kubelet that a
//! killed run left stopped. The stopping itself is the guardian's.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use thiserror::Error;

use super::{
    guardian_process::{Guardian, PATIENCE},
    kubelet_guardian::{PAUSE, RESUME, Word, let_go},
};
use crate::{
    consent::Consent,
    model::KubeletProcess,
    sys::{
        hold_record::HoldRecord,
        kubelet::{Handle, Identity, State},
        own_program::THIS_PROGRAM,
    },
};

/// Why the kubelet is not held, or could not be let go.
#[derive(Debug, Error)]
pub enum HoldError {
    /// Somebody stopped it before us; it was left as it is.
    #[error("the kubelet (pid {0}) is stopped already, and not by a rescue")]
    Foreign(i32),
    /// Another rescue that still runs holds it.
    #[error("another etcd-rescue holds the kubelet (its guardian is pid {0})")]
    HeldByAnother(i32),
    /// The guardian could not be started or reached.
    #[error("no guardian for the kubelet could be started: {0}")]
    NoGuardian(#[from] io::Error),
    /// The guardian says why it could not be done.
    #[error("the kubelet could not be held: {0}")]
    Failed(String),
    /// It is still stopped; the command lets it go.
    #[error("the kubelet (pid {0}) is still stopped: let it go on with `kill -CONT {0}`")]
    StillStopped(i32),
}

/// What happened to a hold since it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldNews {
    /// The kubelet was started, or let go, by somebody else, or we were
    /// suspended; it is stopped again, under this pid.
    HeldAgain(i32),
    /// The guardian was killed or stopped; another one holds the kubelet now.
    GuardianReplaced,
}

/// A held kubelet. Dropping it lets the kubelet go; so does the end of this
/// process in any way, as the guardian then sees its stdin end.
#[derive(Debug)]
pub struct KubeletHold {
    program: PathBuf,
    guardian: Option<Guardian>,
    /// Whom the guardian said it holds, or was asked to.
    kubelet: Identity,
    paused: bool,
}

impl KubeletHold {
    /// Stops the kubelet by a guardian; returns when it is stopped. One that a
    /// killed run left stopped is taken over. When no kubelet runs (it was
    /// restarted just now), the next one will be held.
    ///
    /// # Errors
    /// `HoldError`; the kubelet runs, or is as it was found.
    pub fn take(kubelet: &KubeletProcess, consent: &Consent) -> Result<Self, HoldError> {
        Self::take_by(Path::new(THIS_PROGRAM), kubelet, consent)
    }

    /// `take` with another copy of this program as the guardian.
    ///
    /// # Errors
    /// As `take`.
    pub fn take_by(
        program: &Path,
        kubelet: &KubeletProcess,
        _consent: &Consent,
    ) -> Result<Self, HoldError> {
        let identity = Identity { pid: kubelet.pid, start_time: kubelet.start_time };
        if let Some(record) = HoldRecord::read().filter(|record| record.names(identity)) {
            if record.is_guarded() {
                return Err(HoldError::HeldByAnother(record.guardian.pid));
            }
            end_stopped_guardian(&record);
        }
        let program = program.to_owned();
        let mut hold = Self { program, guardian: None, kubelet: identity, paused: false };
        hold.start_guardian()?;
        Ok(hold)
    }

    /// Whom it holds: the pid, which changes when the kubelet is restarted.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.kubelet.pid
    }

    /// Whether the kubelet runs for a while, by `pause`.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Lets the kubelet run until `resume`, as when etcd ended and has to be
    /// started again. Returns when it runs.
    ///
    /// # Errors
    /// `StillStopped`; it is not paused then: to be tried again.
    pub fn pause(&mut self) -> Result<(), HoldError> {
        if self.paused {
            return Ok(());
        }
        if !matches!(self.ask(PAUSE), Ok(Word::Paused)) {
            // Whatever became of the guardian: the next one begins with `resume`.
            self.end()?;
        }
        self.paused = true;
        Ok(())
    }

    /// Holds the kubelet again; returns when it is stopped.
    ///
    /// # Errors
    /// `HoldError`; the kubelet then runs.
    pub fn resume(&mut self) -> Result<(), HoldError> {
        if !self.paused {
            return Ok(());
        }
        self.paused = false;
        if self.guardian.is_some()
            && let Ok(word) = self.ask(RESUME)
        {
            return self.take_word(word);
        }
        self.end()?;
        self.start_guardian()
    }

    /// Looks after the guardian; to be called at least once a second, and again
    /// after an error. Returns what happened meanwhile.
    ///
    /// # Errors
    /// When the guardian died and no other one could be started; the kubelet
    /// then runs, or `StillStopped`.
    pub fn check(&mut self) -> Result<Vec<HoldNews>, HoldError> {
        let mut news = Vec::new();
        if let Some(guardian) = &mut self.guardian {
            while let Ok(Some(word)) = guardian.word(Duration::ZERO) {
                if let Word::Again(kubelet) = word {
                    self.kubelet = kubelet;
                    news.push(HoldNews::HeldAgain(kubelet.pid));
                }
            }
            if guardian.works() {
                return Ok(news);
            }
        }
        if let Some(guardian) = self.guardian.take() {
            guardian.kill();
        }
        if !self.paused {
            if let Some(first) = HoldRecord::read().and_then(|it| it.kubelets.first().copied()) {
                // It may have taken a new one just before it died.
                self.kubelet = first;
            }
            self.start_guardian()?;
            news.push(HoldNews::GuardianReplaced);
        }
        Ok(news)
    }

    /// Lets the kubelet go on; returns when it runs.
    ///
    /// # Errors
    /// `StillStopped`.
    pub fn release(mut self) -> Result<(), HoldError> {
        self.end()
    }

    fn start_guardian(&mut self) -> Result<(), HoldError> {
        let word = Guardian::start(&self.program, self.kubelet)
            .and_then(|guardian| self.guardian.insert(guardian).answer());
        let taken = word.map_err(HoldError::from).and_then(|word| self.take_word(word));
        if taken.is_err() {
            self.end()?;
        }
        taken
    }

    fn ask(&mut self, request: u8) -> io::Result<Word> {
        let guardian = self.guardian.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        (&*guardian.channel).write_all(&[request])?;
        guardian.answer()
    }

    fn take_word(&mut self, word: Word) -> Result<(), HoldError> {
        match word {
            Word::Held(kubelet) | Word::Again(kubelet) => {
                self.kubelet = kubelet;
                Ok(())
            }
            Word::NoneYet => Ok(()),
            Word::Foreign(pid) => Err(HoldError::Foreign(pid)),
            Word::Paused => Err(HoldError::Failed("its guardian let it go".to_owned())),
            Word::Failed(why) => Err(HoldError::Failed(why)),
        }
    }

    /// Ends the guardian, and makes sure of what it should have done.
    fn end(&mut self) -> Result<(), HoldError> {
        if let Some(guardian) = self.guardian.take() {
            guardian.end();
        }
        let_go_of_ours().map(drop)
    }
}

impl Drop for KubeletHold {
    fn drop(&mut self) {
        // Whoever wants to know calls `release`.
        let _ = self.end();
    }
}

/// Lets a kubelet go on that a rescue stopped which is no more; the pid of the
/// kubelet, or none when there was nothing to do. Needs no consent: it ends
/// what one was given for.
///
/// # Errors
/// `StillStopped`.
pub fn let_go_of_ours() -> Result<Option<i32>, HoldError> {
    let Some(record) = left_over() else { return Ok(None) };
    end_stopped_guardian(&record);
    let mut handles = Vec::new();
    for kubelet in &record.kubelets {
        match Handle::open(*kubelet) {
            Ok(handle) if handle.state() == State::Stopped => handles.push(handle),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return Err(HoldError::StillStopped(kubelet.pid)),
        }
    }
    let first = handles.first().map(|handle| handle.process().pid);
    if let_go(&handles, record.guardian) {
        return Ok(first);
    }
    let still = handles.iter().find(|handle| handle.state() == State::Stopped);
    Err(HoldError::StillStopped(still.map(|it| it.process().pid).or(first).unwrap_or_default()))
}

/// Whether there is a record of a hold whose guardian is no more, or is
/// stopped itself.
#[must_use]
pub fn hold_is_left_over() -> bool {
    left_over().is_some()
}

fn left_over() -> Option<HoldRecord> {
    HoldRecord::read().filter(|record| !record.is_guarded())
}

/// A guardian that is stopped would begin where it was, once somebody lets it
/// go on.
fn end_stopped_guardian(record: &HoldRecord) {
    let Ok(guardian) = Handle::open(record.guardian) else { return };
    let _ = guardian.kill();
    let deadline = Instant::now() + PATIENCE;
    while guardian.state() != State::Gone && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(2));
    }
}
