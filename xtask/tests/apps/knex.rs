//! An app on Knex: times that are numbers in some rows and text in others, documents that are numbers, enums, partial indexes.

use crate::support::node_app;

#[test]
#[ignore = "needs node and npm"]
fn an_app_on_knex_moves() {
    node_app("knex", "data/shop.db");
}
