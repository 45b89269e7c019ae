//! Which tables and functions a query names, and whether they exist.
//!
//! Only names that clearly stand for a table are judged: the head of a pipeline, an operand of `union`, `join` or
//! `lookup`, the function of `invoke`. Everything else is left alone, because a name may be a column.

use super::tokens::{self, Token};
use crate::emulator::kusto::catalog::Database;
use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::syntax::Declaration;
use std::collections::BTreeSet;

/// Words that begin a statement or a source and name nothing.
const SOURCES: &[&str] = &[
    "alias",
    "app",
    "cluster",
    "cursor_after",
    "database",
    "datatable",
    "declare",
    "entity_group",
    "evaluate",
    "external_data",
    "external_table",
    "externaldata",
    "find",
    "graph",
    "let",
    "macro",
    "materialize",
    "materialized_view",
    "pattern",
    "print",
    "range",
    "resource",
    "restrict",
    "search",
    "set",
    "stored_query_result",
    "table",
    "toscalar",
    "totable",
    "union",
    "view",
    "workspace",
];

/// Operators that may stand first within parentheses or braces, as in `mv-apply … on (count)`.
const OPERATORS: &[&str] = &[
    "as",
    "consume",
    "count",
    "distinct",
    "evaluate",
    "extend",
    "facet",
    "filter",
    "fork",
    "getschema",
    "graph",
    "invoke",
    "join",
    "limit",
    "lookup",
    "make",
    "mv",
    "order",
    "parse",
    "partition",
    "project",
    "reduce",
    "render",
    "sample",
    "scan",
    "search",
    "serialize",
    "sort",
    "summarize",
    "take",
    "top",
    "union",
    "where",
];

const CONSTANTS: &[&str] = &["true", "false", "null", "True", "False", "TRUE", "FALSE"];

/// A name in the place of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Mention {
    /// `T`
    Plain(String),
    /// `F(…)`
    Call(String),
}

/// Refuses a query that names tables or functions that do not exist; `locals` are parameters.
pub(crate) fn check(database: &Database, text: &str, locals: &[&str]) -> Result<(), Fault> {
    let tokens = tokens::of(text);
    refuse_external(database, &tokens)?;
    let mut known = declared(&tokens);
    known.extend(locals.iter().map(|local| (*local).to_owned()));
    for mention in mentions(&tokens) {
        let (Mention::Plain(name) | Mention::Call(name)) = &mention;
        let stored = database.functions.contains_key(name) || known.contains(name);
        let table = database.tables.contains_key(name) || database.views.contains_key(name);
        match mention {
            Mention::Plain(_) if stored || table => {}
            Mention::Call(_) if stored => {}
            Mention::Plain(_) => {
                return Err(Fault::semantic(
                    "SEM0100",
                    format!("'table' operator: Failed to resolve table or column expression named '{name}'"),
                ));
            }
            Mention::Call(_) => {
                return Err(Fault::semantic("SEM0260", format!("Unknown function: '{name}'")));
            }
        }
    }
    Ok(())
}

/// Refuses `external_table('E')` of this database when there is no such table.
fn refuse_external(database: &Database, tokens: &[Token]) -> Result<(), Fault> {
    for at in 0..tokens.len() {
        let named = match &tokens[at..] {
            [word, open, Token::Text(name), ..] if word.is_word("external_table") && open.is_mark("(") => {
                name
            }
            _ => continue,
        };
        if !after_dot(tokens, at) && !database.external_tables.contains_key(named) {
            let text = format!("'external_table': Failed to resolve external table named '{named}'");
            return Err(Fault::semantic("SEM0100", text));
        }
    }
    Ok(())
}

/// The tables that a query reads by their names.
pub(crate) fn tables(database: &Database, text: &str) -> BTreeSet<String> {
    let tokens = tokens::of(text);
    let local = declared(&tokens);
    let plain = mentions(&tokens).into_iter().filter_map(|mention| match mention {
        Mention::Plain(name) if !local.contains(&name) && database.tables.contains_key(&name) => Some(name),
        _ => None,
    });
    plain.collect()
}

