//! What every page has around its own part, and what several pages show.

use super::html::{Html, Table};
use super::words;
use crate::language::Language;
use crate::store::outbox::Summary;

/// How things stand, in one word: the colour and the sign of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Nothing is to be done.
    Well,
    /// Something is not as it should be and comes right by itself.
    Waiting,
    /// A person must do something.
    Trouble,
}

/// A page of this agent.
pub struct Frame<'a> {
    /// What it is, first in the tab of the browser.
    pub title: String,
    /// How things stand.
    pub mood: Mood,
    /// Whose agent it is.
    pub shop: &'a str,
    /// Whether it is fetched again by itself.
    pub is_live: bool,
    /// What was searched for.
    pub asked: &'a str,
    /// The language.
    pub language: Language,
}

impl Frame<'_> {
    /// The whole page around `main`.
    pub fn page(&self, main: &Html) -> Html {
        let language = self.language;
        let mut html = Html::new();
        html.markup("<!doctype html>\n<html lang=\"").markup(language.pick("en", "sv"));
        html.markup("\">\n<head>\n<meta charset=\"utf-8\">\n");
        html.markup("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
        html.markup("<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
        html.text(&self.title).markup(" – ").text(self.shop).markup("</title>\n");
        html.markup("<link rel=\"icon\" type=\"image/svg+xml\" href=\"");
        html.markup(match self.mood {
            Mood::Well => "/well.svg",
            Mood::Waiting => "/waiting.svg",
            Mood::Trouble => "/trouble.svg",
        });
        html.markup("\">\n<link rel=\"stylesheet\" href=\"/page.css\">\n");
        html.markup("<script src=\"/page.js\" defer></script>\n");
        if self.is_live {
            // The script does it better; without it the page is loaded anew.
            html.markup("<noscript><meta http-equiv=\"refresh\" content=\"60\"></noscript>\n");
        }
        html.markup("</head>\n<body").markup(if self.is_live { " data-live=\"10\"" } else { "" });
        html.markup(">\n<a class=\"skip\" href=\"#main\">");
        html.text(language.pick("To the contents", "Till innehållet")).markup("</a>\n");
        self.header(&mut html);
        html.markup("<p id=\"gone\" class=\"banner trouble\" role=\"alert\" hidden>");
        html.text(language.pick(
            "The agent does not answer any more: what you see is old. Does it run?",
            "Agenten svarar inte längre: det du ser är gammalt. Är den igång?",
        ));
        html.markup("</p>\n<main id=\"main\">\n").add(main).markup("</main>\n<footer><p>extend-edge ");
        html.text(env!("CARGO_PKG_VERSION")).markup(" · <a href=\"/metrics\">metrics</a> · ");
        html.markup("<a href=\"/status.json\">status.json</a><span data-zone=\"\"> · ");
        html.text(language.pick("Times are UTC.", "Tider är UTC."));
        html.markup("</span></p></footer>\n</body>\n</html>\n");
        html
    }

    fn header(&self, html: &mut Html) {
        let language = self.language;
        html.markup("<header><a class=\"home\" href=\"/\">extend-edge · ").text(self.shop).markup("</a>\n");
        html.markup("<form role=\"search\" action=\"/search\"><label for=\"q\">");
        html.text(language.pick("Product, balance or order", "Produkt, saldo eller order"));
        html.markup("</label><input id=\"q\" name=\"q\" type=\"search\" maxlength=\"200\" value=\"");
        html.text(self.asked).markup("\"><button>");
        html.text(language.pick("Search", "Sök")).markup("</button></form></header>\n");
    }
}

/// What an item is called: «order W-1001», as a link to its own page.
pub fn item_link(item: &Summary, language: Language) -> Html {
    let mut html = Html::new();
    html.markup("<a href=\"/outbox/").text(item.id).markup("\">").text(name(item, language)).markup("</a>");
    html
}

/// What an item is called: «order W-1001».
pub fn name(item: &Summary, language: Language) -> String {
    match &item.key {
        Some(key) => format!("{} {key}", words::kind(&item.kind, language)),
        None => format!("{} ({})", words::kind(&item.kind, language), item.id),
    }
}

/// The buttons of an item that a person may decide about; nothing where there is nothing to decide.
pub fn buttons(item: &Summary, token: &str, language: Language) -> Html {
    let mut html = Html::new();
    if !["queued", "refused"].contains(&item.state.as_str()) {
        return html;
    }
    let name = name(item, language);
    html.markup("<span class=\"buttons\"><form method=\"post\" action=\"/outbox/").text(item.id);
    html.markup("/retry\">").add(&token_field(token)).markup("<button>");
    html.text(language.pick("Retry", "Försök igen"));
    html.markup("<span class=\"unseen\"> ").text(&name).markup("</span></button></form>");
    for (path, words) in
        [("/edit\">", language.pick("Edit", "Ändra")), ("/cancel\">", language.pick("Cancel", "Avbeställ"))]
    {
        html.markup(" <a class=\"button\" href=\"/outbox/").text(item.id).markup(path).text(words);
        html.markup("<span class=\"unseen\"> ").text(&name).markup("</span></a>");
    }
    html.markup("</span>");
    html
}

/// What every form that changes something carries.
pub fn token_field(token: &str) -> Html {
    let mut html = Html::new();
    html.markup("<input type=\"hidden\" name=\"token\" value=\"").text(token).markup("\">");
    html
}

/// Items that wait, or were refused, with why and what may be done.
pub fn items(items: &[Summary], caption: &'static str, token: &str, language: Language) -> Html {
    let (item, received, why, decide) = language
        .pick(("Document", "Received", "Why", "What to do"), ("Dokument", "Kom", "Varför", "Vad göra"));
    let mut table = Table::new(caption, &[(item, false), (received, false), (why, false), (decide, false)]);
    for item in items {
        let mut received = words::moment(&item.received_at);
        received.markup("<br><small>").text(&item.source_file).markup("</small>");
        table.row(vec![
            item_link(item, language),
            received,
            why_html(item, language),
            buttons(item, token, language),
        ]);
    }
    table.into_html()
}

/// Why an item stands as it does.
pub fn why_html(item: &Summary, language: Language) -> Html {
    let mut html = Html::new();
    let waits = ["queued", "sending"].contains(&item.state.as_str());
    if waits {
        html.text(language.pick("Waits for ", "Väntar på "));
        html.text(words::waits_for(item.waits_for.as_deref(), language)).markup(".");
    }
    if let Some(message) = &item.error_message {
        html.markup(if waits { "<br>" } else { "" }).text(message);
    }
    if let Some(next) = item.next_attempt_at.as_deref().filter(|_| waits) {
        html.markup("<br><small>").text(language.pick("Next try ", "Nästa försök "));
        html.add(&words::moment(next)).markup("</small>");
    }
    html
}

/// A section with its heading, which the script keeps up to date by `id`. Nothing where it holds nothing.
pub fn section(id: &'static str, heading: &str, inside: &Html) -> Html {
    let mut html = Html::new();
    html.markup("<section id=\"").markup(id).markup("\" aria-labelledby=\"").markup(id);
    html.markup("-heading\"><h2 id=\"").markup(id).markup("-heading\">").text(heading).markup("</h2>\n");
    html.add(inside).markup("</section>\n");
    html
}
