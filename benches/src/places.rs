//! Places in cities in countries: small documents to publish and to look for.

use pandan_identity::KeyPair;
use pandan_operations::{DocumentId, Fields, Float, RawValue, SchemaId};
use pandan_schema::FieldType;
use pandan_store::conformance::{Author, Signed, fields, relation, text};

const COUNTRIES: usize = 10;
const CITIES: usize = 100;

/// The first author who signs places; those before define schemas and cities.
const FIRST_AUTHOR: u64 = 1 << 32;

/// Capacities are below this number, and all about as frequent.
const CAPACITIES: usize = 100_000;

const NOUNS: [&str; 8] =
    ["Lantern", "Orchard", "Harbour", "Palace", "Attic", "Terrace", "Cellar", "Barn"];

/// What has to be there before the first place can be published.
#[derive(Clone, Debug)]
pub struct Places {
    /// The schema of places; each has five fields, one of them a relation to a city.
    pub place: SchemaId,
    /// The schema of cities, which are in countries.
    pub city: SchemaId,
    /// The schema of countries.
    pub country: SchemaId,
    /// What defines the schemas, and the cities and countries, in an order to publish them in.
    pub foundation: Vec<Signed>,
    cities: Vec<DocumentId>,
}

impl Places {
    /// Signs the foundation; it is the same every time.
    #[must_use]
    pub fn new() -> Self {
        let mut author = author(0);
        let mut foundation = Vec::new();
        let mut define = |author: &mut Author, name: &str, types: &[(&str, FieldType)]| {
            let definition = author.define(name, types);
            foundation.extend(definition.signed);
            definition.schema
        };
        let country = define(&mut author, "country", &[("name", FieldType::Str)]);
        let in_country = FieldType::Relation(country.clone());
        let city =
            define(&mut author, "city", &[("country", in_country), ("name", FieldType::Str)]);
        let of_place = [
            ("capacity", FieldType::Int),
            ("city", FieldType::Relation(city.clone())),
            ("name", FieldType::Str),
            ("open", FieldType::Bool),
            ("rating", FieldType::Float),
        ];
        let place = define(&mut author, "place", &of_place);
        let countries = (0..COUNTRIES).map(|index| {
            author.create(&country, fields([("name", text(&format!("Country {index}")))]))
        });
        let countries: Vec<_> = countries.collect();
        let cities = (0..CITIES).map(|index| {
            let country = countries[index % COUNTRIES].document();
            let name = text(&format!("City {index}"));
            author.create(&city, fields([("country", relation(country)), ("name", name)]))
        });
        let cities: Vec<_> = cities.collect();
        let ids = cities.iter().map(Signed::document).collect();
        foundation.extend(countries);
        foundation.extend(cities);
        Self { place, city, country, foundation, cities: ids }
    }

    /// The fields of a place.
    #[must_use]
    pub fn fields(&self, index: usize) -> Fields {
        let tenths = u32::try_from(index % 50).unwrap_or_default();
        fields([
            ("capacity", RawValue::Int(capacity(index))),
            ("city", relation(self.cities[index % self.cities.len()])),
            ("name", text(&format!("{} No {index}", NOUNS[index % NOUNS.len()]))),
            ("open", RawValue::Bool(index.is_multiple_of(3))),
            ("rating", RawValue::Float(Float::new(f64::from(tenths) / 10.0))),
        ])
    }

    /// Signs places, all by the same author, who publishes nothing else.
    #[must_use]
    pub fn sign(&self, number: u64, indexes: impl IntoIterator<Item = usize>) -> Vec<Signed> {
        let mut author = author(FIRST_AUTHOR + number);
        indexes.into_iter().map(|index| author.create(&self.place, self.fields(index))).collect()
    }

    /// Signs places by one author, and changes to each of them in turns.
    #[must_use]
    pub fn sign_changes(&self, number: u64, places: usize, changes: usize) -> Vec<Signed> {
        let mut author = author(FIRST_AUTHOR + number);
        let mut signed: Vec<_> =
            (0..places).map(|index| author.create(&self.place, self.fields(index))).collect();
        for change in 0..changes {
            for index in 0..places {
                let document = signed[index].document();
                let latest = signed[signed.len() - places].view();
                let capacity = RawValue::Int(capacity(index + change));
                let capacity = fields([("capacity", capacity)]);
                signed.push(author.update(document, &self.place, &latest, capacity));
            }
        }
        signed
    }
}

impl Default for Places {
    fn default() -> Self {
        Self::new()
    }
}

fn capacity(index: usize) -> i64 {
    // The factor shares no divisor with the number of capacities.
    i64::try_from(index * 7_919 % CAPACITIES).unwrap_or_default()
}

fn author(number: u64) -> Author {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    Author::with_key_pair(KeyPair::from_seed(&seed))
}
