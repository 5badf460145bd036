//! A field that stands twice in one object. Parsers take the last and say nothing: two `orderRows` would
//! lose the rows of the first.

use std::collections::HashSet;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::locate::Step;

/// The path of a field that stands twice. `text` must be JSON.
pub fn duplicate_field(text: &str) -> Option<Vec<Step>> {
    let mut path = Vec::new();
    let mut found = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let _ = json.deserialize_any(Look { path: &mut path, found: &mut found });
    found
}

struct Look<'a> {
    path: &'a mut Vec<Step>,
    found: &'a mut Option<Vec<Step>>,
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            self.path.push(Step::Item(index));
            let more = items.next_element_seed(Look { path: self.path, found: self.found })?;
            self.path.pop();
            if more.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut names: HashSet<String> = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            self.path.push(Step::Field(name.clone()));
            if !names.insert(name) {
                *self.found = Some(self.path.clone());
                return Err(A::Error::custom("a field stands twice"));
            }
            fields.next_value_seed(Look { path: self.path, found: self.found })?;
            self.path.pop();
        }
        Ok(())
    }
}
