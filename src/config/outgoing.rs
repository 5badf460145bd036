//! How the files of `outgoing/` are shaped: `columns` and its like, in the section of each entity.

use super::problems::Unit;
use super::section::Section;
use crate::formats::export::{Column, Shape};
use crate::formats::near_miss::near_miss;
use crate::rules::mirror::{Entity, Table};

/// The shape of each entity that is put out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shapes {
    /// `[products]`
    pub products: Shape,
    /// `[customers]`
    pub customers: Shape,
    /// `[prices]`
    pub prices: Shape,
    /// `[balances]`
    pub balances: Shape,
}

impl Shapes {
    /// That of an entity. One that is not put out has that of products.
    pub fn of(&self, entity: Entity) -> &Shape {
        match entity {
            Entity::Customers => &self.customers,
            Entity::Prices => &self.prices,
            Entity::Balances => &self.balances,
            _ => &self.products,
        }
    }
}

/// What a section says of how its entity is put out.
pub(super) fn shape(section: &mut Section<'_, '_>, entity: Entity) -> Shape {
    let mut shape = Shape::default();
    if let Some(table) = entity.table() {
        shape.columns = columns(section, table);
    }
    match entity {
        Entity::Products => shape.only_enabled = section.flag("only_enabled", false),
        Entity::Balances => {
            shape.sum_warehouses = section.one_of("stock", &["warehouse", "sum"]) == Some(1);
            let buffer = section.whole("stock_buffer", Unit::Pieces, 0, 0..=1_000_000);
            shape.stock_buffer = u32::try_from(buffer).unwrap_or(0);
        }
        Entity::Prices => shape.base_list = section.one_of("list", &["customer", "base"]) == Some(1),
        _ => {}
    }
    shape
}

/// `["product_number as artnr", "name"]`
fn columns(section: &mut Section<'_, '_>, table: &Table) -> Vec<Column> {
    let known = table.put_out_columns();
    let mut columns = Vec::new();
    for text in section.texts("columns") {
        let (of, name) = text.split_once(" as ").unwrap_or((&text, &text));
        let (of, name) = (of.trim().to_owned(), name.trim().to_owned());
        if name.is_empty() || !known.contains(&of.as_str()) {
            let meant = near_miss(&of, known.iter().copied());
            let language = section.language();
            let meant = meant.map_or_else(String::new, |meant| {
                language.pick(format!("; did you mean {meant}?"), format!("; menades {meant}?"))
            });
            let message = language.pick(
                format!(
                    "expected columns of {}, such as \"{} as id\"; there is no {of}{meant}",
                    table.name, known[0]
                ),
                format!(
                    "här ska stå kolumner i {}, till exempel \"{} as id\"; det finns ingen {of}{meant}",
                    table.name, known[0]
                ),
            );
            section.problem("columns", message);
        } else {
            columns.push(Column { of, name });
        }
    }
    columns
}

/// Whether a decimal comma or point is written in CSV.
pub(super) fn csv_decimal(section: &mut Section<'_, '_>) -> char {
    if section.one_of("csv_decimal", &[".", ","]) == Some(1) { ',' } else { '.' }
}

/// Whether CSV is written in Windows-1252.
pub(super) fn csv_in_windows_1252(section: &mut Section<'_, '_>) -> bool {
    section.one_of("csv_encoding", &["utf-8", "windows-1252"]) == Some(1)
}
