//! Variables: declared in the spec, given by the command line, files, the environment's overlay, or their defaults.

use super::diagnostic::{Code, Diagnostic};
use super::files::{Place, offset};
use super::loader::{Loader, Scope};
use super::read::{Root, clean};
use super::suggest;
use super::tree::{Id, Member, Style, View};
use super::yaml::{self, quoted};
use crate::kind::shape::Shape;

/// What a variable may hold, by the word of its `type`.
const TYPES: [(&str, Shape); 6] = [
    ("string", Shape::Text),
    ("integer", Shape::Int(i64::MIN, i64::MAX)),
    ("number", Shape::Real),
    ("boolean", Shape::Bool),
    ("list", Shape::List(&Shape::Any)),
    ("map", Shape::Map(&Shape::Any)),
];

/// The properties of a declaration.
pub(super) const DECLARATION: [&str; 3] = ["default", "description", "type"];

/// The words for what a variable may hold.
pub(super) fn type_words() -> Vec<&'static str> {
    TYPES.iter().map(|(word, _)| *word).collect()
}

/// A declared variable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variable {
    /// Where it is declared.
    pub key: Id,
    /// What it holds.
    pub value: Option<Id>,
    /// Its declared type.
    pub shape: Option<&'static Shape>,
    /// Whether its value turned out to be wrong, which is reported.
    pub broken: bool,
}

