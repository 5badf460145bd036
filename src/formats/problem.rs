//! What is wrong with a file, as a value, and the sentence that tells a shopkeeper.
//!
//! Every problem has a word for programs ([`Problem::code`]) and a sentence for people
//! ([`Problem::message`]) in both languages: what is wrong, where, and what to do.

use serde_json::{Value, json};

pub use crate::language::Language;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// The file holds nothing.
    Empty,
    /// A byte that no text holds.
    NotText,
    /// The file ends in the middle and nothing more came.
    CutOff,
    /// JSON breaks off its rules; `column` counts from 1.
    InvalidJson {
        /// Where in the line, from 1.
        column: u64,
    },
    /// It does not even begin like JSON: what it begins with.
    NotJson {
        /// Its first characters.
        begins: String,
    },
    /// An Excel or zip file.
    Archive,
    /// Nested deeper than any order is.
    TooDeep,
    /// Larger than the settings allow.
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
        /// The most that is taken, in MB.
        limit_mb: u64,
    },
    /// The system does not let us read it.
    Unreadable {
        /// What the system said.
        reason: String,
    },
    /// Of a CSV file or an order in it.
    Csv(Box<super::csv::problem::Wrong>),
    /// Of a UBL order.
    Ubl(Box<super::ubl::problem::Wrong>),
    /// A list without a document.
    EmptyList,
    /// A file of lines whose last one has no end.
    NoLineEnd,
    /// JSON, but no document that we know.
    UnknownDocument,
    /// A list where one document belongs.
    ListForDocument,
    /// A field that must be there is not.
    MissingField,
    /// A field of another type than Extend's.
    WrongType {
        /// What it should be.
        expected: Expected,
        /// What was there, shortened.
        found: String,
    },
    /// A text that is none of those that Extend knows.
    UnknownValue {
        /// What was there.
        found: String,
        /// What may stand there.
        known: Vec<String>,
    },
    /// The key came before, with other content.
    DuplicateKey {
        /// The key.
        key: String,
        /// The file that had it first.
        first_file: String,
    },
    /// The same file, without a key of its own, came before.
    DuplicateUnkeyed {
        /// The file that came first.
        first_file: String,
    },
    /// A field stands twice in one object.
    DuplicateField,
    /// Every row of an order is one that Extend makes itself: nothing would be left to send.
    OnlyChildRows,
    /// Whole, and some program has held it open for writing for a long time.
    HeldOpen,
    /// Nothing says that it is whole, and the settings want that.
    NoMarker {
        /// The name of the file that would say so.
        marker: String,
    },
    /// It says of a file that it is whole, and there is no such file.
    MarkerAlone,
    /// The database could not hold it.
    NotStorable {
        /// What it said.
        reason: String,
    },
    /// A directory, link, pipe or device.
    NotAFile,
    /// A file name that is no text.
    NameNotText,
    /// In inbox/atp/, and no order.
    NoQuestion,
    /// JSON, but no webhook.
    NoHook,
    /// A webhook without a signature, which the settings want.
    Unsigned,
    /// A webhook whose signature is not made with our secret.
    WrongSignature,
    /// A webhook with a signature, and no secret is set to hold it against.
    NoSecret,
}

/// The type that a field should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Text in quotes.
    Text,
    /// A number without quotes.
    Number,
    /// A number without a fraction, without quotes.
    WholeNumber,
    /// `{ … }`.
    Object,
    /// `[ … ]`.
    List,
}

/// Something wrong with a file or one of its documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub wrong: Wrong,
    /// The field, as a path: `orderRows[0].product.productNumber`.
    pub field: Option<String>,
    /// The line in the file, from 1.
    pub line: Option<u64>,
}

impl Problem {
    /// A problem of the file as a whole.
    pub fn of_file(wrong: Wrong) -> Problem {
        Problem { wrong, field: None, line: None }
    }

