//! A chart of counts over time: upright bars side by side, as wide as the page.

use super::chart::{escaped, open};
use crate::language::Language;

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What it counts, such as an hour or a day.
    pub label: String,
    /// How many.
    pub count: u64,
}

/// What stands around the bars.
#[derive(Debug, Clone)]
pub struct Around<'a> {
    /// What is to be seen.
    pub title: &'a str,
    /// What is to be seen, for those who can't see it.
    pub told: &'a str,
    /// Under the first bar and under the last one.
    pub ends: [&'a str; 2],
    /// The language of what is not data.
    pub language: Language,
}

const HEIGHT: f64 = 110.0;
const TOP: f64 = 22.0;

/// The chart as HTML; nothing where there are no bars.
pub fn draw(columns: &[Column], around: &Around<'_>) -> String {
    let Some(most) = columns.iter().map(|column| column.count).max() else { return String::new() };
    let step = 100.0 / columns.len() as f64;
    let mut svg = open(around.title, around.told, (HEIGHT + TOP) as usize + 22, around.language);
    svg.push_str(&format!("<text x=\"0\" y=\"14\" class=\"value\">{most}</text>\n"));
    svg.push_str(&format!("<line x1=\"0\" x2=\"100%\" y1=\"{TOP}\" y2=\"{TOP}\"/>"));
    svg.push_str(&format!("<line x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/>\n", TOP + HEIGHT));
    for (place, column) in columns.iter().enumerate().filter(|(_, column)| column.count > 0) {
        let height = (column.count as f64 / most as f64 * HEIGHT).max(1.0);
        svg.push_str(&format!(
            "<rect class=\"bar\" x=\"{:.2}%\" y=\"{:.1}\" width=\"{:.2}%\" height=\"{height:.1}\"><title>{}: {}</title></rect>\n",
            place as f64 * step + step * 0.1,
            TOP + HEIGHT - height,
            step * 0.8,
            escaped(&column.label),
            column.count,
        ));
    }
    let y = TOP + HEIGHT + 17.0;
    let [first, last] = around.ends.map(escaped);
    svg.push_str(&format!("<text x=\"0\" y=\"{y}\">{first}</text>"));
    svg.push_str(&format!("<text x=\"100%\" y=\"{y}\" text-anchor=\"end\">{last}</text>\n</svg></figure>\n"));
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_is_as_high_as_the_chart_and_the_others_by_their_share() {
        let column = |label: &str, count| Column { label: label.into(), count };
        let around = Around {
            title: "Orders",
            told: "3 in all",
            ends: ["<then>", "now"],
            language: Language::English,
        };
        let svg = draw(&[column("a<b", 1), column("b", 0), column("c", 2), column("d", 0)], &around);
        assert!(
            svg.contains("x=\"2.50%\" y=\"77.0\" width=\"20.00%\" height=\"55.0\"><title>a&lt;b: 1<"),
            "{svg}"
        );
        assert!(
            svg.contains("x=\"52.50%\" y=\"22.0\" width=\"20.00%\" height=\"110.0\"><title>c: 2<"),
            "{svg}"
        );
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains(">&lt;then&gt;<") && svg.contains("<desc>3 in all</desc>"), "{svg}");
        assert_eq!(draw(&[], &around), "");
    }
}
