//! Paths in this checkout.

use std::path::{Path, PathBuf};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    // Under `cargo xtask` cargo names the crate's folder; elsewhere it is the folder in which the binary was built.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The folder of the reviewed plan.
pub(crate) fn plan_dir() -> PathBuf {
    root().join("schema-pg")
}

/// Returns `path` relative to the root of the checkout, for people.
pub(crate) fn shown(path: &Path) -> String {
    let relative = path.strip_prefix(root()).unwrap_or(path);
    relative.display().to_string()
}

/// Creates a folder and its parents, which only this account may write to, whatever the umask is.
///
/// # Errors
/// When one cannot be created.
pub(crate) fn create_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)
}
