//! A webshop that follows the numbered files, and beside it the snapshots that lie in outgoing/.

use std::collections::BTreeMap;

use extend_edge::formats::export::{Format, Shape};
use extend_edge::rules::mirror::Entity;
use extend_edge::store::{changes, outgoing};
use rusqlite::Connection;
use serde_json::Value;

type Rows = BTreeMap<String, Value>;

/// What the webshop has read, and what lies there for it.
#[derive(Default)]
pub struct Webshop {
    read: u64,
    bodies: BTreeMap<u64, String>,
    followed: BTreeMap<String, Rows>,
    snapshots: BTreeMap<&'static str, Rows>,
    /// How many files were put out.
    pub files: u64,
}

impl Webshop {
    /// A file of changes is put out and read at once. Gives the keys that it calls removed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn change(&mut self, connection: &Connection, sequence: i64) -> Result<(String, Vec<Value>), String> {
        let body = changes::load(connection, sequence).map_err(|error| error.to_string())?;
        let body = body.ok_or_else(|| format!("changes {sequence} has no body"))?;
        let sequence = sequence as u64;
        self.files += 1;
        if sequence <= self.read {
            // It lay there when the process died, and is written again: the same.
            return match self.bodies.get(&sequence) == Some(&body) {
                true => Ok((String::new(), Vec::new())),
                false => Err(format!("changes {sequence} came twice and differs")),
            };
        }
        if sequence != self.read + 1 {
            return Err(format!("changes {sequence} follows {}", self.read));
        }
        let file: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        if file["sequence"] != sequence {
            return Err(format!("changes {sequence} calls itself {}", file["sequence"]));
        }
        let entity = file["entity"].as_str().unwrap_or_default().to_owned();
        let rows = file["rows"].as_array().cloned().unwrap_or_default();
        let removed = file["removed"].as_array().cloned().unwrap_or_default();
        if rows.is_empty() && removed.is_empty() {
            return Err(format!("changes {sequence} is empty"));
        }
        let followed = self.followed.entry(entity.clone()).or_default();
        for row in rows {
            let key = key_of(&entity, &row);
            if followed.get(&key) == Some(&row) && entity != "balances" {
                return Err(format!("changes {sequence} brings {entity} {key} as it was"));
            }
            followed.insert(key, row);
        }
        for key in &removed {
            followed.remove(&key.to_string());
        }
        self.read = sequence;
        self.bodies.insert(sequence, body);
        Ok((entity, removed))
    }

    /// A snapshot is put out.
    ///
    /// # Errors
    /// It can't be read back.
    pub fn snapshot(
        &mut self,
        connection: &Connection,
        entity: Entity,
        subtract: bool,
    ) -> Result<(), String> {
        self.files += 1;
        self.snapshots.insert(entity.name(), snapshot(connection, entity, subtract)?);
        Ok(())
    }

    /// The follower, the reader of snapshots and the tables see the same.
    ///
    /// # Errors
    /// Where they do not.
    pub fn check(&self, connection: &Connection, subtract: bool) -> Result<(), String> {
        let none = Rows::new();
        for entity in Entity::PUT_OUT {
            let name = entity.name();
            let now = snapshot(connection, entity, subtract)?;
            let lies = self.snapshots.get(name).unwrap_or(&none);
            let followed = self.followed.get(name).unwrap_or(&none);
            differs(&format!("the snapshot of {name} and the table"), lies, &now)?;
            differs(&format!("{name} by the changes and the table"), followed, &now)?;
        }
        Ok(())
    }
}

fn differs(what: &str, have: &Rows, want: &Rows) -> Result<(), String> {
    for (key, row) in want {
        if have.get(key) != Some(row) {
            return Err(format!("{what} differ in {key}: {:?} and {row}", have.get(key)));
        }
    }
    match have.keys().find(|key| !want.contains_key(*key)) {
        Some(key) => Err(format!("{what} differ: {key} is still in the first")),
        None => Ok(()),
    }
}

fn snapshot(connection: &Connection, entity: Entity, subtract: bool) -> Result<Rows, String> {
    let mut bytes = Vec::new();
    outgoing::write_snapshot(connection, entity, Format::Json, &Shape::plain(subtract), &mut bytes)
        .map_err(|error| error.to_string())?;
    let file: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let rows = file["rows"].as_array().cloned().unwrap_or_default();
    Ok(rows.into_iter().map(|row| (key_of(entity.name(), &row), row)).collect())
}

/// A row's key as `removed` would have it.
fn key_of(entity: &str, row: &Value) -> String {
    let names: &[&str] = match entity {
        "products" => return row["product_number"].to_string(),
        "customers" => return row["customer_number"].to_string(),
        "prices" => &["customer_number", "product_number", "sales_unit", "from_quantity", "currency"],
        _ => &["product_number", "warehouse"],
    };
    Value::Array(names.iter().map(|name| row[*name].clone()).collect()).to_string()
}
