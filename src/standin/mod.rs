//! The built-in Extend, for `demo` and for the tests.
//!
//! A small Extend Commerce behind real HTTP on this machine: the same addresses, logins, lists,
//! spellings and moods as the service, and none of its data. [`World`] is what it knows, and tests
//! change it as the shop's people would; [`FaultRule`]s make it fail the way that lines, proxies and
//! databases do. Where the service's behaviour is not known, the stand-in takes the course that is
//! hardest on the client: it creates a second order with the same external number, for one.
//!
//! What is promised: its own answers hold to the published description of the API, but for fields
//! whose names begin with [`UNKNOWN_FIELD_PREFIX`], since Extend adds fields without notice.

mod answers;
mod catalogue;
mod clock;
mod customers;
mod desk;
mod faults;
mod goods;
mod limits;
mod order_changes;
mod order_rows;
mod orders;
mod ports;
mod prices;
mod products;
mod record;
mod returns;
mod room;
mod warehouse;
mod webhooks;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use answers::UNKNOWN_FIELD_PREFIX;
pub use clock::Clock;
pub use customers::StoredCustomer;
pub use desk::Desk;
pub use faults::{Fault, FaultMatcher, FaultRule, Times};
pub use goods::{Balance, Component, CustomerPrice, Product};
pub use limits::RateGroup;
pub use orders::StoredOrder;
pub use record::RequestRecord;
pub use returns::StoredReturn;
pub use webhooks::{Delivery, Notification, body as webhook_body, signature};
pub use world::World;

use crate::web::{Limits, Server};
use room::Room;

/// How long [`StandIn::bring_back`] tries to get its port again.
const REBIND: Duration = Duration::from_secs(5);

/// How the stand-in behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The tenant's short name in every path.
    pub client: String,
    /// Who may log in.
    pub username: String,
    /// And with what.
    pub password: String,
    /// The secret that webhooks are signed with.
    pub secret: String,
    /// Requests a minute of the group Standard.
    pub limit_per_minute: u32,
    /// Requests a minute of the group Low.
    pub low_limit_per_minute: u32,
    /// Requests a minute of the group High.
    pub high_limit_per_minute: u32,
    /// Whether a 429 past the limit says when to come again.
    pub retry_after: bool,
    /// How long a list of orders without `modifiedDateFrom` takes before it fails.
    pub hang_for: Duration,
    /// Whether answers hold fields that no description mentions.
    pub unknown_fields: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            client: "demo".to_owned(),
            username: "edge".to_owned(),
            password: "not-a-secret".to_owned(),
            secret: "secret123".to_owned(),
            limit_per_minute: 300,
            low_limit_per_minute: 60,
            high_limit_per_minute: 1000,
            retry_after: true,
            hang_for: Duration::from_secs(100),
            unknown_fields: true,
        }
    }
}

/// A running stand-in. Dropping it stops it.
pub struct StandIn {
    room: Arc<Room>,
    address: SocketAddr,
    server: Mutex<Option<Server>>,
    _port: ports::Taken,
}

impl StandIn {
    /// Starts on a free port of this machine.
    ///
    /// # Errors
    /// When no port can be bound or no thread can be started.
    pub fn start(world: World, options: Options) -> io::Result<StandIn> {
        let room = Arc::new(Room::new(world, options));
        let (port, server) = ports::take(|port| serve(&room, SocketAddr::from((Ipv4Addr::LOCALHOST, port))))?;
        Ok(StandIn { address: server.address(), server: Mutex::new(Some(server)), room, _port: port })
    }

    /// What stands for `https://s05.extend.se/RESTAPI`.
    pub fn base_url(&self) -> String {
        format!("http://{}/RESTAPI", self.address)
    }

    /// The options that it was started with.
    pub fn options(&self) -> &Options {
        &self.room.options
    }

    /// The world, to look at and to change. No request is answered while the guard is held, so let
    /// it go before [`StandIn::cut_off`], which waits for the requests that are being answered.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.room.world()
    }

    /// Stops listening and drops every connection, as a line that is cut: new connections are
    /// refused until [`StandIn::bring_back`].
    pub fn cut_off(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(server);
    }

    /// Listens again on the same port.
    ///
    /// # Errors
    /// When the port could not be had again within five seconds.
    pub fn bring_back(&self) -> io::Result<()> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + REBIND;
        while server.is_none() {
            match serve(&self.room, self.address) {
                Ok(started) => *server = Some(started),
                Err(error) if Instant::now() > until => return Err(error),
                // Another program may hold the port for a connection of its own.
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
        Ok(())
    }

    /// Adds a rule after those that are in force.
    pub fn push_fault(&self, fault: FaultRule) {
        self.room.faults().push(fault);
    }

    /// Ends all rules.
    pub fn clear_faults(&self) {
        self.room.faults().clear();
    }

    /// Has every request seen by `hook` before it is answered, with the world in hand: rows can so be
    /// moved between two pages of a list that is being read.
    pub fn on_request(&self, hook: impl Fn(&mut World, &RequestRecord) + Send + Sync + 'static) {
        self.room.set_hook(Some(Arc::new(hook)));
    }

    /// Processes every request that [`Fault::CommitLater`] has put off, now, and gives their number.
    pub fn commit_late(&self) -> usize {
        self.room.commit_late(None)
    }

    /// How many requests wait to be processed late.
    pub fn late_count(&self) -> usize {
        self.room.late().len()
    }

    /// Every request since the start or the last [`StandIn::forget_requests`]; only the last thousand
    /// where bodies are not kept.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.room.record().all()
    }

    /// How many requests there were since the start or the last [`StandIn::forget_requests`].
    pub fn request_count(&self) -> usize {
        self.room.record().count()
    }

    /// Starts the record afresh.
    pub fn forget_requests(&self) {
        self.room.record().forget();
    }

    /// Whether the bodies of requests, answers and posted documents are kept. Without them memory
    /// grows by the documents alone.
    pub fn keep_bodies(&self, keep: bool) {
        self.room.world().keep_posted = keep;
        self.room.record().keep_bodies = keep;
    }

    /// Every answer takes this much longer.
    pub fn set_latency(&self, latency: Duration) {
        self.room.set_latency(latency);
    }

    /// Uses up the rest of a group's minute, up to so many requests, as another program of the same
    /// tenant would.
    pub fn spend_limit(&self, group: RateGroup, requests: u32) {
        self.room.spend_limit(group, requests);
    }

    /// Sends a webhook, signed, as its first attempt.
    pub fn send_webhook(&self, url: &str, notifications: Vec<Notification>) -> Delivery {
        let id = webhooks::new_id();
        let delivery = Delivery { id, attempt: 0, url: url.to_owned(), notifications, status: None };
        webhooks::attempt(&self.room.options.secret, delivery)
    }

    /// Sends a webhook again, with the same `Id` and a higher `Attempt`. The real service does so
    /// after 1 and then 4 minutes; here the caller says when.
    pub fn send_again(&self, delivery: Delivery) -> Delivery {
        webhooks::attempt(&self.room.options.secret, delivery)
    }

    /// Asks a receiver for its echo, as the service does before it sends anything.
    pub fn shake_hands(&self, url: &str) -> bool {
        webhooks::handshake(url)
    }
}

fn serve(room: &Arc<Room>, address: SocketAddr) -> io::Result<Server> {
    let limits = Limits { connections: 512, ..Limits::default() };
    let clock = room.clock.clone();
    let room = Arc::clone(room);
    Server::start(
        "standin",
        address,
        limits,
        move || clock.now(),
        move |request| Room::handle(&room, request),
    )
}
