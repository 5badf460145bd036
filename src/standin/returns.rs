//! ReturnOrders and ReturnOrderRowCodes.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answers::{
    Answer, Page, PaginationInfo, Query, add_unknown, business, document, fill, number, refusal, text, uuid,
};
use super::clock::local;
use super::order_rows::place_of;
use super::orders::StoredOrder;
use super::world::World;
use crate::web::Response;

/// The first number that is given to a return.
const FIRST_NUMBER: usize = 501;

/// All returns, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Returns {
    list: Vec<StoredReturn>,
}

/// A return as it was posted, with the service's own fields laid over it.
#[derive(Debug, Clone)]
pub struct StoredReturn {
    /// Extend's number, `RO-501`.
    pub number: String,
    /// The order that it is of, where it is of one.
    pub order: Option<String>,
    /// `header.reference`, free text.
    pub reference: Option<String>,
    /// Who returns.
    pub customer: String,
    /// When it was created.
    pub created: Timestamp,
    /// One of the return statuses of the API.
    pub status: String,
    /// The whole return as GET ReturnOrders/{id} gives it, without fields added by the options.
    pub value: Value,
    /// The body of the POST as it was received; empty where bodies are not kept.
    pub posted_bytes: Vec<u8>,
}

impl World {
    /// All returns, in the order in which they came.
    pub fn returns(&self) -> impl Iterator<Item = &StoredReturn> {
        self.returns.list.iter()
    }

    /// How many returns there are.
    pub fn return_count(&self) -> usize {
        self.returns.list.len()
    }

    /// The goods of a return have arrived. `false` where it is unknown.
    pub fn receive_return(&mut self, number: &str) -> bool {
        let Some(found) = self.returns.list.iter_mut().find(|known| known.number == number) else {
            return false;
        };
        found.status = "Received".to_owned();
        found.value["header"]["status"] = json!("Received");
        for row in found.value["rows"].as_array_mut().into_iter().flatten() {
            row["rowStatus"] = json!("Received");
        }
        true
    }
}

/// GET ReturnOrderRowCodes.
pub(super) fn codes(world: &World, unknown: bool) -> Answer {
    let codes: Vec<Value> = world
        .return_codes
        .iter()
        .map(|(code, name)| {
            let mut code = json!({"returnCode": code, "name": name});
            add_unknown(unknown, &mut code);
            code
        })
        .collect();
    Ok(document(&json!({ "returnOrderRowCodeList": codes })))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListRow<'a> {
    return_number: &'a str,
    return_type: &'a Value,
    status: &'a str,
    reference_order_number: Option<&'a str>,
    customer_number: &'a str,
    customer_name: &'a Value,
    create_date: String,
    invoice_number: Option<&'a str>,
    is_open: bool,
    is_received: bool,
    warehouse: &'a str,
    #[serde(rename = "xNewReason", skip_serializing_if = "Option::is_none")]
    unknown: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReturnList<'a> {
    return_order_list: Vec<ListRow<'a>>,
    pagination_info: PaginationInfo,
}

/// GET ReturnOrders.
pub(super) fn list(world: &World, query: &Query<'_>, unknown: bool) -> Answer {
    let page = Page::by_number(query)?;
    let (from, to) = (query.date("createDateFrom")?, query.date("createDateTo")?);
    let (open, received) = (query.flag("IsOpen")?, query.flag("IsReceived")?);
    let is = |name: &str, field: Option<&str>| query.get(name).is_none_or(|wanted| field == Some(wanted));
    let rows = world.returns.list.iter().filter(|known| {
        from.is_none_or(|from| known.created >= from)
            && to.is_none_or(|to| known.created <= to)
            && open.is_none_or(|open| open == (known.status != "Received"))
            && received.is_none_or(|received| received == (known.status == "Received"))
            && is("returnNumber", Some(&known.number))
            && is("referenceOrderNumber", known.order.as_deref())
            && is("customerNumber", Some(&known.customer))
            && is("warehouse", known.value["header"]["warehouse"].as_str())
    });
    let (rows, total) = page.cut(rows);
    let rows = rows
        .into_iter()
        .map(|known| {
            let header = &known.value["header"];
            ListRow {
                return_number: &known.number,
                return_type: &header["returnType"],
                status: &known.status,
                reference_order_number: known.order.as_deref(),
                customer_number: &known.customer,
                customer_name: &header["customerName"],
                create_date: local(known.created),
                invoice_number: None,
                is_open: known.status != "Received",
                is_received: known.status == "Received",
                warehouse: text(header, "warehouse").unwrap_or_default(),
                unknown: unknown.then_some("other"),
            }
        })
        .collect();
    Ok(document(&ReturnList { return_order_list: rows, pagination_info: page.info(total) }))
}

