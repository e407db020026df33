//! The little of CBOR (RFC 8949) that version 1 of replication is made of, written for tests.

/// A data item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Unsigned(u64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Item>),
    False,
}

impl Item {
    /// An array of texts.
    pub fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Self {
        Self::Array(texts.into_iter().cloned().map(Self::Text).collect())
    }

    pub fn number(&self) -> u64 {
        match self {
            Self::Unsigned(number) => *number,
            other => panic!("expected a number, found {other:?}"),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            other => panic!("expected bytes, found {other:?}"),
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("expected a text, found {other:?}"),
        }
    }

    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            other => panic!("expected an array, found {other:?}"),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Unsigned(number) => head(to, 0, *number),
            Self::Bytes(bytes) => {
                head(to, 2, bytes.len() as u64);
                to.extend(bytes);
            }
            Self::Text(text) => {
                head(to, 3, text.len() as u64);
                to.extend(text.as_bytes());
            }
            Self::Array(items) => {
                head(to, 4, items.len() as u64);
                items.iter().for_each(|item| item.write(to));
            }
            Self::False => to.push(0xf4),
        }
    }

    /// Takes an item off the front, once all of it is there.
    pub fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let item = read(&mut rest)?;
        bytes.drain(..bytes.len() - rest.len());
        Some(item)
    }
}

fn head(to: &mut Vec<u8>, major: u8, number: u64) {
    let major = major << 5;
    let bytes = number.to_be_bytes();
    match number {
        0..24 => to.push(major | bytes[7]),
        24..0x100 => to.extend([major | 24, bytes[7]]),
        0x100..0x1_0000 => to.extend([&[major | 25], &bytes[6..]].concat()),
        0x1_0000..0x1_0000_0000 => to.extend([&[major | 26], &bytes[4..]].concat()),
        _ => to.extend([&[major | 27], &bytes[..]].concat()),
    }
}

fn read(bytes: &mut &[u8]) -> Option<Item> {
    let first = *bytes.first()?;
    *bytes = &bytes[1..];
    if first == 0xf4 {
        return Some(Item::False);
    }
    let length = match first & 31 {
        small @ 0..24 => return read_body(bytes, first >> 5, small.into()),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        other => panic!("no head ends with {other}"),
    };
    let number = take(bytes, length)?;
    let number = number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    read_body(bytes, first >> 5, number)
}

fn read_body(bytes: &mut &[u8], major: u8, number: u64) -> Option<Item> {
    let length = usize::try_from(number).ok()?;
    Some(match major {
        0 => Item::Unsigned(number),
        2 => Item::Bytes(take(bytes, length)?.to_vec()),
        3 => Item::Text(String::from_utf8(take(bytes, length)?.to_vec()).expect("it is UTF-8")),
        4 => Item::Array((0..length).map(|_| read(bytes)).collect::<Option<_>>()?),
        other => panic!("nothing is of major type {other}"),
    })
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}
