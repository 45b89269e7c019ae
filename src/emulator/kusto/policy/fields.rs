//! Reading the members of a policy's JSON: names without case, defaults, and what `.alter-merge` keeps.

use super::invalid;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::time;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// The members of a policy object, over those that it had before when the command merges.
///
/// Members that the policy does not know are ignored, as the service does with those of older versions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    title: &'static str,
    given: &'a Map<String, Value>,
    before: Option<&'a Map<String, Value>>,
}

impl<'a> Fields<'a> {
    /// The members of `given`; an error when it is no object.
    pub(super) fn new(
        title: &'static str,
        given: &'a Value,
        before: Option<&'a Value>,
    ) -> Result<Self, Fault> {
        let Value::Object(given) = given else { return Err(invalid(title, "it is not a JSON object")) };
        Ok(Self { title, given, before: before.and_then(Value::as_object) })
    }

    /// A member, given or kept; null counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        let within = |object: &'a Map<String, Value>| {
            object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let found = within(self.given).or_else(|| self.before.and_then(within));
        found.filter(|value| !value.is_null())
    }

    /// A fault about one member.
    pub(super) fn wrong(&self, name: &str, why: &str) -> Fault {
        invalid(self.title, &format!("{name} {why}"))
    }

    /// A timespan in ticks.
    pub(super) fn timespan(&self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let ticks = value.as_str().and_then(time::dotnet_timespan);
        ticks
            .map(Some)
            .ok_or_else(|| self.wrong(name, &format!("is not a timespan such as \"30.00:00:00\": {value}")))
    }

    /// A datetime in ticks.
    pub(super) fn datetime(&self, name: &str) -> Result<Option<i64>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let ticks = value.as_str().and_then(time::any_datetime);
        ticks.map(Some).ok_or_else(|| self.wrong(name, &format!("is not a datetime: {value}")))
    }

    /// True or false; the service also takes them as text.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(other) => Err(self.wrong(name, &format!("is not true or false: {other}"))),
        }
    }

    /// A whole number within a range.
    pub(super) fn whole(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        match number {
            Some(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(self.wrong(
                name,
                &format!("is not a whole number from {} to {}: {value}", range.start(), range.end()),
            )),
        }
    }

    /// A number; the service also takes it as text.
    pub(super) fn real(&self, name: &str) -> Result<Option<f64>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number =
            value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| self.wrong(name, &format!("is not a number: {value}")))
    }

    /// Text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, &format!("is not a string: {other}"))),
        }
    }

    /// One of some words, by name without case or by number; gives the place in the list.
    pub(super) fn one_of(&self, name: &str, words: &[&str]) -> Result<Option<usize>, Fault> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let by_name = |text: &str| words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let by_number = |number: u64| usize::try_from(number).ok().filter(|at| *at < words.len());
        let found = value.as_str().and_then(by_name).or_else(|| value.as_u64().and_then(by_number));
        found
            .map(Some)
            .ok_or_else(|| self.wrong(name, &format!("is not one of {}: {value}", words.join(", "))))
    }

    /// The members of an object within this one.
    pub(super) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, Fault> {
        self.get(name).map(|value| Fields::new(self.title, value, None)).transpose()
    }

    /// The elements of a list within this one.
    pub(super) fn list(&self, name: &str) -> Result<&'a [Value], Fault> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(elements)) => Ok(elements),
            Some(other) => Err(self.wrong(name, &format!("is not a list: {other}"))),
        }
    }
}

/// Prints a policy.
pub(super) fn printed(policy: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(policy)
        .map_err(|error| Fault::internal(format!("a policy does not print: {error}")))
}
