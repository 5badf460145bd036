//! The parts of a detail that have a table of their own: order rows, shipments, components.

use serde_json::value::RawValue;

use super::cells::{self, Cell, Kind};
use super::{fields, tables};

/// A table of parts. They are replaced as a whole when the detail that they came with changed.
#[derive(Debug)]
pub struct PartTable {
    /// Its name.
    pub name: &'static str,
    /// The column that names the record which they belong to; it comes first.
    pub owner: &'static str,
    /// The other columns.
    pub columns: &'static [Part],
    /// How many of those a part must have to be stored.
    pub needed: usize,
}

/// A column of a part: its name, what it holds, and the paths where it may stand, the best first.
#[derive(Debug)]
pub struct Part {
    /// Its name in the table.
    pub name: &'static str,
    kind: Kind,
    paths: &'static [&'static str],
}

const fn part(name: &'static str, kind: Kind, paths: &'static [&'static str]) -> Part {
    Part { name, kind, paths }
}

/// `order_rows`, from `orderRows` of an order.
pub static ORDER_ROWS: PartTable = PartTable {
    name: "order_rows",
    owner: "order_number",
    columns: &[
        part("position", Kind::Integer, &["position"]),
        part("sub_position", Kind::Integer, &["subPosition"]),
        part("product_number", Kind::Text, &["product.productNumber"]),
        part("status", tables::ORDER_ROW_STATUSES, &["orderRowStatus"]),
        part("quantity", Kind::Real, &["salesData.quantity"]),
        part("unit", Kind::Text, &["salesData.unit"]),
        part("unit_price", Kind::Real, &["salesData.unitPrice"]),
        part("vat_percent", Kind::Real, &["salesData.vatPercent"]),
        part("currency", Kind::Text, &["salesData.currency"]),
        part("warehouse", Kind::Text, &["warehouse"]),
        part("ship_date", Kind::Time, &["shipDate"]),
        part("expected_delivery_date", Kind::Time, &["expectedDeliveryDate"]),
        part("parent_position", Kind::Integer, &["billOfMaterialsParentRowPosition"]),
    ],
    needed: 2,
};

/// `shipments`, from `orderHeader.shipments` of an order.
pub static SHIPMENTS: PartTable = PartTable {
    name: "shipments",
    owner: "order_number",
    columns: &[
        part("shipment_number", Kind::Text, &["shipmentNumber", "shipmentReference"]),
        part("forwarder", Kind::Text, &["forwarder"]),
        part("delivery_method", Kind::Text, &["deliveryMethod"]),
        part("pick_date", Kind::Time, &["pickDate"]),
        part("packages", Kind::Integer, &["numberPackages"]),
    ],
    needed: 1,
};

/// `product_components`, from `billOfMaterials` of a product or, where that is empty,
/// `structureProducts`.
pub static COMPONENTS: PartTable = PartTable {
    name: "product_components",
    owner: "product_number",
    columns: &[
        part("component_number", Kind::Text, &["productNumber"]),
        part("quantity", Kind::Real, &["quantity", "productQuantity"]),
        part("sort_order", Kind::Integer, &["sortOrder"]),
        part("unit", Kind::Text, &["unit"]),
    ],
    needed: 3,
};

/// Parts in the order of their table's columns, without the owner, and whether one of them is odd.
#[derive(Debug, Default)]
pub struct Parts<'a> {
    /// Those that can be stored, no two with the same first columns.
    pub rows: Vec<Vec<Cell<'a>>>,
    /// A part is not as Extend describes it, or can't be stored.
    pub odd: bool,
}

/// The rows of an order's detail. A row without `subPosition` is the row itself, 0.
pub fn order_rows(detail: &str) -> Parts<'_> {
    read_parts(detail, &["orderRows"], &ORDER_ROWS, |_, _, cells| {
        if cells[1] == Cell::Null {
            cells[1] = Cell::Integer(0);
        }
    })
}

/// The shipments of an order's detail. Packages are counted where their number is not told.
pub fn shipments(detail: &str) -> Parts<'_> {
    read_parts(detail, &["orderHeader.shipments"], &SHIPMENTS, |_, element, cells| {
        if cells[4] == Cell::Null
            && let Some(packages) = fields::list_at(element.get(), "packages", &mut false)
        {
            cells[4] = Cell::Integer(i64::try_from(packages.len()).unwrap_or(i64::MAX));
        }
    })
}

