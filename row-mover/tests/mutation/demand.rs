//! The differences that validation must report for a damage, and the check that it does.

use std::collections::BTreeSet;

use migrate_core::finding::BaselineDifference;
use report::words;
use row_mover::run::Validation;
use row_mover::validate::{DifferenceKind, TableComparison};

/// Minimum number of differences that are named for a table, if it has that many.
const NAMED_MIN: usize = 5;

/// Placeholder for the key of a row that is not known in advance.
pub const ANY_KEY: &str = "any";

/// The differences that must be reported. No other differences of rows may be.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// The tables whose rows differ, and how they differ.
    pub tables: Vec<TableDemand>,
    /// Prefixes of the required lines about the schema. If empty, the schema is unchanged.
    pub schema: Vec<String>,
    /// Substrings that lines about sequences, or else about the schema, must contain.
    pub sequences: Vec<String>,
    /// The migrations that are missing from the list of applied ones.
    pub migrations: Vec<String>,
    /// Substrings that lines about the list of the app's own migrator must contain. If empty, the list is unchanged.
    pub baseline: Vec<String>,
    /// Whether rows may differ, too, because the change to the schema affects them.
    pub is_free_in_rows: bool,
    /// Whether any finding is sufficient.
    pub is_any: bool,
    /// Substring of the error that replaces the validation, if the sealed copy was damaged.
    pub refused: Option<&'static str>,
}

/// The differences in the rows of a table.
#[derive(Clone, Debug, Default)]
pub struct TableDemand {
    /// The table, by its name in the source.
    pub table: String,
    /// Whether rows are identified by a key; otherwise by all of their values.
    pub is_keyed: bool,
    /// Keys of rows that only SQLite has.
    pub missing: Vec<String>,
    /// Keys of rows that only PostgreSQL has.
    pub extra: Vec<String>,
    /// Keys of rows that differ, with the columns that must be named and those that may be.
    pub different: Vec<Different>,
}

#[derive(Clone, Debug)]
pub struct Different {
    pub key: String,
    pub must: Vec<String>,
    pub may: Vec<String>,
}

/// The result of a mutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was found and named as required.
    Named,
    /// It was found, but not named as required; with what is missing.
    Found(String),
    /// Validation did not find it.
    Survived(String),
}

impl Demand {
    /// Demands differences in one table.
    pub fn table(table: TableDemand) -> Demand {
        Demand { tables: vec![table], ..Demand::default() }
    }

    /// Demands a difference in one item of the schema, `table: item`.
    pub fn schema(table: &str, item: &str) -> Demand {
        Demand { schema: vec![format!("{table}: {item} ")], ..Demand::default() }
    }

    /// Allows rows to differ, too.
    pub fn and_rows(self) -> Demand {
        Demand { is_free_in_rows: true, ..self }
    }

    /// Whether remedies for the schema, sequences and bookkeeping repair all of it.
    pub fn has_remedy(&self) -> bool {
        self.tables.is_empty() && self.refused.is_none() && !self.is_any
    }

    /// Judges a validation or an error.
    pub fn verdict(&self, said: &Result<Validation, String>) -> Verdict {
        match (self.refused, said) {
            (Some(words), Err(error)) if error.contains(words) => Verdict::Named,
            (_, Err(error)) => Verdict::Found(format!("an error in place of a difference: {error}")),
            (Some(_), Ok(validation)) if validation.is_proven() => Verdict::Survived("proven".to_owned()),
            (Some(_), Ok(_)) => Verdict::Found("taken for damage of the target".to_owned()),
            (None, Ok(validation)) if validation.is_proven() => Verdict::Survived("proven".to_owned()),
            (None, Ok(validation)) => match self.unmet(validation) {
                None => Verdict::Named,
                Some(problem) => Verdict::Found(format!("{problem}; said: {}", found_in_words(validation))),
            },
        }
    }

    /// Returns the mismatch between a failed validation and the demand.
    fn unmet(&self, validation: &Validation) -> Option<String> {
        for demand in &self.tables {
            let Some(found) = validation.tables.iter().find(|found| found.table == demand.table) else {
                return Some(format!("the rows of {} were not compared", demand.table));
            };
            if let Some(problem) = demand.unmet(found) {
                return Some(format!("{}: {problem}", demand.table));
            }
        }
        let is_demanded = |table: &str| self.tables.iter().any(|demand| demand.table == table);
        let other = validation.tables.iter().find(|found| !found.is_equal() && !is_demanded(&found.table));
        if let Some(other) = other.filter(|_| !self.is_free_in_rows) {
            return Some(format!("{} is said to differ", other.table));
        }
        for beginning in &self.schema {
            if !validation.schema.iter().any(|found| words::schema(found).starts_with(beginning.as_str())) {
                return Some(format!("no line of the schema begins with {beginning:?}"));
            }
        }
        if self.is_any {
            return None;
        }
        if self.schema.is_empty() && self.sequences.is_empty() && !validation.schema.is_empty() {
            return Some("the schema is said to differ".to_owned());
        }
        for part in &self.sequences {
            let sequences = validation.sequences.differences.iter().map(words::sequence);
            let mut lines = sequences.chain(validation.schema.iter().map(words::schema));
            if !lines.any(|line| line.contains(part.as_str())) {
                return Some(format!("no line holds {part:?}"));
            }
        }
        let missing: Vec<&String> =
            validation.missing_migrations.iter().map(|migration| &migration.name).collect();
        if !self.migrations.iter().eq(missing) {
            return Some(format!("the migrations {:?} are missing", self.migrations));
        }
        let baseline: Vec<String> = baseline(validation).map(words::baseline).collect();
        let is_named = |part: &String| baseline.iter().any(|line| line.contains(part.as_str()));
        if self.baseline.is_empty() != baseline.is_empty() || !self.baseline.iter().all(is_named) {
            return Some(format!("{:?} must be said of the list, and is not: {baseline:?}", self.baseline));
        }
        None
    }
}

