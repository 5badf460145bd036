//! What each address of the page gives.

use jiff::Timestamp;

use super::html::Html;
use super::parts::{Frame, Mood};
use super::trouble::Trouble;
use super::{Desk, form, front, item, metrics, parts, search};
use crate::actions::{self, Done, Hand, NotDone};
use crate::clock;
use crate::engine::STUCK_AFTER;
use crate::formats::receipt;
use crate::logging::tail;
use crate::rules::search::Query;
use crate::status::{self, Status, machine};
use crate::store::outbox;
use crate::web::{Request, Response};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Nothing is fetched but from here, nothing runs but the one script, no other page shows this one in a frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Items on a page of them.
const LISTED: usize = 500;
/// Warnings of the log that are shown.
const WARNINGS: usize = 12;

type Answer = Result<Response, Trouble>;

impl Desk {
    /// The answer to a request.
    pub(super) fn answer(&self, request: &Request) -> Response {
        let response = self.route(request).unwrap_or_else(|trouble| self.tell(request, &trouble));
        let may_be_kept = ["/page.css", "/page.js"].contains(&request.path.as_str());
        response
            .with_header("content-security-policy", POLICY)
            .with_header("x-content-type-options", "nosniff")
            .with_header("x-frame-options", "DENY")
            // Not `no-referrer`: with that a browser does not say where a form comes from.
            .with_header("referrer-policy", "same-origin")
            .with_header("cross-origin-resource-policy", "same-origin")
            .with_header("cross-origin-opener-policy", "same-origin")
            .with_header("cache-control", if may_be_kept { "max-age=60" } else { "no-store" })
    }

    fn route(&self, request: &Request) -> Answer {
        let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        if segments[..] == ["healthz"] {
            // It tells nothing that is anybody's secret, and what watches it has no password.
            self.guard.admit_host(request)?;
            only(request, &["GET", "HEAD"], "GET, HEAD")?;
            return Ok(self.healthz(request));
        }
        self.guard.admit(request)?;
        if request.method == "POST" {
            return self.act(request, &segments);
        }
        only(request, &["GET", "HEAD"], "GET, HEAD, POST")?;
        match segments[..] {
            [""] => self.front(request),
            ["outbox"] => self.list(request),
            ["outbox", id] => self.item(request, number(id)?),
            ["outbox", id, "edit"] => self.edit(request, number(id)?),
            ["outbox", id, "cancel"] => self.cancel(request, number(id)?),
            ["search"] => self.search(request),
            ["metrics"] => self.metrics(request),
            ["status.json"] => {
                let status = self.look(request, |connection| self.status(connection))?;
                Ok(Response::json(200, receipt::pretty(&status.to_json())))
            }
            ["page.css"] => Ok(Response::new(200, "text/css; charset=utf-8", STYLE)),
            ["page.js"] => Ok(Response::new(200, "text/javascript; charset=utf-8", SCRIPT)),
            ["well.svg"] => Ok(icon("#1a7f4b", "M9 17l5 5 10-12")),
            ["waiting.svg"] => Ok(icon("#9a6400", "M9 16h.1M16 16h.1M23 16h.1")),
            ["trouble.svg"] => Ok(icon("#b3261e", "M16 7v11M16 24h.1")),
            _ => Err(Trouble::NoSuchPage),
        }
    }

    /// How things stand, as `status` tells it, and what the engine itself can't write down.
    fn status(&self, connection: &rusqlite::Connection) -> rusqlite::Result<Status> {
        let mut status = status::load(connection, &self.config, Timestamp::now(), true)?;
        if let Some(trouble) = self.pulse.trouble() {
            status.needs_person.insert(0, machine::nothing_recorded(&self.config, &trouble));
        }
        if self.pulse.age() > STUCK_AFTER {
            status.needs_person.insert(0, machine::stuck(self.pulse.age(), self.config.exchange.language));
        }
        Ok(status)
    }

    fn healthz(&self, request: &Request) -> Response {
        if self.pulse.age() > STUCK_AFTER {
            return Response::text(
                503,
                format!("the engine has not turned for {} s\n", self.pulse.age().as_secs()),
            );
        }
        if let Some(trouble) = self.pulse.trouble() {
            return Response::text(503, format!("nothing can be recorded: {trouble}\n"));
        }
        match self.look(request, |connection| outbox::counts(connection)) {
            Ok(_) => Response::text(200, "ok\n"),
            Err(error) => Response::text(503, format!("the database can't be read: {error}\n")),
        }
    }

