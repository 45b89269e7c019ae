//! Commands that the service has and the emulator does not model.
//!
//! Each is a pattern of words as in Microsoft's command grammar; `*` stands for any one name or literal, `$` for the
//! end of the command.

use crate::emulator::kusto::syntax::{Cursor, Kind};

const PATTERNS: &[&str] = &[
    "add cluster",
    "add cluster blockedprincipals",
    "add follower database",
    "alter cache",
    "alter cluster storage keys",
    "alter column * policy",
    "alter columns policy",
    "alter continuous-export",
    "alter database * persist metadata",
    "alter database * storage keys",
    "alter extent tags",
    "alter extentcontainers",
    "alter fabric",
    "alter follower",
    "alter materialized-view * over",
    "alter mirroring-template",
    "alter policies",
    "alter query",
    "alter sqlpools",
    "alter table * columns policy",
    "alter table * extent tags",
    "alter table * policy rowid",
    "alter table * rowstore_references",
    "alter-merge extent tags",
    "alter-merge mirroring-template",
    "alter-merge table * extent tags",
    "apply mirroring-template",
    "attach",
    "clean",
    "clear cluster",
    "clear database cache query_results",
    "clear database cache query_weak_consistency",
    "clear external-artifacts cache",
    "clear remote-schema",
    "create basic",
    "create cluster",
    "create database * $",
    "create database * ifnotexists",
    "create database * persist",
    "create database * volatile",
    "create database * with",
    "create mirroring-template",
    "create request_support",
    "create rowstore",
    "create-or-alter mirroring-template",
    "define table",
    "define tables",
    "delete async table",
    "delete column * policy",
    "delete table * policy rowid",
    "delete follower",
    "delete materialized-view * records",
    "delete mirroring-template",
    "delete policies",
    "delete table * records",
    "detach",
    "disable database",
    "disable plugin",
    "drop async extents",
    "drop cluster",
    "drop cluster blockedprincipals",
    "drop empty extentcontainers",
    "drop extent",
    "drop extents",
    "drop follower",
    "drop graph_shard",
    "drop graph_snapshot",
    "drop graph_snapshots",
    "drop pretend extents",
    "drop rowstore",
    "drop stored_query_result",
    "drop stored_query_results",
    "drop table * extent tags",
    "drop unused",
    "enable database",
    "enable plugin",
    "export",
    "ingest async into",
    "ingest into",
    "make",
    "merge",
    "move",
    "patch",
    "purge",
    "rebuild",
    "replace",
    "save",
    "seal",
    "set access",
    "set cluster",
    "set materialized-view * concurrency",
    "set materialized-view * cursor",
    "set stored_query_result",
    "set table * rowstore_references",
    "set-or-replace stored_query_result",
    "show basic",
    "show cache",
    "show callstacks",
    "show capacity",
    "show certificates",
    "show cloudsettings",
    "show cluster adminstate",
    "show cluster blockedprincipals",
    "show cluster extentcontainers",
    "show cluster extents",
    "show cluster ingestion",
    "show cluster journal",
    "show cluster monitoring",
    "show cluster network",
    "show cluster pending",
    "show cluster sandboxes",
    "show cluster scalein",
    "show cluster services",
    "show cluster storage",
    "show cluster subscription",
    "show column",
    "show commands",
    "show commands-and-queries",
    "show commconcurrency",
    "show data operations",
    "show database * cache",
    "show database * cslschema script",
    "show database * extent",
    "show database * extents",
    "show database * keyvault",
    "show database * metadata",
    "show database * purge",
    "show database cache",
    "show database datastats",
    "show database extent",
    "show database extents",
    "show database keyvault",
    "show database metadata",
    "show databases datastats",
    "show databases management groups",
    "show databases metadata",
    "show diagnostics",
    "show entity",
    "show extent",
    "show extentcontainers",
    "show external table * artifacts",
    "show external table * operations",
    "show external tables operations",
    "show external tables principals",
    "show fabric",
    "show featureflags",
    "show filesystem",
    "show follower",
    "show freshness",
    "show graph_snapshot",
    "show graph_snapshots",
    "show ingestion",
    "show ingestion failures",
    "show journal",
    "show materialized-view * diagnostics",
    "show materialized-view * extents",
    "show materialized-view * failures",
    "show materialized-view * statistics",
    "show memory",
    "show memorypools",
    "show mirroring-template",
    "show mirroring-templates",
    "show operation",
    "show plugins",
    "show principal access",
    "show queries",
    "show query",
    "show queryplan",
    "show request_support",
    "show rowstore",
    "show rowstores",
    "show running",
    "show storage",
    "show stored_query_result",
    "show stored_query_results",
    "show streamingingestion",
    "show table * policy rowid",
    "show table * column",
    "show table * data",
    "show table * dimensions",
    "show table * extents",
    "show table * operations",
    "show table * rowstore_references",
    "show table * rowstores",
    "show table * shard-groups",
    "show table * shards",
    "show table * shards-group",
    "show tables column",
    "show tables extents",
    "show tcp",
    "undo drop extentcontainer",
    "update",
];

/// The words of the pattern that `text` begins with, when there is one.
pub(super) fn find(text: &str) -> Option<String> {
    let found = PATTERNS.iter().filter(|pattern| matches(pattern, text));
    let longest = found.max_by_key(|pattern| pattern.len())?;
    Some(format!(".{}", longest.replace(" *", "").trim_end_matches(" $")))
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    cursor.eat_mark(".")
        && pattern.split(' ').all(|word| match word {
            "*" => skip_one(&mut cursor),
            "$" => cursor.at_end(),
            _ => cursor.eat(word),
        })
}

/// Skips a name, plain, in brackets or qualified, or a literal.
fn skip_one(cursor: &mut Cursor<'_>) -> bool {
    if cursor.dotted("a name", 3).is_ok() {
        return true;
    }
    match cursor.take() {
        Ok(token) => matches!(token.kind, Kind::Word | Kind::Text { .. }) || cursor.slice(&token) == "*",
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_in_lower_case_and_single_blanks() {
        for pattern in PATTERNS {
            assert_eq!(pattern.split_whitespace().collect::<Vec<_>>().join(" "), *pattern);
            assert_eq!(pattern.to_lowercase(), *pattern);
        }
    }

    #[test]
    fn finds_the_longest() {
        assert_eq!(find(".show table ['a b'].c extents").as_deref(), Some(".show table extents"));
        assert_eq!(
            find(".show external table E artifacts").as_deref(),
            Some(".show external table artifacts")
        );
        assert_eq!(find(".export to csv").as_deref(), Some(".export"));
        assert_eq!(find(".exporter"), None);
        assert_eq!(find("show queries"), None);
    }
}
