//! References inside texts: `${…}`, and nothing else.

use crate::model::body::SecretRef;
use std::ops::Range;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text that stands for itself, `$${` already read as `${`.
    Text(String),
    /// A reference, with its bytes in the text.
    Of(Target, Range<usize>),
}

/// What a reference asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Variable(String),
    Environment(String),
    Secret(SecretRef),
    /// An address and an attribute, not yet told apart.
    Path(String),
}

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub at: Range<usize>,
    pub why: &'static str,
    pub help: &'static str,
}

/// How many references one text may hold.
const MANY: usize = 256;

/// Whether a text holds anything to be read here.
pub(super) fn is_template(text: &str) -> bool {
    // Most texts have no `$` at all, which is seen quicker.
    text.as_bytes().contains(&b'$') && text.contains("${")
}

/// Splits a text into its pieces.
pub(super) fn parse(text: &str) -> Result<Vec<Piece>, Fault> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("${") {
        let open = at + found;
        if text[at..open].ends_with('$') {
            literal += &text[at..open - 1];
            literal += "${";
            at = open + 2;
            continue;
        }
        literal += &text[at..open];
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        let close = closing(text, open + 2).ok_or(Fault {
            at: open..open + 2,
            why: "a `${` is not closed",
            help: "add the `}`, or write `$${` for a literal `${`",
        })?;
        let range = open..close + 1;
        if pieces.len() > 2 * MANY {
            let (why, help) = ("this text holds too many references", "write it in parts");
            return Err(Fault { at: range, why, help });
        }
        pieces.push(Piece::Of(target(&text[open + 2..close], &range)?, range));
        at = close + 1;
    }
    literal += &text[at..];
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

/// What a text without references stands for, `$${` read as `${`; none when it holds a reference.
pub(super) fn literal(text: &str) -> Option<String> {
    if !is_template(text) {
        return Some(text.to_owned());
    }
    match parse(text).ok()?.as_slice() {
        [] => Some(String::new()),
        [Piece::Text(text)] => Some(text.clone()),
        _ => None,
    }
}

/// Where the `}` stands that closes a reference; one in a quoted key does not.
fn closing(text: &str, from: usize) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text[from..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return Some(from + at),
            _ => {}
        }
    }
    None
}

fn target(inner: &str, range: &Range<usize>) -> Result<Target, Fault> {
    let fault = |why, help| Err(Fault { at: range.clone(), why, help });
    let inner = inner.trim();
    let (word, rest) = inner.split_once('.').unwrap_or((inner, ""));
    let plain =
        !rest.is_empty() && rest.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-' || c == '.');
    match word {
        "" => fault("there is nothing between `${` and `}`", "name what is meant, as in ${var.env}"),
        "var" if plain => Ok(Target::Variable(rest.to_owned())),
        "var" => fault("this does not name a variable", "write ${var.NAME}"),
        "env" if plain => Ok(Target::Environment(rest.to_owned())),
        "env" => fault("this does not name an environment variable", "write ${env.NAME}"),
        "secret" => match secret(rest) {
            Some(place) => Ok(Target::Secret(place)),
            None => fault(
                "this does not say where a secret is kept",
                "write ${secret.env.NAME}, ${secret.file.PATH} or ${secret.keyVault.URI}",
            ),
        },
        _ => Ok(Target::Path(inner.to_owned())),
    }
}

fn secret(rest: &str) -> Option<SecretRef> {
    let (store, place) = rest.split_once('.')?;
    let place = place.trim();
    if place.is_empty() {
        return None;
    }
    match store {
        "env" => Some(SecretRef::Env(place.into())),
        "file" => Some(SecretRef::File(place.into())),
        "keyVault" if place.starts_with("https://") => Some(SecretRef::KeyVault(place.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        match parse(text) {
            Ok(pieces) => pieces.iter().map(|piece| format!("{piece:?} ")).collect(),
            Err(fault) => format!("{} at {:?}", fault.why, fault.at),
        }
    }

    #[test]
    fn pieces() {
        for (text, pieces) in [
            ("$Default {a}", "Text(\"$Default {a}\") "),
            ("rg-${var.env}", "Text(\"rg-\") Of(Variable(\"env\"), 3..13) "),
            ("$${x} ${ env.A_B }", "Text(\"${x} \") Of(Environment(\"A_B\"), 6..18) "),
            ("${a.b[\"x}\\\"\"].c}", "Of(Path(\"a.b[\\\"x}\\\\\\\"\\\"].c\"), 0..16) "),
            (
                "${secret.keyVault.https://v.example/secrets/s}",
                "Of(Secret(KeyVault(\"https://v.example/secrets/s\")), 0..46) ",
            ),
            ("${secret.s3.x}", "this does not say where a secret is kept at 0..14"),
            ("a ${b", "a `${` is not closed at 2..4"),
            ("${}", "there is nothing between `${` and `}` at 0..3"),
            ("${var}", "this does not name a variable at 0..6"),
        ] {
            assert_eq!(shown(text), pieces, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_without_references_stays(text in "[^$]{0,20}(\\$[^${]{1,3})?") {
            let expected = if text.is_empty() { vec![] } else { vec![Piece::Text(text.clone())] };
            prop_assert_eq!(parse(&text), Ok(expected));
        }

        #[test]
        fn never_panics(text in "(\\$|\\{|\\}|\"|\\\\|var\\.|é|a){0,12}") {
            let _ = parse(&text);
        }
    }
}
