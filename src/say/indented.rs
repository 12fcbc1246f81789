//! JSON with line ends and indents, for people who look at it. Works on the
//! finished text: serde_json's own way would have every answer's code in the
//! binary twice.

/// Two spaces a level, empty lists and objects on one line. `compact` is JSON
/// without spaces, as serde_json writes it.
pub(super) fn indented(compact: &str) -> String {
    let mut text = String::with_capacity(compact.len() * 2);
    let mut depth = 0;
    let mut just_opened = false;
    let mut rest = compact;
    while let Some(sign) = rest.chars().next() {
        let length = if sign == '"' { string(rest) } else { sign.len_utf8() };
        let (piece, behind) = rest.split_at(length);
        rest = behind;
        let closes = matches!(sign, '}' | ']');
        if closes {
            depth -= 1;
        }
        if just_opened != closes && (just_opened || closes) {
            new_line(&mut text, depth);
        }
        text.push_str(piece);
        just_opened = matches!(sign, '{' | '[');
        match sign {
            '{' | '[' => depth += 1,
            ',' => new_line(&mut text, depth),
            ':' => text.push(' '),
            _ => {}
        }
    }
    text
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    (0..depth).for_each(|_| text.push_str("  "));
}

/// Bytes of the string that `text` begins with, quotes and all.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn as_serde_has_it(value: &Value) {
        let pretty = serde_json::to_string_pretty(value).expect("written");
        assert_eq!(indented(&value.to_string()), pretty);
    }

    #[test]
    fn it_is_what_serde_would_write() {
        as_serde_has_it(&json!({
            "a": [], "b": {}, "c": [[], [{}], [1, -2.5e3, null, true]],
            "d": {"e": {"f": "x, y: {z} [\"q\\\"] \u{e9}\n"}, "\"": "\\"}, "g": "",
        }));
        for value in [json!([]), json!({}), json!("a"), json!(7), Value::Null] {
            as_serde_has_it(&value);
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_the_document_is(value in any_value()) {
            as_serde_has_it(&value);
        }
    }
}
