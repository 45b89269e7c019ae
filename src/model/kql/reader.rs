//! The walk over statements, pipelines and expressions that [`super::uses`] stands on.

use super::builtin::{is_builtin, is_graph_function, is_literal};
use super::uses::{Part, Path, Sure, Use, What};
use super::{Token, TokenKind, tokens};
use std::ops::Range;

/// No text is followed deeper into its brackets than this.
const DEEPEST: usize = 120;

/// What a name of the text's own stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bound {
    /// A value, a table or a function.
    Thing,
    /// A database that the text gives another name.
    Database { database: String, cluster: Option<String> },
}

/// How names in a place are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A table stands here.
    Source,
    /// A table or something else stands here.
    Either,
    /// A value stands here; a bare name is a column.
    Value,
}

/// A text with what was found in it so far.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    /// The tokens, comments left out.
    pub(super) tokens: Vec<Token>,
    /// For each bracket the one that belongs to it; the end of the text where there is none.
    mates: Vec<usize>,
    pub(super) found: Vec<Use>,
    bound: Vec<(String, Bound)>,
    /// Whether the service would put up with a missing table here.
    pub(super) lenient: bool,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of a text; `None` when that is not lexically KQL.
    pub(super) fn new(text: &'a str, bound: &[String]) -> Option<Self> {
        let mut tokens = tokens(text).ok()?;
        tokens.retain(|token| token.kind != TokenKind::Comment);
        let mut mates = vec![tokens.len(); tokens.len()];
        let mut open: Vec<usize> = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            match token.kind {
                TokenKind::Mark('(' | '[' | '{') => open.push(at),
                TokenKind::Mark(')' | ']' | '}') => {
                    if let Some(mate) = open.pop() {
                        (mates[mate], mates[at]) = (at, mate);
                    }
                }
                _ => {}
            }
        }
        let bound = bound.iter().map(|name| (name.clone(), Bound::Thing)).collect();
        Some(Self { text, tokens, mates, found: Vec::new(), bound, lenient: false, depth: 0 })
    }

    /// Reads everything.
    pub(super) fn all(&mut self) {
        let all = 0..self.tokens.len();
        self.statements(all, false);
    }

    /// The bracket that belongs to the one at a token.
    pub(super) fn mate(&self, at: usize) -> usize {
        self.mates[at]
    }

    pub(super) fn is(&self, at: usize, mark: char) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == TokenKind::Mark(mark))
    }

    /// The bare word at a token, or `""`.
    pub(super) fn word(&self, at: usize) -> &'a str {
        match self.tokens.get(at) {
            Some(token) if token.kind == TokenKind::Word => &self.text[token.span.clone()],
            _ => "",
        }
    }

    fn opens(&self, at: usize) -> bool {
        matches!(self.tokens[at].kind, TokenKind::Mark('(' | '[' | '{'))
    }

    /// The tokens of a range that are in none of its brackets.
    fn outside(&self, range: Range<usize>) -> impl Iterator<Item = usize> {
        let mut at = range.start;
        std::iter::from_fn(move || {
            let now = at;
            if now >= range.end {
                return None;
            }
            at = if self.opens(now) { self.mate(now).max(now) + 1 } else { now + 1 };
            Some(now)
        })
    }

    /// The pieces of a range between a mark, brackets kept whole.
    pub(super) fn split(&self, range: Range<usize>, mark: char) -> Vec<Range<usize>> {
        let marks: Vec<usize> = self.outside(range.clone()).filter(|at| self.is(*at, mark)).collect();
        let starts = std::iter::once(range.start).chain(marks.iter().map(|at| at + 1));
        let ends = marks.iter().copied().chain([range.end]);
        starts.zip(ends).map(|(start, end)| start..end).collect()
    }

    /// The first token of a range outside of its brackets that is a word.
    pub(super) fn find(&self, range: Range<usize>, word: &str) -> Option<usize> {
        self.outside(range).find(|at| self.word(*at) == word)
    }

    /// What stands inside the bracket at a token, cut to a range's end.
    pub(super) fn inside(&self, at: usize, end: usize) -> Range<usize> {
        at + 1..self.mate(at).clamp(at + 1, end.max(at + 1))
    }

    fn is_bound(&self, name: &str) -> Option<&Bound> {
        self.bound.iter().rev().find(|(known, _)| known == name).map(|(_, bound)| bound)
    }

    /// Makes a name the text's own from here on.
    pub(super) fn bind(&mut self, name: impl Into<String>, bound: Bound) {
        self.bound.push((name.into(), bound));
    }

    /// Does something one level deeper, unless that is too deep.
    fn deeper(&mut self, work: impl FnOnce(&mut Self)) {
        if self.depth < DEEPEST {
            self.depth += 1;
            work(self);
            self.depth -= 1;
        }
    }

    /// The same; names bound there are forgotten afterwards.
    fn scoped(&mut self, work: impl FnOnce(&mut Self)) {
        let known = self.bound.len();
        self.deeper(work);
        self.bound.truncate(known);
    }

    /// Statements between `;`. With `inner`, pipelines may go on from a table that is not written.
    pub(super) fn statements(&mut self, range: Range<usize>, inner: bool) {
        self.scoped(|reader| {
            for statement in reader.split(range, ';') {
                reader.statement(statement, inner);
            }
        });
    }

    fn statement(&mut self, range: Range<usize>, inner: bool) {
        let Range { start, end } = range;
        match self.word(start) {
            "let" => self.binding(start + 1..end),
            "set" => {}
            "alias" if self.word(start + 1) == "database" => self.binding(start + 2..end),
            "declare" if self.word(start + 1) == "query_parameters" => self.bind_parameters(start + 2..end),
            "declare" if self.word(start + 1) == "pattern" => self.pattern(start + 2..end),
            "restrict" if self.word(start + 1) == "access" => {
                let list = self.outside(range).find(|at| self.is(*at, '('));
                if let Some(list) = list {
                    self.list(self.inside(list, end), Place::Either);
                }
            }
            _ if start + 1 < end && self.is(start, '{') && self.mate(start) + 1 == end => {
                self.statements(self.inside(start, end), inner);
            }
            _ => self.pipeline(range, inner),
        }
    }

    /// `let name = …` and `alias database name = …`, behind their first words.
    fn binding(&mut self, range: Range<usize>) {
        let Some(path) = self.path(range.start, range.end, false) else { return };
        let equals = if self.is(path.end, '=') { path.end } else { return self.pipeline(range, false) };
        let value = equals + 1..range.end;
        let database = self.database_alone(value.clone());
        self.scoped(|reader| reader.value(value));
        self.bind(path.parts[0].name.clone(), database.unwrap_or(Bound::Thing));
    }

    /// What is bound: a lambda, or anything else.
    fn value(&mut self, range: Range<usize>) {
        let start = if self.word(range.start) == "view" { range.start + 1 } else { range.start };
        let body = if self.is(start, '(') { self.mate(start) + 1 } else { range.end };
        if body < range.end && self.is(body, '{') {
            self.bind_parameters(start..body);
            self.statements(self.inside(body, range.end), false);
        } else {
            self.pipeline(range, false);
        }
    }

    /// A value that is a database and nothing else.
    fn database_alone(&self, range: Range<usize>) -> Option<Bound> {
        let path = self.path(range.start, range.end, false).filter(|path| path.end == range.end)?;
        let mut text = path.parts.iter().map(|part| {
            let (text, _) = self.first_text(part.args.clone()?)?;
            Some((part.name.as_str(), text))
        });
        match (text.next()??, text.next(), text.next()) {
            (("database", database), None, None) => Some(Bound::Database { database, cluster: None }),
            (("cluster", cluster), Some(Some(("database", database))), None) => {
                Some(Bound::Database { database, cluster: Some(cluster) })
            }
            _ => None,
        }
    }

    fn pattern(&mut self, range: Range<usize>) {
        self.bind(self.word(range.start).to_owned(), Bound::Thing);
        self.scoped(|reader| {
            let brackets: Vec<usize> = reader.outside(range.clone()).filter(|at| reader.opens(*at)).collect();
            for at in brackets {
                match reader.tokens[at].kind {
                    TokenKind::Mark('{') => {
                        let cases: Vec<usize> = reader.outside(reader.inside(at, range.end)).collect();
                        for case in cases {
                            if reader.is(case, '{') {
                                reader.statements(reader.inside(case, range.end), false);
                            }
                        }
                    }
                    _ => reader.bind_parameters(at..range.end),
                }
            }
        });
    }

    fn bind_parameters(&mut self, range: Range<usize>) {
        if range.start < range.end && self.opens(range.start) {
            for (name, _) in self.parameters(self.inside(range.start, range.end)) {
                self.bind(name, Bound::Thing);
            }
        }
    }

    /// The names of a parameter list, the types of tabular ones left out.
    pub(super) fn parameters(&self, range: Range<usize>) -> Vec<(String, Range<usize>)> {
        let names = self.split(range, ',').into_iter().filter_map(|one| {
            let path = self.path(one.start, one.end, false)?;
            let part = path.parts.into_iter().next()?;
            Some((part.name, part.span))
        });
        names.collect()
    }

    /// A table and operators between `|`. With `inner`, the first piece may be an operator too.
    pub(super) fn pipeline(&mut self, range: Range<usize>, inner: bool) {
        self.deeper(|reader| {
            for (i, piece) in reader.split(range, '|').into_iter().enumerate() {
                if i > 0 || reader.starts(&piece, inner) {
                    reader.operator(piece);
                } else {
                    reader.source(piece, Place::Source);
                }
            }
        });
    }

    /// What stands in a table's place.
    pub(super) fn source(&mut self, range: Range<usize>, place: Place) {
        let Range { start, end } = range;
        if start < end && self.is(start, '(') && self.mate(start) + 1 == end {
            return self.pipeline(self.inside(start, end), false);
        }
        match self.path(start, end, place == Place::Source) {
            Some(path) if path.end == end => self.take(&path, place),
            _ => self.expression(range),
        }
    }

    /// Pieces between commas, each in its place.
    pub(super) fn list(&mut self, range: Range<usize>, place: Place) {
        self.deeper(|reader| {
            for piece in reader.split(range, ',') {
                reader.item(piece, place);
            }
        });
    }

    fn item(&mut self, piece: Range<usize>, place: Place) {
        if self.split(piece.clone(), '|').len() > 1 || self.starts(&piece, false) {
            self.pipeline(piece, false);
        } else if place == Place::Value {
            self.expression(piece);
        } else {
            self.source(piece, place);
        }
    }

    /// An expression: its calls, and the queries in its parentheses.
    pub(super) fn expression(&mut self, range: Range<usize>) {
        self.deeper(|reader| {
            let mut at = range.start;
            while at < range.end {
                at = reader.term(at, range.clone()).max(at + 1);
            }
        });
    }

    /// One term of an expression, and the token behind it.
    fn term(&mut self, at: usize, range: Range<usize>) -> usize {
        let end = range.end;
        let behind_dot = at > range.start && self.is(at - 1, '.');
        match self.tokens[at].kind {
            TokenKind::Word if self.is_membership(at) => {
                let list = if self.is(at + 1, '~') { at + 2 } else { at + 1 };
                if list < end && self.is(list, '(') {
                    self.list(self.inside(list, end), Place::Either);
                    return self.mate(list) + 1;
                }
                at + 1
            }
            TokenKind::Word if behind_dot => at + 1,
            TokenKind::Word => match self.path(at, end, false) {
                Some(path) => {
                    self.take(&path, Place::Value);
                    path.end
                }
                None => at + 1,
            },
            TokenKind::Mark('(') => {
                self.list(self.inside(at, end), Place::Value);
                self.mate(at) + 1
            }
            TokenKind::Mark('{') => {
                self.statements(self.inside(at, end), false);
                self.mate(at) + 1
            }
            TokenKind::Mark('[') => {
                let index = at > range.start
                    && matches!(self.tokens[at - 1].kind, TokenKind::Word | TokenKind::Mark(')' | ']'));
                match self.path(at, end, false).filter(|_| !index && !behind_dot) {
                    Some(path) => {
                        self.take(&path, Place::Value);
                        path.end
                    }
                    None => {
                        self.expression(self.inside(at, end));
                        self.mate(at) + 1
                    }
                }
            }
            _ => at + 1,
        }
    }

    /// An operator behind which a list in parentheses may be a table.
    fn is_membership(&self, at: usize) -> bool {
        matches!(self.word(at), "in" | "has_any" | "has_all")
    }

    /// Takes note of a path that stands in a place, and reads the arguments in it.
    pub(super) fn take(&mut self, path: &Path, place: Place) {
        let (mut database, mut cluster) = (None, None);
        let mut known = true;
        for (i, part) in path.parts.iter().enumerate() {
            let last = i + 1 == path.parts.len();
            let bound = if i == 0 { self.is_bound(&part.name).cloned() } else { None };
            match (bound, part.name.as_str(), &part.args) {
                (Some(Bound::Database { database: d, cluster: c }), _, None) => {
                    (database, cluster) = (Some(d), c);
                }
                (Some(_), _, args) => {
                    known = false;
                    if let Some(args) = args {
                        self.list(args.clone(), Place::Either);
                    }
                }
                (None, "cluster", Some(args)) if !part.quoted => {
                    cluster = self.first_text(args.clone()).map(|(text, _)| text);
                    known &= cluster.is_some();
                }
                (None, "database", Some(args)) if !part.quoted => match self.first_text(args.clone()) {
                    Some((name, span)) if last && known => {
                        self.note(What::Database, name, (None, cluster.clone()), span, place);
                    }
                    Some((name, _)) => database = Some(name),
                    None => known &= args.is_empty(),
                },
                (None, "workspace" | "app" | "resource", Some(_)) => known = false,
                _ if !last && part.args.is_none() => known = false,
                _ => {
                    self.last(part, (database.clone(), cluster.clone()), known, place);
                    known = false;
                }
            }
        }
    }

    /// The end of a path: a name, or a call.
    fn last(&mut self, part: &Part, within: (Option<String>, Option<String>), known: bool, place: Place) {
        let qualified = within.0.is_some();
        let Some(args) = part.args.clone() else {
            // A bare name in a value's place is a column.
            if known && (place != Place::Value || qualified) {
                let wild = part.name.contains('*') && !part.quoted;
                let what = if wild { What::Pattern } else { What::Tabular };
                self.note(what, part.name.clone(), within, part.span.clone(), place);
            }
            return;
        };
        let name = if part.quoted { "" } else { part.name.as_str() };
        let named = match name {
            "table" => Some(What::Tabular),
            "external_table" => Some(What::ExternalTable),
            "materialized_view" => Some(What::MaterializedView),
            "graph" => Some(What::Graph),
            _ => None,
        };
        if let Some(what) = named {
            if let Some((name, span)) = self.first_text(args).filter(|_| known) {
                self.note(what, name, within, span, Place::Source);
            }
            return;
        }
        match name {
            "toscalar" | "materialize" | "totable" => return self.list(args, Place::Source),
            _ if is_literal(name) => return,
            _ if is_builtin(name) => return self.list(args, Place::Value),
            _ => {}
        }
        if known {
            let sure = if is_graph_function(name) { Place::Either } else { place };
            self.note(What::Function, part.name.clone(), within, part.span.clone(), sure);
        }
        self.list(args, Place::Either);
    }

    /// Adds a use.
    pub(super) fn note(
        &mut self,
        what: What,
        name: String,
        (database, cluster): (Option<String>, Option<String>),
        span: Range<usize>,
        place: Place,
    ) {
        let sure = match place {
            _ if self.lenient || what == What::Pattern => Sure::Possible,
            Place::Source => Sure::Certain,
            Place::Value if what == What::Function => Sure::Called,
            Place::Value => Sure::Certain,
            Place::Either if what == What::Function => Sure::Called,
            Place::Either => Sure::Possible,
        };
        self.found.push(Use { what, name, database, cluster, span, sure });
    }
}
