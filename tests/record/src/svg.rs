//! A film as a picture that moves by CSS alone: no script, no font of its own, text
//! that can be read as text. Where nothing moves, its end is shown.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use crate::film::{Film, Run, Shown};

/// Pixels of a letter, which is 0.6 of its size wide in all the fonts named.
const SIZE: usize = 14;
const LINE: usize = 18;
const EDGE: usize = 16;
const COLUMNS: usize = 80;
/// How long the end stands before it begins again.
const REST: u32 = 160;

const STYLE: &str = "\
svg{color-scheme:light dark}\
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace;\
fill:#24292f;white-space:pre}\
.p{fill:#f6f8fa;stroke:#d0d7de}.b{font-weight:700}.f{opacity:.65}\
.c1{fill:#b3261e}.c2{fill:#1a7f37}.c3{fill:#855a00}.c4{fill:#0550ae}.c5{fill:#8250df}.c6{fill:#1b7c83}\
@media(prefers-color-scheme:dark){text{fill:#d7dee6}.p{fill:#0d1117;stroke:#30363d}\
.c1{fill:#ff7b72}.c2{fill:#4ac26b}.c3{fill:#e3b341}.c4{fill:#79c0ff}.c5{fill:#d2a8ff}.c6{fill:#56d4dd}}\
.g{visibility:hidden}\
@media(prefers-reduced-motion:reduce){*{animation:none!important}}\n";

/// The picture, with a window of so many rows.
pub fn draw(film: &Film, rows: usize) -> String {
    let mut svg = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut svg, film, rows);
    svg
}

fn write(svg: &mut String, film: &Film, rows: usize) -> fmt::Result {
    let (width, height) = (EDGE * 2 + COLUMNS * SIZE * 61 / 100, EDGE * 2 + rows * LINE);
    // Lines that come and go together move together.
    let mut groups: BTreeMap<(u32, Option<u32>), Vec<&Shown>> = BTreeMap::new();
    for shown in film.shown() {
        groups.entry((shown.from, shown.to)).or_default().push(shown);
    }
    let all = film.ticks() + REST;
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"A recovery on a master, as it was printed\">"
    )?;
    write!(svg, "<style>{STYLE}")?;
    styles(svg, film, rows, &groups, all)?;
    writeln!(svg, "</style>")?;
    writeln!(
        svg,
        "<rect class=\"p\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>",
        width - 1,
        height - 1
    )?;
    writeln!(
        svg,
        "<svg x=\"{EDGE}\" y=\"{EDGE}\" width=\"{}\" height=\"{}\" overflow=\"hidden\">",
        width - EDGE,
        rows * LINE
    )?;
    writeln!(svg, "<g class=\"s\" xml:space=\"preserve\">")?;
    for (number, ((_, to), lines)) in groups.iter().enumerate() {
        let gone = if to.is_some() { " g" } else { "" };
        write!(svg, "<g class=\"k{number}{gone}\">")?;
        for shown in lines {
            write!(svg, "<text y=\"{}\">", shown.row * LINE + SIZE)?;
            shown.runs.iter().try_for_each(|run| letters(svg, run))?;
            write!(svg, "</text>")?;
        }
        writeln!(svg, "</g>")?;
    }
    writeln!(svg, "</g></svg></svg>")
}

/// When each group is seen, and how far the page has moved.
fn styles(
    svg: &mut String,
    film: &Film,
    rows: usize,
    groups: &BTreeMap<(u32, Option<u32>), Vec<&Shown>>,
    all: u32,
) -> fmt::Result {
    let seconds = Film::seconds(all);
    let part = |tick: u32| f64::from(tick) * 100.0 / f64::from(all);
    for (number, (from, to)) in groups.keys().enumerate() {
        if *from == 0 && to.is_none() {
            continue;
        }
        let gone = to.map(|to| format!("{:.3}%{{visibility:hidden}}", part(to)));
        writeln!(
            svg,
            ".k{number}{{animation:k{number} {seconds}s step-end infinite}}\
             @keyframes k{number}{{0%{{visibility:hidden}}{:.3}%{{visibility:visible}}{}}}",
            part((*from).max(1)),
            gone.unwrap_or_default(),
        )?;
    }
    let moves = moves(film, rows);
    let last = moves.last().map_or(0, |(_, line)| line * LINE);
    write!(
        svg,
        ".s{{transform:translateY(-{last}px);animation:s {seconds}s step-end infinite}}\
         @keyframes s{{0%{{transform:none}}"
    )?;
    for (at, line) in moves {
        write!(svg, "{:.3}%{{transform:translateY(-{}px)}}", part(at), line * LINE)?;
    }
    writeln!(svg, "}}")
}

