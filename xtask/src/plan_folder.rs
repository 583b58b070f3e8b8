//! A folder with a plan: `plan.json`, `migrations/` and the Diesel schema, which must belong together.
//!
//! This module lists and reads a plan's files; `generated` writes them.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use migrate_core::finding::SchemaDifference;
use migrate_core::plan::Plan;
use migrate_core::source_schema::SourceSchema;
use migrate_core::{infer, render};
use tempfile::TempDir;

use crate::generated::GeneratedFile;
use crate::workspace;

/// The migrations of a plan in a folder of their own, which is removed with the value.
pub(crate) fn migrations_of(plan: &Plan) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir().context("a folder for the plan's migrations cannot be created")?;
    for (name, migration) in render::migration_names(plan)
        .into_iter()
        .zip([render::create_tables(plan), render::create_constraints(plan)])
    {
        let version = folder.path().join(name);
        let write = || {
            std::fs::create_dir(&version)?;
            std::fs::write(version.join("up.sql"), &migration.up)?;
            std::fs::write(version.join("down.sql"), &migration.down)
        };
        write().with_context(|| format!("{} cannot be written", version.display()))?;
    }
    Ok(folder)
}

/// Removes the migrations of the other kind of plan from the folder.
pub(crate) fn remove_others(folder: &Path, plan: &Plan) -> anyhow::Result<()> {
    for path in render::other_migration_names(plan).map(|name| folder.join("migrations").join(name)) {
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} cannot be removed", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The content of a new `mapping.toml`.
pub(crate) const EMPTY_MAPPING: &str =
    "# What a human decided. Everything else follows from the SQLite schema.\nformat = 1\n";

/// Returns the files of a plan. The Diesel schemas go to the plan's own folder, or to the workspace's crates.
pub(crate) fn files(folder: &Path, plan: &Plan, schema: &SourceSchema, is_apart: bool) -> Vec<GeneratedFile> {
    let mut files = Vec::new();
    let all = each_file(folder, plan, schema, is_apart, &mut |file| {
        files.push(file);
        Ok(())
    });
    debug_assert!(all.is_ok(), "nothing in it can fail");
    files
}

/// Hands the files of a plan to `visit`, one by one: together they are larger than the plan.
///
/// # Errors
/// Those of `visit`.
pub(crate) fn each_file(
    folder: &Path,
    plan: &Plan,
    schema: &SourceSchema,
    is_apart: bool,
    visit: &mut dyn FnMut(GeneratedFile) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut file = |path: PathBuf, content: String| visit(GeneratedFile { path, content });
    file(folder.join("plan.json"), render::plan_json(plan))?;
    let render: [fn(&Plan) -> render::MigrationFiles; 2] =
        [render::create_tables, render::create_constraints];
    for (name, render) in render::migration_names(plan).into_iter().zip(render) {
        let (folder, migration) = (folder.join("migrations").join(name), render(plan));
        file(folder.join("up.sql"), migration.up)?;
        file(folder.join("down.sql"), migration.down)?;
    }
    let (target_schema, source_schema) = if is_apart {
        (folder.join("schema.rs"), folder.join("source_schema.rs"))
    } else {
        (folder.join("src/schema.rs"), workspace::root().join("schema-sqlite/src/schema.rs"))
    };
    file(target_schema, render::target_diesel_schema(plan))?;
    file(source_schema, render::source_diesel_schema(schema))?;
    if !is_apart {
        file(workspace::root().join("docs/types.md"), infer::types_page())?;
    }
    Ok(())
}

/// Reads a plan and verifies that its migrations are those that it renders, so that the reviewed files are what runs.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Plan> {
    let path = folder.join("plan.json");
    let plan = {
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("{} cannot be read; `{}` writes it", path.display(), generate_command(folder))
        })?;
        Plan::from_json(&text).with_context(|| {
            format!("{} cannot be used; `{}` writes it again", path.display(), generate_command(folder))
        })?
    };
    let migrations = folder.join("migrations");
    let cannot_read = || format!("{} cannot be read", migrations.display());
    let entries = std::fs::read_dir(&migrations).with_context(cannot_read)?;
    let mut names: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .with_context(cannot_read)?;
    // As Diesel reads the folder: hidden files are not migrations.
    let is_hidden =
        |name: &Path| name.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    names.retain(|name| name.is_dir() && !is_hidden(name));
    names.sort();
    let expected = [render::create_tables(&plan).up, render::create_constraints(&plan).up];
    for (position, expected) in expected.iter().enumerate() {
        let found = names.get(position).map(|name| std::fs::read_to_string(name.join("up.sql")));
        if !matches!(found, Some(Ok(found)) if found == *expected) {
            bail!(
                "plan.json and migrations/ in {} do not belong together; run `{}`",
                workspace::shown(folder),
                generate_command(folder)
            );
        }
    }
    Ok(plan)
}

/// Whether the plan in `folder` is the one of this fingerprint.
pub(crate) fn holds(folder: &Path, fingerprint: &str) -> anyhow::Result<bool> {
    Ok(read(folder)?.fingerprint() == fingerprint)
}

/// Compares the Diesel schema in `folder` with the one of `plan`; none where they are the same.
pub(crate) fn schema_difference(folder: &Path, plan: &Plan) -> anyhow::Result<Option<SchemaDifference>> {
    let candidates = [folder.join("src/schema.rs"), folder.join("schema.rs")];
    let path = candidates.iter().find(|path| path.exists()).unwrap_or(&candidates[0]);
    let found = std::fs::read_to_string(path)
        .with_context(|| format!("{} cannot be read", workspace::shown(path)))?;
    let is_same = found == render::target_diesel_schema(plan);
    Ok((!is_same).then(|| SchemaDifference::DieselSchemaDiffers {
        file: workspace::shown(path),
        command: generate_command(folder),
    }))
}

/// The command that writes the files of a plan folder.
pub(crate) fn generate_command(folder: &Path) -> String {
    let command = "cargo xtask generate";
    if folder == workspace::plan_dir() {
        command.to_owned()
    } else {
        format!("{command} --sqlite FILE --out {}", workspace::shown(folder))
    }
}
