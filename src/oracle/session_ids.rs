//! How much of a session id is left to guess, from a few samples: an upper bound, never a proof of
//! randomness.

use std::collections::BTreeSet;

use crate::model::exchange::ExchangeId;
use crate::model::transport::SessionIds;

/// Compares session ids; none without ids, or where they come from a record that hides them.
pub fn measure(ids: &[String], exchanges: Vec<ExchangeId>) -> Option<SessionIds> {
    if ids.is_empty()
        || ids
            .iter()
            .any(|id| id.starts_with('{') && id.ends_with('}'))
    {
        return None;
    }
    let samples: Vec<Vec<char>> = ids.iter().map(|id| id.chars().collect()).collect();
    let longest = samples.iter().map(Vec::len).max().unwrap_or_default();
    let mut symbols = BTreeSet::new();
    let mut varying = 0;
    for position in 0..longest {
        let here: BTreeSet<Option<&char>> = samples.iter().map(|id| id.get(position)).collect();
        if here.len() > 1 {
            varying += 1;
            symbols.extend(here.into_iter().flatten().copied());
        }
    }
    let (alphabet, tenths) = alphabet(&symbols);
    let different: BTreeSet<&String> = ids.iter().collect();
    Some(SessionIds {
        samples: ids.len(),
        different: different.len(),
        longest,
        varying,
        alphabet,
        bits: varying * tenths / 10,
        exchanges,
    })
}

/// Size of the smallest usual alphabet with these symbols, and tenths of bits per symbol.
fn alphabet(symbols: &BTreeSet<char>) -> (usize, usize) {
    let all = |fits: fn(&char) -> bool| symbols.iter().all(fits);
    if all(|symbol| symbol.is_ascii_digit()) {
        (10, 33)
    } else if all(|symbol| matches!(symbol, '0'..='9' | 'a'..='f'))
        || all(|symbol| matches!(symbol, '0'..='9' | 'A'..='F'))
    {
        (16, 40)
    } else if all(|symbol| symbol.is_ascii_digit() || symbol.is_ascii_lowercase())
        || all(|symbol| symbol.is_ascii_digit() || symbol.is_ascii_uppercase())
    {
        (36, 51)
    } else if all(char::is_ascii_alphanumeric) {
        (62, 59)
    } else {
        (94, 65)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[&str]) -> SessionIds {
        let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        measure(&ids, Vec::new()).unwrap()
    }

    #[test]
    fn random_uuids_leave_more_than_a_hundred_bits() {
        let ids = of(&[
            "5f0c2b7e-9a41-4c1d-8e77-0b6d2f3a9c15",
            "c83e1a94-02fb-4d6a-b1c9-7e54f0a2d368",
            "1b97d4f0-6ec2-4583-97da-3fa8c41e60b2",
            "e2640b8d-f7a3-4e9f-a60b-c91d85372ef4",
        ]);
        assert!(ids.bits >= 112, "{ids:?}");
        assert_eq!((ids.samples, ids.different, ids.alphabet), (4, 4, 16));
    }

    #[test]
    fn counters_and_clocks_leave_little() {
        assert!(of(&["session-0000017", "session-0000018", "session-0000021"]).bits < 8);
        assert!(of(&["1763910000123", "1763910000456", "1763910001002"]).bits < 30);
    }

    #[test]
    fn a_longer_id_varies_where_the_shorter_one_ends() {
        assert_eq!(of(&["9", "10"]).varying, 2);
    }

    #[test]
    fn equal_ids_leave_nothing() {
        let ids = of(&["abcdef", "abcdef"]);
        assert_eq!((ids.different, ids.bits), (1, 0));
    }

    #[test]
    fn labels_of_a_record_and_no_ids_at_all_tell_nothing() {
        assert_eq!(measure(&["{session-admin}".to_owned()], Vec::new()), None);
        assert_eq!(measure(&[], Vec::new()), None);
    }

    #[test]
    fn every_kind_of_symbol_has_its_alphabet() {
        let sizes = ["17", "1f", "1F", "1z", "1Z", "aZ", "a_"];
        let sizes = sizes.map(|text| alphabet(&text.chars().collect()).0);
        assert_eq!(sizes, [10, 16, 16, 36, 36, 62, 94]);
    }
}
