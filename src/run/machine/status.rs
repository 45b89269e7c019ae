//! Where one step stands, and how an event moves it.
//!
//! Invariant: the function is total; a pair that is not named is refused, never interpreted
//! (test: `every_other_pair_is_refused`).

use crate::run::event::{Happened, Operation, Verdict, Way};

/// Where one step stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Not sent.
    Waiting,
    /// The service's own check is under way; it has no effect.
    Checking,
    /// The service's check has passed; not sent.
    Checked,
    /// About to be sent, or sent: no reply yet.
    Sent,
    /// Accepted; the service works on it.
    Pending(Operation),
    /// Done or not, nobody knows; live will tell.
    Doubt(Cause),
    /// Done.
    Done,
    /// The service said no; nothing was done.
    Refused,
    /// It failed and left something behind, or may have: rollback takes it away, going on sends it again.
    Broken,
    /// Live is neither as before nor as after; a person is needed.
    Stuck,
    /// To be taken back on: some of the undo is done, or failed and will be tried again.
    ToUndo,
    /// An undo request is about to be sent, or sent: no reply yet.
    Undoing,
    /// An undo request was accepted; the service works on it.
    UndoPending(Operation),
    /// An undo request failed or had no reply; live will tell.
    UndoDoubt(Cause),
    /// Taken back.
    Undone,
    /// It could not be taken back; a person is needed.
    UndoStuck,
}

/// Why a step is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No reply came. The request may still be on its way, so that "not done" needs time to be believed.
    Lost,
    /// The service reported failure.
    Failed,
    /// It was done in an earlier process, and somebody may have changed it since.
    Revisit,
}

impl Status {
    /// Whether a request is on its way, followed or in doubt.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::Checking
            | Self::Sent
            | Self::Pending(_)
            | Self::Doubt(_)
            | Self::Undoing
            | Self::UndoPending(_)
            | Self::UndoDoubt(_) => true,
            Self::Waiting
            | Self::Checked
            | Self::Done
            | Self::Refused
            | Self::Broken
            | Self::Stuck
            | Self::ToUndo
            | Self::Undone
            | Self::UndoStuck => false,
        }
    }

    /// Whether live is certainly as if the step had never been.
    pub const fn is_without_effect(&self) -> bool {
        matches!(self, Self::Waiting | Self::Checking | Self::Checked | Self::Refused | Self::Undone)
    }

    /// Whether live must be looked at to know where it stands.
    pub const fn is_doubt(&self) -> bool {
        matches!(self, Self::Doubt(_) | Self::UndoDoubt(_))
    }

    /// Whether nobody knows whether it is done: live or the service will tell.
    pub const fn is_doubtful(&self) -> bool {
        self.is_open() && !matches!(self, Self::Checking)
    }

    /// Whether undo has something to do.
    pub const fn is_undoable(&self) -> bool {
        matches!(self, Self::Done | Self::Broken | Self::ToUndo)
    }
}

/// One step with what its next move depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Where it stands.
    pub status: Status,
    /// How often its request was sent without an answer that settled it.
    pub attempts: u32,
    /// How often the current request of its undo was sent, likewise.
    pub undo_attempts: u32,
    /// Which request of its undo comes next, from 0.
    pub part: usize,
    /// What a failure of it left in live.
    pub left: Left,
    /// Whether it was last refused because somebody has changed the thing.
    pub stale: bool,
    /// How many requests were ever sent for it, undo included; makes their ids differ.
    pub sends: u32,
    /// What the service or the network last said against it.
    pub message: Option<String>,
    /// What the service or the network last said against taking it back.
    pub undo_message: Option<String>,
}

/// What a failed step left in live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing, or it has not failed.
    Nothing,
    /// The whole change, though the service reported failure; or perhaps the whole change, and live cannot tell.
    Whole,
    /// Something between before and after.
    Part,
}

