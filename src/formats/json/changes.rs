//! What is checked of documents that change what Extend has: order changes, cancellations, customers.

use serde_json::Value;

use super::Check;
use crate::formats::document::{Kind, OrderReference, text_at};
use crate::formats::locate::Step;
use crate::formats::problem::{Expected, Wrong};

impl Check<'_> {
    /// Rows that are new need all that a row of an order needs; one that names its position needs only what
    /// it changes.
    pub(super) fn order_change(&mut self, value: &Value) {
        let mut path = Vec::new();
        if value.get("changeOrder").is_some_and(|change| !change.is_null()) {
            self.names_order_in(value, &mut path, "changeOrder");
        }
        self.optional(value, &mut path, "orderHeader", Expected::Object);
        if let Some(header) = value.get("orderHeader").filter(|header| header.is_object()) {
            path.push(Step::Field("orderHeader".into()));
            self.optional_text(header, &mut path, "orderNumber");
            self.optional_text(header, &mut path, "orderNumberExternal");
            self.optional_text(header, &mut path, "customerNumber");
            path.pop();
        }
        let there = |name: &str| value.get(name).is_some_and(|field| !field.is_null());
        if !there("orderHeader") && !there("orderRows") {
            self.required(value, &mut path, "orderRows", Expected::List);
            return;
        }
        self.optional(value, &mut path, "orderRows", Expected::List);
        path.push(Step::Field("orderRows".into()));
        let rows = value.get("orderRows").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, row) in rows.iter().enumerate() {
            path.push(Step::Item(index));
            if self.is(row, &path, Expected::Object) {
                self.changed_row(row, &mut path);
            }
            path.pop();
        }
    }

    fn changed_row(&mut self, row: &Value, path: &mut Vec<Step>) {
        self.optional(row, path, "position", Expected::Number);
        self.optional(row, path, "subPosition", Expected::Number);
        if row.get("position").is_none_or(Value::is_null) {
            self.nested_text(row, path, "product", "productNumber");
            self.sales_data(row, path);
            return;
        }
        self.optional(row, path, "product", Expected::Object);
        self.optional(row, path, "salesData", Expected::Object);
        if let Some(sales) = row.get("salesData").filter(|sales| sales.is_object()) {
            path.push(Step::Field("salesData".into()));
            self.optional(sales, path, "quantity", Expected::Number);
            self.optional(sales, path, "unit", Expected::Text);
            self.optional(sales, path, "unitPrice", Expected::Number);
            path.pop();
        }
    }

    pub(super) fn row_cancellation(&mut self, value: &Value) {
        let mut path = Vec::new();
        if !self.names_order_in(value, &mut path, "cancelRows") {
            return;
        }
        let cancel = &value["cancelRows"];
        path.push(Step::Field("cancelRows".into()));
        if cancel.get("positions").is_none_or(Value::is_null) {
            self.required(cancel, &mut path, "rows", Expected::List);
        }
        for name in ["rows", "positions"] {
            self.optional(cancel, &mut path, name, Expected::List);
            path.push(Step::Field(name.into()));
            let items = cancel.get(name).and_then(Value::as_array);
            if items.is_some_and(Vec::is_empty) {
                path.push(Step::Item(0));
                self.note(Wrong::MissingField, &path);
                path.pop();
            }
            for (index, item) in items.map_or(&[][..], Vec::as_slice).iter().enumerate() {
                path.push(Step::Item(index));
                if name == "positions" {
                    self.whole_number(item, &path);
                } else if self.is(item, &path, Expected::Object)
                    && self.required(item, &mut path, "position", Expected::Number)
                {
                    for name in ["position", "subPosition"] {
                        path.push(Step::Field(name.into()));
                        if let Some(number) = item.get(name).filter(|number| !number.is_null()) {
                            self.whole_number(number, &path);
                        }
                        path.pop();
                    }
                }
                path.pop();
            }
            path.pop();
        }
    }

    /// A position that is no whole number would cancel nothing, silently.
    fn whole_number(&mut self, value: &Value, path: &[Step]) {
        let is_whole = value.as_f64().is_some_and(|number| number.fract() == 0.0 && number.abs() < 1e9);
        if !is_whole {
            self.note(
                Wrong::WrongType {
                    expected: Expected::WholeNumber,
                    found: crate::formats::problem::shown(value),
                },
                path,
            );
        }
    }

    pub(super) fn order_cancellation(&mut self, value: &Value) {
        self.names_order_in(value, &mut Vec::new(), "cancelOrder");
    }

    pub(super) fn customer(&mut self, value: &Value) {
        let mut path = Vec::new();
        self.required(value, &mut path, "customerNumber", Expected::Text);
        self.required(value, &mut path, "customerDeliveryAddress", Expected::Object);
        self.optional_text(value, &mut path, "name");
    }

    fn names_order_in(&mut self, value: &Value, path: &mut Vec<Step>, outer: &str) -> bool {
        if !self.required(value, path, outer, Expected::Object) {
            return false;
        }
        path.push(Step::Field(outer.into()));
        let before = self.problems.len();
        self.names_order(&value[outer], path);
        path.pop();
        self.problems.len() == before
    }
}

