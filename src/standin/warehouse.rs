//! What the shop's people do in Extend itself: reserve, pick, annul.

use serde_json::{Value, json};

use super::clock::local;
use super::order_changes::annul_at;
use super::order_rows::place_of;
use super::world::World;

impl World {
    /// Edits an order in Extend itself, a delivery date for one; its change date becomes the world's
    /// time. `false` where it is unknown.
    pub fn change_order(&mut self, order: &str, edit: impl FnOnce(&mut Value)) -> bool {
        let Some(place) = self.order_place(order) else { return false };
        let mut value = self.orders.list[place].value();
        edit(&mut value);
        // The number is the key under which it is found.
        value["orderHeader"]["orderNumber"] = json!(order);
        let now = self.now();
        self.keep_order(place, &value, now);
        true
    }

    /// Picking begins: the order is Reserved, and nothing about it can be changed. `false` where it
    /// is unknown or closed.
    pub fn reserve(&mut self, order: &str) -> bool {
        let Some(place) = self.order_place(order).filter(|at| self.orders.list[*at].closed().is_none())
        else {
            return false;
        };
        let mut value = self.orders.list[place].value();
        value["orderHeader"]["orderStatus"] = json!("Reserved");
        for row in value["orderRows"].as_array_mut().into_iter().flatten() {
            if row["orderRowStatus"] == "Created" {
                row["orderRowStatus"] = json!("Reserved");
            }
        }
        let now = self.now();
        self.keep_order(place, &value, now);
        true
    }

    /// Picks, which is to ship, the rows in these positions; all that are left where none is named.
    /// With `partial` only half of each row's quantity is picked, and what is left becomes a row with
    /// the next sub-position. The order is PartiallyDelivered while rows are left, then Terminated.
    /// `false` where it is unknown, annulled or done, or where there is nothing to pick.
    pub fn pick(&mut self, order: &str, positions: &[i64], partial: bool) -> bool {
        let Some(place) = self.order_place(order) else { return false };
        if matches!(self.orders.list[place].status.as_str(), "Annulled" | "Terminated") {
            return false;
        }
        let now = self.now();
        let mut value = self.orders.list[place].value();
        let method = value["orderHeader"]["deliveryMethod"].clone();
        let shipments = match value["orderHeader"]["shipments"].take() {
            Value::Array(shipments) => shipments,
            _ => Vec::new(),
        };
        let shipment = format!("{order}-{}", shipments.len() + 1);
        let mut rows = Vec::new();
        let mut picked = 0;
        for mut row in value["orderRows"].as_array().cloned().unwrap_or_default() {
            let (position, sub) = place_of(&row).unwrap_or_default();
            let done = row["orderRowStatus"] == "Picked" || row["orderRowStatus"] == "Annulled";
            if done || !(positions.is_empty() || positions.contains(&position)) {
                rows.push(row);
                continue;
            }
            let quantity = row["salesData"]["quantity"].as_f64().unwrap_or(0.0);
            let now_picked = if partial { (quantity / 2.0).floor() } else { quantity };
            let mut rest = None;
            if partial {
                if now_picked < 1.0 {
                    rows.push(row);
                    continue;
                }
                let mut left = row.clone();
                left["subPosition"] = json!(sub + 1);
                scale(&mut left, quantity, quantity - now_picked);
                scale(&mut row, quantity, now_picked);
                rest = Some(left);
            }
            row["orderRowStatus"] = json!("Picked");
            row["shipmentNumber"] = json!(shipment);
            self.take_from_shelf(&row);
            picked += 1;
            rows.push(row);
            rows.extend(rest);
        }
        if picked == 0 {
            value["orderHeader"]["shipments"] = Value::Array(shipments);
            return false;
        }
        let left =
            rows.iter().any(|row| row["orderRowStatus"] != "Picked" && row["orderRowStatus"] != "Annulled");
        let mut shipments = shipments;
        shipments.push(json!({
            "shipmentNumber": shipment,
            "shipmentReference": null,
            "createDate": local(now),
            "packages": [format!("PKG-{shipment}")],
            "numberPackages": 1,
            "transportWeight": 2.5,
            "pickDate": local(now),
            "forwarder": "PostNord",
            "deliveryMethod": method,
        }));
        value["orderHeader"]["shipments"] = Value::Array(shipments);
        value["orderHeader"]["orderStatus"] = json!(if left { "PartiallyDelivered" } else { "Terminated" });
        value["orderRows"] = Value::Array(rows);
        self.keep_order(place, &value, now);
        true
    }

    /// Annuls an order in Extend itself. `false` where it is unknown, annulled or done.
    pub fn annul(&mut self, order: &str) -> bool {
        let Some(place) = self.order_place(order) else { return false };
        if matches!(self.orders.list[place].status.as_str(), "Annulled" | "Terminated") {
            return false;
        }
        let now = self.now();
        annul_at(self, place, now);
        true
    }

    fn take_from_shelf(&mut self, row: &Value) {
        let product = row["product"]["productNumber"].as_str().unwrap_or_default();
        let unit = row["salesData"]["unit"].as_str().unwrap_or_default();
        let quantity = row["salesData"]["quantity"].as_f64().unwrap_or(0.0);
        let Some(stock) = self.product(product).map(|known| known.stock_units(quantity, unit).round() as i64)
        else {
            return;
        };
        let warehouse = row["warehouse"].as_str().unwrap_or_default();
        self.change_balance(product, warehouse, |balance| {
            balance.physical -= stock;
            balance.ordered -= stock;
        });
    }
}

/// Sets a row's quantity, and that of its delivery in proportion.
fn scale(row: &mut Value, from: f64, to: f64) {
    row["salesData"]["quantity"] = super::answers::number(to);
    if let Some(delivered) = row["deliveryData"]["quantity"].as_f64() {
        row["deliveryData"]["quantity"] = super::answers::number(delivered * to / from);
    }
}
