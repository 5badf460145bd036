//! The status page in a real browser: buttons are pressed and the table shows it, with and without script, in
//! light and dark, on a phone, by keyboard.

use serde_json::Value;

use super::page::url;
use crate::support::chromium::Browser;
use crate::support::shop::{Plan, Shop, order};

/// The browser; where there is none, that is said.
fn browser() -> Option<Browser> {
    let browser = Browser::start();
    if browser.is_none() {
        eprintln!("SKIPPED: there is no Chromium here: the status page was not looked at in a browser");
    }
    browser
}

/// A shop where one order is refused.
fn shop() -> (Shop, String) {
    let mut shop = Plan::sample().set("status.listen", "\"127.0.0.1:0\"").open();
    shop.start();
    shop.drop_json("right.json", &order("B-1", "Product-123", 1));
    shop.wait_state("right.json", "delivered");
    shop.drop_json("wrong.json", &order("B-2", "No such product", 1));
    let id = shop.wait_state("wrong.json", "refused")["id"].to_string();
    (shop, id)
}

fn actions(shop: &Shop, action: &str) -> Option<i64> {
    shop.number(&format!(
        "SELECT count(*) FROM outbox_actions WHERE action = '{action}' AND who = 'status page'"
    ))
}

#[test]
fn buttons_are_pressed_and_the_table_shows_it() {
    let Some(mut browser) = browser() else { return };
    let (mut shop, id) = shop();
    let url = url(&shop);
    browser.look(1200, 900, false);
    browser.open(&format!("{url}/"));
    assert_eq!(browser.text(".said"), "One thing needs a person");
    assert!(browser.text("#refused").contains("No such product"));

    // Retry, on the front page.
    browser.press(&format!("#refused form[action='/outbox/{id}/retry'] button"));
    assert!(browser.text(".done").contains("is sent as soon as Extend answers"));
    assert_eq!(actions(&shop, "retry"), Some(1));
    shop.wait("the second refusal", |shop| {
        shop.number("SELECT count(*) FROM outbox_attempts WHERE outcome = 'refused'") == Some(2)
    });

    // Edit, without script: everything works.
    browser.call("Emulation.setScriptExecutionDisabled", serde_json::json!({ "value": true }));
    browser.open(&format!("{url}/"));
    browser.press(&format!("#refused a[href='/outbox/{id}/edit']"));
    browser.value("document.querySelector('textarea').value = '{ \"orderHeader\": 1 }'");
    browser.press("main form button");
    assert!(browser.text("#wrong").contains("orderHeader"), "{}", browser.text("main"));
    let mended = order("B-2", "Product-123", 2).to_string();
    browser.value(&format!("document.querySelector('textarea').value = {}", serde_json::json!(mended)));
    browser.press("main form button");
    assert!(browser.text(".done").contains("edited, and queued"));
    shop.wait_state("wrong.json", "delivered");
    assert_eq!(actions(&shop, "edit"), Some(1));
    assert_eq!(shop.times_at_extend("B-2"), 1);
    browser.call("Emulation.setScriptExecutionDisabled", serde_json::json!({ "value": false }));

    // Cancel, by keyboard alone.
    shop.drop_json("third.json", &order("B-3", "No such product", 1));
    let id = shop.wait_state("third.json", "refused")["id"].to_string();
    browser.open(&format!("{url}/"));
    let wanted = format!("/outbox/{id}/cancel");
    tab_to(&mut browser, &format!("document.activeElement.getAttribute('href') === '{wanted}'"));
    browser.enter();
    tab_to(&mut browser, "document.activeElement.matches('button.grave')");
    assert_eq!(shop.number("SELECT count(*) FROM outbox WHERE state = 'cancelled'"), Some(0));
    browser.enter();
    shop.wait_state("third.json", "cancelled");
    assert_eq!(actions(&shop, "cancel"), Some(1));

    // Search.
    browser.value("document.querySelector('#q').value = 'product-123'");
    browser.press("header form button");
    assert!(browser.text("#products").contains("MainWarehouse"));

    // What changes is shown without the page being loaded anew, and so is an agent that has gone.
    browser.open(&format!("{url}/"));
    assert_eq!(browser.text(".said"), "All is well");
    browser.value("window.mark = 1; document.querySelector('#q').focus()");
    shop.drop_json("fourth.json", &order("B-4", "No such product", 1));
    shop.wait_state("fourth.json", "refused");
    wait_text(&mut browser, ".said", "One thing needs a person");
    assert!(browser.text("#refused").contains("B-4"));
    assert_eq!(browser.value("window.mark"), 1);
    assert_eq!(browser.value("document.querySelector('link[rel=icon]').href.endsWith('/trouble.svg')"), true);
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
    shop.stop();
    wait_text(&mut browser, "#gone", "does not answer");

    let outside: Vec<&String> = browser.requests.iter().filter(|asked| !asked.starts_with(&url)).collect();
    assert!(outside.is_empty(), "{outside:?}");
}

