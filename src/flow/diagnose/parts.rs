//! The parts of an examination that are under way at the same time: each ends
//! within its own patience and within the whole's, and one that does not is
//! told as unseen.

use std::{
    cell::RefCell,
    fmt::Display,
    time::{Duration, Instant},
};

use crate::{
    model::diagnosis::Unseen,
    observe::aside::Missed,
    say::{Progress, Voice, ticking},
};

/// An examination is over after this, whatever hangs.
const WHOLE: Duration = Duration::from_secs(50);
/// What a child gets beyond its patience to be told late.
const GRACE: Duration = Duration::from_millis(500);

/// What is under way and what could not be seen.
pub struct Parts {
    end: Instant,
    under_way: RefCell<Vec<&'static str>>,
    unseen: RefCell<Vec<Unseen>>,
}

/// Why a part was not seen.
pub struct NotSeen {
    /// In a sentence.
    pub why: String,
    /// What would show it.
    pub needs: String,
}

impl From<Missed> for NotSeen {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Late(after) => late(after),
            Missed::Failed(why) => Self { why, needs: String::new() },
        }
    }
}

fn late(after: Duration) -> NotSeen {
    let why =
        format!("no answer within {} s: what it looks at may hang", after.as_secs_f32().ceil());
    NotSeen { why, needs: String::new() }
}

impl Parts {
    /// From now on the time runs.
    pub fn begin() -> Self {
        let end = Instant::now() + WHOLE;
        Self { end, under_way: RefCell::default(), unseen: RefCell::default() }
    }

    /// What is left of the whole.
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// As long as `patience`, but not beyond the end of the whole.
    pub fn at_most(&self, patience: Duration) -> Duration {
        patience.min(self.left())
    }

    /// A part's answer; without one it stands among the unseen.
    pub async fn part<T, E: Into<NotSeen>>(
        &self,
        what: &'static str,
        patience: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        self.under_way.borrow_mut().push(what);
        let patience = self.at_most(patience);
        let done = tokio::time::timeout(patience + GRACE, work).await;
        self.under_way.borrow_mut().retain(|other| *other != what);
        let not_seen = match done {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error.into(),
            Err(_elapsed) => late(patience),
        };
        self.unseen(what, not_seen.why, not_seen.needs);
        None
    }

    /// Something that could not be seen.
    pub fn unseen(&self, what: impl Into<String>, why: impl Display, needs: impl Into<String>) {
        let (what, needs) = (what.into(), needs.into());
        self.unseen.borrow_mut().push(Unseen { what, why: why.to_string(), needs });
    }

    /// Everything that could not be seen.
    pub fn into_unseen(self) -> Vec<Unseen> {
        self.unseen.into_inner()
    }

    /// Shows what is under way until `work` is done.
    pub async fn shown<T>(
        &self,
        voice: &Voice,
        expected: Duration,
        work: impl Future<Output = T>,
    ) -> T {
        let progress = Progress::time(voice, "Looking", Some(expected));
        ticking(work, || progress.tick(&self.under_way.borrow().join(", "))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_hangs_is_unseen_and_the_rest_is_there() {
        let parts = Parts::begin();
        let (hung, fine) = tokio::join!(
            parts.part(
                "the disks",
                Duration::from_secs(15),
                std::future::pending::<Result<(), Missed>>()
            ),
            parts.part("the log", Duration::from_secs(15), async { Ok::<_, Missed>(7) }),
        );
        assert_eq!((hung, fine), (None, Some(7)));
        let unseen = parts.into_unseen();
        assert_eq!(unseen.len(), 1);
        assert_eq!(unseen[0].what, "the disks");
        assert!(unseen[0].why.contains("within 15 s"), "{}", unseen[0].why);
    }

    #[test]
    fn no_part_outlives_the_whole() {
        let parts = Parts::begin();
        assert_eq!(parts.at_most(Duration::from_secs(1)), Duration::from_secs(1));
        assert!(parts.at_most(Duration::from_secs(3_600)) <= WHOLE);
    }
}