/// The components of a product's detail. One without `sortOrder` has that of its place.
pub fn components(detail: &str) -> Parts<'_> {
    let paths = ["productData.billOfMaterials", "productData.structureProducts"];
    read_parts(detail, &paths, &COMPONENTS, |place, _, cells| {
        if cells[2] == Cell::Null {
            cells[2] = Cell::Integer(i64::try_from(place + 1).unwrap_or(i64::MAX));
        }
    })
}

/// Reads the first list of `paths` that has elements.
fn read_parts<'a>(
    detail: &'a str,
    paths: &[&str],
    table: &PartTable,
    complete: impl Fn(usize, &'a RawValue, &mut Vec<Cell<'a>>),
) -> Parts<'a> {
    let mut parts = Parts::default();
    let elements = paths
        .iter()
        .find_map(|path| fields::list_at(detail, path, &mut parts.odd).filter(|list| !list.is_empty()));
    let wanted: Vec<&str> = table.columns.iter().flat_map(|column| column.paths).copied().collect();
    for (place, element) in elements.unwrap_or_default().into_iter().enumerate() {
        let found = fields::at_each(element.get(), &wanted).unwrap_or_else(|| vec![None; wanted.len()]);
        let mut found = found.into_iter();
        let mut cells: Vec<Cell<'_>> = Vec::with_capacity(table.columns.len());
        for column in table.columns {
            let values = found.by_ref().take(column.paths.len());
            cells.push(best_of(column.kind, values.collect(), &mut parts.odd));
        }
        complete(place, element, &mut cells);
        let key = &cells[..table.needed];
        if key.contains(&Cell::Null) || parts.rows.iter().any(|known| known[..table.needed] == *key) {
            parts.odd = true;
        } else {
            parts.rows.push(cells);
        }
    }
    parts
}

/// The first of `values` that can be read; what comes after it is not looked at.
fn best_of<'a>(kind: Kind, values: Vec<Option<&'a RawValue>>, odd: &mut bool) -> Cell<'a> {
    let mut cells = values.into_iter().map(|value| cells::read(kind, value, odd));
    cells.find(|cell| *cell != Cell::Null).unwrap_or(Cell::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_a_place_are_odd_and_the_rest_is_kept() {
        let parts = order_rows(
            r#"{"orderRows": [
                {"position": 10, "product": {"productNumber": "A"}, "salesData": {"quantity": "2"}},
                {"position": 10, "subPosition": 0},
                {"product": {"productNumber": "B"}}, 7,
                {"position": 20, "subPosition": 1, "orderRowStatus": "Picked"}]}"#,
        );
        assert!(parts.odd);
        assert_eq!(parts.rows.len(), 2);
        assert_eq!(parts.rows[0][..3], [Cell::Integer(10), Cell::Integer(0), Cell::text("A")]);
        assert_eq!(parts.rows[0][4], Cell::Real(2.0));
        assert_eq!(parts.rows[1][3], Cell::text("Picked"));
    }

    #[test]
    fn packages_are_counted_where_they_are_only_listed() {
        let parts = shipments(
            r#"{"orderHeader": {"shipments": [
                {"shipmentNumber": "1", "packages": ["a", "b"]},
                {"shipmentReference": "R", "numberPackages": 7, "packages": ["a"]}]}}"#,
        );
        assert!(!parts.odd);
        assert_eq!(parts.rows[0], [Cell::text("1"), Cell::Null, Cell::Null, Cell::Null, Cell::Integer(2)]);
        assert_eq!((&parts.rows[1][0], &parts.rows[1][4]), (&Cell::text("R"), &Cell::Integer(7)));
    }

    #[test]
    fn structure_products_stand_in_for_an_empty_bill_of_materials() {
        let parts = components(
            r#"{"productData": {"billOfMaterials": [],
                "structureProducts": [{"productNumber": "A", "productQuantity": 2}]}}"#,
        );
        assert_eq!(parts.rows, [[Cell::text("A"), Cell::Real(2.0), Cell::Integer(1), Cell::Null]]);
        let parts = components(
            r#"{"productData": {"billOfMaterials":
                [{"productNumber": "A", "quantity": 0.5, "unit": "kg", "sortOrder": 3}]}}"#,
        );
        assert_eq!(parts.rows, [[Cell::text("A"), Cell::Real(0.5), Cell::Integer(3), Cell::text("kg")]]);
        let none = components(r#"{"productData": {"billOfMaterials": null}}"#);
        assert!(none.rows.is_empty() && !none.odd);
    }
}
