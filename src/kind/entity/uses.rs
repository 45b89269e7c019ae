//! What a text of KQL uses: edges to the entities that it names.

use crate::kind::{At, Need};
use crate::model::kql;

/// The collections of a database whose entries KQL can name.
const COLLECTIONS: [&str; 6] =
    ["tables", "functions", "materializedViews", "externalTables", "entityGroups", "graphModels"];

/// The entities that a text of KQL in a property uses, as far as they are in the world; the thing itself left out.
pub fn uses(at: &At<'_>, field: &[&str], text: &str) -> Vec<Need> {
    let Some((database, _)) = at.ancestor("database") else { return Vec::new() };
    let field: Vec<String> = field.iter().map(|word| (*word).to_owned()).collect();
    let mut needs = Vec::new();
    for (name, _) in kql::names(text) {
        for collection in COLLECTIONS {
            if at.named(&database, collection, &name).is_some_and(|(found, _)| found != *at.address) {
                let (parent, field) = (database.clone(), field.clone());
                needs.push(Need { parent, collection, name: name.clone(), field, required: false });
            }
        }
    }
    needs
}
