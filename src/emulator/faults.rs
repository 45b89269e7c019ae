//! Faults a test or a user asks for: refusals, lost replies, dropped connections, delays, late failures.
//!
//! A rule file (`--faults FILE`) is a JSON list; each rule names what it matches and one fault:
//!
//! ```json
//! [
//!   {"plane": "arm", "method": "PUT", "path": "/dataConnections/", "nth": 1, "fault": "loseReply"},
//!   {"plane": "kusto", "csl": ".create table", "fault": {"delay": 500}},
//!   {"path": "/databases/", "method": "PUT", "nth": 2,
//!    "fault": {"failOperation": {"code": "InternalError", "message": "[InternalServerError] try later"}}},
//!   {"method": "GET", "nth": 3, "fault": {"refuse": {"status": 429, "headers": [["Retry-After", "1"]],
//!    "body": {"error": {"code": "TooManyRequests", "message": "slow down"}}}}},
//!   {"method": "PUT", "path": "/clusters/", "nth": 1, "fault": {"replaceReply": {"status": 504,
//!    "body": {"error": {"code": "GatewayTimeout", "message": "the work goes on all the same"}}}}}
//! ]
//! ```
//!
//! `plane` and `method` match whole, `path` (with its query) and `csl` by substring, all without regard to case.
//! `nth` counts the matches of that rule from 1; without it every match counts. A `body` that is a JSON string is
//! sent as HTML, which is how proxies in front of the service answer. Invariant: the first rule that matches and
//! whose turn it is decides; rules after it still count the match (test: `rules_count_their_own_matches`).

use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One call, before it has any effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Which exchange this is, from 1, over both planes.
    pub number: usize,
    /// `arm` or `kusto`.
    pub plane: String,
    /// The HTTP method, in capitals.
    pub method: String,
    /// The path and query as sent.
    pub path: String,
    /// The cluster whose endpoint is called, on the Kusto plane.
    pub cluster: Option<String>,
    /// The command or query text of a Kusto call.
    pub csl: Option<String>,
    /// Whether the call may change something.
    pub is_write: bool,
}

/// What to do with a call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// Serve it.
    #[default]
    None,
    /// Answer this and change nothing.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// Extra headers.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The JSON body; a JSON string is sent as HTML.
        body: serde_json::Value,
    },
    /// Perform the effect, then answer this instead: a 504 after the work was accepted.
    ReplaceReply {
        /// The HTTP status.
        status: u16,
        /// Extra headers.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The JSON body; a JSON string is sent as HTML.
        body: serde_json::Value,
    },
    /// Perform the effect, then drop the connection without a reply.
    LoseReply,
    /// Drop the connection before any effect.
    DropBefore,
    /// Wait this long (in a rule file: milliseconds), then serve it.
    Delay(#[serde(with = "milliseconds")] Duration),
    /// Accept the call; the long-running operation it begins fails. Calls that begin none are served.
    FailOperation {
        /// The error code of the operation.
        code: String,
        /// The error message of the operation.
        message: String,
    },
}

/// Decides the fault of each exchange from within the process.
pub trait Hook: Send + Sync {
    /// Called once for each exchange before it has any effect.
    fn before(&self, exchange: &Exchange) -> Fault;
}

/// One rule of a rule file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// `arm` or `kusto`; absent: both.
    #[serde(default)]
    pub plane: Option<String>,
    /// The HTTP method; absent: all.
    #[serde(default)]
    pub method: Option<String>,
    /// A part of the path and query; absent: all.
    #[serde(default)]
    pub path: Option<String>,
    /// A part of the command text; absent: all, present: only calls that have one.
    #[serde(default)]
    pub csl: Option<String>,
    /// Which match, from 1; absent: each.
    #[serde(default)]
    pub nth: Option<usize>,
    /// What happens then.
    pub fault: Fault,
}

impl Rule {
    fn matches(&self, exchange: &Exchange) -> bool {
        let same = |want: &Option<String>, have: &str| {
            want.as_ref().is_none_or(|want| want.eq_ignore_ascii_case(have))
        };
        let within = |want: &Option<String>, have: Option<&str>| match (want, have) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(want), Some(have)) => have.to_lowercase().contains(&want.to_lowercase()),
        };
        same(&self.plane, &exchange.plane)
            && same(&self.method, &exchange.method)
            && within(&self.path, Some(&exchange.path))
            && within(&self.csl, exchange.csl.as_deref())
    }
}

/// The rules and the hook of a serving emulator, with the counts of matches so far.
pub(crate) struct Faults {
    rules: Vec<Rule>,
    seen: Mutex<Vec<usize>>,
    hook: Option<Arc<dyn Hook>>,
}

impl Faults {
    pub(crate) fn new(rules: Vec<Rule>, hook: Option<Arc<dyn Hook>>) -> Self {
        Self { seen: Mutex::new(vec![0; rules.len()]), rules, hook }
    }

    /// The fault of this exchange: the hook's if it names one, else that of the first rule whose turn it is.
    pub(crate) fn decide(&self, exchange: &Exchange) -> Fault {
        let mut found = self.hook.as_ref().map_or(Fault::None, |hook| hook.before(exchange));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (rule, count) in self.rules.iter().zip(seen.iter_mut()) {
            if rule.matches(exchange) {
                *count += 1;
                if found == Fault::None && rule.nth.is_none_or(|nth| nth == *count) {
                    found = rule.fault.clone();
                }
            }
        }
        found
    }
}

mod milliseconds {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(value: &Duration, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
        u64::deserialize(input).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(method: &str, path: &str, csl: Option<&str>) -> Exchange {
        Exchange {
            number: 1,
            plane: "arm".to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            cluster: None,
            csl: csl.map(str::to_owned),
            is_write: true,
        }
    }

    #[test]
    fn rules_count_their_own_matches() {
        let rules: Vec<Rule> = serde_json::from_str(
            r#"[{"method":"put","path":"/Databases/","nth":2,"fault":"loseReply"},
                {"csl":".drop","fault":{"delay":20}},
                {"path":"databases","nth":3,"fault":{"refuse":{"status":429,"body":{}}}},
                {"path":"databases","nth":4,"fault":{"replaceReply":{"status":504,"body":{}}}}]"#,
        )
        .unwrap();
        let faults = Faults::new(rules, None);
        let put = exchange("PUT", "/x/databases/d", None);
        assert_eq!(faults.decide(&put), Fault::None);
        assert_eq!(faults.decide(&put), Fault::LoseReply);
        assert!(matches!(faults.decide(&put), Fault::Refuse { status: 429, .. }));
        assert!(matches!(faults.decide(&put), Fault::ReplaceReply { status: 504, .. }));
        assert_eq!(
            faults.decide(&exchange("POST", "/", Some(".DROP table T"))),
            Fault::Delay(Duration::from_millis(20))
        );
        assert_eq!(faults.decide(&exchange("POST", "/", None)), Fault::None);
    }

    #[test]
    fn an_unknown_key_in_a_rule_is_an_error() {
        assert!(serde_json::from_str::<Vec<Rule>>(r#"[{"fault":"loseReply","metod":"GET"}]"#).is_err());
    }
}