/// GET ReturnOrders/{id}.
pub(super) fn detail(world: &World, id: &str, unknown: bool) -> Answer {
    let known = world.returns.list.iter().find(|known| known.number == id);
    let known = known.ok_or_else(|| refusal(404, format!("Return order '{id}' does not exist.")))?;
    Ok(show(known.value.clone(), unknown))
}

fn show(mut value: Value, unknown: bool) -> Response {
    add_unknown(unknown, &mut value);
    add_unknown(unknown, &mut value["header"]);
    document(&value)
}

/// POST ReturnOrders. Goods that were returned before can be returned again: whether the real
/// service refuses that is not known, and a client must not be shielded from its own repeats.
pub(super) fn create(world: &mut World, mut body: Value, posted: &[u8], unknown: bool) -> Answer {
    let action = body["createAction"].clone();
    let code = text(&action, "returnCode").map(str::to_owned);
    if let Some(code) = &code {
        check_code(world, code)?;
    }
    let mut header = match body["header"].take() {
        Value::Object(header) => header,
        _ => Map::new(),
    };
    let kind = text(&action, "action").unwrap_or_default();
    let (order, rows) = match kind {
        "ReturnCompleteCustomerOrder" | "ReturnRowsFromCustomerOrder" => {
            let order = ordered(world, &action)?;
            let rows = match kind {
                "ReturnCompleteCustomerOrder" => all_picked(order)?,
                _ => named_rows(order, &action)?,
            };
            (Some(order.clone()), rows)
        }
        "ReturnProducts" => (None, body["rows"].as_array().cloned().unwrap_or_default()),
        other => return Err(business(format!("The value '{other}' is not valid for action."))),
    };
    if rows.is_empty() {
        return Err(business("The return has no rows."));
    }
    let rows = finish_rows(world, rows, code.as_deref())?;
    let now = world.now();
    let number = format!("RO-{}", FIRST_NUMBER + world.returns.list.len());
    fill_header(world, &mut header, order.as_ref(), &number, now)?;
    let customer = header.get("customerNumber").and_then(Value::as_str).unwrap_or_default().to_owned();
    let reference = header.get("reference").and_then(Value::as_str).map(str::to_owned);
    body["header"] = Value::Object(header);
    body["rows"] = Value::Array(rows);
    world.returns.list.push(StoredReturn {
        number,
        order: order.map(|order| order.number),
        reference,
        customer,
        created: now,
        status: "Ordered".to_owned(),
        value: body.clone(),
        posted_bytes: if world.keep_posted { posted.to_vec() } else { Vec::new() },
    });
    Ok(show(body, unknown))
}

fn check_code(world: &World, code: &str) -> Result<(), Response> {
    if world.return_codes.contains_key(code) {
        return Ok(());
    }
    Err(business(format!("Return code '{code}' does not exist.")))
}

fn ordered<'a>(world: &'a World, action: &Value) -> Result<&'a StoredOrder, Response> {
    let number = text(action, "orderNumber").ok_or_else(|| business("The return names no order."))?;
    world.order(number).ok_or_else(|| business(format!("Order with order number '{number}' does not exist.")))
}

fn all_picked(order: &StoredOrder) -> Result<Vec<Value>, Response> {
    let rows: Vec<Value> = order.rows().iter().filter(|row| picked(row)).map(returned).collect();
    if rows.is_empty() {
        return Err(business(format!("Order '{}' has no picked rows to return.", order.number)));
    }
    Ok(rows)
}

