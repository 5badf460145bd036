//! What the shop drops: documents with a mark of their own, so that each can be told apart at Extend.

use serde_json::{Value, json};

/// A file that the shop drops.
#[derive(Debug, Clone)]
pub struct Dropped {
    pub name: String,
    pub bytes: Vec<u8>,
    /// `None`: it is no order and no return.
    pub mark: Option<String>,
    pub key: Option<String>,
    /// What Extend would hold if another webshop had sent the same.
    pub body: Value,
    pub is_return: bool,
}

/// The shop, which remembers what it dropped.
#[derive(Default)]
pub struct Shop {
    made: u32,
    pub dropped: Vec<Dropped>,
    /// Numbers of customers that it made.
    pub customers: Vec<String>,
}

impl Shop {
    /// The next file.
    pub fn next(&mut self, rng: &mut fastrand::Rng) -> Dropped {
        let file = match rng.u32(..100) {
            0..8 => self.broken(rng),
            8..18 if !self.dropped.is_empty() => self.again(rng),
            18..24 if !self.dropped.is_empty() => self.conflicting(rng),
            24..38 => self.returned(rng),
            38..56 => self.changed(rng),
            _ => self.order(rng, None),
        };
        self.dropped.push(file.clone());
        file
    }

    pub fn mark(&mut self) -> String {
        self.made += 1;
        format!("m{}", self.made)
    }

    fn broken(&mut self, rng: &mut fastrand::Rng) -> Dropped {
        let mark = self.mark();
        let text = match rng.u32(..4) {
            0 => format!("{{\"orderHeader\": {{\"mark\": \"{mark}\"}}, \"orderRows\": ["),
            1 => format!("{{\"orderHeader\" = \"{mark}\"}}"),
            2 => format!("{{\"orderHeader\": {{\"mark\": \"{mark}\"}}, \"orderRows\": []}}"),
            _ => format!("[\"{mark}\"]"),
        };
        Dropped {
            name: format!("{mark}.json"),
            bytes: text.into_bytes(),
            mark: None,
            key: None,
            body: Value::Null,
            is_return: false,
        }
    }

    /// The same once more, under the same name or another.
    fn again(&mut self, rng: &mut fastrand::Rng) -> Dropped {
        let recent = self.dropped.len().saturating_sub(if rng.bool() { 3 } else { 30 });
        let mut file = self.dropped[rng.usize(recent..self.dropped.len())].clone();
        if file.body.get("changeOrder").is_some() {
            // A change has no key: the same once more is another one.
            return self.order(rng, None);
        }
        if rng.bool() {
            file.name = format!("again-{}.json", self.mark());
            if file.key.is_none() {
                // The made key follows from the name: this is another document, and must not have the same
                // mark.
                return self.order(rng, None);
            }
            if let Ok(text) = String::from_utf8(file.bytes.clone()) {
                file.bytes = text.replace(": ", ":  ").into_bytes();
            }
        }
        file
    }

    /// Another document with a key that came before.
    fn conflicting(&mut self, rng: &mut fastrand::Rng) -> Dropped {
        let recent = self.dropped.len().saturating_sub(if rng.bool() { 3 } else { 30 });
        let earlier = self.dropped[rng.usize(recent..self.dropped.len())].clone();
        match earlier.key {
            Some(key) if !earlier.is_return => self.order(rng, Some(key)),
            _ => self.order(rng, None),
        }
    }

    /// A new order, with a key or without.
    pub fn order(&mut self, rng: &mut fastrand::Rng, key: Option<String>) -> Dropped {
        let mark = self.mark();
        let key = key.or_else(|| (rng.u32(..5) > 0).then(|| format!("W-{mark}")));
        let product = if rng.u32(..15) == 0 { "P-UNKNOWN" } else { ["P1", "P2", "P3"][rng.usize(..3)] };
        let mut body = json!({
            "orderHeader": { "customerNumber": self.buyer(rng), "mark": mark },
            "orderRows": [{
                "product": { "productNumber": product },
                "salesData": { "quantity": rng.u32(1..9), "unit": "pcs" },
            }],
        });
        if let Some(key) = &key {
            body["orderHeader"]["orderNumberExternal"] = json!(key);
        }
        let name = match &key {
            Some(key) if rng.u32(..3) > 0 => format!("{key}.json"),
            _ => format!("order-{mark}.json"),
        };
        Dropped {
            name,
            bytes: format!("{body:#}").into_bytes(),
            mark: Some(mark),
            key,
            body,
            is_return: false,
        }
    }

    /// One of the old customers, or one of those that were made lately.
    fn buyer(&self, rng: &mut fastrand::Rng) -> String {
        match self.customers.last().filter(|_| rng.u32(..6) == 0) {
            Some(new) => new.clone(),
            None => format!("C{}", rng.u32(1..4)),
        }
    }

    fn returned(&mut self, rng: &mut fastrand::Rng) -> Dropped {
        let mark = self.mark();
        let key = (rng.u32(..5) > 0).then(|| format!("R-{mark}"));
        let recent = self.dropped.len().saturating_sub(20);
        let orders: Vec<&String> = self.dropped[recent..]
            .iter()
            .filter(|file| !file.is_return)
            .filter_map(|file| file.key.as_ref())
            .collect();
        let mut body = match orders.is_empty() || rng.u32(..4) == 0 {
            true => json!({
                "header": { "mark": mark, "customerNumber": format!("C{}", rng.u32(1..4)) },
                "createAction": { "action": "ReturnProducts" },
                "rows": [{ "productNumber": "P1", "salesData": { "quantity": 1, "unit": "pcs" } }],
            }),
            false => {
                let of = match rng.u32(..12) {
                    0 => "W-nobody".to_owned(),
                    _ => orders[rng.usize(..orders.len())].clone(),
                };
                json!({
                    "header": { "mark": mark },
                    "createAction": { "action": "ReturnCompleteCustomerOrder", "orderNumberExternal": of },
                })
            }
        };
        if let Some(key) = &key {
            body["header"]["reference"] = json!(key);
        }
        let name = format!("return-{mark}.json");
        Dropped {
            name,
            bytes: format!("{body:#}").into_bytes(),
            mark: Some(mark),
            key,
            body,
            is_return: true,
        }
    }
}
