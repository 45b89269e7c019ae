//! Faults: what goes wrong with a request, and with which.

use crate::dice::Dice;
use std::collections::BTreeMap;

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The service says no.
    Refuse,
    /// It never arrives.
    LoseBefore,
    /// Its reply never arrives.
    LoseAfter,
    /// Its reply never arrives, and it takes effect later.
    LoseLate,
    /// The process dies as it goes out; it never arrives.
    CrashBefore,
    /// The process dies as it goes out; it takes effect.
    CrashAfter,
    /// The process dies as it goes out; it takes effect later.
    CrashLate,
    /// It is delivered twice, and the reply to one of them arrives.
    Twice,
    /// It is delivered twice; the service says no to the second, so that nobody knows.
    TwiceLost,
    /// The service has it tried again for minutes before it takes it.
    Throttled,
    /// A long operation, which succeeds.
    Long,
    /// A long operation that is lost sight of, and succeeds.
    LongLost,
    /// A long operation during which the process dies; it succeeds.
    LongCrash,
    /// A long operation that fails and leaves nothing.
    FailClean,
    /// A long operation that fails and leaves live in between.
    FailTorn,
    /// A long operation that fails though live is as after.
    FailAfter,
}

impl Fault {
    /// What the network and the service do besides, now and then, with any request.
    pub(crate) const NOW_AND_THEN: &[Self] = &[Self::Twice, Self::TwiceLost, Self::Throttled];
    /// What can go wrong with a command.
    pub(crate) const OF_COMMANDS: &[Self] = &[
        Self::Refuse,
        Self::LoseBefore,
        Self::LoseAfter,
        Self::LoseLate,
        Self::CrashBefore,
        Self::CrashAfter,
        Self::CrashLate,
    ];
    /// What can go wrong with a control-plane request.
    pub(crate) const OF_ARM: &[Self] = &[
        Self::Refuse,
        Self::LoseBefore,
        Self::LoseAfter,
        Self::LoseLate,
        Self::CrashBefore,
        Self::CrashAfter,
        Self::CrashLate,
        Self::Long,
        Self::LongLost,
        Self::LongCrash,
        Self::FailClean,
        Self::FailTorn,
        Self::FailAfter,
    ];
}

/// Which requests suffer what.
#[derive(Debug, Clone)]
pub(crate) enum Faults {
    /// By chance: percent of requests, at most so many, and the stream.
    Random { percent: usize, left: usize, dice: Dice },
    /// The n-th requests of the whole history, counted from 0.
    Given(BTreeMap<usize, Fault>),
}
