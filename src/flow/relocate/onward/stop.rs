//! The first step of the way on, etcd stopped; and its old data closed to
//! everybody, so that no other etcd writes to them.

use std::time::Instant;

use super::{
    super::{
        back,
        begun::{self, Begun, Place},
        down,
        newest::old_went_on,
        troubles, way_back_troubles,
    },
    Trouble, Way,
};
use crate::{
    act::{
        copy_tree::{CopyError, SourceLock},
        manifest::{remove_held, take_out},
    },
    decide,
    flow::look::look,
    model::Phase,
};

impl Way<'_> {
    /// Takes the manifest out and waits until etcd is gone.
    pub(super) async fn stop(&mut self, begun: &mut Begun, place: &Place) -> Result<(), Trouble> {
        if *place == Place::Before {
            // An earlier run may have been long ago.
            let world = look(self.session, self.here).await?;
            let obstacles = decide::restart_obstacles(&world);
            if !obstacles.is_empty() {
                self.forget_if_fresh(begun);
                return Err(troubles::in_the_way(&obstacles).into());
            }
            back::must_not_have_forgotten(self.session, begun).await?;
        }
        self.begin(1, "stop", "take the manifest out, so that the kubelet stops etcd", begun);
        if *place == Place::Before {
            self.take_out(begun)?;
        }
        down::wait_until_down(self.session, self.here, begun).await.map_err(|who| {
            Trouble::Back(format!("etcd does not end although its manifest is gone: {who}"))
        })?;
        self.done("etcd has ended, its data are closed");
        Ok(())
    }

    fn take_out(&mut self, begun: &mut Begun) -> Result<(), Trouble> {
        let fresh = begun.change.phase == Phase::Began;
        let held = begun.held();
        // The old data are what etcd runs on: a copy from before is none.
        let record = &mut begun.record;
        (record.started, record.came_back, record.wal) = (false, false, Vec::new());
        begun.note(self.session, Phase::TakingOut)?;
        let taken = held
            .map_or(Ok(()), |_| remove_held(&begun.before.path, &begun.before.sha256, self.consent))
            .and_then(|()| take_out(&begun.before, self.consent));
        if let Err(error) = taken {
            if fresh {
                begun.change.phase = Phase::Began;
                self.forget_if_fresh(begun);
            }
            return Err(troubles::manifest(self.session, &error).into());
        }
        self.stopped = Some(Instant::now());
        Ok(())
    }

    /// A move that has done nothing yet leaves nothing.
    fn forget_if_fresh(&self, begun: &Begun) {
        if begun.change.phase == Phase::Began && begun::forget(begun) {
            let mut record = self.session.record_mut();
            record.changed_anything = false;
            record.running = None;
        }
    }

    /// Sees, after a run that was killed behind the third step, that nobody
    /// works with the old data, and nobody does from here on.
    pub(super) async fn close_old_data(&mut self, begun: &Begun) -> Result<(), Trouble> {
        let from = begun.record.from.clone();
        // Both may be on a disk that hangs.
        let taken = tokio::task::spawn_blocking(move || SourceLock::take(&from)).await;
        match taken {
            Ok(Ok(lock)) => self.lock = Some(lock),
            Ok(Err(error @ CopyError::Locked { .. })) => {
                return Err(way_back_troubles::old_data_in_use(self.session, begun, &error).into());
            }
            // A disk that cannot be read cannot be run on either.
            _ => return Ok(()),
        }
        if old_went_on(&begun.record).await {
            return Err(way_back_troubles::two_histories(self.session, begun).into());
        }
        Ok(())
    }
}
