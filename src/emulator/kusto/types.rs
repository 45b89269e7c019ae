//! The scalar types of Kusto: canonical names, accepted aliases and .NET names (`Q:scalar-data-types/index.md`).
//!
//! Invariant: a canonical name reads back to its type (test: `canonical_names_round_trip`).

use serde::{Deserialize, Serialize};

/// A scalar type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Type {
    /// true or false
    Bool,
    /// a moment in UTC
    DateTime,
    /// a number of 34 digits
    Decimal,
    /// JSON
    Dynamic,
    /// a GUID
    Guid,
    /// a whole number of 32 bits
    Int,
    /// a whole number of 64 bits
    Long,
    /// a floating point number
    Real,
    /// text
    String,
    /// a duration
    TimeSpan,
}

impl Type {
    /// The type of a canonical name or an accepted alias.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "bool" | "boolean" => Self::Bool,
            "datetime" | "date" => Self::DateTime,
            "decimal" => Self::Decimal,
            "dynamic" => Self::Dynamic,
            "guid" | "uuid" | "uniqueid" => Self::Guid,
            "int" | "int32" | "int8" | "int16" | "uint8" | "uint16" | "uint32" | "uint" => Self::Int,
            "long" | "int64" | "uint64" | "ulong" => Self::Long,
            "real" | "double" | "float" => Self::Real,
            "string" => Self::String,
            "timespan" | "time" => Self::TimeSpan,
            _ => return None,
        })
    }

    /// The canonical name, which every read gives back.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::DateTime => "datetime",
            Self::Decimal => "decimal",
            Self::Dynamic => "dynamic",
            Self::Guid => "guid",
            Self::Int => "int",
            Self::Long => "long",
            Self::Real => "real",
            Self::String => "string",
            Self::TimeSpan => "timespan",
        }
    }

    /// The .NET name in schema answers.
    pub(crate) const fn dotnet(self) -> &'static str {
        match self {
            Self::Bool => "System.SByte",
            Self::DateTime => "System.DateTime",
            Self::Decimal => "System.Data.SqlTypes.SqlDecimal",
            Self::Dynamic => "System.Object",
            Self::Guid => "System.Guid",
            Self::Int => "System.Int32",
            Self::Long => "System.Int64",
            Self::Real => "System.Double",
            Self::String => "System.String",
            Self::TimeSpan => "System.TimeSpan",
        }
    }

    /// The `DataType` of a column in a v1 answer.
    pub(crate) const fn data_type(self) -> &'static str {
        match self {
            Self::Bool => "Boolean",
            Self::DateTime => "DateTime",
            Self::Decimal => "SqlDecimal",
            Self::Dynamic => "Object",
            Self::Guid => "Guid",
            Self::Int => "Int32",
            Self::Long => "Int64",
            Self::Real => "Double",
            Self::String => "String",
            Self::TimeSpan => "TimeSpan",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_names_round_trip() {
        let names = "bool datetime decimal dynamic guid int long real string timespan";
        for name in names.split(' ') {
            let kind = Type::parse(name).unwrap();
            assert_eq!(kind.name(), name);
            assert_eq!(serde_json::to_value(kind).unwrap(), serde_json::json!(kind.name()));
        }
        assert_eq!(Type::parse("strng"), None);
    }
}
