//! Charts as SVG, where they say more than a table: bars side by side by day, or bars one below the other.
//!
//! They have no picture size: lengths are in percent of the page and text is in the page's own size, so that
//! a phone shows both as well as paper does. The rows stand in the table below, and a title and a
//! description say what is to be seen for those who can't see it.

use jiff::ToSpan;
use jiff::civil::Date;

use super::{Report, moment, rounded};
use crate::language::Language;
use crate::rules::mirror::Cell;

/// Which chart a report has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chart {
    /// Amounts by day, one panel for each currency.
    Days,
    /// What is left of the products that run out first.
    Lowest,
    /// Minutes since each entity was fetched.
    Ages,
    /// How many rows have each value of a column.
    Counts(&'static str),
    /// How many items have waited for how long.
    Waiting,
}

/// Bars that are shown at the most; a chart of more says less.
const MOST_BARS: usize = 20;
/// Days that are shown at the most: the latest.
const MOST_DAYS: usize = 92;

/// One bar: what it is, how long, and its length in figures. A narrow page cuts the end of what it is.
struct Bar {
    label: String,
    value: f64,
    shown: String,
}

/// The chart as HTML, empty where the rows have nothing to show.
pub fn draw(chart: Chart, report: &Report, language: Language) -> String {
    match chart {
        Chart::Days => days(report, language),
        Chart::Lowest => {
            let title = language.pick(
                "What runs out first: available less what waits in the outbox",
                "Vad som tar slut först: tillgängligt minus det som väntar i utkorgen",
            );
            bars(title, lowest(report, language), language)
        }
        Chart::Ages => {
            let title = language.pick("Minutes since each was fetched", "Minuter sedan var och en hämtades");
            bars(title, labelled(report, "entity", "minutes_old"), language)
        }
        Chart::Counts(column) => {
            let title = language.pick(format!("How many, by {column}"), format!("Antal per {column}"));
            bars(&title, counts(report, column), language)
        }
        Chart::Waiting => {
            let title = language.pick("How many have waited for how long", "Hur många som väntat hur länge");
            bars(title, waiting(report, language), language)
        }
    }
}

fn text_of<'r>(report: &'r Report, row: &'r [Cell<'static>], name: &str) -> &'r str {
    report.place(name).and_then(|place| row.get(place)).and_then(Cell::as_text).unwrap_or_default()
}

