//! What a browser sends of a form, and after `?`.

use percent_encoding::percent_decode_str;

/// The first value of that name in `application/x-www-form-urlencoded` text.
pub fn field(form: &str, name: &str) -> Option<String> {
    form.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(key) == name).then(|| decoded(value))
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_they_were_typed() {
        let form = "token=a%2Bb%3D&document=%7B%22a%22%3A+%22%C3%A5%26%22%7D%0D%0A&q";
        assert_eq!(field(form, "token").as_deref(), Some("a+b="));
        assert_eq!(field(form, "document").as_deref(), Some("{\"a\": \"å&\"}\r\n"));
        assert_eq!(field(form, "q").as_deref(), Some(""));
        assert_eq!(field(form, "Q"), None);
        assert_eq!(field("q=%zz%C3", "q").as_deref(), Some("%zz\u{fffd}"));
    }
}
