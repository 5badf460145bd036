//! Mappings for what well-known webshops export, written as a section of the settings.

/// Their names.
pub const NAMES: [&str; 3] = ["shopify", "woocommerce", "magento2"];

/// A preset as TOML.
pub fn text(name: &str) -> Option<&'static str> {
    match name {
        "shopify" => Some(include_str!("presets/shopify.toml")),
        "woocommerce" => Some(include_str!("presets/woocommerce.toml")),
        "magento2" => Some(include_str!("presets/magento2.toml")),
        _ => None,
    }
}

/// Columns by which such a file is known.
pub(super) fn signs(name: &str) -> &'static [&'static str] {
    match name {
        "shopify" => &["Name", "Lineitem sku", "Lineitem quantity"],
        "woocommerce" => &["order_number", "item_sku", "item_quantity"],
        "magento2" => &["increment_id", "sku", "qty_ordered"],
        // Of none of them.
        _ => &["\0"],
    }
}
