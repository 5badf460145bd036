//! The line of a field in a JSON text, so that a person finds it. Only asked for when something is
//! wrong, and only for text that parsed.

/// One step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into an object's field.
    Field(String),
    /// Into an array's item, from 0.
    Item(usize),
}

/// The line (from 1) on which the value at `path` begins, or that of the deepest container on the way
/// to it that is there.
pub fn line_of(text: &str, path: &[Step]) -> u64 {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    scanner.skip_space();
    let mut found = scanner.at;
    for step in path {
        if !scanner.enter(step) {
            break;
        }
        found = scanner.at;
    }
    super::text::line_at(text.as_bytes(), found)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    /// Goes from the start of a container to the start of the value at `step`. A field that stands
    /// twice counts as its last, as it does in parsing.
    fn enter(&mut self, step: &Step) -> bool {
        let opening = self.peek();
        match (opening, step) {
            (b'{', Step::Field(_)) | (b'[', Step::Item(_)) => {}
            _ => return false,
        }
        self.at += 1;
        let mut found = None;
        let mut index = 0;
        loop {
            self.skip_space();
            if matches!(self.peek(), b'}' | b']' | 0) {
                break;
            }
            let mut wanted = matches!(step, Step::Item(item) if *item == index);
            if opening == b'{' {
                let start = self.at;
                self.skip_string();
                let name: Option<String> = serde_json::from_slice(&self.bytes[start..self.at]).ok();
                wanted = matches!((step, name), (Step::Field(field), Some(name)) if *field == name);
                self.skip_space();
                self.at += 1;
                self.skip_space();
            }
            if wanted {
                found = Some(self.at);
            }
            self.skip_value();
            index += 1;
            self.skip_space();
            if self.peek() == b',' {
                self.at += 1;
            }
        }
        if let Some(found) = found {
            self.at = found;
        }
        found.is_some()
    }

    fn skip_value(&mut self) {
        let mut depth = 0;
        loop {
            match self.peek() {
                0 => return,
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' if depth == 0 => return,
                _ => self.at += 1,
            }
            if depth == 0 && matches!(self.peek(), b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' | 0) {
                return;
            }
        }
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.bytes[self.at] {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return;
                }
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &[Step], line: u64) {
        let text = "{\n \"a\": {\"x\": \"},{\\\"\", \"y\": 1},\n \"b\": [\n  {\"c\": 1},\n  {\"c\":\n   2, \"d\": []}\n ]\n}";
        assert_eq!(line_of(text, path), line, "{path:?}");
    }

    #[test]
    fn finds_the_line() {
        use Step::{Field, Item};
        let field = |name: &str| Field(name.into());
        check(&[], 1);
        check(&[field("a")], 2);
        check(&[field("a"), field("y")], 2);
        check(&[field("b")], 3);
        check(&[field("b"), Item(0)], 4);
        check(&[field("b"), Item(1), field("c")], 6);
        check(&[field("b"), Item(1), field("missing")], 5);
        check(&[field("missing"), field("more")], 1);
        check(&[field("b"), Item(7)], 3);
    }
}
