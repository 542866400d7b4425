//! "Did you mean": the nearest of the names that would have been right.

/// The name nearest to `wrong`, when it is near enough to be meant.
pub fn nearest<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    right
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, name)| *distance <= (wrong.len().max(name.len()) / 3).max(1) && *name != wrong)
        .min()
        .map(|(_, name)| name)
}

/// `did you mean …?`, or else the whole list of what there is.
pub fn advice<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str> + Clone) -> String {
    nearest(wrong, right.clone()).map_or_else(
        || match list(right) {
            names if names.is_empty() => "there is none to choose from".to_owned(),
            names => format!("choose one of {names}"),
        },
        |name| format!("did you mean `{name}`?"),
    )
}

/// Names in backticks, separated by commas, in their given order.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_does_not() {
        assert_eq!(nearest("qurey", ["query", "value"]), Some("query"));
        assert_eq!(nearest("frobnicate", ["query", "value"]), None);
        assert_eq!(advice("x", ["query"]), "choose one of `query`");
    }
}
