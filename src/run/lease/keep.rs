//! Keeping a lease: it is renewed in time, and at once when somebody who is about to act is not sure of it.
//!
//! Invariant: whoever asks its [`Hold`] before acting acts only while the lease is the process's own, whatever the machine
//! and its clocks do in between: it may sleep, its clock may be set forwards or backwards, and somebody else may take the
//! lease as soon as it ends (test: `nobody_acts_on_a_lease_of_another`, any number of seeds).

use super::{Length, PAUSE};
use crate::run::hold::{Hold, Moment};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What renews a lease.
pub(super) trait Renew: Send + Sync {
    /// Renews it, once. `false` when it is no longer ours; an error when nobody knows.
    fn renew(&self, limit: Duration) -> impl Future<Output = Result<bool, String>> + Send;

    /// Its name, for people.
    fn shown(&self) -> String;
}

/// Renews a lease that was had at a moment, until it is lost.
pub(super) async fn keep<R: Renew>(lease: R, length: Length, hold: Hold, since: Moment) {
    let (whole, sixth) = (length.whole(), length.sixth());
    let mut renewed = since.steady();
    let mut next = renewed + sixth;
    loop {
        let earliest = Instant::now() + PAUSE;
        tokio::select! {
            () = sleep_until(next) => {}
            () = hold.until_asked() => sleep_until(earliest.min(next)).await,
        }
        let (asked, last) = (hold.now(), renewed + whole - sixth);
        let began = Instant::now();
        let limit = last.saturating_duration_since(began).min(length.try_for());
        match lease.renew(limit).await {
            Ok(true) => {
                hold.extend(asked, whole, sixth);
                (renewed, next) = (began, began + sixth);
            }
            Ok(false) => {
                hold.lose(format!("The lock {} was taken away from this run", lease.shown()));
                sleep_until((began + sixth).min(renewed + whole)).await;
                break hold.leave();
            }
            Err(_) if Instant::now() < last => next = Instant::now() + PAUSE.min(sixth),
            Err(error) => {
                hold.lose(format!("The lock could not be renewed before it runs out: {error}"));
                sleep_until(renewed + whole).await;
                break hold.leave();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::lease::Length;
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use time::OffsetDateTime;
    use tokio::time::sleep;

    /// What happens to the machine or to the lease; times in milliseconds.
    #[derive(Debug, Clone, Copy)]
    enum Happening {
        /// It sleeps: the steady clock stands still, everything else goes on.
        Sleep(u32),
        /// Somebody sets its clock.
        Set(i32),
        /// The next renewal is not answered; whether it reached the service.
        Lost(bool),
        /// Answers take so long from now on.
        Slow(u32),
        /// Somebody takes the lease away.
        Wrested,
    }

    /// The service, and what else goes on outside of the machine.
    #[derive(Debug)]
    struct Outside {
        began: Instant,
        slept: Duration,
        set: time::Duration,
        slow: Duration,
        lost: VecDeque<bool>,
        /// Up to when the lease lasts, in real time since the beginning.
        end: Duration,
        wrested: bool,
        others: bool,
        /// Whether somebody waits for the lease to end.
        rival: bool,
        acts: usize,
        wrong: Option<String>,
    }

    impl Outside {
        fn real(&self) -> Duration {
            self.began.elapsed() + self.slept
        }

        fn wall(&self) -> OffsetDateTime {
            OffsetDateTime::UNIX_EPOCH + self.real() + self.set
        }

        /// Whoever waits for the lease takes it as soon as it ends.
        fn pass(&mut self) {
            self.others |= self.rival && self.real() >= self.end;
        }

        fn renew(&mut self) -> bool {
            self.pass();
            let ours = !self.others && !self.wrested;
            if ours {
                self.end = self.real() + LENGTH.whole();
            }
            ours
        }

        /// Somebody acts because the lock holds.
        fn act(&mut self, what: &str) {
            self.pass();
            self.acts += 1;
            if self.others && self.wrong.is_none() {
                self.wrong = Some(format!("{what} at {:?}, when the lease was another's", self.real()));
            }
        }
    }

    const LENGTH: Length = Length(60);

    type World = Arc<Mutex<Outside>>;

    impl Renew for World {
        async fn renew(&self, limit: Duration) -> Result<bool, String> {
            let (slow, lost) = {
                let mut outside = self.lock().unwrap();
                (outside.slow, outside.lost.pop_front())
            };
            let sent = async {
                sleep(slow / 2).await;
                if lost == Some(false) {
                    std::future::pending::<()>().await;
                }
                let ours = self.lock().unwrap().renew();
                sleep(slow / 2).await;
                if lost == Some(true) {
                    std::future::pending::<()>().await;
                }
                ours
            };
            tokio::time::timeout(limit, sent).await.map_err(|_| "no answer".to_owned())
        }

        fn shown(&self) -> String {
            "c/lock".to_owned()
        }
    }

    /// Starts something again and again, each of which goes on for a while.
    async fn work(world: World, hold: Hold, pause: Duration) {
        loop {
            sleep(pause).await;
            if hold.may_start().await.is_err() {
                return;
            }
            world.lock().unwrap().act("a start");
            let mut going = pin!(async {
                for _ in 0..4 {
                    sleep(pause * 3).await;
                }
            });
            let watched = poll_fn(|cx| {
                world.lock().unwrap().act("a part of something begun");
                going.as_mut().poll(cx)
            });
            if hold.carried(watched).await.is_none() || hold.may_record().await.is_err() {
                return;
            }
            world.lock().unwrap().act("a record");
        }
    }

    /// Five minutes of a machine's life; what it was told of its lock, and how often it acted at the end of it.
    async fn life(happenings: Vec<(u32, Happening)>, rival: bool) -> (Option<String>, usize) {
        let world: World = Arc::new(Mutex::new(Outside {
            began: Instant::now(),
            slept: Duration::ZERO,
            set: time::Duration::ZERO,
            slow: Duration::from_millis(50),
            lost: VecDeque::new(),
            end: LENGTH.whole(),
            wrested: false,
            others: false,
            rival,
            acts: 0,
            wrong: None,
        }));
        let of = Arc::clone(&world);
        let hold = Hold::with_wall(Arc::new(move || of.lock().unwrap().wall()));
        let since = hold.now();
        hold.extend(since, LENGTH.whole(), LENGTH.sixth());
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(keep(Arc::clone(&world), LENGTH, hold.clone(), since));
        for pause in [300, 900, 2_300] {
            tasks.spawn(work(Arc::clone(&world), hold.clone(), Duration::from_millis(pause)));
        }
        for (after, happening) in happenings {
            sleep(Duration::from_millis(after.into())).await;
            let mut outside = world.lock().unwrap();
            match happening {
                Happening::Sleep(millis) => {
                    outside.slept += Duration::from_millis(millis.into());
                    outside.pass();
                }
                Happening::Set(millis) => outside.set += time::Duration::milliseconds(millis.into()),
                Happening::Lost(reached) => outside.lost.push_back(reached),
                Happening::Slow(millis) => outside.slow = Duration::from_millis(millis.into()),
                Happening::Wrested => {
                    outside.wrested = true;
                    outside.end =
                        outside.end.min(outside.real() + Duration::from_secs(LENGTH.seconds().into()));
                }
            }
        }
        sleep(LENGTH.whole()).await;
        let acts = world.lock().unwrap().acts;
        sleep(LENGTH.sixth()).await;
        let more = world.lock().unwrap().acts - acts;
        assert_eq!(world.lock().unwrap().wrong, None);
        (hold.lost(), more)
    }

    fn simulated(happenings: Vec<(u32, Happening)>, rival: bool) -> (Option<String>, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(life(happenings, rival))
    }

    /// Sleep and a clock that is set forwards; or, in another life, one that is set backwards: a clock that is set back
    /// by exactly as much as the machine slept hides that it did.
    fn lives() -> impl Strategy<Value = Vec<(u32, Happening)>> {
        let slept = prop_oneof![
            (0..200_000_u32).prop_map(Happening::Sleep),
            (0..200_000_i32).prop_map(Happening::Set),
            any::<bool>().prop_map(Happening::Lost),
            (0..9_000_u32).prop_map(Happening::Slow),
            Just(Happening::Wrested),
        ];
        let set_back = prop_oneof![
            (-200_000..200_000_i32).prop_map(Happening::Set),
            any::<bool>().prop_map(Happening::Lost),
            (0..9_000_u32).prop_map(Happening::Slow),
            Just(Happening::Wrested),
        ];
        let after = || 0..40_000_u32;
        prop_oneof![
            prop::collection::vec((after(), slept), 0..12),
            prop::collection::vec((after(), set_back), 0..12)
        ]
    }

    fn cases() -> ProptestConfig {
        let seeds = std::env::var("ADXFORM_SEEDS").ok().and_then(|text| text.parse().ok());
        ProptestConfig::with_cases(seeds.unwrap_or(300))
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn nobody_acts_on_a_lease_of_another(happenings in lives()) {
            simulated(happenings, true);
        }

        #[test]
        fn clocks_alone_stop_nobody(jumps in prop::collection::vec((0..40_000_u32, -200_000..200_000_i32), 0..8)) {
            let set = |(after, by)| (after, Happening::Set(by));
            let (lost, more) = simulated(jumps.into_iter().map(set).collect(), true);
            prop_assert!(lost.is_none() && more > 10, "{lost:?}, {more}");
        }

        #[test]
        fn a_sleeper_whose_lease_nobody_took_goes_on(after in 0..90_000_u32, slept in 0..10_000_000_u32) {
            let (lost, more) = simulated(vec![(after, Happening::Sleep(slept))], false);
            prop_assert!(lost.is_none() && more > 10, "{lost:?}, {more}");
        }
    }
}
