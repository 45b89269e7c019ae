//! Splitting a script into its commands (`M:execute-database-script.md`).
//!
//! A command begins at a line whose first character that is not blank is `.`, outside strings and comments.
//! Comments before, between and after commands belong to none of them.
//!
//! Invariant: the pieces are in order, do not overlap, and each begins with `.` (test: `never_panics`).

use super::lexer::{self, Kind};

/// One command of a script, without the comments around it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece<'a> {
    /// The command's text.
    pub(crate) text: &'a str,
    /// Where it begins in the script, in bytes.
    pub(crate) start: usize,
}

/// Splits a script; the error is the byte position of text that belongs to no command.
///
/// # Errors
/// When text stands before the first command.
pub(crate) fn split(script: &str) -> Result<Vec<Piece<'_>>, usize> {
    let mut pieces: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    loop {
        let start = lexer::skip_blanks(script, at);
        let end = match lexer::next(script, start) {
            Ok(token) if token.kind == Kind::End => break,
            Ok(token) => token.end,
            Err(bad) => script[bad.at..].find('\n').map_or(script.len(), |newline| bad.at + newline),
        };
        if &script[start..end] == "." && begins_line(script, start) {
            pieces.push((start, end));
        } else {
            pieces.last_mut().ok_or(start)?.1 = end;
        }
        at = end;
    }
    Ok(pieces.into_iter().map(|(start, end)| Piece { text: &script[start..end], start }).collect())
}

fn begins_line(script: &str, at: usize) -> bool {
    let before = &script[..at];
    let line = before.rfind('\n').map_or(before, |newline| &before[newline + 1..]);
    line.trim_start_matches('\u{feff}').trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(script: &str) -> Vec<&str> {
        split(script).unwrap().into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn splits_at_dots_that_begin_lines() {
        let cases = [
            (".a x\n.b y", vec![".a x", ".b y"]),
            ("\n// one\n.a x // tail\n\n// two\n  .b y\n// end\n", vec![".a x", ".b y"]),
            (".f F() {\n T\n\n | x\n}\n.b", vec![".f F() {\n T\n\n | x\n}", ".b"]),
            (".a ```\n.not a command\n``` \n.b", vec![".a ```\n.not a command\n```", ".b"]),
            (".a '.x' x .y\n.b", vec![".a '.x' x .y", ".b"]),
            (".a 'open\n.b", vec![".a 'open", ".b"]),
            ("  \n// only a comment", vec![]),
        ];
        for (script, expected) in cases {
            assert_eq!(texts(script), expected, "{script}");
        }
        assert_eq!(split("  x\n.a"), Err(2));
    }

    proptest! {
        #[test]
        fn never_panics(script in "(?s)[.a'`/\n @\"h{}é]{0,60}") {
            let mut end = 0;
            for piece in split(&script).unwrap_or_default() {
                prop_assert!(piece.start >= end && piece.text.starts_with('.'));
                end = piece.start + piece.text.len();
            }
        }
    }
}
