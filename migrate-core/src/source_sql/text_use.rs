//! The columns that a stored statement treats as text: what is concatenated, matched by a pattern, or given to a function of text is text
//! to the app, whatever its values look like.

use std::collections::BTreeSet;

use sqlite3_parser::ast::{Expr, Operator};

use super::plain_name;

/// The functions whose first argument is text.
const OF_TEXT: [&str; 12] = [
    "lower",
    "upper",
    "trim",
    "ltrim",
    "rtrim",
    "substr",
    "substring",
    "replace",
    "instr",
    "like",
    "glob",
    "unicode",
];

/// The tables that a statement reads, and the columns that it treats as text; all names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextUse {
    /// Tables of FROM.
    pub tables: BTreeSet<String>,
    /// Columns, whichever table they are of.
    pub columns: BTreeSet<String>,
}

impl TextUse {
    /// Adds what an expression says of its direct operands.
    pub(super) fn add_expression(&mut self, expression: &Expr<'_>) {
        match expression {
            Expr::Binary(left, Operator::Concat, right) => {
                self.add_column(left);
                self.add_column(right);
            }
            Expr::Like { lhs, .. } => self.add_column(lhs),
            Expr::FunctionCall { name, args: Some(args), .. }
                if OF_TEXT.iter().any(|known| known.eq_ignore_ascii_case(&plain_name(name.0))) =>
            {
                // The pattern comes first in `like` and `glob`.
                args.iter().take(2).for_each(|argument| self.add_column(argument));
            }
            _ => {}
        }
    }

    pub(super) fn add_table(&mut self, name: &str) {
        self.tables.insert(plain_name(name).to_ascii_lowercase());
    }

    fn add_column(&mut self, expression: &Expr<'_>) {
        let name = match expression {
            Expr::Id(name) => name.0,
            Expr::Name(name) | Expr::Qualified(_, name) | Expr::DoublyQualified(_, _, name) => name.0,
            Expr::Collate(inner, _) => return self.add_column(inner),
            Expr::Parenthesized(inner) if inner.len() == 1 => {
                return inner.iter().for_each(|inner| self.add_column(inner));
            }
            _ => return,
        };
        self.columns.insert(plain_name(name).to_ascii_lowercase());
    }
}
