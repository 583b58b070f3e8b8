//! The statements that apply the changes of a table whose rows have a key in PostgreSQL. For each key only the net effect counts.

use super::staged::{NUMBER, StagedTable};

impl StagedTable<'_> {
    /// The condition that the staged row `s` was there before.
    fn was_there(&self) -> String {
        format!("EXISTS (SELECT FROM {} AS r WHERE {})", self.removed_name(), self.same_staged_key("r", "s"))
    }

    /// The counts of the net effects: rows to delete, rows that stay under their key, rows to insert, then those of the first and second
    /// that the target has, and the keys that two added rows have.
    pub(super) fn counts_sql(&self) -> String {
        let (removed, added, table) = (self.removed_name(), self.added_name(), &self.name);
        let stays = format!("EXISTS (SELECT FROM {added} AS s WHERE {})", self.same_staged_key("s", "r"));
        let is_there = format!("EXISTS (SELECT FROM {table} AS t WHERE {})", self.same_key("t", "r"));
        let keys: Vec<String> = self.key_columns().map(|column| column.value("s")).collect();
        format!(
            "SELECT (SELECT count(*) FROM {removed} AS r WHERE NOT {stays}), (SELECT count(*) FROM {removed} AS r WHERE {stays}), \
             (SELECT count(*) FROM {added} AS s WHERE NOT {}), (SELECT count(*) FROM {removed} AS r WHERE NOT {stays} AND {is_there}), \
             (SELECT count(*) FROM {removed} AS r WHERE {stays} AND {is_there}), \
             (SELECT count(*) FROM (SELECT FROM {added} AS s GROUP BY {} HAVING count(*) OPERATOR(pg_catalog.>) 1) AS d)",
            self.was_there(),
            keys.join(", ")
        )
    }

    /// Deletes the rows whose keys are gone.
    pub(super) fn delete_sql(&self) -> String {
        let (removed, added) = (self.removed_name(), self.added_name());
        format!(
            "DELETE FROM {} AS t USING {removed} AS r WHERE {} AND NOT EXISTS (SELECT FROM {added} AS s WHERE {})",
            self.name,
            self.same_key("t", "r"),
            self.same_staged_key("s", "r")
        )
    }

    /// Updates the rows that stay under their keys and differ in bytes. The alias of the staged rows is `s`, and a condition may follow.
    pub(super) fn update_sql(&self) -> Option<String> {
        let set = self.columns.iter().filter(|column| !column.is_identity_always);
        let set: Vec<String> = set.map(|column| format!("{} = {}", column.name, column.value("s"))).collect();
        (!set.is_empty()).then(|| {
            format!(
                "UPDATE {} AS t SET {} FROM {} AS s WHERE {} AND {} AND {}",
                self.name,
                set.join(", "),
                self.added_name(),
                self.same_key("t", "s"),
                self.was_there(),
                self.differs()
            )
        })
    }

    /// Gives the rows that are about to be updated NULL in a column of a unique key, so that no two rows have one value meanwhile.
    pub(super) fn park_sql(&self, columns: &[String]) -> String {
        let set: Vec<String> = columns.iter().map(|column| format!("{column} = NULL")).collect();
        format!(
            "UPDATE {} AS t SET {} FROM {} AS s WHERE {} AND {} AND {}",
            self.name,
            set.join(", "),
            self.added_name(),
            self.same_key("t", "s"),
            self.was_there(),
            self.differs()
        )
    }

    /// Inserts the rows of new keys. The alias of the staged rows is `s`, and a condition may follow.
    pub(super) fn insert_sql(&self) -> String {
        format!("{} WHERE NOT {}", self.insert_into(), self.was_there())
    }

    /// Inserts staged rows under the alias `s`; a condition has to follow.
    pub(super) fn insert_into(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let values: Vec<String> = self.columns.iter().map(|column| column.value("s")).collect();
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} AS s",
            self.name,
            names.join(", "),
            values.join(", "),
            self.added_name()
        )
    }

    /// Whether a row that stays changes in one of these columns of the target; certain only for columns that are sent.
    pub(super) fn changes_sql(&self, columns: &[String]) -> Option<String> {
        let of_name = |name: &String| {
            let position = self.sent.columns.iter().position(|column| column.target == *name)?;
            self.columns.get(position)
        };
        let columns = columns.iter().map(of_name).collect::<Option<Vec<_>>>()?;
        let stored: Vec<String> = columns.iter().map(|column| column.stored("t")).collect();
        let values: Vec<String> = columns.iter().map(|column| column.value("s")).collect();
        Some(format!(
            "SELECT EXISTS (SELECT FROM {} AS t JOIN {} AS s ON {} WHERE {} AND ROW({})::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW({})::pg_catalog.record)",
            self.name,
            self.added_name(),
            self.same_key("t", "s"),
            self.was_there(),
            stored.join(", "),
            values.join(", ")
        ))
    }

    /// The condition that a row of the target differs in bytes from the staged one. Without the cast PostgreSQL would compare column by
    /// column.
    fn differs(&self) -> String {
        let stored: Vec<String> = self.columns.iter().map(|column| column.stored("t")).collect();
        let values: Vec<String> = self.columns.iter().map(|column| column.value("s")).collect();
        format!(
            "ROW({})::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW({})::pg_catalog.record",
            stored.join(", "),
            values.join(", ")
        )
    }

    /// The condition that a row of the target, under no alias, has a key that was added.
    pub(super) fn is_added_sql(&self) -> String {
        format!("EXISTS (SELECT FROM {} AS s WHERE {})", self.added_name(), self.same_own_key("s"))
    }

    /// The number of the staged row with the key of a row of the target, under no alias.
    pub(super) fn number_sql(&self) -> String {
        format!("(SELECT s.{NUMBER} FROM {} AS s WHERE {})", self.added_name(), self.same_own_key("s"))
    }

    /// Whether the target has a row whose key is gone.
    pub(super) fn undeleted_sql(&self) -> String {
        let (removed, added) = (self.removed_name(), self.added_name());
        format!(
            "SELECT count(*) FROM {} AS t JOIN {removed} AS r ON {} WHERE NOT EXISTS (SELECT FROM {added} AS s WHERE {})",
            self.name,
            self.same_key("t", "r"),
            self.same_staged_key("s", "r")
        )
    }

    /// The names of staged columns are no names of the target's, so that those of the target need no alias.
    fn same_own_key(&self, staged: &str) -> String {
        let pairs = self
            .key_columns()
            .map(|column| format!("{} OPERATOR(pg_catalog.=) {}", column.name, column.value(staged)));
        pairs.collect::<Vec<_>>().join(" AND ")
    }
}
