//! Entity names: which are allowed, which need brackets, and how they print
//! (`Q:schema-entities/entity-names.md`).
//!
//! Invariant: a name that passes [`check`] and is printed by [`print`] reads back to itself
//! (test: `legal_names_round_trip`).

use super::error::Fault;
use super::syntax::{begins_word, within_word};
use rustc_hash::FxHashSet;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Words that the service's parser takes as keywords, so that as names they need brackets.
static RESERVED: LazyLock<FxHashSet<&str>> = LazyLock::new(|| RESERVED_WORDS.split_whitespace().collect());

const RESERVED_WORDS: &str = "__unique accumulate and application as asc between blockedprincipals boolean by byte \
    bytes cachingpolicy callout callouts callstacks cancel char clusteradmin concurrency configuration consume \
    container containers contains count dataexport datasize datastats datatable date datetime datetime_pattern \
    days decimal desc dimensions disabled distinct double dryrun dynamic earliest empty enabled encodingpolicy \
    entity_group exclude expired_tables_cleanup extend extent_tags_retention extentsize external_data \
    externaldata filesystem filter find first flags float follower for format_datetime GB getschema graph_query \
    graph_shards graph_snapshots_drop_by_retention graph_snapshots_optimize harddelete hardretention has has_all \
    has_any hot_window identity in include int int16 int32 int64 int8 invoke journal kind last latest limit long \
    materialize MB mdm missing mvapply mvexpand network of or order others parse pathformat print project \
    queries query_results real recoverability restricted_view_access row_level_security rowstore \
    rowstore_references rowstore_sealinfo rowstorepolicy rowstores sample scan seal seals search serialize set \
    shards shuffle snapshot_indexing softdelete softretention sort sql startofday startofmonth startofweek \
    startofyear statistics stored_query_result stored_query_results storedqueryresultcontainers string summarize \
    tablepurge take time timespan title to top toscalar totable transactions trim uint uint16 uint32 uint64 \
    uint8 ulong union uniqueid unrestrictedviewers until unused utilization verbose viewers views violations \
    where writeaheadlog true True TRUE false False FALSE";

/// The longest name, in characters.
const LONGEST: usize = 1024;

/// Whether `word` as a name needs brackets although it is spelled like a plain one.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(word)
}

/// Whether `name` is printed without brackets. Other letters may stand so too, but not every parser agrees.
pub(crate) fn is_plain(name: &str) -> bool {
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(begins_word);
    begins && letters.all(within_word) && name.is_ascii() && !is_reserved(name)
}

/// Refuses a name that the service does not allow for a new entity of `kind`.
pub(crate) fn check(kind: &str, name: &str) -> Result<(), Fault> {
    let allowed = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | ' ' | '.' | '-');
    let why = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > LONGEST {
        "it is longer than 1024 characters"
    } else if !name.chars().all(allowed) {
        "it may hold letters, digits, underscores, spaces, dots and dashes only"
    } else if name.starts_with("__") || name.ends_with("__") {
        "names that begin or end with two underscores are reserved"
    } else {
        return Ok(());
    };
    Err(Fault::bad_name(kind, name, why))
}

/// Prints a name as it stands in a command: plain, or in brackets.
pub(crate) fn print(name: &str) -> Cow<'_, str> {
    if is_plain(name) { name.into() } else { bracketed(name).into() }
}

fn bracketed(name: &str) -> String {
    format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::kusto::syntax::Cursor;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_could_end_a_command() {
        for name in
            ["", "a|b", "a;b", "a//b", "a\nb", "a'b", "a\"b", "a[b", "a]b", "__a", "a__", "a\u{0}", "$a"]
        {
            assert!(check("Table", name).is_err(), "{name:?}");
        }
        for name in ["a", "a b", "a.b", "a-b", "1a", "größe", "日本", "_a", "where"] {
            assert_eq!(check("Table", name), Ok(()), "{name:?}");
        }
        assert!(check("Table", &"a".repeat(1025)).is_err());
    }

    proptest! {
        #[test]
        fn legal_names_round_trip(name in "[\\p{L}\\p{Nd}_ .-]{1,40}") {
            prop_assume!(check("Table", &name).is_ok());
            let printed = print(&name).into_owned();
            let mut cursor = Cursor::new(&printed);
            prop_assert_eq!(cursor.name("a name").ok(), Some(name));
            prop_assert!(cursor.at_end());
        }
    }
}