    /// The word for programs.
    pub fn code(&self) -> &'static str {
        match &self.wrong {
            Wrong::Csv(wrong) => wrong.code(),
            Wrong::Ubl(wrong) => wrong.code(),
            Wrong::Empty => "empty_file",
            Wrong::NotText => "invalid_encoding",
            Wrong::CutOff => "cut_off",
            Wrong::InvalidJson { .. } | Wrong::NotJson { .. } => "invalid_json",
            Wrong::Archive => "invalid_encoding",
            Wrong::TooDeep => "too_deep",
            Wrong::TooLarge { .. } => "too_large",
            Wrong::Unreadable { .. } => "unreadable",
            Wrong::EmptyList => "empty_list",
            Wrong::NoLineEnd => "cut_off",
            Wrong::UnknownDocument => "unknown_document",
            Wrong::ListForDocument => "unsupported_kind",
            Wrong::MissingField => "missing_field",
            Wrong::WrongType { .. } => "wrong_type",
            Wrong::UnknownValue { .. } => "unknown_value",
            Wrong::DuplicateKey { .. } => "duplicate_key",
            Wrong::DuplicateUnkeyed { .. } => "duplicate_unkeyed",
            Wrong::DuplicateField => "duplicate_field",
            Wrong::OnlyChildRows => "only_child_rows",
            Wrong::HeldOpen => "held_open",
            Wrong::NoMarker { .. } => "no_marker",
            Wrong::MarkerAlone => "marker_alone",
            Wrong::NotStorable { .. } => "not_storable",
            Wrong::NotAFile => "not_a_file",
            Wrong::NameNotText => "name_not_text",
            Wrong::NoQuestion => "no_question",
            Wrong::NoHook => "no_webhook",
            Wrong::Unsigned => "unsigned",
            Wrong::WrongSignature => "wrong_signature",
            Wrong::NoSecret => "no_secret",
        }
    }

    /// The sentence for people: what, where, what to do.
    pub fn message(&self, language: Language) -> String {
        let place = self.place(language);
        match language {
            Language::English => format!("{place}{}", self.english()),
            Language::Swedish => format!("{place}{}", self.swedish()),
        }
    }

    /// As it stands in NAME.error.json.
    pub fn to_json(&self, language: Language) -> Value {
        let mut json = json!({
            "code": self.code(),
            "message": self.message(language),
            "field": self.field,
            "line": self.line,
        });
        if let Wrong::Csv(wrong) = &self.wrong {
            json["column"] = wrong.column().into();
            json["value"] = wrong.value().into();
        }
        json
    }

    fn place(&self, language: Language) -> String {
        let (line_word, field_word) = match language {
            Language::English => ("Line", "field"),
            Language::Swedish => ("Rad", "fält"),
        };
        if let Wrong::Csv(wrong) = &self.wrong {
            return match (self.line, wrong.column()) {
                (Some(line), Some(column)) => language.pick(
                    format!("Line {line}, column {column}: "),
                    format!("Rad {line}, kolumn {column}: "),
                ),
                (Some(line), None) => format!("{line_word} {line}: "),
                (None, _) => String::new(),
            };
        }
        match (self.line, &self.field) {
            (Some(line), Some(field)) => format!("{line_word} {line}, {field_word} {field}: "),
            (Some(line), None) => format!("{line_word} {line}: "),
            (None, Some(field)) => format!("{field}: "),
            (None, None) => String::new(),
        }
    }

    fn english(&self) -> String {
        match &self.wrong {
            Wrong::Csv(wrong) => wrong.message(Language::English),
            Wrong::Ubl(wrong) => wrong.message(Language::English),
            Wrong::Empty => "the file is empty. Let the webshop write it again.".into(),
            Wrong::NotText => {
                "there are bytes here that are no text. Save the file as UTF-8 and drop it again.".into()
            }
            Wrong::CutOff => {
                "the file ends in the middle: its end never came. Let the webshop write it again, whole."
                    .into()
            }
            Wrong::InvalidJson { column } => format!(
                "this is not valid JSON at character {column}: a comma, quote or bracket is missing or one too \
                 many. Mend it there and drop the file again."
            ),
            Wrong::NotJson { begins } => {
                format!("this is not JSON: it begins with {begins}. Write the order as JSON, see Formats in the README.")
            }
            Wrong::Archive => {
                "this looks like an Excel or zip file. Only JSON is taken; write the order as JSON.".into()
            }
            Wrong::TooDeep => {
                "brackets lie inside brackets deeper than in any order. This is no order file.".into()
            }
            Wrong::TooLarge { bytes, limit_mb } => format!(
                "the file has {} MB, and at most {limit_mb} MB are taken. Split it, or raise max_file_mb in the \
                 settings.",
                bytes.div_ceil(1_000_000)
            ),
            Wrong::Unreadable { reason } => format!(
                "the file could not be read ({reason}). Give the account that runs extend-edge the right to read \
                 what the webshop writes, and drop the file again."
            ),
            Wrong::EmptyList => "the list is empty: there is no document in it. If there was something to send, let \
                                 the webshop write the file again."
                .into(),
            Wrong::NoLineEnd => "the last line has no line end, so it can't be told whether all of the file came. \
                                 Let the webshop end every line with one and write the file again."
                .into(),
            Wrong::UnknownDocument => "this is neither an order (orderHeader and orderRows) nor a return \
                                       (createAction). See Formats in the README."
                .into(),
            Wrong::ListForDocument => {
                "here stands a list where one document { … } belongs. Write each document by itself.".into()
            }
            Wrong::MissingField => {
                "this field is missing, and Extend needs it. Add it and drop the file again.".into()
            }
            Wrong::WrongType { expected, found } => {
                let expected = match expected {
                    Expected::Text => "text in quotes",
                    Expected::Number => "a number without quotes",
                    Expected::WholeNumber => "a whole number without quotes",
                    Expected::Object => "an object { … }",
                    Expected::List => "a list [ … ]",
                };
                format!("here stands {found}, but it must be {expected}. Change it and drop the file again.")
            }
            Wrong::UnknownValue { found, known } => {
                format!("here stands {found}, but Extend knows only {}.", known.join(", "))
            }
            Wrong::DuplicateKey { key, first_file } => format!(
                "the number {key} came before, in {first_file}, with other content. If this is another order, \
                 give it a number of its own. If it changes that order: while it waits, «extend-edge outbox edit»; \
                 once it is delivered, change it in Extend. If only the settings read it in another way than then, it \
                 is the same order: nothing need be done."
            ),
            Wrong::DuplicateUnkeyed { first_file } => format!(
                "the same file came before ({first_file}) and has no number of its own, so it can't be told from \
                 a copy. If it is a new order, give it an orderNumberExternal (a return: header.reference)."
            ),
            Wrong::DuplicateField => {
                "this field stands twice, and only one of them could be taken. Remove one and drop the file again."
                    .into()
            }
            Wrong::OnlyChildRows => {
                "every row is a part of a bill of materials (billOfMaterialsParentRowPosition), and Extend makes \
                 those itself. Add the row of the product that they belong to and drop the file again."
                    .into()
            }
            Wrong::HeldOpen => "some program still has the file open, so it is not taken. Let that program close \
                                it, or restart it."
                .into(),
            Wrong::NoMarker { marker } => format!(
                "the file {marker} is not there, which would say that this one is whole, so it is not taken \
                 ([exchange] marker in the settings). Let the webshop write it last; or, if the file is whole, make \
                 an empty file of that name."
            ),
            Wrong::MarkerAlone => "it says that another file is whole, and there is no such file. Let the webshop \
                                   write that file first, or remove this one."
                .into(),
            Wrong::NotStorable { reason } => {
                format!("the file could not be recorded ({reason}). Nothing of it was sent.")
            }
            Wrong::NotAFile => {
                "this is no ordinary file (a folder, link or pipe) and is never read. Take it out \
                                of the inbox; if it holds orders, put the files themselves there."
                    .into()
            }
            Wrong::NameNotText => "the name of this file is no valid text. Give it another name.".into(),
            Wrong::NoQuestion => "in inbox/atp/ belongs one order, to be asked what is available. Anything else belongs \
                                  in the inbox itself."
                .into(),
            Wrong::NoHook => "this is no webhook: it has no list of Notifications. In hooks/ belongs what Extend \
                              posted, byte for byte."
                .into(),
            Wrong::Unsigned => "this webhook has no signature. Write the header ms-signature into a file of the \
                                same name with .signature behind it, or set allow_unsigned_files in the settings."
                .into(),
            Wrong::WrongSignature => "the signature of this webhook is not made with our secret, or the bytes are \
                                      not those that Extend sent. Is secret under [webhooks] the one that Extend has?"
                .into(),
            Wrong::NoSecret => "this webhook is signed, and there is no secret under [webhooks] in the settings to \
                                hold it against."
                .into(),
        }
    }

    fn swedish(&self) -> String {
        match &self.wrong {
            Wrong::Csv(wrong) => wrong.message(Language::Swedish),
            Wrong::Ubl(wrong) => wrong.message(Language::Swedish),
            Wrong::Empty => "filen är tom. Låt webbshoppen skriva den igen.".into(),
            Wrong::NotText => {
                "här finns tecken som inte är text. Spara filen som UTF-8 och lägg in den igen.".into()
            }
            Wrong::CutOff => {
                "filen tar slut mitt i: resten kom aldrig. Låt webbshoppen skriva hela filen igen.".into()
            }
            Wrong::InvalidJson { column } => format!(
                "detta är inte giltig JSON vid tecken {column}: ett komma, citattecken eller en parentes saknas \
                 eller är ett för mycket. Rätta det och lägg in filen igen."
            ),
            Wrong::NotJson { begins } => {
                format!("detta är inte JSON: det börjar med {begins}. Skriv ordern som JSON, se Formats i README.")
            }
            Wrong::Archive => {
                "detta ser ut som en Excel- eller zip-fil. Bara JSON tas emot; skriv ordern som JSON.".into()
            }
            Wrong::TooDeep => {
                "parenteser ligger i parenteser djupare än i någon order. Detta är ingen orderfil.".into()
            }
            Wrong::TooLarge { bytes, limit_mb } => format!(
                "filen är {} MB, och högst {limit_mb} MB tas emot. Dela den, eller höj max_file_mb i \
                 inställningarna.",
                bytes.div_ceil(1_000_000)
            ),
            Wrong::Unreadable { reason } => format!(
                "filen kunde inte läsas ({reason}). Ge kontot som kör extend-edge rätt att läsa det som \
                 webbshoppen skriver, och lägg in filen igen."
            ),
            Wrong::EmptyList => "listan är tom: den innehåller inget dokument. Fanns det något att skicka, låt \
                                 webbshoppen skriva filen igen."
                .into(),
            Wrong::NoLineEnd => "sista raden saknar radslut, så det går inte att avgöra om hela filen kom. Låt \
                                 webbshoppen avsluta varje rad med ett och skriva filen igen."
                .into(),
            Wrong::UnknownDocument => "detta är varken en order (orderHeader och orderRows) eller en retur \
                                       (createAction). Se Formats i README."
                .into(),
            Wrong::ListForDocument => {
                "här står en lista där ett dokument { … } hör hemma. Skriv varje dokument för sig.".into()
            }
            Wrong::MissingField => {
                "fältet saknas, och Extend behöver det. Lägg till det och lägg in filen igen.".into()
            }
            Wrong::WrongType { expected, found } => {
                let expected = match expected {
                    Expected::Text => "text inom citattecken",
                    Expected::Number => "ett tal utan citattecken",
                    Expected::WholeNumber => "ett heltal utan citattecken",
                    Expected::Object => "ett objekt { … }",
                    Expected::List => "en lista [ … ]",
                };
                format!("här står {found}, men det måste vara {expected}. Ändra det och lägg in filen igen.")
            }
            Wrong::UnknownValue { found, known } => {
                format!("här står {found}, men Extend känner bara till {}.", known.join(", "))
            }
            Wrong::DuplicateKey { key, first_file } => format!(
                "numret {key} har kommit förut, i {first_file}, med annat innehåll. Är detta en annan order, ge \
                 den ett eget nummer. Ändrar den ordern: medan den väntar, «extend-edge outbox edit»; när den är \
                 levererad, ändra den i Extend. Är det bara inställningarna som läser den på ett annat sätt än då är det \
                 samma order: inget behöver göras."
            ),
            Wrong::DuplicateUnkeyed { first_file } => format!(
                "samma fil har kommit förut ({first_file}) och har inget eget nummer, så den kan inte skiljas \
                 från en kopia. Är det en ny order, ge den ett orderNumberExternal (en retur: header.reference)."
            ),
            Wrong::DuplicateField => {
                "fältet står två gånger, och bara det ena kan tas emot. Ta bort det ena och lägg in filen igen."
                    .into()
            }
            Wrong::OnlyChildRows => {
                "alla rader är delar av en strukturartikel (billOfMaterialsParentRowPosition), och dem skapar \
                 Extend själv. Lägg till raden för artikeln som de hör till och lägg in filen igen."
                    .into()
            }
            Wrong::HeldOpen => "något program har fortfarande filen öppen, så den tas inte. Låt programmet stänga \
                                den, eller starta om det."
                .into(),
            Wrong::NoMarker { marker } => format!(
                "filen {marker} finns inte, som skulle säga att den här är hel, så den tas inte ([exchange] marker i \
                 inställningarna). Låt webbshoppen skriva den sist; eller skapa, om filen är hel, en tom fil med det \
                 namnet."
            ),
            Wrong::MarkerAlone => "den säger att en annan fil är hel, och någon sådan fil finns inte. Låt webbshoppen \
                                   skriva den filen först, eller ta bort den här."
                .into(),
            Wrong::NotStorable { reason } => {
                format!("filen kunde inte registreras ({reason}). Inget av den har skickats.")
            }
            Wrong::NotAFile => {
                "detta är ingen vanlig fil (en mapp, länk eller pipe) och läses aldrig. Ta bort \
                                den ur inbox; innehåller den ordrar, lägg själva filerna där."
                    .into()
            }
            Wrong::NameNotText => "filens namn är ingen giltig text. Ge den ett annat namn.".into(),
            Wrong::NoQuestion => "i inbox/atp/ ska ligga en order, som fråga om vad som finns i lager. Allt annat hör \
                                  hemma i själva inbox."
                .into(),
            Wrong::NoHook => "detta är ingen webhook: den har ingen lista Notifications. I hooks/ ska ligga det som \
                              Extend sände, byte för byte."
                .into(),
            Wrong::Unsigned => "denna webhook saknar signatur. Skriv huvudet ms-signature i en fil med samma namn \
                                och .signature efter, eller sätt allow_unsigned_files i inställningarna."
                .into(),
            Wrong::WrongSignature => "signaturen är inte gjord med vår hemlighet, eller så är byten inte de som Extend \
                                      sände. Är secret under [webhooks] den som Extend har?"
                .into(),
            Wrong::NoSecret => "denna webhook är signerad, och det finns ingen secret under [webhooks] i \
                                inställningarna att pröva den mot."
                .into(),
        }
    }
}

/// A value shortened for a sentence.
pub fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 {
        text
    } else {
        format!("{} …", text.chars().take(40).collect::<String>())
    }
}
