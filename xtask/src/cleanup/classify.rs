//! Tells from a file's name how it has to be read. It never looks into one.

use super::drizzle;
use super::lockfile::Manager;
use super::mentions::Prose;
use std::path::Path;

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// JavaScript or TypeScript.
    Code,
    /// Configuration in JSON, whose strings can name modules.
    Json,
    /// package.json.
    Package,
    /// A lock file.
    Lock(Manager),
    /// A `.env` file, looked at even where git ignores it.
    Env,
    /// drizzle-kit's journal and snapshots.
    Bookkeeping,
    /// SQL.
    Sql,
    /// YAML outside of pipelines.
    Yaml,
    /// Any other text, line by line.
    Prose(Prose),
    /// Nothing that could speak of SQLite, except as a database file.
    Other,
}

/// Records of the past, which may say what was.
const HISTORY: [&str; 4] = ["changelog", "history", "releases", "release-notes"];

/// The class of a path within the checkout.
pub(crate) fn classify(path: &Path) -> Class {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.as_ref();
    let lower = name.to_ascii_lowercase();
    let (stem, ending) = lower.rsplit_once('.').unwrap_or((&lower, ""));
    if let Some(manager) = Manager::of(path) {
        return Class::Lock(manager);
    }
    if name == "package.json" {
        return Class::Package;
    }
    if ["ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts"].contains(&ending) {
        return Class::Code;
    }
    if lower == ".env" || lower.starts_with(".env.") || ending == "env" {
        return Class::Env;
    }
    if drizzle::is_bookkeeping(path) {
        return Class::Bookkeeping;
    }
    if pipeline(path, &lower) {
        return Class::Prose(Prose::Ci);
    }
    let image =
        ["dockerfile", "containerfile"].iter().any(|each| stem == *each || lower == *each || ending == *each);
    match ending {
        _ if image => Class::Prose(Prose::Manifest),
        "sql" => Class::Sql,
        "yaml" | "yml" => Class::Yaml,
        "md" | "mdx" | "markdown" | "rst" | "adoc" if !HISTORY.contains(&stem) => Class::Prose(Prose::Docs),
        "json" | "jsonc" | "json5" if configuration(path) => Class::Json,
        "sh" | "bash" | "zsh" | "ps1" | "mk" => Class::Prose(Prose::Script),
        "toml" | "tf" | "hcl" | "conf" | "ini" | "cfg" | "properties" | "tpl" | "prisma" => {
            Class::Prose(Prose::Manifest)
        }
        _ if ["makefile", "justfile", "procfile", ".envrc", ".npmrc"].contains(&lower.as_str()) => {
            Class::Prose(Prose::Script)
        }
        _ => Class::Other,
    }
}

/// JSON at the root or in a tool's folder; deeper it is data.
fn configuration(path: &Path) -> bool {
    let hidden =
        path.components().next().is_some_and(|first| first.as_os_str().as_encoded_bytes().starts_with(b"."));
    path.components().count() == 1 || hidden
}

fn pipeline(path: &Path, name: &str) -> bool {
    let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    let folders = [".github", ".gitlab", ".circleci", ".buildkite", ".woodpecker", ".forgejo", ".gitea"];
    let in_folder = path.components().any(|each| folders.iter().any(|folder| each.as_os_str() == *folder));
    let files = [".gitlab-ci", ".travis", "azure-pipelines", "bitbucket-pipelines", ".drone", "cloudbuild"];
    name == "jenkinsfile" || (yaml && (in_folder || files.iter().any(|file| name.starts_with(file))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_class() {
        for (path, wanted) in [
            ("src/lib/db.ts", Class::Code),
            ("drizzle.config.mts", Class::Code),
            ("package.json", Class::Package),
            ("apps/web/yarn.lock", Class::Lock(Manager::Yarn)),
            (".env", Class::Env),
            (".env.production.local", Class::Env),
            ("config/test.env", Class::Env),
            ("env.d.ts", Class::Code),
            ("drizzle/meta/_journal.json", Class::Bookkeeping),
            ("drizzle/0000_x.sql", Class::Sql),
            ("k8s/pvc.yaml", Class::Yaml),
            ("docker-compose.yml", Class::Yaml),
            (".github/workflows/ci.yml", Class::Prose(Prose::Ci)),
            (".gitlab-ci.yml", Class::Prose(Prose::Ci)),
            ("Dockerfile", Class::Prose(Prose::Manifest)),
            ("Dockerfile.dev", Class::Prose(Prose::Manifest)),
            ("web.dockerfile", Class::Prose(Prose::Manifest)),
            ("docs/setup.mdx", Class::Prose(Prose::Docs)),
            ("CHANGELOG.md", Class::Other),
            ("tsconfig.json", Class::Json),
            ("src/data/list.json", Class::Other),
            ("scripts/backup.sh", Class::Prose(Prose::Script)),
            ("logo.png", Class::Other),
        ] {
            assert_eq!(classify(Path::new(path)), wanted, "{path}");
        }
    }
}
