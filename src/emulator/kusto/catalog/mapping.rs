//! Ingestion mappings: kinds, and the canonical form that reads give back (`M:mappings.md`).
//!
//! What goes in and what comes out differ: keys are renamed and recased, and the legacy flat form becomes
//! `Properties`. The form printed here is the newer of the two that the service has been seen to print:
//! `[{"Properties":{"Ordinal":"0"},"column":"a","datatype":"int"}]`.
//!
//! Invariant: the canonical form of a canonical form is itself (test: `canonical_forms_are_stable`).

use crate::emulator::kusto::error::Fault;
use crate::emulator::kusto::types::Type;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The format that a mapping is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum MappingKind {
    /// Avro files, read with Microsoft's reader.
    Avro,
    /// Avro files, read with Apache's reader.
    ApacheAvro,
    /// Azure Monitor streams.
    AzMonStream,
    /// Delimited text.
    Csv,
    /// JSON lines or documents.
    Json,
    /// ORC files.
    Orc,
    /// Parquet files.
    Parquet,
    /// Web server logs.
    W3CLogFile,
}

impl MappingKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 8] = [
        Self::Avro,
        Self::ApacheAvro,
        Self::AzMonStream,
        Self::Csv,
        Self::Json,
        Self::Orc,
        Self::Parquet,
        Self::W3CLogFile,
    ];

    /// The word in commands.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Avro => "avro",
            Self::ApacheAvro => "apacheavro",
            Self::AzMonStream => "azmonstream",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Orc => "orc",
            Self::Parquet => "parquet",
            Self::W3CLogFile => "w3clogfile",
        }
    }

    /// The word in answers.
    pub(crate) const fn shown(self) -> &'static str {
        match self {
            Self::Avro => "Avro",
            Self::ApacheAvro => "ApacheAvro",
            Self::AzMonStream => "AzMonStream",
            Self::Csv => "Csv",
            Self::Json => "Json",
            Self::Orc => "Orc",
            Self::Parquet => "Parquet",
            Self::W3CLogFile => "W3CLogFile",
        }
    }

    /// Whether data of `format`, such as `MULTIJSON`, is read with mappings of this kind.
    pub(crate) fn reads(self, format: &str) -> bool {
        let formats: &[&str] = match self {
            Self::Avro | Self::ApacheAvro => &["avro", "apacheavro"],
            Self::AzMonStream => &["azmonstream"],
            Self::Csv => &["csv", "tsv", "tsve", "psv", "scsv", "sohsv", "txt", "raw"],
            Self::Json => &["json", "multijson", "singlejson"],
            Self::Orc => &["orc"],
            Self::Parquet => &["parquet"],
            Self::W3CLogFile => &["w3clogfile"],
        };
        formats.iter().any(|known| known.eq_ignore_ascii_case(format))
    }

    /// The properties that say where a column's value comes from.
    const fn sources(self) -> &'static [&'static str] {
        match self {
            Self::Csv => &["Ordinal"],
            Self::Json => &["Path"],
            _ => &["Path", "Field"],
        }
    }
}

/// A mapping of a table or a database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mapping {
    /// The name.
    pub(crate) name: String,
    /// The kind; kind and name together identify the mapping in its container.
    pub(crate) kind: MappingKind,
    /// The canonical JSON text.
    pub(crate) mapping: String,
    /// When it was last written, in ticks.
    pub(crate) updated: i64,
}

const TRANSFORMS: &[&str] = &[
    "BytesAsBase64",
    "DateTimeFromUnixMicroseconds",
    "DateTimeFromUnixMilliseconds",
    "DateTimeFromUnixNanoseconds",
    "DateTimeFromUnixSeconds",
    "DropMappedFields",
    "None",
    "PropertyBagArrayToDictionary",
    "SourceLineNumber",
    "SourceLocation",
];

/// The canonical text of a mapping given as JSON text.
pub(crate) fn canonical(kind: MappingKind, text: &str) -> Result<String, Fault> {
    let elements: Vec<Value> =
        serde_json::from_str(text).map_err(|error| invalid(&format!("it is not a JSON array: {error}")))?;
    if elements.is_empty() {
        return Err(invalid("it maps no column"));
    }
    let all = elements.iter().map(|element| Element::read(kind, element)).collect::<Result<Vec<_>, _>>()?;
    Ok(printed(&all))
}

/// The canonical text of `before` with the elements of `text` added, those of a known column replaced.
pub(crate) fn merged(kind: MappingKind, before: &str, text: &str) -> Result<String, Fault> {
    let mut all = elements(kind, before)?;
    for element in elements(kind, text)? {
        match all.iter_mut().find(|known| known.column == element.column) {
            Some(known) => *known = element,
            None => all.push(element),
        }
    }
    Ok(printed(&all))
}

fn elements(kind: MappingKind, text: &str) -> Result<Vec<Element>, Fault> {
    let parsed: Vec<Value> = serde_json::from_str(&canonical(kind, text)?)
        .map_err(|error| Fault::internal(format!("a canonical mapping does not parse: {error}")))?;
    parsed.iter().map(|element| Element::read(kind, element)).collect()
}

fn printed(elements: &[Element]) -> String {
    serde_json::to_string(elements).unwrap_or_default()
}

fn invalid(why: &str) -> Fault {
    let text = format!("The ingestion mapping is not valid: {why}.");
    Fault::coded("BadRequest_InvalidMapping", "MappingNotValidException", text)
}

/// One element, in the order in which it prints.
#[derive(Debug, Serialize)]
struct Element {
    #[serde(rename = "Properties")]
    properties: Map<String, Value>,
    column: String,
    datatype: String,
}

