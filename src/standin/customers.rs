//! Customers.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::answers::{Answer, Page, PaginationInfo, Query, add_unknown, business, document, refusal, text};
use super::clock::local;
use super::world::World;

/// All customers, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Customers {
    list: Vec<StoredCustomer>,
    by_number: HashMap<String, usize>,
}

/// A customer as it was put in, with the service's own fields laid over it.
#[derive(Debug, Clone)]
pub struct StoredCustomer {
    /// Extend's key for it.
    pub number: String,
    /// The whole record.
    pub value: Value,
    /// When it was last edited.
    pub changed: Timestamp,
}

impl Customers {
    pub fn has(&self, number: &str) -> bool {
        self.by_number.contains_key(number)
    }

    pub fn get(&self, number: &str) -> Option<&StoredCustomer> {
        self.list.get(*self.by_number.get(number)?)
    }
}

impl StoredCustomer {
    /// Name and last name.
    pub fn name(&self) -> String {
        let part = |name| text(&self.value, name).unwrap_or_default();
        format!("{} {}", part("name"), part("lastName")).trim().to_owned()
    }
}

impl World {
    /// Puts a customer in, or in the place of the one with its `customerNumber`. Its change date
    /// becomes the world's time. `false` where the record has no number.
    pub fn put_customer(&mut self, value: Value) -> bool {
        let now = self.now();
        self.put_customer_dated(value, now)
    }

    /// The same with a change date of its own, for customers that were there before.
    pub fn put_customer_dated(&mut self, mut value: Value, changed: Timestamp) -> bool {
        let Some(number) = text(&value, "customerNumber").map(str::to_owned) else { return false };
        let known = self.customers.by_number.get(&number).copied();
        let created = known
            .and_then(|at| self.customers.list[at].value.get("createDate").cloned())
            .unwrap_or_else(|| Value::from(local(changed)));
        if let Some(record) = value.as_object_mut() {
            record.insert("createDate".to_owned(), created);
            record.insert("changeDate".to_owned(), Value::from(local(changed)));
        }
        let customer = StoredCustomer { number: number.clone(), value, changed };
        match known {
            Some(at) => self.customers.list[at] = customer,
            None => {
                self.customers.by_number.insert(number, self.customers.list.len());
                self.customers.list.push(customer);
            }
        }
        true
    }

    /// Takes a customer out, as if it had never been. `false` where there is none.
    pub fn remove_customer(&mut self, number: &str) -> bool {
        let Some(at) = self.customers.by_number.get(number).copied() else { return false };
        self.customers.list.remove(at);
        self.customers.by_number = self
            .customers
            .list
            .iter()
            .enumerate()
            .map(|(at, customer)| (customer.number.clone(), at))
            .collect();
        true
    }

    /// The customer with that number.
    pub fn customer(&self, number: &str) -> Option<&StoredCustomer> {
        self.customers.get(number)
    }

    /// All customers, in the order of the list.
    pub fn customers(&self) -> impl Iterator<Item = &StoredCustomer> {
        self.customers.list.iter()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListRow<'a> {
    customer_number: &'a str,
    name: &'a str,
    last_name: Option<&'a str>,
    organization_number: Option<&'a str>,
    email2: Option<&'a str>,
    phone_number2: Option<&'a str>,
    delivery_address1: Option<&'a str>,
    delivery_postal_code: &'a str,
    delivery_city: &'a str,
    credit_limit: Option<String>,
    credit_limit_currency: Option<&'static str>,
    change_date: String,
    invoice_email: Option<&'a str>,
    #[serde(rename = "xNewTier", skip_serializing_if = "Option::is_none")]
    unknown: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomerList<'a> {
    customer_list: Vec<ListRow<'a>>,
    pagination_info: PaginationInfo,
}

fn list_row(customer: &StoredCustomer, unknown: bool) -> ListRow<'_> {
    let value = &customer.value;
    let address = &value["customerDeliveryAddress"]["address"];
    let limit = &value["customerFinancialSettings"]["creditLimit"];
    ListRow {
        customer_number: &customer.number,
        name: text(value, "name").unwrap_or_default(),
        last_name: text(value, "lastName"),
        organization_number: text(value, "organizationNumber"),
        email2: text(value, "orderConfirmationEmail"),
        phone_number2: text(value, "phone"),
        delivery_address1: text(address, "address1"),
        delivery_postal_code: text(address, "postalCode").unwrap_or_default(),
        delivery_city: text(address, "city").unwrap_or_default(),
        credit_limit: limit.is_number().then(|| limit.to_string()),
        credit_limit_currency: limit.is_number().then_some("SEK"),
        change_date: local(customer.changed),
        invoice_email: text(value, "invoiceEmail"),
        unknown: unknown.then_some("gold"),
    }
}

