//! Tables as the management endpoint answers them: columns by name, rows of values.

use serde_json::Value as Json;

/// A table of a reply: columns by name, rows of values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows, as long as the columns.
    pub rows: Vec<Vec<Json>>,
}

impl Rows {
    /// The rows as functions from a column's name to its value.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row { columns: &self.columns, values })
    }

    /// The row with a number, from 0.
    pub fn at(&self, number: usize) -> Option<Row<'_>> {
        self.rows.get(number).map(|values| Row { columns: &self.columns, values })
    }
}

/// One row of [`Rows`].
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [String],
    values: &'a [Json],
}

impl<'a> Row<'a> {
    /// The value of a column, if the reply has it.
    pub fn get(&self, column: &str) -> Option<&'a Json> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.values.get(at)
    }

    /// The text of a column, or `""`.
    pub fn text(&self, column: &str) -> &'a str {
        self.get(column).and_then(Json::as_str).unwrap_or_default()
    }

    /// The number of a column, whole.
    pub fn number(&self, column: &str) -> Option<u64> {
        let value = self.get(column)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes come as reals")]
        value.as_u64().or_else(|| value.as_f64().filter(|n| *n >= 0.0).map(|n| n as u64))
    }
}
