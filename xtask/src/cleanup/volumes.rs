//! Follows the volume of the SQLite file through Kubernetes and compose files: from the mount at the database's folder to the
//! volume, its claim, and the storage behind it, over all files. A volume that something else mounts too is left alone.

use super::evidence::Evidence;
use super::finding::{Hit, Kind};
use super::yaml::Node;
use std::collections::BTreeSet;

/// What to do with the storage itself.
const STORAGE_REMEDY: &str = "remove it, once the database in it was moved and backed up";

/// What is left in YAML files; for each file, in their order.
pub(crate) fn hits(files: &[Vec<Node>], evidence: &Evidence) -> Vec<Vec<Hit>> {
    let mut claims = BTreeSet::new();
    let mut out: Vec<Vec<Hit>> = Vec::with_capacity(files.len());
    for documents in files {
        let mut hits = Vec::new();
        for document in documents {
            pods(document, evidence, &mut claims, &mut hits);
            compose(document, evidence, &mut hits);
        }
        out.push(hits);
    }
    for (documents, hits) in files.iter().zip(&mut out) {
        hits.extend(documents.iter().filter_map(|document| storage(document, &claims)));
    }
    out
}

fn manifest(line: usize, what: String, remedy: &str) -> Hit {
    Hit::new(line, Kind::Manifest, what, remedy)
}

/// Mounts and volumes of one Kubernetes document, whatever it wraps its pods in.
fn pods<'a>(document: &'a Node, evidence: &Evidence, claims: &mut BTreeSet<&'a str>, hits: &mut Vec<Hit>) {
    let (mut ours, mut others) = (BTreeSet::new(), BTreeSet::new());
    document.each_pair(&mut |key, value| {
        for mount in value.items().iter().filter(|_| key == "volumeMounts") {
            let name = mount.text_at(&["name"]).unwrap_or_default();
            let place = mount.get("mountPath").and_then(|place| Some((place.line, place.text()?)));
            match place {
                Some((line, path)) if evidence.holds(path) => {
                    ours.insert(name);
                    let what = format!("volumeMount `{name}` at `{path}`, the folder of the SQLite file");
                    hits.push(manifest(line, what, "remove the mount"));
                }
                _ => {
                    others.insert(name);
                }
            }
        }
    });
    let only_ours = |name: Option<&'a str>| name.filter(|name| ours.contains(name) && !others.contains(name));
    document.each_pair(&mut |key, value| {
        for volume in value.items() {
            let named = match key {
                "volumes" => only_ours(volume.text_at(&["name"])),
                "volumeClaimTemplates" => only_ours(volume.text_at(&["metadata", "name"])),
                _ => None,
            };
            let Some(name) = named else { continue };
            claims.extend(volume.text_at(&["persistentVolumeClaim", "claimName"]));
            let (what, remedy) = match key {
                "volumes" => (format!("volume `{name}` holds the SQLite file"), "remove the volume"),
                _ => (format!("volumeClaimTemplate `{name}` holds the SQLite file"), STORAGE_REMEDY),
            };
            hits.push(manifest(volume.line, what, remedy));
        }
    });
}

/// A claim that only the SQLite file's volume uses, and the volume bound to it.
fn storage(document: &Node, claims: &BTreeSet<&str>) -> Option<Hit> {
    let name = document.text_at(&["metadata", "name"])?;
    let kind = document.text_at(&["kind"])?;
    let ours = match kind {
        "PersistentVolumeClaim" => claims.contains(name),
        "PersistentVolume" => {
            document.text_at(&["spec", "claimRef", "name"]).is_some_and(|claim| claims.contains(claim))
        }
        _ => false,
    };
    ours.then(|| manifest(document.line, format!("{kind} `{name}` holds the SQLite file"), STORAGE_REMEDY))
}

