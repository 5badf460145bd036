//! Bytes to text: UTF-8 with or without a byte-order mark, UTF-16 with one.

use std::borrow::Cow;

/// Why bytes are no text that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotText {
    /// A character is cut off at the very end: more may be coming.
    CutOff,
    /// A byte that no text holds, at this line (from 1).
    Invalid {
        /// The line that holds it, from 1.
        line: u64,
    },
}

/// The text that `bytes` hold, without its byte-order mark.
///
/// # Errors
/// [`NotText`] says whether more bytes could mend it.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, NotText> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => decode_utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => decode_utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => decode_utf8(rest),
        [0xFF] | [0xFE] => Err(NotText::CutOff),
        _ => decode_utf8(bytes),
    }
}

fn decode_utf8(bytes: &[u8]) -> Result<Cow<'_, str>, NotText> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) if error.error_len().is_none() => Err(NotText::CutOff),
        Err(error) => Err(NotText::Invalid { line: line_at(bytes, error.valid_up_to()) }),
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, NotText> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len() / 2);
    let mut line = 1;
    let mut decoded = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).peekable();
    while let Some(next) = decoded.next() {
        match next {
            Ok(character) => {
                line += u64::from(character == '\n');
                text.push(character);
            }
            Err(_) if decoded.peek().is_none() => return Err(NotText::CutOff),
            Err(_) => return Err(NotText::Invalid { line }),
        }
    }
    if rest.is_empty() { Ok(Cow::Owned(text)) } else { Err(NotText::CutOff) }
}

/// `bytes` without the zeros at their end: a file that was given its length before it was written ends in them.
pub fn without_zeros(bytes: &[u8]) -> &[u8] {
    match bytes {
        [0xFF, 0xFE, rest @ ..] | [0xFE, 0xFF, rest @ ..] => {
            let (units, half) = rest.as_chunks::<2>();
            let zeros = units.iter().rev().take_while(|unit| **unit == [0, 0]).count();
            match half {
                [] | [0] => &bytes[..bytes.len() - half.len() - 2 * zeros],
                _ => bytes,
            }
        }
        _ => {
            let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
            &bytes[..bytes.len() - zeros]
        }
    }
}

/// The line (from 1) of the byte at `offset`.
pub fn line_at(bytes: &[u8], offset: usize) -> u64 {
    1 + bytes[..offset.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_old_programs_write() {
        assert_eq!(decode(b"abc").unwrap(), "abc");
        assert_eq!(decode(b"\xEF\xBB\xBF\xC3\xA5").unwrap(), "å");
        assert_eq!(decode(b"\xFF\xFE\xE5\x00\x3D\xD8\x00\xDE").unwrap(), "å😀");
        assert_eq!(decode(b"\xFE\xFF\x00\xE5").unwrap(), "å");
    }

    #[test]
    fn zeros_at_the_end_are_no_text() {
        for (bytes, kept) in [
            (&b"a\0b\0\0"[..], 3),
            (b"\0\0", 0),
            (b"\xFF\xFE{\0", 4),
            (b"\xFF\xFE{\0\0", 4),
            (b"\xFF\xFE{\0\0\0\0", 4),
            (b"\xFE\xFF\0{\0", 4),
            (b"\xFE\xFF\0{\0\0{", 7),
        ] {
            assert_eq!(without_zeros(bytes), &bytes[..kept], "{bytes:?}");
        }
    }

    #[test]
    fn tells_cut_off_from_wrong() {
        assert_eq!(decode(b"ab\xC3"), Err(NotText::CutOff));
        assert_eq!(decode(b"\xFF\xFE\x3D\xD8"), Err(NotText::CutOff));
        assert_eq!(decode(b"\xFF\xFE\x3D"), Err(NotText::CutOff));
        assert_eq!(decode(b"\xFF"), Err(NotText::CutOff), "half a byte-order mark");
        assert_eq!(decode(b"a\nb\xFFc"), Err(NotText::Invalid { line: 2 }));
    }
}
