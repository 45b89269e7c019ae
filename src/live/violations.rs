//! What the service finds wrong with a database's schema.

use crate::cloud::{Class, Cloud, CloudError};
use crate::model::Command;

/// Each violation of a database's schema as a sentence: kind, name, property and reason. A service that does not
/// know the command, or does not allow it, finds none.
///
/// <https://learn.microsoft.com/kusto/management/show-schema-database>
///
/// # Errors
/// When there was no usable answer.
pub async fn violations(cloud: &Cloud, uri: &str, database: &str) -> Result<Vec<String>, CloudError> {
    let command = Command::new(".show database").name(database).word("schema violations");
    let tables = match cloud.command(uri, database, command.as_str()).await {
        Ok(tables) => tables,
        Err(error) if matches!(error.class, Class::Refused | Class::Denied | Class::Missing) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let sentence = |row: crate::model::rows::Row<'_>| {
        let text = |names: [&'static str; 2]| names.map(|name| row.text(name)).concat();
        let (kind, name) = (text(["EntityKind", "Entity kind"]), text(["EntityName", "Entity name"]));
        format!("{kind} {name}: {}: {}", row.text("Property"), row.text("Reason"))
    };
    let mut all: Vec<String> = tables.iter().flat_map(|rows| rows.iter().map(sentence)).collect();
    all.sort();
    Ok(all)
}
