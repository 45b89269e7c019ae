//! The files of a spec, found, read and parsed.

use super::diagnostic::{Code, Diagnostic};
use super::files::{Place, offset};
use super::loader::Loader;
use super::source::{self, MAX_BYTES, Source};
use super::suggest;
use super::tree::{Id, Tree, View};
use super::yaml::{self, Document};
use crate::model::parallel;
use std::io;
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;
use std::sync::Arc;

/// The outermost map of one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root {
    /// Whether the file is the environment's overlay.
    pub over: bool,
    /// Its node.
    pub map: Id,
}

/// What came of reading a file.
enum Read {
    Text(String),
    /// It is not UTF-8.
    Garbled(FromUtf8Error),
    Failed(io::Error),
}

impl Read {
    fn of(source: &dyn Source, path: &Path) -> Self {
        match source.read(path).map(String::from_utf8) {
            Ok(Ok(text)) => Self::Text(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
            Ok(Err(error)) => Self::Garbled(error),
            Err(error) => Self::Failed(error),
        }
    }
}

impl Loader<'_> {
    /// Reads every file, the overlay last. None when there is nothing to go on with.
    pub(super) fn read_files(&mut self) -> Option<Vec<Root>> {
        let root = &self.options.root;
        self.layout = match source::layout(self.source, root) {
            Ok(layout) => layout,
            Err((path, error)) => {
                self.push(no_spec(&path, &error));
                return None;
            }
        };
        if self.layout.files.is_empty() {
            let message = format!("{} holds no .yaml file", shown_folder(root));
            let help = "name the folder of the spec, or add a file such as spec.yaml";
            self.push(Diagnostic::error(Code::Unreadable, message).help(help));
            return None;
        }
        let values: Vec<PathBuf> = self.options.var_files.iter().map(|file| self.real(file)).collect();
        let mut paths: Vec<(PathBuf, bool)> = Vec::new();
        for path in self.layout.files.clone() {
            if !values.contains(&self.real(&self.layout.folder.join(&path))) {
                paths.push((path, false));
            }
        }
        if let Some(name) = &self.options.environment {
            paths.extend(self.overlay_file(name).map(|path| (path, true)));
        }
        let roots = self.roots_of(paths);
        (!roots.is_empty()).then_some(roots)
    }

    /// The outermost maps of files, which are read together and then parsed together.
    fn roots_of(&mut self, paths: Vec<(PathBuf, bool)>) -> Vec<Root> {
        let mut held = Vec::new();
        let (folder, source) = (self.layout.folder.clone(), self.source);
        let read = parallel::map(&paths, 1, |(path, _)| Read::of(source, &folder.join(path)));
        for ((path, over), read) in paths.into_iter().zip(read) {
            let shown = folder.join(&path);
            let name = source::slashed(&path);
            if let Some(text) = self.text(read, &shown, &name, None) {
                held.push((self.tree_mut().files.add(name, clean(&shown), text), over));
            }
        }
        let files = self.tree.files.clone();
        let parsed = parallel::map(&held, 1, |(file, _)| {
            let mut tree = Tree::over(files.clone());
            let mut report = Vec::new();
            let document = yaml::read(&mut tree, *file, &mut report);
            (tree, report, document)
        });
        let mut roots = Vec::new();
        for ((file, over), (tree, report, document)) in held.into_iter().zip(parsed) {
            let root = self.tree_mut().absorb(file, tree, document.root);
            self.report.extend(report);
            let document = Document { root, ..document };
            if !document.complete {
                self.faults += 1;
            }
            roots.extend(self.root_of(file, document, over));
        }
        roots
    }

    /// A path by which two names of one file are equal.
    fn real(&self, path: &Path) -> PathBuf {
        self.source.real(path).unwrap_or_else(|_| path.to_owned())
    }

