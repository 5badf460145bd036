//! The fields of a JSON object, borrowed from its text: no tree is built.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The values of the fields that `names` name, in that order; `None` where `json` is no object, or not that alone.
///
/// A field that comes twice counts as it came last. An empty name matches nothing.
pub fn read_fields<'a>(json: &'a str, names: &[&str]) -> Option<Vec<Option<&'a RawValue>>> {
    let mut found = vec![None; names.len()];
    let mut deserializer = serde_json::Deserializer::from_str(json);
    Gather { names, found: &mut found }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(found)
}

/// The value at a path of field names with dots between them, such as `productData.productUnit`.
pub fn at<'a>(json: &'a str, path: &str) -> Option<&'a RawValue> {
    let mut inside = json;
    let mut value = None;
    for name in path.split('.') {
        let found = read_fields(inside, &[name])?.into_iter().next().flatten()?;
        inside = found.get();
        value = Some(found);
    }
    value
}

/// The values at `paths`, in that order: what [`at`] finds for each, in one reading of the text. `None` where
/// `json` is no object. An empty path finds nothing.
pub fn at_each<'a>(json: &'a str, paths: &[&str]) -> Option<Vec<Option<&'a RawValue>>> {
    let mut names: Vec<&str> = Vec::with_capacity(paths.len());
    for path in paths {
        let name = first_name(path);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut found = vec![None; paths.len()];
    for (name, value) in names.iter().zip(read_fields(json, &names)?) {
        let Some(value) = value else { continue };
        let (mut places, mut inside) = (Vec::new(), Vec::new());
        for (place, path) in paths.iter().enumerate().filter(|(_, path)| first_name(path) == *name) {
            match path.split_once('.') {
                None => found[place] = Some(value),
                Some((_, rest)) => {
                    places.push(place);
                    inside.push(rest);
                }
            }
        }
        if !inside.is_empty() {
            let values = at_each(value.get(), &inside).unwrap_or_default();
            for (place, value) in places.into_iter().zip(values) {
                found[place] = value;
            }
        }
    }
    Some(found)
}

fn first_name(path: &str) -> &str {
    path.split_once('.').map_or(path, |(name, _)| name)
}

/// The elements of the array at `path`. `None` where there is none; `odd` is set where something else
/// is there.
pub fn list_at<'a>(json: &'a str, path: &str, odd: &mut bool) -> Option<Vec<&'a RawValue>> {
    let value = at(json, path)?;
    if value.get() == "null" {
        return None;
    }
    let elements = serde_json::from_str(value.get());
    *odd |= elements.is_err();
    elements.ok()
}

struct Gather<'n, 'f, 'a> {
    names: &'n [&'n str],
    found: &'f mut [Option<&'a RawValue>],
}

impl<'de> DeserializeSeed<'de> for Gather<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Gather<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // Fields come in the same order in every record: the next name is tried first.
        let mut next = 0;
        while let Some(place) = map.next_key_seed(Place { names: self.names, next })? {
            match place {
                Some(place) => {
                    self.found[place] = Some(map.next_value()?);
                    next = place + 1;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Place<'n> {
    names: &'n [&'n str],
    next: usize,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        if name.is_empty() {
            return Ok(None);
        }
        if self.names.get(self.next) == Some(&name) {
            return Ok(Some(self.next));
        }
        Ok(self.names.iter().position(|known| *known == name))
    }
}

/// Whether two JSON objects are the same text but for the values `cuts`, which are borrowed from
/// `incoming`. Cheap: nothing is parsed. It may say no where a parser would say yes.
pub fn same_but_for(stored: &str, incoming: &str, cuts: &[&RawValue]) -> bool {
    let start = incoming.as_ptr() as usize;
    let mut spans: Vec<(usize, usize)> = cuts
        .iter()
        .map(|cut| {
            let from = (cut.get().as_ptr() as usize).wrapping_sub(start);
            (from, from.wrapping_add(cut.get().len()))
        })
        .collect();
    spans.sort_unstable();
    let (mut rest, mut from) = (stored, 0);
    for (cut_from, cut_to) in spans {
        let Some(kept) = incoming.get(from..cut_from) else { return false };
        let Some(after) = rest.strip_prefix(kept).and_then(skip_scalar) else { return false };
        (rest, from) = (after, cut_to);
    }
    incoming.get(from..) == Some(rest)
}

