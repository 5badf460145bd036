//! UBL orders through the real program, and what a fresh mirror says of orders before Extend refuses them.

use std::fs;
use std::io::Write;

use serde_json::{Value, json};

use crate::support::shop::{Plan, Shop, order};

const ORDER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"
    xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
    xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:ID>PO-77</cbc:ID>
  <cbc:IssueDate>2026-11-25</cbc:IssueDate>
  <cbc:DocumentCurrencyCode>SEK</cbc:DocumentCurrencyCode>
  <cac:Contract><cbc:ID>C1</cbc:ID></cac:Contract>
  <cac:BuyerCustomerParty>
    <cac:Party><cbc:EndpointID schemeID="0007">5560011231</cbc:EndpointID></cac:Party>
  </cac:BuyerCustomerParty>
  <cac:OrderLine>
    <cac:LineItem>
      <cbc:ID>1</cbc:ID>
      <cbc:Quantity unitCode="EA">3</cbc:Quantity>
      <cac:Item>
        <cbc:Name>Kaffebryggare å &amp; ö</cbc:Name>
        <cac:SellersItemIdentification><cbc:ID>Product-123</cbc:ID></cac:SellersItemIdentification>
      </cac:Item>
    </cac:LineItem>
  </cac:OrderLine>
</Order>
"#;

fn open(more: &[(&str, &str)]) -> Shop {
    let plan = more.iter().fold(Plan::sample(), |plan, (key, value)| plan.set(key, value));
    let mut shop = plan.open();
    shop.start();
    shop.wait("the mirror to be filled", |shop| {
        shop.number("SELECT count(*) FROM sync_state WHERE last_full_at IS NOT NULL AND entity IN ('products', 'customers')")
            == Some(2)
            && shop.number("SELECT count(*) FROM details_wanted") == Some(0)
    });
    shop
}

#[test]
fn an_order_of_a_buyer_in_the_mirror_is_delivered_once() {
    let shop = open(&[]);
    let shown = shop.home().join("preview.xml");
    fs::write(&shown, ORDER).expect("written");
    let preview = shop.run(&["preview", &shown.display().to_string(), "--json"]);
    assert_eq!(preview.code, Some(0), "{preview:?}");
    let document = &preview.json()["documents"][0]["document"];
    assert_eq!(document["orderHeader"]["customerNumber"], "Customer-123");
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 0);

    shop.drop_file("po.xml", ORDER);
    let delivered = shop.wait_state("po.xml", "delivered");
    assert_eq!(delivered["key"], "PO-77");
    let warning = &delivered["warnings"][0];
    assert_eq!(warning["code"], "kept_beside");
    assert!(warning["message"].as_str().is_some_and(|words| words.contains("Contract")), "{warning}");
    let sent: Value =
        serde_json::from_slice(&shop.requests("POST", "CustomerOrders")[0].request_body).expect("JSON");
    assert_eq!(sent["orderRows"][0]["salesData"], json!({ "quantity": 3, "unit": "Stk", "currency": "SEK" }));
    assert_eq!(shop.accepted()["po.xml"], ORDER.as_bytes());
    shop.drop_file("again.xml", ORDER);
    assert_eq!(shop.wait_state("again.xml", "delivered")["duplicateOf"], delivered["id"]);
    assert_eq!(shop.times_at_extend("PO-77"), 1);
    shop.assert_described(&[]);
}

#[test]
fn a_buyer_or_file_that_is_not_known_is_rejected_with_the_place() {
    let shop = open(&[("exchange.max_file_mb", "1"), ("exchange.language", "\"sv\"")]);
    shop.drop_file("stranger.xml", ORDER.replace("5560011231", "5569999999"));
    let (error, text) = shop.wait_error("stranger.xml");
    assert_eq!((&error["code"], &error["line"]), (&json!("unknown_buyer"), &json!(9)));
    assert!(text.contains("0007:5569999999"), "{text}");
    shop.drop_file("laughs.xml", format!("<!DOCTYPE o [<!ENTITY a \"b\">]>{}", &ORDER[39..]));
    assert_eq!(shop.wait_error("laughs.xml").0["code"], "forbidden_xml");
    // 100 MB are not even read.
    let mut large = fs::File::create(shop.exchange("inbox").join(".large.tmp")).expect("a file");
    large.write_all(b"<a>").expect("written");
    large.set_len(100_000_000).expect("room");
    drop(large);
    fs::rename(shop.exchange("inbox/.large.tmp"), shop.exchange("inbox/large.xml")).expect("renamed");
    assert_eq!(shop.wait_error("large.xml").0["code"], "too_large");
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 0);
}

#[test]
fn half_an_order_is_never_taken() {
    let mut shop = Plan::sample().set("exchange.broken_after_seconds", "60").open();
    shop.start();
    shop.wait_up();
    // A writer that stops for a while at some places, the last of them one byte before the end.
    let body = ORDER.trim_end().as_bytes();
    let path = shop.exchange("inbox/slow.xml");
    let mut written = 0;
    for end in [1, 60, 300, 420, 700, body.len() - 20, body.len() - 1] {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&path).expect("a file");
        file.write_all(&body[written..end]).expect("written");
        written = end;
        drop(file);
        shop.wait("the file to be looked at", |shop| {
            shop.number("SELECT count(*) FROM inbox_left WHERE name = 'slow.xml' AND code = 'waiting'")
                == Some(1)
                && shop.number(&format!(
                    "SELECT count(*) FROM inbox_left WHERE name = 'slow.xml' AND stamp LIKE '{end}-%'"
                )) == Some(1)
        });
        assert!(path.exists() && shop.receipt("slow.xml").is_none() && shop.error("slow.xml").is_none());
    }
    let mut file = fs::OpenOptions::new().append(true).open(&path).expect("a file");
    file.write_all(&body[written..]).expect("written");
    drop(file);
    shop.wait("the file to be taken", |shop| {
        shop.receipt("slow.xml").is_some() || shop.error("slow.xml").is_some()
    });
}

#[test]
fn what_a_fresh_mirror_does_not_have_is_warned_of_before_extend_refuses_it() {
    let shop = open(&[]);
    shop.extend.cut_off();
    let mut wrong = order("UN-1", "Product-132", 1);
    wrong["orderHeader"]["customerNumber"] = json!("Customer-12");
    let unit =
        json!({ "product": { "productNumber": "8010" }, "salesData": { "quantity": 1, "unit": "Låda" } });
    wrong["orderRows"].as_array_mut().expect("rows").push(unit);
    shop.drop_json("wrong.json", &wrong);
    let queued = shop.wait_state("wrong.json", "queued");
    let told: Vec<(&str, &str)> = queued["warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| (one["code"].as_str().unwrap_or_default(), one["message"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        told.iter().map(|(code, _)| *code).collect::<Vec<_>>(),
        ["unknown_customer", "unknown_product", "unknown_unit"]
    );
    assert!(told[0].1.ends_with("Did you mean Customer-123?"), "{told:?}");
    assert!(told[1].1.ends_with("Did you mean Product-123?"), "{told:?}");
    assert!(told[2].1.contains("ST"), "{told:?}");
    shop.drop_json("right.json", &order("UN-2", "Product-123", 1));
    assert_eq!(shop.wait_state("right.json", "queued")["warnings"], json!([]));
}

#[test]
fn a_mirror_that_was_never_filled_says_nothing_and_stops_nothing() {
    let mut shop = Plan::sample().open();
    shop.extend.cut_off();
    shop.start();
    shop.drop_json("any.json", &order("UN-3", "No such product", 1));
    assert_eq!(shop.wait_state("any.json", "queued")["warnings"], json!([]));
}
