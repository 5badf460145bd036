//! One call: out, back, and nothing decided.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::rfc2822;

use super::requests::{Method, Request};
use crate::rules::answer::{Answer, Limits, NoAnswer};

/// An answer larger than this is none of Extend's: a page has 100 rows.
const LARGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// Something that makes calls: the client, or a simulation.
pub trait Api: Send + Sync {
    /// Makes one call and waits for its answer, or for the time-out.
    ///
    /// # Errors
    /// No whole answer came; whether the request may have been processed is told.
    fn call(&self, request: &Request) -> Result<Answer, NoAnswer>;
}

/// The client of one tenant.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    login: String,
}

impl Client {
    /// The client that the settings describe.
    pub fn of(settings: &crate::config::Extend) -> Client {
        let crate::config::Extend { base_url, client, username, password, timeout, .. } = settings;
        Client::new(base_url, client, username, password.expose(), *timeout)
    }

    /// `base_url` is without a slash at its end. `timeout` is that of a whole call.
    pub fn new(base_url: &str, client: &str, username: &str, password: &str, timeout: Duration) -> Client {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .timeout_resolve(Some(timeout.min(Duration::from_secs(10))))
            .timeout_connect(Some(timeout.min(Duration::from_secs(10))))
            // Statuses are ours to classify, and a redirect is never followed: it would carry the login
            // elsewhere. There is no cookie store: Extend answers 400 to cookies in the end (documented).
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("extend-edge/", env!("CARGO_PKG_VERSION")))
            // A connection that lay idle for long may be dead, and a POST lost on it must be looked up.
            .max_idle_age(Duration::from_secs(5))
            .max_idle_connections_per_host(8)
            .build()
            .new_agent();
        let escaped = percent_encoding::utf8_percent_encode(client, percent_encoding::NON_ALPHANUMERIC);
        Client {
            agent,
            base: format!("{base_url}/v1_0/{escaped}"),
            login: format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))),
        }
    }

    /// Ends every call that is under way: they fail as lost.
    pub fn shut_down(&self) {
        self.agent.clone().shutdown();
    }
}

impl Api for Client {
    fn call(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let url = format!("{}{}", self.base, request.path);
        // Not `Authorization`: Extend has a header of its own (documented).
        let login = ("ExtendBasicAuthorization", self.login.as_str());
        let result = match (request.method, &request.body) {
            (Method::Get, _) => self.agent.get(&url).header(login.0, login.1).call(),
            (Method::Delete, _) => self.agent.delete(&url).header(login.0, login.1).call(),
            (Method::Post | Method::Put, body) => {
                let builder =
                    if request.method == Method::Post { self.agent.post(&url) } else { self.agent.put(&url) };
                builder
                    .header(login.0, login.1)
                    .header("Content-Type", "application/json; charset=utf-8")
                    .send(body.as_deref().unwrap_or_default())
            }
        };
        let mut response = result.map_err(|error| no_answer(&error))?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let number = |name: &str| header(name).and_then(|text| text.trim().parse::<i64>().ok());
        let mut answer = Answer {
            status: response.status().as_u16(),
            body: Vec::new(),
            // The form with a date is not read: nothing says that Extend uses it, and without a number of
            // seconds a pause of our own is taken.
            retry_after: number("retry-after").and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs),
            limits: Limits {
                limit: number("x-ratelimit-limit").and_then(|n| u32::try_from(n).ok()),
                remaining: number("x-ratelimit-remaining").map(|n| u32::try_from(n).unwrap_or(0)),
                reset: number("x-ratelimit-reset"),
            },
            server_time: header("date")
                .and_then(|text| rfc2822::DateTimeParser::new().parse_timestamp(text).ok())
                .map(|time| time.as_second()),
        };
        answer.body = response
            .body_mut()
            .with_config()
            .limit(LARGEST_ANSWER)
            .read_to_vec()
            .map_err(|error| NoAnswer::Lost(format!("the answer broke off: {error}")))?;
        Ok(answer)
    }
}

const UNKNOWN_NAME: &str = "no computer of this name was found";

/// The standard library gives a failed name look-up no kind of its own. On Unix it says so in these words;
/// on Windows these are WSAHOST_NOT_FOUND, WSATRY_AGAIN, WSANO_RECOVERY and WSANO_DATA.
fn is_unknown_name(error: &io::Error) -> bool {
    error.to_string().contains("failed to lookup address information")
        || matches!(error.raw_os_error(), Some(11001..=11004))
}

/// Whether the request may have been processed, from how the call failed.
fn no_answer(error: &ureq::Error) -> NoAnswer {
    let never_left = match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::BadUri(_)
        | ureq::Error::InvalidProxyUrl
        | ureq::Error::ConnectProxyFailed(_)
        | ureq::Error::Http(_)
        | ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => true,
        ureq::Error::Io(error) => {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
                    | io::ErrorKind::AddrNotAvailable
                    | io::ErrorKind::NetworkDown
            ) || error.to_string().contains("invalid peer certificate")
                || is_unknown_name(error)
        }
        ureq::Error::Rustls(_) => error.to_string().contains("invalid peer certificate"),
        _ => false,
    };
    let why = match error {
        ureq::Error::HostNotFound => UNKNOWN_NAME.to_owned(),
        ureq::Error::Io(error) if is_unknown_name(error) => UNKNOWN_NAME.to_owned(),
        ureq::Error::Timeout(ureq::Timeout::Connect) => "no connection in time".to_owned(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "the connection was refused".to_owned()
        }
        other => other.to_string(),
    };
    if never_left { NoAnswer::NotSent(why) } else { NoAnswer::Lost(why) }
}
