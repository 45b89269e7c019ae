//! The journal: what a run did, one synced line before each effect and after each reply.
//!
//! A line is the CRC-32 of the rest in eight hexadecimal digits, a blank, and one JSON document:
//! `cut -c10- ID.journal | jq .` reads it. The first line is the [`Header`] with the whole plan, every other a
//! [`Frame`]: the events that were synced together.
//!
//! Invariant: a frame is on disk before the next is written, so only the last can be torn; a torn last line is cut
//! off, damage anywhere else is refused (tests: `a_torn_tail_is_cut_at_every_byte`, `damage_elsewhere_is_refused`).
//! Where nothing can be taken out, as in an append blob, a mark says that all behind a length is cut off; JSON never
//! holds the byte it begins with (test: `a_torn_tail_is_cut_by_a_mark_at_every_byte`).
//! Invariant: after a write that failed nothing more is recorded, so no effect follows it
//! (test: `a_full_disk_ends_recording`).

use super::cut::uncut;
use super::event::Event;
use super::machine::{IllegalTransition, Machine, Policy};
use super::store::Store;
use crate::plan::Plan;
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The version of the stored form; raised when a field that matters is added.
pub const FORMAT: u32 = 1;

/// The first line: everything a later process needs besides the events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    /// The version of this form, [`FORMAT`].
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// The program and version that wrote it.
    pub tool: String,
    /// What the run works on, as the lock names it.
    pub target: String,
    /// Who started it.
    pub who: String,
    /// When it started, RFC 3339.
    pub started: String,
    /// How it goes about its plan.
    pub policy: Policy,
    /// The plan, which the machine shares.
    pub plan: Arc<Plan>,
}

/// Any other line: events that were synced together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Frame {
    /// Its number, from 1, without gaps.
    pub n: u64,
    /// When it was written, RFC 3339.
    pub at: String,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// What keeps a journal from being read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The medium failed.
    #[error("the journal cannot be {doing}: {source}")]
    Io {
        /// What was being done: `read`, `written`, `made`.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// An earlier write failed.
    #[error("the journal is closed because an earlier record could not be written")]
    Closed,
    /// The header never got to disk, so no effect was ever started.
    #[error("the journal breaks off before its first line ends: the run was never begun and changed nothing")]
    Empty,
    /// Something other than the last line is damaged.
    #[error(
        "line {line} of the journal is damaged ({why}); it is followed by intact ones, so this is no crash. \
         Restore the file, or look at live with `adxform plan`"
    )]
    Damaged {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The version of the form is not ours.
    #[error("the journal has format {found}, written by {tool}, and this program reads format {FORMAT}")]
    Format {
        /// The version found.
        found: u64,
        /// The program that wrote it.
        tool: String,
    },
    /// The events do not follow from one another.
    #[error("line {line} of the journal: {source}")]
    Illegal {
        /// The line, from 1.
        line: usize,
        /// Which rule is broken.
        source: IllegalTransition,
    },
}

/// A journal read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The first line.
    pub header: Header,
    /// The others.
    pub frames: Vec<Frame>,
    /// How many bytes are intact, cut marks and what they cut off not counted; what follows is a torn last line.
    pub intact: u64,
    /// Whether a torn last line follows.
    pub torn: bool,
}

/// A document as a line of the journal.
///
/// # Errors
/// When it cannot be written as JSON.
fn line(document: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = b"00000000 ".to_vec();
    serde_json::to_writer(&mut line, document).map_err(io::Error::other)?;
    let sum = crc32fast::hash(&line[9..]);
    line[..8].copy_from_slice(format!("{sum:08x}").as_bytes());
    line.push(b'\n');
    Ok(line)
}

/// The document of a line without its end, or what is wrong with it.
fn document(line: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not text".to_owned())?;
    let (crc, json) = text.split_once(' ').ok_or_else(|| "it has no checksum".to_owned())?;
    let sum = u32::from_str_radix(crc, 16).ok().filter(|_| crc.len() == 8);
    let sum = sum.ok_or_else(|| "it has no checksum".to_owned())?;
    if sum == crc32fast::hash(json.as_bytes()) { Ok(json) } else { Err("its checksum is wrong".to_owned()) }
}

