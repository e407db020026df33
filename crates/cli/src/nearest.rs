//! Finds what somebody probably meant.

/// The known name that is fewest changes away from what was written; empty if there is none.
pub(crate) fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> &'a str {
    let mut row = Vec::new();
    known.into_iter().min_by_key(|name| distance(text, name, &mut row)).unwrap_or_default()
}

/// Characters to insert, remove or replace to get from one text to the other (Levenshtein). `row`
/// is room to work in.
fn distance(from: &str, to: &str, row: &mut Vec<usize>) -> usize {
    row.clear();
    row.extend(0..=to.chars().count());
    for (removed, left) in from.chars().enumerate() {
        let mut diagonal = removed;
        row[0] = removed + 1;
        for (index, right) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(row[index] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn the_nearest_name_is_found() {
        let mut row = Vec::new();
        assert_eq!(distance("kitten", "sitting", &mut row), 3);
        assert_eq!(distance("", "abc", &mut row), 3);
        assert_eq!(nearest("htpp", ["data_dir", "http", "limits"]), "http");
        assert_eq!(nearest("x", []), "");
    }
}
