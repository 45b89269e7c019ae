//! Sandbox: how much of a node the plugins may use (`M:sandbox-policy.md`).

use super::fields::{Fields, printed};
use super::{Policy, Scope, invalid};
use crate::emulator::kusto::choices;
use crate::emulator::kusto::error::Fault;
use serde::Serialize;
use serde_json::Value;

pub(super) struct Sandbox;

const KINDS: &[&str] = &["PythonExecution", "RExecution"];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Canonical {
    sandbox_kind: &'static str,
    is_enabled: bool,
    initialize_on_startup: bool,
    target_count_per_node: i64,
    max_cpu_rate_per_sandbox: i64,
    max_memory_mb_per_sandbox: i64,
}

impl Sandbox {
    fn entry(&self, element: &Value) -> Result<Canonical, Fault> {
        let fields = Fields::new(self.title(), element, None)?;
        let kind = fields.one_of("SandboxKind", KINDS)?;
        let kind = kind.ok_or_else(|| fields.wrong("SandboxKind", "is missing"))?;
        Ok(Canonical {
            sandbox_kind: KINDS[kind],
            is_enabled: fields.flag("IsEnabled")?.unwrap_or(false),
            initialize_on_startup: fields.flag("InitializeOnStartup")?.unwrap_or(false),
            target_count_per_node: fields.whole("TargetCountPerNode", 1..=i64::MAX)?.unwrap_or(16),
            max_cpu_rate_per_sandbox: fields.whole("MaxCpuRatePerSandbox", 1..=100)?.unwrap_or(50),
            max_memory_mb_per_sandbox: fields
                .whole("MaxMemoryMbPerSandbox", 200..=64 * 1024)?
                .unwrap_or(choices::SANDBOX_MEMORY_MB),
        })
    }
}

impl Policy for Sandbox {
    fn word(&self) -> &'static str {
        "sandbox"
    }

    fn title(&self) -> &'static str {
        "SandboxPolicy"
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Cluster]
    }

    fn merges(&self) -> bool {
        false
    }

    fn deletes(&self, _scope: Scope) -> bool {
        true
    }

    fn canonical(&self, given: &Value, _before: Option<&Value>, _now: i64) -> Result<String, Fault> {
        let Value::Array(given) = given else { return Err(invalid(self.title(), "it is not a JSON list")) };
        let mut all: Vec<Canonical> = Vec::new();
        for element in given {
            let entry = self.entry(element)?;
            if all.iter().any(|known| known.sandbox_kind == entry.sandbox_kind) {
                return Err(invalid(self.title(), "a kind of sandbox is given twice"));
            }
            all.push(entry);
        }
        printed(&all)
    }
}
