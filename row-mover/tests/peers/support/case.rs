//! One case: a SQLite database in SQL, what is decided about it, and what has to come of it. A table of these is a test.

/// How a migration ended, as its exit status tells (0, 1, 1, 1, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything the plan promises is there and proven.
    Proven,
    /// The rows that PostgreSQL can hold are there and proven; what is not, or is weaker than in the source, is told.
    Partly,
    /// Values stand in the way; nothing was created.
    Stopped,
    /// Rows moved, and validation found them different.
    Differs,
    /// It could not be planned or run; nothing was created.
    Refused,
}

/// Something that is asked of PostgreSQL once the rows are there. Probes run in their order, in one session whose time zone
/// is UTC, and see what those before them did.
#[derive(Clone, Debug)]
pub enum Probe {
    /// The statement has these rows as its result, each row's columns with `|` between.
    Gives(String, Vec<String>),
    /// The statement is refused with one of these SQLSTATEs.
    Breaks(String, Vec<String>),
    /// Something of this kind and name is left behind, or else the statements run and the last one gives the rows.
    LeftOr(String, Vec<String>, Vec<String>),
    /// Something of this kind and name is left behind, or else the statement is refused with one of these SQLSTATEs.
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

/// A source that this SQL makes; unless more is said, it has to arrive whole, with nothing left behind, and be proven.
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
    /// Decisions: lines of a mapping, the keys of the whole before the tables.
    pub fn mapping(mut self, toml: &str) -> Self {
        self.mapping.push_str(toml);
        self.mapping.push('\n');
        self
    }

    /// A collation that only the app has, which compares as NOCASE does.
    pub fn collation(mut self, name: &'static str) -> Self {
        self.collations.push(name);
        self
    }

    /// What the target is like before.
    pub fn target(mut self, sql: &str) -> Self {
        self.target_sql = sql.to_owned();
        self
    }

    /// Rows go into the tables that the target has.
    pub fn into_existing(mut self) -> Self {
        self.into_existing = true;
        self
    }

    /// How it has to end.
    pub fn ends(mut self, ending: Ending) -> Self {
        self.endings = vec![ending];
        self
    }

    /// How it may end; the probes count where rows moved.
    pub fn ends_in(mut self, endings: &[Ending]) -> Self {
        self.endings = endings.to_vec();
        self
    }

    /// The values that PostgreSQL cannot hold: of `table.column`, or of a foreign key's columns, so many.
    pub fn rejects(mut self, rejects: &[(&str, u64)]) -> Self {
        self.rejects = Some(rejects.iter().map(|(column, count)| ((*column).to_owned(), *count)).collect());
        self
    }

    /// The type of a column `table.column` as `format_type` prints it, `NOT NULL` behind it where it is; `|` between choices.
    pub fn has(mut self, column: &str, kind: &str) -> Self {
        self.types.push((column.to_owned(), kind.to_owned()));
        self
    }

    /// A statement that gives these rows.
    pub fn gives(mut self, sql: &str, rows: &[&str]) -> Self {
        self.probes.push(Probe::Gives(sql.to_owned(), owned(rows)));
        self
    }

    /// A statement that has to work.
    pub fn runs(self, sql: &str) -> Self {
        self.gives(sql, &[])
    }

    /// A statement that is refused; `|` between the SQLSTATEs that it may have.
    pub fn breaks(mut self, sql: &str, sqlstates: &str) -> Self {
        self.probes.push(Probe::Breaks(sql.to_owned(), sqlstates.split('|').map(str::to_owned).collect()));
        self
    }

    /// Something stays behind: the beginning of its kind and name.
    pub fn leaves(mut self, kind_and_name: &str) -> Self {
        self.left.push(kind_and_name.to_owned());
        self
    }

    /// Something stays behind, or else the statements work and the last gives these rows.
    pub fn leaves_or(mut self, kind_and_name: &str, statements: &[&str], rows: &[&str]) -> Self {
        self.probes.push(Probe::LeftOr(kind_and_name.to_owned(), owned(statements), owned(rows)));
        self
    }

    /// Something stays behind, or else the statement is refused; `|` between the SQLSTATEs that it may have.
    pub fn leaves_or_breaks(mut self, kind_and_name: &str, sql: &str, sqlstates: &str) -> Self {
        let sqlstates = sqlstates.split('|').map(str::to_owned).collect();
        self.probes.push(Probe::LeftOrBreaks(kind_and_name.to_owned(), sql.to_owned(), sqlstates));
        self
    }

    /// A constraint that the data breaks: a part of its table and words.
    pub fn breaches(mut self, part: &str) -> Self {
        self.breaches.push(part.to_owned());
        self
    }

    /// Words that a person is told: in the plan's reasons, notes and suggestions, in the error, or with the rejects.
    pub fn tells(mut self, part: &str) -> Self {
        self.told.push(part.to_owned());
        self
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
