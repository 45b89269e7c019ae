//! Texts with references in them.

use super::diagnostic::{Code, Diagnostic};
use super::files::Place;
use super::loader::{Loader, Scope};
use super::reference::at_path;
use super::scalar::{Whence, as_text, sort, typed};
use super::template::{self, Piece, Target};
use super::tree::{Id, Style, View};
use super::yaml::quoted;
use crate::kind::shape::{Field, Shape, field};
use crate::model::body::{self, Expr, SecretRef};
use crate::model::{Value, word};
use std::ops::Range;

impl Loader<'_> {
    /// Reads a scalar that holds `${`.
    pub(super) fn templated(&mut self, id: Id, text: &str, shape: &Shape) -> Option<Value> {
        if self.gives_up() {
            return None;
        }
        let pieces = match template::parse(text) {
            Ok(pieces) => pieces,
            Err(fault) => {
                let place = self.piece(id, text, &fault.at);
                self.push(Diagnostic::error(Code::Template, fault.why).at(place, "").help(fault.help));
                return None;
            }
        };
        match pieces.as_slice() {
            [Piece::Of(target, range)] => {
                let place = self.piece(id, text, range);
                self.whole(id, target, place, shape)
            }
            [Piece::Text(literal)] => self.fit(id, Value::from(literal.as_str()), shape, Whence::Written),
            _ => self.mixed(id, text, &pieces, shape),
        }
    }

    /// Where a piece of a scalar's text stands in the file.
    fn piece(&self, id: Id, text: &str, range: &Range<usize>) -> Place {
        let id = self.tree.resolve(id);
        let first = self.tree.place_in(id, range.start);
        let whole = self.tree.place(id);
        let length = super::files::offset(text[range.clone()].len());
        let exact = Place { end: first.start + length, ..first };
        if self.tree.files.slice(exact) == &text[range.clone()] { exact } else { whole }
    }

    /// A reference that is the whole value, and so keeps its type.
    fn whole(&mut self, id: Id, target: &Target, place: Place, shape: &Shape) -> Option<Value> {
        match target {
            Target::Variable(name) => {
                let value = self.variable(name, place)?;
                let literal = self.literal(value).filter(|_| is_text(shape)).map(str::to_owned);
                match literal {
                    Some(text) => self.fit(id, Value::from(text), shape, Whence::Referred),
                    None => {
                        let read = |loader: &mut Self| loader.decode(value, shape);
                        self.through(Some(id), |loader| loader.within(Scope::Variable, read))
                    }
                }
            }
            Target::Environment(name) => {
                let text = self.environment(name, place)?;
                if matches!(shape, Shape::Secret) {
                    let help = format!("write ${{secret.env.{name}}}");
                    let found =
                        Diagnostic::error(Code::Secret, "a secret is not read as `env`").at(place, "");
                    self.push(found.help(help).patch(place, format!("${{secret.env.{name}}}")));
                    return None;
                }
                self.fit(id, typed(&text, Style::Loose, shape), shape, Whence::Hidden)
            }
            Target::Secret(kept) if matches!(shape, Shape::Secret) => {
                Some(Value::Secret(self.kept(kept, place)?))
            }
            Target::Secret(_) => {
                let found = Diagnostic::error(Code::Secret, "a secret does not belong here").at(place, "");
                self.stray_secret(found);
                None
            }
            Target::Path(path) => {
                let value = self.reference(path, place)?;
                if matches!((&value, shape), (Value::Secret(_), s) if !matches!(s, Shape::Secret)) {
                    let found =
                        Diagnostic::error(Code::Secret, "this reference leads to a secret").at(place, "");
                    self.stray_secret(found);
                    return None;
                }
                let value = as_text(&value).filter(|_| is_text(shape)).map_or(value, Value::from);
                self.fit(id, value, shape, Whence::Referred)
            }
        }
    }

    /// The text of a scalar that stands for itself.
    fn literal(&self, id: Id) -> Option<&str> {
        match self.tree.view(id) {
            View::Scalar(text, _) if !template::is_template(text) => Some(text),
            _ => None,
        }
    }

    /// Where a secret is kept; a file's path is taken from the file of the spec that names it.
    fn kept(&mut self, kept: &SecretRef, place: Place) -> Option<SecretRef> {
        let SecretRef::File(path) = kept else { return Some(kept.clone()) };
        if std::path::Path::new(path.as_str()).is_absolute() {
            return Some(kept.clone());
        }
        let file = self.tree.files.get(place.file).name.clone();
        let Some(inside) = super::source::relative(&file, path) else {
            let found =
                Diagnostic::error(Code::Secret, "this path leads out of the spec's folder").at(place, "");
            self.push(found.help("give an absolute path to a file elsewhere"));
            return None;
        };
        Some(SecretRef::File(super::source::slashed(&inside).into()))
    }

    /// A text of several pieces.
    fn mixed(&mut self, id: Id, text: &str, pieces: &[Piece], shape: &Shape) -> Option<Value> {
        let mut found: Vec<body::Piece> = Vec::new();
        let (mut failed, mut whence) = (false, Whence::Referred);
        let add = |found: &mut Vec<body::Piece>, text: String| match found.last_mut() {
            Some(body::Piece::Text(before)) => *before += &text,
            _ => found.push(body::Piece::Text(text)),
        };
        for piece in pieces {
            let (target, range) = match piece {
                Piece::Text(text) => {
                    add(&mut found, text.clone());
                    continue;
                }
                Piece::Of(target, range) => (target, range),
            };
            let place = self.piece(id, text, range);
            if matches!(target, Target::Environment(_)) {
                whence = Whence::Hidden;
            }
            match self.inner(id, target, place) {
                Some(Value::Unknown(expr)) => expr.0.into_iter().for_each(|piece| match piece {
                    body::Piece::Text(text) => add(&mut found, text),
                    of @ body::Piece::Of { .. } => found.push(of),
                }),
                Some(value) => match as_text(&value) {
                    Some(text) => add(&mut found, text),
                    None => {
                        failed = true;
                        self.not_scalar(place, &value);
                    }
                },
                None => failed = true,
            }
        }
        if failed {
            return None;
        }
        let value = match found.as_slice() {
            [] => Value::from(""),
            [body::Piece::Text(text)] => Value::from(text.as_str()),
            _ => Value::Unknown(Expr(found.into())),
        };
        self.fit(id, value, shape, whence)
    }

    /// What is known only after apply, where an object is wanted for which a bare scalar may stand: that scalar, unless
    /// what is referred to is an object itself.
    pub(super) fn stood_for(&self, value: Value, fields: &'static [Field], short: &[&str]) -> Value {
        let Value::Unknown(expr) = &value else { return value };
        let is_whole = matches!(expr.0.as_slice(), [body::Piece::Of { .. }]);
        let is_number = |shape: &Shape| matches!(shape, Shape::Bool | Shape::Int(..) | Shape::Real);
        let fits = |field: &&Field| is_scalar(&field.shape) && (is_whole || !is_number(&field.shape));
        let candidates: Vec<&Field> =
            short.iter().filter_map(|name| field(fields, name)).filter(fits).collect();
        match candidates.as_slice() {
            [only] if !(is_whole && self.leads_to_object(expr)) => {
                Value::Map([(word(only.name), value)].into_iter().collect())
            }
            _ => value,
        }
    }

    fn leads_to_object(&self, expr: &Expr) -> bool {
        expr.references().any(|(address, path)| {
            let Some((draft, (first, rest))) = self.declared(address).zip(path.split_first()) else {
                return false;
            };
            let shape = field(draft.kind.about().fields, first).and_then(|at| at_path(&at.shape, rest));
            matches!(shape, Some(Shape::Object { .. } | Shape::Map(_) | Shape::OrderedMap(_)))
        })
    }

    fn not_scalar(&mut self, place: Place, value: &Value) {
        let found = match value {
            Value::Secret(_) => {
                let found =
                    Diagnostic::error(Code::Secret, "a secret cannot stand inside a text").at(place, "");
                return self.stray_secret(found);
            }
            other => format!("{} cannot stand inside a text", sort(other)),
        };
        let help = "let the reference be the whole value, or refer to a part of it";
        self.push(Diagnostic::error(Code::NotScalar, found).at(place, "").help(help));
    }

    /// The value of a reference inside a text.
    fn inner(&mut self, id: Id, target: &Target, place: Place) -> Option<Value> {
        match target {
            Target::Environment(name) => Some(Value::from(self.environment(name, place)?)),
            Target::Secret(kept) => Some(Value::Secret(kept.clone())),
            Target::Path(path) => self.reference(path, place),
            Target::Variable(name) => {
                let value = self.variable(name, place)?;
                if let Some(text) = self.literal(value) {
                    return Some(Value::from(text));
                }
                self.through(Some(id), |loader| {
                    loader.within(Scope::Variable, |l| l.decode(value, &Shape::Any))
                })
            }
        }
    }

    /// The node of a variable's value.
    fn variable(&mut self, name: &str, place: Place) -> Option<Id> {
        if self.scope == Scope::Variable {
            let found =
                Diagnostic::error(Code::Template, "a variable cannot refer to a variable").at(place, "");
            self.push(found.help("write the value out, or refer to both variables where they are used"));
            return None;
        }
        let Some(variable) = self.variables.get(name).copied() else {
            self.undeclared(name, Some(place), "");
            return None;
        };
        if variable.broken {
            self.faults += 1;
            return None;
        }
        variable.value
    }

    fn environment(&mut self, name: &str, place: Place) -> Option<String> {
        let found = (self.options.env)(name);
        if found.is_none() {
            let message = format!("the environment variable {} is not set", quoted(name));
            let help = format!("set it, as in `export {name}=…`");
            self.push(Diagnostic::error(Code::Environment, message).at(place, "").help(help));
        }
        found
    }
}

/// Whether a property takes one value that is not made of others.
const fn is_scalar(shape: &Shape) -> bool {
    !matches!(
        shape,
        Shape::Object { .. }
            | Shape::List(_)
            | Shape::Set(_)
            | Shape::Map(_)
            | Shape::OrderedMap(_)
            | Shape::Any
            | Shape::Given
    )
}

/// Whether a property takes any text, so that whatever is referred to is written out.
const fn is_text(shape: &Shape) -> bool {
    matches!(shape, Shape::Text | Shape::Name(_) | Shape::Location)
}