/// What a step's next move depends on beyond its own state.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How many requests its undo takes; `None` when it cannot be undone.
    pub undo_parts: Option<usize>,
    /// Whether the run still goes forward.
    pub forward: bool,
    /// How often a request is sent before its failure is final.
    pub attempts: u32,
}

impl Default for State {
    fn default() -> Self {
        Self {
            status: Status::Waiting,
            attempts: 0,
            undo_attempts: 0,
            part: 0,
            left: Left::Nothing,
            stale: false,
            sends: 0,
            message: None,
            undo_message: None,
        }
    }
}

/// What is said of a step that needs a person: what the service said, and how live looks.
fn stuck(said: Option<String>, happened: &Happened) -> String {
    const LOOKS: [&str; 3] = [
        "live is neither as before nor as after it",
        "live is as after it all the same",
        "live does not tell before from after",
    ];
    let looks = match happened {
        Happened::Settled { verdict: Verdict::After, .. } => LOOKS[1],
        Happened::Settled { verdict: Verdict::Either, .. } => LOOKS[2],
        _ => LOOKS[0],
    };
    match said.filter(|said| !LOOKS.iter().any(|known| said.ends_with(known))) {
        Some(said) => format!("{said}; {looks}"),
        None => looks.to_owned(),
    }
}

impl State {
    /// The state after an event; `None` when the event cannot happen to a step that stands like this.
    pub fn next(&self, way: Way, happened: &Happened, terms: Terms) -> Option<Self> {
        let mut next = self.clone();
        match way {
            Way::Apply => {
                next.applied(happened, terms)?;
                next.stale = matches!(happened, Happened::Stale { .. });
            }
            Way::Undo => next.undone(happened, terms)?,
        }
        if matches!(happened, Happened::Started { .. }) {
            next.sends += 1;
        }
        let said = match happened {
            Happened::Refused { message, .. }
            | Happened::Stale { message, .. }
            | Happened::Failed { message, .. } => Some(message),
            Happened::Lost { why } => Some(why),
            _ => None,
        };
        let place = if way == Way::Apply { &mut next.message } else { &mut next.undo_message };
        if let Some(said) = said {
            *place = Some(said.clone());
        }
        match next.status {
            Status::Stuck => next.message = Some(stuck(next.message.take(), happened)),
            Status::Done => next.message = None,
            Status::Undone => next.undo_message = None,
            _ => {}
        }
        Some(next)
    }

    fn applied(&mut self, happened: &Happened, terms: Terms) -> Option<()> {
        self.status = match (&self.status, happened) {
            (Status::Waiting, Happened::CheckStarted) => {
                self.attempts += 1;
                Status::Checking
            }
            (Status::Checking, Happened::CheckPassed) => {
                self.attempts = 0;
                Status::Checked
            }
            (Status::Checking, Happened::Lost { .. }) if self.attempts < terms.attempts => Status::Waiting,
            (Status::Checking, Happened::Lost { .. } | Happened::Refused { .. }) => Status::Refused,
            (Status::Waiting | Status::Checked | Status::Broken, Happened::Started { part: 0, .. }) => {
                self.attempts += 1;
                Status::Sent
            }
            (Status::Sent, Happened::Begun { operation }) => Status::Pending(operation.clone()),
            (Status::Sent | Status::Pending(_), Happened::Finished { .. }) => {
                self.left = Left::Nothing;
                Status::Done
            }
            (Status::Sent, Happened::Refused { .. } | Happened::Stale { .. } | Happened::NotRun)
                if self.left != Left::Nothing =>
            {
                Status::Broken
            }
            (Status::Sent, Happened::Refused { .. } | Happened::Stale { .. }) => Status::Refused,
            (Status::Sent, Happened::NotRun) => {
                self.attempts = self.attempts.saturating_sub(1);
                Status::Waiting
            }
            (Status::Sent | Status::Pending(_), Happened::Failed { .. }) => Status::Doubt(Cause::Failed),
            (Status::Sent | Status::Pending(_), Happened::Lost { .. }) => Status::Doubt(Cause::Lost),
            (Status::Doubt(cause), Happened::Settled { verdict, .. }) => {
                let cause = *cause;
                self.settled(cause, *verdict, terms)
            }
            _ => return None,
        };
        Some(())
    }

