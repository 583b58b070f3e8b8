//! The order of a plan's tables, and which plans are read.

use super::*;

/// A plan of tables that have nothing but foreign keys.
fn plan(tables: &[(String, Vec<String>)]) -> Plan {
    let key = |parent: &String| PlannedForeignKey {
        name: String::new(),
        columns: Vec::new(),
        parent_table: parent.clone(),
        parent_schema: None,
        parent_columns: Vec::new(),
        on_update: String::new(),
        on_delete: String::new(),
        deferred: false,
        not_valid: false,
    };
    let table = |(name, parents): &(String, Vec<String>)| PlannedTable {
        source: name.clone(),
        target: name.clone(),
        without_rowid: false,
        existing: None,
        rowid: None,
        profile_rows: None,
        columns: Vec::new(),
        searches: Vec::new(),
        primary_key: None,
        unique: Vec::new(),
        foreign_keys: parents.iter().map(key).collect(),
        checks: Vec::new(),
        indexes: Vec::new(),
        schema: None,
        notes: Vec::new(),
        comment: None,
    };
    let tables = tables.iter().map(table).collect();
    Plan { tables, ..Plan::empty(String::new()) }
}

#[test]
fn parents_come_first_and_cycles_last() {
    for (tables, expected) in [
        ("", ""),
        ("c:b b:a a:", "a b c"),
        ("a:a b:nowhere c:b,b", "a b c"),
        ("a:z b: c:b,d d: z:", "b d z a c"),
        ("a:b b:a c:a d:", "d a b c"),
    ] {
        let tables: Vec<(String, Vec<String>)> = (tables.split_whitespace())
            .filter_map(|table| table.split_once(':'))
            .map(|(name, parents)| {
                let parents = parents.split(',').filter(|parent| !parent.is_empty());
                (name.to_owned(), parents.map(str::to_owned).collect())
            })
            .collect();
        let plan = plan(&tables);
        let ordered: Vec<&str> = plan.parents_first().iter().map(|table| table.target.as_str()).collect();
        assert_eq!(ordered.join(" "), expected, "{tables:?}");
    }
}

#[test]
fn a_chain_of_many_tables_is_ordered_at_once() {
    let name = |number: u32| format!("t{number:05}");
    let tables: Vec<_> = (0..20_000).map(|number| (name(number), vec![name(number + 1)])).collect();
    let plan = plan(&tables);
    let ordered = plan.parents_first();
    assert!(ordered.iter().rev().map(|table| &table.target).eq(tables.iter().map(|(name, _)| name)));
}

#[test]
fn a_plan_that_names_tables_without_their_schema_is_read_where_no_sql_does() {
    let mut plan = Plan { format: 1, ..Plan::empty("public".to_owned()) };
    let read = |plan: &Plan| Plan::from_json(&plan_json(plan));
    assert_eq!(read(&plan), Ok(plan.clone()));
    plan.views.push(PlannedView {
        source: "v".to_owned(),
        target: "v".to_owned(),
        columns: Vec::new(),
        conversions: Vec::new(),
        query: "SELECT FROM t".to_owned(),
        source_sql: String::new(),
        notes: Vec::new(),
    });
    assert_eq!(read(&plan), Err(PlanError::Format { found: 1 }));
}

#[test]
fn a_plan_that_is_read_takes_no_more_room_than_its_lists_need() {
    let json = plan_json(&plan(&[("t".to_owned(), vec!["t".to_owned(), "u".to_owned(), "v".to_owned()])]));
    let mut pieces = String::new();
    plan_json_pieces(&Plan::from_json(&json).unwrap(), &mut |piece| pieces.push_str(piece));
    assert_eq!(pieces, json);
    let read = Plan::from_json(&json).unwrap();
    let table = &read.tables[0];
    assert_eq!(table.foreign_keys.len(), 3);
    assert_eq!(table.foreign_keys.capacity(), 3);
}
