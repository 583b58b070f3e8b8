//! The statements that apply the changes of a table without a key: for each removed row one row with the same values goes. Rows are
//! compared in the form in which PostgreSQL prints them, which every type has, and which tells apart what `=` does not.

use super::staged::{NUMBER, StagedColumn, StagedTable};

impl StagedTable<'_> {
    /// The staged rows of a temporary table with their form and number.
    fn staged_forms(&self, temporary: &str) -> String {
        let form = form(self.columns.iter().map(|column| column.value("s")));
        format!("SELECT {form} AS form, s.{NUMBER} AS number FROM {temporary} AS s")
    }

    /// The forms that go, each with how many rows of it.
    fn gone_forms(&self) -> String {
        format!(
            "SELECT form, count(*) AS copies FROM (SELECT form FROM ({}) AS o EXCEPT ALL SELECT form FROM ({}) AS a) AS g GROUP BY form",
            self.staged_forms(&self.removed_name()),
            self.staged_forms(&self.added_name())
        )
    }

    /// How many rows go.
    pub(super) fn gone_count_sql(&self) -> String {
        format!("SELECT coalesce(sum(copies), 0)::pg_catalog.int8 FROM ({}) AS g", self.gone_forms())
    }

    /// Deletes one row for each that goes.
    pub(super) fn delete_copies_sql(&self) -> String {
        let form = form(self.columns.iter().map(|column: &StagedColumn| column.stored("h")));
        format!(
            "DELETE FROM {table} AS t USING (SELECT h.part, h.place, g.copies, \
             row_number() OVER (PARTITION BY h.form ORDER BY h.part, h.place) AS number \
             FROM (SELECT h.tableoid AS part, h.ctid AS place, {form} AS form FROM {table} AS h) AS h \
             JOIN ({}) AS g ON g.form OPERATOR(pg_catalog.=) h.form) AS d \
             WHERE t.tableoid OPERATOR(pg_catalog.=) d.part AND t.ctid OPERATOR(pg_catalog.=) d.place \
             AND d.number OPERATOR(pg_catalog.<=) d.copies",
            self.gone_forms(),
            table = self.name
        )
    }

    /// The numbers of the added rows that only stand for removed ones with the same values.
    pub(super) fn unchanged_sql(&self) -> String {
        format!(
            "SELECT a.number FROM (SELECT form, number, row_number() OVER (PARTITION BY form ORDER BY number) AS copy FROM ({}) AS a) AS a \
             JOIN (SELECT form, count(*) AS copies FROM ({}) AS o GROUP BY form) AS o ON o.form OPERATOR(pg_catalog.=) a.form \
             WHERE a.copy OPERATOR(pg_catalog.<=) o.copies",
            self.staged_forms(&self.added_name()),
            self.staged_forms(&self.removed_name())
        )
    }

    /// Inserts the rows that are added. The alias of the staged rows is `s`, and a condition may follow.
    pub(super) fn insert_copies_sql(&self) -> String {
        format!("{} WHERE s.{NUMBER} NOT IN ({})", self.insert_into(), self.unchanged_sql())
    }

    /// The same, and keeps the places of the inserted rows.
    pub(super) fn insert_and_place_sql(&self) -> String {
        format!(
            "WITH placed AS ({} RETURNING tableoid, ctid) INSERT INTO {} SELECT tableoid, ctid FROM placed",
            self.insert_copies_sql(),
            self.placed_name()
        )
    }

    /// The condition that a row of the target, under no alias, was inserted.
    pub(super) fn is_placed_sql(&self) -> String {
        format!("(tableoid, ctid) IN (SELECT p.part, p.place FROM {} AS p)", self.placed_name())
    }
}

fn form(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    // A row of one value needs ROW as well. A row of none is the same as any other.
    format!("pg_catalog.md5(ROW({})::pg_catalog.text)", values.join(", "))
}