    fn settled(&mut self, cause: Cause, verdict: Verdict, terms: Terms) -> Status {
        let undoable = terms.undo_parts.is_some();
        let spent = terms.forward && self.attempts >= terms.attempts;
        let failed_before = self.left != Left::Nothing;
        let (status, left) = match (cause, verdict) {
            (Cause::Lost, Verdict::Before) if spent => (Status::Refused, Left::Nothing),
            (Cause::Lost, Verdict::Before) => (Status::Waiting, Left::Nothing),
            (Cause::Failed, Verdict::Before) => (Status::Refused, Left::Nothing),
            (Cause::Revisit, Verdict::Before) => (Status::Undone, Left::Nothing),
            (_, Verdict::Either) if failed_before => (Status::Broken, self.left),
            (Cause::Lost, Verdict::Either) if terms.forward && !spent => (Status::Waiting, Left::Nothing),
            (Cause::Lost | Cause::Failed, Verdict::Either) if undoable => (Status::Broken, Left::Whole),
            (Cause::Lost | Cause::Failed, Verdict::Either) => (Status::Stuck, Left::Whole),
            (Cause::Lost, Verdict::After) | (Cause::Revisit, Verdict::After | Verdict::Either) => {
                (Status::Done, Left::Nothing)
            }
            (Cause::Failed, Verdict::After) if undoable => (Status::Broken, Left::Whole),
            (Cause::Failed, Verdict::Neither) if undoable => (Status::Broken, Left::Part),
            (Cause::Lost | Cause::Revisit, Verdict::Neither) if failed_before && undoable => {
                (Status::Broken, Left::Part)
            }
            (Cause::Failed, Verdict::After | Verdict::Neither) => (Status::Stuck, Left::Part),
            (Cause::Lost | Cause::Revisit, Verdict::Neither) => (Status::Stuck, self.left),
        };
        self.left = left;
        status
    }

    fn undone(&mut self, happened: &Happened, terms: Terms) -> Option<()> {
        let parts = terms.undo_parts?;
        self.status = match (&self.status, happened) {
            (Status::Done | Status::Broken | Status::ToUndo, Happened::Started { part, .. })
                if *part == self.part && *part < parts =>
            {
                self.undo_attempts += 1;
                Status::Undoing
            }
            (Status::Undoing, Happened::Begun { operation }) => Status::UndoPending(operation.clone()),
            (Status::Undoing | Status::UndoPending(_), Happened::Finished { .. }) => self.part_undone(parts),
            (Status::Undoing, Happened::NotRun) => {
                self.undo_attempts = self.undo_attempts.saturating_sub(1);
                Status::ToUndo
            }
            (Status::Undoing, Happened::Stale { .. }) => Status::UndoStuck,
            (Status::Undoing, Happened::Refused { .. })
            | (Status::Undoing | Status::UndoPending(_), Happened::Failed { .. }) => {
                Status::UndoDoubt(Cause::Failed)
            }
            (Status::Undoing | Status::UndoPending(_), Happened::Lost { .. }) => {
                Status::UndoDoubt(Cause::Lost)
            }
            (Status::UndoDoubt(cause), Happened::Settled { verdict, .. }) => {
                let cause = *cause;
                self.undo_settled(cause, *verdict, parts, terms)
            }
            _ => return None,
        };
        Some(())
    }

    const fn part_undone(&mut self, parts: usize) -> Status {
        self.part += 1;
        self.undo_attempts = 0;
        if self.part >= parts {
            self.left = Left::Nothing;
            Status::Undone
        } else {
            Status::ToUndo
        }
    }

