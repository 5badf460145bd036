//! Who may see the page, and who may press its buttons.
//!
//! A page on this computer's own address can be asked for by any web site that is open in a browser here. The
//! browser keeps the answer from that site, unless the site's name is made to mean this computer (DNS
//! rebinding): so the name in the request must be this computer's, where no password tells friend from foe.
//! And a site can make the browser press a button blindly: so every button carries a token that only our own
//! page holds, and a request that says that it comes from elsewhere is turned away.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::config::Secret;
use crate::web::Request;

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnedAway {
    /// It names another computer than this.
    Host,
    /// The password is missing.
    NoPassword,
    /// The password is another.
    WrongPassword,
    /// It comes from another site, or from a page of before the agent's last start.
    Token,
}

/// The guard of one agent's page.
pub struct Guard {
    password: Option<Secret>,
    token: String,
}

impl Guard {
    /// A guard with a token of its own, which nobody can guess.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new(password: Option<Secret>) -> std::io::Result<Guard> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Guard { password, token: STANDARD.encode(bytes) })
    }

    /// What every form of the page carries.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether the page may be shown.
    ///
    /// # Errors
    /// It may not.
    pub fn admit(&self, request: &Request) -> Result<(), TurnedAway> {
        let Some(password) = &self.password else { return self.admit_host(request) };
        let Some(given) = request.header("authorization") else { return Err(TurnedAway::NoPassword) };
        match password_in(given) {
            Some(given) if is_same(&given, password.expose()) => Ok(()),
            _ => Err(TurnedAway::WrongPassword),
        }
    }

    /// Whether the request names this computer, where that is asked for.
    ///
    /// # Errors
    /// It names another.
    pub fn admit_host(&self, request: &Request) -> Result<(), TurnedAway> {
        let is_ours = self.password.is_some() || request.header("host").is_some_and(is_this_machine);
        if is_ours { Ok(()) } else { Err(TurnedAway::Host) }
    }

    /// Whether the button may be pressed; `token` is what its form carried.
    ///
    /// # Errors
    /// It may not.
    pub fn may_act(&self, request: &Request, token: Option<&str>) -> Result<(), TurnedAway> {
        self.admit(request)?;
        let host = request.header("host").unwrap_or_default();
        let of_our_own = match request.header("origin") {
            Some(origin) => origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host)),
            None => true,
        };
        let same_site =
            request.header("sec-fetch-site").is_none_or(|site| ["same-origin", "none"].contains(&site));
        let known = token.is_some_and(|token| is_same(token, &self.token));
        if of_our_own && same_site && known { Ok(()) } else { Err(TurnedAway::Token) }
    }
}

/// The password of a Basic login; any user name will do.
fn password_in(header: &str) -> Option<String> {
    let (scheme, login) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let login = String::from_utf8(STANDARD.decode(login.trim()).ok()?).ok()?;
    login.split_once(':').map(|(_, password)| password.to_owned())
}

/// In a time that tells nothing of how much of it is right.
fn is_same(given: &str, ours: &str) -> bool {
    Sha256::digest(given) == Sha256::digest(ours)
}

/// Whether a `Host` header is this computer by its own name or address, whatever the port: a tunnel may
/// have another.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use ureq_proto::http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        Request {
            method: "POST".into(),
            path: "/".into(),
            query: String::new(),
            headers: map,
            body: Vec::new(),
            peer: ([127, 0, 0, 1], 1).into(),
            stop: crossbeam_channel::never(),
        }
    }

    #[test]
    fn only_this_computers_own_name_without_a_password() {
        let guard = Guard::new(None).unwrap();
        for host in
            ["127.0.0.1:8788", "localhost:8788", "LOCALHOST", "127.9.9.9:1", "[::1]:8788", "localhost:9"]
        {
            assert_eq!(guard.admit(&request(&[("host", host)])), Ok(()), "{host}");
        }
        for host in [
            "evil.example:8788",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "192.168.1.7:8788",
            "",
            "[::2]:1",
        ] {
            assert_eq!(guard.admit(&request(&[("host", host)])), Err(TurnedAway::Host), "{host}");
        }
        assert_eq!(guard.admit(&request(&[])), Err(TurnedAway::Host));
    }

    #[test]
    fn with_a_password_from_anywhere_and_never_without_it() {
        let guard = Guard::new(Some(Secret::new("hunter:2å"))).unwrap();
        let login = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let ask = |login: &str| guard.admit(&request(&[("host", "shop.lan:8788"), ("authorization", login)]));
        assert_eq!(ask(&login("anybody:hunter:2å")), Ok(()));
        assert_eq!(ask(&login(":hunter:2å")), Ok(()));
        for wrong in [&*login("anybody:hunter"), &login("hunter:2å"), "Basic %%%", "Bearer hunter:2", ""] {
            assert_eq!(ask(wrong), Err(TurnedAway::WrongPassword), "{wrong}");
        }
        assert_eq!(guard.admit(&request(&[("host", "127.0.0.1")])), Err(TurnedAway::NoPassword));
    }

    #[test]
    fn a_button_is_pressed_on_our_own_page_or_not_at_all() {
        let guard = Guard::new(None).unwrap();
        let token = guard.token().to_owned();
        assert_ne!(token, Guard::new(None).unwrap().token());
        let host = ("host", "127.0.0.1:8788");
        let press = |more: &[(&str, &str)], token: Option<&str>| {
            let headers: Vec<(&str, &str)> = more.iter().copied().chain([host]).collect();
            guard.may_act(&request(&headers), token)
        };
        assert_eq!(press(&[], Some(&token)), Ok(()));
        let ours = [("origin", "http://127.0.0.1:8788"), ("sec-fetch-site", "same-origin")];
        assert_eq!(press(&ours, Some(&token)), Ok(()));
        for token in [None, Some(""), Some("x"), Some(&token[1..])] {
            assert_eq!(press(&ours, token), Err(TurnedAway::Token), "{token:?}");
        }
        for origin in
            ["null", "http://evil.example", "http://127.0.0.1:8789", "http://127.0.0.1:8788.evil.example"]
        {
            assert_eq!(press(&[("origin", origin)], Some(&token)), Err(TurnedAway::Token), "{origin}");
        }
        for site in ["cross-site", "same-site"] {
            assert_eq!(press(&[("sec-fetch-site", site)], Some(&token)), Err(TurnedAway::Token), "{site}");
        }
        let rebound = request(&[("host", "evil.example:8788"), ("origin", "http://evil.example:8788")]);
        assert_eq!(guard.may_act(&rebound, Some(&token)), Err(TurnedAway::Host));
    }
}
