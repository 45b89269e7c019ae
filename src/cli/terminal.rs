//! The only terminal: results to stdout, talk to stderr, questions to a person.

use super::args::Global;
use std::io::{IsTerminal, Write};

/// How to talk to whoever started the program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    /// Whether results are JSON for programs.
    pub(super) json: bool,
    /// Whether diagnostics may be coloured.
    pub(super) color: bool,
    /// How much more to say.
    pub(super) verbose: u8,
}

impl Terminal {
    /// The terminal as flags and the environment (`NO_COLOR`) want it.
    pub(super) fn new(global: &Global) -> Self {
        let choice = anstream::AutoStream::choice(&std::io::stderr());
        let color = !global.no_color && !matches!(choice, anstream::ColorChoice::Never);
        Self { json: global.json, color, verbose: global.verbose }
    }

    /// Prints a result to stdout. A reader that went away is no error.
    pub(super) fn result(&self, text: &str) {
        self.results(&[text]);
    }

    /// Prints the parts of a result to stdout.
    pub(super) fn results(&self, parts: &[impl AsRef<str>]) {
        let mut out = std::io::stdout().lock();
        let written = parts.iter().try_for_each(|part| out.write_all(part.as_ref().as_bytes()));
        let _ = written.and_then(|()| out.flush());
    }

    /// Prints a JSON document to stdout, indented and with a line end.
    pub(super) fn document(&self, document: &impl serde::Serialize) {
        let text = serde_json::to_string_pretty(document).unwrap_or_default();
        self.result(&format!("{text}\n"));
    }

    /// Says a line or more on stderr.
    pub(super) fn say(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let line = format!("{}\n", text.trim_end());
        let _ = if self.color {
            anstream::stderr().lock().write_all(line.as_bytes())
        } else {
            std::io::stderr().lock().write_all(anstream::adapter::strip_str(&line).to_string().as_bytes())
        };
    }

    /// Whether a person can be asked.
    pub(super) fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks a person; anything but the wanted answer is a no.
    pub(super) fn ask(&self, question: &str, wanted: &str) -> bool {
        let _ = write!(std::io::stderr().lock(), "{question} ");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).is_ok() && answer.trim() == wanted
    }
}
