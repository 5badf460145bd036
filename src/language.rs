//! The languages in which the agent speaks to people.

/// The language of what the agent says to people: `exchange.language`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// `"en"`, the default.
    #[default]
    English,
    /// `"sv"`.
    Swedish,
}

impl Language {
    /// The one of two wordings that is in this language.
    pub fn pick<T>(self, english: T, swedish: T) -> T {
        match self {
            Language::English => english,
            Language::Swedish => swedish,
        }
    }
}
