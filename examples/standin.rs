//! The built-in Extend alone, to try the agent against without a login: it prints what belongs under [extend]
//! in the settings, and then each request until it is ended.

use std::error::Error;
use std::time::Duration;

use extend_edge::standin::{Options, StandIn, World};

fn main() -> Result<(), Box<dyn Error>> {
    let extend = StandIn::start(World::sample(), Options::default())?;
    let options = extend.options();
    println!("base_url = \"{}\"", extend.base_url());
    println!("client = \"{}\"", options.client);
    println!("username = \"{}\"", options.username);
    println!("password = \"{}\"", options.password);
    let mut shown = 0;
    loop {
        for request in extend.requests().iter().skip(shown) {
            println!("# {} {}", request.method, request.resource);
            shown += 1;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
