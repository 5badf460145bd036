//! What is said where a request has another answer than it asked for.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::answer::html;
use super::guard::TurnedAway;
use super::html::Html;
use super::parts::Mood;
use super::{Desk, LookError};
use crate::actions::NotDone;
use crate::language::Language;
use crate::web::{Request, Response};

/// Whoever guesses passwords waits.
const AFTER_WRONG_PASSWORD: Duration = Duration::from_millis(500);

/// Why a request has another answer than it asked for.
pub(super) enum Trouble {
    /// It is not let in.
    TurnedAway(TurnedAway),
    /// There is no such page.
    NoSuchPage,
    /// Only these methods are answered here.
    Method(&'static str),
    /// The database could not be looked at.
    Look(LookError),
    /// What was asked for an item was not done.
    NotDone(i64, NotDone),
}

impl From<TurnedAway> for Trouble {
    fn from(why: TurnedAway) -> Trouble {
        Trouble::TurnedAway(why)
    }
}

impl From<LookError> for Trouble {
    fn from(error: LookError) -> Trouble {
        Trouble::Look(error)
    }
}

impl Desk {
    /// Says what is wrong.
    pub(super) fn tell(&self, request: &Request, trouble: &Trouble) -> Response {
        let language = self.config.exchange.language;
        let (status, said) = match trouble {
            Trouble::TurnedAway(why) => return self.turn_away(request, *why),
            Trouble::NoSuchPage => {
                (404, language.pick("There is no such page.", "Det finns ingen sådan sida.").to_owned())
            }
            Trouble::Method(allowed) => {
                return Response::text(405, format!("{allowed} only.\n")).with_header("allow", *allowed);
            }
            Trouble::NotDone(id, why) => {
                let status = match why {
                    NotDone::Missing(_) => 404,
                    NotDone::Sqlite(_) => 503,
                    _ => 409,
                };
                let mut main = message(&why.sentence(language));
                if status == 409 {
                    main.markup("<p><a href=\"/outbox/").text(id).markup("\">");
                    main.text(language.pick("See how it stands", "Se hur det står till"))
                        .markup("</a></p>\n");
                }
                let title = language.pick("Not done", "Inte gjort").to_owned();
                return html(status, self.frame(title, Mood::Trouble).page(&main));
            }
            Trouble::Look(error) => (503, unreadable(error, language)),
        };
        html(status, self.frame(said.clone(), Mood::Trouble).page(&message(&said)))
    }

    fn turn_away(&self, request: &Request, why: TurnedAway) -> Response {
        let language = self.config.exchange.language;
        match why {
            TurnedAway::NoPassword | TurnedAway::WrongPassword => {
                if why == TurnedAway::WrongPassword {
                    self.log_wrong_password(request);
                    request.wait(AFTER_WRONG_PASSWORD);
                }
                let said = language.pick("The password is asked for.\n", "Lösenordet efterfrågas.\n");
                Response::text(401, said)
                    .with_header("www-authenticate", "Basic realm=\"extend-edge\", charset=\"UTF-8\"")
            }
            TurnedAway::Host => Response::text(
                403,
                language.pick(
                    "This page is for this computer: open it by localhost or 127.0.0.1. With a password under [status] any name will do.\n",
                    "Den här sidan är till för den här datorn: öppna den med localhost eller 127.0.0.1. Med ett lösenord under [status] går alla namn bra.\n",
                ),
            ),
            TurnedAway::Token => {
                let said = language.pick(
                    "Nothing was done: the button was pressed on another site, or on a page from before the agent was last started. Open the page again and press it there.",
                    "Inget gjordes: knappen trycktes på en annan webbplats, eller på en sida från före agentens senaste start. Öppna sidan igen och tryck där.",
                );
                html(403, self.frame(said.to_owned(), Mood::Trouble).page(&message(said)))
            }
        }
    }

    /// Not each of a thousand guesses.
    fn log_wrong_password(&self, request: &Request) {
        let mut told = self.told_of_password.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() > Duration::from_secs(60)) {
            *told = Some(Instant::now());
            log::warn!("a wrong password was given for the status page, from {}", request.peer.ip());
        }
    }
}

fn message(said: &str) -> Html {
    let mut main = Html::new();
    main.markup("<p class=\"banner trouble\" role=\"alert\">").text(said).markup("</p>\n");
    main
}

fn unreadable(error: &LookError, language: Language) -> String {
    if error.is_interrupted() {
        return language
            .pick(
                "It took too long, and was broken off. Ask for something more exact, or try again.",
                "Det tog för lång tid och avbröts. Fråga efter något mer exakt, eller försök igen.",
            )
            .to_owned();
    }
    language.pick(
        format!("The database can't be read: {error}. «extend-edge check» tells more."),
        format!("Databasen går inte att läsa: {error}. «extend-edge check» berättar mer."),
    )
}
