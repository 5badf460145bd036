//! What a person who searches for something means by it.

/// What is searched for: all of these words, wherever they stand and however they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    words: Vec<String>,
}

/// How well something fits; the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Its number is what was asked for.
    Exact,
    /// Its number begins with it.
    Begins,
    /// All words are somewhere in it.
    Within,
}

impl Query {
    /// `None` where nothing is asked.
    pub fn new(text: &str) -> Option<Query> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        (!words.is_empty()).then_some(Query { words })
    }

    /// How well something with these numbers and names fits; `None`: it does not.
    pub fn fit(&self, texts: &[&str]) -> Option<Fit> {
        let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
        if !self.words.iter().all(|word| texts.iter().any(|text| text.contains(word.as_str()))) {
            return None;
        }
        let whole = self.words.join(" ");
        let numbers = || texts.iter();
        Some(match () {
            () if numbers().any(|number| *number == whole) => Fit::Exact,
            () if numbers().any(|number| number.starts_with(&whole)) => Fit::Begins,
            () => Fit::Within,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_in_any_order_and_whatever_the_case() {
        fn check(asked: &str, texts: &[&str], expected: Option<Fit>) {
            assert_eq!(Query::new(asked).unwrap().fit(texts), expected, "{asked}");
        }
        let mug = ["M-17", "Mugg, RÖD Åre", "7350001"];
        check("m-17", &mug, Some(Fit::Exact));
        check(" M-1 ", &mug, Some(Fit::Begins));
        check("735", &mug, Some(Fit::Begins));
        check("röd mugg", &mug, Some(Fit::Within));
        check("åre", &mug, Some(Fit::Within));
        check("mugg, röd", &mug, Some(Fit::Begins));
        check("röd kopp", &mug, None);
        check("%", &mug, None);
        assert_eq!(Query::new(" \t"), None);
    }
}
