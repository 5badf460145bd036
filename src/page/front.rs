//! The front page: one look says whether all is well, and what is not.

use jiff::{SignedDuration, Timestamp, Unit};

use super::html::{Html, Table};
use super::parts::{self, Frame, Mood, section};
use super::words;
use crate::config::Config;
use crate::formats::report::columns::{self, Around, Column};
use crate::language::Language;
use crate::logging::tail::Warned;
use crate::status::Status;
use crate::store::outbox::Summary;

/// Items that the front page shows of each kind.
pub const SHOWN: usize = 10;

/// Everything that the front page tells.
pub struct Look {
    /// How things stand.
    pub status: Status,
    /// The oldest of the refused items.
    pub refused: Vec<Summary>,
    /// The oldest of those that wait.
    pub waiting: Vec<Summary>,
    /// Orders received in the last 24 hours, by hour.
    pub hours: Vec<(String, i64)>,
    /// Orders received in the last 30 days, by day.
    pub days: Vec<(String, i64)>,
    /// The last warnings of the log.
    pub warnings: Vec<Warned>,
    /// What was just done, in words.
    pub done: Option<String>,
    /// Now.
    pub now: Timestamp,
}

/// From when on orders are counted for the two charts.
pub fn chart_starts(now: Timestamp) -> [Timestamp; 2] {
    let hour = now.round((Unit::Hour, -1)).map_or(now, |rounded| {
        if rounded > now {
            rounded.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(now)
        } else {
            rounded
        }
    });
    [
        hour.saturating_sub(SignedDuration::from_hours(23)).unwrap_or(now),
        now.saturating_sub(SignedDuration::from_hours(24 * 29)).unwrap_or(now),
    ]
}

/// The page.
pub fn page(look: &Look, config: &Config, token: &str) -> Html {
    let language = config.exchange.language;
    let (mood, said) = verdict(&look.status, language);
    let mut main = Html::new();
    main.markup("<h1 class=\"unseen\">").text(language.pick("How things stand", "Hur det står till"));
    main.markup("</h1>\n");
    if let Some(done) = &look.done {
        main.markup("<p class=\"done\" role=\"status\">").text(done).markup("</p>\n");
    }
    main.add(&banner(look, mood, &said, language));
    main.add(&needs_person(look, language));
    main.add(&refused(look, token, language));
    main.add(&waiting(look, token, language));
    main.add(&mirror(look, language));
    main.add(&charts(look, language));
    main.add(&warnings(look, language));
    let frame = Frame { title: said, mood, shop: &config.extend.client, is_live: true, asked: "", language };
    frame.page(&main)
}

/// One look: the mood, and the sentence that says it.
fn verdict(status: &Status, language: Language) -> (Mood, String) {
    let line = status.line.as_ref().map_or("unknown", |line| line.state.as_str());
    let people = status.needs_person.len();
    let stale = status.entities.iter().any(|one| one.is_stale);
    match (people, line) {
        (1, _) => (
            Mood::Trouble,
            language.pick("One thing needs a person".into(), "En sak behöver en människa".into()),
        ),
        (2.., _) => (
            Mood::Trouble,
            language.pick(
                format!("{people} things need a person"),
                format!("{people} saker behöver en människa"),
            ),
        ),
        (0, "up") if stale => (
            Mood::Waiting,
            language
                .pick("What is known of Extend is old".into(), "Det som är känt av Extend är gammalt".into()),
        ),
        (0, "up") => (Mood::Well, language.pick("All is well".into(), "Allt är bra".into())),
        (0, "unknown") => (
            Mood::Waiting,
            language.pick("Extend has not been asked yet".into(), "Extend är inte tillfrågat ännu".into()),
        ),
        (0, _) => (
            Mood::Waiting,
            language.pick(
                "Extend can't be reached, and nothing is lost".into(),
                "Extend kan inte nås, och inget går förlorat".into(),
            ),
        ),
    }
}

