//! The PostgreSQL server of a test run: that of `TEST_POSTGRES_URL`, else the private test cluster, started when it is first
//! needed and removed at the end. The tests create their databases themselves.

use std::path::{Path, PathBuf};

use anyhow::bail;
use private_postgres::{Cluster, Options, Purpose};

use crate::output;

/// Names a server that we neither start nor remove. The tests read it too.
pub(crate) const URL_VARIABLE: &str = "TEST_POSTGRES_URL";

/// The version of the private test cluster, read by the tests.
pub(crate) const VERSION_VARIABLE: &str = "TEST_POSTGRES_VERSION";

/// Names the folder for the data of the private test cluster, such as one in memory. Tests with a server of their own read it too.
const FOLDER_VARIABLE: &str = "TEST_POSTGRES_DIR";

/// Returns the private test cluster's data folder, where the environment names one.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// The server that the tests use.
#[derive(Debug)]
pub(crate) enum TestServer {
    /// The server of `TEST_POSTGRES_URL`.
    Given(String),
    /// The private test cluster, which may not be running yet.
    Private {
        /// Which cluster.
        options: Options,
        /// The cluster, once it was needed.
        cluster: Option<Cluster>,
    },
}

impl TestServer {
    /// Chooses the server; starts nothing.
    ///
    /// # Errors
    /// When both a version and a server are given.
    pub(crate) fn choose(root: &Path, pg_version: Option<u32>) -> anyhow::Result<Self> {
        let given = std::env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty());
        match (given, pg_version) {
            (Some(_), Some(_)) => {
                bail!("--pg-version is for the private test cluster: unset {URL_VARIABLE} to use it")
            }
            (Some(url), None) => Ok(Self::Given(url)),
            (None, version) => {
                let options = Options {
                    version,
                    throwaway: true,
                    folder: folder(),
                    ..Options::new(root, Purpose::Test)
                };
                Ok(Self::Private { options, cluster: None })
            }
        }
    }

    /// Starts the server if necessary and returns the URL of one of its databases.
    ///
    /// # Errors
    /// When the private cluster cannot be started.
    pub(crate) fn url(&mut self) -> anyhow::Result<String> {
        match self {
            Self::Given(url) => Ok(url.clone()),
            Self::Private { options, cluster } => {
                let is_first = cluster.is_none();
                let cluster = match cluster {
                    Some(cluster) => cluster,
                    None => cluster.insert(Cluster::open(options.clone())?),
                };
                cluster.start()?;
                if is_first {
                    let status = cluster.status()?;
                    let version = status.version.unwrap_or_else(|| status.major.to_string());
                    output::note(&format!(
                        "the test cluster is running: PostgreSQL {version}, in {}",
                        status.state_dir.display()
                    ));
                }
                Ok(cluster.url("postgres")?)
            }
        }
    }

    /// Removes the private cluster if this run used it.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn remove(&mut self) -> anyhow::Result<()> {
        if let Self::Private { cluster, .. } = self
            && let Some(cluster) = cluster.take()
        {
            cluster.remove()?;
            output::note("\nthe test cluster is removed");
        }
        Ok(())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // For a run that ends early; after `remove` there is nothing to do.
        if let Err(error) = self.remove() {
            output::note(&format!("cannot remove the test cluster: {error:#}"));
        }
    }
}