impl TableDemand {
    pub fn new(table: &str, is_keyed: bool) -> TableDemand {
        TableDemand { table: table.to_owned(), is_keyed, ..TableDemand::default() }
    }

    fn unmet(&self, found: &TableComparison) -> Option<String> {
        if found.is_equal() {
            return Some("it is said to be equal".to_owned());
        }
        if !self.is_keyed {
            return self.unmet_without_key(found);
        }
        let counts = [found.missing, found.extra, found.different];
        let demanded = [self.missing.len(), self.extra.len(), self.different.len()];
        if counts.map(|count| usize::try_from(count).unwrap()) != demanded {
            return Some(format!(
                "{counts:?} rows are missing, extra and different, these should be {demanded:?}"
            ));
        }
        let mut named = BTreeSet::new();
        for difference in &found.first {
            let is_known = match difference.kind {
                DifferenceKind::Missing => self.missing.contains(&difference.key),
                DifferenceKind::Extra => {
                    self.extra.iter().any(|key| *key == difference.key || key == ANY_KEY)
                }
                DifferenceKind::Different => self.different.iter().any(|different| {
                    different.key == difference.key
                        && different.must.iter().all(|column| difference.columns.contains(column))
                        && (difference.columns.iter())
                            .all(|column| different.must.contains(column) || different.may.contains(column))
                }),
            };
            if !is_known || !named.insert((difference.kind as u8, &difference.key)) {
                return Some(format!("{difference:?} is not what was damaged: {self:?}"));
            }
        }
        let named_min = demanded.iter().sum::<usize>().min(NAMED_MIN);
        (named.len() < named_min).then(|| format!("only {} differences are named", named.len()))
    }

    /// Without a key, a changed row is reported as a missing and an extra row, or as one different row with its columns.
    fn unmet_without_key(&self, found: &TableComparison) -> Option<String> {
        let number = |count: u64| usize::try_from(count).unwrap();
        let counts = (number(found.missing + found.different), number(found.extra + found.different));
        let demanded = (self.missing.len() + self.different.len(), self.extra.len() + self.different.len());
        if counts != demanded {
            return Some(format!("{counts:?} rows are missing and extra, these should be {demanded:?}"));
        }
        // Equal rows are named once.
        let is_named = |kind: DifferenceKind, count: u64| {
            count == 0 || found.first.iter().any(|first| first.kind == kind && !first.key.is_empty())
        };
        let are_named = is_named(DifferenceKind::Missing, found.missing)
            && is_named(DifferenceKind::Extra, found.extra)
            && is_named(DifferenceKind::Different, found.different);
        if !are_named {
            return Some("no row is named".to_owned());
        }
        let have_columns = |columns: &[String]| {
            // If two rows exchanged values, their columns cannot be determined.
            self.different.len() != 1
                || self
                    .different
                    .iter()
                    .any(|different| different.must.iter().all(|column| columns.contains(column)))
        };
        let mut different = found.first.iter().filter(|first| first.kind == DifferenceKind::Different);
        let wrong = different.find(|first| first.columns.is_empty() || !have_columns(&first.columns));
        wrong.map(|first| format!("{first:?} does not name what was damaged: {self:?}"))
    }
}

/// The differences in the list of the app's own migrator.
pub fn baseline(validation: &Validation) -> impl Iterator<Item = &BaselineDifference> {
    validation.baseline.iter().flat_map(|list| &list.differences)
}

/// Summarises a validation.
pub fn found_in_words(validation: &Validation) -> String {
    let mut words: Vec<String> = Vec::new();
    for table in validation.tables.iter().filter(|table| !table.is_equal()) {
        words.push(format!(
            "{}: {} missing, {} extra, {} different, of these {:?}",
            table.table, table.missing, table.extra, table.different, table.first
        ));
    }
    words.extend(validation.schema.iter().map(words::schema));
    words.extend(validation.sequences.differences.iter().map(words::sequence));
    words.extend(validation.missing_migrations.iter().map(words::missing_migration));
    words.extend(baseline(validation).map(words::baseline));
    words.extend(validation.views.differences.iter().map(words::view));
    words.extend(validation.defaults.differences.iter().map(words::default));
    words.extend(validation.behaviour.differences.iter().map(words::constraint));
    words.join("; ")
}