/// Whether a line is two intact ones whose separation is damaged.
fn holds_two(line: &[u8]) -> bool {
    let mut stream =
        line.get(9..).map(serde_json::Deserializer::from_slice).map(|all| all.into_iter::<IgnoredAny>());
    let Some(Some(Ok(_))) = stream.as_mut().map(Iterator::next) else { return false };
    let end = 9 + stream.map_or(0, |stream| stream.byte_offset());
    document(&line[..end]).is_ok() && line.get(end + 1..).is_some_and(|rest| document(rest).is_ok())
}

fn parsed<T: DeserializeOwned>(line: usize, json: &str) -> Result<T, JournalError> {
    serde_json::from_str(json).map_err(|error| JournalError::Damaged { line, why: error.to_string() })
}

#[derive(Deserialize)]
struct Version {
    format: u64,
    #[serde(default)]
    tool: String,
}

impl Recorded {
    /// Reads a journal.
    ///
    /// # Errors
    /// When it is damaged other than by a torn last line, or written in another format.
    pub fn read(bytes: &[u8]) -> Result<Self, JournalError> {
        let bytes = &*uncut(bytes);
        let mut lines = Vec::new();
        let mut intact = 0;
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            match document(&rest[..end]) {
                Ok(json) => lines.push(json),
                Err(why) => {
                    let later =
                        rest[end + 1..].split(|byte| *byte == b'\n').any(|line| document(line).is_ok());
                    if later || holds_two(&rest[..end]) {
                        return Err(JournalError::Damaged { line: lines.len() + 1, why });
                    }
                    break;
                }
            }
            intact += end + 1;
            rest = &rest[end + 1..];
        }
        let (first, others) = lines.split_first().ok_or(JournalError::Empty)?;
        let Version { format: found, tool } = parsed(1, first)?;
        if found != u64::from(FORMAT) {
            let tool = if tool.is_empty() { "another program".to_owned() } else { tool };
            return Err(JournalError::Format { found, tool });
        }
        let header = parsed(1, first)?;
        let mut frames: Vec<Frame> = Vec::with_capacity(others.len());
        for (at, json) in others.iter().enumerate() {
            let frame: Frame = parsed(at + 2, json)?;
            if frame.n != at as u64 + 1 {
                let why = format!("record {} stands where {} belongs", frame.n, at + 1);
                return Err(JournalError::Damaged { line: at + 2, why });
            }
            frames.push(frame);
        }
        Ok(Self { header, frames, intact: intact as u64, torn: intact < bytes.len() })
    }

    /// The machine as the events leave it.
    ///
    /// # Errors
    /// When an event cannot follow those before it.
    pub fn replay(&self) -> Result<Machine, JournalError> {
        let illegal = |line, source| JournalError::Illegal { line, source };
        let mut machine = Machine::new(Arc::clone(&self.header.plan), self.header.policy)
            .map_err(|source| illegal(1, source))?;
        for (at, frame) in self.frames.iter().enumerate() {
            for event in &frame.events {
                machine.apply(event).map_err(|source| illegal(at + 2, source))?;
            }
        }
        Ok(machine)
    }
}

/// What tells the time for the journal.
pub type Clock = fn() -> OffsetDateTime;

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal<S> {
    store: S,
    next: u64,
    clock: Clock,
    closed: bool,
}

impl<S: Store> Journal<S> {
    /// Begins a journal on an empty store.
    ///
    /// # Errors
    /// When the header cannot be synced.
    pub async fn begin(mut store: S, header: &Header, clock: Clock) -> Result<Self, JournalError> {
        let made = |source| JournalError::Io { doing: "made", source };
        let bytes = line(header).map_err(made)?;
        store.append(&bytes).await.map_err(made)?;
        Ok(Self { store, next: 1, clock, closed: false })
    }

    /// Goes on with a journal that was read back; a torn last line is cut off.
    ///
    /// # Errors
    /// When it cannot be cut.
    pub async fn go_on(mut store: S, recorded: &Recorded, clock: Clock) -> Result<Self, JournalError> {
        if recorded.torn {
            let written = |source| JournalError::Io { doing: "written", source };
            store.cut(recorded.intact).await.map_err(written)?;
        }
        Ok(Self { store, next: recorded.frames.len() as u64 + 1, clock, closed: false })
    }

