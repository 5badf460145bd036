//! Lists that break off, that move while they are read, or that are suddenly empty.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use extend_edge::standin::{Fault, FaultMatcher, FaultRule, Product, RequestRecord, Times, World};

use crate::support::shop::{PATIENCE, Plan, Shop, program};

fn products(shop: &Shop) -> Vec<String> {
    let database = shop.database();
    let mut statement = database
        .prepare("SELECT product_number FROM products WHERE removed_at IS NULL ORDER BY 1")
        .expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

fn at_extend(shop: &Shop) -> Vec<String> {
    let numbers: BTreeSet<String> =
        shop.extend.world().products().map(|product| product.number.clone()).collect();
    numbers.into_iter().collect()
}

fn lists(shop: &Shop, resource: &str) -> Vec<RequestRecord> {
    let requests = shop.requests("GET", resource).into_iter();
    requests.filter(|record| record.id.is_none()).collect()
}

fn only_products(world: World) -> Plan {
    Plan::of(world).set("products.details", "false")
}

/// While page 2 of the products is asked for, a product of page 0 goes: all others move one place.
fn one_goes_while_they_are_read(shop: &Shop, number: &'static str) {
    let once = AtomicBool::new(true);
    shop.extend.on_request(move |world, record| {
        let is_page =
            record.resource == "Products" && record.id.is_none() && record.query.contains("pageOffset=2");
        if is_page && once.swap(false, Ordering::Relaxed) {
            assert!(world.remove_product(number));
        }
    });
}

#[test]
fn rows_that_move_while_an_empty_mirror_is_filled_are_there() {
    let shop = only_products(World::generated(450, 1, 3, 7)).open();
    one_goes_while_they_are_read(&shop, "P-000010");
    let ran = shop.run(&["sync", "products"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let expected = at_extend(&shop);
    assert!(expected.contains(&"P-000201".to_owned()), "it stood on page 2 and moved to page 1");
    assert_eq!(products(&shop), expected);
}

#[test]
fn rows_that_move_during_a_sweep_are_not_taken_for_gone() {
    let shop = only_products(World::generated(450, 1, 3, 7)).open();
    assert_eq!(shop.run(&["sync", "products"]).code, Some(0));
    one_goes_while_they_are_read(&shop, "P-000010");
    shop.extend.world().remove_product("P-000300");
    let ran = shop.run(&["sync", "products", "--full"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(products(&shop), at_extend(&shop));
    let removed = "SELECT count(*) FROM products WHERE removed_at IS NOT NULL";
    assert_eq!(shop.number(removed), Some(2));
}

#[test]
fn a_page_that_fails_is_asked_for_again_and_the_list_goes_on_from_there() {
    let shop = only_products(World::generated(450, 1, 3, 7)).open();
    let matcher = FaultMatcher::to("GET", "Products").skip(3).times(Times::Once);
    shop.extend.push_fault(FaultRule { matcher, fault: Fault::ServerErrorBefore });
    let ran = shop.run(&["sync", "products"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(products(&shop), at_extend(&shop));
    assert_eq!(lists(&shop, "Products").len(), 2 * 5 + 1, "only that page was asked for twice");
}

#[test]
fn a_list_that_breaks_off_for_good_moves_nothing_and_removes_nothing() {
    let shop = only_products(World::generated(450, 1, 3, 7)).open();
    assert_eq!(shop.run(&["sync", "products"]).code, Some(0));
    let state = || -> (String, String) {
        let sql = "SELECT cursor, last_full_at FROM sync_state WHERE entity = 'products'";
        shop.database().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a state")
    };
    let before = state();
    shop.extend.world().remove_product("P-000010");
    let matcher = FaultMatcher::to("GET", "Products").skip(2).times(Times::Always);
    shop.extend.push_fault(FaultRule { matcher, fault: Fault::ServerErrorBefore });
    assert_eq!(shop.run(&["sync", "products", "--full"]).code, Some(1));
    assert_eq!(state(), before);
    assert_eq!(products(&shop).len(), 450);
    shop.extend.clear_faults();
    assert_eq!(shop.run(&["sync", "products", "--full"]).code, Some(0));
    assert_eq!(products(&shop), at_extend(&shop));
}

#[test]
fn a_list_that_is_suddenly_nearly_empty_removes_nothing_and_says_so() {
    let mut shop = only_products(World::generated(30, 1, 3, 7)).set("products.every_seconds", "1").open();
    assert_eq!(shop.run(&["sync", "products"]).code, Some(0));
    shop.start();
    let all: Vec<Product> = shop.extend.world().products().cloned().collect();
    for product in &all[2..] {
        shop.extend.world().remove_product(&product.number);
    }
    assert_eq!(shop.run(&["sync", "products", "--full"]).code, Some(1));
    assert_eq!(products(&shop).len(), 30);
    let trouble = |shop: &Shop| {
        let (status, _) = shop.status();
        status["entities"]["products"]["lastError"].as_str().unwrap_or_default().to_owned()
    };
    assert!(trouble(&shop).contains("2 of 30"), "{}", trouble(&shop));
    // Lists of changes go on, and do not wipe it out.
    let asked = lists(&shop, "Products").len();
    shop.wait_until("more lists of changes", PATIENCE, |shop| lists(shop, "Products").len() >= asked + 3);
    assert!(trouble(&shop).contains("2 of 30"), "{}", trouble(&shop));
    for product in all.into_iter().skip(2) {
        shop.extend.world().put_product(product);
    }
    assert_eq!(shop.run(&["sync", "products", "--full"]).code, Some(0));
    assert_eq!(trouble(&shop), "");
    assert_eq!(products(&shop).len(), 30);
}

#[test]
fn what_came_back_is_there_again() {
    let shop = only_products(World::generated(20, 1, 3, 7)).open();
    assert_eq!(shop.run(&["sync"]).code, Some(0));
    let gone = shop.extend.world().product("P-000007").expect("a product").clone();
    shop.extend.world().remove_product("P-000007");
    assert_eq!(shop.run(&["sync", "--full"]).code, Some(0));
    assert!(!products(&shop).contains(&gone.number));
    let balances = "SELECT count(*) FROM balances WHERE product_number = 'P-000007'";
    assert_eq!(shop.number(balances), Some(0));
    shop.extend.world().put_product(gone.clone());
    assert_eq!(shop.run(&["sync", "--full"]).code, Some(0));
    assert!(products(&shop).contains(&gone.number));
    assert_eq!(shop.number(balances), Some(1));
}

#[test]
fn lists_of_changes_go_on_while_a_sweep_is_slow() {
    let mut shop = only_products(World::generated(450, 1, 3, 7)).set("balances.every_seconds", "1").open();
    assert_eq!(shop.run(&["sync"]).code, Some(0));
    let matcher =
        FaultMatcher::to("GET", "ProductAvailability").containing("pageNumber=3").times(Times::Once);
    shop.extend.push_fault(FaultRule { matcher, fault: Fault::Slow(Duration::from_secs(4)) });
    shop.start();
    let mut asked = program();
    let asked = asked.args(["sync", "balances", "--full", "--home"]).arg(shop.home());
    let mut asked = asked.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program");
    let sweeps = "SELECT count(*) FROM sync_state WHERE entity = 'balances' AND sweep_began_at IS NOT NULL";
    shop.wait_until("the sweep", PATIENCE, |shop| shop.number(sweeps) == Some(1));
    assert!(shop.extend.world().set_balance("P-000005", "W1", 4242));
    shop.wait_until("the change, while the sweep waits", PATIENCE, |shop| {
        let both = format!(
            "SELECT CAST(available AS INTEGER) FROM balances
             WHERE product_number = 'P-000005' AND ({sweeps}) = 1"
        );
        shop.number(&both) == Some(4242)
    });
    assert_eq!(asked.wait().expect("an end").code(), Some(0));
}
