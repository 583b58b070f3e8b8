//! Decides from a file's path how the file is read. It never opens one.

use crate::manager::Manager;
use crate::text::Pattern;
use std::path::Path;

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileClass {
    /// JavaScript, TypeScript, or configuration in JSON, whose strings can name modules.
    Code,
    /// package.json.
    Package,
    /// A lock file.
    Lock(Manager),
    /// An env file, read even where git ignores it.
    Env,
    /// A journal or snapshot of drizzle-kit.
    Journal,
    /// SQL.
    Sql,
    /// Documentation.
    Docs,
    /// A pipeline.
    Ci,
    /// An image, Compose, Kubernetes or other definition of a deployment.
    Manifest,
    /// A shell script or makefile.
    Script,
    /// Nothing that could depend on SQLite, except as a database file.
    Other,
}

/// The first pattern that matches the path, in lower case, decides. Changelogs record the past and are nobody's dependency; JSON
/// below the root, outside of the folders of tools, is data.
static CLASSES: [(Pattern, FileClass); 11] = [
    (Pattern::new(r"(?:^|/)package\.json$"), FileClass::Package),
    (Pattern::new(r"\.[cm]?[jt]s$|\.[jt]sx$"), FileClass::Code),
    (Pattern::new(r"(?:^|/)\.env(?:\.[^/]*)?$|\.env$"), FileClass::Env),
    (Pattern::new(r"(?:^|/)meta/_journal\.json$|snapshot\.json$"), FileClass::Journal),
    (
        Pattern::new(
            r"(?:^|/)\.(?:github|gitlab|circleci|buildkite|woodpecker|forgejo|gitea)/.*\.ya?ml$|(?:^|/)(?:\.gitlab-ci|\.travis|azure-pipelines|bitbucket-pipelines|\.drone|cloudbuild)[^/]*\.ya?ml$|(?:^|/)jenkinsfile$",
        ),
        FileClass::Ci,
    ),
    (
        Pattern::new(
            r"(?:^|/)(?:docker|container)file(?:\.[^./]*)?$|\.(?:docker|container)file$|\.(?:ya?ml|toml|tf|hcl|conf|ini|cfg|properties|tpl|prisma)$",
        ),
        FileClass::Manifest,
    ),
    (Pattern::new(r"\.sql$"), FileClass::Sql),
    (Pattern::new(r"(?:^|/)(?:changelog|history|releases|release-notes)\.[^/]*$"), FileClass::Other),
    (Pattern::new(r"\.(?:mdx?|markdown|rst|adoc)$"), FileClass::Docs),
    (Pattern::new(r"^(?:[^/]*|\..*)\.json[c5]?$"), FileClass::Code),
    (
        Pattern::new(r"\.(?:sh|bash|zsh|ps1|mk)$|(?:^|/)(?:makefile|justfile|procfile|\.envrc|\.npmrc)$"),
        FileClass::Script,
    ),
];

/// The class of a path within the checkout.
pub(crate) fn classify(path: &Path) -> FileClass {
    let lower = path.to_string_lossy().to_ascii_lowercase();
    let matching = || CLASSES.iter().find(|(pattern, _)| pattern.is_match(&lower)).map(|(_, class)| *class);
    Manager::of(path).map(FileClass::Lock).or_else(matching).unwrap_or(FileClass::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_the_class() {
        for (class, paths) in [
            (FileClass::Code, "src/lib/db.ts drizzle.config.mts env.d.ts a.jsx tsconfig.json .vscode/a.json"),
            (FileClass::Package, "package.json apps/web/package.json"),
            (FileClass::Lock(Manager::Yarn), "apps/web/yarn.lock"),
            (FileClass::Env, ".env .env.production.local config/test.env"),
            (FileClass::Journal, "drizzle/meta/_journal.json drizzle/meta/0000_snapshot.json"),
            (FileClass::Sql, "drizzle/0000_x.sql"),
            (FileClass::Ci, ".github/workflows/ci.yml .gitlab-ci.yml Jenkinsfile ci/azure-pipelines.yaml"),
            (FileClass::Manifest, "k8s/pvc.yaml docker-compose.yml Dockerfile Dockerfile.dev web.dockerfile"),
            (FileClass::Docs, "docs/setup.mdx README.md"),
            (FileClass::Script, "scripts/backup.sh Makefile"),
            (FileClass::Other, "CHANGELOG.md src/data/list.json logo.png src/_journal.json"),
        ] {
            for path in paths.split(' ') {
                assert_eq!(classify(Path::new(path)), class, "{path}");
            }
        }
    }
}
