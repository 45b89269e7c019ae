//! What the service accepts as a name.

/// What the service accepts as a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// Lower-case letters and digits, starting with a letter, 4 to 22 (clusters).
    Cluster,
    /// Letters, digits, blanks, `.`, `-`, `_`; 1 to 260; not only blanks (databases).
    Database,
    /// Letters, digits, blanks, `.`, `-`; 1 to some number (connections 40, assignments 260).
    Arm(usize),
    /// Letters, digits, `_`, blanks, `.`, `-`; 1 to 1024; not starting or ending with `__`.
    Entity,
    /// Any text up to 1024 without control characters (mapping names, which are texts in commands).
    Label,
    /// Letters, which may have to be lower case, digits and some others; how many is limited on both sides.
    Plain {
        /// The fewest characters.
        min: usize,
        /// The most characters.
        max: usize,
        /// Whether letters must be lower case.
        lower: bool,
        /// What may stand in it besides letters and digits.
        others: &'static str,
    },
}

/// Whether a name is of letters of ASCII, digits and `_` in its middle, as nearly all are.
fn is_plain(name: &str) -> bool {
    let bytes = name.as_bytes();
    let edges = matches!(bytes, [first, .., last] if *first != b'_' && *last != b'_');
    edges && bytes.len() <= 1024 && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

impl NameRule {
    /// Why the service would refuse the name, if it would.
    ///
    /// <https://learn.microsoft.com/kusto/query/schema-entities/entity-names>
    pub fn objection(self, name: &str) -> Option<String> {
        if self == Self::Entity && is_plain(name) {
            return None;
        }
        let letters =
            if self == Self::Entity { char::is_alphanumeric } else { |c: char| c.is_ascii_alphanumeric() };
        let only = |allowed: &str| {
            let ok = |c: &char| letters(*c) || allowed.contains(*c);
            name.chars().find(|c| !ok(c)).map(|c| format!("{c:?} cannot stand in such a name"))
        };
        let length = |min: usize, max: usize| {
            let count = name.chars().count();
            (count < min || count > max)
                .then(|| format!("it has {count} characters; {min} to {max} are allowed"))
        };
        let blank = || name.trim().is_empty().then(|| "it is blank".to_owned());
        match self {
            Self::Cluster => {
                let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
                let first = name.starts_with(|c: char| c.is_ascii_lowercase());
                let words = "it must be lower-case letters and digits, starting with a letter".to_owned();
                length(4, 22).or_else(|| (!first || !name.chars().all(ok)).then_some(words))
            }
            Self::Plain { min, max, lower, others } => length(min, max).or_else(|| {
                let upper = lower && name.chars().any(|c| c.is_ascii_uppercase());
                if upper { Some("its letters must be lower case".to_owned()) } else { only(others) }
            }),
            Self::Database => blank().or_else(|| length(1, 260)).or_else(|| only(" ._-")),
            Self::Arm(max) => blank().or_else(|| length(1, max)).or_else(|| only(" .-")),
            Self::Entity => blank().or_else(|| length(1, 1024)).or_else(|| only(" ._-")).or_else(|| {
                let reserved = name.starts_with("__") || name.ends_with("__");
                reserved.then(|| "names that start or end with `__` are the service's own".to_owned())
            }),
            Self::Label => blank().or_else(|| length(1, 1024)).or_else(|| {
                let control = name.chars().any(char::is_control);
                control.then(|| "it holds a control character".to_owned())
            }),
        }
    }
}