impl Element {
    fn read(kind: MappingKind, element: &Value) -> Result<Self, Fault> {
        let Value::Object(given) = element else { return Err(invalid("an element is not an object")) };
        let column = ["Column", "ColumnName", "Name"].iter().find_map(|key| field(given, key));
        let Some(Value::String(column)) = column.filter(|name| name.as_str() != Some("")) else {
            return Err(invalid("an element names no column"));
        };
        let datatype = match field(given, "DataType") {
            None => "",
            Some(Value::String(word)) if word.is_empty() => "",
            Some(Value::String(word)) => Type::parse(&word.to_lowercase())
                .ok_or_else(|| invalid(&format!("column '{column}' has the unknown type '{word}'")))?
                .name(),
            Some(_) => return Err(invalid(&format!("the type of column '{column}' is not a string"))),
        };
        let properties = Self::properties(kind, column, given)?;
        Ok(Self { properties, column: column.clone(), datatype: datatype.to_owned() })
    }

    /// Gathers `Ordinal`, `Path`, … from `Properties` or from the legacy flat form.
    fn properties(
        kind: MappingKind,
        column: &str,
        given: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Fault> {
        let nested = match field(given, "Properties") {
            None => None,
            Some(Value::Object(nested)) => Some(nested),
            Some(_) => {
                return Err(invalid(&format!("the properties of column '{column}' are not an object")));
            }
        };
        let known: Vec<&str> = kind.sources().iter().copied().chain(["ConstValue", "Transform"]).collect();
        let strange = nested.and_then(|nested| {
            nested.iter().find(|(key, value)| {
                !value.is_null() && !known.iter().any(|known| known.eq_ignore_ascii_case(key))
            })
        });
        if let Some((key, _)) = strange {
            return Err(invalid(&format!(
                "column '{column}' has the property '{key}', which a {} mapping does not know",
                kind.word()
            )));
        }
        let mut found = Map::new();
        for key in known {
            let value = nested.and_then(|nested| field(nested, key)).or_else(|| field(given, key));
            let text = match value {
                None => continue,
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            found.insert(key.to_owned(), Value::String(text));
        }
        check(kind, column, &found)?;
        Ok(found)
    }
}

fn check(kind: MappingKind, column: &str, properties: &Map<String, Value>) -> Result<(), Fault> {
    if properties.is_empty() {
        return Err(invalid(&format!("column '{column}' has no source: no {}", kind.sources().join(" or "))));
    }
    let text = |key: &str| properties.get(key).and_then(Value::as_str);
    if let Some(ordinal) = text("Ordinal").filter(|ordinal| ordinal.parse::<u32>().is_err()) {
        return Err(invalid(&format!("the ordinal '{ordinal}' of column '{column}' is not a number from 0")));
    }
    if let Some(transform) = text("Transform")
        && !TRANSFORMS.iter().any(|known| known.eq_ignore_ascii_case(transform))
    {
        return Err(invalid(&format!("column '{column}' has the unknown transform '{transform}'")));
    }
    Ok(())
}

/// A member found without case; null counts as absent.
fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(MappingKind, &str, &str)] = &[
        (
            MappingKind::Csv,
            r#"[{"Column":"a","DataType":"int32","Properties":{"Ordinal":0}}]"#,
            r#"[{"Properties":{"Ordinal":"0"},"column":"a","datatype":"int"}]"#,
        ),
        (
            MappingKind::Csv,
            r#"[{"Name":"a","DataType":"int","CsvDataType":null,"Ordinal":3,"ConstValue":null}]"#,
            r#"[{"Properties":{"Ordinal":"3"},"column":"a","datatype":"int"}]"#,
        ),
        (
            MappingKind::Json,
            r#"[{"column":"x","path":"$.x","datatype":"","transform":null},{"Column":"y","Properties":{"ConstValue":"1"}}]"#,
            r#"[{"Properties":{"Path":"$.x"},"column":"x","datatype":""},{"Properties":{"ConstValue":"1"},"column":"y","datatype":""}]"#,
        ),
        (
            MappingKind::Avro,
            r#"[{"column":"x","Properties":{"field":"x","Transform":"DateTimeFromUnixSeconds"}}]"#,
            r#"[{"Properties":{"Field":"x","Transform":"DateTimeFromUnixSeconds"},"column":"x","datatype":""}]"#,
        ),
    ];

    #[test]
    fn canonical_forms_are_stable() {
        for (kind, input, expected) in CASES {
            assert_eq!(canonical(*kind, input).as_deref(), Ok(*expected));
            assert_eq!(canonical(*kind, expected).as_deref(), Ok(*expected));
            assert_eq!(merged(*kind, expected, input).as_deref(), Ok(*expected));
        }
    }

    #[test]
    fn refuses_what_the_service_refuses() {
        let cases = [
            "x",
            "{}",
            "[]",
            "[1]",
            "[{}]",
            r#"[{"Column":"a"}]"#,
            r#"[{"Column":"a","DataType":"strng","Properties":{"Ordinal":"0"}}]"#,
            r#"[{"Column":"a","Properties":{"Ordinal":"x"}}]"#,
            r#"[{"Column":"a","Properties":{"Path":"$.x"}}]"#,
            r#"[{"Column":"a","Properties":{"Transform":"Nonsense"}}]"#,
        ];
        for text in cases {
            assert_eq!(
                canonical(MappingKind::Csv, text).unwrap_err().code,
                "BadRequest_InvalidMapping",
                "{text}"
            );
        }
    }

    #[test]
    fn formats_go_with_kinds() {
        assert!(MappingKind::Json.reads("MULTIJSON") && MappingKind::Csv.reads("tsv"));
        assert!(!MappingKind::Json.reads("CSV"));
    }
}
