//! Databases in UTF-16: SQLite orders their text in another way, and validation is right all the same.

use crate::damage::check_each;
use crate::support::Case;

#[test]
fn a_database_in_utf_16_is_proven_and_damage_in_it_is_named() {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        // In the order of UTF-16le `Ā` (bytes 00 01) comes first, in that of UTF-16be `😀` (d8 3d) comes before `～` (ff 5e).
        let case = Case::new(&format!(
            "PRAGMA encoding = '{encoding}';
             CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT);
             INSERT INTO t VALUES ('a', '1'), ('b', '2'), ('é', '3'), ('Ā', '4'), ('～', '5'), ('😀', '6'), ('', '7'), ('ab', '8');
             CREATE TABLE pairs (n INTEGER, k TEXT, v TEXT, PRIMARY KEY (n, k)) WITHOUT ROWID;
             INSERT INTO pairs VALUES (2, 'Ā', '1'), (1, 'b', '2'), (1, 'Ā', '3'), (1, '～', '4'), (1, '😀', '5');
             CREATE TABLE loose (v TEXT);
             INSERT INTO loose VALUES ('Ā'), ('～'), ('😀');"
        ));
        let told = case.moved();
        assert_eq!(told.validation.tables.iter().map(|table| table.equal).collect::<Vec<_>>(), [3, 5, 8]);
        check_each(
            &case,
            &[
                (
                    "UPDATE t SET v = 'x' WHERE k = '～'",
                    "UPDATE t SET v = '5' WHERE k = '～'",
                    vec!["t k='～' different v"],
                ),
                ("DELETE FROM t WHERE k = 'Ā'", "INSERT INTO t VALUES ('Ā', '4')", vec!["t k='Ā' missing"]),
                (
                    "INSERT INTO pairs VALUES (1, 'ā', '')",
                    "DELETE FROM pairs WHERE k = 'ā'",
                    vec!["pairs n=1, k='ā' extra"],
                ),
            ],
        );
    }
}
