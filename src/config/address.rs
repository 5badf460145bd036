//! The address of Extend: `https://…`, or plain http to this machine and nowhere else, because the
//! login travels with every call.

use std::net::{Ipv4Addr, Ipv6Addr};

// The type that the client will use: what passes here is what it can call.
use ureq::http::Uri;

use super::problems::Language;

/// `written` in the form in which it is used, without a slash at its end; or what is wrong with it.
pub(super) fn base_url(written: &str, language: Language) -> Result<String, String> {
    let no_address = language.pick(
        "expected the address of Extend, such as \"https://s05.extend.se/RESTAPI\"",
        "här ska stå adressen till Extend, till exempel \"https://s05.extend.se/RESTAPI\"",
    );
    let uri = checked(written, no_address, language)?;
    if uri.query().is_some() || written.contains('#') {
        return Err(language
            .pick("expected an address without ? and #", "här ska stå en adress utan ? och #")
            .to_owned());
    }
    let path = uri.path().trim_end_matches('/');
    if path.split('/').any(|segment| segment.eq_ignore_ascii_case("v1_0")) {
        return Err(language
            .pick(
                "expected the address up to and without /v1_0, which is added to every call",
                "här ska stå adressen fram till men utan /v1_0, som läggs till i varje anrop",
            )
            .to_owned());
    }
    let (scheme, authority) = (uri.scheme_str().unwrap_or_default(), uri.authority());
    let authority = authority.map(ToString::to_string).unwrap_or_default();
    Ok(format!("{scheme}://{authority}{path}"))
}

/// Whether `written` is an address that alarms can be posted to; or what is wrong with it.
pub(super) fn webhook(written: &str, language: Language) -> Result<(), String> {
    let no_address = language.pick(
        "expected an address such as \"https://hooks.example/shop\", or \"\" for none",
        "här ska stå en adress som \"https://hooks.example/butik\", eller \"\" för ingen",
    );
    checked(written, no_address, language).map(|_| ())
}

/// An address that may be called: `https://…`, or plain http to this machine.
fn checked(written: &str, no_address: &str, language: Language) -> Result<Uri, String> {
    let no_address = || no_address.to_owned();
    let uri: Uri = written.trim().parse().map_err(|_| no_address())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(no_address());
    };
    if authority.as_str().contains('@') {
        return Err(language
            .pick(
                "expected an address without a login in it: those go to username and password",
                "här ska stå en adress utan inloggning: den skrivs i username och password",
            )
            .to_owned());
    }
    let host = authority.host();
    let port = &authority.as_str()[host.len()..];
    let port_is_good = port.is_empty() || authority.port_u16().is_some_and(|port| port != 0);
    if !port_is_good || !is_host(host) {
        return Err(no_address());
    }
    match scheme {
        "https" => Ok(uri),
        "http" if is_this_machine(host) => Ok(uri),
        "http" => Err(language
            .pick(
                "expected an address that begins with https://; what is sent by plain http can be read on \
                     the way (http is for this machine only)",
                "här ska stå en adress som börjar med https://; det som sänds med enbart http kan läsas på \
                     vägen (http går bara till den egna datorn)",
            )
            .to_owned()),
        _ => Err(no_address()),
    }
}

/// Whether the address is one of those that exist for examples only.
pub(super) fn is_example(base_url: &str) -> bool {
    let host = base_url.split('/').nth(2).unwrap_or("");
    let host = host.split(':').next().unwrap_or("").to_ascii_lowercase();
    host == "example"
        || [".example", "example.com", "example.org", "example.net"].iter().any(|end| host.ends_with(end))
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || ipv6(host).is_some_and(|address| address.is_loopback())
}

fn is_host(host: &str) -> bool {
    ipv6(host).is_some()
        || host.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })
}

fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        fn check(written: &str, expected: Result<&str, &str>) {
            match (base_url(written, Language::English), expected) {
                (Ok(used), Ok(expected)) => assert_eq!(used, expected, "{written}"),
                (Err(message), Err(part)) => assert!(message.contains(part), "{written}: {message}"),
                (found, _) => panic!("{written}: {found:?}"),
            }
        }
        check("https://s05.extend.se/RESTAPI", Ok("https://s05.extend.se/RESTAPI"));
        check("https://s05.extend.se/RESTAPI/", Ok("https://s05.extend.se/RESTAPI"));
        check("https://s05.extend.se//", Ok("https://s05.extend.se"));
        check("HTTPS://s05.extend.se:8443", Ok("https://s05.extend.se:8443"));
        check(" https://s05.extend.se ", Ok("https://s05.extend.se"));
        check("https://10.0.0.7", Ok("https://10.0.0.7"));
        check("http://localhost:8790/", Ok("http://localhost:8790"));
        check("http://127.0.0.1:8790", Ok("http://127.0.0.1:8790"));
        check("http://127.8.9.1", Ok("http://127.8.9.1"));
        check("http://[::1]:8790/x", Ok("http://[::1]:8790/x"));

        let plain = Err("begins with https://");
        check("http://s05.extend.se", plain);
        check("http://192.168.0.5", plain);
        check("http://128.0.0.1", plain);
        check("http://127.1", plain);
        check("http://localhost.example.com", plain);
        check("http://127.0.0.1.example.com", plain);
        check("http://[::2]", plain);
        check("http://0.0.0.0", plain);

        let no_address = Err("the address of Extend");
        check("s05.extend.se", no_address);
        check("s05.extend.se:443", no_address);
        check("s05.extend.se/RESTAPI", no_address);
        check("/RESTAPI", no_address);
        check("ftp://s05.extend.se", no_address);
        check("https://", no_address);
        check("https:///RESTAPI", no_address);
        check("https://s05 extend.se", no_address);
        check("https://s05..extend.se", no_address);
        check("https://s05.extend.se:0", no_address);
        check("https://s05.extend.se:99999", no_address);
        check("https://s05.extend.se:", no_address);
        check("https://[::1", no_address);
        check("https://[x]", no_address);
        check("https://åäö.se", no_address);
        check("", no_address);

        check("https://user:word@s05.extend.se", Err("without a login"));
        check("http://127.0.0.1@s05.extend.se", Err("without a login"));
        check("https://s05.extend.se/?a=b", Err("without ?"));
        check("https://s05.extend.se/#top", Err("without ?"));
        check("https://s05.extend.se/RESTAPI/v1_0/", Err("without /v1_0"));
    }

    #[test]
    fn webhooks_may_carry_a_question_mark_and_never_go_by_plain_http() {
        for good in ["https://hooks.example/T0/B0?token=a", "http://localhost:8123/api/webhook/x"] {
            assert_eq!(webhook(good, Language::English), Ok(()), "{good}");
        }
        for (bad, part) in [
            ("http://192.168.1.5:8123/api/webhook/x", "begins with https://"),
            ("https://user:word@hooks.example", "without a login"),
            ("hooks.example", "an address such as"),
            ("ftp://hooks.example", "an address such as"),
        ] {
            let message = webhook(bad, Language::English).unwrap_err();
            assert!(message.contains(part), "{bad}: {message}");
        }
    }

    #[test]
    fn examples_are_known() {
        assert!(is_example("https://extend.example/RESTAPI"));
        assert!(is_example("https://shop.example.com:1"));
        assert!(!is_example("https://s05.extend.se"));
    }
}