    fn root_of(&mut self, file: u32, document: Document, over: bool) -> Option<Root> {
        self.partial |= !document.complete;
        let map = document.root.unwrap_or_else(|| {
            let start = Place { file, start: 0, end: 0 };
            self.tree_mut().map(start, &[])
        });
        match self.tree.view(map) {
            View::Map => Some(Root { over, map }),
            View::Null => {
                let place = self.tree.place(map);
                Some(Root { over, map: self.tree_mut().map(place, &[]) })
            }
            View::Scalar(..) | View::List(_) => {
                if document.complete {
                    let help = "start with `version: 1`, then name what is to exist, such as `clusters:`";
                    self.error(Code::WrongValue, "a spec is a map of names", map, help);
                }
                None
            }
        }
    }

    /// Reads one file of YAML.
    pub(super) fn document(&mut self, path: &Path, name: String) -> Option<(u32, Document)> {
        let text = self.text_of(path, &name, None)?;
        let file = self.tree_mut().files.add(name, clean(path), text);
        let document = yaml::read(Arc::make_mut(&mut self.tree), file, &mut self.report);
        if !document.complete {
            self.faults += 1;
        }
        Some((file, document))
    }

    /// The text of a file; a mistake is put at the place that names the file, if one does.
    pub(super) fn text_of(&mut self, path: &Path, name: &str, named: Option<Place>) -> Option<String> {
        let read = Read::of(self.source, path);
        self.text(read, path, name, named)
    }

    fn text(&mut self, read: Read, path: &Path, name: &str, named: Option<Place>) -> Option<String> {
        match read {
            Read::Text(text) => Some(text),
            Read::Failed(error) => {
                let code = if named.is_some() { Code::BodyFile } else { Code::Unreadable };
                let diagnostic =
                    Diagnostic::error(code, format!("{} cannot be read: {}", clean(path), plain(&error)));
                self.push(named.into_iter().fold(diagnostic, |found, place| found.at(place, "")));
                None
            }
            Read::Garbled(error) => {
                let at = offset(error.utf8_error().valid_up_to());
                let wide = error.as_bytes().starts_with(&[0xff, 0xfe])
                    || error.as_bytes().starts_with(&[0xfe, 0xff]);
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let file = self.tree_mut().files.add(name.to_owned(), clean(path), text);
                let place = Place { file, start: at, end: at + 3 };
                let (what, help) = if wide {
                    ("this file is UTF-16", "save it as UTF-8")
                } else {
                    ("this is not UTF-8 text", "save the file as UTF-8")
                };
                let found = Diagnostic::error(Code::NotText, what).at(place, "").help(help);
                self.push(named.into_iter().fold(found, |found, named| found.at(named, "used here")));
                None
            }
        }
    }

    /// The file of an environment, relative to the spec's folder.
    fn overlay_file(&mut self, name: &str) -> Option<PathBuf> {
        let folder = self.layout.folder.join("environments");
        let listed = self.source.list(&folder).unwrap_or_default();
        let mut files: Vec<String> = listed.into_iter().map(|(file, _)| file).collect();
        files.retain(|file| source::is_yaml(file));
        files.sort();
        let stem = |file: &String| file.rsplit_once('.').map_or(file.clone(), |(stem, _)| stem.to_owned());
        if let Some(file) = files.iter().find(|file| stem(file) == name) {
            return Some(Path::new("environments").join(file));
        }
        let names: Vec<String> = files.iter().map(stem).collect();
        let message = format!("there is no environment `{name}`: {} has no file for it", clean(&folder));
        let help = match suggest::nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => format!("add environments/{name}.yaml beside the spec"),
            None => format!("there are {}", names.join(", ")),
        };
        self.push(Diagnostic::error(Code::Environment, message).help(help));
        None
    }
}

/// What is said where no spec can be read.
pub(super) fn no_spec(path: &Path, error: &io::Error) -> Diagnostic {
    let message = format!("there is no spec to read at {}: {}", path.display(), plain(error));
    Diagnostic::error(Code::Unreadable, message).help("name the file or the folder of the spec")
}

/// A path as people write it.
pub(super) fn clean(path: &Path) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    path.display().to_string()
}

fn shown_folder(root: &Path) -> String {
    if root.as_os_str().is_empty() || root == Path::new(".") { "this folder".to_owned() } else { clean(root) }
}

/// An error of the file system in words.
pub(super) fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "nothing is there".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        io::ErrorKind::FileTooLarge => format!("it is larger than {} MB", MAX_BYTES >> 20),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}
