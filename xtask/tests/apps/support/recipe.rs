//! An app whose framework makes its tables in both databases, and that moves as its recipe in `docs/recipes` says, command by command.

use std::collections::VecDeque;
use std::fs;
use std::process::Command;

use test_database::TestDatabase;

use super::pg_dump::schema_dump;
use super::program::run;
use crate::place::{Place, checkout};

/// The database of the recipes.
const URL: &str = "postgres://shop@db.example/shop";

/// An app, installed in a folder.
pub(crate) struct App<'a> {
    pub(crate) place: Place,
    /// The name of its recipe.
    pub(crate) recipe: &'a str,
    /// Returns a command for one of the app's tasks: `fill`, `read` or `create`.
    pub(crate) task: &'a dyn Fn(&Place, &str) -> Command,
    /// Returns the command that a program of the recipe stands for, without its arguments.
    pub(crate) program: &'a dyn Fn(&Place, &str) -> Command,
    /// The app's SQLite file, as the recipe names it.
    pub(crate) file: &'a str,
    /// What `DATABASE_URL` has before the path of the file.
    pub(crate) file_scheme: &'a str,
}

/// A block of code of a recipe.
#[derive(Debug)]
enum Block {
    /// Commands.
    Shell(Vec<String>),
    /// Lines that the command before has printed for `mapping.toml`.
    Mapping(Vec<String>),
}

impl App<'_> {
    /// Fills SQLite, follows the recipe, and compares what the app reads from both databases. The schema has to stay as it was.
    #[track_caller]
    pub(crate) fn run_through(&self) {
        let target = TestDatabase::create();
        let file = self.place.path().join(self.file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let file_url = format!("{}{}", self.file_scheme, file.display());
        let task = |name: &str, url: &str| run((self.task)(&self.place, name).env("DATABASE_URL", url));

        let mut blocks = self.blocks();
        let Some(Block::Shell(first)) = blocks.front() else {
            panic!("{} begins with no command", self.recipe)
        };
        // The first command makes the tables. It makes those of SQLite, too.
        self.follow(&first[0], &file_url);
        task("fill", &file_url);
        let expected = task("read", &file_url);
        let (mut schema, mut asked) = (None, String::new());
        while let Some(block) = blocks.pop_front() {
            match block {
                Block::Mapping(lines) => self.decide(&lines, &asked),
                Block::Shell(commands) => {
                    let asks_at =
                        matches!(blocks.front(), Some(Block::Mapping(_))).then_some(commands.len() - 1);
                    for (number, command) in commands.iter().enumerate() {
                        let Some(arguments) = command.strip_prefix("cargo xtask ") else {
                            self.follow(command, target.url());
                            continue;
                        };
                        schema.get_or_insert_with(|| schema_dump(&target, &["migration"]));
                        let output = self.place.run(arguments.replace(URL, target.url()).split_whitespace());
                        assert_eq!(
                            output.code != Some(0),
                            asks_at == Some(number),
                            "{command}\n{}",
                            output.screen()
                        );
                        asked = output.screen();
                    }
                }
            }
        }
        assert_eq!(schema_dump(&target, &["migration"]), schema.unwrap());
        let found = task("read", target.url());
        assert!(expected.lines().count() > 300, "{expected}");
        for (expected, found) in expected.lines().zip(found.lines()) {
            assert_eq!(found, expected);
        }
        assert_eq!(found.lines().count(), expected.lines().count());
        task("create", target.url());
    }

    /// Returns the blocks of code of the recipe.
    fn blocks(&self) -> VecDeque<Block> {
        let path = checkout().join("docs/recipes").join(self.recipe).with_extension("md");
        let text = fs::read_to_string(path).unwrap();
        let mut blocks = VecDeque::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let mut code = || lines.by_ref().take_while(|line| *line != "```").map(str::to_owned).collect();
            match line.strip_prefix("```") {
                None => {}
                Some("sh") => blocks.push_back(Block::Shell(code())),
                Some("toml") => blocks.push_back(Block::Mapping(code())),
                Some(other) => panic!("a block of {other} in the recipe {}", self.recipe),
            }
        }
        blocks
    }

    /// Runs a command of the app's own tools on a database.
    #[track_caller]
    fn follow(&self, line: &str, url: &str) {
        let mut words = line.split_whitespace().peekable();
        let mut settings = Vec::new();
        while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
            settings.push((name, value.replace(URL, url)));
            words.next();
        }
        let mut program = words.next().unwrap();
        if program == "npx" {
            program = words.next().unwrap();
        }
        let arguments = words.map(|word| word.replace(URL, url));
        run((self.program)(&self.place, program).args(arguments).envs(settings));
    }

    /// Decides in `mapping.toml` what the last command has asked: the lines are there as comments, or on its screen.
    #[track_caller]
    fn decide(&self, lines: &[String], screen: &str) {
        let plans = self.place.path().join("plans");
        let plan = fs::read_dir(plans).unwrap().next().unwrap().unwrap().path();
        let mapping = plan.join("mapping.toml");
        let mut text = fs::read_to_string(&mapping).unwrap();
        let mut section = "";
        for line in lines {
            let comment = format!("\n# {line}\n");
            if text.contains(&comment) {
                text = text.replacen(&comment, &format!("\n{line}\n"), 1);
                continue;
            }
            if line.starts_with('[') {
                section = line;
            } else {
                let printed = format!("in mapping.toml: {section}, {line}\n");
                assert!(screen.contains(&printed), "nothing asks for {line}:\n{screen}\n{text}");
            }
            text.push_str(&format!("{line}\n"));
        }
        fs::write(mapping, text).unwrap();
    }
}