/// Names of the query and the fields that must hold their text.
const FILTERS: [(&str, &str); 9] = [
    ("customerNumberSearch", "/customerNumber"),
    ("name", "/name"),
    ("lastName", "/lastName"),
    ("organizationNumber", "/organizationNumber"),
    ("email2", "/orderConfirmationEmail"),
    ("phoneNumber2", "/phone"),
    ("deliveryAddress1", "/customerDeliveryAddress/address/address1"),
    ("deliveryPostalCode", "/customerDeliveryAddress/address/postalCode"),
    ("deliveryCity", "/customerDeliveryAddress/address/city"),
];

/// GET Customers.
pub(super) fn list(world: &World, query: &Query<'_>, unknown: bool) -> Answer {
    let page = Page::by_number(query)?;
    let after = query.date("changedAfterDate")?;
    // What the query narrows by, looked at once: most lists are narrowed by nothing but the date.
    let narrowed: Vec<(&str, String)> = FILTERS
        .iter()
        .filter_map(|(name, pointer)| Some((*pointer, query.get(name)?.to_lowercase())))
        .collect();
    let number = query.get("customerNumber");
    let rows = world.customers.list.iter().filter(|customer| {
        let holds = |(pointer, wanted): &(&str, String)| {
            let field = customer.value.pointer(pointer).and_then(Value::as_str);
            field.is_some_and(|field| field.to_lowercase().contains(wanted))
        };
        after.is_none_or(|after| customer.changed >= after)
            && number.is_none_or(|number| customer.number == number)
            && narrowed.iter().all(holds)
    });
    let (rows, total) = page.cut(rows);
    let rows = rows.into_iter().map(|customer| list_row(customer, unknown)).collect();
    Ok(document(&CustomerList { customer_list: rows, pagination_info: page.info(total) }))
}

/// GET Customers/{id}.
pub(super) fn detail(world: &World, id: &str, unknown: bool) -> Answer {
    let customer = world.customers.get(id).ok_or_else(|| absent(id))?;
    let mut answer = customer.value.clone();
    add_unknown(unknown, &mut answer);
    Ok(document(&answer))
}

/// POST Customers. A number that is taken is refused.
pub(super) fn create(world: &mut World, mut body: Value, unknown: bool) -> Answer {
    check(&body)?;
    let number = match text(&body, "customerNumber") {
        Some(taken) if world.customers.has(taken) => {
            return Err(business(format!("Customer with customer number '{taken}' already exists.")));
        }
        Some(number) => number.to_owned(),
        None => (100_001 + world.customers.list.len()).to_string(),
    };
    body["customerNumber"] = Value::from(number.as_str());
    body["customerStatus"] = json!("Active");
    world.put_customer(body);
    detail(world, &number, unknown)
}

/// PUT Customers/{id}. The record takes the place of the old one: what is left out is gone.
pub(super) fn replace(world: &mut World, id: &str, mut body: Value, unknown: bool) -> Answer {
    let old = world.customers.get(id).ok_or_else(|| absent(id))?;
    check(&body)?;
    if text(&body, "customerNumber").is_some_and(|number| number != id) {
        return Err(business("The customer number cannot be changed."));
    }
    body["customerNumber"] = Value::from(id);
    body["customerStatus"] = old.value["customerStatus"].clone();
    world.put_customer(body);
    detail(world, id, unknown)
}

fn absent(id: &str) -> crate::web::Response {
    refusal(404, format!("Customer with customer number '{id}' does not exist."))
}

/// The fields that the service insists on.
fn check(body: &Value) -> Result<(), crate::web::Response> {
    let missing = |name: &str| Err(business(format!("The {name} field is required.")));
    if text(body, "name").is_none() {
        return missing("name");
    }
    if !body["customerLogisticsSettings"].is_object() {
        return missing("customerLogisticsSettings");
    }
    let address = &body["customerDeliveryAddress"]["address"];
    match ["address1", "postalCode", "city", "country"].iter().find(|name| !address[**name].is_string()) {
        Some(name) => missing(&format!("customerDeliveryAddress.address.{name}")),
        None => Ok(()),
    }
}
