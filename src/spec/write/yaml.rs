//! Nodes to YAML text, in the style of the examples: block maps, with what is short in braces on one line.
//!
//! Written here rather than by a library because the style is ours to decide: what stands on one line, which lists
//! are complete lines for the sake of diffs, and that every text is plain or in double quotes, never folded.
//!
//! Invariant: what is written reads back as the same nodes, whatever the texts hold
//! (test: `any_text_reads_back`).

use std::fmt::Write;

/// How many bytes a line may hold before a map or list is written over several; fewer than `fmt` allows.
const WIDTH: usize = 100;

/// A node of a document, its scalars already in their YAML spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A scalar as it stands in the file.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(Map),
    /// `{file: …}`: a file of KQL, by its path in the spec's folder.
    File(String),
}

/// A map of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Map {
    /// Keys, as they are meant, with their values.
    pub entries: Vec<(String, Node)>,
    /// Whether each entry stands on a line of its own, however short.
    pub block: bool,
}

impl From<Map> for Node {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl Map {
    pub(super) fn push(&mut self, key: &str, node: impl Into<Node>) {
        self.entries.push((key.to_owned(), node.into()));
    }
}

/// The text of a document whose file stands in a folder of the spec, `""` for its own folder.
pub(super) fn document(map: &Map, folder: &str) -> String {
    let mut text = String::new();
    block_map(&mut text, map, 0, folder);
    text
}

fn block_map(text: &mut String, map: &Map, indent: usize, folder: &str) {
    for (key, node) in &map.entries {
        let key = scalar(key);
        let _ = write!(text, "{:indent$}{key}:", "");
        value(text, node, indent, folder, key.len() + 2);
    }
}

/// What stands behind a key or a dash: on the same line when it fits, else on lines below.
fn value(text: &mut String, node: &Node, indent: usize, folder: &str, used: usize) {
    if let Some(flow) = flow(node, folder).filter(|flow| fits(node, indent + used + flow.len())) {
        let _ = writeln!(text, " {flow}");
        return;
    }
    match node {
        Node::Map(map) => {
            text.push('\n');
            block_map(text, map, indent + 2, folder);
        }
        Node::List(items) => {
            text.push('\n');
            items.iter().for_each(|item| list_item(text, item, indent + 2, folder));
        }
        Node::Scalar(_) | Node::File(_) => {}
    }
}

fn list_item(text: &mut String, item: &Node, indent: usize, folder: &str) {
    match (item, flow(item, folder)) {
        (_, Some(flow)) if fits(item, indent + 2 + flow.len()) => {
            let _ = writeln!(text, "{:indent$}- {flow}", "");
        }
        (Node::Map(map), _) => {
            let mut inner = String::new();
            block_map(&mut inner, map, indent + 2, folder);
            let _ = write!(text, "{:indent$}- {}", "", inner.trim_start());
        }
        (Node::List(items), _) => {
            let mut inner = String::new();
            items.iter().for_each(|item| list_item(&mut inner, item, indent + 2, folder));
            let _ = write!(text, "{:indent$}- {}", "", inner.trim_start());
        }
        (Node::Scalar(_) | Node::File(_), _) => {}
    }
}

fn fits(node: &Node, width: usize) -> bool {
    width <= WIDTH || !has_lines(node)
}

/// Whether a node could stand on several lines.
fn has_lines(node: &Node) -> bool {
    match node {
        Node::Scalar(_) | Node::File(_) => false,
        Node::List(items) => !items.is_empty(),
        Node::Map(map) => !map.entries.is_empty(),
    }
}

/// The node on one line, unless it is to stand on several.
fn flow(node: &Node, folder: &str) -> Option<String> {
    Some(match node {
        Node::Scalar(text) => text.clone(),
        Node::File(path) => format!("{{file: {}}}", scalar(&relative(folder, path))),
        Node::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| flow(item, folder)).collect();
            format!("[{}]", items?.join(", "))
        }
        Node::Map(map) if map.block && !map.entries.is_empty() => return None,
        Node::Map(map) => {
            let entries = map.entries.iter();
            let entries: Option<Vec<String>> = entries
                .map(|(key, node)| Some(format!("{}: {}", scalar(key), flow(node, folder)?)))
                .collect();
            format!("{{{}}}", entries?.join(", "))
        }
    })
}

/// A path of the spec as it is named from a file in one of its folders.
pub(super) fn relative(folder: &str, path: &str) -> String {
    let parts = |text: &str| -> Vec<String> {
        text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (from, to) = (parts(folder), parts(path));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - common);
    up.chain(to[common..].iter().cloned()).collect::<Vec<_>>().join("/")
}

/// A text as a scalar that reads back as that text.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Whether a text may stand without quotes, in braces too, and no reader takes it for anything but text.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let start = first.is_alphanumeric() || matches!(first, '_' | '/' | '$' | '(');
    let inner = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '_' | '-' | '.' | '/' | '\\' | '$' | '(' | ')' | '+')
            || matches!(
                c,
                '=' | '@'
                    | '*'
                    | '?'
                    | ';'
                    | '~'
                    | '|'
                    | '<'
                    | '>'
                    | '!'
                    | '&'
                    | '^'
                    | '\''
                    | '"'
                    | ' '
                    | ':'
            )
    };
    let colons = text.match_indices(':').all(|(at, _)| text[at + 1..].starts_with(char::is_alphanumeric));
    start && text.chars().all(inner) && colons && !text.ends_with(' ') && !is_other(text)
}

/// Whether a reader of YAML, this one or an older one, may take a plain text for something else.
fn is_other(text: &str) -> bool {
    const WORDS: [&str; 11] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "inf", "nan"];
    if WORDS.contains(&text.to_ascii_lowercase().as_str()) {
        return true;
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let is_guid = text.len() == 36 && uuid::Uuid::try_parse(text).is_ok();
    let is_time = matches!(&text[digits..], "d" | "h" | "m" | "s" | "ms");
    digits > 0 && !is_guid && !is_time
}

/// A text in double quotes, on one line, with everything escaped that does not print or that readers fold.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hidden(c) && u32::from(c) < 0x100 => {
                let _ = write!(out, "\\x{:02X}", u32::from(c));
            }
            c if is_hidden(c) && u32::from(c) < 0x10000 => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c if is_hidden(c) => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether a character is a control, a line end of some standard, a mark of the order of bytes or of the direction of
/// writing, or none at all.
const fn is_hidden(c: char) -> bool {
    let bad = matches!(c,
        '\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    c.is_ascii_control() || matches!(c, '\u{80}'..='\u{9f}') || bad || (c as u32) & 0xfffe == 0xfffe
}
