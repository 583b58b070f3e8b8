//! Rows of the client as Diesel reads them.

use std::num::NonZeroU32;
use std::ops::Range;
use std::rc::Rc;

use diesel::pg::{Pg, PgValue};
use diesel::result::QueryResult;
use diesel::row::{PartialRow, RowIndex, RowSealed};
use postgres_client::BinaryRows;

/// The rows of an answer, one after another.
pub struct Rows {
    rows: Rc<BinaryRows>,
    next: usize,
}

impl Rows {
    pub(super) fn new(rows: BinaryRows) -> Rows {
        Rows { rows: Rc::new(rows), next: 0 }
    }
}

impl Iterator for Rows {
    type Item = QueryResult<Row>;

    fn next(&mut self) -> Option<QueryResult<Row>> {
        (self.next < self.rows.len()).then(|| {
            let row = Row { rows: Rc::clone(&self.rows), index: self.next };
            self.next += 1;
            Ok(row)
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rows.len() - self.next;
        (left, Some(left))
    }
}

/// One row of an answer.
#[derive(Clone)]
pub struct Row {
    rows: Rc<BinaryRows>,
    index: usize,
}

impl RowSealed for Row {}

impl RowIndex<usize> for Row {
    fn idx(&self, index: usize) -> Option<usize> {
        (index < self.rows.columns()).then_some(index)
    }
}

impl<'a> RowIndex<&'a str> for Row {
    fn idx(&self, name: &'a str) -> Option<usize> {
        (0..self.rows.columns()).find(|column| self.rows.column_name(*column) == Some(name))
    }
}

impl<'a> diesel::row::Row<'a, Pg> for Row {
    type Field<'f>
        = Field<'f>
    where
        'a: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        self.rows.columns()
    }

    fn get<'b, I>(&'b self, index: I) -> Option<Field<'b>>
    where
        'a: 'b,
        Self: RowIndex<I>,
    {
        let column = self.idx(index)?;
        let type_oid = NonZeroU32::new(self.rows.column_type(column)?)?;
        Some(Field { rows: &self.rows, row: self.index, column, type_oid })
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self> {
        PartialRow::new(self, range)
    }
}

/// A field of a row.
pub struct Field<'a> {
    rows: &'a BinaryRows,
    row: usize,
    column: usize,
    type_oid: NonZeroU32,
}

impl<'a> diesel::row::Field<'a, Pg> for Field<'a> {
    fn field_name(&self) -> Option<&str> {
        self.rows.column_name(self.column)
    }

    fn value(&self) -> Option<PgValue<'_>> {
        self.rows.field(self.row, self.column).map(|bytes| PgValue::new(bytes, &self.type_oid))
    }
}
