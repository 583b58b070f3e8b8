//! The `--help` of every command, taken from the program's own list of commands.

use crate::place::{Place, exact_snapshot};

/// What is written above lists of commands.
const HEADINGS: [&str; 3] = ["Commands:", "Commands, in the order of a migration:", "For this checkout:"];

/// The lines of a screen.
const SCREEN_LINES: usize = 50;

/// Returns the commands that a help text lists, except `help`.
fn listed(help: &str) -> Vec<String> {
    let below = |heading: &&str| {
        let lines = help.lines().skip_while(|line| line != heading).skip(1);
        lines.take_while(|line| line.starts_with("  ")).collect::<Vec<_>>()
    };
    let lines = HEADINGS.iter().flat_map(below);
    lines
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Returns the subcommands of `command`, with the `--help` of each.
fn walk(place: &Place, command: &[String], found: &mut Vec<(String, String)>) {
    let output = place.run(command.iter().map(String::as_str).chain(["--help"])).expect(0);
    assert_eq!(output.stderr, "", "help is data");
    let below = listed(&output.stdout);
    found.push((command.join("-"), output.stdout));
    for name in below {
        walk(place, &[command, &[name]].concat(), found);
    }
}

#[test]
fn every_command_has_its_help() {
    let place = Place::new();
    let mut found = Vec::new();
    walk(&place, &[], &mut found);
    for command in
        ["", "generate", "migrate", "validate", "status", "cleanup", "postgres", "postgres-start", "bench"]
    {
        assert!(found.iter().any(|(name, _)| name == command), "{command} is not listed");
    }
    for command in ["generate", "migrate", "validate", "status"] {
        let short = place.run([command, "-h"]).expect(0).stdout;
        exact_snapshot(&format!("help-short-{command}"), &short);
        assert!(short.lines().count() <= SCREEN_LINES, "{command} -h is longer than a screen");
    }
    for (name, help) in &found {
        exact_snapshot(&format!("help-{}", if name.is_empty() { "xtask" } else { name }), help);
        assert!(!help.contains('\u{1b}'), "{name} is coloured");
    }
}

/// A command must not be wrapped, so that it can be copied.
#[test]
fn examples_fit_the_screen() {
    let place = Place::new();
    let mut found = Vec::new();
    walk(&place, &[], &mut found);
    let mut examples = 0;
    for (name, help) in &found {
        let lines = help.lines().skip_while(|line| !line.starts_with("Example")).skip(1);
        for line in lines.take_while(|line| !line.is_empty()) {
            let begins = ["  cargo xtask ", "  psql ", "  export "].iter().any(|each| line.starts_with(each));
            assert!(begins, "{name}: an example was broken: {line}");
            examples += 1;
        }
    }
    assert!(examples > found.len() - 1, "every command has an example");
}

#[test]
fn without_a_command_it_shows_help_and_fails() {
    let place = Place::new();
    let output = place.run([""; 0]).expect(2);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains(HEADINGS[1]), "{}", output.stderr);
}
