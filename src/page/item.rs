//! One item of the outbox: the document, every attempt, and what a person may do.

use serde_json::Value;

use super::html::{Html, Table};
use super::parts::{self, Frame, Mood, section};
use super::words;
use crate::config::Config;
use crate::language::Language;
use crate::store::outbox::{Attempt, Summary};

/// A document that is longer is cut where it is shown, and can't be edited here.
pub const LONGEST: usize = 1_000_000;

/// Everything that its page tells of an item.
pub struct Look {
    /// How it stands.
    pub item: Summary,
    /// What is sent.
    pub payload: String,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// What was done by hand: when, who, what.
    pub actions: Vec<(String, String, String)>,
    /// What was just done, in words.
    pub done: Option<String>,
}

/// The page.
pub fn page(look: &Look, config: &Config, token: &str) -> Html {
    let (item, language) = (&look.item, config.exchange.language);
    let mut main = Html::new();
    if let Some(done) = &look.done {
        main.markup("<p class=\"done\" role=\"status\">").text(done).markup("</p>\n");
    }
    main.markup("<h1>").text(heading(item, language)).markup("</h1>\n").add(&facts(item, language));
    main.add(&parts::buttons(item, token, language));
    if item.state == "sending" {
        main.markup("<p>").text(language.pick(
            "An attempt was made and its outcome is not known yet. Nothing can be done by hand until it is.",
            "Ett försök har gjorts och ingen vet ännu hur det gick. Inget kan göras för hand förrän det är klart.",
        ));
        main.markup("</p>\n");
    }
    let heading = language.pick("What was tried and done", "Vad som försökts och gjorts");
    main.add(&section("attempts", heading, &attempts(look, language)));
    let mut document = Html::new();
    document
        .markup("<pre tabindex=\"0\">")
        .text(shortened(&pretty(&look.payload), language))
        .markup("</pre>\n");
    main.add(&section("document", language.pick("Document", "Dokument"), &document));
    frame(item, config).page(&main)
}

/// Asks once more before an item is called off: that can't be undone.
pub fn cancel_page(item: &Summary, config: &Config, token: &str) -> Html {
    let language = config.exchange.language;
    let name = parts::name(item, language);
    let mut main = Html::new();
    main.markup("<h1>").text(language.pick(format!("Cancel {name}?"), format!("Avbeställa {name}?")));
    main.markup("</h1>\n<p>").text(language.pick(
        "It is not sent to Extend then, and this can't be undone; the webshop would have to drop it again.",
        "Den skickas då inte till Extend, och det går inte att ångra; webbshoppen måste i så fall lägga in den igen.",
    ));
    main.markup("</p>\n").add(&facts(item, language));
    main.markup("<form class=\"buttons\" method=\"post\" action=\"/outbox/")
        .text(item.id)
        .markup("/cancel\">");
    main.add(&parts::token_field(token)).markup("<button class=\"grave\">");
    main.text(language.pick("Yes, cancel it", "Ja, avbeställ den")).markup("</button> ");
    main.markup("<a class=\"button\" href=\"/outbox/").text(item.id).markup("\">");
    main.text(language.pick("No, leave it", "Nej, låt den vara")).markup("</a></form>\n");
    frame(item, config).page(&main)
}

/// The form in which an item's document is corrected. `wrong` is what was wrong with what was sent last.
pub fn edit_page(item: &Summary, text: &str, wrong: Option<&str>, config: &Config, token: &str) -> Html {
    let language = config.exchange.language;
    let name = parts::name(item, language);
    let mut main = Html::new();
    main.markup("<h1>")
        .text(language.pick(format!("Edit {name}"), format!("Ändra {name}")))
        .markup("</h1>\n");
    if let Some(message) = item.error_message.as_deref().filter(|_| wrong.is_none()) {
        main.markup("<p>").text(message).markup("</p>\n");
    }
    if let Some(wrong) = wrong {
        main.markup("<p id=\"wrong\" class=\"banner trouble\" role=\"alert\">").text(wrong).markup("</p>\n");
    }
    if text.len() > LONGEST {
        main.markup("<p>").text(language.pick(
            format!(
                "This document is too long to be edited here. Use «extend-edge outbox edit {}».",
                item.id
            ),
            format!(
                "Dokumentet är för långt för att ändras här. Använd «extend-edge outbox edit {}».",
                item.id
            ),
        ));
        main.markup("</p>\n");
        return frame(item, config).page(&main);
    }
    main.markup("<form method=\"post\" action=\"/outbox/").text(item.id).markup("/edit\">");
    main.add(&parts::token_field(token)).markup("<label for=\"document\">");
    main.text(language.pick(
        "The document that is sent in its place. What it was before is kept.",
        "Dokumentet som skickas i dess ställe. Hur det var förut sparas.",
    ));
    main.markup("</label>\n<textarea id=\"document\" name=\"document\" rows=\"24\" spellcheck=\"false\"");
    main.markup(if wrong.is_some() { " aria-describedby=\"wrong\" aria-invalid=\"true\"" } else { "" });
    // The first line end after the tag is no part of the text.
    main.markup(">\n").text(text).markup("</textarea>\n<p class=\"buttons\"><button>");
    main.text(language.pick("Send this in its place", "Skicka detta i stället")).markup("</button> ");
    main.markup("<a class=\"button\" href=\"/outbox/").text(item.id).markup("\">");
    main.text(language.pick("Leave it as it is", "Låt den vara som den är")).markup("</a></p></form>\n");
    frame(item, config).page(&main)
}

