//! HTML in which nothing that comes from outside can be taken for markup: markup is written in this program,
//! everything else is text.

use std::fmt::Display;

use crate::formats::report::escaped;

/// A piece of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Nothing yet.
    pub fn new() -> Html {
        Html::default()
    }

    /// A piece that is only text.
    pub fn of(text: impl Display) -> Html {
        let mut html = Html::new();
        html.text(text);
        html
    }

    /// Adds markup of our own.
    pub fn markup(&mut self, markup: &'static str) -> &mut Html {
        self.0.push_str(markup);
        self
    }

    /// Adds text, which may also stand in an attribute in double quotes.
    pub fn text(&mut self, text: impl Display) -> &mut Html {
        self.0.push_str(&escaped(&text.to_string()));
        self
    }

    /// Adds a piece.
    pub fn add(&mut self, piece: &Html) -> &mut Html {
        self.0.push_str(&piece.0);
        self
    }

    /// Adds a chart, which was drawn with the same care.
    pub fn add_chart(&mut self, chart: &str) -> &mut Html {
        self.0.push_str(chart);
        self
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The markup.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// A table that a phone shows as cards, each value under the name of its column.
#[derive(Debug)]
pub struct Table {
    caption: &'static str,
    columns: Vec<(&'static str, bool)>,
    rows: Vec<Vec<Html>>,
}

impl Table {
    /// `caption` says what it is to those who can't see it; the columns are names, and whether they hold
    /// numbers.
    pub fn new(caption: &'static str, columns: &[(&'static str, bool)]) -> Table {
        Table { caption, columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, a cell for each column.
    pub fn row(&mut self, cells: Vec<Html>) {
        self.rows.push(cells);
    }

    /// The table; nothing where it has no rows.
    pub fn into_html(self) -> Html {
        let mut html = Html::new();
        if self.rows.is_empty() {
            return html;
        }
        html.markup("<table>\n<caption>").text(self.caption).markup("</caption>\n<thead><tr>");
        for (name, is_number) in &self.columns {
            html.markup(if *is_number { "<th scope=\"col\" class=\"n\">" } else { "<th scope=\"col\">" });
            html.text(name).markup("</th>");
        }
        html.markup("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            html.markup("<tr>");
            for (place, ((name, is_number), cell)) in self.columns.iter().zip(row).enumerate() {
                let (open, close) =
                    if place == 0 { ("<th scope=\"row\"", "</th>") } else { ("<td", "</td>") };
                html.markup(open).markup(if *is_number { " class=\"n\"" } else { "" });
                if cell.is_empty() {
                    html.markup(" data-empty");
                }
                // In one piece, so that a phone can set it beside the name of its column.
                html.markup(" data-label=\"").text(name).markup("\"><div>").add(cell).markup("</div>");
                html.markup(close);
            }
            html.markup("</tr>\n");
        }
        html.markup("</tbody>\n</table>\n");
        html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_only_text() {
        let mut table = Table::new("What", &[("A", false), ("B", true)]);
        table.row(vec![Html::of("<script>\"'&"), Html::of(7)]);
        let text = table.into_html().into_string();
        assert!(text.contains("data-label=\"A\"><div>&lt;script&gt;&quot;&#39;&amp;</div></th>"), "{text}");
        assert!(text.contains("<td class=\"n\" data-label=\"B\"><div>7</div></td>"), "{text}");
        assert!(Table::new("What", &[("A", false)]).into_html().is_empty());
    }
}
