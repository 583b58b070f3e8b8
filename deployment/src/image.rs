//! The image of this program: a Dockerfile, and what of the checkout it must not see.

use crate::file::File;
use crate::settings::Settings;
use crate::yaml;

/// The Rust that builds the program: the version in `rust-version` of the workspace.
const BUILD_IMAGE: &str = "rust:1.88.0-bookworm";
/// What it runs on: the same Debian, since the program uses its C library.
const RUN_IMAGE: &str = "debian:12.11-slim";

/// The root of the checkout in the image: `CARGO_MANIFEST_DIR` names a folder in it.
pub(crate) const ROOT: &str = "/app";

/// The files by which the image is built.
pub(crate) fn files(settings: &Settings) -> Vec<File> {
    vec![
        File { path: "Dockerfile".to_owned(), text: dockerfile(settings) },
        File { path: "Dockerfile.dockerignore".to_owned(), text: ignored() },
    ]
}

fn dockerfile(settings: &Settings) -> String {
    let id = settings.user_id;
    let image = settings.tool_image.as_str();
    let mark = yaml::header(&[
        "The image of this program, for the migration's Jobs and the health checks. In the root of the checkout:",
        &format!("docker build --file DIR/Dockerfile --tag {} .", image.split('@').next().unwrap_or(image)),
        "Exact versions are named; for the very same bytes, pass --build-arg BUILD_IMAGE=NAME@sha256:DIGEST, and RUN_IMAGE likewise.",
    ]);
    format!(
        "{mark}ARG BUILD_IMAGE={BUILD_IMAGE}
ARG RUN_IMAGE={RUN_IMAGE}

FROM ${{BUILD_IMAGE}} AS build
WORKDIR /src
COPY . .
# The profile that all tests run with: what touches rows is optimised in it. SQLite, libpq and OpenSSL are linked statically.
RUN cargo build --locked --package xtask && strip --strip-debug target/debug/xtask

FROM ${{RUN_IMAGE}}
# The authorities of sslrootcert=system.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/debug/xtask /usr/local/bin/xtask
# The reviewed plan and its migrations, which the program reads when it runs.
COPY --from=build /src/schema-pg {ROOT}/schema-pg
ENV CARGO_MANIFEST_DIR={ROOT}/xtask
# Sealed copies, rejects and plans go to the working directory: mount a volume there.
RUN install --directory --owner={id} --group={id} --mode=0750 /work
WORKDIR /work
USER {id}:{id}
ENTRYPOINT []
CMD [\"xtask\", \"--help\"]
"
    )
}

/// The build sees sources only: neither databases nor files with passwords.
fn ignored() -> String {
    let patterns = [
        "/.*",
        "!/.cargo",
        "/target",
        "/data",
        "/backups",
        "/rejects",
        "/plans",
        "/reports",
        "**/target",
        "**/node_modules",
        "**/.env",
        "**/.env.*",
        "**/*.db",
        "**/*.db-*",
        "**/*.sqlite",
        "**/*.sqlite3",
    ];
    let list: String = patterns.iter().map(|pattern| format!("{pattern}\n")).collect();
    format!("{}{list}", yaml::header(&[]))
}
