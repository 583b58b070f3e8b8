//! All obstacles of a plan together: their list for people, and the lines of `mapping.toml` that solve them in one round.

use std::fmt;

use super::Obstacle;
use super::decision::{self, Decision};
use crate::plan::{Plan, UnloadedColumn};

/// All obstacles of a plan, in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obstacles(Vec<Obstacle>);

impl Obstacles {
    /// Adds one.
    pub(crate) fn push(&mut self, obstacle: Obstacle) {
        self.0.push(obstacle);
    }

    /// Adds those that were found after the plan was made.
    pub fn extend(&mut self, obstacles: impl IntoIterator<Item = Obstacle>) {
        self.0.extend(obstacles);
    }

    /// The obstacles.
    pub fn iter(&self) -> impl Iterator<Item = &Obstacle> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lines of `mapping.toml` that solve all that decisions can solve. Each heading appears once.
    pub fn mapping_lines(&self) -> String {
        self.mapping_lines_with(None)
    }

    /// The same lines with those about the data that the app derives from the rows of `fitting`, the plan of what fits: no obstacle, but
    /// without a decision the migration ends with a finding.
    pub(in crate::planner) fn mapping_lines_with(&self, fitting: Option<&Plan>) -> String {
        let mut decisions: Vec<Vec<Decision>> = self.0.iter().map(Obstacle::decisions).collect();
        decisions.extend(fitting.into_iter().flat_map(derived_decisions));
        decision::lines(decisions.iter().map(Vec::as_slice))
    }

    /// The obstacles in words, by table.
    pub fn list(&self) -> String {
        if let [one] = self.0.as_slice() {
            return one.to_string();
        }
        let mut lines = vec![format!("there are {} obstacles", self.0.len())];
        for (table, obstacles) in self.by_table() {
            lines.extend(table.map(|table| format!("table {table}:")));
            lines.extend(obstacles.iter().map(|obstacle| format!("  {obstacle}")));
        }
        lines.join("\n")
    }

    /// The obstacles by table, in the order of the tables' first ones; those about the source as a whole come first.
    fn by_table(&self) -> Vec<(Option<&str>, Vec<&Obstacle>)> {
        let mut tables: Vec<(Option<&str>, Vec<&Obstacle>)> = Vec::new();
        for obstacle in &self.0 {
            match tables.iter_mut().find(|(table, _)| *table == obstacle.table()) {
                Some((_, own)) => own.push(obstacle),
                None => tables.push((obstacle.table(), vec![obstacle])),
            }
        }
        tables.sort_by_key(|(table, _)| table.is_some());
        tables
    }
}

impl fmt::Display for Obstacles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.list())?;
        match self.mapping_lines().as_str() {
            "" => Ok(()),
            lines => write!(f, "\nlines for mapping.toml:\n{lines}"),
        }
    }
}

/// The decisions about the data that the app derives from a plan's rows and about which nobody has decided.
fn derived_decisions(plan: &Plan) -> impl Iterator<Item = Vec<Decision>> {
    let columns = plan.trigger_filled().filter(|column| column.decision.is_none());
    let views = plan.materialized_views.iter().filter(|view| view.decision.is_none());
    let names = columns.map(UnloadedColumn::full_name).chain(views.map(|view| view.name.clone()));
    let written = plan.written_tables.iter().filter(|table| table.decision.is_none());
    names
        .map(|name| vec![Decision::fill(&name), Decision::accept(&name)])
        .chain(written.map(|table| vec![Decision::accept(&table.table)]))
}