/// A document as a person reads it.
pub fn pretty(payload: &str) -> String {
    match serde_json::from_str::<Value>(payload) {
        Ok(value) => format!("{value:#}"),
        Err(_) => payload.to_owned(),
    }
}

fn frame<'a>(item: &Summary, config: &'a Config) -> Frame<'a> {
    let language = config.exchange.language;
    Frame {
        title: heading(item, language),
        mood: match item.state.as_str() {
            "refused" => Mood::Trouble,
            "queued" | "sending" => Mood::Waiting,
            _ => Mood::Well,
        },
        shop: &config.extend.client,
        is_live: false,
        asked: "",
        language,
    }
}

/// «Order W-1001: refused»
fn heading(item: &Summary, language: Language) -> String {
    let name = parts::name(item, language);
    let mut letters = name.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}: {}", letters.as_str(), words::state(&item.state, language))
}

fn facts(item: &Summary, language: Language) -> Html {
    let mut html = Html::new();
    html.markup("<dl>\n");
    let mut fact = |name: &str, value: Html| {
        if !value.is_empty() {
            html.markup("<dt>").text(name).markup("</dt><dd>").add(&value).markup("</dd>\n");
        }
    };
    fact(language.pick("Item", "Post"), Html::of(item.id));
    fact(language.pick("Why", "Varför"), parts::why_html(item, language));
    fact(language.pick("File", "Fil"), Html::of(&item.source_file));
    fact(language.pick("Received", "Kom"), words::moment(&item.received_at));
    fact(language.pick("Delivered", "Levererad"), words::moment_or_nothing(item.delivered_at.as_deref()));
    let number = item.extend_number.as_deref().map(Html::of).unwrap_or_default();
    fact(language.pick("Extend's number", "Extends nummer"), number);
    html.markup("</dl>\n");
    html
}

fn attempts(look: &Look, language: Language) -> Html {
    let (when, what, came) =
        language.pick(("When", "What", "What came of it"), ("När", "Vad", "Vad det ledde till"));
    let caption = language.pick("Attempts, and what people did", "Försök, och vad människor gjort");
    let mut rows: Vec<(&str, Vec<Html>)> = Vec::new();
    for one in &look.attempts {
        let what = match one.kind.as_str() {
            "send" => language.pick("sent", "skickad"),
            "prepare" => language.pick("prepared", "förberedd"),
            _ => language.pick("looked up", "uppsökt"),
        };
        let mut came = Html::of(&one.outcome);
        if let Some(status) = one.http_status {
            came.markup(", ").text(language.pick("answer ", "svar ")).text(status);
        }
        if let Some(took) = one.duration_ms {
            came.markup(", ").text(took).markup(" ms");
        }
        if let Some(detail) = &one.detail {
            came.markup(": ").text(detail);
        }
        rows.push((&one.started_at, vec![words::moment(&one.started_at), Html::of(what), came]));
    }
    for (at, who, action) in &look.actions {
        let what = match action.as_str() {
            "retry" => language.pick("retried", "försökt igen"),
            "cancel" => language.pick("cancelled", "avbeställd"),
            "edit" => language.pick("edited", "ändrad"),
            other => other,
        };
        let by = language.pick(format!("by {who}"), format!("av {who}"));
        rows.push((at, vec![words::moment(at), Html::of(what), Html::of(by)]));
    }
    rows.sort_by_key(|(at, _)| *at);
    let mut table = Table::new(caption, &[(when, false), (what, false), (came, false)]);
    rows.into_iter().for_each(|(_, cells)| table.row(cells));
    let mut html = table.into_html();
    if html.is_empty() {
        html.markup("<p>").text(language.pick("Nothing yet.", "Inget ännu.")).markup("</p>\n");
    }
    html
}

/// So much of a document as a page can hold.
fn shortened(text: &str, language: Language) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => {
            format!("{}\n{}", &text[..end], language.pick("… and more", "… med mera"))
        }
    }
}
