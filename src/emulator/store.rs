//! The emulator's durable memory: JSON documents by table and key in an embedded database.
//!
//! Both planes keep their working state in memory and write through this store, so that an emulator
//! started again on the same file answers as before (test: `survives_reopening`).
//!
//! Invariant: every call to [`Store::commit`] is one transaction; a reader never sees half of it.

use redb::{Database, ReadableDatabase, TableDefinition, TableError};
use serde_json::Value;
use std::path::Path;

const DOCUMENTS: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("documents");

/// A change to one document; `value: None` removes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The table, for example `arm` or `kusto`.
    pub table: &'static str,
    /// The key within the table.
    pub key: String,
    /// The new document, or `None` to remove it.
    pub value: Option<Value>,
}

/// Why the state file could not be read or written; the message names the cause.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The embedded database refused: disk, lock, or damage.
    #[error("the emulator's state file: {0}")]
    Database(#[from] redb::Error),
    /// A stored document is not JSON, so the file was written by something else.
    #[error("the emulator's state file holds a document that is not JSON at {table}/{key}: {source}")]
    Document {
        /// The table of the document.
        table: String,
        /// The key of the document.
        key: String,
        /// What the JSON reader said.
        source: serde_json::Error,
    },
}

/// The open state file, or nothing: then the working state of the planes is all there is.
#[derive(Debug)]
pub struct Store {
    database: Option<Database>,
}

impl Store {
    /// Opens the state file at `path`, creating it when absent; with `None` nothing is kept.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the file cannot be opened, is locked by another process, or is damaged.
    pub fn open(path: Option<&Path>) -> Result<Self, StoreError> {
        let database = path.map(Database::create).transpose().map_err(redb::Error::from)?;
        Ok(Self { database })
    }

    /// Whether anything that is written can be read again, so that it is worth writing.
    pub const fn is_kept(&self) -> bool {
        self.database.is_some()
    }

    /// All documents of one table in the order of their keys.
    ///
    /// # Errors
    /// When the file cannot be read, or holds a document that is not JSON.
    pub fn load(&self, table: &str) -> Result<Vec<(String, Value)>, StoreError> {
        let Some(database) = &self.database else { return Ok(Vec::new()) };
        let read = database.begin_read().map_err(redb::Error::from)?;
        let documents = match read.open_table(DOCUMENTS) {
            Ok(documents) => documents,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(redb::Error::from(error).into()),
        };
        let mut found = Vec::new();
        for entry in documents.range((table, "")..).map_err(redb::Error::from)? {
            let (key, text) = entry.map_err(redb::Error::from)?;
            let (of, key) = key.value();
            if of != table {
                break;
            }
            let value = serde_json::from_str(text.value()).map_err(|source| StoreError::Document {
                table: table.to_owned(),
                key: key.to_owned(),
                source,
            })?;
            found.push((key.to_owned(), value));
        }
        Ok(found)
    }

    /// Applies all writes in one durable transaction.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the transaction cannot be written; then none of it is.
    pub fn commit(&self, writes: &[Write]) -> Result<(), StoreError> {
        let Some(database) = &self.database else { return Ok(()) };
        let transaction = database.begin_write().map_err(redb::Error::from)?;
        {
            let mut documents = transaction.open_table(DOCUMENTS).map_err(redb::Error::from)?;
            for write in writes {
                let key = (write.table, write.key.as_str());
                match &write.value {
                    Some(value) => {
                        documents.insert(key, value.to_string().as_str()).map_err(redb::Error::from)?;
                    }
                    None => {
                        documents.remove(key).map_err(redb::Error::from)?;
                    }
                }
            }
        }
        transaction.commit().map_err(redb::Error::from)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn put(table: &'static str, key: &str, value: Value) -> Write {
        Write { table, key: key.to_owned(), value: Some(value) }
    }

    #[test]
    fn survives_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let store = Store::open(Some(&path)).unwrap();
        store.commit(&[put("arm", "a", json!({"n": 1})), put("kusto", "b", json!(2))]).unwrap();
        store.commit(&[Write { table: "kusto", key: "b".to_owned(), value: None }]).unwrap();
        drop(store);
        let store = Store::open(Some(&path)).unwrap();
        assert_eq!(store.load("arm").unwrap(), vec![("a".to_owned(), json!({"n": 1}))]);
        assert_eq!(store.load("kusto").unwrap(), vec![]);
    }

    #[test]
    fn tables_do_not_run_into_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Some(&folder.path().join("state"))).unwrap();
        store.commit(&[put("a", "z", json!(1)), put("ab", "a", json!(2)), put("b", "", json!(3))]).unwrap();
        assert_eq!(store.load("a").unwrap(), vec![("z".to_owned(), json!(1))]);
        assert_eq!(store.load("b").unwrap(), vec![(String::new(), json!(3))]);
    }
}
