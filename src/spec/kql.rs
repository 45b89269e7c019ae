//! KQL in a spec: as text, or in a file of its own. It is not templated: `${` stands for itself.

use super::diagnostic::{Code, Diagnostic};
use super::files::{Place, offset};
use super::loader::Loader;
use super::source;
use super::tree::{Id, View};
use super::yaml::quoted;
use crate::kind::shape::{KqlForm, Shape};
use crate::model::Value;
use crate::model::kql::Block;

impl Loader<'_> {
    /// Reads a piece of KQL.
    pub(super) fn kql(&mut self, id: Id, form: KqlForm) -> Option<Value> {
        let shape = Shape::Kql(form);
        match self.tree.view(id) {
            View::Scalar(text, _) => {
                let text = text.to_owned();
                if let Err(error) = Block::new(&text) {
                    let place = self.tree.place_in(id, error.at);
                    self.not_kql(place, error.why);
                    return None;
                }
                shape.canonical(&Value::from(text)).ok()
            }
            View::Map => {
                let members = self.tree.members(id);
                let claimed = self.claim(&members, &["file"], &|_| None, "this map");
                match claimed.as_slice() {
                    [(_, file), ..] => self.kql_file(id, file.value, &shape),
                    [] if members.is_empty() => self.unfit(id, &shape),
                    [] => None,
                }
            }
            View::List(_) | View::Null => self.unfit(id, &shape),
        }
    }

    fn not_kql(&mut self, place: Place, why: &str) {
        self.push(Diagnostic::error(Code::Kql, format!("this is not KQL: {why}")).at(place, ""));
    }

    fn kql_file(&mut self, map: Id, id: Id, shape: &Shape) -> Option<Value> {
        if self.gives_up() {
            return None;
        }
        let path = self.decode(id, &Shape::Text)?;
        let Some(path) = path.as_text().map(str::to_owned) else {
            let help = "name the file, relative to this one";
            self.error(Code::BodyFile, "`file` names no file", id, help);
            return None;
        };
        let place = self.tree.place(self.tree.resolve(id));
        let base = self.tree.files.get(place.file).name.clone();
        let inside = source::relative(&base, &path).filter(|inside| self.is_inside(inside));
        let Some(inside) = inside else {
            let message = format!("{} lies outside of the spec's folder", quoted(&path));
            let help = "keep the file beside the spec, and name it relative to this file";
            self.error(Code::BodyFile, message, id, help);
            return None;
        };
        let name = source::slashed(&inside);
        let shown = self.layout.folder.join(&inside);
        let text = self.text_of(&shown, &name, Some(place))?;
        let value = shape.canonical(&Value::from(text.as_str())).ok();
        let broken = Block::new(&text).err().map(|error| {
            let length = text[error.at..].chars().next().map_or(0, char::len_utf8);
            (offset(error.at), offset(error.at + length), error.why)
        });
        let file = self.tree_mut().files.add(name, super::read::clean(&shown), text);
        self.tree_mut().set_body(map, file);
        if let Some((start, end, why)) = broken {
            let via = self.via.replace(id);
            self.not_kql(Place { file, start, end }, why);
            self.via = via;
            return None;
        }
        value
    }

    /// Whether a file stays in the spec's folder once every link is followed; one that is not there is not outside.
    fn is_inside(&self, path: &std::path::Path) -> bool {
        let folder = if self.layout.folder.as_os_str().is_empty() {
            std::path::PathBuf::from(".")
        } else {
            self.layout.folder.clone()
        };
        match (self.source.real(&folder), self.source.real(&folder.join(path))) {
            (Ok(folder), Ok(file)) => file.starts_with(folder),
            _ => true,
        }
    }
}
