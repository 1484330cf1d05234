//! Trying again what may mend.

use std::time::{Duration, Instant};

use super::Job;
use crate::error::{Code, Error, Result, Retry};
use crate::event::{Event, Observer};
use crate::plugin::Cancel;

/// Pause before the work is begun again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How often the pause is doubled: it ends at half a minute, which a server that restarts is given.
const DOUBLINGS: u32 = 5;
/// Between two looks at whether somebody wants an end: nobody waits longer for it.
const LOOK: Duration = Duration::from_millis(50);

/// How persistent a piece of work is.
pub(super) struct Attempts<'a> {
    /// How often it is tried in all.
    most: u32,
    cancel: &'a Cancel,
    observer: &'a dyn Observer,
}

impl<'a> Attempts<'a> {
    pub(super) fn of(job: &'a Job) -> Self {
        Self { most: job.options.attempts, cancel: &job.cancel, observer: &*job.observer }
    }

    /// Does `work` until it succeeds, fails for good, or was tried often enough. Each attempt has a switch of its own: a failing
    /// lane stops its fellows with it, not the job.
    ///
    /// `asked` is the error to end with once somebody wants an end. An error that nothing but a person can mend is told
    /// all the same, unless the job was cancelled: then it may be no more than what cancelling looks like from inside.
    pub(super) fn persist<T>(
        &self,
        asked: impl Fn() -> Option<Error>,
        mut work: impl FnMut(Cancel) -> Result<T>,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            let error = match work(self.cancel.child()) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let mends = error.code.retry() == Retry::Later;
            let told = error.code != Code::Cancelled && !mends && !self.cancel.is_cancelled();
            if let Some(asked) = asked().filter(|_| !told) {
                tracing::debug!(%error, "ended as asked");
                return Err(asked);
            }
            if !mends || attempt >= self.most {
                return Err(error);
            }
            let pause = FIRST_PAUSE * (1 << (attempt - 1).min(DOUBLINGS));
            attempt += 1;
            let seconds = pause.as_secs_f64();
            self.observer.observe(Event::RunRetried { attempt, reason: error.to_string(), seconds });
            sleep(pause, || asked().is_some());
        }
    }
}

/// Sleeps, but not on when `over`.
pub(super) fn sleep(pause: Duration, over: impl Fn() -> bool) {
    let until = Instant::now() + pause;
    while !over() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(LOOK));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Mutex;

    use super::*;

    /// Keeps what it is told.
    #[derive(Default)]
    struct Told(Mutex<Vec<Event>>);

    impl Observer for Told {
        fn observe(&self, event: Event) {
            self.0.lock().unwrap().push(event);
        }
    }

    fn gone() -> Error {
        Error::new(Code::Unreachable, "gone")
    }

    fn enough() -> Error {
        Error::new(Code::Cancelled, "enough")
    }

    #[test]
    fn what_may_mend_is_tried_again_and_told() {
        let (cancel, told, tries) = (Cancel::default(), Told::default(), Cell::new(0));
        let attempts = Attempts { most: 2, cancel: &cancel, observer: &told };
        let outcome = attempts.persist(
            || None,
            |_| {
                tries.set(tries.get() + 1);
                if tries.get() == 1 { Err(gone()) } else { Ok(tries.get()) }
            },
        );
        assert_eq!(outcome.unwrap(), 2);
        let retried = Event::RunRetried { attempt: 2, reason: "gone".into(), seconds: 1.0 };
        assert_eq!(*told.0.lock().unwrap(), [retried]);
    }

    #[test]
    fn what_only_a_person_mends_is_tried_once() {
        let (cancel, told) = (Cancel::default(), Told::default());
        let attempts = Attempts { most: 9, cancel: &cancel, observer: &told };
        let error = attempts.persist(|| None, |_| Err::<(), _>(Error::new(Code::InvalidData, "bad"))).unwrap_err();
        assert_eq!(error.code, Code::InvalidData);
        assert!(told.0.lock().unwrap().is_empty());
    }

    #[test]
    fn whoever_asks_for_an_end_waits_for_no_pause() {
        let (cancel, stop) = (Cancel::default(), Cell::new(false));
        let attempts = Attempts { most: 9, cancel: &cancel, observer: &() };
        let began = Instant::now();
        let asked = || stop.get().then(enough);
        let error = attempts
            .persist(asked, |_| {
                stop.set(true);
                Err::<(), _>(gone())
            })
            .unwrap_err();
        assert_eq!(error.message, "enough");
        assert!(began.elapsed() < FIRST_PAUSE, "{:?}", began.elapsed());
    }

    #[test]
    fn bad_rows_are_told_although_a_stop_was_asked_for_and_not_once_cancelled() {
        let cancel = Cancel::default();
        let attempts = Attempts { most: 9, cancel: &cancel, observer: &() };
        let fail = |_: Cancel| Err::<(), _>(Error::new(Code::InvalidData, "bad"));
        assert_eq!(attempts.persist(|| Some(enough()), fail).unwrap_err().message, "bad");
        cancel.cancel();
        assert_eq!(attempts.persist(|| Some(enough()), fail).unwrap_err().message, "enough");
    }
}
