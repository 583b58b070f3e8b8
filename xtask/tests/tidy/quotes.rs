//! Code that a page of docs quotes from `fixtures/app` is there.

use std::fs;

use super::root;

/// Finds blocks of TypeScript after a sentence that ends with the path of a file, and that this file does not have.
fn wrong_quotes(page: &str, read: impl Fn(&str) -> Option<String>) -> (usize, Vec<String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    let mut lines = page.lines();
    let mut named: Option<String> = None;
    while let Some(line) = lines.next() {
        if line == "```ts" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let Some(path) = named.take() else { continue };
            count += 1;
            let is_there = read(&path).is_some_and(|text| text.contains(&block.join("\n")));
            if !is_there {
                wrong.push(format!("{path}: {}", block.first().unwrap_or(&"")));
            }
        } else if !line.trim().is_empty() {
            let paths = line.split('`').skip(1).step_by(2).filter(|word| word.starts_with("src/"));
            named = paths.last().filter(|_| line.ends_with(':')).map(str::to_owned);
        }
    }
    (count, wrong)
}

#[test]
fn quoted_code_is_in_the_app() {
    let page = fs::read_to_string(root().join("docs/app.md")).unwrap();
    let read = |path: &str| fs::read_to_string(root().join("fixtures/app").join(path)).ok();
    let (count, wrong) = wrong_quotes(&page, read);
    assert!(count > 12, "only {count} quotes are found");
    assert!(wrong.is_empty(), "docs/app.md quotes what is not there:\n{}", wrong.join("\n"));
}

#[test]
fn a_quote_that_is_gone_is_found() {
    let page = "Before, `src/a.ts`:\n\n```ts\none();\n```\n\nAfter, `src/a.ts`, it is:\n\n```ts\ntwo();\n```\n\n```ts\nunnamed();\n```\n";
    let read = |path: &str| (path == "src/a.ts").then(|| "zero();\none();\n".to_owned());
    assert_eq!(wrong_quotes(page, read), (2, vec!["src/a.ts: two();".to_owned()]));
}
