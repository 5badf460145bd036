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
