//! The counts in words, for whoever reviews a plan: what matters of them, and never a value.

use super::ColumnProfile;

impl ColumnProfile {
    /// The counts in words, such as `990 integer (990 epoch ms), 10 null`. Forms are told where they say something of the
    /// column: where most values of their class have them, or where PostgreSQL could not hold them.
    pub fn in_words(&self) -> String {
        let parts: Vec<String> = [
            (self.integers, "integer", self.integer_forms()),
            (self.reals, "real", self.real_forms()),
            (self.texts, "text", self.text_forms()),
            (self.blobs, "blob", self.blob_forms()),
            (self.nulls, "null", Vec::new()),
            (self.uncomputed, "not computed", Vec::new()),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, class, forms)| {
            if forms.is_empty() {
                format!("{count} {class}")
            } else {
                format!("{count} {class} ({})", forms.join(", "))
            }
        })
        .collect();
        if parts.is_empty() { "no rows".to_owned() } else { parts.join(", ") }
    }

    fn integer_forms(&self) -> Vec<String> {
        let of_which = [
            (self.zeros + self.ones, "0 or 1"),
            (self.epoch_s, "epoch s"),
            (self.epoch_ms, "epoch ms"),
            (self.epoch_us, "epoch µs"),
        ];
        most(self.integers, &of_which).chain(some(self.integers_beyond_32_bits, "beyond 32 bits")).collect()
    }

    fn real_forms(&self) -> Vec<String> {
        let of_which =
            [(self.reals_whole, "whole"), (self.real_epoch_s, "epoch s"), (self.julian_days, "Julian days")];
        most(self.reals, &of_which).chain(some(self.reals_infinite, "infinite")).collect()
    }

    fn text_forms(&self) -> Vec<String> {
        let of_which = [
            (self.uuids, "uuid"),
            (self.uuids_upper, "uuid in capitals"),
            (self.hex_of_32_digits, "32 hexadecimal digits"),
            (self.dates, "date"),
            (self.times, "time"),
            (self.timestamps, "timestamp"),
            (self.timestamps_with_offset, "timestamp with offset"),
            (self.integer_texts, "integer"),
            (self.decimal_texts.saturating_sub(self.integer_texts), "decimal"),
            (self.boolean_words, "boolean word"),
            (self.json_documents, "JSON document"),
        ];
        (some(self.text_bytes_max, "bytes at most"))
            .chain(most(self.texts, &of_which))
            .chain(some(self.texts_empty, "empty"))
            .chain(some(self.texts_with_nul, "with NUL"))
            .chain(some(self.texts_not_utf8, "not UTF-8"))
            .collect()
    }

    fn blob_forms(&self) -> Vec<String> {
        let of_which = [(self.blobs_of_16_bytes, "of 16 bytes"), (self.blobs_utf8, "UTF-8")];
        some(self.blob_bytes_max, "bytes at most").chain(most(self.blobs, &of_which)).collect()
    }
}

/// The forms that at least half of `all` have.
fn most<'a>(all: u64, forms: &'a [(u64, &'a str)]) -> impl Iterator<Item = String> + 'a {
    let is_most = move |count: u64| count > 0 && count >= all - count.min(all);
    forms.iter().filter(move |(count, _)| is_most(*count)).map(|(count, form)| format!("{count} {form}"))
}

fn some(count: u64, form: &str) -> impl Iterator<Item = String> {
    (count > 0).then(|| format!("{count} {form}")).into_iter()
}
