//! YAML's syntax errors in words that say what to do.

use super::diagnostic::{Code, Diagnostic};
use super::files::{Place, offset};
use granit_parser::{ErrorKind, ScanError};

/// A syntax error and what stood before it.
pub(super) struct Trouble<'a> {
    pub error: &'a ScanError,
    pub text: &'a str,
    /// The last scalar before it.
    pub last: Place,
    /// Where the innermost bracket stands that is open.
    pub bracket: Option<u32>,
}

impl Trouble<'_> {
    /// Puts the error at the place that needs an edit.
    pub(super) fn explain(&self) -> Diagnostic {
        match self.error.kind() {
            ErrorKind::RecursionLimitExceeded => {
                let deep = super::yaml::MAX_DEPTH;
                let message = format!("lists and maps are nested more than {deep} deep here");
                Diagnostic::error(Code::TooLarge, message).at(self.character(self.at()), "")
            }
            ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabNotAllowed => {
                self.tab()
            }
            ErrorKind::InvalidQuotedScalarIndent
            | ErrorKind::UnclosedQuotedScalar
            | ErrorKind::DocumentIndicatorInQuotedScalar => self.quote(),
            ErrorKind::MappingValueNotAllowed => self.colon(),
            ErrorKind::SimpleKeyExpected => self.no_colon(),
            ErrorKind::UnknownQuotedScalarEscape => self.escape(),
            _ => self.bracket().unwrap_or_else(|| self.other()),
        }
    }

    fn say(message: impl Into<String>, place: Place, label: &str, help: &str) -> Diagnostic {
        Diagnostic::error(Code::Syntax, message).at(place, label).help(help)
    }

    /// The byte that the parser stopped at.
    fn at(&self) -> usize {
        self.error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len())
    }

    /// The character at a byte; nothing at the end of a line.
    fn character(&self, at: usize) -> Place {
        let next = self.text[at..].chars().next().filter(|c| !matches!(c, '\n' | '\r'));
        Place { start: offset(at), end: offset(at + next.map_or(0, char::len_utf8)), ..self.last }
    }

    fn between(&self, start: usize, end: usize) -> Place {
        Place { start: offset(start), end: offset(end), ..self.last }
    }

    fn tab(&self) -> Diagnostic {
        let at = self.at();
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let tab = self.text[line..].find('\t').map_or(at, |tab| line + tab);
        Self::say("YAML is not indented by tabs", self.character(tab), "a tab", "use blanks")
    }

    /// The quote that opens a text is the first behind the last scalar.
    fn quote(&self) -> Diagnostic {
        let from = self.last.end as usize;
        let before = self.text.get(from..self.at()).unwrap_or_default();
        let open = before.find(['"', '\'']).map_or(self.at(), |found| from + found);
        let help = "add the closing quote";
        Self::say("a text in quotes does not end", self.character(open), "it starts here", help)
    }

    fn colon(&self) -> Diagnostic {
        let (at, start) = (self.at(), self.last.start as usize);
        let before = self.text.get(start..at).unwrap_or_default();
        let here = self.character(at);
        if let Some(end) = before.find(['\r', '\n']) {
            let message = "this runs on into the next line, where a `:` cannot stand";
            let help = "a `:` may be missing here, or the next line is indented too far";
            return Self::say(message, self.between(start, start + end), "", help).at(here, "this `:`");
        }
        let help = "put the whole value in quotes, or break the line after the first `:`";
        Self::say("a `:` stands inside a value", here, "", help)
    }

    fn no_colon(&self) -> Diagnostic {
        let at = self.at();
        let end = self.text[at..].find(['\r', '\n']).map_or(self.text.len(), |end| at + end);
        let line = self.between(at, end);
        Self::say("a `:` is missing", line, "this is neither `key: value` nor an item", "write `key: value`")
    }

    /// The first backslash behind the error that no known character follows.
    fn escape(&self) -> Diagnostic {
        let mut rest = self.text[self.at()..].char_indices();
        let mut place = self.character(self.at());
        while let Some((slash, c)) = rest.next() {
            if c != '\\' {
                continue;
            }
            let Some((_, next)) = rest.next() else { break };
            if !"0abt\tnvfre \"/\\N_LPxuU\n\r".contains(next) {
                let start = self.at() + slash;
                place = self.between(start, start + 1 + next.len_utf8());
                break;
            }
        }
        let help = "write `\\\\` for a backslash, or use single quotes, where a backslash is itself";
        Self::say("this escape is unknown", place, "", help)
    }

    /// A reference without quotes inside of brackets, whose braces YAML takes for its own.
    fn reference(&self) -> Option<Diagnostic> {
        let from = self.bracket? as usize;
        let before = self.text.get(from..(self.at() + 1).min(self.text.len()))?;
        let open = from + before.rfind("${").filter(|open| !before[*open..].contains('}'))?;
        let length = self.text[open..].find('}').map_or(2, |close| close + 1);
        let place = self.between(open, open + length.min(self.text[open..].find('\n').unwrap_or(length)));
        let help = "write \"${…}\"";
        Some(Self::say("a reference inside `{}` or `[]` stands in quotes", place, "", help))
    }

    /// Trouble with brackets.
    fn bracket(&self) -> Option<Diagnostic> {
        if let Some(found) = self.reference() {
            return Some(found);
        }
        let here = self.character(self.at());
        match self.error.kind() {
            ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
                let help = "close each bracket by its own kind";
                Some(Self::say(format!("a `{open}` is closed by `{close}`"), here, "opened here", help))
            }
            ErrorKind::UnclosedFlowCollection { open } => {
                Some(Self::say(format!("this `{open}` is not closed"), here, "", "close the bracket"))
            }
            ErrorKind::InvalidColonPlacement
            | ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::ExpectedFlowMappingSeparator => {
                let message = "a `]`, `}` or `,` is missing before this";
                let found = Self::say(message, here, "", "close the bracket, or put a `,` between the items");
                let open = self.bracket.map(|at| self.character(at as usize));
                Some(open.into_iter().fold(found, |found, open| found.at(open, "opened here")))
            }
            _ => None,
        }
    }

    fn other(&self) -> Diagnostic {
        let here = self.character(self.at());
        match self.error.kind() {
            ErrorKind::ExpectedBlockMappingKey => {
                let help = "indent it exactly as the lines that it belongs to";
                Self::say("this line does not continue the map above it", here, "", help)
            }
            ErrorKind::UnexpectedCharacter { character } => {
                let message = format!("a value cannot start with `{character}`");
                Self::say(message, here, "", "put the value in quotes")
            }
            other => Self::say(format!("this is not YAML: {other}"), here, "", ""),
        }
    }
}
