//! One change, made in the text and in the tree alike.

use super::{
    lines::Lines,
    scalar::{Written, render},
    tree::{Body, Node, Style},
};

/// One change.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// A scalar gets another value, in its own style where that can be.
    Rewrite {
        /// Where it is in the tree.
        way: Vec<usize>,
        /// Where it is in the text.
        written: Written,
        /// The new value.
        value: String,
    },
    /// A list gets new items.
    Insert {
        /// Where the list is in the tree.
        list: Vec<usize>,
        /// Index of the first new item.
        index: usize,
        /// Index of the line behind which they go.
        line: usize,
        /// What stands before each: indentation and dash.
        before: String,
        /// The new items.
        values: Vec<String>,
    },
}

impl Change {
    /// Makes it. A way that leads nowhere changes the text only, which the
    /// proof then refuses.
    pub(super) fn make(&self, lines: &mut Lines, tree: &mut Node) {
        match self {
            Self::Rewrite { way, written, value } => {
                let (text, style) = render(value, written.style);
                lines.rewrite(written.line, written.bytes.clone(), &text);
                if let Some(node) = tree.follow(way) {
                    node.body = Body::Scalar(value.clone(), style);
                }
            }
            Self::Insert { list, index, line, before, values } => {
                let written = values.iter().map(|value| render(value, Style::Plain));
                let (texts, styles): (Vec<String>, Vec<Style>) = written.unzip();
                let texts = texts.iter().map(|text| format!("{before}{text}")).collect();
                lines.insert_behind(*line, texts);
                let Some(Body::List(items)) = tree.follow(list).map(|node| &mut node.body) else {
                    return;
                };
                let new = values.iter().zip(styles).map(|(text, style)| Node::scalar(text, style));
                let at = (*index).min(items.len());
                items.splice(at..at, new.collect::<Vec<_>>());
            }
        }
    }
}
