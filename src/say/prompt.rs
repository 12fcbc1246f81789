//! Questions to the person at the terminal: plain lines, no cursor tricks, no
//! raw mode, so that a serial console will do. Everything that is not a clear
//! yes is a no.

use std::{
    io::{self, BufRead, Read},
    time::Duration,
};

use nix::sys::termios::{FlushArg, tcflush};
use tokio::sync::oneshot;

use super::{Voice, human};
use crate::{
    consent::{Answer, Ask},
    model::Step,
};

/// A typed line longer than this (bytes) is cut; no answer is that long.
const LONGEST_LINE: u64 = 4096;
/// How long SIGHUP may come after the end of the input.
const HANGUP: Duration = Duration::from_millis(200);
/// How often a wrong word may be typed.
const TRIES: usize = 3;

impl Voice {
    /// Whether a person can be asked: stdin and stderr are terminals.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        self.terminal().can_ask()
    }

    /// Asks for a yes; Enter, "n" and the end of input are a no. `extra` is
    /// one more letter with what it means, answered by `Answer::Remaining`.
    /// `details` is what `?` and `p` print before the question comes again.
    pub async fn ask_yes_no(
        &self,
        question: &str,
        extra: Option<(char, &str)>,
        details: Option<&str>,
    ) -> Answer {
        let text = question_line(question, extra, details.is_some());
        loop {
            let Some(line) = self.ask_line(&text).await else { return Answer::Eof };
            match understand(&line, extra.map(|(letter, _)| letter)) {
                Reply::Given(answer) => return answer,
                Reply::Details => self.say(details.unwrap_or("There is nothing more to show.")),
                Reply::Unclear => self.say("Please type y for yes or n for no."),
            }
        }
    }

    /// Asks to type `expected`; an empty line is a no, and so is a wrong word
    /// typed three times.
    pub async fn ask_word(&self, prompt: &str, expected: &str, details: Option<&str>) -> Answer {
        let text = format!("{prompt}\nType {expected} to go on, or press Enter to stop:");
        for _ in 0..TRIES {
            let Some(line) = self.ask_line(&text).await else { return Answer::Eof };
            match line.trim() {
                "" => return Answer::No,
                typed if typed == expected => return Answer::Yes,
                "?" | "p" if details.is_some() => self.say(details.unwrap_or_default()),
                _ => self.say(&format!("That is not {expected}.")),
            }
        }
        Answer::No
    }

    /// One line from the terminal; `None` at the end of input and when there
    /// is no terminal.
    ///
    /// It is read on a plain thread, not with `spawn_blocking`: the runtime
    /// waits for those when it ends, and nobody may ever type.
    pub async fn ask_line(&self, question: &str) -> Option<String> {
        if !self.can_ask() {
            return None;
        }
        // What was typed while something else ran answered no question.
        let _no_terminal_is_fine = tcflush(io::stdin(), FlushArg::TCIFLUSH);
        self.question(question);
        let (sender, line) = oneshot::channel();
        let reader = std::thread::Builder::new().name("prompt".to_owned()).spawn(move || {
            let _nobody_waits = sender.send(read_line(&mut io::stdin().lock()));
        });
        match reader {
            Ok(_detached) => {
                let line = line.await.ok().flatten();
                if line.is_none() {
                    // A terminal that goes away ends the input, too: the signal
                    // that tells so is on its way, and says more.
                    tokio::time::sleep(HANGUP).await;
                }
                let line = line?;
                self.answered();
                Some(line)
            }
            Err(_) => None,
        }
    }
}

impl Ask for Voice {
    fn can_ask(&self) -> bool {
        Voice::can_ask(self)
    }

    async fn yes_no(&self, step: &Step, remaining_offered: bool, details: &str) -> Answer {
        let extra = remaining_offered.then_some(('a', "yes to all remaining followers"));
        self.ask_yes_no(&human::question(step), extra, Some(details)).await
    }

    async fn word(&self, step: &Step, expected: &str, details: &str) -> Answer {
        self.ask_word(&human::question(step), expected, Some(details)).await
    }