fn number_of(report: &Report, row: &[Cell<'static>], name: &str) -> Option<f64> {
    match row.get(report.place(name)?)? {
        Cell::Integer(number) => Some(*number as f64),
        Cell::Real(number) if number.is_finite() => Some(*number),
        _ => None,
    }
}

fn labelled(report: &Report, label: &str, value: &str) -> Vec<Bar> {
    let bars = report.rows.iter().filter_map(|row| {
        let value = number_of(report, row, value)?;
        Some(Bar { label: text_of(report, row, label).to_owned(), value, shown: rounded(value) })
    });
    bars.take(MOST_BARS).collect()
}

fn lowest(report: &Report, language: Language) -> Vec<Bar> {
    let mut bars: Vec<Bar> = report
        .rows
        .iter()
        .filter_map(|row| {
            let left = number_of(report, row, "available")? - number_of(report, row, "queued").unwrap_or(0.0);
            let text = |name| text_of(report, row, name);
            let next = text("next_receiving_date");
            let next = moment(next).map_or_else(|| next.to_owned(), |next| next[..10].to_owned());
            let more = match next.as_str() {
                "" => String::new(),
                next => language.pick(format!(", more comes {next}"), format!(", mer kommer {next}")),
            };
            Some(Bar {
                label: format!("{} {} · {}{more}", text("product_number"), text("name"), text("warehouse")),
                value: left,
                shown: rounded(left),
            })
        })
        .collect();
    bars.sort_by(|one, other| one.value.total_cmp(&other.value));
    bars.truncate(MOST_BARS);
    bars
}

fn counts(report: &Report, column: &str) -> Vec<Bar> {
    let mut counts: Vec<(&str, u32)> = Vec::new();
    for row in &report.rows {
        let value = text_of(report, row, column);
        match counts.iter_mut().find(|(known, _)| *known == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let bars = counts.into_iter().take(MOST_BARS);
    let label = |value: &str| if value.is_empty() { "–".to_owned() } else { value.to_owned() };
    bars.map(|(value, count)| Bar { label: label(value), value: count.into(), shown: count.to_string() })
        .collect()
}

fn waiting(report: &Report, language: Language) -> Vec<Bar> {
    let ages = [
        (5.0, language.pick("less than 5 minutes", "mindre än 5 minuter")),
        (15.0, language.pick("5 to 15 minutes", "5 till 15 minuter")),
        (60.0, language.pick("15 to 60 minutes", "15 till 60 minuter")),
        (240.0, language.pick("1 to 4 hours", "1 till 4 timmar")),
        (1440.0, language.pick("4 to 24 hours", "4 till 24 timmar")),
        (f64::INFINITY, language.pick("more than a day", "mer än ett dygn")),
    ];
    let mut bars: Vec<Bar> = ages
        .iter()
        .map(|(_, label)| Bar { label: (*label).into(), value: 0.0, shown: String::new() })
        .collect();
    for row in &report.rows {
        let Some(minutes) = number_of(report, row, "waiting_minutes") else { continue };
        if let Some(place) = ages.iter().position(|(before, _)| minutes < *before) {
            bars[place].value += 1.0;
        }
    }
    if bars.iter().all(|bar| bar.value == 0.0) {
        return Vec::new();
    }
    bars.iter_mut().for_each(|bar| bar.shown = rounded(bar.value));
    bars
}

/// Bars one below the other, each under its label. A value below nought goes to the left of the line.
fn bars(title: &str, bars: Vec<Bar>, language: Language) -> String {
    const ROW: usize = 40;
    if bars.is_empty() {
        return String::new();
    }
    let least = bars.iter().map(|bar| bar.value).fold(0.0, f64::min);
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let span = if most - least > 0.0 { most - least } else { 1.0 };
    let percent = |value: f64| (value - least) / span * 100.0;
    let told: Vec<String> = bars.iter().map(|bar| format!("{}: {}", bar.label, bar.shown)).collect();
    let mut svg = open(title, &told.join("; "), bars.len() * ROW, language);
    for (place, bar) in bars.iter().enumerate() {
        let (from, to) = (percent(bar.value.min(0.0)), percent(bar.value.max(0.0)));
        let y = place * ROW;
        svg.push_str(&format!(
            "<text x=\"0\" y=\"{}\"><tspan class=\"value\">{}</tspan> {}</text>\
             <rect class=\"{}\" x=\"{from:.2}%\" y=\"{}\" width=\"{:.2}%\" height=\"12\" rx=\"2\"/>\n",
            y + 15,
            escaped(&bar.shown),
            escaped(&bar.label),
            if bar.value < 0.0 { "below" } else { "bar" },
            y + 21,
            (to - from).max(0.3),
        ));
    }
    svg.push_str("</svg></figure>\n");
    svg
}

/// Amounts by day: a panel for each currency, as amounts in two currencies have no common scale.
fn days(report: &Report, language: Language) -> String {
    let mut currencies: Vec<&str> = Vec::new();
    let mut amounts: Vec<(Date, usize, f64)> = Vec::new();
    for row in &report.rows {
        let day = text_of(report, row, "day").get(..10).and_then(|day| day.parse::<Date>().ok());
        let (Some(day), Some(amount)) = (day, number_of(report, row, "amount")) else { continue };
        let currency = text_of(report, row, "currency");
        let place = currencies.iter().position(|known| *known == currency).unwrap_or_else(|| {
            currencies.push(currency);
            currencies.len() - 1
        });
        amounts.push((day, place, amount));
    }
    let Some(last) = amounts.iter().map(|(day, ..)| *day).max() else { return String::new() };
    let earliest = last.saturating_sub((MOST_DAYS as i64 - 1).days());
    amounts.retain(|(day, ..)| *day >= earliest);
    let first = amounts.iter().map(|(day, ..)| *day).min().unwrap_or(last);
    currencies
        .iter()
        .enumerate()
        .map(|(place, currency)| {
            let mine: Vec<(Date, f64)> = amounts
                .iter()
                .filter(|(_, of, _)| *of == place)
                .map(|(day, _, amount)| (*day, *amount))
                .collect();
            panel(currency, &mine, (first, last), language)
        })
        .collect()
}

fn panel(currency: &str, amounts: &[(Date, f64)], (first, last): (Date, Date), language: Language) -> String {
    const HEIGHT: f64 = 140.0;
    const TOP: f64 = 22.0;
    let Some((best_day, best)) = amounts.iter().copied().max_by(|one, other| one.1.total_cmp(&other.1))
    else {
        return String::new();
    };
    let days = (last - first).get_days().max(0) + 1;
    let step = 100.0 / f64::from(days);
    let most = best.max(f64::MIN_POSITIVE);
    let total: f64 = amounts.iter().map(|(_, amount)| amount).sum();
    let title =
        language.pick(format!("Sales by day, {currency}"), format!("Försäljning per dag, {currency}"));
    let told = language.pick(
        format!(
            "{} days from {first} to {last}, {} in all; the best day is {best_day} with {}.",
            days,
            rounded(total),
            rounded(best)
        ),
        format!(
            "{} dagar från {first} till {last}, totalt {}; bästa dagen är {best_day} med {}.",
            days,
            rounded(total),
            rounded(best)
        ),
    );
    let mut svg = open(&title, &told, (HEIGHT + TOP) as usize + 22, language);
    svg.push_str(&format!("<text x=\"0\" y=\"14\" class=\"value\">{}</text>\n", rounded(best)));
    svg.push_str(&format!("<line x1=\"0\" x2=\"100%\" y1=\"{TOP}\" y2=\"{TOP}\"/>"));
    svg.push_str(&format!("<line x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/>\n", TOP + HEIGHT));
    for (day, amount) in amounts {
        // A day on which more came back than was sold has no bar; the table has it.
        let height = (amount.max(0.0) / most * HEIGHT).max(0.0);
        let x = f64::from((*day - first).get_days()) * step;
        svg.push_str(&format!(
            "<rect class=\"bar\" x=\"{x:.2}%\" y=\"{:.1}\" width=\"{:.2}%\" height=\"{height:.1}\"><title>{day}: {}</title></rect>\n",
            TOP + HEIGHT - height,
            step * 0.8,
            rounded(*amount),
        ));
    }
    let y = TOP + HEIGHT + 17.0;
    svg.push_str(&format!("<text x=\"0\" y=\"{y}\">{first}</text>"));
    if last > first {
        svg.push_str(&format!("<text x=\"100%\" y=\"{y}\" text-anchor=\"end\">{last}</text>"));
    }
    svg.push_str("\n</svg></figure>\n");
    svg
}

pub(super) fn open(title: &str, told: &str, height: usize, language: Language) -> String {
    let lang = language.pick("en", "sv");
    format!(
        "<figure><figcaption>{0}</figcaption>\n<svg role=\"img\" lang=\"{lang}\" width=\"100%\" height=\"{height}\">\
         <title>{0}</title><desc>{1}</desc>\n",
        escaped(title),
        escaped(told),
    )
}

/// Text that HTML takes for nothing but text.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            control if control.is_control() && control != '\n' && control != '\t' => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sales(rows: &[(&str, &'static str, f64)]) -> Report {
        Report {
            columns: ["day", "currency", "amount"].map(String::from).to_vec(),
            rows: rows
                .iter()
                .map(|(day, currency, amount)| {
                    vec![Cell::text(day).into_owned(), Cell::text(currency), Cell::Real(*amount)]
                })
                .collect(),
        }
    }

    #[test]
    fn each_currency_has_its_own_scale_and_days_without_sales_their_place() {
        let report =
            sales(&[("2026-11-21", "SEK", 100.0), ("2026-11-11", "SEK", 50.0), ("2026-11-12", "EUR", 3.0)]);
        let svg = draw(Chart::Days, &report, Language::English);
        assert_eq!(svg.matches("<figure>").count(), 2);
        assert!(svg.contains("Sales by day, SEK") && svg.contains("Sales by day, EUR"), "{svg}");
        // The first of eleven days is at the left edge, the last begins at ten elevenths; half is half as high.
        assert!(svg.contains("x=\"0.00%\" y=\"92.0\" width=\"7.27%\" height=\"70.0\""), "{svg}");
        assert!(svg.contains("x=\"90.91%\" y=\"22.0\""), "{svg}");
        assert!(svg.contains("the best day is 2026-11-21 with 100."), "{svg}");
    }

    #[test]
    fn many_years_are_no_picture() {
        let report = sales(&[("2020-01-01", "SEK", 100.0), ("2026-11-21", "SEK", 50.0)]);
        let svg = draw(Chart::Days, &report, Language::Swedish);
        assert!(!svg.contains("2020-01-01") && svg.contains("2026-11-21"), "{svg}");
    }

    #[test]
    fn what_runs_out_first_comes_first_and_is_only_text() {
        let columns = ["product_number", "name", "warehouse", "available", "queued", "next_receiving_date"];
        let row =
            |number: &'static str, name: &'static str, available: f64, queued: i64, next: &'static str| {
                vec![
                    Cell::text(number),
                    Cell::text(name),
                    Cell::text("MAIN"),
                    Cell::Real(available),
                    Cell::Integer(queued),
                    if next.is_empty() { Cell::Null } else { Cell::text(next) },
                ]
            };
        let report = Report {
            columns: columns.map(String::from).to_vec(),
            rows: vec![
                row("A", "plenty", 90.0, 0, ""),
                row("B", "<script>", 2.0, 5, "2026-12-01T00:00:00.000Z"),
            ],
        };
        let svg = draw(Chart::Lowest, &report, Language::English);
        assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;"), "{svg}");
        assert!(svg.find("B &lt;").unwrap() < svg.find("A plenty").unwrap());
        assert!(svg.contains("MAIN, more comes 2026-12-01"), "{svg}");
        assert!(svg.contains("class=\"below\" x=\"0.00%\""), "{svg}");
    }

    #[test]
    fn nothing_to_show_is_no_chart() {
        let empty = Report { columns: vec!["entity".into()], rows: Vec::new() };
        for chart in [Chart::Days, Chart::Lowest, Chart::Ages, Chart::Counts("entity"), Chart::Waiting] {
            assert_eq!(draw(chart, &empty, Language::English), "");
        }
    }
}