/// When which line is the first in the window: the last one in use is at its end, but
/// more than fits is turned page by page while it is read.
fn moves(film: &Film, rows: usize) -> Vec<(u32, usize)> {
    let top = |bottom: usize| (bottom + 1).saturating_sub(rows);
    let at = |tick: u32| {
        let until = film.bottoms().iter().take_while(|(at, _)| *at <= tick).last();
        until.map_or(0, |(_, bottom)| top(*bottom))
    };
    let long: Vec<_> =
        film.readings().iter().filter(|read| at(read.to) > at(read.typed) + rows).collect();
    let follows = |tick: u32| !long.iter().any(|read| read.typed < tick && tick < read.to);
    let ends = film.bottoms().iter().filter(|(tick, _)| follows(*tick));
    let mut moves: Vec<_> = ends.map(|(tick, bottom)| (*tick, top(*bottom))).collect();
    for read in long {
        // The line that was typed stays in sight at first.
        let before = film.bottoms().iter().take_while(|(tick, _)| *tick <= read.typed).last();
        let typed = before.map_or(0, |(_, bottom)| bottom.saturating_sub(3));
        let (first, last) = (typed.max(at(read.typed)), at(read.to));
        let pages = (last.saturating_sub(first)).div_ceil(rows - 2).max(1);
        let time = (read.to - read.from) / u32::try_from(pages + 1).unwrap_or(1);
        moves.push((read.typed + 1, first));
        for page in 1..=pages {
            let tick = read.from + time * u32::try_from(page).unwrap_or(0);
            moves.push((tick, (first + page * (rows - 2)).min(last)));
        }
    }
    moves.sort_unstable();
    moves.retain(|(_, line)| *line > 0);
    moves
}

fn letters(svg: &mut String, run: &Run) -> fmt::Result {
    let colour = run.colour.filter(|colour| (1..=6).contains(colour)).map(|c| format!("c{c}"));
    let classes: Vec<String> =
        [run.bold.then(|| "b".to_owned()), run.faint.then(|| "f".to_owned()), colour]
            .into_iter()
            .flatten()
            .collect();
    let text = run.text.replace('&', "&amp;").replace('<', "&lt;");
    if classes.is_empty() {
        return write!(svg, "{text}");
    }
    write!(svg, "<tspan class=\"{}\">{text}</tspan>", classes.join(" "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn text_is_text_and_the_end_is_what_stands_still() {
        let mut film = Film::new(COLUMNS).unwrap();
        film.show(Duration::from_millis(100), "a < b & c\r\n1\r\n2\r\n\u{1b}[1;31mFAIL\u{1b}[0m");
        film.show(Duration::from_millis(600), "\r\u{1b}[2Kover");
        film.close(Duration::from_secs(1));
        let svg = draw(&film, 2);
        assert!(svg.contains(">a &lt; b &amp; c</text>"), "{svg}");
        assert!(svg.contains("<tspan class=\"b c1\">FAIL</tspan>"), "{svg}");
        // What went is hidden where nothing moves, and the page is at its end.
        let gone = svg.lines().find(|line| line.contains("FAIL")).unwrap();
        assert!(gone.starts_with("<g class=\"k") && gone.contains(" g\">"), "{gone}");
        assert!(svg.contains(".s{transform:translateY(-36px)"), "{svg}");
        for word in ["<script", "http://", "https://", "@import", "url("] {
            let foreign = svg.replace("http://www.w3.org/2000/svg", "");
            assert!(!foreign.contains(word), "{word}");
        }
    }

    #[test]
    fn more_than_fits_is_turned_page_by_page() {
        let second = Duration::from_secs;
        let mut film = Film::new(COLUMNS).unwrap();
        film.show(second(1), "$ run");
        film.show(second(2), &"\r\nline".repeat(35));
        film.read(second(1), second(3), second(8));
        film.show(second(9), "\r\nend");
        film.close(second(10));
        let moves = moves(&film, 10);
        let lines: Vec<usize> = moves.iter().map(|(_, line)| *line).collect();
        assert_eq!(lines, [8, 16, 24, 26, 27]);
        assert!(moves.is_sorted() && moves[0].0 > 60 && moves[3].0 < 160, "{moves:?}");
    }
}
