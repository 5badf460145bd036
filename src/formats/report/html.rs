//! A report as one page that needs nothing else: for a screen, a phone, paper or an e-mail.

use super::chart::{self, Chart, escaped};
use super::{Report, words};
use crate::language::Language;

/// Rows that a page shows at the most: beyond that it is no page for a person.
const MOST_ROWS: usize = 5000;

/// What stands around the rows.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    /// The report's name.
    pub name: &'a str,
    /// What it answers.
    pub title: &'a str,
    /// When it was made, UTC.
    pub made_at: &'a str,
    /// The date from which on, where one was given.
    pub since: Option<&'a str>,
    /// The language of what is not data.
    pub language: Language,
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2127;--soft:#5a6572;--line:#d5dae0;--page:#fff;--stripe:#f5f7f9;--bar:#2f6fb0;--below:#b3452c}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#a3adb8;--line:#3a434d;--page:#15191e;--stripe:#1c2228;--bar:#6ea8e0;--below:#e5866d}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1rem 3rem;max-width:75rem;background:var(--page);color:var(--ink);font:16px/1.45 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.2;margin:0 0 .25rem}
p{margin:0 0 1.25rem;color:var(--soft)}
figure{margin:0 0 1.75rem}
figcaption{font-weight:600;margin-bottom:.5rem}
svg{display:block;overflow:hidden;font:13px system-ui,sans-serif;fill:var(--ink)}
svg .value{font-weight:600}
svg .bar{fill:var(--bar)}
svg .below{fill:var(--below)}
svg line{stroke:var(--line)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem;min-width:100%}
th,td{padding:.3rem .75rem .3rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.t{white-space:nowrap}
tbody tr:nth-child(even){background:var(--stripe)}
@media print{:root{--ink:#000;--soft:#333;--line:#bbb;--page:#fff;--stripe:#fff;--bar:#555;--below:#999}body{max-width:none;padding:0;font-size:10pt}.scroll{overflow:visible}thead{display:table-header-group}tr,figure{break-inside:avoid}svg rect{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
";

/// The page.
pub fn html(report: &Report, chart: Option<Chart>, around: &Words<'_>) -> String {
    let language = around.language;
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{} – {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{}</h1>\n<p>{}</p>\n",
        language.pick("en", "sv"),
        escaped(around.name),
        escaped(around.title),
        escaped(around.title),
        escaped(&subtitle(report, around)),
    );
    if let Some(chart) = chart {
        page.push_str(&chart::draw(chart, report, language));
    }
    if !report.rows.is_empty() {
        push_table(&mut page, report);
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn subtitle(report: &Report, around: &Words<'_>) -> String {
    let language = around.language;
    let all = report.rows.len();
    let rows = match all {
        0 => language.pick("nothing to show".to_owned(), "inget att visa".to_owned()),
        1 => language.pick("1 row".to_owned(), "1 rad".to_owned()),
        _ if all > MOST_ROWS => language.pick(
            format!("the first {MOST_ROWS} of {all} rows; --format csv has them all"),
            format!("de första {MOST_ROWS} av {all} rader; --format csv har alla"),
        ),
        _ => language.pick(format!("{all} rows"), format!("{all} rader")),
    };
    let since =
        around.since.map(|since| language.pick(format!(", since {since}"), format!(", sedan {since}")));
    let made = super::moment(around.made_at).unwrap_or_else(|| around.made_at.to_owned());
    language.pick(
        format!(
            "{}{}: {rows}. Made {made}; all times are UTC.",
            around.name,
            since.clone().unwrap_or_default()
        ),
        format!("{}{}: {rows}. Gjord {made}; alla tider är UTC.", around.name, since.unwrap_or_default()),
    )
}

fn push_table(page: &mut String, report: &Report) {
    let numeric: Vec<bool> = (0..report.columns.len()).map(|place| report.is_numeric(place)).collect();
    page.push_str("<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>");
    for (name, numeric) in report.columns.iter().zip(&numeric) {
        let class = if *numeric { " class=\"n\"" } else { "" };
        page.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escaped(name)));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in report.rows.iter().take(MOST_ROWS) {
        page.push_str("<tr>");
        for (cell, numeric) in row.iter().zip(&numeric) {
            let is_moment = cell.as_text().and_then(super::moment).is_some();
            page.push_str(match (numeric, is_moment) {
                (true, _) => "<td class=\"n\">",
                (_, true) => "<td class=\"t\">",
                _ => "<td>",
            });
            page.push_str(&escaped(&words(cell)));
            page.push_str("</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table></div>\n");
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;

    fn around(language: Language) -> Words<'static> {
        Words {
            name: "a<b",
            title: "What & where?",
            made_at: "2026-11-21T22:16:00.000Z",
            since: Some("2026-11-01"),
            language,
        }
    }

    #[test]
    fn a_page_needs_nothing_else_and_data_is_only_text() {
        let page = html(&report(), None, &around(Language::English));
        for outside in ["http", "src=", "<script", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("<td>Say &quot;å&quot; [2J&lt;b&gt;</td>"), "{page}");
        assert!(page.contains("<td class=\"n\">0.3</td>"), "{page}");
        assert!(
            page.contains("<h1>What &amp; where?</h1>") && page.contains("a&lt;b, since 2026-11-01: 2 rows.")
        );
        let page = html(&report(), None, &around(Language::Swedish));
        assert!(page.contains("<html lang=\"sv\">") && page.contains("2 rader. Gjord 2026-11-21 22:16:00;"));
    }

    #[test]
    fn nothing_found_is_said() {
        let empty = Report { rows: Vec::new(), ..report() };
        let page = html(&empty, Some(Chart::Days), &around(Language::English));
        assert!(page.contains("nothing to show") && !page.contains("<table") && !page.contains("<svg"));
    }

    #[test]
    fn a_page_has_an_end() {
        let many = Report { rows: vec![report().rows[1].clone(); MOST_ROWS + 1], ..report() };
        let page = html(&many, None, &around(Language::English));
        assert_eq!(page.matches("<tr>").count(), MOST_ROWS + 1);
        assert!(page.contains("the first 5000 of 5001 rows"));
    }
}
