//! The parts of the benchmark that `--only` selects, and the databases of each. It measures nothing.

use clap::ValueEnum;

use super::subjects::SubjectKind;

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Hyperpage's own eight tables, by two plans.
    Hyperpage,
    /// One table of 61 columns.
    Wide,
    /// One table of three columns of integers.
    Narrow,
    /// One table of blobs of up to 128 kB.
    Blob,
    /// One table of JSON documents.
    Json,
    /// Many small tables.
    Tables,
    /// A table WITHOUT ROWID, and the same with rowids.
    WithoutRowid,
}

/// How the databases of a part are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// Against the floor, a single reading of the file, and other programs.
    Compared(SubjectKind),
    /// Two sizes or forms against each other: `migrate` only.
    Series([SubjectKind; 2]),
}

impl Part {
    /// All, in the order in which they are measured.
    pub(crate) const ALL: [Part; 7] =
        [Part::Hyperpage, Part::Wide, Part::Narrow, Part::Blob, Part::Json, Part::Tables, Part::WithoutRowid];

    /// Its name as `--only` takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Hyperpage => "hyperpage",
            Part::Wide => "wide",
            Part::Narrow => "narrow",
            Part::Blob => "blob",
            Part::Json => "json",
            Part::Tables => "tables",
            Part::WithoutRowid => "without-rowid",
        }
    }

    /// The part that a database belongs to.
    pub(crate) fn of(kind: SubjectKind) -> Part {
        match kind {
            SubjectKind::Hyperpage | SubjectKind::SourceIndexes | SubjectKind::LargeHyperpage => {
                Part::Hyperpage
            }
            SubjectKind::Wide => Part::Wide,
            SubjectKind::Narrow => Part::Narrow,
            SubjectKind::Blob => Part::Blob,
            SubjectKind::Json => Part::Json,
            SubjectKind::FewTables | SubjectKind::ManyTables | SubjectKind::MostTables => Part::Tables,
            SubjectKind::Rowids | SubjectKind::WithoutRowid => Part::WithoutRowid,
        }
    }

    /// What of it is measured in each round.
    pub(crate) fn method(self) -> Method {
        match self {
            Part::Hyperpage => Method::Compared(SubjectKind::Hyperpage),
            Part::Wide => Method::Compared(SubjectKind::Wide),
            Part::Narrow => Method::Compared(SubjectKind::Narrow),
            Part::Blob => Method::Compared(SubjectKind::Blob),
            Part::Json => Method::Compared(SubjectKind::Json),
            Part::Tables => Method::Series([SubjectKind::FewTables, SubjectKind::ManyTables]),
            Part::WithoutRowid => Method::Series([SubjectKind::Rowids, SubjectKind::WithoutRowid]),
        }
    }

    /// What of it `--large` adds.
    pub(crate) fn large(self) -> Option<SubjectKind> {
        match self {
            Part::Hyperpage => Some(SubjectKind::LargeHyperpage),
            Part::Tables => Some(SubjectKind::MostTables),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_option_takes() {
        for part in Part::ALL {
            assert_eq!(Part::from_str(part.name(), false), Ok(part));
        }
        assert_eq!(Part::value_variants(), Part::ALL);
    }

    #[test]
    fn every_database_belongs_to_a_part() {
        let of_parts = Part::ALL.into_iter().flat_map(|part| {
            let measured = match part.method() {
                Method::Compared(SubjectKind::Hyperpage) => {
                    vec![SubjectKind::Hyperpage, SubjectKind::SourceIndexes]
                }
                Method::Compared(kind) => vec![kind],
                Method::Series(kinds) => kinds.to_vec(),
            };
            measured.into_iter().chain(part.large())
        });
        let mut names: Vec<&str> = of_parts.map(SubjectKind::name).collect();
        let mut all = SubjectKind::ALL.map(SubjectKind::name);
        names.sort_unstable();
        all.sort_unstable();
        assert_eq!(names, all);
    }

    #[test]
    fn each_database_belongs_to_the_part_that_measures_it() {
        for part in Part::ALL {
            let measured = match part.method() {
                Method::Compared(kind) => vec![kind],
                Method::Series(kinds) => kinds.to_vec(),
            };
            for kind in measured.into_iter().chain(part.large()) {
                assert_eq!(Part::of(kind), part, "{kind:?}");
            }
        }
    }
}
