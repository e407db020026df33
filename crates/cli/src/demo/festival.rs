//! The data of the festival. It is the same in every run, so that runs can be compared.

use pandan_operations::{DocumentId, FieldName, Fields, Float};
use pandan_schema::Value;

/// The definitions of its three schemas.
pub(crate) const SCHEMAS: &str = include_str!("festival.toml");

/// Number of artists.
pub(crate) const ARTISTS: usize = 60;
/// Number of events.
pub(crate) const EVENTS: usize = 240;

const VENUES: [(&str, &str, i64, bool); 12] = [
    ("Moon Palace", "Porto", 1200, true),
    ("The Old Dock", "Hamburg", 800, true),
    ("Casa Verde", "Lisbon", 150, false),
    ("Glass House", "Utrecht", 420, true),
    ("Tiny Attic", "Prague", 45, false),
    ("Sugar Mill", "Porto", 600, true),
    ("Night Market", "Taipei", 2000, true),
    ("Salt Cellar", "Hallein", 90, false),
    ("Harbour Stage", "Hamburg", 5000, true),
    ("Paper Theatre", "Kyoto", 120, true),
    ("Red Barn", "Ghent", 300, false),
    ("Sky Terrace", "Lisbon", 250, true),
];

const ADJECTIVES: [&str; 12] = [
    "Quiet", "Electric", "Paper", "Northern", "Broken", "Golden", "Velvet", "Distant", "Wild",
    "Hidden", "Crimson", "Slow",
];
const NOUNS: [&str; 10] = [
    "Rivers", "Pandas", "Lanterns", "Machines", "Orchard", "Sparrows", "Tide", "Gardens", "Comets",
    "Parade",
];
const GENRES: [&str; 8] =
    ["jazz", "folk", "techno", "cumbia", "fado", "post-rock", "chamber pop", "free jazz"];
const FORMS: [&str; 6] =
    ["An Evening with", "The Return of", "Late Show:", "Matinee:", "Dancing to", "Unplugged:"];

/// The days of the festival.
pub(crate) const DAYS: [&str; 4] = ["Thursday", "Friday", "Saturday", "Sunday"];

/// The fields of all venues.
pub(crate) fn venues() -> Vec<Fields> {
    let venues = VENUES.iter().map(|(name, city, capacity, accessible)| {
        fields([
            ("accessible", Value::Bool(*accessible)),
            ("capacity", Value::Int(*capacity)),
            ("city", text(city)),
            ("name", text(name)),
        ])
    });
    venues.collect()
}

/// The name of an artist.
pub(crate) fn artist_name(index: usize) -> String {
    let adjective = ADJECTIVES[index % ADJECTIVES.len()];
    // Both lists together repeat after 60 names.
    let noun = NOUNS[(index + index / 60) % NOUNS.len()];
    format!("{adjective} {noun}")
}

/// The fields of all artists.
pub(crate) fn artists() -> Vec<Fields> {
    let artists = (0..ARTISTS).map(|index| {
        fields([
            ("founded", Value::Int(1968 + (int(index) * 7) % 56)),
            ("genre", text(GENRES[(index * 5) % GENRES.len()])),
            ("name", text(&artist_name(index))),
        ])
    });
    artists.collect()
}

/// The fields of all events.
pub(crate) fn events(venues: &[DocumentId], artists: &[DocumentId]) -> Vec<Fields> {
    let events = (0..EVENTS).map(|index| {
        let headliner = (index * 7) % artists.len();
        let lineup =
            (0..1 + index % 4).map(|place| artists[(headliner + place * 11) % artists.len()]);
        let title = format!("{} {}", FORMS[index % FORMS.len()], artist_name(headliner));
        fields([
            ("day", text(DAYS[(index / 3) % DAYS.len()])),
            ("lineup", Value::RelationList(lineup.collect())),
            ("price", Value::Float(Float::new(price(index)))),
            ("starts", text(&format!("{:02}:{:02}", 16 + index % 7, (index * 15) % 60))),
            ("title", text(&title)),
            ("venue", Value::Relation(venues[(index * 5) % venues.len()])),
        ])
    });
    events.collect()
}

/// What an event costs.
pub(crate) fn price(index: usize) -> f64 {
    let steps = u16::try_from((index * 13) % 80).unwrap_or_default();
    8.0 + f64::from(steps) * 0.5
}

/// Text as a value.
pub(crate) fn text(text: &str) -> Value {
    Value::Str(text.to_owned())
}

/// The fields of an operation.
pub(crate) fn fields<const N: usize>(values: [(&str, Value); N]) -> Fields {
    let raw = values.map(|(name, value)| {
        debug_assert!(FieldName::parse(name).is_ok(), "names of fields are good");
        (name, value.to_raw())
    });
    Fields::from_pairs(raw).expect("no field is named twice")
}

fn int(index: usize) -> i64 {
    i64::try_from(index).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ARTISTS, SCHEMAS, artist_name};
    use crate::schema::manifest::Manifest;

    #[test]
    fn the_festival_has_three_schemas_and_no_name_twice() {
        let manifest = Manifest::parse(SCHEMAS).expect("its schemas are good");
        assert_eq!(manifest.definitions.len(), 3);
        let names: BTreeSet<_> = (0..ARTISTS).map(artist_name).collect();
        assert_eq!(names.len(), ARTISTS);
    }
}