fn banner(look: &Look, mood: Mood, said: &str, language: Language) -> Html {
    let mut html = Html::new();
    html.markup("<div id=\"verdict\" class=\"banner ");
    html.markup(match mood {
        Mood::Well => "well\"><span class=\"sign\" aria-hidden=\"true\">✓</span>",
        Mood::Waiting => "waiting\"><span class=\"sign\" aria-hidden=\"true\">…</span>",
        Mood::Trouble => "trouble\"><span class=\"sign\" aria-hidden=\"true\">!</span>",
    });
    html.markup("<div><p class=\"said\">").text(said).markup("</p>\n<p>").add(&line(look, language));
    html.markup("</p>\n<p>").add(&counts(look, language)).markup("</p></div></div>\n");
    html
}

/// Is Extend up, and since when.
fn line(look: &Look, language: Language) -> Html {
    let mut html = Html::new();
    let Some(row) = &look.status.line else {
        return Html::of(language.pick("Extend was never asked yet.", "Extend har ännu aldrig tillfrågats."));
    };
    let said =
        match row.state.as_str() {
            "up" => language.pick("Extend answers, since ", "Extend svarar, sedan "),
            "away" => language.pick("Extend can't be reached since ", "Extend kan inte nås sedan "),
            "login_refused" => {
                language.pick("Extend refuses the login since ", "Extend nekar inloggningen sedan ")
            }
            _ => {
                return Html::of(language.pick(
                    "Extend was not asked since the start.",
                    "Extend är inte tillfrågat sedan starten.",
                ));
            }
        };
    html.text(said).add(&words::moment(&row.since));
    if let Some(reason) = row.reason.as_deref().filter(|_| row.state == "away") {
        html.markup(": ").text(reason);
        html.text(language.pick(
            ". What comes in waits here and is sent by itself.",
            ". Det som kommer in väntar här och skickas av sig självt.",
        ));
        return html;
    }
    html.markup(".");
    html
}

fn counts(look: &Look, language: Language) -> Html {
    let counts = &look.status.outbox;
    let mut html = Html::new();
    let waits = counts.queued + counts.sending;
    html.markup("<strong>").text(waits).markup("</strong> ");
    html.text(language.pick(if waits == 1 { "waits" } else { "wait" }, "väntar"));
    if let Some(oldest) = counts.oldest_waiting.as_deref() {
        html.text(language.pick(" (the oldest since ", " (den äldsta sedan "));
        html.add(&words::moment(oldest)).markup(")");
    }
    for (count, words) in [
        (counts.refused, language.pick("refused", "nekade")),
        (counts.delivered, language.pick("delivered", "levererade")),
    ] {
        html.markup(" · <strong>").text(count).markup("</strong> ").text(words);
    }
    if look.status.incomplete_files > 0 {
        html.markup(" · <strong>").text(look.status.incomplete_files).markup("</strong> ");
        html.text(language.pick("files not yet complete", "filer ännu inte hela"));
    }
    if let Some(words) = look.status.hooks.to_text(language) {
        html.markup("<br>").text(words.split_whitespace().collect::<Vec<_>>().join(" ")).markup(".");
    }
    html
}

/// What needs a person, but for refused documents: they stand below, with their buttons.
fn needs_person(look: &Look, language: Language) -> Html {
    let mut html = Html::new();
    let all = &look.status.needs_person;
    let shown: Vec<_> = all.iter().filter(|one| one.code != "refused").collect();
    if shown.is_empty() {
        html.markup("<p>").text(match all.is_empty() {
            true => language.pick("Nothing.", "Inget."),
            false => language.pick("What was refused, below.", "Det som nekats, här nedanför."),
        });
        html.markup("</p>\n");
        return section("needs", language.pick("Needs a person", "Behöver en människa"), &html);
    }
    html.markup("<ul class=\"needs\">\n");
    for one in shown {
        html.markup("<li>").text(&one.message);
        if let Some(item) = one.item {
            html.markup(" <a href=\"/outbox/").text(item).markup("\">");
            html.text(language.pick(format!("Item {item}"), format!("Post {item}"))).markup("</a>");
        }
        html.markup("</li>\n");
    }
    html.markup("</ul>\n");
    section("needs", language.pick("Needs a person", "Behöver en människa"), &html)
}

