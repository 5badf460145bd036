//! Where and when: delivery address, invoice address, and the day that is asked for.

use serde_json::{Map, Value, json};

use super::{Element, Making};

impl<'a> Making<'a> {
    /// Fills in what an order says of its delivery and its invoice. An address that lacks what Extend needs of one
    /// is none; what it says is then kept as everything is that has no field ([`super::kept`]).
    pub(super) fn delivery(&mut self, root: &'a Element, header: &mut Map<String, Value>) {
        let value = |path: &str| root.at(path).and_then(Element::value);
        if let Some(period) = root.at("Delivery/RequestedDeliveryPeriod") {
            let field = "Delivery/RequestedDeliveryPeriod";
            let last = self.moment(period, "End", field);
            let asked = self.moment(period, "Start", field).or(last);
            header.extend(asked.map(|asked| ("askedDeliveryDate".into(), json!(asked))));
        }
        if let Some(address) = delivery_address(root) {
            header.insert("deliveryAddress".into(), address);
        }
        for (field, path) in [
            ("delieryPhoneNumber", "Delivery/DeliveryParty/Contact/Telephone"),
            ("deliveryEmail", "Delivery/DeliveryParty/Contact/ElectronicMail"),
        ] {
            header.extend(value(path).map(|text| (field.to_owned(), json!(text))));
        }
        if let Some(address) = invoice_address(root) {
            header.insert("invoiceAddress".into(), address);
        }
    }
}

fn delivery_address(root: &Element) -> Option<Value> {
    let value = |path: &str| root.at(path).and_then(Element::value);
    let place =
        root.at("Delivery/DeliveryLocation/Address").or_else(|| root.at("Delivery/DeliveryAddress"))?;
    let name = value("Delivery/DeliveryParty/PartyName/Name")
        .or_else(|| value("Delivery/DeliveryLocation/Name"))
        .or_else(|| buyers_name(root))?;
    let mut address = fields(place)?;
    address.insert("name1".into(), json!(name));
    if let Some(contact) = value("Delivery/DeliveryParty/Contact/Name") {
        address.insert("name2".into(), json!(contact));
    }
    Some(Value::Object(address))
}

fn invoice_address(root: &Element) -> Option<Value> {
    let party = root.at("AccountingCustomerParty/Party")?;
    let value = |path: &str| party.at(path).and_then(Element::value);
    let name = value("PartyName/Name").or_else(|| value("PartyLegalEntity/RegistrationName"))?;
    let mut address = fields(party.child("PostalAddress")?)?;
    address.insert("name".into(), json!(name));
    Some(Value::Object(address))
}

fn buyers_name(root: &Element) -> Option<&str> {
    let party = root.at("BuyerCustomerParty/Party")?;
    let value = |path: &str| party.at(path).and_then(Element::value);
    value("PartyName/Name").or_else(|| value("PartyLegalEntity/RegistrationName"))
}

/// The fields of an address but its name; `None` where Extend would not take it.
fn fields(address: &Element) -> Option<Map<String, Value>> {
    let value = |path: &str| address.at(path).and_then(Element::value);
    let mut fields = Map::new();
    let lines = ["StreetName", "AdditionalStreetName", "AddressLine/Line"].map(value);
    let mut lines = lines.into_iter().flatten();
    for name in ["address1", "address2", "address3"] {
        fields.extend(lines.next().map(|line| (name.to_owned(), json!(line))));
    }
    for (name, path) in [("postalCode", "PostalZone"), ("city", "CityName"), ("state", "CountrySubentity")] {
        fields.extend(value(path).map(|text| (name.to_owned(), json!(text))));
    }
    let country = value("Country/IdentificationCode").filter(|code| code.len() == 2)?;
    fields.insert("countryCode".into(), json!(country));
    ["address1", "city"].iter().all(|name| fields.contains_key(*name)).then_some(fields)
}
