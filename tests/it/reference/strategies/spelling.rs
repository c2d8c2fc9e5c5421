//! Other ways to write the same JSON: white space between tokens, escapes inside strings.

use super::Tape;

/// Changes of spelling to a finished text.
pub struct Touches {
    spaces: Spaces,
    /// Seed of the escapes; 0: none.
    escapes: u32,
}

#[derive(Clone, Copy)]
enum Spaces {
    /// None.
    Compact,
    /// A line per member, indented.
    Pretty,
    /// Anywhere between tokens.
    Random(u32),
}

impl Touches {
    pub fn draw(tape: &mut Tape) -> Self {
        let spaces = match tape.below(8) {
            0..=5 => Spaces::Compact,
            6 => Spaces::Pretty,
            _ => Spaces::Random(u32::from(tape.word()) + 1),
        };
        let escapes = if tape.one_in(6) { u32::from(tape.word()) + 1 } else { 0 };
        Self { spaces, escapes }
    }

    pub fn apply(&self, json: &str) -> String {
        let escaped = if self.escapes == 0 { json.to_owned() } else { escape(json, Dice(self.escapes)) };
        match self.spaces {
            Spaces::Compact => escaped,
            Spaces::Pretty => spaced(&escaped, pretty()),
            Spaces::Random(seed) => {
                let mut dice = Dice(seed);
                spaced(&escaped, move |_, _| [" ", "\n", "\t", "\r\n", "  "][dice.below(5)].repeat(dice.below(4) / 2))
            }
        }
    }
}

/// White space around a token by its neighbours: closures rather than a table, because indentation has a memory.
fn pretty() -> impl FnMut(char, char) -> String {
    let mut depth = 0_usize;
    move |before, after| {
        match before {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // Without a limit, deep nesting would make gigabytes of white space.
        let indent = |depth: usize| "  ".repeat(depth.min(20));
        match (before, after) {
            ('{', '}') | ('[', ']') => String::new(),
            (_, '}' | ']') => format!("\n{}", indent(depth.saturating_sub(1))),
            ('{' | '[' | ',', _) => format!("\n{}", indent(depth)),
            (':', _) => " ".to_owned(),
            _ => String::new(),
        }
    }
}

/// Puts `space(before, after)` between a structural character and its neighbour. Scalars count as `'0'`.
fn spaced(json: &str, mut space: impl FnMut(char, char) -> String) -> String {
    let mut out = String::new();
    let mut before = None;
    for token in tokens(json) {
        let kind = token.chars().next().filter(|first| "{}[],:".contains(*first)).unwrap_or('0');
        if let Some(before) = before {
            out.push_str(&space(before, kind));
        }
        out.push_str(token);
        before = Some(kind);
    }
    out
}

/// Tokens of a JSON text, white space left out.
fn tokens(json: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = json.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            '"' => string_end(rest),
            _ => rest.find(|char| "{}[],: \t\r\n".contains(char)).unwrap_or(rest.len()),
        };
        tokens.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    tokens
}

/// Length of the string that a text begins with, quotes included.
fn string_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut position = 1;
    while bytes[position] != b'"' {
        position += if bytes[position] == b'\\' { 2 } else { 1 };
    }
    position + 1
}

/// Writes some characters of strings as `\u` escapes.
fn escape(json: &str, mut dice: Dice) -> String {
    let mut out = String::new();
    for token in tokens(json) {
        if !token.starts_with('"') {
            out.push_str(token);
            continue;
        }
        let mut chars = token.chars();
        while let Some(char) = chars.next() {
            if char == '\\' {
                // An escape stays what it is, the digits of `\u003d` included.
                let letter = chars.next().expect("an escape has a letter");
                let digits = if letter == 'u' { 4 } else { 0 };
                out.extend([char, letter]);
                out.extend(chars.by_ref().take(digits));
            } else if char != '"' && dice.below(10) == 0 {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    let hex = if dice.below(2) == 0 { format!("{unit:04x}") } else { format!("{unit:04X}") };
                    out.push_str(&format!("\\u{hex}"));
                }
            } else {
                out.push(char);
            }
        }
    }
    out
}

/// A small random generator (xorshift), so that touches of a long text need one word of tape only.
struct Dice(u32);

impl Dice {
    fn below(&mut self, end: u32) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        usize::try_from(self.0 % end).expect("32 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::json;
    use super::*;

    #[test]
    fn touches_change_the_spelling_but_not_the_meaning() {
        let json = r#"{"a\\b":[1.10,{},[],"x\"y\ud800😀"],"c":{"d":null}}"#;
        for seed in 1..50 {
            let touches = Touches { spaces: Spaces::Random(seed), escapes: seed };
            let touched = touches.apply(json);
            assert_eq!(tokens(&touched).len(), tokens(json).len());
            let members = json::members(touched.trim()).expect("an object");
            assert_eq!(members[0].0, json::name("a\\b"), "{touched}");
            let elements = json::elements(members[0].1).expect("an array");
            assert_eq!(elements[0], "1.10");
        }
        let touches = Touches { spaces: Spaces::Pretty, escapes: 0 };
        let pretty = "{\n  \"a\\\\b\": [\n    1.10,\n    {},\n    [],\n    \"x\\\"y\\ud800😀\"\n  ],\n  \"c\": {\n    \"d\": null\n  }\n}";
        assert_eq!(touches.apply(json), pretty);
    }
}
