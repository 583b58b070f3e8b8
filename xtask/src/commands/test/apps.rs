//! The step "apps": the tests with other people's tools, `xtask/tests/apps`. Each module of tests runs if its tools are installed; the
//! others are skipped by name, and the step then counts as not run, or as failed in CI.

use std::ffi::OsString;

use xshell::cmd;

use super::tools::{
    ACTIVE_RECORD, KUBECTL, NODE, NPM, OPENSSL, PG_DUMP, PGLOADER, PROMTOOL, PYTHON, RUBY, SEQUEL, Tool,
};
use super::{Context, StepResult};

/// The modules of `xtask/tests/apps/main.rs` with the tools that they need.
const MODULES: &[(&str, &[Tool])] = &[
    ("active_record", &[ACTIVE_RECORD, PG_DUMP]),
    ("alembic", &[PYTHON, PG_DUMP]),
    ("connection", &[NODE, NPM, OPENSSL]),
    ("django", &[PYTHON, PG_DUMP]),
    ("documents", &[NODE, NPM]),
    ("drizzle_kit", &[NODE, NPM, PG_DUMP]),
    ("dumps", &[PG_DUMP]),
    ("harness", &[NODE, NPM, PYTHON, RUBY, PG_DUMP]),
    ("hyperpage", &[NODE, NPM]),
    ("hyperpage_aligned", &[NODE, NPM, PG_DUMP]),
    ("knex", &[NODE, NPM, PG_DUMP]),
    ("manifests", &[PYTHON, KUBECTL, PROMTOOL]),
    ("moved_by_others", &[PGLOADER, SEQUEL]),
    ("nested", &[NODE, NPM]),
    ("sequel", &[SEQUEL, PG_DUMP]),
    ("typecheck", &[NODE, NPM]),
    ("typeorm", &[NODE, NPM, PG_DUMP]),
];

/// Runs the step.
///
/// # Errors
/// When the server or cargo cannot be started.
pub(super) fn run(context: &Context) -> anyhow::Result<StepResult> {
    let Some(Arguments { cargo, tests }) = Arguments::of(&context.arguments) else {
        return Ok(StepResult::NotRun("the arguments choose other tests".to_owned()));
    };
    let missing = missing(|tool| tool.version(&context.shell).is_none());
    if !missing.is_empty() && context.is_ci {
        return Ok(StepResult::Failed(reason(&missing)));
    }
    if missing.len() == MODULES.len() {
        return Ok(StepResult::NotRun(reason(&missing)));
    }
    let skip = missing.iter().map(|(module, _)| format!("--skip={module}::"));
    let no_fail_fast = context.keep_going.then_some("--no-fail-fast");
    let command = cmd!(
        context.shell,
        "cargo test --package xtask --test apps --locked {no_fail_fast...} {cargo...} -- --include-ignored {skip...} {tests...}"
    );
    let result = context.check(context.on_test_server(command)?, "see the failures above")?;
    Ok(if result == StepResult::Passed && !missing.is_empty() {
        StepResult::NotRun(reason(&missing))
    } else {
        result
    })
}

/// Returns the modules that cannot run, each with its first missing tool.
fn missing(is_missing: impl Fn(Tool) -> bool) -> Vec<(&'static str, Tool)> {
    let first = |tools: &[Tool]| tools.iter().copied().find(|tool| is_missing(*tool));
    MODULES.iter().filter_map(|(module, tools)| Some((*module, first(tools)?))).collect()
}

