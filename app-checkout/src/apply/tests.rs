//! Plans that are carried out on a branch, and what a call that ended early leaves.

use super::*;
use crate::{plan, scan};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

const TITLES: [&str; 3] = ["packages", "environment", "databases"];

fn message(kind: ChangeKind) -> (&'static str, String) {
    (TITLES[kind as usize], "why".to_owned())
}

fn git(root: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A repository with an app in a folder of it, on SQLite, and a backup folder.
struct Place {
    repository: TempDir,
    backup: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { repository: tempfile::tempdir().unwrap(), backup: tempfile::tempdir().unwrap() };
        for (path, content) in [
            ("other.txt", "other"),
            ("web/package.json", "{\r\n  \"dependencies\": {\"sqlite3\": \"5\"}\r\n}\r\n"),
            ("web/:(glob)/package.json", "{\"dependencies\": {\"sqlite3\": \"5\"}}"),
            ("web/.env", "DATABASE_PATH=a.db\n"),
            ("web/.env.local", "DATABASE_PATH=b.db\nSECRET=x\n"),
            ("web/.gitignore", ".env.local\n"),
        ] {
            let path = place.repository.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let database = rusqlite::Connection::open(place.app().join("a.db")).unwrap();
        database.execute_batch("CREATE TABLE a (b)").unwrap();
        drop(database);
        let root = place.repository.path();
        git(root, &["init", "--quiet", "--initial-branch", "main"]);
        git(root, &["config", "user.name", "Test"]);
        git(root, &["config", "user.email", "test@example.org"]);
        git(root, &["add", "--all"]);
        git(root, &["commit", "--quiet", "-m", "first"]);
        place
    }

    fn app(&self) -> PathBuf {
        self.repository.path().join("web")
    }

    fn area(&self) -> Area {
        Area::new(&self.app(), self.backup.path(), &[]).unwrap()
    }

    /// Applies what is left on the branch `away`.
    fn apply(&self) -> anyhow::Result<Applied> {
        let area = self.area();
        let plan = plan(&area, &scan(&area)).unwrap();
        let repository = Repository::open(area.root()).unwrap().unwrap();
        let obstacle = repository.obstacle("away", plan.paths()).unwrap();
        anyhow::ensure!(obstacle.is_none(), "{obstacle:?}");
        let branch = Branch { repository: &repository, name: "away", message: &message };
        apply(&area, &plan, || Ok(()), Some(&branch))
    }

    fn log(&self) -> String {
        git(self.repository.path(), &["log", "--format=%s"])
    }

    fn status(&self) -> String {
        git(self.repository.path(), &["status", "--porcelain"])
    }
}

#[test]
fn each_kind_of_change_is_a_commit() {
    let place = Place::new();
    let applied = place.apply().unwrap();
    assert_eq!(place.log(), "databases\nenvironment\npackages\nfirst\n");
    assert_eq!(place.status(), "");
    assert_eq!(applied.commits.len(), 3);
    let files = |commit: &str| git(place.repository.path(), &["show", "--format=", "--name-status", commit]);
    assert_eq!(files("HEAD"), "D\tweb/a.db\n");
    assert_eq!(files("HEAD~1"), "M\tweb/.env\n");
    assert_eq!(files("HEAD~2"), "M\tweb/:(glob)/package.json\nM\tweb/package.json\n");
    assert_eq!(fs::read_to_string(place.app().join(".env.local")).unwrap(), "SECRET=x\n");
    let [kept] = &applied.kept[..] else { panic!("{:?}", applied.kept) };
    assert_eq!(fs::read_to_string(kept).unwrap(), "DATABASE_PATH=b.db\nSECRET=x\n");
    assert!(place.backup.path().join("a.db").exists());
    assert_eq!(fs::read(place.app().join("package.json")).unwrap(), b"{\r\n  \"dependencies\": {}\r\n}\r\n");
    // Nothing is left, and the branch is the present one.
    assert_eq!(place.apply().unwrap(), Applied::default());
}

#[test]
fn what_is_not_committed_is_refused_wherever_it_is() {
    let place = Place::new();
    fs::write(place.repository.path().join("other.txt"), "mine").unwrap();
    let error = place.apply().unwrap_err().to_string();
    assert_eq!(error, "Some(Dirty([\"other.txt\"]))");
    assert_eq!(place.log(), "first\n");
}

#[test]
fn a_call_that_ended_at_any_change_continues() {
    // A hook that ends the call before the commit with these files, as a kill does.
    for stopped_at in ["package.json", ".env", "a.db"] {
        let place = Place::new();
        let hook = place.repository.path().join(".git/hooks/pre-commit");
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        fs::write(&hook, format!("#!/bin/sh\n! git diff --cached --name-only | grep -q '{stopped_at}$'\n"))
            .unwrap();
        fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let error = format!("{:#}", place.apply().unwrap_err());
        assert!(error.contains("stopped midway") && error.contains("git commit failed"), "{error}");
        // Of a change with several files, one may not have been made.
        if stopped_at == "package.json" {
            git(place.repository.path(), &["restore", "--staged", "--worktree", "web/package.json"]);
        }
        // Another's change does not get into the commit.
        fs::write(place.repository.path().join("other.txt"), "mine").unwrap();
        assert_eq!(place.apply().unwrap_err().to_string(), "Some(Dirty([\"other.txt\"]))");
        git(place.repository.path(), &["restore", "other.txt"]);
        fs::remove_file(&hook).unwrap();
        place.apply().unwrap();
        assert_eq!(place.log(), "databases\nenvironment\npackages\nfirst\n", "{stopped_at}");
        assert_eq!(place.status(), "", "{stopped_at}");
        assert_eq!(
            fs::read_dir(place.backup.path()).unwrap().count(),
            2,
            "{stopped_at}: each file is kept once"
        );
        assert!(!place.repository.path().join(".git/sqlite-cleanup.json").exists());
    }
}

#[test]
fn a_work_tree_beside_the_repository_will_do() {
    let place = Place::new();
    let beside = tempfile::tempdir().unwrap();
    let tree = beside.path().join("tree");
    git(place.repository.path(), &["worktree", "add", "--quiet", "--detach", tree.to_str().unwrap()]);
    let area = Area::new(&tree.join("web"), place.backup.path(), &[]).unwrap();
    let plan = plan(&area, &scan(&area)).unwrap();
    let repository = Repository::open(area.root()).unwrap().unwrap();
    assert_eq!(repository.obstacle("away", plan.paths()).unwrap(), None);
    let branch = Branch { repository: &repository, name: "away", message: &message };
    assert_eq!(apply(&area, &plan, || Ok(()), Some(&branch)).unwrap().commits.len(), 3);
    assert_eq!(git(&tree, &["log", "--format=%s"]), "databases\nenvironment\npackages\nfirst\n");
    assert_eq!(place.log(), "first\n");
}

#[test]
fn what_a_sparse_checkout_leaves_out_is_not_gone() {
    let place = Place::new();
    git(place.repository.path(), &["sparse-checkout", "set", "--no-cone", "/*", "!a.db"]);
    assert!(!place.app().join("a.db").exists());
    let facts: Vec<_> = scan(&place.area()).findings.into_iter().map(|finding| finding.fact).collect();
    assert!(!facts.contains(&crate::Fact::OnlyInGit), "{facts:?}");
    place.apply().unwrap();
    assert_eq!(place.log(), "environment\npackages\nfirst\n");
}
