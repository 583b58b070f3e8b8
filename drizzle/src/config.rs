//! `drizzle.config.ts`: where schema and migrations are, and what in the database is not Drizzle's.

use migrate_core::plan::{LeftOut, Plan};

use crate::names::string;
use crate::{FOLDER, GENERATED};

/// Diesel's list of applied migrations, which `migrate` keeps in the default schema.
const BOOKKEEPING: &str = "__diesel_schema_migrations";

/// What names the database, in the order of `db/client.ts`. drizzle-kit takes no empty values, and encrypts unless it is told otherwise.
const CREDENTIALS: &str = r"// The database is the one of db/client.ts: DATABASE_URL, else POSTGRES_HOST and the variables like it. Where no URL says it, PGSSLMODE
// (require or verify-full) says that connections are encrypted.
const { DATABASE_URL: url, PGSSLMODE: sslmode } = process.env;
const { POSTGRES_HOST: host, POSTGRES_PORT: port, POSTGRES_DB: database, POSTGRES_USER: user, POSTGRES_PASSWORD: password } = process.env;
const ssl: 'require' | 'verify-full' | false = sslmode === 'require' || sslmode === 'verify-full' ? sslmode : false;
const parts = {
  host: host || process.env['PGHOST'] || 'localhost',
  ...(port ? { port: Number(port) } : {}),
  ...(user ? { user } : {}),
  ...(password ? { password } : {}),
  database: database || user || '',
  ssl,
};
";

/// Returns the text of the configuration.
pub(crate) fn config(plan: &Plan) -> String {
    let left_out = plan.drizzle.iter().flat_map(|decided| &decided.left_out);
    let hidden = left_out.filter_map(|item| match item {
        LeftOut::Table { table } => Some(table.as_str()),
        LeftOut::View { view } => Some(view.as_str()),
        _ => None,
    });
    let hidden: Vec<String> = std::iter::once(BOOKKEEPING)
        .chain(hidden)
        .map(|name| string(&format!("!{}", pattern(name))))
        .collect();
    let schemas: Vec<String> = plan.schemas().into_iter().map(string).collect();
    format!(
        "{GENERATED}\n\
         import {{ defineConfig }} from 'drizzle-kit';\n\n\
         {CREDENTIALS}\n\
         export default defineConfig({{\n  \
           dialect: 'postgresql',\n  \
           schema: './{FOLDER}/schema.ts',\n  \
           out: './{FOLDER}',\n  \
           dbCredentials: url || !(host || database || user) ? {{ url: url ?? '' }} : parts,\n  \
           schemaFilter: [{}],\n  \
           // The migration's own bookkeeping, and what schema.ts leaves out.\n  \
           tablesFilter: [{}],\n\
         }});\n",
        schemas.join(", "),
        hidden.join(", ")
    )
}

/// A pattern of minimatch that matches only this name.
fn pattern(name: &str) -> String {
    let is_special = |letter: char| "\\*?[]{}()!+@|#".contains(letter);
    name.chars().flat_map(|letter| is_special(letter).then_some('\\').into_iter().chain([letter])).collect()
}