fn named_rows(order: &StoredOrder, action: &Value) -> Result<Vec<Value>, Response> {
    let rows = order.rows();
    let mut named = Vec::new();
    for wanted in action["orderRows"].as_array().into_iter().flatten() {
        let (position, sub) = place_of(wanted).ok_or_else(|| business("A row to return has no position."))?;
        let name = format!("Row {position}/{sub} of order '{}'", order.number);
        let row = rows.iter().find(|row| place_of(row) == Some((position, sub)));
        let row = row.ok_or_else(|| business(format!("{name} does not exist.")))?;
        if !picked(row) {
            return Err(business(format!("{name} is not picked and cannot be returned.")));
        }
        let mut back = returned(row);
        if let Some(quantity) = wanted["quantity"].as_f64() {
            let most = row["salesData"]["quantity"].as_f64().unwrap_or(0.0);
            if quantity <= 0.0 || quantity > most {
                return Err(business(format!(
                    "{name} has {}, so {quantity} cannot be returned.",
                    number(most)
                )));
            }
            back["salesData"]["quantity"] = wanted["quantity"].clone();
        }
        if wanted["unitPrice"].is_number() {
            back["salesData"]["unitPrice"] = wanted["unitPrice"].clone();
        }
        if let Some(code) = text(wanted, "returnCode") {
            back["returnCode"] = json!(code);
        }
        named.push(back);
    }
    Ok(named)
}

fn picked(row: &Value) -> bool {
    row["orderRowStatus"] == "Picked"
}

/// A row of an order as a row of a return.
fn returned(row: &Value) -> Value {
    json!({
        "productNumber": row["product"]["productNumber"],
        "salesData": row["salesData"],
        "referenceOrderRowPosition": row["position"],
        "referenceOrderRowSubPosition": row["subPosition"],
    })
}

fn finish_rows(world: &World, mut rows: Vec<Value>, code: Option<&str>) -> Result<Vec<Value>, Response> {
    for (at, row) in rows.iter_mut().enumerate() {
        let number_of = text(row, "productNumber").unwrap_or_default().to_owned();
        let product = world.product(&number_of);
        let product = product
            .ok_or_else(|| business(format!("Product with product number '{number_of}' does not exist.")))?;
        if row["salesData"]["quantity"].as_f64().is_none() || text(&row["salesData"], "unit").is_none() {
            return Err(business(format!("The row with product '{number_of}' has no quantity or no unit.")));
        }
        let first = world.return_codes.keys().next().map(String::as_str).unwrap_or_default();
        let code = text(row, "returnCode").or(code).unwrap_or(first).to_owned();
        check_code(world, &code)?;
        let Some(row) = row.as_object_mut() else { continue };
        row.insert("position".to_owned(), json!((at + 1) * 10));
        row.insert("subPosition".to_owned(), json!(0));
        row.insert("rowStatus".to_owned(), json!("Ordered"));
        row.insert("returnCodeName".to_owned(), json!(world.return_codes.get(&code)));
        row.insert("returnCode".to_owned(), json!(code));
        row.insert("productName".to_owned(), json!(product.name));
        row.insert("returnOrderRowId".to_owned(), json!(uuid()));
    }
    Ok(rows)
}

fn fill_header(
    world: &World,
    header: &mut Map<String, Value>,
    order: Option<&StoredOrder>,
    number: &str,
    now: Timestamp,
) -> Result<(), Response> {
    if let Some(order) = order {
        let warehouse = order.rows().first().map(|row| row["warehouse"].clone()).unwrap_or_default();
        header.insert("referenceOrderNumber".to_owned(), json!(order.number));
        header.insert("referenceExternalOrderNumber".to_owned(), json!(order.external));
        fill(header, "customerNumber", || json!(order.customer));
        fill(header, "warehouse", || warehouse);
    }
    let customer = header.get("customerNumber").and_then(Value::as_str).unwrap_or_default().to_owned();
    let customer = world
        .customer(&customer)
        .ok_or_else(|| business(format!("Customer with customer number '{customer}' does not exist.")))?;
    let known_warehouse = header.get("warehouse").and_then(Value::as_str).is_some();
    if !known_warehouse {
        return Err(business("The return names no warehouse."));
    }
    let kind = if order.is_some() { "ReturnOrderKnown" } else { "ReturnOrderUnknown" };
    header.insert("returnNumber".to_owned(), json!(number));
    header.insert("returnType".to_owned(), json!(kind));
    header.insert("createDate".to_owned(), json!(local(now)));
    header.insert("status".to_owned(), json!("Ordered"));
    header.insert("customerName".to_owned(), json!(customer.name()));
    fill(header, "creditInvoiceAction", || json!("WhenReceived"));
    Ok(())
}
