//! What is found in queries of every shape.

use super::*;
use proptest::prelude::*;

/// Each use as one word: `T`, `F()`, `db/T`, `cluster/db/T`, with `?` when possible and `!` when called.
fn found(text: &str) -> String {
    let show = |u: Use| {
        let name = match u.what {
            What::Tabular | What::Pattern => u.name,
            What::Function => format!("{}()", u.name),
            What::ExternalTable => format!("external:{}", u.name),
            What::MaterializedView => format!("view:{}", u.name),
            What::EntityGroup => format!("group:{}", u.name),
            What::Graph => format!("graph:{}", u.name),
            What::Database => format!("database:{}", u.name),
        };
        let within: String = [u.cluster, u.database].into_iter().flatten().map(|w| format!("{w}/")).collect();
        let sure = match u.sure {
            Sure::Certain => "",
            Sure::Called => "!",
            Sure::Possible => "?",
        };
        format!("{within}{name}{sure}")
    };
    uses(text, &["n".to_owned(), "P".to_owned()]).into_iter().map(show).collect::<Vec<_>>().join(" ")
}

#[test]
fn finds_the_names_in_every_place() {
    let mut wrong = Vec::new();
    for (text, expected) in [
        ("T", "T"),
        ("{ T | take n }", "T"),
        ("['my table'] | count", "my table"),
        ("[\"a\" 'b'] | count", "ab"),
        ("[T] | count", "T"),
        ("F() | where a == G(b)", "F() G()! b?"),
        ("P | where x in (n)", ""),
        ("T | join kind=inner hint.strategy=shuffle (U | where a > 1) on a, $left.b == $right.c", "T U"),
        ("T | join U on a", "T U"),
        ("T | lookup kind=leftouter Dim on id | extend x = a - b", "T Dim"),
        ("union kind=outer withsource=S A, (B | take 1), database('d').C, S*", "A B d/C S*?"),
        ("union isfuzzy=true A, B | join C on x", "A? B? C"),
        ("T | union U, V*", "T U V*?"),
        ("T | where a in (U | project a) and b !in~ (V) and c has_any (W)", "T U V? W?"),
        ("T | where a in ('x', 'y') and b in (c)", "T c?"),
        ("let x = toscalar(T | summarize max(a)); U | where b > x", "T U"),
        ("let A = materialize(T | take 1); let B = A | count; union A, B", "T"),
        (
            "let f = (t: (a: long), s: string) { t | where a == s | join U on a }; f(T, 'x') | invoke G(1)",
            "U T? G()",
        ),
        ("let v = view () { T }; v", "T"),
        ("T | as X | union (X | count), Y", "T Y"),
        ("T | evaluate ipv4_lookup(Net, ip, range) | evaluate bag_unpack(d)", "T Net? ip? range? d?"),
        ("table('T') | union table(n), table(\"U\", 'all')", "T U"),
        ("external_table('E') | join materialized_view('V', 1h) on a", "external:E view:V"),
        ("database('d').T | join cluster('c').database(\"e\").['t u'] on a", "d/T c/e/t u"),
        ("database('d').F(1) | union cluster('c').database('d').table('T'), database(n).U", "d/F() c/d/T"),
        ("database('d').external_table('E')", "d/external:E"),
        (
            "let g = entity_group [database('a'), cluster('c').database('b')]; macro-expand g as X (X.T | count)",
            "database:a c/database:b",
        ),
        ("macro-expand isfuzzy=true G as X (X.T | join U on a)", "group:G? U?"),
        ("macro-expand G as X (let a = X.T; a | union X.U)", "group:G"),
        ("T | partition by s (top 1 by a | extend b = toscalar(U | count))", "T U"),
        ("T | partition hint.strategy=legacy by s { U | where a == s }", "T U"),
        ("T | fork (count) a=(take 1 | join U on x)", "T U"),
        ("T | facet by a, b with (where c in (U | project c))", "T U"),
        ("T | mv-apply x = y to typeof(long) on (summarize s = sum(x) | join U on s)", "T U"),
        (
            "T | make-graph s --> t with N on id, (M | take 1) on id | graph-match (a)-[e]->(b) where a.x == F(b) project a.x",
            "T N M F()! b?",
        ),
        ("T | make-graph s --> t with_node_id=id | graph-to-table nodes as N, edges as E; N", "T"),
        ("graph('G', 's') | graph-match (a)-->(b) project a.id", "graph:G"),
        ("find in (A, database('d').B, C*) where x == 1 project y", "A d/B C*?"),
        ("search in (A, B) 'text' or x: 'y'", "A B"),
        ("search kind=case_sensitive 'x'", ""),
        ("find withsource=t where x has 'y'", ""),
        ("range x from 1 to 10 step 1 | join T on x", "T"),
        ("print a = F(1), b = now(), c = toscalar(T)", "F()! T"),
        ("datatable (T: string, U: long) ['a', 1] | join V on T", "V"),
        ("externaldata (a: string) [h'https://x'] with (format='csv') | join V on a", "V"),
        ("declare query_parameters(a: long = 5); T | where b == a", "T"),
        ("alias database d = cluster('c').database('x'); database('y').T", "c/database:x y/T"),
        ("let d = cluster('c').database('x'); d.T", "c/database:x c/x/T"),
        ("set notruncation; T // U | V\n| count", "T"),
        ("restrict access to (database('d').*, V); V", "database:d V? V"),
        (
            "let a = 5 + n; let b = dynamic({'x': [T]}); let c = datetime(2020-01-01T00:00:00Z); T | take a",
            "T",
        ),
        ("T | extend d = parse_json(x).y.z, e = x['U'], f = x[toscalar(V)]", "T V"),
        ("T | where ['by']() == 1", "T by()!"),
        ("workspace('w').T | union app('a').U", ""),
        ("T|where a=='it''s'|summarize count() by bin(b,1h),c", "T"),
        ("T | extend f = case(a > 1, b, c) | where not(d) and (e or G(h))", "T G()! h?"),
    ] {
        if found(text) != expected {
            wrong.push(format!("{text}\n  found    {}\n  expected {expected}", found(text)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn columns_are_not_entities() {
    for text in [
        "T | where a > b and c between (d .. e) | project f, g = h * i | summarize j = sum(k) by l, m",
        "T | extend a = (b), c = iff(d, e, f) | order by g asc nulls last, h | top 5 by i",
        "T | parse kind=regex a with 'x' b:long * 'y' c | parse-kv d as (e: string, f: long) with (quote='\"')",
        "T | mv-expand a to typeof(long), b | project-away c*, *d | project-rename e = f | distinct *",
        "T | make-series a = avg(b) default=0 on c from d to e step f by g | render timechart with (title='h', ycolumns=i)",
        "T | scan with_match_id=m declare (a: long = 0) with (step s1: b == 1 => a = c; step s2: d > s1.a;)",
        "T | top-nested 3 of a by b = sum(c), top-nested d of e by max(f) | sample-distinct 5 of g",
        "T | summarize hint.shufflekey = a take_any(*), arg_max(b, *) by c.d, tostring(e.f[0].g)",
        "T | where a has 'x' and b startswith (c) or d matches regex e | serialize f = prev(g, 1) | getschema",
        "T | extend dynamic({\"a\": {\"b\": 1}}), guid(74be27de-1e4e-49d9-b579-fe0b331d3642), time(1.02:03:04)",
        "T | reduce by a with threshold=0.1 | project-reorder b, c granny-asc | limit d",
    ] {
        assert_eq!(found(text), "T", "{text}");
    }
}

#[test]
fn knows_where_a_name_stands() {
    let text = "T // U\n| join (database('d').['my U']) on a";
    let spans: Vec<&str> = uses(text, &[]).into_iter().map(|u| &text[u.span]).collect();
    assert_eq!(spans, ["T", "'my U'"]);
}

#[test]
fn reads_parameter_lists() {
    let names = |text| parameters(text).into_iter().map(|p| p.0).collect::<Vec<_>>().join(" ");
    assert_eq!(names("(T: (a: string, b: long), s: string = 'x, y', ['odd one']: long)"), "T s odd one");
    assert_eq!(names("()"), "");
    assert_eq!(names("a: long, b: long"), "a b");
}

proptest! {
    #[test]
    fn never_panics_and_stays_inside(
        words in proptest::collection::vec(0..WORDS.len(), 0..40),
        text in "(\\PC|\n){0,30}",
    ) {
        let mixed: String = words.into_iter().map(|word| WORDS[word]).collect::<Vec<_>>().join(" ");
        for text in [mixed.clone(), text.clone(), format!("{mixed}{text}")] {
            for found in uses(&text, &[]) {
                prop_assert!(text.get(found.span.clone()).is_some());
            }
            parameters(&text);
        }
    }
}

/// What the words of random queries are.
const WORDS: [&str; 44] = [
    "T",
    "U",
    "let",
    "=",
    ";",
    "|",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "*",
    "'x'",
    "union",
    "join",
    "on",
    "in",
    "has_any",
    "partition",
    "by",
    "macro-expand",
    "as",
    "make-graph",
    "with",
    "database('d')",
    "cluster('c')",
    "F(",
    "toscalar(",
    "evaluate",
    "declare pattern",
    "declare query_parameters",
    "restrict access to",
    "fork",
    "facet",
    "-",
    "find in (",
    "isfuzzy=true",
    "view",
    "alias database",
    "mv-apply",
    "graph-to-table",
];

#[test]
fn deep_brackets_end() {
    for open in ["(", "toscalar(", "[", "{", "a in ("] {
        uses(&open.repeat(20_000), &[]);
    }
}
