//! The way on: etcd stopped, its data copied and compared, the new manifest in
//! its place, the member well. What an earlier run did is seen, and not done
//! again. Trouble before the end leads back.

mod stop;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    act::{
        copy_tree::{
            CopyError, DATABASE, ProvenCopy, Shown, SourceLock, copy_tree, list, top_names,
        },
        manifest::{put_in, remove_held, remove_left_over_manifests, remove_record, write_record},
    },
    consent::Consent,
    failure::{Exit, Failure},
    flow::{
        defragment::serves,
        look::Here,
        record::millis,
        replaced::{self, Expected, Replaced},
        session::Session,
    },
    model::{Bytes, Phase, RELOCATION, StepStatus, UNFINISHED_CHANGE},
    observe::manifest_directory::sha256,
    say::{Progress, human, json::SyncAnswer, ticking},
};

use super::{
    back,
    begun::{Begun, Place},
    newest::{Newest, newest},
    tell, troubles, way_back_troubles,
};

/// Why it does not go on.
pub(super) enum Trouble {
    /// Back to the old data, for this reason.
    Back(String),
    /// Everything stays as it is.
    Stop(Box<Failure>),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Stop(Box::new(failure))
    }
}

/// Goes on from wherever it stands, to the last word.
pub(super) async fn onward(
    session: &Session,
    here: &Here,
    begun: &mut Begun,
    patience: Duration,
    syncs: SyncAnswer,
    consent: &Consent,
) -> Result<Exit, Failure> {
    remove_left_over_manifests(&begun.before.path);
    troubles::target_is_there(session, begun).await?;
    let mut way = Way { session, here, patience, consent, stopped: None, lock: None };
    let ended = way.go(begun).await;
    // The way back asks whether anybody has these data open.
    drop(way);
    match ended {
        Ok(down_ms) => Ok(tell::done(session, begun, down_ms, syncs)),
        Err(Trouble::Stop(failure)) => {
            session.record_mut().end_step(StepStatus::Failed, failure.what.clone());
            Err(*failure)
        }
        Err(Trouble::Back(why)) => {
            session.record_mut().end_step(StepStatus::Failed, why.clone());
            session.voice.fail(&why);
            let back = back::go_back(session, here, begun, patience, consent).await?;
            Err(way_back_troubles::rolled_back(session, begun, &why, &back))
        }
    }
}

/// One walk.
struct Way<'a> {
    session: &'a Session,
    here: &'a Here,
    patience: Duration,
    consent: &'a Consent,
    /// When this run took the manifest out.
    stopped: Option<Instant>,
    /// Held until the member is well on the new disk: meanwhile nobody starts
    /// an etcd on the old data, which would write what the copy lacks.
    lock: Option<SourceLock>,
}

