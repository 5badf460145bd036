//! The name that was meant by one that nobody knows.

/// The name among `known` that was probably meant.
pub fn near_miss<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let bare_written = bare(written);
    known
        .filter_map(|name| {
            let bare_name = bare(name);
            let distance = strsim::damerau_levenshtein(&bare_written, &bare_name);
            // `timeout` for timeout_seconds, `url` for base_url, `retry_max_minutes`.
            let part = bare_written.len() >= 3
                && (bare_name.starts_with(&bare_written) || bare_name.ends_with(&bare_written));
            let same_stem = stem(written).is_some() && stem(written) == stem(name);
            let close = distance <= 1.max(bare_name.len().min(bare_written.len()) / 3);
            (part || same_stem || close).then_some((distance, name))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `baseUrl`, `base-url` and `BASE_URL` are all base_url to a person.
pub fn bare(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn stem(name: &str) -> Option<&str> {
    name.rsplit_once('_').map(|(stem, _)| stem)
}
