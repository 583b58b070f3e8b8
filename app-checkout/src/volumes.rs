//! Follows the volume of the SQLite file through Kubernetes and Compose files: from the mount at the database's folder to the
//! volume, its claim, and the storage behind it, over all files. It matches the usual ways to write these and does not parse YAML;
//! a volume that is also mounted elsewhere is not reported.

use crate::evidence::Evidence;
use crate::finding::{Fact, Hit, Kind};
use crate::text::{Lines, Pattern};
use std::collections::BTreeSet;

/// A mount of a container: its name before or after its path.
static MOUNT: Pattern = Pattern::new(concat!(
    r#"\bname:\s*["']?(?P<before>[\w.-]+)["']?,?\s+(?:(?:readOnly|subPath|subPathExpr|mountPropagation):[^\n,]*,?\s+)*mountPath:\s*["']?(?P<path>/[^\s"',}]*)"#,
    r#"|\bmountPath:\s*["']?(?P<path_before>/[^\s"',}]*)["']?,?\s+(?:(?:readOnly|subPath|subPathExpr|mountPropagation):[^\n,]*,?\s+)*name:\s*["']?(?P<after>[\w.-]+)"#,
));
/// A mount of a Compose service: `- source:/path:ro`, or `source` and `target`.
static COMPOSE_MOUNT: Pattern = Pattern::new(concat!(
    r#"(?m)^\s+-\s*["']?(?P<before>[\w./~-]+):(?P<path>/[^\s"':]*)"#,
    r#"|\bsource:\s*["']?(?P<source>[\w./~-]+)["']?,?\s+target:\s*["']?(?P<target>/[^\s"',}]*)"#
));
/// A volume of a pod: its name before or after its source, with the claim where there is one.
static VOLUME: Pattern = Pattern::new(concat!(
    r#"-\s+\{?\s*name:\s*["']?(?P<before>[\w.-]+)["']?,?\s+(?:persistentVolumeClaim:[\s{]+(?:readOnly:\s*\w+,?\s+)?claimName:\s*["']?(?P<claim>[\w.-]+)|(?:emptyDir|hostPath|nfs|csi|ephemeral):)"#,
    r#"|-\s+\{?\s*(?:emptyDir|hostPath|nfs|csi):[^-]*?,?\s+name:\s*["']?(?P<after>[\w.-]+)"#
));
/// A named volume of Compose.
static COMPOSE_VOLUME: Pattern = Pattern::new(r"(?m)^ {1,8}(?P<before>[\w.-]+):");
static TEMPLATE: Pattern =
    Pattern::new(r#"\bvolumeClaimTemplates:(?s:.{0,400}?)\bname:\s*["']?(?P<before>[\w.-]+)"#);
static STORAGE: Pattern = Pattern::new(r"(?m)^kind:\s*(?:PersistentVolumeClaim\b|PersistentVolume\b)");
static NAME: Pattern =
    Pattern::new(r#"(?m)^metadata:\s*(?:\{\s*|\n\s+)(?:[^\n]*\n\s+)*?name:\s*["']?([\w.-]+)"#);
static CLAIM: Pattern =
    Pattern::new(r#"\bclaimRef:\s*(?:\{\s*|\n\s+)(?:[^\n]*\n\s+)*?name:\s*["']?([\w.-]+)"#);
static SERVICES: Pattern = Pattern::new(r"(?m)^services:");

/// The findings in YAML files; for each file, in their order.
pub(crate) fn hits(files: &[&str], evidence: &Evidence) -> Vec<Vec<Hit>> {
    let mut claims = BTreeSet::new();
    let mut out: Vec<Vec<Hit>> = files.iter().map(|file| in_file(file, evidence, &mut claims)).collect();
    for (file, hits) in files.iter().zip(&mut out) {
        let lines = Lines::of(file);
        for (offset, document) in documents(file) {
            let name = |pattern: &Pattern| pattern.found(document).next().map(|(_, name)| name);
            let Some((at, _)) = STORAGE.found(document).next() else { continue };
            let claim = name(&CLAIM).or_else(|| name(&NAME));
            if let Some(name) = name(&NAME).filter(|_| claim.is_some_and(|claim| claims.contains(claim))) {
                hits.push(hit(lines.line(offset + at), Fact::Volume(name.to_owned())));
            }
        }
    }
    out
}

fn hit(line: usize, fact: Fact) -> Hit {
    (line, Kind::Manifest, fact, false)
}

/// The documents of a YAML text, with their offsets.
fn documents(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let ends = text.match_indices("\n---").map(|(at, _)| at + 1).chain([text.len()]);
    ends.scan(0, |start, end| {
        let document = (*start, text.get(*start..end).unwrap_or_default());
        *start = end;
        Some(document)
    })
}

fn in_file<'a>(file: &'a str, evidence: &Evidence, claims: &mut BTreeSet<&'a str>) -> Vec<Hit> {
    let (lines, mut hits) = (Lines::of(file), Vec::new());
    for (offset, document) in documents(file) {
        let line = |at| lines.line(offset + at);
        let is_compose = SERVICES.is_match(document);
        // The names of volumes: mounted at the folder of the database, and mounted elsewhere.
        let (mut ours, mut others) = (BTreeSet::new(), BTreeSet::new());
        for mount in if is_compose { &COMPOSE_MOUNT } else { &MOUNT }.all(document) {
            let group = |names: [&str; 2]| names.into_iter().find_map(|name| mount.name(name));
            let name = group(["before", if is_compose { "source" } else { "after" }]);
            let path = group(["path", if is_compose { "target" } else { "path_before" }]);
            let (Some(name), Some(path)) = (name, path) else { continue };
            if evidence.is_folder(path.as_str()) {
                ours.insert(name.as_str());
                hits.push(hit(line(path.start()), Fact::Folder(path.as_str().to_owned())));
            } else {
                others.insert(name.as_str());
            }
        }
        let top = document.find("\nvolumes:").map_or(document.len(), |at| at + 1);
        let (from, patterns) =
            if is_compose { (top, &[&COMPOSE_VOLUME][..]) } else { (0, &[&VOLUME, &TEMPLATE][..]) };
        for pattern in patterns {
            for volume in pattern.all(document.get(from..).unwrap_or_default()) {
                let name = ["before", "after"].into_iter().find_map(|name| volume.name(name));
                let is_ours = |name: &str| ours.contains(name) && !others.contains(name);
                let Some(name) = name.filter(|name| is_ours(name.as_str())) else { continue };
                claims.extend(volume.name("claim").map(|claim| claim.as_str()));
                hits.push(hit(line(from + name.start()), Fact::Volume(name.as_str().to_owned())));
            }
        }
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(files: &[&str], lines: &[&[usize]]) {
        let mut evidence = Evidence::new();
        evidence.resolve();
        let found: Vec<Vec<usize>> =
            hits(files, &evidence).iter().map(|hits| hits.iter().map(|hit| hit.0).collect()).collect();
        assert_eq!(found, lines, "{files:?}");
    }

    #[test]
    fn a_claim_is_followed_over_files() {
        let deployment = "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - name: web\n          volumeMounts:\n\
                          \x20           - name: data\n              mountPath: /app/data\n            - name: logs\n              mountPath: /logs\n\
                          \x20     volumes:\n        - name: data\n          persistentVolumeClaim:\n            claimName: files\n        - name: logs\n          emptyDir: {}\n";
        let claims = "kind: PersistentVolumeClaim\nmetadata: {name: files}\n---\nkind: PersistentVolumeClaim\nmetadata:\n  labels:\n    app: x\n  name: other\n\
                      ---\nkind: PersistentVolume\nmetadata:\n  name: disk\nspec: {claimRef: {name: files}}\n";
        expect(&[claims, deployment], &[&[1, 10], &[9, 13]]);
        let sorted = "  containers:\n  - volumeMounts:\n    - mountPath: \"/app/data\"\n      name: d\n    - mountPath: /x\n      name: e\n  volumes:\n  - hostPath:\n      path: /srv\n    name: d\n  - emptyDir: {}\n    name: e\n";
        expect(&[sorted], &[&[3, 10]]);
        let shared = "spec:\n  containers:\n    - volumeMounts:\n        - {name: d, mountPath: /app/data}\n        - {name: d, mountPath: /uploads}\n  volumes:\n    - {name: d, emptyDir: {}}\n";
        expect(&[shared, &shared.replace("/uploads", "/app/data")], &[&[4], &[4, 5, 7]]);
        let set = "spec:\n  containers:\n    - volumeMounts:\n        - {name: d, mountPath: /app/data}\n  volumeClaimTemplates:\n    - metadata: {name: d}\n";
        expect(&[set, &set.replace("/app/data", "/var/lib/postgresql/data")], &[&[4, 6], &[]]);
    }

    #[test]
    fn compose_mounts_in_two_ways() {
        let compose = "services:\n  web:\n    volumes:\n      - files:/app/data:rw\n      - ./data:/app/data\n      - type: volume\n        source: files\n        target: /app/data\n\
                       \x20 db:\n    volumes:\n      - pg:/var/lib/postgresql/data\nvolumes:\n  files:\n    driver: local\n  pg:\n";
        expect(&[compose], &[&[4, 5, 8, 13]]);
    }
}
