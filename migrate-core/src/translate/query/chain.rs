//! Chains of operators: an OR of 900 terms is a tree of 900 levels, and is translated as a list.

use sqlite3_parser::ast::{Expr, Operator};

use super::expression::Translator;
use super::expression::check_length;
use crate::translate::model::{Node, Result};

/// Whether chains of an operator are translated link by link.
pub(super) fn is_chained(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::And
            | Operator::Or
            | Operator::Concat
            | Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Modulus
            | Operator::BitwiseAnd
            | Operator::BitwiseOr
    )
}

impl Translator<'_> {
    /// Translates a chain such as `a OR b OR c`, whose tree leans to the left, from its innermost part on, without recursion.
    pub(super) fn chain(&mut self, left: &Expr<'_>, operator: Operator, right: &Expr<'_>) -> Result<Node> {
        let reads_before = self.context.reads.len();
        let mut links = vec![(operator, right)];
        let mut first = left;
        while let Expr::Binary(left, operator, right) = first
            && is_chained(*operator)
        {
            links.push((*operator, right));
            first = left;
        }
        let Some((operator, second)) = links.pop() else { return self.node(first) };
        let mut node = self.binary(first, operator, second)?;
        while let Some((operator, right)) = links.pop() {
            self.context.group_reads(&mut node, reads_before);
            let right = self.node(right)?;
            node = self.joined(node, operator, right)?;
            check_length(&node)?;
        }
        Ok(node)
    }
}
