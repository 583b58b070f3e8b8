//! Properties of every picture: no two tables overlap, and no line runs through a table.

use super::place::height;
use super::*;

/// Tables from `name:parent,parent`, each with this number of columns besides `id` and its references.
fn tables(text: &str, more: usize) -> Vec<DiagramTable> {
    let table = |(at, text): (usize, &str)| {
        let (name, parents) = text.split_once(':').unwrap_or((text, ""));
        let parents: Vec<&str> = parents.split(',').filter(|parent| !parent.is_empty()).collect();
        let column = |name: String, is_key: bool| DiagramColumn {
            name,
            type_name: "bigint".to_owned(),
            is_key,
            not_null: is_key,
        };
        let mut columns = vec![column("id".to_owned(), true)];
        columns.extend((0..(at * 7) % (more + 1)).map(|number| column(format!("field_{number}"), false)));
        columns.extend(parents.iter().map(|parent| column(format!("{parent}_id"), false)));
        let reference = |parent: &&str| DiagramReference {
            columns: vec![format!("{parent}_id")],
            table: (*parent).to_owned(),
            parent_columns: vec!["id".to_owned()],
        };
        DiagramTable {
            name: name.to_owned(),
            columns,
            references: parents.iter().map(reference).collect(),
            left_behind: None,
        }
    };
    text.split_whitespace().enumerate().map(table).collect()
}

/// A schema of chance: each table refers to some others, itself and later ones among them.
fn random(count: usize, seed: u64) -> Vec<DiagramTable> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let text: Vec<String> = (0..count)
        .map(|table| {
            let parents: BTreeSet<usize> = (0..next(4)).map(|_| next(count)).collect();
            let parents: Vec<String> = parents.into_iter().map(|parent| format!("t{parent}")).collect();
            format!("t{table}:{}", parents.join(","))
        })
        .collect();
    tables(&text.join(" "), 9)
}

type Box = (i32, i32, i32, i32);

fn boxes(diagram: &Diagram) -> Vec<Box> {
    (diagram.shapes.iter().zip(&diagram.layout.corners))
        .map(|(shape, (x, y))| (*x, *y, x + diagram.layout.table_width, y + height(shape)))
        .collect()
}

/// Checks all that has to hold.
fn check(tables: &[DiagramTable]) -> Diagram {
    let diagram = Diagram::of(tables).unwrap();
    let boxes = boxes(&diagram);
    let (width, height) = diagram.layout.size;
    for (at, one) in boxes.iter().enumerate() {
        assert!(
            one.0 > 0 && one.1 > 0 && one.2 < width && one.3 < height,
            "{one:?} is within {width} × {height}"
        );
        for other in &boxes[at + 1..] {
            let is_apart = one.2 <= other.0 || other.2 <= one.0 || one.3 <= other.1 || other.3 <= one.1;
            assert!(is_apart, "{one:?} and {other:?} of {tables:?}");
        }
    }
    assert_eq!(diagram.routes.len(), diagram.edges.len());
    for (edge, route) in diagram.edges.iter().zip(&diagram.routes) {
        for pair in route.points.windows(2) {
            let [(x1, y1), (x2, y2)] = [pair[0], pair[1]];
            assert!(x1 == x2 || y1 == y2, "{}: lines are upright or level: {:?}", edge.title, route.points);
            let line = (x1.min(x2), y1.min(y2), x1.max(x2), y1.max(y2));
            assert!(
                line.0 > 0 && line.1 > 0 && line.2 < width && line.3 < height,
                "{}: {line:?}",
                edge.title
            );
            for one in &boxes {
                let is_through = line.0 < one.2 && line.2 > one.0 && line.1 < one.3 && line.3 > one.1;
                assert!(!is_through, "{}: {line:?} runs through {one:?}", edge.title);
            }
        }
        let [from, to] = [route.points[0], route.points[route.points.len() - 1]];
        for ((x, y), table) in [(from, edge.child), (to, edge.parent)] {
            let one = boxes[table];
            assert!(
                (x == one.0 || x == one.2) && one.1 < y && y < one.3,
                "{} ends at its tables",
                edge.title
            );
        }
    }
    diagram
}

#[test]
fn tables_are_apart_and_lines_go_around_them() {
    for text in [
        "a:",
        "a: b:",
        "a:a",
        "a:b b:a",
        "a:b b:c c:a",
        "a: b:a c:b,a d:c,a,d",
        "a: b:a c:a d:a e:b,c,d f:e,a",
        "hub: a:hub b:hub c:hub d:hub e:hub f:hub,f g:hub,a,b,c",
        "a:missing b:a",
        "a: b:a c:b d:c e:d f:e g:f h:a,b,c,d,e,f,g",
    ] {
        let tables = tables(text, 8);
        let diagram = check(&tables);
        let known = tables
            .iter()
            .flat_map(|table| &table.references)
            .filter(|reference| reference.table != "missing");
        assert_eq!(diagram.edges.len(), known.count(), "{text}");
    }
}

#[test]
fn schemas_of_chance_are_drawn_as_well() {
    for seed in 0..60 {
        check(&random(1 + usize::try_from(seed).unwrap() % 15, seed));
    }
    check(&random(40, 7));
    check(&random(200, 8));
}

#[test]
fn references_lead_to_the_left_as_far_as_they_can() {
    let diagram = check(&tables("a: b:a c:b", 0));
    let lefts: Vec<i32> = diagram.layout.corners.iter().map(|corner| corner.0).collect();
    assert!(lefts.is_sorted_by(|left, right| left < right), "{lefts:?}");
    assert!(diagram.routes.iter().all(|route| route.arrives_from_right));
    let cycle = check(&tables("a:b b:a", 0));
    assert_eq!(cycle.routes.iter().filter(|route| !route.arrives_from_right).count(), 1);
}

#[test]
fn many_tables_are_folded_and_the_rest_is_listed() {
    let tables = random(200, 3);
    let diagram = check(&tables);
    assert!(diagram.is_folded);
    assert_eq!(diagram.shapes.len(), TABLES_DRAWN_MAX);
    assert_eq!(diagram.listed.len(), tables.len() - TABLES_DRAWN_MAX);
    for shape in &diagram.shapes {
        let table = tables.iter().find(|table| table.name == shape.name).unwrap();
        assert_eq!(shape.rows.len() + shape.folded, table.columns.len());
        assert!(shape.rows.iter().all(|row| row.is_key || row.is_reference));
    }
}

#[test]
fn nothing_is_cut_without_being_whole_in_a_tooltip() {
    let mut tables = tables("a:", 0);
    tables[0].name = "name ".repeat(40);
    tables[0].columns[0].name = "column ".repeat(40);
    let svg = check(&tables).svg("x", "Title").into_string();
    assert!(svg.contains(&"name ".repeat(40)) && svg.contains(&"column ".repeat(40)) && svg.contains('…'));
    assert!(svg.contains("role=\"img\"") && svg.contains("aria-labelledby=\"x-title x-desc\""));
}

#[test]
fn names_are_found_as_sqlite_finds_them() {
    let mut tables = tables("Parent: child:Parent", 0);
    tables[1].references[0].table = "PARENT".to_owned();
    tables[1].references[0].parent_columns = vec!["ID".to_owned()];
    let diagram = check(&tables);
    assert_eq!((diagram.edges.len(), diagram.edges[0].parent_row), (1, 1));
}
