//! What a misspelt word was probably meant to be.

/// The word most like another one, if any is like it. Case, `_` and `-` hardly count.
pub(super) fn nearest<'a, S: AsRef<str>>(word: &str, words: &'a [S]) -> Option<&'a str> {
    let wanted = plain(word);
    let scored = words.iter().map(AsRef::as_ref).filter(|other| *other != word && !other.is_empty());
    let scored = scored.filter_map(|other| Some((score(&wanted, &plain(other))?, other)));
    scored.min_by_key(|(score, _)| *score).map(|(_, other)| other)
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// How far two words are from each other; none when they are not alike.
fn score(wanted: &str, other: &str) -> Option<usize> {
    let (short, long) = (wanted.chars().count().min(64), other.chars().count());
    if wanted.chars().count() > 64 || long > 1024 {
        return None;
    }
    let distance = strsim::osa_distance(wanted, other);
    let allowed = (short.max(long) / 3).max(1);
    if distance == 0 || (distance <= allowed && short.min(long) >= 3) {
        return Some(distance * 10);
    }
    let starts = short >= 3 && long >= 3 && (other.starts_with(wanted) || wanted.starts_with(other));
    let shared = wanted.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let alike = shared >= 5 && shared * 4 >= short * 3;
    (starts || alike || (short >= 5 && other.contains(wanted))).then_some(100 + distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let words = ["policies", "softDeletePeriod", "hotCachePeriod", "tables", "functions", "csv", "tsv"];
        for (word, meant) in [
            ("soft_delete_period", Some("softDeletePeriod")),
            ("softDelete", Some("softDeletePeriod")),
            ("hotcacheperiod", Some("hotCachePeriod")),
            ("tabels", Some("tables")),
            ("table", Some("tables")),
            ("policy", Some("policies")),
            ("CSV", Some("csv")),
            ("cvs", Some("csv")),
            ("sku", None),
            ("retention", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, &words), meant, "{word}");
        }
    }
}