impl Way<'_> {
    /// Every step that is left; how long the member was down, when that is
    /// known.
    async fn go(&mut self, begun: &mut Begun) -> Result<Option<u64>, Trouble> {
        let place =
            begun.place().map_err(|error| troubles::unreadable(self.session, begun, &error))?;
        match place {
            Place::Other => return Err(troubles::other_manifest(self.session, begun).into()),
            Place::After => self.close_old_data(begun).await?,
            Place::Before | Place::Empty => {
                self.stop(begun, &place).await?;
                self.copy(begun).await?;
                self.start(begun).await?;
            }
        }
        self.see_that_it_is_well(begun).await?;
        let down_ms = self.stopped.map(millis);
        self.lock = None;
        self.tidy(begun)?;
        Ok(down_ms)
    }

    fn begin(&self, number: u32, id: &str, text: &str, begun: &Begun) {
        self.session.voice.heading(&format!("Step {number} of 4: {text}"));
        let mut record = self.session.record_mut();
        record.begin_step(id, Some(begun.member()));
        record.changed_anything = true;
        if let Some(running) = record.running.as_mut() {
            running.goes_on = tell::state(begun);
        }
    }

    fn done(&self, detail: &str) {
        self.session.record_mut().end_step(StepStatus::Done, detail);
        self.session.voice.ok(detail);
    }

    /// While etcd is down, what cannot be noted leads back.
    fn note(&self, begun: &mut Begun, phase: Phase) -> Result<(), Trouble> {
        begun.note(self.session, phase).map_err(|failure| Trouble::Back(failure.what))
    }

    /// Copies the data, unless the member has already written to the copy.
    async fn copy(&mut self, begun: &mut Begun) -> Result<(), Trouble> {
        let record = &begun.record;
        let (from, to) = (record.from.clone(), record.to.clone());
        let text = format!("copy {} to {}, and read it back", from.display(), to.display());
        self.begin(2, "copy", &text, begun);
        let failed =
            |error: &dyn std::fmt::Display| Trouble::Back(format!("the copy failed: {error}"));
        match newest(&begun.record).await.map_err(|error| failed(&error))? {
            Newest::Old => {}
            Newest::New => {
                self.close_old_data(begun).await?;
                self.done("the member has written there already: nothing is copied over it");
                return Ok(());
            }
            Newest::Both => {
                return Err(way_back_troubles::two_histories(self.session, begun).into());
            }
            Newest::Gone => {
                return Err(way_back_troubles::copy_is_gone(self.session, begun).into());
            }
        }
        let names = top_names(&from).map_err(|error| failed(&error))?;
        let names = names.into_iter().map(|name| name.to_string_lossy().into_owned());
        begun.record.names = names.collect();
        self.note(begun, Phase::Copying)?;
        let (copy, took) = self.copy_all(&from, &to).await.map_err(|error| failed(&error))?;
        self.lock = Some(copy.lock);
        (begun.record.wal, begun.record.copied, begun.record.copy_ms) =
            (copy.wal, copy.copied, took);
        self.done(&format!(
            "{} in {} files are there and come back from that disk as they were ({})",
            copy.copied.bytes,
            copy.copied.files,
            human::duration(Duration::from_millis(took))
        ));
        Ok(())
    }

    /// Copies, shows how far it is, and tells what could not be kept.
    async fn copy_all(&self, from: &Path, to: &Path) -> Result<(ProvenCopy, u64), CopyError> {
        let (began, shown): (Instant, Arc<Shown>) = (Instant::now(), Arc::default());
        let size = list(from).map_or(Bytes(0), |tree| tree.bytes);
        let progress = Progress::bytes(&self.session.voice, "copying", Some(size.0));
        let show = || progress.at(shown.done(), &shown.note());
        show();
        let copy = ticking(copy_tree(from, to, &shown, self.consent), show).await?;
        drop(progress);
        for note in &copy.notes {
            self.session.voice.warn(note);
        }
        Ok((copy, millis(began)))
    }

    /// Puts the edited manifest in.
    async fn start(&mut self, begun: &mut Begun) -> Result<(), Trouble> {
        self.begin(3, "start", "put the manifest with the new path in", begun);
        // A disk that went away since would have etcd start on nothing.
        let gone = troubles::target_is_there(self.session, begun).await.err();
        if let Some(gone) = gone {
            return Err(Trouble::Back(gone.what));
        }
        if begun.record.wal.is_empty() || !begun.record.to.join(DATABASE).exists() {
            let to = begun.record.to.display();
            return Err(Trouble::Back(format!("there is no database or no raft log in {to}")));
        }
        begun.record.started = true;
        // An earlier run may have been another release, with another editor.
        begun.change.after_sha256 = sha256(&begun.after);
        self.note(begun, Phase::Replacing)?;
        put_in(&begun.before, &begun.after, self.consent)
            .map_err(|error| Trouble::Back(error.to_string()))?;
        self.done(&format!("{} names {}", begun.before.path.display(), begun.record.to.display()));
        Ok(())
    }

    /// Waits until the member serves from its new place.
    async fn see_that_it_is_well(&self, begun: &Begun) -> Result<(), Trouble> {
        self.begin(4, "verify", "see that the member is well there", begun);
        let expected = Expected {
            member: begun.record.member.clone(),
            args: Vec::new(),
            mounts: begun.is_volume.then(|| begun.record.to.clone()).into_iter().collect(),
            not: begun.change.container_before.clone().into_iter().collect(),
            patience: self.patience,
        };
        match replaced::wait(self.session, self.here, &expected, "waiting for etcd").await {
            Replaced::Runs { world, .. } if !serves(&world, begun.member()) => {
                Err(Trouble::Back("the member that runs there has another id".to_owned()))
            }
            Replaced::Runs { elapsed_ms, world, .. } => {
                self.session.record_mut().after = Some(*world);
                let took = human::duration(Duration::from_millis(elapsed_ms));
                self.done(&format!(
                    "{} serves from {} and has caught up ({took})",
                    begun.record.member,
                    begun.record.to.display()
                ));
                Ok(())
            }
            Replaced::Failed(not) => {
                for line in &not.log {
                    self.session.voice.say(&format!("  {line}"));
                }
                Err(Trouble::Back(not.why))
            }
        }
    }

    /// The record of the manifest goes; that of the data stays for
    /// `--remove-old`.
    fn tidy(&self, begun: &mut Begun) -> Result<(), Failure> {
        begun.record.done = true;
        let tidied = match begun.held() {
            Some(_) => remove_held(&begun.before.path, &begun.before.sha256, self.consent),
            None => Ok(()),
        };
        tidied
            .and_then(|()| write_record(Path::new(RELOCATION), &begun.record))
            .and_then(|()| remove_record(Path::new(UNFINISHED_CHANGE)))
            .map_err(|error| troubles::manifest(self.session, &error))
    }
}
