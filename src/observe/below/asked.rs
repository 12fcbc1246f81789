//! Asking a filesystem that may never answer, in a thread of a child process:
//! the child ends with it, and the rest of its answer does not wait.

use std::{
    sync::mpsc::{Receiver, channel},
    thread,
    time::Instant,
};

/// A question under way.
#[derive(Debug)]
pub struct Asked<T>(Receiver<T>);

impl<T: Send + 'static> Asked<T> {
    /// Starts it.
    pub fn new(look: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        // Without a thread nobody sends, which is no answer.
        let _unstarted = thread::Builder::new().spawn(move || {
            let _nobody_waits = sender.send(look());
        });
        Self(receiver)
    }

    /// Its answer, if there is one by then.
    #[must_use]
    pub fn by(self, deadline: Instant) -> Option<T> {
        self.0.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
