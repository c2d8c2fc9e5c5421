//! Paths in Rust code: `use` lines and all others, without comments, strings and test-only code.

/// A path within a crate, from its root.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
}

#[derive(Clone, Copy)]
struct Token<'t> {
    line: usize,
    text: &'t str,
}

/// The paths of a file that begin with `crate`, `super`, `self` or a module that the file declares; `file` is below `src/`.
pub(super) fn paths(file: &str, text: &str) -> Vec<Used> {
    let tokens = without_tests(&tokens(text));
    let is_word = |text: &str| text.starts_with(|it: char| it.is_alphabetic() || it == '_');
    let declared: Vec<&str> = tokens.windows(3).filter(|it| it[0].text == "mod").map(|it| it[1].text).collect();
    let mut module: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    if matches!(module.last(), Some(&("mod" | "lib" | "main"))) {
        module.pop();
    }
    // Inline modules and the depth at which each ends.
    let (mut inline, mut depth) = (Vec::new(), 0);
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(token) = tokens.get(at) {
        let next = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text);
        let is_start = at == 0 || !matches!(tokens[at - 1].text, "::" | ".");
        match token.text {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                    module.pop();
                }
            }
            "mod" if next(2) == "{" => {
                inline.push(depth);
                module.push(next(1));
            }
            word if is_word(word) && is_start && next(1) == "::" => {
                let is_ours = matches!(word, "crate" | "super" | "self") || declared.contains(&word);
                let mut leaves = Vec::new();
                tree(&tokens, &mut at, &[], &mut leaves);
                for leaf in leaves.iter().filter(|_| is_ours) {
                    found.push(Used { line: token.line, path: absolute(&module, leaf) });
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The leaves of `a::{b, c::{d, e as f}}`; afterwards `at` is after it.
fn tree<'t>(tokens: &[Token<'t>], at: &mut usize, before: &[&'t str], leaves: &mut Vec<Vec<&'t str>>) {
    let mut path = before.to_vec();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    loop {
        match text(*at) {
            "{" => {
                *at += 1;
                while !matches!(text(*at), "}" | "") {
                    tree(tokens, at, &path, leaves);
                    // An alias is not where the path leads.
                    while !matches!(text(*at), "," | "}" | "") {
                        *at += 1;
                    }
                    *at += usize::from(text(*at) == ",");
                }
                *at += 1;
                return;
            }
            "<" | "" => break,
            word => path.push(word),
        }
        *at += 1;
        if text(*at) != "::" {
            break;
        }
        *at += 1;
    }
    leaves.push(path);
}

fn absolute(module: &[&str], path: &[&str]) -> Vec<String> {
    let mut from = module.to_vec();
    let mut rest = path;
    match path.first() {
        Some(&"crate") => (from, rest) = (Vec::new(), &path[1..]),
        Some(&"self") => rest = &path[1..],
        _ => {}
    }
    while let Some((&"super", further)) = rest.split_first() {
        from.pop();
        rest = further;
    }
    from.iter().chain(rest).map(|&name| name.to_owned()).collect()
}

/// The same without items, modules among them, that are marked `#[cfg(test)]`.
fn without_tests<'t>(tokens: &[Token<'t>]) -> Vec<Token<'t>> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if !MARK.iter().enumerate().all(|(ahead, mark)| tokens.get(at + ahead).is_some_and(|it| it.text == *mark)) {
            kept.push(tokens[at]);
            at += 1;
            continue;
        }
        at += MARK.len();
        let mut depth = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token.text {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 && matches!(token.text, "}" | ";") {
                break;
            }
        }
    }
    kept
}

/// Words, `::` and single signs.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut found, mut at) = (Vec::new(), 0);
    let mut line = 1;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = skipped(rest).unwrap_or_else(|| {
            let word = rest.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(rest.len());
            let length = if rest.starts_with("::") { 2 } else { word.max(first.len_utf8()) };
            if !first.is_whitespace() {
                found.push(Token { line, text: &rest[..length] });
            }
            length
        });
        line += rest[..length].matches('\n').count();
        at += length;
    }
    found
}

/// Length of the comment, string, character or lifetime's apostrophe that a text begins with.
fn skipped(text: &str) -> Option<usize> {
    let behind = |from: usize, end: &str| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(behind(2, "*/"));
    }
    let raw = text.trim_start_matches(['b', 'c']).strip_prefix('r');
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let start = text.len() - raw.len() + hashes + 1;
            return Some(behind(start, &format!("\"{}", "#".repeat(hashes))));
        }
    }
    let quoted = |quote: u8| {
        let mut bytes = text.bytes().enumerate().skip(1);
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'\\' => drop(bytes.next()),
                _ if byte == quote => return at + 1,
                _ => {}
            }
        }
        text.len()
    };
    if text.starts_with('"') {
        return Some(quoted(b'"'));
    }
    if let Some(behind) = text.strip_prefix('\'') {
        let is_character = behind.starts_with('\\') || behind.chars().nth(1) == Some('\'');
        return Some(if is_character { quoted(b'\'') } else { 1 });
    }
    None
}

#[test]
fn a_path_is_found_however_it_is_written() {
    let found = |file: &str, text: &str| -> Vec<String> {
        paths(file, text).into_iter().map(|used| format!("{} {}", used.line, used.path.join("/"))).collect()
    };
    let text = "use crate::{error::{Error, Result}, lake::root as base};\nuse super::tape::*;";
    let leaves = ["1 error/Error", "1 error/Result", "1 lake/root", "2 json/tape/*"];
    assert_eq!(found("json/scan.rs", text), leaves);
    assert_eq!(
        found("split/cut/array.rs", "fn f() -> super::super::Cut { g::<crate::rows::Batch>() }"),
        ["1 split/Cut", "1 rows/Batch"]
    );
    assert_eq!(
        found("lake/mod.rs", "mod write;\npub(crate) use write::Lake;\nuse arrow::array::Array;"),
        ["2 lake/write/Lake"]
    );
    assert_eq!(found("json/mod.rs", "macro_rules! m { () => { $crate::json::marks::put() } }"), ["1 json/marks/put"]);
    let inline = "mod x86 {\n use super::B;\n use super::super::C;\n}\nuse super::D;";
    assert_eq!(found("json/marks.rs", inline), ["2 json/marks/B", "3 json/C", "5 json/D"]);
}

#[test]
fn comments_strings_and_tests_have_no_paths() {
    let text = r##"
        // crate::lake
        /* crate::lake */
        /// [`crate::lake`]
        fn f<'a>(text: &'a str) { g("crate::lake \" crate::lake", r#"crate::lake " crate::lake"#, '"', '\'', '{') }
        #[cfg(test)]
        use crate::tests::Random;
        #[cfg(test)]
        mod tests {
            use crate::lake::Root;
            fn f() { crate::lake::f(); }
        }
        use crate::json;
    "##;
    let found: Vec<_> =
        paths("flatten/name.rs", text).into_iter().map(|used| (used.line, used.path.join("/"))).collect();
    assert_eq!(found, [(13, "json".to_owned())]);
}
