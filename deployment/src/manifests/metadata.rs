//! Names, labels and selectors.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::names::{Component, LABEL_COMPONENT, LABEL_MANAGED_BY, LABEL_NAME, LABEL_PART_OF, MANAGED_BY};
use crate::settings::Settings;

type Labels = BTreeMap<String, String>;

fn owned<const N: usize>(labels: [(&str, &str); N]) -> Labels {
    labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The labels by which pods are selected, which never change.
pub(super) fn selecting(settings: &Settings, component: Component) -> Labels {
    owned([(LABEL_PART_OF, settings.app.as_str()), (LABEL_COMPONENT, component.label())])
}

/// All labels of an object.
pub(super) fn labels(settings: &Settings, component: Component) -> Labels {
    let mut all = selecting(settings, component);
    all.extend(owned([
        (LABEL_NAME, component.program(settings.app.as_str())),
        (LABEL_MANAGED_BY, MANAGED_BY),
    ]));
    all
}

/// The metadata of an object.
pub(super) fn named(settings: &Settings, name: impl Into<String>, component: Component) -> ObjectMeta {
    ObjectMeta { name: Some(name.into()), labels: Some(labels(settings, component)), ..Default::default() }
}

/// The metadata of a pod.
pub(super) fn of_a_pod(settings: &Settings, component: Component) -> ObjectMeta {
    ObjectMeta { labels: Some(labels(settings, component)), ..Default::default() }
}

/// Selects the pods of a component.
pub(super) fn selector(settings: &Settings, component: Component) -> LabelSelector {
    LabelSelector { match_labels: Some(selecting(settings, component)), ..Default::default() }
}
