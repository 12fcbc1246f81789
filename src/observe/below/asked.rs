//! Asking a filesystem that may never answer, in a thread of a child process:
//! the child ends with it, and the rest of its answer does not wait.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Instant,
};

/// A question under way; none when no thread could be started for it. (A channel
/// would put three kinds of queue into the binary for every type of answer.)
#[derive(Debug)]
pub struct Asked<T>(Option<Arc<Slot<T>>>);

/// Where the answer is put.
#[derive(Debug)]
struct Slot<T> {
    answer: Mutex<Option<T>>,
    told: Condvar,
}

impl<T: Send + 'static> Asked<T> {
    /// Starts it.
    pub fn new(look: impl FnOnce() -> T + Send + 'static) -> Self {
        let slot = Arc::new(Slot { answer: Mutex::new(None), told: Condvar::new() });
        let theirs = slot.clone();
        let started = thread::Builder::new().spawn(move || {
            let answer = look();
            *theirs.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
            theirs.told.notify_one();
        });
        Self(started.is_ok().then_some(slot))
    }

    /// Its answer, if there is one by then.
    #[must_use]
    pub fn by(self, deadline: Instant) -> Option<T> {
        let slot = self.0?;
        let answer = slot.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = slot.told.wait_timeout_while(answer, left, |answer| answer.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, time::Duration};

    use super::*;

    #[test]
    fn an_answer_is_taken_and_none_is_not_waited_for() {
        let soon = Instant::now() + Duration::from_secs(20);
        assert_eq!(Asked::new(|| 7).by(soon), Some(7));
        let (hold, held) = channel::<()>();
        let hanging = Asked::new(move || held.recv().is_ok());
        assert_eq!(hanging.by(Instant::now() + Duration::from_millis(20)), None);
        drop(hold);
    }
}
