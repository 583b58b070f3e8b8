//! The tables of a schema in outline: before from what SQLite declares, after from what the plan makes of it.
//!
//! Pure facts; how they are drawn is the business of others.

use migrate_core::plan::{Numbering, Plan, PlannedColumn, PlannedTable};
use migrate_core::source_schema::{SourceForeignKey, SourceSchema, SourceTable};

use crate::model::{DiagramColumn, DiagramReference, DiagramTable};

/// The tables as SQLite declares them; those that are not migrated have the reason of `plan`.
pub fn before(schema: &SourceSchema, plan: &Plan) -> Vec<DiagramTable> {
    let left_behind = |table: &SourceTable| {
        let item = plan.left_behind.iter().find(|item| item.name == table.name);
        item.filter(|_| plan.table(&table.name).is_none()).map(|item| item.reason.clone())
    };
    schema.tables.iter().map(|table| source_table(schema, table, left_behind(table))).collect()
}

/// The tables as the plan makes them in PostgreSQL, with their schema where that is not `public`.
pub fn after(plan: &Plan) -> Vec<DiagramTable> {
    plan.tables.iter().map(|table| planned_table(plan, table)).collect()
}

/// The name of a table in PostgreSQL, with its schema unless that is `public`.
pub fn target_name(table: &PlannedTable) -> String {
    match &table.schema {
        Some(schema) => format!("{schema}.{}", table.target),
        None => table.target.clone(),
    }
}

/// The type of a column in PostgreSQL, as in its definition.
pub fn target_type(column: &PlannedColumn) -> &'static str {
    match (&column.sequence, column.numbering) {
        (None, _) => column.target_type.sql(),
        (Some(_), Numbering::Serial) => "bigserial",
        (Some(_), Numbering::Identity) => "bigint identity",
    }
}

fn source_table(schema: &SourceSchema, table: &SourceTable, left_behind: Option<String>) -> DiagramTable {
    let columns = table.columns.iter().map(|column| DiagramColumn {
        name: column.name.clone(),
        type_name: column.declared_type.clone(),
        is_key: column.primary_key_position > 0,
        not_null: column.not_null,
    });
    DiagramTable {
        name: table.name.clone(),
        columns: columns.collect(),
        references: table.foreign_keys.iter().map(|key| source_reference(schema, key)).collect(),
        left_behind,
    }
}

/// SQLite matches names of tables without regard to ASCII case, and a key that names no columns means the parent's primary key.
fn source_reference(schema: &SourceSchema, key: &SourceForeignKey) -> DiagramReference {
    let parent = schema.tables.iter().find(|table| table.name.eq_ignore_ascii_case(&key.parent_table));
    let mut parent_columns = key.parent_columns.clone();
    if let (true, Some(parent)) = (parent_columns.is_empty(), parent) {
        parent_columns = parent.primary_key().into_iter().map(|column| column.name.clone()).collect();
    }
    DiagramReference {
        columns: key.columns.clone(),
        table: parent.map_or_else(|| key.parent_table.clone(), |table| table.name.clone()),
        parent_columns,
    }
}

fn planned_table(plan: &Plan, table: &PlannedTable) -> DiagramTable {
    let key = table.primary_key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default();
    let columns = table.columns.iter().map(|column| DiagramColumn {
        name: column.target.clone(),
        type_name: target_type(column).to_owned(),
        is_key: key.contains(&column.target),
        not_null: column.not_null,
    });
    let searches = table.searches.iter().map(|search| DiagramColumn {
        name: search.target.clone(),
        type_name: "tsvector".to_owned(),
        is_key: false,
        not_null: false,
    });
    let references = table.foreign_keys.iter().map(|key| DiagramReference {
        columns: key.columns.clone(),
        table: plan.target_table(&key.parent_table).map_or_else(|| key.parent_table.clone(), target_name),
        parent_columns: key.parent_columns.clone(),
    });
    DiagramTable {
        name: target_name(table),
        columns: columns.chain(searches).collect(),
        references: references.collect(),
        left_behind: None,
    }
}

#[cfg(test)]
mod tests {
    use migrate_core::source_schema::SourceColumn;

    use super::*;

    fn table(name: &str, columns: &[(&str, u32)], foreign_keys: Vec<SourceForeignKey>) -> SourceTable {
        let column = |(name, primary_key_position): &(&str, u32)| SourceColumn {
            name: (*name).to_owned(),
            declared_type: "INTEGER".to_owned(),
            not_null: false,
            default: None,
            primary_key_position: *primary_key_position,
            generated: false,
        };
        SourceTable {
            name: name.to_owned(),
            sql: String::new(),
            module: None,
            without_rowid: false,
            strict: false,
            columns: columns.iter().map(column).collect(),
            indexes: Vec::new(),
            foreign_keys,
        }
    }

    #[test]
    fn a_reference_without_columns_means_the_key_in_its_order_and_case_does_not_matter() {
        let to_b = SourceForeignKey {
            columns: vec!["x".to_owned(), "y".to_owned()],
            parent_table: "PAIR".to_owned(),
            parent_columns: Vec::new(),
            on_update: "NO ACTION".to_owned(),
            on_delete: "NO ACTION".to_owned(),
        };
        let to_nowhere = SourceForeignKey { parent_table: "gone".to_owned(), ..to_b.clone() };
        let schema = SourceSchema {
            tables: vec![
                table("a", &[("x", 0), ("y", 0)], vec![to_b, to_nowhere]),
                table("pair", &[("second", 2), ("first", 1)], Vec::new()),
            ],
            others: Vec::new(),
        };
        let mut plan = Plan::empty("public".to_owned());
        plan.left_behind.push(migrate_core::plan::LeftBehind {
            kind: "table".to_owned(),
            name: "pair".to_owned(),
            reason: "not wanted".to_owned(),
            sql: None,
        });
        let tables = before(&schema, &plan);
        assert_eq!(tables[0].references[0].table, "pair");
        assert_eq!(tables[0].references[0].parent_columns, ["first", "second"]);
        assert_eq!((tables[0].references[1].table.as_str(), &tables[0].left_behind), ("gone", &None));
        assert!(tables[0].references[1].parent_columns.is_empty());
        assert_eq!(tables[1].left_behind.as_deref(), Some("not wanted"));
        assert!(tables[1].columns.iter().all(|column| column.is_key));
    }

    #[test]
    fn the_plan_of_hyperpage_is_drawn_with_its_references() {
        let plan = Plan::from_json(include_str!("../../schema-pg/plan.json")).unwrap();
        let tables = after(&plan);
        assert_eq!(tables.len(), plan.tables.len());
        let history = tables.iter().find(|table| table.name == "job_history").unwrap();
        assert_eq!(history.references[0].table, "jobs");
        assert_eq!(history.columns[0].type_name, "bigserial");
        assert!(history.columns[0].is_key && !history.columns[1].is_key);
    }
}
