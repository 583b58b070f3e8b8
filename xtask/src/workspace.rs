//! Where things lie in this checkout.

use std::path::{Path, PathBuf};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    // Under `cargo xtask` cargo says where the crate is now; a binary that was moved knows where it was built.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The folder of the reviewed plan.
pub(crate) fn plan_dir() -> PathBuf {
    root().join("schema-pg")
}

/// `path` as a person at the root would write it.
pub(crate) fn shown(path: &Path) -> String {
    let relative = path.strip_prefix(root()).unwrap_or(path);
    relative.display().to_string()
}

/// Creates a folder and those above it, which nobody but this account may write to whatever the umask is.
///
/// # Errors
/// When one cannot be created.
pub(crate) fn create_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)
}