/// Goes from one thing to the next until it is the one.
fn tab_to(browser: &mut Browser, is_it: &str) {
    for _ in 0..200 {
        browser.key("Tab", 9, "");
        if browser.value(is_it) == true {
            let outline = browser.value("getComputedStyle(document.activeElement).outlineStyle");
            assert_eq!(outline, "solid", "where one is must be seen");
            return;
        }
    }
    panic!("it can't be reached by keyboard: {is_it}");
}

/// Has the page look again, as it does by itself every ten seconds.
fn wait_text(browser: &mut Browser, selector: &str, wanted: &str) {
    for _ in 0..600 {
        browser.value("document.dispatchEvent(new Event('visibilitychange'))");
        let settled = "new Promise(done => setTimeout(done, 50))";
        browser.value(settled);
        if browser.text(selector).contains(wanted) {
            return;
        }
    }
    panic!("waited in vain for {wanted}: {}", browser.text("body"));
}

/// Contrast of every text with what is behind it, by WCAG 2: those below 4.5.
const FAINT: &str = r"(() => {
  const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; })
    .reduce((sum, c, place) => sum + c * [.2126, .7152, .0722][place], 0);
  const behind = (it) => {
    for (; it; it = it.parentElement) {
      const colour = parse(getComputedStyle(it).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const it = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !it.checkVisibility() || it.closest('script,noscript,title,desc')) continue;
    const style = getComputedStyle(it);
    const colours = [light(parse(it.closest('svg') ? style.fill : style.color)), light(behind(it))].sort((a, b) => b - a);
    const ratio = (colours[0] + .05) / (colours[1] + .05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${texts.currentNode.data.trim()}`);
  }
  return faint;
})()";

#[test]
fn it_is_read_in_light_and_dark_on_a_screen_and_a_phone_and_by_a_reader() {
    let Some(mut browser) = browser() else { return };
    let (shop, id) = shop();
    shop.extend.cut_off();
    shop.drop_json(
        "waits.json",
        &order("B-WITH-A-VERY-LONG-NUMBER-THAT-NO-PHONE-IS-WIDE-ENOUGH-FOR", "Product-123", 1),
    );
    shop.wait_state("waits.json", "queued");
    let url = url(&shop);
    for (page, path) in [
        ("front", "/".to_owned()),
        ("item", format!("/outbox/{id}")),
        ("edit", format!("/outbox/{id}/edit")),
        ("cancel", format!("/outbox/{id}/cancel")),
        ("search", "/search?q=p".to_owned()),
    ] {
        for (look, width, dark) in
            [("light", 1200, false), ("dark", 1200, true), ("phone", 360, false), ("phone-dark", 360, true)]
        {
            browser.look(width, 800, dark);
            browser.open(&format!("{url}{path}"));
            browser.picture(&format!("{page}-{look}"));
            let wide = browser.value("document.documentElement.scrollWidth");
            assert!(wide.as_u64() <= Some(u64::from(width)), "{page} {look} is {wide} wide");
            assert_eq!(browser.value(FAINT), serde_json::json!([]), "{page} {look}");
            if width == 360 {
                let small = browser.value(
                    "[...document.querySelectorAll('button, .button')].filter(it => it.getBoundingClientRect().height < 24).length",
                );
                assert_eq!(small, 0, "a finger must hit it: {page}");
            }
        }
        assert_named(&mut browser, page);
        let headings = browser.value("[...document.querySelectorAll('h1')].length");
        assert_eq!(headings, 1, "{page}");
    }
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

/// Whatever can be pressed or filled in, and every picture and table, has a name for who can't see it.
fn assert_named(browser: &mut Browser, page: &str) {
    let tree = browser.call("Accessibility.getFullAXTree", serde_json::json!({}));
    let nodes = tree["nodes"].as_array().expect("nodes");
    let mut seen = 0;
    for node in nodes.iter().filter(|node| node["ignored"] == false) {
        let role = node["role"]["value"].as_str().unwrap_or_default();
        if ["button", "link", "textbox", "searchbox", "image", "img", "table", "region"].contains(&role) {
            seen += 1;
            let name = node["name"]["value"].as_str().unwrap_or_default();
            assert!(!name.trim().is_empty(), "{page}: a {role} without a name: {node}");
        }
    }
    assert!(seen > 3, "{page}: {seen}");
}