    async fn word_for(&self, question: &str, expected: &str, details: &str) -> Answer {
        self.ask_word(question, expected, Some(details)).await
    }
}

/// What a typed line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Given(Answer),
    Details,
    Unclear,
}

fn understand(line: &str, extra: Option<char>) -> Reply {
    let word = line.trim().to_lowercase();
    match word.as_str() {
        "y" | "yes" => Reply::Given(Answer::Yes),
        "" | "n" | "no" | "q" | "quit" => Reply::Given(Answer::No),
        "?" | "p" => Reply::Details,
        other if extra.is_some_and(|letter| other == letter.to_string()) => {
            Reply::Given(Answer::Remaining)
        }
        _ => Reply::Unclear,
    }
}

fn question_line(question: &str, extra: Option<(char, &str)>, details: bool) -> String {
    let mut choices = "y/N".to_owned();
    let mut legend = Vec::new();
    if let Some((letter, meaning)) = extra {
        choices.push_str(&format!("/{letter}"));
        legend.push(format!("{letter} = {meaning}"));
    }
    if details {
        choices.push_str("/?");
        legend.push("? = show the details again".to_owned());
    }
    if legend.is_empty() {
        format!("{question} [{choices}]")
    } else {
        format!("{question}\n({}) [{choices}]", legend.join(", "))
    }
}

/// One line without its end. A line cut off by the end of input is no answer.
fn read_line(input: &mut impl BufRead) -> Option<String> {
    let mut bytes = Vec::new();
    input.take(LONGEST_LINE).read_until(b'\n', &mut bytes).ok()?;
    let complete = bytes.last() == Some(&b'\n') || bytes.len() as u64 == LONGEST_LINE;
    complete.then(|| String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_a_yes() {
        for (line, answer) in [
            ("y", Answer::Yes),
            (" YES ", Answer::Yes),
            ("", Answer::No),
            ("n", Answer::No),
            ("q", Answer::No),
            ("a", Answer::Remaining),
        ] {
            assert_eq!(understand(line, Some('a')), Reply::Given(answer), "{line:?}");
        }
        for line in ["yy", "ja", "yes please", "1", "master-1", "\u{1b}[A"] {
            assert_eq!(understand(line, Some('a')), Reply::Unclear, "{line:?}");
        }
        assert_eq!(understand("a", None), Reply::Unclear, "only when offered");
        assert_eq!(understand("?", None), Reply::Details);
        assert_eq!(understand("p", None), Reply::Details);
    }

    #[test]
    fn the_question_says_what_can_be_typed() {
        assert_eq!(question_line("Go on?", None, false), "Go on? [y/N]");
        assert_eq!(
            question_line("Go on?", Some(('a', "yes to all remaining followers")), true),
            "Go on?\n(a = yes to all remaining followers, ? = show the details again) [y/N/a/?]"
        );
    }

    #[tokio::test]
    async fn without_a_terminal_nothing_is_asked() {
        let voice = Voice::captured(crate::say::Terminal::pipe(), false, 0);
        assert_eq!(voice.ask_yes_no("Go on?", None, None).await, Answer::Eof);
        assert_eq!(voice.ask_word("Really?", "master-1", None).await, Answer::Eof);
        assert_eq!(voice.heard().1, "");
    }

    #[test]
    fn the_end_of_input_is_no_answer() {
        assert_eq!(read_line(&mut &b"y\n"[..]).as_deref(), Some("y"));
        assert_eq!(read_line(&mut &b"y\r\nn\n"[..]).as_deref(), Some("y"));
        assert_eq!(read_line(&mut &b""[..]), None);
        assert_eq!(read_line(&mut &b"y"[..]), None, "cut off");
        assert_eq!(read_line(&mut &b"\xff\n"[..]).as_deref(), Some("\u{fffd}"));
        let long = vec![b'y'; 5000];
        assert_eq!(read_line(&mut &long[..]).map(|line| line.len()), Some(4096));
    }
}
