//! The PostgreSQL of a test run: that of `TEST_POSTGRES_URL`, else the private test cluster, started when it is first
//! needed and removed at the end. The tests make their databases themselves.

use std::path::Path;

use anyhow::bail;
use private_postgres::{Cluster, Options, Purpose};

use crate::output;

/// Names a server whose databases are not ours to remove; the tests read it too.
pub(crate) const URL_VARIABLE: &str = "TEST_POSTGRES_URL";

/// The version of the private test cluster, for tests that run without `cargo xtask test`.
pub(crate) const VERSION_VARIABLE: &str = "TEST_POSTGRES_VERSION";

/// The server that the tests use.
#[derive(Debug)]
pub(crate) enum TestServer {
    /// Somebody else's.
    Given(String),
    /// The private test cluster, which may not run yet.
    Private {
        /// Which cluster.
        options: Options,
        /// The cluster, from the moment that it was to be started.
        cluster: Option<Cluster>,
    },
}

impl TestServer {
    /// Chooses the server; starts nothing.
    ///
    /// # Errors
    /// Where a version is asked for and a server is given, which has its own.
    pub(crate) fn choose(root: &Path, pg_version: Option<u32>) -> anyhow::Result<Self> {
        let given = std::env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty());
        match (given, pg_version) {
            (Some(_), Some(_)) => {
                bail!("--pg-version is for the private test cluster: unset {URL_VARIABLE} to use it")
            }
            (Some(url), None) => Ok(Self::Given(url)),
            (None, version) => {
                let options = Options { version, throwaway: true, ..Options::new(root, Purpose::Test) };
                Ok(Self::Private { options, cluster: None })
            }
        }
    }

    /// The URL of a database of the server, which runs then.
    ///
    /// # Errors
    /// Those of the private cluster's start.
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
                        "the test cluster runs: PostgreSQL {version}, in {}",
                        status.state_dir.display()
                    ));
                }
                Ok(cluster.url("postgres")?)
            }
        }
    }

    /// Removes the private cluster where this run has used it.
    ///
    /// # Errors
    /// Those of the removal.
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
        // After `remove` there is nothing left to do; this is for a run that ends early.
        if let Err(error) = self.remove() {
            output::note(&format!("cannot remove the test cluster: {error:#}"));
        }
    }
}
