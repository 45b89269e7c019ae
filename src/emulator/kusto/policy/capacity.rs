//! Capacity: how many operations of each kind may run at once (`M:capacity-policy.md`).

use super::{Policy, Scope, invalid};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::error::Fault;
use serde_json::Value;

pub(super) struct Capacity;

impl Policy for Capacity {
    fn word(&self) -> &'static str {
        "capacity"
    }

    fn title(&self) -> &'static str {
        "CapacityPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Cluster]
    }

    fn canonical(&self, given: &Value, before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let mut all = choices::capacity();
        for over in before.into_iter().chain([given]) {
            lay_over(&mut all, over).map_err(|why| invalid(self.title(), &why))?;
        }
        Ok(all.to_string())
    }

    fn never_unset(&self) -> Option<String> {
        Some(choices::capacity().to_string())
    }
}

/// Puts known members over an object; a number takes the place of a number, an object goes into an object.
fn lay_over(all: &mut Value, given: &Value) -> Result<(), String> {
    match (all, given) {
        (Value::Object(all), Value::Object(given)) => {
            for (name, given) in given {
                if let Some((_, member)) = all.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name))
                {
                    lay_over(member, given).map_err(|why| format!("{name} {why}"))?;
                }
            }
            Ok(())
        }
        (_, Value::Null) => Ok(()),
        (all @ Value::Number(_), Value::Number(number)) => {
            let whole = all.is_i64();
            match number.as_f64() {
                Some(value) if value > 0.0 && (!whole || number.is_i64()) => *all = given.clone(),
                _ => return Err(format!("is not a positive number of its kind: {given}")),
            }
            Ok(())
        }
        _ => Err(format!("is not what stands there: {given}")),
    }
}
