//! An input that is made of several files or answers: parts with a line `----` between them, so that a person
//! can write and read a seed.

const BETWEEN: &[u8] = b"\n----\n";

/// The parts, in order; at least one.
pub fn parts(data: &[u8]) -> Vec<&[u8]> {
    let (mut all, mut rest) = (Vec::new(), data);
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        all.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    all.push(rest);
    all
}