/// Mounts of compose services, and the named volumes that nothing else uses.
fn compose(document: &Node, evidence: &Evidence, hits: &mut Vec<Hit>) {
    let (mut ours, mut others) = (BTreeSet::new(), BTreeSet::new());
    let services = document.get("services").map(Node::pairs).unwrap_or_default();
    for mount in services.iter().filter_map(|(_, service)| service.get("volumes")).flat_map(Node::items) {
        let parts: Vec<&str> = match mount.text() {
            Some(short) => short.split(':').collect(),
            None => [mount.text_at(&["source"]), mount.text_at(&["target"])].into_iter().flatten().collect(),
        };
        let source = parts.first().copied().unwrap_or_default();
        let line = mount.get("target").unwrap_or(mount).line;
        match parts.iter().find(|part| part.starts_with('/') && evidence.holds(part)) {
            Some(path) => {
                ours.insert(source);
                let what = format!("mounts `{path}`, the folder of the SQLite file");
                hits.push(manifest(line, what, "remove the mount"));
            }
            None => {
                others.insert(source);
            }
        }
    }
    for (key, _) in document.get("volumes").map(Node::pairs).unwrap_or_default() {
        if let Some(name) = key.text().filter(|name| ours.contains(name) && !others.contains(name)) {
            hits.push(manifest(key.line, format!("volume `{name}` holds the SQLite file"), STORAGE_REMEDY));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml::documents;
    use super::*;

    fn lines(files: &[&str]) -> Vec<Vec<usize>> {
        let mut evidence = Evidence::new();
        evidence.resolve();
        let files: Vec<_> = files.iter().map(|text| documents(text).unwrap()).collect();
        hits(&files, &evidence)
            .into_iter()
            .map(|hits| hits.into_iter().map(|hit| hit.line).collect())
            .collect()
    }

    #[test]
    fn a_claim_is_followed_over_files() {
        let deployment = "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - name: web\n          volumeMounts:\n\
                          \x20           - name: data\n              mountPath: /app/data\n            - name: logs\n              mountPath: /logs\n\
                          \x20     volumes:\n        - name: data\n          persistentVolumeClaim:\n            claimName: files\n        - name: logs\n          emptyDir: {}\n";
        let claims = "kind: PersistentVolumeClaim\nmetadata: {name: files}\n---\nkind: PersistentVolumeClaim\nmetadata: {name: other}\n\
                      ---\nkind: PersistentVolume\nmetadata: {name: disk}\nspec: {claimRef: {name: files}}\n";
        assert_eq!(lines(&[claims, deployment]), [vec![1, 7], vec![9, 13]]);
    }

    #[test]
    fn a_volume_with_another_use_stays() {
        let shared = "spec:\n  containers:\n    - volumeMounts:\n        - {name: d, mountPath: /app/data}\n        - {name: d, mountPath: /uploads}\n  volumes:\n    - {name: d, emptyDir: {}}\n";
        assert_eq!(lines(&[shared]), [vec![4]]);
    }

    #[test]
    fn a_stateful_set_has_templates() {
        let set = "spec:\n  template:\n    spec:\n      containers:\n        - volumeMounts:\n            - {name: d, mountPath: /app/data}\n  volumeClaimTemplates:\n    - metadata: {name: d}\n";
        assert_eq!(lines(&[set]), [vec![6, 8]]);
        assert_eq!(lines(&[&set.replace("/app/data", "/var/lib/postgresql/data")]), [Vec::<usize>::new()]);
    }

    #[test]
    fn compose_has_two_ways_to_mount() {
        let compose = "services:\n  web:\n    volumes:\n      - files:/app/data:rw\n      - ./data:/app/data\n      - type: volume\n        source: files\n        target: /app/data\n\
                       \x20 db:\n    volumes:\n      - pg:/var/lib/postgresql/data\nvolumes:\n  files:\n  pg:\n";
        assert_eq!(lines(&[compose]), [vec![4, 5, 8, 13]]);
    }
}
