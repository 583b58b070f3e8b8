//! Carries out a sequence on the model and on other stores, and compares what they return and what they contain at the end.

use hyperpage_store::Store;
use hyperpage_store::domain::Job;

use crate::coverage::Coverage;
use crate::model::Model;
use crate::operation::Operation;
use crate::outcome::{Failure, Ids, Outcome};
use crate::rows::{Cells, Rows};

/// A store to compare with the model.
pub trait Side {
    /// Its name for people.
    fn name(&self) -> &'static str;
    /// The store itself.
    fn store(&mut self) -> &mut dyn Store;
    /// Returns the rows of all its tables, read without the store.
    fn rows(&mut self) -> Rows;
    /// Adds a job as the app left it before there was `Store`, unless there is one with this id.
    fn insert_running_job(&mut self, job: &Job);
}

impl Side for Model {
    fn name(&self) -> &'static str {
        "flawed model"
    }

    fn store(&mut self) -> &mut dyn Store {
        self
    }

    fn rows(&mut self) -> Rows {
        Model::rows(self)
    }

    fn insert_running_job(&mut self, job: &Job) {
        Model::insert_running_job(self, job);
    }
}

/// A side, and which of its ids belong to which of the model's.
pub struct Compared<'a> {
    pub side: &'a mut dyn Side,
    pub ids: Ids,
}

impl<'a> Compared<'a> {
    /// A side whose tables are empty.
    pub fn new(side: &'a mut dyn Side) -> Compared<'a> {
        Compared { side, ids: Ids::default() }
    }

    /// Carries out an operation, and compares the outcome with the model's.
    ///
    /// `refusals` are the reasons for which it may be refused.
    fn step(
        &mut self,
        operation: &Operation,
        expected: &Outcome,
        refusals: &[Failure],
    ) -> Result<Outcome, String> {
        let found = operation.apply(self.side);
        let name = self.side.name();
        found
            .pair_ids(expected, &mut self.ids)
            .map_err(|problem| format!("{name}: {problem}\nreturned {found:?}\nexpected {expected:?}"))?;
        if found.failed().is_some_and(|failed| refusals.contains(&failed.kind)) {
            return Ok(found);
        }
        let shown = found.clone().canonical(&self.ids);
        if shown != expected.clone().canonical(&Ids::default()) {
            return Err(format!("{name} returned {shown:?}\nexpected {expected:?}"));
        }
        Ok(found)
    }

    /// Compares the rows of all tables with the model's.
    pub fn compare_rows(&mut self, model: &Model) -> Result<(), String> {
        let (mut found, expected) = (self.side.rows(), model.rows());
        let name = self.side.name();
        let mut without_ids = |found: &mut Vec<(i64, Cells)>, expected: &[(i64, Cells)], of_tokens: bool| {
            let pairs = if of_tokens { &mut self.ids.tokens } else { &mut self.ids.attempts };
            found.iter_mut().zip(expected).try_for_each(|((id, _), (model_id, _))| {
                pairs.pair(*id, *model_id)?;
                *id = *model_id;
                Ok(())
            })
        };
        without_ids(&mut found.attempts, &expected.attempts, false)
            .and_then(|()| without_ids(&mut found.tokens, &expected.tokens, true))
            .map_err(|problem: String| format!("the rows of {name} at the end: {problem}"))?;
        if found == expected {
            return Ok(());
        }
        Err(format!("the rows at the end:\n{name} has {found:#?}\nexpected {expected:#?}"))
    }
}

/// Carries out operations on the model and on all sides, and compares each outcome.
///
/// # Errors
/// The first difference, as text for people.
pub fn run(
    operations: &[Operation],
    model: &mut Model,
    sides: &mut [Compared<'_>],
    coverage: &mut Coverage,
) -> Result<(), String> {
    for (index, operation) in operations.iter().enumerate() {
        let at = |problem: String| format!("operation {} ({}): {problem}", index + 1, operation.name());
        let expected = operation.apply(model);
        let refusals = if expected.failed().is_some() { model.refusals() } else { Vec::new() };
        let mut errors = Vec::new();
        for compared in &mut *sides {
            let found = compared.step(operation, &expected, &refusals).map_err(at)?;
            errors.extend(found.failed().map(|failed| failed.shown.clone()));
        }
        if let Some(pair) = errors.windows(2).find(|pair| pair[0] != pair[1]) {
            return Err(at(format!("the errors differ: {} and {}", pair[0], pair[1])));
        }
        coverage.count(operation, &expected);
    }
    sides.iter_mut().try_for_each(|compared| compared.compare_rows(model))
}
