//! Names of subjects and issuers as text (RFC 4514).

use std::fmt::Write;

use super::der::{
    Der, Element, IA5_STRING, OID, PRINTABLE_STRING, SEQUENCE, SET, TELETEX_STRING, UTF8_STRING,
};

/// The attributes that have a word (RFC 4514 §3), and those beside them that are
/// met: the content of their object identifiers.
const WORDS: [(&[u8], &str); 13] = [
    (b"\x55\x04\x03", "CN"),
    (b"\x55\x04\x04", "SN"),
    (b"\x55\x04\x05", "SERIALNUMBER"),
    (b"\x55\x04\x06", "C"),
    (b"\x55\x04\x07", "L"),
    (b"\x55\x04\x08", "ST"),
    (b"\x55\x04\x09", "STREET"),
    (b"\x55\x04\x0a", "O"),
    (b"\x55\x04\x0b", "OU"),
    (b"\x55\x04\x0c", "TITLE"),
    (b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID"),
    (b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "EMAIL"),
];

/// The inside of a Name: "CN=master-1,O=system:masters", the last part first;
/// empty without parts. `None` when it is no Name.
pub(super) fn text(name: Der<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for set in name.all()?.iter().rev() {
        let attributes = Der(set.content).all().filter(|_| set.tag == SET)?;
        let texts: Option<Vec<_>> = attributes.iter().map(attribute).collect();
        parts.push(texts?.join("+"));
    }
    Some(parts.join(","))
}

fn attribute(attribute: &Element<'_>) -> Option<String> {
    let mut inside = Some(Der(attribute.content)).filter(|_| attribute.tag == SEQUENCE)?;
    let (kind, value) = (inside.take(OID)?.content, inside.any()?);
    let word = WORDS.iter().find(|(oid, _)| *oid == kind).map(|(_, word)| *word);
    Some(match (word, string(&value)) {
        (Some(word), Some(text)) => format!("{word}={}", escaped(text)),
        _ => {
            let mut text = format!("{}=#", dotted(kind));
            for byte in value.whole {
                // A String takes all.
                let _ = write!(text, "{byte:02x}");
            }
            text
        }
    })
}

fn string<'a>(value: &Element<'a>) -> Option<&'a str> {
    let text = matches!(value.tag, UTF8_STRING | PRINTABLE_STRING | TELETEX_STRING | IA5_STRING);
    text.then_some(value.content).and_then(|content| std::str::from_utf8(content).ok())
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for (at, letter) in text.char_indices() {
        let edge = at == 0 || at + 1 == text.len();
        match letter {
            '\0'..='\x1f' | '\x7f' => out.push_str(&format!("\\{:02x}", u32::from(letter))),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', letter]),
            '#' if at == 0 => out.extend(['\\', letter]),
            ' ' if edge => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out
}

/// "2.5.4.3" (X.690 §8.19).
fn dotted(oid: &[u8]) -> String {
    let mut numbers = Vec::new();
    let mut number = 0_u128;
    for byte in oid {
        number = number << 7 | u128::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.push(first.to_string());
                number -= first * 40;
            }
            numbers.push(number.to_string());
            number = 0;
        }
    }
    numbers.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_stands_first() {
        let name = b"\x31\x17\x30\x15\x06\x03\x55\x04\x0a\x13\x0esystem:masters\
                     \x31\x0f\x30\x0d\x06\x03\x55\x04\x03\x0c\x06a,b \x22\x20";
        assert_eq!(text(Der(name)).as_deref(), Some("CN=a\\,b \\\"\\ ,O=system:masters"));
        assert_eq!(text(Der(b"")).as_deref(), Some(""));
    }

    #[test]
    fn what_has_no_word_is_shown_as_it_is() {
        let name = b"\x31\x1a\x30\x09\x06\x03\x55\x04\x06\x13\x02DE\x30\x0d\x06\x06\x2a\x86\x48\
                     \x86\xf7\x0d\x0c\x03abc";
        assert_eq!(text(Der(name)).as_deref(), Some("C=DE+1.2.840.113549=#0c03616263"));
        let number = b"\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x02\x01\x07";
        assert_eq!(text(Der(number)).as_deref(), Some("2.5.4.3=#020107"));
    }

    #[test]
    fn rubbish_is_no_name() {
        for bytes in [&b"\x30\x00"[..], b"\x31\x01\x30", b"\x31\x02\x30\x00", b"\x31\x02\x02\x00"] {
            assert_eq!(text(Der(bytes)), None, "{bytes:?}");
        }
        assert_eq!(dotted(&[0xff; 40]), "");
        assert_eq!(escaped("#a b#\n"), "\\#a b#\\0a");
    }
}
