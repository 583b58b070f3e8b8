//! An app on TypeORM: closure tables, inheritance in one table, embedded columns, generated columns, views, enums.

use crate::support::node_app;

#[test]
#[ignore = "needs node and npm"]
fn an_app_on_typeorm_moves() {
    node_app("typeorm", "data/shop.db");
}