fn refused(look: &Look, token: &str, language: Language) -> Html {
    let caption = language.pick("Documents that were refused", "Dokument som nekats");
    let mut html = parts::items(&look.refused, caption, token, language);
    if html.is_empty() {
        html.markup("<p>").text(language.pick("Nothing was refused.", "Inget har nekats.")).markup("</p>\n");
    }
    if look.refused.len() > 1 {
        html.markup("<form method=\"post\" action=\"/outbox/retry-refused\">")
            .add(&parts::token_field(token));
        html.markup("<button>")
            .text(language.pick("Retry all that were refused", "Försök igen med alla nekade"));
        html.markup("</button></form>\n");
    }
    html.add(&more(look.status.outbox.refused, "/outbox?state=refused\">", language));
    section("refused", language.pick("Refused", "Nekat"), &html)
}

fn waiting(look: &Look, token: &str, language: Language) -> Html {
    let caption = language.pick("Documents that wait to be sent", "Dokument som väntar på att skickas");
    let mut html = parts::items(&look.waiting, caption, token, language);
    if html.is_empty() {
        html.markup("<p>").text(language.pick("Nothing waits.", "Inget väntar.")).markup("</p>\n");
    }
    let counts = &look.status.outbox;
    html.add(&more(counts.queued + counts.sending, "/outbox?state=queued\">", language));
    section("waiting", language.pick("Waits to be sent", "Väntar på att skickas"), &html)
}

/// The way to the rest, where not all is shown.
fn more(all: i64, path: &'static str, language: Language) -> Html {
    let mut html = Html::new();
    if all > SHOWN as i64 {
        html.markup("<p><a href=\"").markup(path);
        html.text(language.pick(format!("All {all}"), format!("Alla {all}"))).markup("</a></p>\n");
    }
    html
}

fn mirror(look: &Look, language: Language) -> Html {
    let (what, rows, fetched, all, trouble) = language.pick(
        ("What", "Rows", "Fetched", "All of it", "Last trouble, and what is still to come"),
        ("Vad", "Rader", "Hämtat", "Allt", "Senaste problem, och vad som återstår"),
    );
    let caption =
        language.pick("How fresh is what is known of Extend", "Hur färskt är det som är känt av Extend");
    let mut table =
        Table::new(caption, &[(what, false), (rows, true), (fetched, false), (all, false), (trouble, false)]);
    let mut entities: Vec<_> = look.status.entities.iter().collect();
    entities.sort_by_key(|one| words::place(one.entity));
    for one in entities {
        let mut fetched = Html::new();
        fetched.markup(match (one.is_stale, one.minutes_old) {
            (true, _) => "<span class=\"tag old\">",
            (false, None) => "<span class=\"tag\">",
            (false, Some(_)) => "<span class=\"tag fresh\">",
        });
        fetched.text(match (one.is_stale, one.minutes_old) {
            (true, _) => language.pick("old", "gammalt"),
            (false, None) => language.pick("not yet", "inte ännu"),
            (false, Some(_)) => language.pick("fresh", "färskt"),
        });
        fetched.markup("</span> ").text(one.ago(language));
        let mut trouble = Html::new();
        if let Some(error) = &one.state.last_error {
            trouble.text(error).markup(" ");
        }
        for plan in one.plan(language) {
            trouble.text(plan.split_once(": ").map_or(plan.as_str(), |(_, plan)| plan)).markup(". ");
        }
        table.row(vec![
            Html::of(words::entity(one.entity.name(), language)),
            Html::of(one.state.rows),
            fetched,
            words::moment_or_nothing(one.state.last_full_at.as_deref()),
            trouble,
        ]);
    }
    section("mirror", language.pick("Known of Extend", "Känt av Extend"), &table.into_html())
}

