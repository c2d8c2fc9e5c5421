//! Words of commands that users can paste.
//!
//! In: names of files and objects, possibly hostile. Out: a word that a POSIX shell leaves unchanged. Never: a character
//! that a terminal would act upon.

use crate::error::printable;

/// Bytes as one word: verbatim, in quotes, or via `printf` if a terminal would not show them. A word that begins with a hyphen
/// may still be parsed as a flag; line breaks at the end are lost where `printf` is needed.
#[must_use]
pub fn word(bytes: &[u8]) -> String {
    if is_plain(bytes) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.chars().all(is_printable)
    {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut format = String::with_capacity(bytes.len() * 2);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' => format.push_str(r"'\''"),
                '%' => format.push_str("%%"),
                '\\' => format.push_str(r"\\"),
                _ if is_printable(character) => format.push(character),
                _ => format.extend(character.to_string().bytes().map(octal)),
            }
        }
        format.extend(chunk.invalid().iter().copied().map(octal));
    }
    format!("\"$(printf '{format}')\"")
}

/// Whether bytes are a word without quoting.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._=,+@%:-".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_plain)
}

fn octal(byte: u8) -> String {
    format!("\\{byte:03o}")
}

/// Whether a terminal only shows a character, without acting upon it.
#[must_use]
pub fn is_printable(character: char) -> bool {
    let text = character.encode_utf8(&mut [0; 4]).to_owned();
    printable(&text) == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gives_back_what_a_word_was_made_of() {
        let (all, controls) = ((1..=255).collect::<Vec<u8>>(), "a\u{1b}[31m\u{202e}b\u{a0}%s\\'\"");
        for bytes in
            [&all, &b""[..], b"a/b-c.d", b"it's $HOME", "\u{e9}".as_bytes(), controls.as_bytes(), b"!x", b"~", b"a b"]
        {
            let line = format!("printf %s {}", word(bytes));
            assert!(line.chars().all(is_printable), "{line}");
            let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
            assert_eq!(output.stdout, bytes, "{line}");
        }
    }
}
