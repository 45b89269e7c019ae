//! Kinds that no product has, to show that the reader needs to know none, and files that no disk has.

use super::source::Source;
use super::{Diagnostics, Options, Spec, load_with};
use crate::kind::replies::Reply;
use crate::kind::shape::{Field, KqlForm, NameRule, Role, Shape};
use crate::kind::{self, About, At, Claim, Finding, Found, Keyed, Kind, Need, Plane};
use crate::model::{Change, Loss, Request};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// A kind of which only the table matters.
struct Thing(&'static About);

impl Kind for Thing {
    fn about(&self) -> &'static About {
        self.0
    }

    fn source(&self) -> kind::Source {
        kind::Source::Database { shows: &[] }
    }

    fn found(&self, _: &Reply<'_>) -> Result<Vec<Found>, String> {
        Ok(Vec::new())
    }

    fn request(&self, _: &At<'_>, _: &Change) -> Result<Request, String> {
        Err("nothing is sent".to_owned())
    }

    fn loss(&self, _: &At<'_>, _: &Change) -> Loss {
        Loss::none()
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        let (Some(parent), Some(name)) = (at.address.parent(), at.resource.body.text("barnName")) else {
            return Vec::new();
        };
        let (name, field) = (name.to_owned(), vec!["barnName".to_owned()]);
        vec![Need { parent, collection: "barns", name, field, required: true }]
    }

    fn claims(&self, at: &At<'_>) -> Vec<Claim> {
        let stall = at.resource.body.text("stall");
        let claim = |stall: &str| Claim {
            key: stall.to_owned(),
            what: format!("the stall {stall}"),
            field: vec!["stall".to_owned()],
        };
        stall.map(claim).into_iter().collect()
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let grey = at.resource.body.text("colour").filter(|colour| !["red", "brown"].contains(colour));
        let finding = |colour: &str| Finding {
            candidates: vec!["red".to_owned(), "brown".to_owned()],
            ..Finding::new(&["colour"], format!("no barn is {colour}"), "paint it")
        };
        grey.map(finding).into_iter().collect()
    }
}

const FARM: About = About {
    name: "farm",
    collection: "farms",
    plane: Plane::Arm,
    names: NameRule::Label,
    may_exist: true,
    may_rename: true,
    fields: &[
        Field::new("region", Shape::Text, "Where it is.").role(Role::Place),
        Field::new("road", Shape::Text, "Its own way in.").role(Role::Place),
        Field::new("soil", Shape::Enum(&["loam", "clay"]), "What it stands on."),
        Field::new("token", Shape::Secret, "Opens the gate."),
        Field::new("tokens", Shape::Map(&Shape::Secret), "Opens other gates."),
    ],
    outputs: &[("id", "Its number."), ("road", "Its own way in."), ("owner.id", "Who owns it.")],
    ..About::BASE
};

const BARN: About = About {
    name: "barn",
    collection: "barns",
    parents: &["farm"],
    names_ignore_case: true,
    may_exist: true,
    fields: &[
        Field::new("size", Shape::Int(1, 10), "How big it is."),
        Field::new("colour", Shape::Text, "How it looks."),
        Field::new("opened", Shape::DateTime, "Since when.").role(Role::CreateOnly),
    ],
    ..About::BASE
};

const HAY: About = About {
    name: "hay",
    collection: "stores",
    keyed: Keyed::Fixed("hay"),
    parents: &["barn"],
    short: &["amount", "kept"],
    fields: &[
        Field::new("amount", Shape::Int(0, 100), "How much."),
        Field::new("kept", Shape::Duration, "For how long."),
    ],
    may_be_unset: true,
    ..About::BASE
};

const BALE: About = About {
    name: "bale",
    collection: "bales",
    parents: &["hay"],
    fields: &[
        Field::new("anything", Shape::Any, "Whatever."),
        Field::new("words", Shape::OrderedMap(&Shape::Text), "What is written on it."),
        Field::new("song", Shape::Kql(KqlForm::Query), "What was sung when it was made."),
    ],
    ..About::BASE
};

const ANIMAL: About = About {
    collection: "animals",
    parents: &["farm"],
    fields: &[
        Field::new("barnName", Shape::Text, "Where it sleeps."),
        Field::new("stall", Shape::Text, "Its own place."),
        Field::new("weight", Shape::Real, "In kg."),
    ],
    ..About::BASE
};

const COW: About = About { name: "cow", keyed: Keyed::Tagged("species", "Cow"), ..ANIMAL };
const HEN: About = About { name: "hen", keyed: Keyed::Tagged("species", "Hen"), ..ANIMAL };

/// All of them.
pub(super) const KINDS: &[&dyn Kind] =
    &[&Thing(&FARM), &Thing(&BARN), &Thing(&HAY), &Thing(&BALE), &Thing(&COW), &Thing(&HEN)];

/// Files in memory.
pub(super) struct Memory(pub BTreeMap<PathBuf, Vec<u8>>);

impl Source for Memory {
    fn is_folder(&self, path: &Path) -> io::Result<bool> {
        Ok(!self.0.contains_key(path))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, bool)>> {
        let inside = self.0.keys().filter_map(|path| path.strip_prefix(folder).ok());
        let first = inside.filter_map(|path| {
            let mut parts = path.components();
            Some((parts.next()?.as_os_str().to_string_lossy().into_owned(), parts.next().is_some()))
        });
        Ok(first.collect::<std::collections::BTreeSet<_>>().into_iter().collect())
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        self.0.get(file).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn real(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
}

/// Reads some files of a folder `s` with some kinds; the environment variable `SET` is `set`.
pub(super) fn load_files(
    files: &[(&str, &str)],
    environment: Option<&str>,
    kinds: &[&'static dyn Kind],
) -> Result<Spec, Diagnostics> {
    let files = files.iter().map(|(name, text)| (Path::new("s").join(name), text.as_bytes().to_vec()));
    let env = |name: &str| (name == "SET").then(|| "set".to_owned());
    let options = Options {
        root: "s".into(),
        environment: environment.map(str::to_owned),
        vars: Vec::new(),
        var_files: Vec::new(),
        env: &env,
    };
    load_with(&options, &Memory(files.collect()), kinds)
}

/// What becomes of one file of farms: its things, a line each, or what is wrong, a line each.
pub(super) fn outcome(text: &str) -> String {
    shown(load_files(&[("farms.yaml", &format!("version: 1\n{text}"))], None, KINDS))
}

/// What becomes of a spec, a line each.
pub(super) fn shown(spec: Result<Spec, Diagnostics>) -> String {
    let lines: Vec<String> = match spec {
        Ok(spec) => spec
            .desired
            .inventory
            .iter()
            .map(|(address, thing)| {
                let body = serde_json::to_string(&thing.body).unwrap_or_default();
                format!("{address} {} {:?} {:?} {body}", thing.kind, &*thing.name, thing.mode)
            })
            .collect(),
        Err(mistakes) => mistakes
            .iter()
            .map(|d| {
                let at = d
                    .labels
                    .first()
                    .map_or((0, 0), |l| mistakes.files().position(l.place.file, l.place.start));
                format!("{}:{} {} {} [{}]", at.0, at.1, d.code.id(), d.message, d.help)
            })
            .collect(),
    };
    lines.join("\n")
}