/// Refuses a function that would reach itself.
pub(crate) fn refuse_recursion(
    database: &Database,
    name: &str,
    declaration: &Declaration,
) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    let mut next = called(&declaration.body, declaration.parameter_names());
    while let Some(callee) = next.pop() {
        if callee == name {
            return Err(Fault::semantic(
                "SEM0015",
                format!("Function '{name}' calls itself; recursive functions are not supported"),
            ));
        }
        if let Some(function) = database.functions.get(&callee).filter(|_| seen.insert(callee.clone())) {
            next.extend(called(&function.declaration.body, function.declaration.parameter_names()));
        }
    }
    Ok(())
}

/// Every name that a body may call.
fn called<'a>(body: &str, parameters: impl Iterator<Item = &'a str>) -> Vec<String> {
    let tokens = tokens::of(body);
    let mut local = declared(&tokens);
    local.extend(parameters.map(str::to_owned));
    let plain = mentions(&tokens).into_iter().map(|mention| {
        let (Mention::Plain(name) | Mention::Call(name)) = mention;
        name
    });
    let calls = (0..tokens.len()).filter_map(|at| match &tokens[at] {
        Token::Name(name, _) if is_mark(&tokens, at + 1, "(") && !after_dot(&tokens, at) => {
            Some(name.clone())
        }
        _ => None,
    });
    plain.chain(calls).filter(|name| !local.contains(name)).collect()
}

fn is_mark(tokens: &[Token], at: usize, mark: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.is_mark(mark))
}

fn after_dot(tokens: &[Token], at: usize) -> bool {
    at > 0 && tokens[at - 1].is_mark(".")
}

/// Names that the query itself declares: `let x =`, `(x:long)`, `| as x`.
fn declared(tokens: &[Token]) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Name(name, _) = token else { continue };
        let after_let = at > 0 && tokens[at - 1].is_word("let");
        if after_let || is_mark(tokens, at + 1, ":") {
            out.insert(name.clone());
        }
        if token.is_word("as")
            && let Some(Token::Name(name, _)) = tokens.get(after_parameters(tokens, at + 1))
        {
            out.insert(name.clone());
        }
    }
    out
}

/// The names in the place of a table.
fn mentions(tokens: &[Token]) -> BTreeSet<Mention> {
    let mut out = BTreeSet::new();
    for at in 0..tokens.len() {
        if begins_statement(tokens, at) {
            out.extend(head(tokens, at, true));
        } else if is_mark(tokens, at.wrapping_sub(1), "(") {
            out.extend(head(tokens, at, false));
        }
        let Token::Name(word, false) = &tokens[at] else { continue };
        if after_dot(tokens, at) || is_mark(tokens, at + 1, "=") {
            continue;
        }
        match word.as_str() {
            "union" => out.extend(operands(tokens, at + 1, true)),
            "join" | "lookup" => out.extend(operands(tokens, at + 1, false)),
            "invoke" => {
                if let Some(Token::Name(name, _)) = tokens.get(at + 1)
                    && is_mark(tokens, at + 2, "(")
                {
                    out.insert(Mention::Call(name.clone()));
                }
            }
            _ => {}
        }
    }
    out
}

/// Whether a statement, or the value of a `let`, begins here.
fn begins_statement(tokens: &[Token], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|before| &tokens[before]) else { return true };
    if before.is_mark(";") || before.is_mark("{") {
        return true;
    }
    before.is_mark("=") && at >= 3 && tokens[at - 3].is_word("let")
}