    /// Between two requests of one undo live is at neither end by our own doing; there the end's proof decides.
    fn undo_settled(&mut self, cause: Cause, verdict: Verdict, parts: usize, terms: Terms) -> Status {
        let last = self.part + 1 >= parts;
        let again = if self.undo_attempts < terms.attempts { Status::ToUndo } else { Status::UndoStuck };
        match (verdict, cause) {
            (Verdict::Before, _) => self.part_undone(parts),
            (Verdict::After | Verdict::Either, _) => again,
            (Verdict::Neither, Cause::Lost | Cause::Revisit)
                if !last && self.part == 0 && self.left != Left::Part =>
            {
                self.part_undone(parts)
            }
            (Verdict::Neither, Cause::Failed) => {
                self.left = Left::Part;
                again
            }
            (Verdict::Neither, Cause::Lost | Cause::Revisit) if self.left == Left::Part || self.part > 0 => {
                again
            }
            (Verdict::Neither, Cause::Lost | Cause::Revisit) => Status::UndoStuck,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::Attributes;

    /// Every legal pair, as it goes while the run goes forward, with an undo of two requests.
    const LEGAL: &str = "\
Waiting + apply check started -> Checking
Waiting + apply started -> Sent
Checking + apply check passed -> Checked
Checking + apply refused -> Refused
Checking + apply lost -> Waiting
Checked + apply started -> Sent
Sent + apply begun -> Pending
Sent + apply finished -> Done
Sent + apply refused -> Refused
Sent + apply stale -> Refused
Sent + apply failed -> Doubt(Failed)
Sent + apply not run -> Waiting
Sent + apply lost -> Doubt(Lost)
Pending + apply finished -> Done
Pending + apply failed -> Doubt(Failed)
Pending + apply lost -> Doubt(Lost)
Doubt(Lost) + apply settled before -> Waiting
Doubt(Lost) + apply settled after -> Done
Doubt(Lost) + apply settled either -> Waiting
Doubt(Lost) + apply settled neither -> Stuck
Doubt(Failed) + apply settled before -> Refused
Doubt(Failed) + apply settled after -> Broken
Doubt(Failed) + apply settled either -> Broken
Doubt(Failed) + apply settled neither -> Broken
Doubt(Revisit) + apply settled before -> Undone
Doubt(Revisit) + apply settled after -> Done
Doubt(Revisit) + apply settled either -> Done
Doubt(Revisit) + apply settled neither -> Stuck
Done + undo started -> Undoing
Broken + apply started -> Sent
Broken + undo started -> Undoing
ToUndo + undo started -> Undoing
Undoing + undo begun -> UndoPending
Undoing + undo finished -> ToUndo
Undoing + undo refused -> UndoDoubt(Failed)
Undoing + undo stale -> UndoStuck
Undoing + undo failed -> UndoDoubt(Failed)
Undoing + undo not run -> ToUndo
Undoing + undo lost -> UndoDoubt(Lost)
UndoPending + undo finished -> ToUndo
UndoPending + undo failed -> UndoDoubt(Failed)
UndoPending + undo lost -> UndoDoubt(Lost)
UndoDoubt(Lost) + undo settled before -> ToUndo
UndoDoubt(Lost) + undo settled after -> ToUndo
UndoDoubt(Lost) + undo settled either -> ToUndo
UndoDoubt(Lost) + undo settled neither -> ToUndo
UndoDoubt(Failed) + undo settled before -> ToUndo
UndoDoubt(Failed) + undo settled after -> ToUndo
UndoDoubt(Failed) + undo settled either -> ToUndo
UndoDoubt(Failed) + undo settled neither -> ToUndo
UndoDoubt(Revisit) + undo settled before -> ToUndo
UndoDoubt(Revisit) + undo settled after -> ToUndo
UndoDoubt(Revisit) + undo settled either -> ToUndo
UndoDoubt(Revisit) + undo settled neither -> ToUndo
";

    fn operation() -> Operation {
        Operation(serde_json::Value::Null)
    }

    fn statuses() -> Vec<(&'static str, Status)> {
        use Cause::{Failed, Lost, Revisit};
        vec![
            ("Waiting", Status::Waiting),
            ("Checking", Status::Checking),
            ("Checked", Status::Checked),
            ("Sent", Status::Sent),
            ("Pending", Status::Pending(operation())),
            ("Doubt(Lost)", Status::Doubt(Lost)),
            ("Doubt(Failed)", Status::Doubt(Failed)),
            ("Doubt(Revisit)", Status::Doubt(Revisit)),
            ("Done", Status::Done),
            ("Refused", Status::Refused),
            ("Broken", Status::Broken),
            ("Stuck", Status::Stuck),
            ("ToUndo", Status::ToUndo),
            ("Undoing", Status::Undoing),
            ("UndoPending", Status::UndoPending(operation())),
            ("UndoDoubt(Lost)", Status::UndoDoubt(Lost)),
            ("UndoDoubt(Failed)", Status::UndoDoubt(Failed)),
            ("UndoDoubt(Revisit)", Status::UndoDoubt(Revisit)),
            ("Undone", Status::Undone),
            ("UndoStuck", Status::UndoStuck),
        ]
    }

    fn events() -> Vec<(String, Happened)> {
        let text = String::new;
        let (message, trace, outputs) = (text(), None, Attributes::new());
        let refused = Happened::Refused { message: message.clone(), trace: trace.clone() };
        let mut all = vec![
            ("check started".to_owned(), Happened::CheckStarted),
            ("check passed".to_owned(), Happened::CheckPassed),
            ("started".to_owned(), Happened::Started { part: 0, id: text(), at: text() }),
            ("begun".to_owned(), Happened::Begun { operation: operation() }),
            ("finished".to_owned(), Happened::Finished { outputs: outputs.clone(), trace: trace.clone() }),
            ("refused".to_owned(), refused),
            ("stale".to_owned(), Happened::Stale { message: text(), differences: Vec::new() }),
            ("failed".to_owned(), Happened::Failed { message, trace }),
            ("not run".to_owned(), Happened::NotRun),
            ("lost".to_owned(), Happened::Lost { why: text() }),
        ];
        for verdict in [Verdict::Before, Verdict::After, Verdict::Either, Verdict::Neither] {
            let name = format!("settled {verdict:?}").to_lowercase();
            let happened = Happened::Settled { verdict, differences: Vec::new(), outputs: outputs.clone() };
            all.push((name, happened));
        }
        all
    }

    #[test]
    fn every_other_pair_is_refused() {
        let terms = Terms { undo_parts: Some(2), forward: true, attempts: 3 };
        let mut legal = String::new();
        for (name, status) in statuses() {
            let state = State { status, attempts: 1, undo_attempts: 1, ..State::default() };
            for way in [Way::Apply, Way::Undo] {
                for (event, happened) in events() {
                    let Some(next) = state.next(way, &happened, terms) else { continue };
                    let (next, _) =
                        statuses().into_iter().find(|(_, status)| *status == next.status).unwrap();
                    let way = format!("{way:?}").to_lowercase();
                    legal += &format!("{name} + {way} {event} -> {next}\n");
                }
            }
        }
        assert_eq!(legal, LEGAL);
    }

    #[test]
    fn what_cannot_be_undone_has_no_undo_events() {
        let terms = Terms { undo_parts: None, forward: false, attempts: 3 };
        for (_, status) in statuses() {
            let state = State { status, undo_attempts: 1, ..State::default() };
            assert!(events().iter().all(|(_, happened)| state.next(Way::Undo, happened, terms).is_none()));
        }
    }
}