/// Returns the sentence about modules that cannot run, tool by tool.
fn reason(missing: &[(&str, Tool)]) -> String {
    let mut tools: Vec<Tool> = Vec::new();
    for (_, tool) in missing {
        if !tools.contains(tool) {
            tools.push(*tool);
        }
    }
    let parts = tools.into_iter().map(|tool| {
        let modules = missing.iter().filter(|(_, of)| *of == tool).map(|(module, _)| *module);
        format!("{}, which these need: {}", tool.missing(), modules.collect::<Vec<_>>().join(", "))
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// Arguments of `cargo test`, without those that choose this package and this target.
#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    /// Those before a `--`.
    cargo: Vec<OsString>,
    /// Those after it, which are for the tests.
    tests: Vec<OsString>,
}

impl Arguments {
    /// Returns the arguments, or `None` if they choose other packages or other targets only.
    fn of(arguments: &[OsString]) -> Option<Arguments> {
        let middle = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
        let (cargo, tests) = (&arguments[..middle], arguments.get(middle + 1..).unwrap_or_default());
        let (mut kept, mut packages, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        let mut words = cargo.iter();
        while let Some(word) = words.next() {
            let text = word.to_string_lossy();
            let mut value = || words.next().map(|value| value.to_string_lossy().into_owned());
            match text.as_ref() {
                "-p" | "--package" => packages.extend(value()),
                "--test" => targets.extend(value()),
                "--lib" | "--bins" | "--bin" | "--benches" | "--bench" | "--examples" | "--doc" => {
                    targets.push(text.into_owned());
                }
                "--workspace" | "--tests" | "--all-targets" => {}
                other => match other.split_once('=') {
                    Some(("--package" | "-p", name)) => packages.push(name.to_owned()),
                    Some(("--test", name)) => targets.push(name.to_owned()),
                    Some(("--bin" | "--bench", name)) => targets.push(name.to_owned()),
                    _ if !other.starts_with("--") && other.len() > 2 && other.starts_with("-p") => {
                        packages.push(other[2..].to_owned());
                    }
                    _ => kept.push(word.clone()),
                },
            }
        }
        let chosen = |names: &[String], own: &str| names.is_empty() || names.iter().any(|name| name == own);
        (chosen(&packages, "xtask") && chosen(&targets, "apps"))
            .then(|| Arguments { cargo: kept, tests: tests.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_the_tests_is_listed() {
        let main = include_str!("../../../tests/apps/main.rs");
        let helpers = ["databases", "place", "server", "support"];
        let modules = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        let modules: Vec<_> = modules.filter(|module| !helpers.contains(module)).collect();
        let mut listed: Vec<_> = MODULES.iter().map(|(module, _)| *module).collect();
        listed.sort_unstable();
        assert_eq!(listed, modules);
    }

    #[test]
    fn a_module_without_its_tools_is_named() {
        assert_eq!(missing(|_| false), []);
        assert_eq!(
            reason(&[("a", NPM), ("b", RUBY), ("c", NPM)]),
            "npm is not installed (apt-get install npm), which these need: a, c; \
             ruby is not installed (apt-get install ruby), which these need: b"
        );
        let modules: Vec<_> = missing(|tool| tool == RUBY).into_iter().map(|(module, _)| module).collect();
        assert_eq!(modules, ["harness"]);
    }

    #[test]
    fn arguments_may_choose_other_tests() {
        for (arguments, expected) in [
            (&[][..], Some((&[][..], &[][..]))),
            (&["name", "--", "--nocapture"], Some((&["name"], &["--nocapture"]))),
            (&["-p", "xtask", "name"], Some((&["name"], &[]))),
            (&["-pxtask", "--release"], Some((&["--release"], &[]))),
            (&["--package=row-mover", "-p=xtask"], Some((&[], &[]))),
            (&["--test", "it", "--test=apps"], Some((&[], &[]))),
            (&["--workspace", "--", "-p", "row-mover"], Some((&[], &["-p", "row-mover"]))),
            (&["--package", "row-mover"], None),
            (&["-prow-mover"], None),
            (&["--test", "it"], None),
            (&["--lib"], None),
            (&["--bin=xtask"], None),
        ] {
            let owned = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
            let expected =
                expected.map(|(cargo, tests)| Arguments { cargo: owned(cargo), tests: owned(tests) });
            assert_eq!(Arguments::of(&owned(arguments)), expected, "{arguments:?}");
        }
    }
}
