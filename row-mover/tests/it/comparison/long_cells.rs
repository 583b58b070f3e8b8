//! Long values, of which only digests are compared at first, in other forms.

use super::Pair;

#[test]
fn long_values_in_another_form_are_equal() {
    for (key, key_of_target) in
        [("id INTEGER PRIMARY KEY", "id bigint PRIMARY KEY"), ("id INTEGER", "id bigint")]
    {
        let pair = Pair::new(
            &format!(
                "CREATE TABLE t ({key}, a BLOB, b BLOB, c TEXT, d TEXT);
                 INSERT INTO t SELECT 1, zeroblob(1200000), zeroblob(1200000), '{{\"a\":\"' || hex(zeroblob(800000)) || '\",\"b\":1}}', hex(zeroblob(700000));
                 INSERT INTO t SELECT 2, x'00', x'01', '{{\"a\":\"x\",\"b\":1}}', 'x'"
            ),
            &format!(
                "CREATE TABLE t ({key_of_target}, a text, b text, c text, d text);
                 INSERT INTO t SELECT 1, encode(decode(repeat('00', 1200000), 'hex'), 'base64'), repeat('00', 1200000),
                    '{{\"b\": 1, \"a\": \"' || repeat('0', 1600000) || '\"}}', repeat('0', 1400000);
                 INSERT INTO t SELECT 2, 'AA==', '01', '{{\"b\": 1, \"a\": \"x\"}}', 'x'"
            ),
        );
        let lines = ["t.a: BytesAsBase64 in 2", "t.b: BytesAsHex in 2", "t.c: JsonSpelling in 2"];
        // Without a key all columns pair the rows, so that encodings are settled before; only the line breaks of the long one are other.
        let settled = ["t.a: BytesAsBase64 in 1", "t.c: JsonSpelling in 2"];
        let lines = if key.contains("KEY") { &lines[..] } else { &settled[..] };
        assert_eq!(pair.equal(), lines, "{key}");
        pair.execute("UPDATE t SET b = overlay(b PLACING '01' FROM 1000001), d = d || '1' WHERE id = 1");
        let found = pair.findings();
        assert!(found.contains(&"t: 1 different".to_owned()), "{key}: {found:?}");
        assert!(found.iter().any(|line| line.starts_with("t.b: ")), "{key}: {found:?}");
    }
}
