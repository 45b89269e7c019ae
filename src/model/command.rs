//! Commands: the only place where names and texts become part of one.
//!
//! Invariant: a [`Command`] is built from fixed words, quoted names, quoted texts and checked blocks, so no name
//! or text of a user can end a command or begin another (test: `no_text_escapes`).

mod hole;

use super::duration::Ticks;
use super::kql::{self, Block, TokenKind};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// One management command, complete and correctly quoted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(into = "hole::Stored", from = "hole::Stored")]
pub struct Command {
    text: String,
    /// In the order in which they stand.
    holes: Vec<hole::Hole>,
}

impl Command {
    /// Starts a command with its fixed words, such as `.create table`.
    pub fn new(words: &'static str) -> Self {
        Self { text: words.to_owned(), holes: Vec::new() }
    }

    /// Adds fixed words after a blank.
    #[must_use]
    pub fn word(mut self, words: &'static str) -> Self {
        if !self.text.ends_with(['(', ' ', ':', '.']) && !words.starts_with([',', ')', ':', '.']) {
            self.text.push(' ');
        }
        self.text.push_str(words);
        self
    }

    /// Adds a name, in brackets and quotes where the language needs them.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.gap();
        self.text.push_str(&quoted_name(name));
        self
    }

    /// Adds a text literal.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.gap();
        self.text.push_str(&quoted_text(text));
        self
    }

    /// Adds a JSON document as a text literal on one line.
    #[must_use]
    pub fn json(mut self, json: &impl Serialize) -> Self {
        self.gap();
        self.text.push_str(&json_text(json));
        self
    }

    /// Adds a length of time as a literal.
    #[must_use]
    pub fn time(mut self, ticks: Ticks) -> Self {
        self.gap();
        self.text.push_str(&ticks.literal());
        self
    }

    /// Adds a moment in time as a literal; anything that is not one is quoted, so that it cannot do harm.
    #[must_use]
    pub fn moment(mut self, moment: &str) -> Self {
        self.gap();
        let plain = moment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.' | '+'));
        let inner = if plain { moment.to_owned() } else { quoted_text(moment) };
        self.text.push_str(&format!("datetime({inner})"));
        self
    }

    /// Adds a GUID as it stands.
    #[must_use]
    pub fn guid(mut self, guid: uuid::Uuid) -> Self {
        self.gap();
        self.text.push_str(&guid.to_string());
        self
    }

    /// Adds `true` or `false`.
    #[must_use]
    pub fn flag(self, value: bool) -> Self {
        self.word(if value { "true" } else { "false" })
    }

    /// Adds a whole number.
    #[must_use]
    pub fn number(mut self, value: i64) -> Self {
        self.gap();
        self.text.push_str(&value.to_string());
        self
    }

    /// Adds a word of the service that this program does not know: lower-case letters, digits and `_`.
    ///
    /// # Errors
    /// That it is not such a word.
    pub fn plain(mut self, word: &str) -> Result<Self, String> {
        let is_word = word.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !is_word {
            return Err(format!("{word:?} is no word of lower-case letters, digits and `_`"));
        }
        self.gap();
        self.text.push_str(word);
        Ok(self)
    }

    /// Adds a checked piece of KQL as it stands.
    #[must_use]
    pub fn block(mut self, block: &Block) -> Self {
        self.gap();
        self.text.push_str(block.as_str());
        self
    }

    /// Adds each item with commas between them.
    #[must_use]
    pub fn list<T>(self, items: impl IntoIterator<Item = T>, mut add: impl FnMut(Self, T) -> Self) -> Self {
        items
            .into_iter()
            .enumerate()
            .fold(self, |command, (i, item)| add(if i == 0 { command } else { command.word(",") }, item))
    }

    /// The command as it is sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The command with runs of white space outside of texts folded to one blank, and without comments, which the
    /// language ends by lines alone.
    pub fn one_line(&self) -> String {
        self.line_to(usize::MAX)
    }

    /// The beginning of [`Command::one_line`]: so many characters at least, where it has them.
    pub fn line_to(&self, enough: usize) -> String {
        let mut line = String::new();
        let (mut end, mut characters) = (0, 0);
        for token in kql::tokens_of(&self.text) {
            let Ok(token) = token else { return self.text.replace(['\r', '\n'], " ") };
            if token.kind == TokenKind::Comment {
                continue;
            }
            if token.span.start > end && end > 0 {
                line.push(' ');
                characters += 1;
            }
            end = token.span.end;
            let piece = &self.text[token.span];
            if piece.bytes().any(|byte| matches!(byte, b'\r' | b'\n')) {
                line.push_str(&piece.replace('\r', "").replace('\n', "⏎"));
            } else {
                line.push_str(piece);
            }
            characters += piece.chars().count();
            if characters >= enough {
                break;
            }
        }
        line
    }

    fn gap(&mut self) {
        if !self.text.ends_with(['(', ' ', ':', '.']) {
            self.text.push(' ');
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A name as it stands in a command: bare where the language allows it, else `['…']`.
///
/// <https://learn.microsoft.com/kusto/query/schema-entities/entity-names>
pub fn quoted_name(name: &str) -> Cow<'_, str> {
    let mut bytes = name.bytes();
    let bare = bytes.next().is_some_and(|c| c.is_ascii_alphabetic() || c == b'_')
        && bytes.all(|c| c.is_ascii_alphanumeric() || c == b'_')
        && !is_reserved(name);
    if bare { name.into() } else { format!("[{}]", quoted(name, '\'')).into() }
}

/// A JSON document as a text literal on one line.
fn json_text(json: &impl Serialize) -> String {
    // Only what has no form in JSON fails, such as a map by numbers, and no kind sends that.
    let text = serde_json::to_string(json).unwrap_or_default();
    if text.contains(['\'', '\\']) { quoted_text(&text) } else { format!("'{text}'") }
}

/// A text as a double-quoted literal with escapes.
pub fn quoted_text(text: &str) -> String {
    quoted(text, '"')
}

fn quoted(text: &str, quote: char) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push(quote);
    let mut rest = text;
    let odd = |c: char| {
        c == '\\' || c == quote || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
    };
    while let Some(at) = rest.find(odd) {
        literal.push_str(&rest[..at]);
        let c = rest[at..].chars().next().unwrap_or_default();
        rest = &rest[at + c.len_utf8()..];
        match c {
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c == quote => {
                literal.push('\\');
                literal.push(c);
            }
            c => literal.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    literal.push_str(rest);
    literal.push(quote);
    literal
}

/// Every column of a spec is looked up here, and few begin as such a word of their length does.
fn is_reserved(name: &str) -> bool {
    let first = name.as_bytes().first().map_or(0, |first| 1 << (first & 63));
    BEGINNINGS[name.len() % BEGINNINGS.len()] & first != 0 && RESERVED.binary_search(&name).is_ok()
}

/// With which letters, by the lower bits of each, the reserved words of a length begin: `T` and `t` are told apart.
const BEGINNINGS: [u64; 64] = {
    let mut all = [0; 64];
    let mut at = 0;
    while at < RESERVED.len() {
        let word = RESERVED[at].as_bytes();
        all[word.len() % 64] |= 1 << (word[0] & 63);
        at += 1;
    }
    all
};

/// Words that need brackets when they are names, as Microsoft's parser has them.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "FALSE", "False", "GB", "MB", "TRUE", "True",
    "__unique", "accumulate", "and", "application", "as", "asc", "between", "blockedprincipals", "boolean", "by",
    "byte", "bytes", "cachingpolicy", "callout", "callouts", "callstacks", "cancel", "char", "clusteradmin",
    "concurrency", "configuration", "consume", "container", "containers", "contains", "count", "dataexport",
    "datasize", "datastats", "datatable", "date", "datetime", "datetime_pattern", "days", "decimal", "desc",
    "dimensions", "disabled", "distinct", "double", "dryrun", "dynamic", "earliest", "empty", "enabled",
    "encodingpolicy", "entity_group", "exclude", "expired_tables_cleanup", "extend", "extent_tags_retention",
    "extentsize", "external_data", "externaldata", "false", "filesystem", "filter", "find", "first", "flags", "float",
    "follower", "for", "format_datetime", "getschema", "graph_query", "graph_shards",
    "graph_snapshots_drop_by_retention", "graph_snapshots_optimize", "harddelete", "hardretention", "has",
    "has_all", "has_any", "hot_window", "identity", "in", "include", "int", "int16", "int32", "int64", "int8",
    "invoke", "journal", "kind", "last", "latest", "limit", "long", "materialize", "mdm", "missing", "mvapply",
    "mvexpand", "network", "of", "or", "order", "others", "parse", "pathformat", "print", "project", "queries",
    "query_results", "real", "recoverability", "restricted_view_access", "row_level_security", "rowstore",
    "rowstore_references", "rowstore_sealinfo", "rowstorepolicy", "rowstores", "sample", "scan", "seal", "seals",
    "search", "serialize", "set", "shards", "shuffle", "snapshot_indexing", "softdelete", "softretention", "sort",
    "sql", "startofday", "startofmonth", "startofweek", "startofyear", "statistics", "stored_query_result",
    "stored_query_results", "storedqueryresultcontainers", "string", "summarize", "tablepurge", "take", "time",
    "timespan", "title", "to", "top", "toscalar", "totable", "transactions", "trim", "true", "uint", "uint16",
    "uint32", "uint64", "uint8", "ulong", "union", "uniqueid", "unrestrictedviewers", "until", "unused",
    "utilization", "verbose", "viewers", "views", "violations", "where", "writeaheadlog",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_reserved_words_are_sorted() {
        assert!(RESERVED.is_sorted());
        assert!(RESERVED.iter().all(|word| is_reserved(word) && !is_reserved(&format!("{word}x9"))));
    }

    #[test]
    fn quotes_only_what_needs_it() {
        let command = Command::new(".create table")
            .name("order")
            .word("(")
            .list(["a", "b c"], |c, name| c.name(name).word(":string"))
            .word(")")
            .word("with (folder =")
            .text("A\\B")
            .word(")");
        assert_eq!(
            command.as_str(),
            r#".create table ['order'] (a:string, ['b c']:string) with (folder = "A\\B")"#
        );
    }

    proptest! {
        #[test]
        fn no_text_escapes(name in "(\\PC|\n|\r|\t|'|\"|\\]|;|\\||//|`){1,20}", text in "(\\PC|\n|'|\"|\\\\|`|;){0,20}") {
            let command = Command::new(".x").name(&name).text(&text).word("end");
            prop_assert!(!command.as_str().contains(['\n', '\r']));
            let tokens = kql::tokens(command.as_str()).unwrap();
            let pieces: Vec<&str> = tokens.iter().map(|t| &command.as_str()[t.span.clone()]).collect();
            prop_assert_eq!(*pieces.last().unwrap(), "end");
            prop_assert_eq!(kql::unquoted(pieces[pieces.len() - 2]).unwrap(), text);
            let quoted = pieces[2] == "[";
            prop_assert_eq!(pieces.len(), if quoted { 7 } else { 5 });
            let read = if quoted { kql::unquoted(pieces[3]).unwrap() } else { pieces[2].to_owned() };
            prop_assert_eq!(read, name);
        }
    }
}
