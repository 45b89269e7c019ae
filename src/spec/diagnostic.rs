//! Diagnostics: every mistake of a spec, each at its place, with what to do about it.
//!
//! Invariant: one mistake gives one message; the same spec gives the same bytes (tests: `tests/specs.rs`).

use super::files::{Files, Place};
use std::collections::BTreeSet;
use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is done until it is mended.
    Error,
    /// Worth knowing.
    Warning,
}

macro_rules! codes {
    ($($name:ident $code:literal $doc:literal)*) => {
        /// What is wrong, as a stable code that can be searched for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $doc] $name,)*
            /// What a rule of lint finds, by the rule's code.
            Lint(&'static str),
        }

        impl Code {
            /// Every code but those of lint.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as it prints, such as `S011`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $code,)* Self::Lint(code) => code }
            }

            /// What it stands for.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$name => $doc,)* Self::Lint(_) => "What a rule of lint finds." }
            }
        }
    };
}

codes! {
    Unreadable "S001" "A file or folder cannot be read."
    NotText "S002" "A file is not UTF-8 text."
    TooLarge "S003" "A document is too large, too deep, or grows without bound through its aliases."
    Syntax "S004" "A text is not YAML."
    ManyDocuments "S005" "A file holds more than one document."
    DuplicateKey "S006" "A map has the same key twice."
    Alias "S007" "An alias or merge key does not stand for anything usable."
    Unsupported "S008" "YAML that a spec has no use for: tags, and keys that are not text."
    Version "S010" "The spec's version is missing or unknown."
    UnknownKey "S011" "A key that nothing knows."
    WrongValue "S012" "A value does not fit its property."
    Missing "S013" "A required property is not given."
    DefinedTwice "S014" "Two files define one address."
    Tag "S015" "The property that says of which kind an entry is, is missing or wrong."
    Setting "S016" "A setting that this kind of entry does not have."
    Name "S017" "The service would refuse the name."
    NameTwice "S018" "Two entries of one collection have the same name in the service."
    Template "S020" "A `${…}` cannot be read, or stands where none may."
    Variable "S021" "A variable is not declared."
    NoValue "S022" "A variable has no value."
    Environment "S023" "An environment variable is not set, or the environment has no file."
    Secret "S024" "A secret is given literally, or stands where none belongs."
    Dangling "S025" "A reference leads to an address that the spec does not declare."
    Attribute "S026" "A reference asks for an attribute that the thing does not have."
    Cycle "S027" "References lead back to where they started."
    NotScalar "S028" "A list, a map or nothing cannot stand inside a text."
    BodyFile "S030" "A file of KQL cannot be read, or lies outside of the spec."
    Kql "S031" "A text is not KQL."
    Undeclared "S040" "A thing is used that its fully declared container does not declare."
    Claimed "S041" "Two things use what only one may use."
    Invalid "S042" "An entry contradicts itself or its surroundings."
    Removed "S043" "An entry of `removed` cannot be followed."
    Below "S044" "Something is declared inside of a thing that must not exist."
    NewWord "S050" "A word that this version does not know; the service may."
    NotWritten "S051" "A property of an existing thing is given, and is not written."
    Redundant "S052" "Something says what is already said."
    Unknown "S053" "A query names what the spec does not declare; live may hold it."
}

/// A place with a few words about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What is there; may be empty.
    pub text: String,
}

/// An edit that mends the mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// What is replaced; may be empty.
    pub place: Place,
    /// By what.
    pub text: String,
}

/// One mistake, or one thing worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub code: Code,
    /// What it is in this case, as a sentence without a full stop.
    pub message: String,
    /// Where it is, the place of the mistake first. Empty for what no file says, such as a wrong option.
    pub labels: Vec<Label>,
    /// What to do, likewise; may be empty.
    pub help: String,
    /// The edit that does it.
    pub patch: Option<Patch>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        let (severity, help) = (Severity::Error, String::new());
        Self { severity, code, message: message.into(), labels: Vec::new(), help, patch: None }
    }

    /// A warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same with one more place.
    #[must_use]
    pub fn at(mut self, place: Place, text: impl Into<String>) -> Self {
        self.labels.push(Label { place, text: text.into() });
        self
    }

    /// The same with what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// The same with an edit.
    #[must_use]
    pub fn patch(mut self, place: Place, text: impl Into<String>) -> Self {
        self.patch = Some(Patch { place, text: text.into() });
        self
    }

    fn place(&self) -> Option<Place> {
        self.labels.first().map(|label| label.place)
    }
}

/// All diagnostics of one reading, with the texts they point into.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    files: Files,
}

impl Diagnostics {
    /// Puts diagnostics in order, by file and place, each mistake once.
    pub fn new(mut list: Vec<Diagnostic>, files: Files) -> Self {
        let shown = |d: &Diagnostic| d.place().map(|place| files.get(place.file).shown.clone());
        list.sort_by_cached_key(|d| (shown(d), d.place().map(|place| (place.start, place.end)), d.code));
        let mut seen = BTreeSet::new();
        list.retain(|d| seen.insert((d.place(), d.code, d.message.clone())));
        Self { list, files }
    }

    /// The diagnostics in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many of them are errors.
    pub fn errors(&self) -> usize {
        self.list.iter().filter(|d| d.severity == Severity::Error).count()
    }

    /// Goes on with other files of the same texts.
    pub(super) fn let_go(&mut self, files: &Files) {
        self.files = files.clone();
    }

    /// The texts they point into.
    pub const fn files(&self) -> &Files {
        &self.files
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_sorted() {
        let ids: Vec<&str> = Code::ALL.iter().map(|code| code.id()).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(ids, sorted);
        assert!(Code::ALL.iter().all(|code| code.doc().ends_with('.')));
    }
}
