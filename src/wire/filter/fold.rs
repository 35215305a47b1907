//! Letter case, as .NET's ordinal comparison ignores it: character by character, whatever the neighbours are.

/// The text without letter case. Two texts that differ in case only give the same one, and so do their beginnings and ends:
/// lowering a whole text would not do, as a Greek sigma depends on what follows it.
pub(super) fn fold(text: &str) -> String {
    text.chars().map(upper).collect()
}

/// A character that has no single capital (ß) stays itself.
fn upper(character: char) -> char {
    let mut capitals = character.to_uppercase();
    match (capitals.next(), capitals.next()) {
        (Some(capital), None) => capital,
        _ => character,
    }
}