    fn front(&self, request: &Request) -> Answer {
        let now = Timestamp::now();
        let warnings = tail::last_warnings(&self.config.logs(), WARNINGS).unwrap_or_default();
        let [day, month] = front::chart_starts(now);
        let done = self.done(request);
        let look = self.look(request, |connection| {
            let mut waiting = outbox::list(connection, Some("sending"), front::SHOWN)?;
            waiting.extend(outbox::list(connection, Some("queued"), front::SHOWN - waiting.len())?);
            Ok(front::Look {
                status: self.status(connection)?,
                refused: outbox::load_refused(connection, front::SHOWN)?,
                waiting,
                hours: outbox::count_received(connection, &clock::text(day), 13)?,
                days: outbox::count_received(connection, &clock::text(month)[..10], 10)?,
                warnings,
                done,
                now,
            })
        })?;
        Ok(html(200, front::page(&look, &self.config, self.guard.token())))
    }

    /// What the button did that led here.
    fn done(&self, request: &Request) -> Option<String> {
        let language = self.config.exchange.language;
        let id = || form::field(&request.query, "id").and_then(|id| id.parse().ok()).unwrap_or_default();
        Some(match form::field(&request.query, "done")?.as_str() {
            "edit" => {
                let id = id();
                language
                    .pick(format!("item {id}: edited, and queued"), format!("post {id}: rättad, och i kö"))
            }
            "retry-refused" => {
                let count = id();
                let left = form::field(&request.query, "left").and_then(|left| left.parse().ok());
                let sent = language.pick(
                    format!("{count} are sent as soon as Extend answers"),
                    format!("{count} skickas så snart Extend svarar"),
                );
                match actions::left_out(left.unwrap_or(0), language) {
                    left if left.is_empty() => sent,
                    left => format!("{sent}; {left}"),
                }
            }
            word => Done::of_word(word)?.sentence(id(), language),
        })
    }

    fn list(&self, request: &Request) -> Answer {
        let language = self.config.exchange.language;
        let (state, heading) = match form::field(&request.query, "state").as_deref() {
            Some("refused") => ("refused", language.pick("Refused", "Nekat")),
            _ => ("queued", language.pick("Waits to be sent", "Väntar på att skickas")),
        };
        let items = self.look(request, |connection| outbox::list(connection, Some(state), LISTED))?;
        let mut main = Html::new();
        main.markup("<h1>").text(heading).markup("</h1>\n");
        main.add(&parts::items(&items, heading, self.guard.token(), language));
        if items.len() == LISTED {
            main.markup("<p>").text(language.pick(
                format!("The first {LISTED}; «extend-edge outbox list» shows more."),
                format!("De första {LISTED}; «extend-edge outbox list» visar fler."),
            ));
            main.markup("</p>\n");
        }
        Ok(html(200, self.frame(heading.to_owned(), Mood::Waiting).page(&main)))
    }

    fn item(&self, request: &Request, id: i64) -> Answer {
        let done = self.done(request);
        let look = self.look(request, |connection| {
            let Some(item) = outbox::load_summary(connection, id)? else { return Ok(None) };
            Ok(Some(item::Look {
                payload: outbox::load(connection, id)?.map(|item| item.payload).unwrap_or_default(),
                attempts: outbox::load_attempts(connection, id)?,
                actions: outbox::load_actions(connection, id)?,
                item,
                done,
            }))
        })?;
        let look = look.ok_or(Trouble::NotDone(id, NotDone::Missing(id)))?;
        Ok(html(200, item::page(&look, &self.config, self.guard.token())))
    }

    fn cancel(&self, request: &Request, id: i64) -> Answer {
        let item = self.look(request, |connection| outbox::load_summary(connection, id))?;
        let item = item.ok_or(Trouble::NotDone(id, NotDone::Missing(id)))?;
        Ok(html(200, item::cancel_page(&item, &self.config, self.guard.token())))
    }

    fn edit(&self, request: &Request, id: i64) -> Answer {
        let payload =
            self.look(request, |connection| Ok(outbox::load(connection, id)?.map(|item| item.payload)))?;
        self.edit_form(request, id, 200, &item::pretty(&payload.unwrap_or_default()), None)
    }

