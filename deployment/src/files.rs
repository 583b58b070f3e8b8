//! The files of a deployment, with their paths and in a fixed order.

use crate::file::File;
use crate::manifests::{self, Object};
use crate::settings::Settings;
use crate::yaml::{self, GENERATED};
use crate::{alerts, compose, image, kustomization};

/// The file with the settings, by which those who apply manifests know their names.
pub const SETTINGS_FILE: &str = "deployment.toml";

/// Returns all files for these settings.
#[must_use]
pub fn render(settings: &Settings) -> Vec<File> {
    let mut files = vec![File { path: SETTINGS_FILE.to_owned(), text: settings_text(settings) }];
    for part in manifests::parts(settings) {
        let folder = format!("base/{}", part.name);
        let listed: Vec<String> = part.objects.iter().map(Object::file_name).collect();
        files.push(File {
            path: format!("{folder}/kustomization.yaml"),
            text: kustomization::base(&listed, part.remarks),
        });
        files.extend(part.objects.iter().map(|object| File {
            path: format!("{folder}/{}", object.file_name()),
            text: yaml::document(&object.value, object.remarks),
        }));
    }
    for environment in &settings.environments {
        files.extend(kustomization::overlay(settings, *environment));
    }
    files.extend(image::files(settings));
    files.push(File { path: "compose.yaml".to_owned(), text: compose::text(settings) });
    files.push(File { path: "prometheus-rules.yaml".to_owned(), text: alerts::text(settings) });
    files
}

/// Whether a file with this text was written here, and not changed by somebody who keeps it.
#[must_use]
pub fn is_generated(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.strip_prefix("# ") == Some(GENERATED))
}

fn settings_text(settings: &Settings) -> String {
    // Its values are plain texts, numbers and lists of them.
    let body = toml::to_string(settings).unwrap_or_default();
    format!(
        "{}{body}",
        yaml::header(&[
            "The settings of this deployment; `deploy check`, `deploy apply` and `cutover` read them."
        ])
    )
}
