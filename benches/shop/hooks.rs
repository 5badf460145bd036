//! From a webhook to the changed file in outgoing/.

use std::path::Path;
use std::time::{Duration, Instant};

use extend_edge::standin::Notification;
use extend_edge::web::{Limits, Response, Server};

use super::Shop;

const HOOKS: i64 = 30;

/// Webhooks one by one, each about something that changed just before.
pub fn hook_to_file() {
    let shop = Shop::open("[webhooks]\nlisten = \"127.0.0.1:18787\"\nsecret = \"secret123\"\n");
    let agent = shop.start();
    shop.wait(|| {
        shop.number("SELECT count(*) FROM sync_state WHERE last_success_at IS NOT NULL") >= 5
            && shop.number("SELECT count(*) FROM details_wanted") == 0
            && shop.number("SELECT count(*) FROM owed_files") == 0
            && shop.number("SELECT count(*) FROM changes WHERE written = 0") == 0
    });
    let url = "http://127.0.0.1:18787/webhooks/extend";
    let changes = shop.config.outgoing_changes();
    let balances = medians(&changes, |number| {
        shop.extend.world().set_balance("8010", "MainWarehouse", 1000 + number);
        told(&shop, url, "AvailableBalanceChanged");
    });
    let products = medians(&changes, |number| {
        shop.extend.world().change_product("8010", |product| product.name = format!("Product {number}"));
        told(&shop, url, "ProductChanged");
    });
    drop(agent);

    let bare = Shop::open("");
    let folder = bare.config.outgoing_changes();
    let (login, out) = (bare.login(), folder.clone());
    let since = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let list = format!(
        "{}/v1_0/{}/ProductAvailability?pageNumber=1&modifiedDateFrom={since}",
        bare.extend.base_url(),
        bare.options.client
    );
    let client = ureq::Agent::new_with_defaults();
    let server = Server::start("bare", "127.0.0.1:0", Limits::default(), jiff::Timestamp::now, move |_| {
        let body = client
            .get(&list)
            .header("ExtendBasicAuthorization", &login)
            .call()
            .and_then(|mut answer| answer.body_mut().read_to_vec())
            .expect("a list");
        std::fs::write(out.join(".beside.tmp"), body).expect("written");
        std::fs::rename(out.join(".beside.tmp"), out.join("changed.json")).expect("renamed");
        Response::text(200, "").into()
    })
    .expect("a server");
    let url = format!("http://{}/webhooks/extend", server.address());
    let floor = medians(&folder, |number| {
        bare.extend.world().set_balance("8010", "MainWarehouse", 1000 + number);
        told(&bare, &url, "AvailableBalanceChanged");
    });
    println!(
        "webhook to changed file, {HOOKS} one by one: balances median {:.0} ms, slowest {:.0} ms; a product \
         median {:.0} ms, slowest {:.0} ms; bare POST, GET of the list, write: median {:.1} ms",
        balances.0, balances.1, products.0, products.1, floor.0
    );
}

fn told(shop: &Shop, url: &str, action: &str) {
    let told = Notification::new(action, "ProductNumber", "8010");
    let delivery = shop.extend.send_webhook(url, vec![told]);
    assert_eq!(delivery.status, Some(200));
}

/// Median and slowest, in ms, from before the webhook is sent until a file of changes lies there.
fn medians(changes: &Path, send: impl Fn(i64)) -> (f64, f64) {
    let files = || {
        let entries = std::fs::read_dir(changes).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| !name.starts_with('.')).collect::<Vec<_>>()
    };
    let mut all: Vec<f64> = Vec::new();
    for number in 0..HOOKS {
        files().iter().for_each(|name| std::fs::remove_file(changes.join(name)).expect("removed"));
        let began = Instant::now();
        send(number);
        while files().is_empty() {
            assert!(began.elapsed() < Duration::from_secs(60), "waited in vain");
            std::thread::sleep(Duration::from_micros(500));
        }
        all.push(began.elapsed().as_secs_f64() * 1000.0);
        // The next one is a webhook of its own, and no burst.
        std::thread::sleep(Duration::from_millis(700));
    }
    all.sort_by(f64::total_cmp);
    (all[all.len() / 2], all[all.len() - 1])
}
