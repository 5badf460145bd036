//! A report on a terminal: columns side by side, numbers to the right.

use super::{Report, words};

/// A column that is cut keeps this many letters.
const LEAST: usize = 6;

/// Columns side by side. Where `width` is given, no line is longer: the widest columns of text are cut, with
/// an ellipsis where something is left out.
pub fn table(report: &Report, width: Option<usize>) -> String {
    let rows: Vec<Vec<String>> = report.rows.iter().map(|row| row.iter().map(words).collect()).collect();
    let numeric: Vec<bool> = (0..report.columns.len()).map(|place| report.is_numeric(place)).collect();
    let mut widths: Vec<usize> = report.columns.iter().map(|name| letters(name)).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(letters(cell));
        }
    }
    if let Some(width) = width {
        narrow(&mut widths, &numeric, width);
    }
    let mut text = String::new();
    for row in std::iter::once(&report.columns).chain(&rows) {
        let mut line = String::new();
        for ((cell, width), numeric) in row.iter().zip(&widths).zip(&numeric) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let cell = cut(cell, *width);
            let padding = " ".repeat(width.saturating_sub(letters(&cell)));
            match numeric {
                true => line.extend([padding, cell]),
                false => line.extend([cell, padding]),
            }
        }
        text.push_str(&cut(line.trim_end(), width.unwrap_or(usize::MAX)));
        text.push('\n');
    }
    text
}

/// Takes from the widest columns of text until the line fits, or nothing more can be taken.
fn narrow(widths: &mut [usize], numeric: &[bool], width: usize) {
    let gaps = 2 * widths.len().saturating_sub(1);
    let mut over = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
    while over > 0 {
        let texts = widths.iter_mut().zip(numeric).filter(|(width, numeric)| !**numeric && **width > LEAST);
        let Some((widest, _)) = texts.max_by_key(|(width, _)| **width) else { return };
        *widest -= 1;
        over -= 1;
    }
}

fn cut(text: &str, width: usize) -> String {
    if letters(text) <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

fn letters(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_nothing_moves_the_cursor() {
        assert_eq!(
            table(&report(), None),
            "product_number  name            available  changed_at\n\
             A;1             Say \"å\" [2J<b>        0.3  2026-11-21 22:16:00\n\
             B                                    1200\n"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [10, 30, 40, 50, 60, 200] {
            let text = table(&report(), Some(width));
            assert!(text.lines().all(|line| letters(line) <= width), "{width}:\n{text}");
            assert_eq!(text.lines().count(), 3);
        }
        let text = table(&report(), Some(50));
        assert!(text.contains("1200") && text.contains("0.3"), "numbers are whole:\n{text}");
    }
}