/// The order that a document of this kind names, by Extend's number or by the shop's own.
pub fn reference(kind: Kind, value: &Value) -> Option<OrderReference> {
    let (outer, own) = match kind {
        Kind::Return => ("createAction", None),
        Kind::OrderChange => ("changeOrder", text_at(value, &["orderHeader", "orderNumber"])),
        Kind::RowCancellation => ("cancelRows", None),
        Kind::OrderCancellation => ("cancelOrder", None),
        Kind::Order | Kind::Customer => return None,
    };
    let extend = text_at(value, &[outer, "orderNumber"]).or(own);
    let external = || text_at(value, &[outer, "orderNumberExternal"]);
    extend
        .map(|number| OrderReference::Extend(number.into()))
        .or_else(|| external().map(|number| OrderReference::External(number.into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::json::parse;

    fn check(text: &str, kind: Kind, order: Option<OrderReference>, key: Option<&str>) {
        let document = parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
        assert_eq!((document.kind, document.order, document.key.as_deref()), (kind, order, key), "{text}");
    }

    fn check_wrong(text: &str, code: &str, field: &str, line: u64) {
        let problems = parse(text.as_bytes()).expect_err(text);
        let found: Vec<_> = problems.iter().map(|p| (p.code(), p.field.as_deref(), p.line)).collect();
        assert!(found.contains(&(code, Some(field), Some(line))), "{text}\n{found:?}");
    }

    #[test]
    fn changes_are_known_by_what_they_name() {
        let external = || Some(OrderReference::External("W-1".into()));
        let extend = || Some(OrderReference::Extend("OC-1".into()));
        let row = "\"orderRows\":[{\"position\":10,\"salesData\":{\"quantity\":2}}]";
        check(
            &format!(
                "{{\"orderHeader\":{{\"orderNumber\":\"OC-1\",\"orderNumberExternal\":\"W-1\"}},{row}}}"
            ),
            Kind::OrderChange,
            extend(),
            None,
        );
        check(
            &format!("{{\"changeOrder\":{{\"orderNumberExternal\":\"W-1\"}},{row}}}"),
            Kind::OrderChange,
            external(),
            None,
        );
        check(
            "{\"changeOrder\":{\"orderNumberExternal\":\"W-1\"},\"orderHeader\":{\"yourReference\":\"x\"}}",
            Kind::OrderChange,
            external(),
            None,
        );
        check(
            "{\"cancelRows\":{\"orderNumberExternal\":\"W-1\",\"positions\":[50, 60.0]}}",
            Kind::RowCancellation,
            external(),
            None,
        );
        check(
            "{\"cancelRows\":{\"orderNumber\":\"OC-1\",\"rows\":[{\"position\":50,\"subPosition\":0}]}}",
            Kind::RowCancellation,
            extend(),
            None,
        );
        check(
            "{\"cancelOrder\":{\"orderNumberExternal\":\"W-1\"}}",
            Kind::OrderCancellation,
            external(),
            None,
        );
        check(
            "{\"customerNumber\":\"C-1\",\"customerDeliveryAddress\":{}}",
            Kind::Customer,
            None,
            Some("C-1"),
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        check_wrong("{\"changeOrder\":{}, \"orderRows\":[]}", "missing_field", "changeOrder.orderNumber", 1);
        check_wrong("{\"changeOrder\":{\"orderNumberExternal\":\"W-1\"}}", "missing_field", "orderRows", 1);
        check_wrong(
            "{\"changeOrder\":{\"orderNumberExternal\":\"W-1\"},\n\"orderRows\":[{\"salesData\":{\"quantity\":1,\"unit\":\"S\"}}]}",
            "missing_field",
            "orderRows[0].product",
            2,
        );
        check_wrong(
            "{\"cancelRows\":{\"orderNumberExternal\":\"W-1\"}}",
            "missing_field",
            "cancelRows.rows",
            1,
        );
        check_wrong(
            "{\"cancelRows\":{\"orderNumberExternal\":\"W-1\",\n\"positions\":[]}}",
            "missing_field",
            "cancelRows.positions[0]",
            2,
        );
        check_wrong(
            "{\"cancelRows\":{\"orderNumberExternal\":\"W-1\",\"positions\":[\n1.5]}}",
            "wrong_type",
            "cancelRows.positions[0]",
            2,
        );
        check_wrong(
            "{\"cancelRows\":{\"orderNumberExternal\":\"W-1\",\"rows\":[{\"position\":\"5\"}]}}",
            "wrong_type",
            "cancelRows.rows[0].position",
            1,
        );
        check_wrong(
            "{\"cancelOrder\":{\"orderNumberExternal\":7}}",
            "wrong_type",
            "cancelOrder.orderNumberExternal",
            1,
        );
        check_wrong("{\"customerDeliveryAddress\":{}}", "missing_field", "customerNumber", 1);
    }
}
