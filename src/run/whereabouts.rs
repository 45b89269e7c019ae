//! Commands that a message tells the reader to give next, whole, so that they can be pasted: with what a later command
//! must be told to look at the same place. Held by `commands_are_whole` here and by the scenarios of `tests/product`.

use std::fmt::Write;

/// What a later command must be told so that it looks at the same place: the target, the container and the spec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whereabouts {
    options: String,
    spec: Option<String>,
}

impl Whereabouts {
    /// Adds an option without a value, such as `--local`.
    pub fn flag(&mut self, flag: &str) {
        let _ = write!(self.options, " {flag}");
    }

    /// Adds an option with its value, quoted for a shell.
    pub fn option(&mut self, name: &str, value: &str) {
        let _ = write!(self.options, " {name} {}", quoted(value));
    }

    /// Names the spec; the one that a command takes by itself, `.`, needs no name.
    pub fn spec(&mut self, spec: &str) {
        self.spec = (spec != "." && !spec.is_empty()).then(|| quoted(spec));
    }

    /// A command about a run or an address, such as `resume ID`.
    pub fn about(&self, command: &str) -> String {
        let spec = self.spec.as_ref().map(|spec| format!(" --spec {spec}")).unwrap_or_default();
        format!("adxform {command}{}{spec}", self.options)
    }

    /// What can be done with a run that is not over, which goes by a word such as `it`.
    pub fn onwards(&self, run: &str, it: &str) -> String {
        let about = |command: &str| format!("`{}`", self.about(&format!("{command} {run}")));
        let (show, resume, rollback) = (about("show"), about("resume"), about("rollback"));
        format!("{show} says where {it} stands; {resume} finishes it, {rollback} undoes it")
    }

    /// A command about a file, such as a saved plan.
    pub fn of(&self, command: &str, file: &str) -> String {
        format!("adxform {command}{} {}", self.options, quoted(file))
    }

    /// A command about the spec itself, such as `plan`.
    pub fn on_spec(&self, command: &str) -> String {
        let spec = self.spec.as_ref().map(|spec| format!(" {spec}")).unwrap_or_default();
        format!("adxform {command}{}{spec}", self.options)
    }
}

/// A word as POSIX shells read it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_whole() {
        let mut whereabouts = Whereabouts::default();
        assert_eq!(whereabouts.about("show R"), "adxform show R");
        whereabouts.spec(".");
        assert_eq!(whereabouts.on_spec("plan"), "adxform plan");
        whereabouts.flag("--local");
        whereabouts.option("--journal-prefix", "a team's");
        whereabouts.spec("my specs/a");
        assert_eq!(
            whereabouts.about("resume R"),
            r"adxform resume R --local --journal-prefix 'a team'\''s' --spec 'my specs/a'"
        );
        assert_eq!(
            whereabouts.of("apply", "p.json"),
            r"adxform apply --local --journal-prefix 'a team'\''s' p.json"
        );
        assert_eq!(
            whereabouts.on_spec("unlock"),
            r"adxform unlock --local --journal-prefix 'a team'\''s' 'my specs/a'"
        );
    }
}