    fn edit_form(&self, request: &Request, id: i64, status: u16, text: &str, wrong: Option<&str>) -> Answer {
        let item = self.look(request, |connection| outbox::load_summary(connection, id))?;
        let item = item.ok_or(Trouble::NotDone(id, NotDone::Missing(id)))?;
        Ok(html(status, item::edit_page(&item, text, wrong, &self.config, self.guard.token())))
    }

    fn search(&self, request: &Request) -> Answer {
        let asked = form::field(&request.query, "q").unwrap_or_default();
        let asked = asked.trim();
        let results = match Query::new(asked) {
            None => None,
            Some(query) => Some(self.look(request, |connection| {
                Ok(search::Results {
                    products: crate::store::search::products(connection, &query, search::SHOWN)?,
                    orders: crate::store::search::orders(connection, &query, search::SHOWN)?,
                    items: crate::store::search::items(connection, &query, search::SHOWN)?,
                })
            })?),
        };
        Ok(html(200, search::page(asked, results.as_ref(), &self.config)))
    }

    fn metrics(&self, request: &Request) -> Answer {
        let status = self.look(request, |connection| self.status(connection))?;
        let text = metrics::text(&status, &metrics::of_machine(&self.config, &self.pulse, self.began));
        Ok(Response::new(200, "text/plain; version=0.0.4; charset=utf-8", text))
    }

    /// A button was pressed.
    fn act(&self, request: &Request, segments: &[&str]) -> Answer {
        let body = String::from_utf8_lossy(&request.body);
        self.guard.may_act(request, form::field(&body, "token").as_deref())?;
        let peer = request.peer.ip();
        let who = if peer.is_loopback() { "status page".to_owned() } else { format!("status page, {peer}") };
        let hand = Hand::of(who);
        match segments {
            ["outbox", "retry-refused"] => {
                let (all, left) =
                    self.look(request, |connection| actions::load_refused_to_retry(connection))?;
                let connection = self.hands()?;
                let done =
                    all.iter().filter(|item| actions::retry(&connection, item.id, &hand).is_ok()).count();
                Ok(see_other(format!("/?done=retry-refused&id={done}&left={}", left.len())))
            }
            ["outbox", id, "edit"] => {
                let id = number(id)?;
                let text = form::field(&body, "document").unwrap_or_default();
                match actions::edit(&self.hands()?, &self.config, id, text.as_bytes(), &hand) {
                    Ok(_) => Ok(see_other(format!("/outbox/{id}?done=edit&id={id}"))),
                    Err(why @ (NotDone::Document(_) | NotDone::Edit(_))) => {
                        let wrong = why.sentence(self.config.exchange.language);
                        self.edit_form(request, id, 422, &text, Some(&wrong))
                    }
                    Err(why) => Err(Trouble::NotDone(id, why)),
                }
            }
            ["outbox", id, action @ ("retry" | "cancel")] => {
                let id = number(id)?;
                let connection = self.hands()?;
                let done = match *action {
                    "retry" => actions::retry(&connection, id, &hand),
                    _ => actions::cancel(&connection, id, &hand),
                };
                let done = done.map_err(|why| Trouble::NotDone(id, why))?;
                Ok(see_other(format!("/outbox/{id}?done={}&id={id}", done.word())))
            }
            _ => Err(Trouble::NoSuchPage),
        }
    }

    pub(super) fn frame(&self, title: String, mood: Mood) -> Frame<'_> {
        let language = self.config.exchange.language;
        Frame { title, mood, shop: &self.config.extend.client, is_live: false, asked: "", language }
    }
}

fn only(request: &Request, methods: &[&str], allowed: &'static str) -> Result<(), Trouble> {
    if methods.contains(&request.method.as_str()) { Ok(()) } else { Err(Trouble::Method(allowed)) }
}

fn number(segment: &str) -> Result<i64, Trouble> {
    segment.parse().map_err(|_| Trouble::NoSuchPage)
}

pub(super) fn html(status: u16, page: Html) -> Response {
    Response::new(status, "text/html; charset=utf-8", page.into_string())
}

/// To what came of it: a page that is loaded anew presses no button again.
fn see_other(path: String) -> Response {
    Response::text(303, "").with_header("location", path)
}

/// The sign in the tab of the browser: a coloured disc with a stroke on it.
fn icon(colour: &str, path: &str) -> Response {
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><circle cx=\"16\" cy=\"16\" r=\"16\" fill=\"{colour}\"/>\
         <path d=\"{path}\" fill=\"none\" stroke=\"#fff\" stroke-width=\"4\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>"
    );
    Response::new(200, "image/svg+xml", svg)
}
