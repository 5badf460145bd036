//! What came into the outbox, remembered outside it: what has long ended is thinned there.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::Value;

/// What an item of the outbox was about.
pub struct Document {
    pub kind: String,
    pub mark: String,
    pub names_unknown_product: bool,
    pub key: Option<String>,
    pub customer: Option<String>,
}

/// Every item that ever came.
#[derive(Default)]
pub struct Came {
    pub items: BTreeMap<i64, Document>,
    /// Which documents bring a row with this mark.
    pub rows: BTreeMap<String, Vec<i64>>,
}

impl Came {
    /// Looks at the items that are new.
    pub fn look(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let last = self.items.last_key_value().map_or(0, |(id, _)| *id);
        let mut statement = connection.prepare_cached(
            "SELECT id, kind, payload, key, customer_number FROM outbox WHERE id > ?1 ORDER BY id",
        )?;
        let mut rows = statement.query([last])?;
        while let Some(row) = rows.next()? {
            let (id, payload): (i64, String) = (row.get(0)?, row.get(2)?);
            let document: Value = serde_json::from_str(&payload).unwrap_or_default();
            let of_row = document["orderRows"][0]["mark"].as_str();
            if let Some(mark) = of_row {
                self.rows.entry(mark.to_owned()).or_default().push(id);
            }
            let mark = [&document["orderHeader"]["mark"], &document["header"]["mark"], &document["mark"]]
                .into_iter()
                .find_map(Value::as_str)
                .or(of_row);
            let came = Document {
                kind: row.get(1)?,
                mark: mark.unwrap_or_default().to_owned(),
                names_unknown_product: payload.contains("P-UNKNOWN"),
                key: row.get(3)?,
                customer: row.get(4)?,
            };
            self.items.insert(id, came);
        }
        Ok(())
    }
}
