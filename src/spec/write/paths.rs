//! File names for things of any name.
//!
//! Invariant: a name is one plain part of a path on every file system, two things never share a file, also where case
//! does not count, and the same things get the same names again (test: `hostile_names_become_files`).

use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// How long the readable part of a name may be.
const LONG: usize = 60;

/// The paths that are taken.
#[derive(Debug, Default)]
pub(super) struct Paths {
    taken: BTreeSet<String>,
}

impl Paths {
    /// The path `folder/stem.ending`, or one like it that is free.
    pub(super) fn take(&mut self, folder: &str, stem: &str, ending: &str) -> String {
        let slash = if folder.is_empty() { "" } else { "/" };
        let numbered = |n: usize| match n {
            1 => format!("{folder}{slash}{stem}.{ending}"),
            n => format!("{folder}{slash}{stem}-{n}.{ending}"),
        };
        let free = (1..).map(numbered).find(|path| self.taken.insert(path.to_lowercase()));
        free.unwrap_or_default()
    }
}

/// A name as a part of a path: itself when it is plain, else what is plain of it and a mark of the whole.
pub(super) fn part(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).take(LONG).collect();
    if plain == name && !name.is_empty() && !name.starts_with('-') && !is_device(name) {
        return plain;
    }
    let mark = Sha256::digest(name.as_bytes());
    let mark: String = mark.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let plain = plain.trim_start_matches('-');
    format!("{}-{mark}", if plain.is_empty() { "_" } else { plain })
}

/// Whether Windows takes a name for a device, whatever its ending.
fn is_device(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let numbered = |word: &str| {
        name.strip_prefix(word).is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit())
    };
    matches!(name.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_become_files() {
        let mut paths = Paths::default();
        let mut seen = BTreeSet::new();
        for name in [
            "StormEvents",
            "stormevents",
            "storm events",
            "storm\nevents",
            "..",
            ".",
            "",
            "a/b",
            "a\\b",
            "CON",
            "nul",
            "-rf",
            "Größe",
            "表",
            "a'b",
            "a\"b",
            "$(x)",
            "environments",
            &"x".repeat(1024),
            &"x".repeat(1023),
        ] {
            let path = paths.take("tables", &part(name), "yaml");
            let stem = path.strip_prefix("tables/").unwrap().strip_suffix(".yaml").unwrap();
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            assert!(stem.chars().all(plain) && !stem.starts_with('-') && stem.len() < 80, "{stem}");
            assert!(seen.insert(path.to_lowercase()), "{path}");
        }
        assert_eq!(part("StormEvents"), "StormEvents");
        assert_eq!(part("storm events"), "storm_events-2b3c252d");
        assert_eq!(paths.take("", "adx", "yaml"), "adx.yaml");
        assert_eq!(paths.take("", "ADX", "yaml"), "ADX-2.yaml");
    }
}
