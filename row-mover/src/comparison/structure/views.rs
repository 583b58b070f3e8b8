//! Compares the rows of views that both sides have, once the rows of all tables are known to be equal.

use std::collections::BTreeMap;
use std::time::Duration;

use migrate_core::comparison::structure::{ComparableView, Structure, comparable_views, differing_view};
use migrate_core::finding::{NotCompared, Reason, Subject, ViewProblem};
use migrate_core::plan::Plan;

use super::ComparedStructure;
use crate::comparison::work::Openers;
use crate::error::Result;
use crate::observer::Observer;
use crate::validate::Views;

/// What is known of the rows of the tables.
#[derive(Clone, Copy, Debug)]
pub(in crate::comparison) struct Rows {
    /// Whether all are equal.
    pub(in crate::comparison) are_equal: bool,
    /// Whether some are equal in another form only.
    pub(in crate::comparison) have_forms: bool,
}

/// Adds what differs in the rows of views to the structure. All views together take `time_max` at most.
///
/// # Errors
/// When either side cannot be read at all.
pub(in crate::comparison) fn compare(
    compared: &mut ComparedStructure,
    rows: Rows,
    openers: &Openers<'_>,
    time_max: Duration,
    observer: &dyn Observer,
) -> Result<()> {
    let ComparedStructure { structure, expected: Some(expected), live } = compared else { return Ok(()) };
    let (views, lacking) = comparable_views(live, expected);
    structure.differences.extend(lacking);
    let mut schemas: BTreeMap<&str, Vec<&ComparableView<'_>>> = BTreeMap::new();
    for view in &views {
        schemas.entry(&view.live.schema).or_default().push(view);
    }
    for (schema, views) in schemas {
        let plan = Plan {
            target_schema: schema.to_owned(),
            views: views.iter().map(|view| view.view.clone()).collect(),
            ..expected.clone()
        };
        let casts = views.iter().map(|view| (view.view.source.clone(), view.casts.clone())).collect();
        let (open_source, open_target) = (openers.source, openers.target);
        let found = Views { plan: &plan, open_source, open_target, time_max, observer, casts }
            .compare_unless(&|view, unsteady| {
                let live = views.iter().find(|one| one.view.source == view.source)?.live;
                let is_unsteady = unsteady.contains(&view.source.as_str());
                match (is_unsteady, rows.are_equal, live.is_readable, live.is_postgresqls_own) {
                    (true, ..) => Some(Reason::NotDeterministic),
                    (_, false, ..) => Some(Reason::RowsDiffer),
                    (_, _, false, _) => Some(Reason::NoRightToReadView),
                    (.., false) => Some(Reason::ViewCallsForeignCode),
                    _ => None,
                }
            })?;
        structure.not_compared.extend(found.not_compared);
        for difference in found.differences {
            let Some(view) = views.iter().find(|view| view.view.source == difference.view) else { continue };
            add(structure, expected, view, difference.problem, rows);
        }
    }
    Ok(())
}

/// Adds a difference, unless it may come from the types of the target.
fn add(
    structure: &mut Structure,
    expected: &Plan,
    view: &ComparableView<'_>,
    problem: ViewProblem,
    rows: Rows,
) {
    let is_certain = matches!(problem, ViewProblem::RowCount { .. });
    let name = &view.view.source;
    let reason = match problem {
        problem if is_certain => {
            return structure.differences.push(differing_view(view.live, expected, name, problem));
        }
        problem if view.has_other_types => Reason::ViewTypes { problem },
        problem if rows.have_forms => Reason::ViewForms { problem },
        problem => return structure.differences.push(differing_view(view.live, expected, name, problem)),
    };
    let subject = Subject::View { view: name.clone() };
    structure.not_compared.push(NotCompared { subject, reason });
}
