//! A file that is rendered.

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path, relative to the folder of the deployment.
    pub path: String,
    /// Its content.
    pub text: String,
}
