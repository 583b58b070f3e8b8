//! Every conversion on many made-up values, those that are near to what it takes among them. The same check is a target of the
//! fuzzer (docs/fuzzing.md).
#![allow(clippy::panic, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "nothing is exported from a test")]

#[path = "../../fuzz/src/conversions.rs"]
mod conversions;

use migrate_core::conversion::Conversion;

/// How many values are tried.
const VALUES: u64 = 300_000;

/// Forms that some conversion takes, to be changed a little.
const FORMS: [&str; 24] = [
    "2024-01-02 03:04:05",
    "2024-01-02T03:04:05.678901Z",
    "9999-12-31 23:59:59.999999+14:00",
    "0001-01-01",
    "12:34",
    "23:59:59.999999",
    "{\"a\":[1,2.50,null,true,\"\\u00e9\"],\"b\":{}}",
    "[]",
    "\"\\ud83d\\ude00\"",
    "1e400",
    "-0",
    "12345678901234567890.000100",
    "0.1",
    "true",
    "f",
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    "0F8FAD5BD9CB469FA16570867728950E",
    "{0f8fad5b-d9cb-469f-a165-70867728950e}",
    "1700000000",
    "2460000.5",
    "P1DT2H",
    "192.0.2.1",
    "\\x00ff",
    "é",
];

struct Numbers(u64);

impl Numbers {
    /// The next number of SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn payload(&mut self) -> Vec<u8> {
        match self.below(4) {
            0 => (0..self.below(24)).map(|_| self.next() as u8).collect(),
            1 => FORMS[self.below(FORMS.len())].as_bytes().to_vec(),
            2 => (self.next() as i64 >> self.below(64)).to_le_bytes().to_vec(),
            _ => {
                let mut bytes = FORMS[self.below(FORMS.len())].as_bytes().to_vec();
                for _ in 0..=self.below(3) {
                    let at = self.below(bytes.len());
                    match self.below(4) {
                        0 => bytes[at] = self.next() as u8,
                        1 => bytes.insert(at, b" 0-:+.TZe\"{}"[self.below(12)]),
                        2 if bytes.len() > 1 => drop(bytes.remove(at)),
                        _ => bytes.truncate(at.max(1)),
                    }
                }
                bytes
            }
        }
    }
}

#[test]
fn every_conversion_takes_back_what_it_sent() {
    let mut numbers = Numbers(1);
    for count in 0..VALUES {
        let payload = numbers.payload();
        // Each payload in each conversion, as one storage class.
        let class = (count % 6) as u8;
        for choice in 0..Conversion::ALL_NAMES.len() {
            let mut data = vec![choice as u8, class];
            data.extend_from_slice(&payload);
            conversions::check(&data);
        }
    }
}