    /// The moment, as journals write it.
    pub fn now(&self) -> String {
        (self.clock)().format(&Rfc3339).unwrap_or_default()
    }

    /// Writes events and waits until they are on disk.
    ///
    /// # Errors
    /// When they are not; then, and ever after, nothing is recorded any more.
    pub async fn record(&mut self, events: &[Event]) -> Result<(), JournalError> {
        if self.closed {
            return Err(JournalError::Closed);
        }
        let frame = Frame { n: self.next, at: self.now(), events: events.to_vec() };
        let written = match line(&frame) {
            Ok(bytes) => self.store.append(&bytes).await,
            Err(error) => Err(error),
        };
        self.next += 1;
        self.closed = written.is_err();
        written.map_err(|source| JournalError::Io { doing: "written", source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::cut::CUT;
    use crate::run::event::{Attributes, Happened, Operation, Way};
    use crate::run::testing::{Memory, plan};

    fn moment() -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH
    }

    fn header() -> Header {
        Header {
            format: FORMAT,
            run: "r1".to_owned(),
            tool: "adxform".to_owned(),
            target: "here".to_owned(),
            who: "me".to_owned(),
            started: "1970-01-01T00:00:00Z".to_owned(),
            policy: Policy::default(),
            plan: Arc::new(plan(3)),
        }
    }

    fn frames() -> Vec<Vec<Event>> {
        let started = |id: &str| Happened::Started { part: 0, id: id.to_owned(), at: "now".to_owned() };
        let finished = || Happened::Finished { outputs: Attributes::new(), trace: Some("t".to_owned()) };
        let operation = Operation(serde_json::json!({"url": "https://x/y?a=b"}));
        vec![
            vec![Event::apply(0, started("a")), Event::apply(1, started("b"))],
            vec![Event::apply(0, finished())],
            vec![Event::apply(1, Happened::Begun { operation })],
            vec![Event::apply(1, finished())],
        ]
    }

    async fn written() -> Memory {
        let memory = Memory::default();
        let mut journal = Journal::begin(memory.clone(), &header(), moment).await.unwrap();
        for events in frames() {
            journal.record(&events).await.unwrap();
        }
        memory
    }

    #[tokio::test]
    async fn what_is_read_is_what_was_written() {
        let recorded = Recorded::read(&written().await.bytes()).unwrap();
        assert_eq!(recorded.header, header());
        let events: Vec<Vec<Event>> = recorded.frames.iter().map(|frame| frame.events.clone()).collect();
        assert_eq!(events, frames());
        assert!(!recorded.torn);
        let machine = recorded.replay().unwrap();
        let standing: Vec<String> = machine.states().iter().map(|s| format!("{:?}", s.status)).collect();
        assert_eq!(standing, ["Done", "Done", "Waiting"]);
    }

    #[tokio::test]
    async fn a_torn_tail_is_cut_at_every_byte() {
        let bytes = written().await.bytes();
        let ends: Vec<usize> =
            bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
        for length in 0..=bytes.len() {
            let whole = ends.iter().filter(|end| **end <= length).count();
            let read = Recorded::read(&bytes[..length]);
            if whole == 0 {
                assert!(matches!(read, Err(JournalError::Empty)), "{length}");
                continue;
            }
            let recorded = read.unwrap();
            assert_eq!(recorded.frames.len(), whole - 1, "{length}");
            assert_eq!(recorded.intact, ends[whole - 1] as u64, "{length}");
            assert_eq!(recorded.torn, ends[whole - 1] != length, "{length}");
            recorded.replay().unwrap();

            let memory = Memory::of(bytes[..length].to_vec());
            let mut journal = Journal::go_on(memory.clone(), &recorded, moment).await.unwrap();
            journal.record(&[Event::Interrupted]).await.unwrap();
            let again = Recorded::read(&memory.bytes()).unwrap();
            assert_eq!((again.frames.len(), again.torn), (whole, false), "{length}");
        }
    }

    #[tokio::test]
    async fn a_torn_tail_is_cut_by_a_mark_at_every_byte() {
        let bytes = written().await.bytes();
        let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for length in first..bytes.len() {
            let mut torn = bytes[..length].to_vec();
            for again in 1..=2 {
                let recorded = Recorded::read(&torn).unwrap();
                let frames = recorded.frames.len();
                let memory = Memory::growing(torn);
                let mut journal = Journal::go_on(memory.clone(), &recorded, moment).await.unwrap();
                journal.record(&[Event::Interrupted]).await.unwrap();
                torn = memory.bytes();
                let read = Recorded::read(&torn).unwrap();
                assert_eq!((read.frames.len(), read.torn), (frames + 1, false), "{length} {again}");
                assert_eq!(read.frames[..frames], recorded.frames, "{length} {again}");
                torn.extend_from_slice(b"12345678 {\"n\":\n 7");
            }
        }
        let alone = [CUT, b'9', b'9', b'9', b'9', b'9', b'9', b'9', b'\n'];
        let beyond = [&bytes[..], &alone, &bytes[first..]].concat();
        assert!(matches!(Recorded::read(&beyond), Err(JournalError::Damaged { .. })));
    }

    #[tokio::test]
    async fn damage_elsewhere_is_refused() {
        let bytes = written().await.bytes();
        let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80] {
                let mut bytes = bytes.clone();
                bytes[at] ^= flip;
                let read = Recorded::read(&bytes);
                if at < last {
                    let refused = matches!(read, Err(JournalError::Damaged { .. }));
                    assert!(refused, "byte {at} ^ {flip}: {read:?}");
                } else {
                    let recorded = read.unwrap();
                    assert!(
                        recorded.torn && recorded.frames.len() == frames().len() - 1,
                        "byte {at} ^ {flip}"
                    );
                }
            }
        }
        let text = String::from_utf8(bytes).unwrap();
        let without = |line: usize| {
            let kept = text.lines().enumerate().filter(|(at, _)| *at != line).map(|(_, line)| line);
            kept.map(|line| format!("{line}\n")).collect::<String>()
        };
        let error = Recorded::read(without(2).as_bytes()).unwrap_err().to_string();
        assert!(
            error.starts_with("line 3 of the journal is damaged (record 3 stands where 2 belongs)"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_full_disk_ends_recording() {
        for full_after in 0..4 {
            let memory = Memory::default();
            let mut journal = Journal::begin(memory.clone(), &header(), moment).await.unwrap();
            memory.full_after(full_after);
            let mut synced = 0;
            for events in frames() {
                match journal.record(&events).await {
                    Ok(()) => synced += 1,
                    Err(JournalError::Io { .. }) => assert_eq!(synced, full_after),
                    Err(JournalError::Closed) => assert!(synced == full_after),
                    Err(other) => panic!("{other}"),
                }
            }
            assert_eq!(synced, full_after);
            let recorded = Recorded::read(&memory.bytes()).unwrap();
            assert_eq!(recorded.frames.len(), full_after);
        }
        let memory = Memory::default();
        memory.full_after(0);
        let begun = Journal::begin(memory.clone(), &header(), moment).await;
        assert!(matches!(begun, Err(JournalError::Io { doing: "made", .. })));
        assert!(matches!(Recorded::read(&memory.bytes()), Err(JournalError::Empty)));
    }

    #[tokio::test]
    async fn another_format_and_illegal_events_are_refused() {
        let newer = Header { format: FORMAT + 1, ..header() };
        let bytes = line(&newer).unwrap();
        let error = Recorded::read(&bytes).unwrap_err();
        let wanted = "the journal has format 2, written by adxform, and this program reads format 1";
        assert_eq!(error.to_string(), wanted);

        let memory = written().await;
        let recorded = Recorded::read(&memory.bytes()).unwrap();
        let mut journal = Journal::go_on(memory.clone(), &recorded, moment).await.unwrap();
        let again = Event::Step { step: 0, way: Way::Apply, happened: Happened::NotRun };
        journal.record(&[again]).await.unwrap();
        let error = Recorded::read(&memory.bytes()).unwrap().replay().unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 6 of the journal: `not run` of step 0 cannot happen here: step 0 is Done"
        );
    }
}
