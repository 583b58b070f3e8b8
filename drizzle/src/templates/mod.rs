//! The TypeScript that is the same for every plan: the connection, health checks and the migrator.

use migrate_core::plan::PlannedDrizzle;
use migrate_core::terms::DrizzleDates;

use crate::TextFile;

/// The line of `client.ts` that is replaced.
const MOMENTS: &str = "  // {{moments}}\n";

/// Where an app sees moments as milliseconds, `pool.query` returns them, too; Drizzle's columns have their own conversion.
const MILLISECONDS: &str = "\
  // Moments are milliseconds, as in SQLite.
  const moment: (text: string) => Date | number | null = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ);
  pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => moment(text)?.valueOf() ?? null);
";

/// Returns the files of the folder `db`.
pub(crate) fn files(decided: &PlannedDrizzle) -> [TextFile; 5] {
    let moments = match decided.dates {
        DrizzleDates::Date => "",
        DrizzleDates::Milliseconds => MILLISECONDS,
    };
    let file = |name: &str, content: String| TextFile { path: format!("db/{name}"), content };
    [
        file("client.ts", include_str!("client.ts").replace(MOMENTS, moments)),
        file("health.ts", include_str!("health.ts").to_owned()),
        file("migrate.ts", include_str!("migrate.ts").to_owned()),
        file("migrations.ts", include_str!("migrations.ts").to_owned()),
        file("settings.ts", include_str!("settings.ts").to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GENERATED;

    #[test]
    fn each_file_says_first_that_it_is_generated() {
        for dates in [DrizzleDates::Date, DrizzleDates::Milliseconds] {
            let decided = PlannedDrizzle { dates, ..PlannedDrizzle::default() };
            for file in files(&decided) {
                assert_eq!(file.content.lines().next(), Some(GENERATED), "{}", file.path);
                assert!(!file.content.contains("{{"), "{}", file.path);
                assert!(file.content.lines().count() <= 450, "{}", file.path);
            }
        }
    }

    #[test]
    fn milliseconds_have_a_parser_of_their_own() {
        let sets_parser = |dates| {
            let decided = PlannedDrizzle { dates, ..PlannedDrizzle::default() };
            files(&decided)[0].content.contains("setTypeParser(pg.types.builtins.TIMESTAMPTZ")
        };
        assert!(!sets_parser(DrizzleDates::Date));
        assert!(sets_parser(DrizzleDates::Milliseconds));
    }
}
