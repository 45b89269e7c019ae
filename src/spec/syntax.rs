//! YAML's syntax errors in words that say what to do.

use super::diagnostic::{Code, Diagnostic};
use super::files::{Place, offset};
use granit_parser::{ErrorKind, ScanError};

/// Puts a syntax error at the place that needs an edit. `last` is the last scalar before it.
pub(super) fn explain(error: &ScanError, text: &str, last: Place) -> Diagnostic {
    let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let here = one_character(text, at, last.file);
    let start = |place: Place, message: &str, label: &str, help: &str| {
        Diagnostic::error(Code::Syntax, message).at(place, label).help(help)
    };
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => {
            let message = format!("lists and maps are nested more than {} deep here", super::yaml::MAX_DEPTH);
            Diagnostic::error(Code::TooLarge, message).at(here, "")
        }
        ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabNotAllowed => {
            start(tab(text, at, last.file), "YAML is not indented by tabs", "a tab", "use blanks")
        }
        ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::UnclosedQuotedScalar
        | ErrorKind::DocumentIndicatorInQuotedScalar => {
            let open =
                quote(text, last.end as usize, at).map_or(here, |at| one_character(text, at, last.file));
            start(open, "a text in quotes does not end", "it starts here", "add the closing quote")
        }
        ErrorKind::MappingValueNotAllowed if text[last.start as usize..at].contains('\n') => {
            let first = line_of(text, last);
            start(
                first,
                "this runs on into the next line, where a `:` cannot stand",
                "",
                "a `:` may be missing here, or the next line is indented too far",
            )
            .at(here, "this `:`")
        }
        ErrorKind::MappingValueNotAllowed => start(
            here,
            "a `:` stands inside a value",
            "",
            "put the whole value in quotes, or break the line after the first `:`",
        ),
        ErrorKind::SimpleKeyExpected => {
            let end = text[at..].find(['\r', '\n']).map_or(text.len(), |end| at + end);
            let line = Place { file: last.file, start: offset(at), end: offset(end) };
            start(line, "a `:` is missing", "this is neither `key: value` nor an item", "write `key: value`")
        }
        ErrorKind::ExpectedBlockMappingKey => start(
            here,
            "this line does not continue the map above it",
            "",
            "indent it exactly as the lines that it belongs to",
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            let message = format!("a `{open}` is closed by `{close}`");
            start(here, &message, "opened here", "close each bracket by its own kind")
        }
        ErrorKind::InvalidColonPlacement
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::ExpectedFlowMappingSeparator => start(
            here,
            "a `]`, `}` or `,` is missing before this",
            "",
            "close the bracket, or put a `,` between the items",
        ),
        ErrorKind::UnclosedFlowCollection { open } => {
            start(here, &format!("this `{open}` is not closed"), "", "close the bracket")
        }
        ErrorKind::UnexpectedCharacter { character } => {
            let message = format!("a value cannot start with `{character}`");
            start(here, &message, "", "put the value in quotes")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            let place = escape(text, at).map_or(here, |at| Place {
                file: last.file,
                start: offset(at),
                end: offset(at + 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8)),
            });
            start(
                place,
                "this escape is unknown",
                "",
                "write `\\\\` for a backslash, or use single quotes, where a backslash is itself",
            )
        }
        other => start(here, &format!("this is not YAML: {other}"), "", ""),
    }
}

/// The character at a byte; nothing at the end of a line.
fn one_character(text: &str, at: usize, file: u32) -> Place {
    let length = text[at..].chars().next().filter(|c| !matches!(c, '\n' | '\r')).map_or(0, char::len_utf8);
    Place { file, start: offset(at), end: offset(at + length) }
}

/// The tab at or right before a byte.
fn tab(text: &str, at: usize, file: u32) -> Place {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let found = text[line..].find('\t').map_or(at, |tab| line + tab);
    one_character(text, found, file)
}

/// The first quote between two bytes.
fn quote(text: &str, from: usize, to: usize) -> Option<usize> {
    text.get(from..to)?.find(['"', '\'']).map(|found| from + found)
}

/// The first backslash behind a byte that no known character follows.
fn escape(text: &str, from: usize) -> Option<usize> {
    let mut rest = text[from..].char_indices();
    while let Some((at, c)) = rest.next() {
        if c == '\\' {
            let (_, next) = rest.next()?;
            if !"0abt\tnvfre \"/\\N_LPxuU\n\r".contains(next) {
                return Some(from + at);
            }
        }
    }
    None
}

/// A place cut at the end of its first line.
fn line_of(text: &str, place: Place) -> Place {
    let (start, end) = (place.start as usize, place.end as usize);
    let cut = text[start..end].find(['\r', '\n']).map_or(end, |at| start + at);
    Place { end: offset(cut), ..place }
}