/// What follows the text, number or word at the beginning of `json`.
fn skip_scalar(json: &str) -> Option<&str> {
    let bytes = json.as_bytes();
    match bytes.first()? {
        b'"' => {
            let mut place = 1;
            while *bytes.get(place)? != b'"' {
                place += if bytes[place] == b'\\' { 2 } else { 1 };
            }
            json.get(place + 1..)
        }
        b'{' | b'[' => None,
        _ => {
            let end = bytes.iter().position(|byte| matches!(byte, b',' | b'}' | b' ' | b'\r' | b'\n'))?;
            json.get(end..)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_in_any_order_and_last_wins() {
        let fields = read_fields(r#"{"b": 1, "x": {"a": 9}, "a\u0062": 3, "b": 2}"#, &["a", "b", "ab", ""]);
        let texts: Vec<_> = fields.unwrap().into_iter().map(|value| value.map(RawValue::get)).collect();
        assert_eq!(texts, [None, Some("2"), Some("3"), None]);
        assert!(read_fields("[1]", &["a"]).is_none());
        assert!(read_fields("7", &["a"]).is_none());
        for cut in ["{\"a\": 1", "{\"a\": 1} x", "{\"a\": [1, }", ""] {
            assert!(read_fields(cut, &["a"]).is_none(), "{cut}");
        }
    }

    #[test]
    fn paths_are_walked() {
        let json = r#"{"a": {"b": {"c": "x"}}, "n": null, "l": [1, 2], "s": "no list"}"#;
        assert_eq!(at(json, "a.b.c").unwrap().get(), "\"x\"");
        assert!(at(json, "a.x.c").is_none());
        assert!(at(json, "n.c").is_none());
        let paths = ["a.b.c", "", "a.x.c", "a", "n", "n.c", "l.c", "s", "a.b"];
        let each = at_each(json, &paths).unwrap();
        for (path, found) in paths.iter().zip(each) {
            assert_eq!(found.map(RawValue::get), at(json, path).map(RawValue::get), "{path}");
        }
        assert!(at_each("[1]", &["a"]).is_none());
        let mut odd = false;
        assert_eq!(list_at(json, "l", &mut odd).unwrap().len(), 2);
        assert!(list_at(json, "n", &mut odd).is_none() && !odd);
        assert!(list_at(json, "s", &mut odd).is_none() && odd);
    }

    #[test]
    fn rows_that_differ_in_the_cut_values_alone_are_the_same() {
        let incoming = r#"{"n":"P","w":"A","u":"st","b":12}"#;
        for (stored, same) in [
            (r#"{"n":"P","w":"A","u":"st","b":12}"#, true),
            (r#"{"n":"P","w":"Ö\"}","u":"st","b":-1.5}"#, true),
            (r#"{"n":"P","w":null,"u":"st","b":null}"#, true),
            (r#"{"n":"Q","w":"A","u":"st","b":12}"#, false),
            (r#"{"n":"P","w":"A","u":"kg","b":12}"#, false),
            (r#"{"n":"P","w":"A","u":"st","b":12,"new":1}"#, false),
            (r#"{"n":"P","w":{},"u":"st","b":12}"#, false),
            (r#"{"n":"P","w":"A"#, false),
            ("", false),
        ] {
            let fields = read_fields(incoming, &["w", "b"]).unwrap();
            let cuts: Vec<_> = fields.into_iter().flatten().collect();
            assert_eq!(same_but_for(stored, incoming, &cuts), same, "{stored}");
        }
    }
}
