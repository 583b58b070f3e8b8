//! A test case: a SQLite database as SQL, its mapping, and the expected result. A test is a table of cases.

/// The outcome of a migration, as its exit status shows it (0, 1, 1, 1, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything in the plan was migrated and proven.
    Proven,
    /// The rows that PostgreSQL can hold were migrated and proven. Rejects and weaker constraints are reported.
    Partly,
    /// Some values do not fit; nothing was created.
    Stopped,
    /// Rows were migrated, and validation found differences.
    Differs,
    /// It could not be planned or run; nothing was created.
    Refused,
}

/// A check of PostgreSQL after the load. Probes run in order, in one session with time zone UTC, and see the effects of
/// earlier ones.
#[derive(Clone, Debug)]
pub enum Probe {
    /// The statement returns these rows, with columns separated by `|`.
    Gives(String, Vec<String>),
    /// The statement fails with one of these SQLSTATEs.
    Breaks(String, Vec<String>),
    /// An object of this kind and name is not migrated, or else the statements run and the last one returns the rows.
    LeftOr(String, Vec<String>, Vec<String>),
    /// An object of this kind and name is not migrated, or else the statement fails with one of these SQLSTATEs.
    LeftOrBreaks(String, String, Vec<String>),
}

/// A case.
#[derive(Clone, Debug)]
pub struct PeerCase {
    pub id: &'static str,
    pub sql: String,
    pub mapping: String,
    pub collations: Vec<&'static str>,
    pub target_sql: String,
    pub into_existing: bool,
    pub endings: Vec<Ending>,
    pub rejects: Option<Vec<(String, u64)>>,
    pub types: Vec<(String, String)>,
    pub probes: Vec<Probe>,
    pub left: Vec<String>,
    pub breaches: Vec<String>,
    pub told: Vec<String>,
}

/// Creates a case from SQL. By default everything must be migrated and proven.
pub fn case(id: &'static str, sql: impl Into<String>) -> PeerCase {
    PeerCase {
        id,
        sql: sql.into(),
        mapping: String::new(),
        collations: Vec::new(),
        target_sql: String::new(),
        into_existing: false,
        endings: vec![Ending::Proven],
        rejects: None,
        types: Vec::new(),
        probes: Vec::new(),
        left: Vec::new(),
        breaches: Vec::new(),
        told: Vec::new(),
    }
}

impl PeerCase {
    /// Sets lines of the mapping; keys of the database come before tables.
    pub fn mapping(mut self, toml: &str) -> Self {
        self.mapping.push_str(toml);
        self.mapping.push('\n');
        self
    }

    /// Adds a collation that only the app defines, which compares like NOCASE.
    pub fn collation(mut self, name: &'static str) -> Self {
        self.collations.push(name);
        self
    }

    /// Sets the SQL that prepares the target.
    pub fn target(mut self, sql: &str) -> Self {
        self.target_sql = sql.to_owned();
        self
    }

    /// Loads rows into existing tables of the target.
    pub fn into_existing(mut self) -> Self {
        self.into_existing = true;
        self
    }

    /// Sets the required outcome.
    pub fn ends(mut self, ending: Ending) -> Self {
        self.endings = vec![ending];
        self
    }

    /// Sets the allowed outcomes. The probes apply if rows were migrated.
    pub fn ends_in(mut self, endings: &[Ending]) -> Self {
        self.endings = endings.to_vec();
        self
    }

    /// Requires this number of values that PostgreSQL cannot hold, in `table.column` or in the columns of a foreign key.
    pub fn rejects(mut self, rejects: &[(&str, u64)]) -> Self {
        self.rejects = Some(rejects.iter().map(|(column, count)| ((*column).to_owned(), *count)).collect());
        self
    }

    /// Requires the type of `table.column` as `format_type` prints it, followed by `NOT NULL` if so; `|` separates choices.
    pub fn has(mut self, column: &str, kind: &str) -> Self {
        self.types.push((column.to_owned(), kind.to_owned()));
        self
    }

    /// Requires a statement to return these rows.
    pub fn gives(mut self, sql: &str, rows: &[&str]) -> Self {
        self.probes.push(Probe::Gives(sql.to_owned(), owned(rows)));
        self
    }

    /// Requires a statement to succeed.
    pub fn runs(self, sql: &str) -> Self {
        self.gives(sql, &[])
    }

    /// Requires a statement to fail; `|` separates the allowed SQLSTATEs.
    pub fn breaks(mut self, sql: &str, sqlstates: &str) -> Self {
        self.probes.push(Probe::Breaks(sql.to_owned(), sqlstates.split('|').map(str::to_owned).collect()));
        self
    }

    /// Requires an object not to be migrated, by a prefix of its kind and name.
    pub fn leaves(mut self, kind_and_name: &str) -> Self {
        self.left.push(kind_and_name.to_owned());
        self
    }

    /// Requires an object not to be migrated, or else the statements to succeed and the last to return these rows.
    pub fn leaves_or(mut self, kind_and_name: &str, statements: &[&str], rows: &[&str]) -> Self {
        self.probes.push(Probe::LeftOr(kind_and_name.to_owned(), owned(statements), owned(rows)));
        self
    }

    /// Requires an object not to be migrated, or else the statement to fail; `|` separates the allowed SQLSTATEs.
    pub fn leaves_or_breaks(mut self, kind_and_name: &str, sql: &str, sqlstates: &str) -> Self {
        let sqlstates = sqlstates.split('|').map(str::to_owned).collect();
        self.probes.push(Probe::LeftOrBreaks(kind_and_name.to_owned(), sql.to_owned(), sqlstates));
        self
    }

    /// Requires a constraint that the data violates, by a substring of its table and description.
    pub fn breaches(mut self, part: &str) -> Self {
        self.breaches.push(part.to_owned());
        self
    }

    /// Requires words in the plan's reasons, notes and suggestions, in the error, or in the rejects.
    pub fn tells(mut self, part: &str) -> Self {
        self.told.push(part.to_owned());
        self
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
