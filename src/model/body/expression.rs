//! What stands in a body for a value that is not known or not shown: references to other things, and secrets.

use super::Value;
use crate::model::address::Address;
use arcstr::ArcStr;
use serde::{Deserialize, Serialize};
use std::fmt;
use thin_vec::ThinVec;

/// Text with references in it, such as `rg-${clusters.a.id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr(pub ThinVec<Piece>);

/// A piece of an [`Expr`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Piece {
    /// Literal text.
    Text(String),
    /// The value of an attribute of another address.
    Of {
        /// Whose attribute.
        address: Address,
        /// The path of the attribute, such as `identity`, `principalId`.
        path: Vec<String>,
    },
}

/// Where a secret is kept; printing it shows the place, never the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretRef {
    /// An environment variable.
    Env(ArcStr),
    /// A file, relative to the spec.
    File(ArcStr),
    /// A Key Vault secret's URI.
    KeyVault(ArcStr),
}

impl Expr {
    /// The references in order.
    pub fn references(&self) -> impl Iterator<Item = (&Address, &[String])> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Of { address, path } => Some((address, path.as_slice())),
            Piece::Text(_) => None,
        })
    }

    pub(super) fn resolved(&self, known: &impl Fn(&Address, &[String]) -> Option<Value>) -> Value {
        if let [Piece::Of { address, path }] = self.0.as_slice() {
            return known(address, path).unwrap_or_else(|| Value::Unknown(self.clone()));
        }
        let pieces: Vec<Piece> = self.0.iter().map(|piece| piece.resolved(known)).collect();
        let texts: Option<String> = pieces
            .iter()
            .map(|piece| if let Piece::Text(text) = piece { Some(text.as_str()) } else { None })
            .collect();
        texts.map_or_else(|| Value::Unknown(Self(pieces.into())), Value::from)
    }
}

impl Piece {
    fn resolved(&self, known: &impl Fn(&Address, &[String]) -> Option<Value>) -> Self {
        let Self::Of { address, path } = self else { return self.clone() };
        let text = match known(address, path) {
            Some(Value::Text(text)) => text.to_string(),
            Some(Value::Int(number)) => number.to_string(),
            Some(Value::Bool(value)) => value.to_string(),
            Some(Value::Time(ticks)) => ticks.to_string(),
            _ => return self.clone(),
        };
        Self::Text(text)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Of { address, path } => write!(f, "${{{address}.{}}}", path.join(".")),
        })
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "${{secret.env.{name}}}"),
            Self::File(path) => write!(f, "${{secret.file.{path}}}"),
            Self::KeyVault(uri) => write!(f, "${{secret.keyVault.{uri}}}"),
        }
    }
}
