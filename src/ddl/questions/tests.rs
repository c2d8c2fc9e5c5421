//! The rendered statements, as text.

use std::collections::HashSet;

use super::*;

const ENGINES: [Engine; 3] = [Engine::Athena, Engine::Spark, Engine::DuckDb];

#[test]
fn nothing_is_left_to_fill_in() {
    for engine in ENGINES {
        let script = render(engine);
        assert!(!script.contains("{{") && !script.contains("}}"), "{script}");
        let arguments = ["$1", "$2", "$3"];
        assert!(!arguments.iter().any(|argument| script.contains(argument)), "{script}");
    }
}

#[test]
fn each_question_has_a_view_in_order() {
    let mut numbers: Vec<u8> = VIEWS.iter().filter_map(|view| view.question).collect();
    assert!(numbers.is_sorted());
    numbers.dedup();
    assert_eq!(numbers, (1..=15).collect::<Vec<u8>>());
}

#[test]
fn a_view_stands_only_on_views_before_it() {
    let mut made = HashSet::from(["usage_records", "events"]);
    for view in VIEWS {
        let words: Vec<&str> = view.sql.split_whitespace().collect();
        let read = words.windows(2).filter(|pair| matches!(pair[0], "FROM" | "JOIN")).map(|pair| pair[1]);
        let read = read.filter(|name| name.starts_with("metering_") || matches!(*name, "usage_records" | "events"));
        for name in read {
            assert!(made.contains(name), "{} reads {name}", view.name);
        }
        assert!(made.insert(view.name), "{} comes twice", view.name);
    }
}

#[test]
fn quantities_pass_through_no_float() {
    for engine in ENGINES {
        let script = render(engine).to_lowercase();
        for kind in [" as double", " as float", " as real"] {
            assert!(!script.contains(kind), "{kind}");
        }
    }
}

#[test]
fn the_text_says_what_cloudtrail_shows() {
    assert!(render(Engine::Athena).contains("CloudTrail shows submissions, not bills."));
}

#[test]
fn comments_end_no_statement_for_those_who_split_at_semicolons() {
    for engine in ENGINES {
        let script = render(engine);
        let comments = script.lines().filter(|line| line.starts_with("--"));
        assert_eq!(comments.filter(|line| line.contains(';')).collect::<Vec<_>>(), Vec::<&str>::new());
    }
}

#[test]
fn an_engine_without_views_is_told_so_in_a_comment() {
    let script = render(Engine::ClickHouse);
    assert!(script.starts_with("-- ") && script.lines().count() == 1, "{script}");
}

#[test]
fn comments_are_wrapped() {
    let mut script = String::new();
    comment(&mut script, "7. ", &"word ".repeat(40));
    assert!(script.starts_with("-- 7. word") && script.lines().count() == 2, "{script}");
    assert!(script.lines().nth(1).is_some_and(|line| line.starts_with("--    word")), "{script}");
    assert!(script.lines().all(|line| line.len() <= WIDTH), "{script}");
}