fn charts(look: &Look, language: Language) -> Html {
    let [day, month] = chart_starts(look.now);
    let hours = columns_of(&look.hours, day, SignedDuration::from_hours(1), 24, 13);
    let days = columns_of(&look.days, month, SignedDuration::from_hours(24), 30, 10);
    let mut html = Html::new();
    html.markup("<div class=\"charts\">\n");
    for (columns, title, first, last) in [
        (
            &hours,
            language.pick("The last 24 hours, by hour (UTC)", "Senaste dygnet, per timme (UTC)"),
            hours.first().map_or("", |hour| hour.label.as_str()),
            language.pick("now", "nu"),
        ),
        (
            &days,
            language.pick("The last 30 days, by day (UTC)", "Senaste 30 dagarna, per dag (UTC)"),
            days.first().map_or("", |day| day.label.as_str()),
            language.pick("today", "i dag"),
        ),
    ] {
        let all: u64 = columns.iter().map(|column| column.count).sum();
        let most = columns.iter().max_by_key(|column| column.count);
        let (label, count) = most.map_or(("", 0), |most| (most.label.as_str(), most.count));
        let told = language.pick(
            format!("{all} orders in all; the most, {count}, at {label}."),
            format!("{all} ordrar totalt; flest, {count}, {label}."),
        );
        let title = format!("{title}: {all}");
        html.add_chart(&columns::draw(
            columns,
            &Around { title: &title, told: &told, ends: [first, last], language },
        ));
    }
    html.markup("</div>\n");
    section("orders", language.pick("Orders taken in", "Mottagna ordrar"), &html)
}

/// Each hour or day since `from`, also those without an order.
fn columns_of(
    counted: &[(String, i64)],
    from: Timestamp,
    step: SignedDuration,
    count: i32,
    letters: usize,
) -> Vec<Column> {
    (0..count)
        .filter_map(|place| {
            let at = crate::clock::text(from.checked_add(step.checked_mul(place)?).ok()?);
            let key = at.get(..letters)?;
            let found = counted.iter().find(|(label, _)| label == key).map_or(0, |(_, count)| *count);
            let label = if letters > 10 { format!("{}:00", key.replace('T', " ")) } else { key.to_owned() };
            Some(Column { label, count: found.max(0).unsigned_abs() })
        })
        .collect()
}

fn warnings(look: &Look, language: Language) -> Html {
    let mut html = Html::new();
    let (when, what) = language.pick(("When", "What"), ("När", "Vad"));
    let caption = language.pick("The last warnings in the log", "De senaste varningarna i loggen");
    let mut table = Table::new(caption, &[(when, false), (what, false)]);
    for one in &look.warnings {
        let mut said = Html::new();
        said.markup(if one.level == "ERROR" { "<span class=\"tag old\">" } else { "<span class=\"tag\">" });
        said.text(match one.level.as_str() {
            "ERROR" => language.pick("error", "fel"),
            _ => language.pick("warning", "varning"),
        });
        said.markup("</span> ").text(&one.message);
        table.row(vec![words::moment(&one.at), said]);
    }
    html.add(&table.into_html());
    if html.is_empty() {
        html.markup("<p>").text(language.pick("None.", "Inga.")).markup("</p>\n");
    }
    section("log", language.pick("The log's last warnings", "Loggens senaste varningar"), &html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hour_and_day_has_its_place_up_to_this_one() {
        let now: Timestamp = "2026-11-21T22:46:00Z".parse().unwrap();
        let [day, month] = chart_starts(now);
        let counted = [("2026-11-20T23".to_owned(), 2), ("2026-11-21T22".to_owned(), 5)];
        let hours = columns_of(&counted, day, SignedDuration::from_hours(1), 24, 13);
        assert_eq!(hours.len(), 24);
        assert_eq!(hours[0], Column { label: "2026-11-20 23:00".into(), count: 2 });
        assert_eq!(hours[23], Column { label: "2026-11-21 22:00".into(), count: 5 });
        let days = columns_of(&[("2026-11-21".to_owned(), 7)], month, SignedDuration::from_hours(24), 30, 10);
        assert_eq!(days[0].label, "2026-10-23");
        assert_eq!(days[29], Column { label: "2026-11-21".into(), count: 7 });
    }
}
