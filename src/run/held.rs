//! Effects under a lock: nothing is sent while it is not certain that the lock holds.
//!
//! Between the record of a request and the request itself a machine may sleep, or a look at live may take long. So the lock
//! is asked right before each request, and again whenever one goes on, for it may be sent anew after a pause
//! (test: `every_run_ends_lawfully` in `tests/laws/random.rs`).

use super::effects::{Answer, Effects, Look, LookError, Outgoing};
use super::event::Operation;
use super::hold::Hold;
use super::schemas::{Touched, Violations};
use crate::model::request::Lookup;
use crate::model::{Address, Scope};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A world that is acted on only while a lock holds.
pub(super) struct Held<E> {
    effects: Arc<E>,
    lock: Hold,
}

impl<E> Held<E> {
    pub(super) const fn new(effects: Arc<E>, lock: Hold) -> Self {
        Self { effects, lock }
    }
}

impl<E: Effects> Effects for Held<E> {
    async fn send(&self, batch: Vec<Outgoing>) -> Vec<Answer> {
        let requests = batch.len();
        if self.lock.may_start().await.is_err() {
            return vec![Answer::NotRun; requests];
        }
        let answers = self.lock.carried(self.effects.send(batch)).await;
        let lost = || Answer::Lost { why: "the lock was lost before an answer came".to_owned() };
        answers.unwrap_or_else(|| vec![lost(); requests])
    }

    async fn follow(&self, of: Outgoing, operation: Operation) -> Answer {
        self.effects.follow(of, operation).await
    }

    async fn check(&self, of: Outgoing) -> Answer {
        self.effects.check(of).await
    }

    async fn lookup(&self, of: &Outgoing, lookup: &Lookup) -> Result<String, Answer> {
        self.effects.lookup(of, lookup).await
    }

    async fn working(&self, doubts: Vec<Outgoing>) -> Result<BTreeSet<Address>, LookError> {
        self.effects.working(doubts).await
    }

    async fn look(&self, scope: &Scope) -> Result<Look, LookError> {
        self.effects.look(scope).await
    }

    async fn violations(&self, of: BTreeSet<Touched>) -> Result<Violations, LookError> {
        self.effects.violations(of).await
    }
}