/// The head of a pipeline at this token, when it clearly is one. A statement may be a name alone; within parentheses
/// only a name before `|` counts.
fn head(tokens: &[Token], at: usize, statement: bool) -> Option<Mention> {
    let Token::Name(name, bracketed) = tokens.get(at)? else { return None };
    let keyword = SOURCES.contains(&name.as_str()) || CONSTANTS.contains(&name.as_str());
    if !bracketed && (keyword || OPERATORS.contains(&name.as_str())) {
        return None;
    }
    let ends = |at: usize| match tokens.get(at) {
        None => true,
        Some(token) => token.is_mark(";") || token.is_mark("}"),
    };
    if is_mark(tokens, at + 1, "|") || (statement && ends(at + 1)) {
        return Some(Mention::Plain(name.clone()));
    }
    if is_mark(tokens, at + 1, "(") && is_mark(tokens, closing(tokens, at + 1)? + 1, "|") {
        return Some(Mention::Call(name.clone()));
    }
    None
}

/// The parenthesis that closes the one at this token.
fn closing(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is_mark("(") {
            depth += 1;
        } else if token.is_mark(")") {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// The place after an operator's parameters: `kind=inner`, `hint.strategy=shuffle`.
fn after_parameters(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while let Some(Token::Name(_, false)) = tokens.get(at) {
        let mut value = at + 1;
        while is_mark(tokens, value, ".") {
            value += 2;
        }
        if !is_mark(tokens, value, "=") {
            break;
        }
        at = value + 2;
    }
    at
}

/// The plain operands of `union`, `join` or `lookup` whose parameters begin here.
fn operands(tokens: &[Token], from: usize, many: bool) -> Vec<Mention> {
    let mut at = after_parameters(tokens, from);
    let word = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is_word(word));
    if (from..at).any(|at| word(at, "isfuzzy") && word(at + 2, "true")) {
        return Vec::new();
    }
    let mut out = Vec::new();
    loop {
        let end = match tokens.get(at) {
            Some(Token::Name(name, _)) => {
                let plain = match tokens.get(at + 1) {
                    None => true,
                    Some(Token::Mark(mark)) => matches!(mark.as_str(), "," | "|" | ")" | ";" | "}"),
                    Some(Token::Name(word, _)) => !many && word == "on",
                    Some(Token::Literal | Token::Text(_)) => false,
                };
                if plain {
                    out.push(Mention::Plain(name.clone()));
                }
                if is_mark(tokens, at + 1, "(") { closing(tokens, at + 1) } else { Some(at) }
            }
            Some(token) if token.is_mark("(") => closing(tokens, at),
            _ => None,
        };
        match end {
            Some(end) if many && is_mark(tokens, end + 1, ",") => at = end + 2,
            _ => return out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::kusto::catalog::{Policies, Table};
    use crate::emulator::kusto::syntax::Cursor;
    use crate::emulator::kusto::types::Type;
    use proptest::prelude::*;

    fn database() -> Database {
        let mut database = Database::new("d", Policies::new());
        for name in ["T", "U", "a b"] {
            let mut table = Table::new(name, Policies::new());
            table.add_column("x", Type::Long);
            database.tables.insert(name.to_owned(), table);
        }
        for (name, text) in [("F", "() { T }"), ("G", "(x:long) { F() | where y == x }")] {
            let declaration = Cursor::new(text).declaration().unwrap();
            let function = crate::emulator::kusto::catalog::Function {
                name: name.to_owned(),
                declaration,
                folder: String::new(),
                doc_string: String::new(),
                view: false,
                principals: Vec::new(),
            };
            database.functions.insert(name.to_owned(), function);
        }
        database
    }

    #[test]
    fn common_queries_pass() {
        let cases = [
            "T",
            "{ T | where x == p }",
            "{ ['a b'] | project x }",
            "{ F }",
            "{ F() | take 1 }",
            "{ G(1) | join kind=inner (T | where x > 1) on x }",
            "{ T | join hint.strategy=broadcast kind=leftouter U on x }",
            "{ union T, U | count }",
            "{ union kind=outer withsource=Source T, (U | take 1), F() }",
            "{ union T*, U }",
            "{ union isfuzzy=true Nope, T }",
            "{ let V = T | where x > 1; V | take 1 }",
            "{ let f = (t:(x:long), n:long) { t | take n }; f(T, 1) | count }",
            "{ let n = toscalar(T | count); T | where x > n }",
            "{ let l = dynamic(['a', 'b']); T | where x in (l) }",
            "{ T | where x in (U | project x) }",
            "{ T | mv-apply y = x on (count) }",
            "{ T | partition by x ( top 1 by x | project x ) }",
            "{ print a = 1 | extend b = strcat('x', tostring(a)) }",
            "{ range i from 1 to 10 step 1 | project i }",
            "{ datatable(a:long)[1, 2] | where a > 1 }",
            "{ strcat('a', 'b') }",
            "{ p * 2 }",
            "{ p }",
            "{ true }",
            "{ now() }",
            "{ database('other').Nope | take 1 }",
            "{ cluster('c').database('d').Nope }",
            "{ database('other').external_table('Nope') | take 1 }",
            "{ T | as W | union W }",
            "{ T | as hint.materialized=true W | union W }",
            "{ T | partition by x { count } }",
            "{ set querytrace; T | join kind = inner hint.strategy = shuffle (U | take 1) on $left.x == $right.x }",
            "{ let v = view () { T }; union v, U }",
            "{ T | scan declare (y:long=0) with (step s1: true => y = 1; step s2: x > 1;) }",
            "{ T | extend d = parse_json(y) | project d['k'], d.k }",
            "{ T | lookup kind=leftouter U on x | summarize count() by bin(x, 1d) }",
            "{ T // Nope | take 1\n | where y == 'Nope | x' }",
            "{ declare query_parameters(q:long = 5); T | where x == q }",
            "{ search 'x' }",
            "{ find where x == 1 }",
            "{ evaluate bag_unpack(d) }",
            "{ T | invoke G() }",
            "{ materialize(T | take 1) | count }",
            "{ range(1, 2) }",
        ];
        for text in cases {
            assert_eq!(check(&database(), text, &["p"]), Ok(()), "{text}");
        }
    }

    #[test]
    fn clear_mistakes_are_refused() {
        let cases = [
            "{ Nope }",
            "{ Nope | take 1 }",
            "{ ['no pe'] | take 1 }",
            "{ Nope() | take 1 }",
            "{ T | join (Nope | take 1) on x }",
            "{ T | join kind=inner Nope on x }",
            "{ T | lookup Nope on x }",
            "{ union T, Nope }",
            "{ union isfuzzy=false T, Nope }",
            "{ T | join hint.strategy=broadcast kind=inner Nope on x }",
            "{ T | union Nope }",
            "{ let V = Nope | take 1; V }",
            "{ T | where x in (Nope | project x) }",
            "{ T | invoke nope() }",
            "{ let n = toscalar(Nope | count); T }",
        ];
        for text in cases {
            assert!(check(&database(), text, &["p"]).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(
            words in proptest::collection::vec(
                "(T|F|let|union|join|kind|isfuzzy|as|invoke|on|true|x|=|\\.|\\(|\\)|\\{|\\}|\\||,|;|:|\\[|\\]|'s'|1)",
                0..20,
            ),
        ) {
            let text = words.join(" ");
            let _ = check(&database(), &text, &[]);
            let _ = called(&text, std::iter::empty());
        }
    }

    #[test]
    fn recursion_is_found_through_others() {
        let refused = |name: &str, text: &str| {
            let declaration = Cursor::new(text).declaration().unwrap();
            refuse_recursion(&database(), name, &declaration).is_err()
        };
        assert!(refused("H", "() { H() | take 1 }"));
        assert!(refused("F", "() { G(1) }"));
        assert!(refused("T2", "(x:long) { T2 | take 1 }"));
        assert!(!refused("H", "() { G(1) }"));
        assert!(!refused("H", "(H:long) { T | where x == H }"));
        assert!(!refused("count", "() { T | where d.count(1) == 1 }"));
    }
}
