//! `drizzle.config.ts`: where schema and migrations are, and what in the database is not Drizzle's.

use migrate_core::plan::Plan;

use crate::names::string;
use crate::{FOLDER, GENERATED};

/// Diesel's list of applied migrations, which `migrate` keeps in the default schema.
const BOOKKEEPING: &str = "__diesel_schema_migrations";

/// Returns the text of the configuration.
pub(crate) fn config(plan: &Plan) -> String {
    let schemas = plan.schemas().into_iter().map(string).collect::<Vec<_>>().join(", ");
    let hidden = string(&format!("!{BOOKKEEPING}"));
    format!(
        "{GENERATED}\n\
         import {{ defineConfig }} from 'drizzle-kit';\n\n\
         export default defineConfig({{\n  \
           dialect: 'postgresql',\n  \
           schema: './{FOLDER}/schema.ts',\n  \
           out: './{FOLDER}',\n  \
           dbCredentials: {{ url: process.env['DATABASE_URL'] ?? '' }},\n  \
           // The migration's own bookkeeping is not Drizzle's.\n  \
           schemaFilter: [{schemas}],\n  \
           tablesFilter: [{hidden}],\n\
         }});\n"
    )
}
