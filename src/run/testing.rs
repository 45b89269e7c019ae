//! What the tests of this folder share.

use super::cut::cut_mark;
use super::store::Store;
use crate::kind::Undo;
use crate::model::Address;
use crate::model::body::{Body, Value};
use crate::model::change::{Change, Loss};
use crate::model::request::{Method, Request};
use crate::plan::{Plan, Step};
use std::io;
use std::sync::{Arc, Mutex};

/// A plan of so many steps, each of which creates something by itself.
pub(super) fn plan(steps: usize) -> Plan {
    let step = |id: usize| {
        let address = Address::root().child("clusters", &format!("c{id}")).child("databases", "d");
        let change = Change::new(None, Some(Body::new().with("p", 1)));
        let request = |method| Request::arm(method, format!("/{address}"), "v", Value::Null);
        Step {
            id,
            kind: "thing".into(),
            action: change.action(),
            request: request(Method::Put),
            undo: Undo::By(vec![request(Method::Delete)]),
            loss: Loss::none(),
            needs: Vec::new(),
            behind_line: false,
            validation: None,
            origin: None,
            change,
            address,
        }
    };
    Plan { format: crate::plan::FORMAT, steps: (0..steps).map(step).collect(), ..Plan::default() }
}

/// A store in memory that can be full.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    left: Option<usize>,
    grows_only: bool,
}

impl Memory {
    /// A store that holds something already.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Held { bytes, ..Held::default() })))
    }

    /// As [`Memory::of`], where nothing can be taken out, as in an append blob.
    pub(super) fn growing(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Held { bytes, grows_only: true, ..Held::default() })))
    }

    /// What it holds.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().bytes.clone()
    }

    /// Makes it full after so many more writes; the next gets in half.
    pub(super) fn full_after(&self, writes: usize) {
        self.0.lock().unwrap().left = Some(writes);
    }
}

impl Store for Memory {
    async fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut held = self.0.lock().unwrap();
        match &mut held.left {
            Some(0) => {
                held.bytes.extend_from_slice(&bytes[..bytes.len() / 2]);
                return Err(io::ErrorKind::StorageFull.into());
            }
            Some(left) => *left -= 1,
            None => {}
        }
        held.bytes.extend_from_slice(bytes);
        Ok(())
    }

    async fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut held = self.0.lock().unwrap();
        if held.grows_only {
            held.bytes.extend_from_slice(&cut_mark(length));
        } else {
            held.bytes.truncate(usize::try_from(length).unwrap());
        }
        Ok(())
    }
}