impl Loader<'_> {
    /// Reads the `variables` of every file, then what overrides them.
    pub(super) fn read_variables(&mut self, declared: &[(Root, Member)]) {
        for (root, member) in declared {
            match self.tree.view(member.value) {
                View::Null => {}
                View::Map => {
                    let entries = self.tree.members(member.value);
                    entries.into_iter().for_each(|entry| self.declare(*root, entry));
                }
                _ => {
                    let help = "write `variables:` and below it `NAME: {default: …}`";
                    self.error(Code::WrongValue, "variables are a map of names", member.value, help);
                }
            }
        }
        for path in self.options.var_files.clone() {
            self.variable_file(&path);
        }
        for (name, value) in self.options.vars.clone() {
            self.variable_option(&name, &value);
        }
        self.check_variables();
    }

    fn declare(&mut self, root: Root, entry: Member) {
        let name = self.tree.text(entry.key).to_owned();
        let known = self.variables.get(&name).copied();
        if let Some(first) = known.filter(|_| !root.over) {
            let message = format!("the variable {} is declared twice", quoted(&name));
            let found = Diagnostic::error(Code::DefinedTwice, message)
                .at(self.tree.place(entry.key), "again here")
                .at(self.tree.place(first.key), "first here");
            return self.push(found.help("keep one of them"));
        }
        let mut variable =
            known.unwrap_or(Variable { key: entry.key, value: None, shape: None, broken: false });
        let members = self.tree.members(entry.value);
        let declares =
            |m: &Member| DECLARATION.iter().any(|w| suggest::nearest(self.tree.text(m.key), &[*w]).is_some());
        let known_word = |m: &Member| DECLARATION.contains(&self.tree.text(m.key));
        match self.tree.view(entry.value) {
            View::Null => {}
            View::Map if !root.over || members.iter().all(|m| known_word(m) || declares(m)) => {
                let claimed = self.claim(&members, &DECLARATION, &|_| None, "a variable");
                for (word, member) in claimed {
                    match word {
                        "default" => variable.value = Some(member.value),
                        "type" if member.guessed => {}
                        "type" => variable.shape = self.variable_type(member.value).or(variable.shape),
                        _ => {}
                    }
                }
            }
            _ => variable.value = Some(entry.value),
        }
        self.variables.insert(name, variable);
    }

    fn variable_type(&mut self, id: Id) -> Option<&'static Shape> {
        let word = self.tree.text(id).to_owned();
        let found = TYPES.iter().find(|(known, _)| *known == word).map(|(_, shape)| shape);
        if found.is_none() {
            let words = type_words();
            let message = format!("{} is no type of variables", quoted(&word));
            let place = self.tree.place(self.tree.resolve(id));
            let diagnostic = Diagnostic::error(Code::WrongValue, message).at(place, "");
            let near = suggest::nearest(&word, &words).map(str::to_owned);
            self.push(match near {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")).patch(place, near),
                None => diagnostic.help(format!("there are {}", words.join(", "))),
            });
        }
        found
    }

    fn variable_file(&mut self, path: &std::path::Path) {
        let Some((_, document)) = self.document(path, clean(path)) else { return };
        let Some(root) = document.root else { return };
        if !matches!(self.tree.view(root), View::Map | View::Null) {
            return self.error(
                Code::WrongValue,
                "a file of variables is a map of names and values",
                root,
                "write `NAME: VALUE`",
            );
        }
        for member in self.tree.members(root) {
            let name = self.tree.text(member.key).to_owned();
            match self.variables.get_mut(&name) {
                Some(variable) => variable.value = Some(member.value),
                None => {
                    let place = self.tree.place(member.key);
                    self.undeclared(&name, Some(place), "");
                }
            }
        }
    }

    fn variable_option(&mut self, name: &str, value: &str) {
        let Some(variable) = self.variables.get(name).copied() else {
            return self.undeclared(name, None, " (--var)");
        };
        let shown = format!("--var {name}");
        let file = self.tree_mut().files.add(shown.clone(), shown, value.to_owned());
        let place = Place { file, start: 0, end: offset(value.len()) };
        let by_default = variable.value.map(|id| self.tree.view(id));
        let style = match variable.shape {
            Some(Shape::List(_) | Shape::Map(_)) => None,
            Some(Shape::Text) => Some(Style::Quoted),
            Some(_) => Some(Style::Loose),
            None => match by_default {
                Some(View::List(_) | View::Map) => None,
                Some(View::Scalar(_, Style::Quoted)) => Some(Style::Quoted),
                _ => Some(Style::Loose),
            },
        };
        let node = match style {
            Some(style) => Some(self.tree_mut().scalar(place, value, style)),
            None => yaml::read(std::sync::Arc::make_mut(&mut self.tree), file, &mut self.report).root,
        };
        if let Some(variable) = self.variables.get_mut(name) {
            variable.broken = node.is_none();
            variable.value = node.or(variable.value);
        }
    }

    /// Reports the use of a variable that nothing declares.
    pub(super) fn undeclared(&mut self, name: &str, place: Option<Place>, whence: &str) {
        if self.partial {
            self.faults += 1;
            return;
        }
        let names: Vec<&str> = self.variables.keys().map(String::as_str).collect();
        let near = suggest::nearest(name, &names).map(str::to_owned);
        let message = format!("no variable {} is declared{whence}", quoted(name));
        let diagnostic = Diagnostic::error(Code::Variable, message);
        let diagnostic = place.into_iter().fold(diagnostic, |found, place| found.at(place, ""));
        self.push(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None if names.is_empty() => diagnostic.help(format!("declare it: `variables: {{{name}: {{}}}}`")),
            None => diagnostic.help(format!("declared are {}", names.join(", "))),
        });
    }

    /// Reports variables without a value, and values that are not of the declared type.
    fn check_variables(&mut self) {
        let names: Vec<String> = self.variables.keys().cloned().collect();
        for name in names {
            let variable = self.variables[&name];
            let Some(value) = variable.value else {
                let help = format!(
                    "give it a `default:`, or a value by --var {name}=…, by --var-file or in environments/NAME.yaml"
                );
                let message = format!("the variable {} has no value", quoted(&name));
                self.error(Code::NoValue, message, variable.key, help);
                self.mark_broken(&name);
                continue;
            };
            if let Some(shape) = variable.shape {
                let before = self.faults;
                self.within(Scope::Variable, |loader| loader.decode(value, shape));
                if self.faults > before {
                    self.mark_broken(&name);
                }
            }
        }
    }

    fn mark_broken(&mut self, name: &str) {
        if let Some(variable) = self.variables.get_mut(name) {
            variable.broken = true;
        }
    }

    /// Does something in another scope.
    pub(super) fn within<T>(&mut self, scope: Scope, act: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.scope, scope);
        let found = act(self);
        self.scope = before;
        found
    }
}
