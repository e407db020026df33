//! Files as bytes: what is taken, what is refused and where.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::io;

use pandan_bundle::limits::{
    BLOCK_LENGTH, MAX_BLOCK_LENGTH, MAX_SCHEMAS_LENGTH, MAX_SCHEMAS_LISTED, MAX_SOFTWARE_LENGTH,
};
use pandan_bundle::{
    BundleReader, BundleWriter, ContentProblem, Item, Origin, ReadError, SchemaList, WriteError,
};
use pandan_operations::{DocumentViewId, SchemaId};
use proptest::prelude::*;
use support::*;

#[test]
fn bu1_a_file_begins_with_magic_version_and_kind() {
    let good = Raw::bundle().plain(HEADER, &header(0)).end();
    assert!(read(&good).1.is_none());
    for at in 0..8 {
        let mut file = good.clone();
        file[at] ^= 1;
        let ReadError::Magic { found } = error_of(&file) else { panic!("{at}") };
        assert_eq!(found, file[..8]);
    }
    // A text file whose ends of lines were changed.
    let changed = [&good[..5], b"\n", &good[7..]].concat();
    assert!(matches!(error_of(&changed), ReadError::Magic { .. }));
    for version in [0, 2, 255] {
        let file = Raw::begin(version, 1).plain(HEADER, &header(0)).end();
        assert!(matches!(error_of(&file), ReadError::Version { found } if found == version));
    }
    for kind in [0, 2, 3, 255] {
        let file = Raw::begin(1, kind).plain(HEADER, &header(0)).end();
        assert!(matches!(error_of(&file), ReadError::Kind { found, .. } if found == kind));
    }
}

#[test]
fn bu2_blocks_have_a_mebibyte_and_unpack_to_what_they_claim() {
    let with = |raw: Raw| error_of(&raw.end());
    let begin = || Raw::bundle().plain(HEADER, &header(200));
    let at = begin().bytes.len() as u64;
    // The greatest block, and one byte more. Zeros are no items, so it is refused for that.
    for (length, is_taken) in [(MAX_BLOCK_LENGTH, true), (MAX_BLOCK_LENGTH + 1, false)] {
        let error = with(begin().plain(ITEMS, &vec![0; length]));
        match (error, is_taken) {
            (ReadError::Content { offset, .. }, true) => assert_eq!(offset, at),
            (ReadError::Length { offset, max, found, .. }, false) => {
                assert_eq!((offset, max, found), (at, MAX_BLOCK_LENGTH as u64, length as u64));
            }
            (error, _) => panic!("{error:?}"),
        }
    }
    // An endless block is refused before anything of it is read.
    let endless = begin().claiming(ITEMS, 0, u32::MAX as usize, u32::MAX as usize, &[]).bytes;
    assert!(
        matches!(error_of(&endless), ReadError::Length { found, .. } if found == u64::from(u32::MAX))
    );
    // A bomb claims to be small, or to be as long as it is.
    let bomb = vec![0; 64 * MAX_BLOCK_LENGTH];
    let stored = deflate(&bomb);
    assert!(stored.len() < MAX_BLOCK_LENGTH);
    let error = with(begin().block(ITEMS, 1, MAX_BLOCK_LENGTH, &stored));
    assert!(
        matches!(error, ReadError::Unpack { offset, expected } if (offset, expected) == (at, MAX_BLOCK_LENGTH))
    );
    let error = with(begin().block(ITEMS, 1, bomb.len(), &stored));
    assert!(matches!(error, ReadError::Length { found, .. } if found == bomb.len() as u64));
    // Too long by one, too short by one, with something behind it, and no stream at all.
    let item = some_item();
    for claimed in [item.len() - 1, item.len() + 1] {
        let error = with(begin().deflated(ITEMS, &item, claimed));
        assert!(matches!(error, ReadError::Unpack { expected, .. } if expected == claimed));
    }
    let followed = [&deflate(&item)[..], &[0]].concat();
    assert!(matches!(
        with(begin().block(ITEMS, 1, item.len(), &followed)),
        ReadError::Unpack { .. }
    ));
    assert!(matches!(with(begin().block(ITEMS, 1, 100, &[0xff; 50])), ReadError::Unpack { .. }));
    // What is stored as it is has its length, and what is compressed is shorter.
    assert!(matches!(
        with(begin().block(ITEMS, 0, item.len() + 1, &item)),
        ReadError::Length { .. }
    ));
    assert!(matches!(
        with(begin().block(ITEMS, 1, 20, &[0; 20])),
        ReadError::Length { max: 19, .. }
    ));
    assert!(matches!(with(begin().block(ITEMS, 2, 1, &[0])), ReadError::Method { found: 2, .. }));
    assert!(matches!(with(begin().plain(ITEMS, &[])), ReadError::Length { min: 1, found: 0, .. }));
    // The end block is empty.
    let file = begin().plain(END, &[0]).bytes;
    assert!(matches!(error_of(&file), ReadError::Length { max: 0, found: 1, .. }));
}

#[test]
fn bu3_every_changed_byte_is_noticed() {
    let items = entries(6);
    let good = write(&items);
    assert_eq!(read(&good).0, items);
    for at in 0..good.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut file = good.clone();
            file[at] ^= change;
            let (found, error) = read(&file);
            assert!(error.is_some(), "byte {at}");
            assert!(items.starts_with(&found), "byte {at}: nothing but what was there");
        }
    }
}

#[test]
fn bu3_blocks_that_are_moved_repeated_or_left_out_are_noticed() {
    let item = some_item();
    let [a, b] = [1, 2].map(|byte| {
        let mut item = item.clone();
        item[2] = byte;
        item
    });
    let start = Raw::bundle().plain(HEADER, &header(2));
    let head = start.bytes.len();
    let file = start.plain(ITEMS, &a).plain(ITEMS, &b).end();
    assert!(read(&file).1.is_none());
    let length = BLOCK_HEAD + item.len();
    let (first, second) = (&file[head..head + length], &file[head + length..head + 2 * length]);
    let end = &file[head + 2 * length..];
    for blocks in
        [[second, first, end].concat(), [first, first, end].concat(), [first, end].concat()]
    {
        let error = error_of(&[&file[..head], &blocks].concat());
        assert!(matches!(error, ReadError::Checksum { .. }), "{error:?}");
    }
}

#[test]
fn bu4_a_file_that_was_cut_off_is_noticed_and_its_whole_blocks_count() {
    let items: Vec<_> = (0..3).flat_map(|_| entries(4)).collect();
    let start = {
        let header = header(12);
        Raw::bundle().plain(HEADER, &header)
    };
    let mut raw = start;
    let mut ends = vec![raw.bytes.len()];
    for block in items.chunks(4) {
        let file = write(block);
        // The content of the only block with items.
        let content: Vec<u8> = block.iter().flat_map(encode).collect();
        assert!(file.len() < content.len() + 500);
        raw = raw.deflated(ITEMS, &content, content.len());
        ends.push(raw.bytes.len());
    }
    let file = raw.end();
    assert_eq!(read(&file).0, items);
    for length in 0..file.len() {
        let (found, error) = read(&file[..length]);
        let whole = ends.iter().filter(|&&end| end <= length).count().saturating_sub(1);
        assert_eq!(found, items[..4 * whole], "{length} bytes");
        let Some(ReadError::Truncated { offset, expected, found }) = error else {
            panic!("{length} bytes: {error:?}");
        };
        assert_eq!(offset + found as u64, length as u64);
        assert!(found < expected);
    }
    // Something behind the end.
    let longer = [&file[..], &[0]].concat();
    let ReadError::Trailing { offset } = error_of(&longer) else { panic!("it is longer") };
    assert_eq!(offset, file.len() as u64);
}

#[test]
fn bu4_after_an_error_there_is_nothing_more() {
    let file = write(&entries(5));
    let mut reader = BundleReader::open(&file[..file.len() - 1]).unwrap();
    assert!(reader.next_items().unwrap().is_some());
    assert!(matches!(reader.next_items(), Err(ReadError::Truncated { .. })));
    assert!(matches!(reader.next_items(), Err(ReadError::Broken)));
    assert!(!reader.is_complete());
    // Also when the bytes are right and the content is not.
    let file = Raw::bundle().plain(HEADER, &header(1)).plain(ITEMS, &[9]).end();
    let mut reader = BundleReader::open(&file[..]).unwrap();
    assert!(matches!(reader.next_items(), Err(ReadError::Content { .. })));
    assert!(matches!(reader.next_items(), Err(ReadError::Broken)));
    let mut reader = BundleReader::open(Failing(&file[..60])).unwrap();
    let Err(ReadError::Io { offset, .. }) = reader.next_items() else { panic!("it fails") };
    assert_eq!(offset, 60);
}

/// Gives some bytes one by one, is interrupted now and then, and fails behind them.
struct Failing<'a>(&'a [u8]);

impl io::Read for Failing<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.0.len() % 3 == 1 && room.len() > 1 {
            let half = room.len() / 2;
            return self.read(&mut room[..half]);
        }
        match self.0 {
            [] => Err(io::Error::other("unplugged")),
            [first, rest @ ..] => {
                room[0] = *first;
                self.0 = rest;
                Ok(1)
            }
        }
    }
}

#[test]
fn bu5_headers_say_what_is_in_the_file() {
    let item = some_item();
    for (claimed, blocks, expected) in [
        (0, 1, Some(("entries", 0, 1))),
        (1, 0, Some(("entries", 1, 0))),
        (2, 1, Some(("entries", 2, 1))),
        (1, 2, Some(("entries", 1, 2))),
        (2, 2, None),
    ] {
        let mut raw = Raw::bundle().plain(HEADER, &header(claimed));
        for _ in 0..blocks {
            raw = raw.plain(ITEMS, &item);
        }
        let error = read(&raw.end()).1.map(|error| match error {
            ReadError::Count { what, expected, found, .. } => (what, expected, found),
            error => panic!("{error:?}"),
        });
        assert_eq!(error, expected);
    }
    // There is one header, and it is the first block.
    let error = error_of(&Raw::bundle().plain(ITEMS, &item).end());
    assert!(matches!(error, ReadError::Block { offset: 10, found: ITEMS, .. }));
    let twice = Raw::bundle().plain(HEADER, &header(0)).plain(HEADER, &header(0)).end();
    assert!(matches!(error_of(&twice), ReadError::Block { found: HEADER, .. }));
    let heads = Raw::bundle().plain(HEADER, &header(0)).plain(HEADS, &[0]).end();
    assert!(matches!(error_of(&heads), ReadError::Block { found: HEADS, .. }));
}

#[test]
fn bu5_headers_have_limits() {
    let refused = |header: &[u8]| match error_of(&Raw::bundle().plain(HEADER, header).end()) {
        ReadError::Content { source, .. } => source.problem,
        error => panic!("{error:?}"),
    };
    let named = |length: u8| [&[length][..], &vec![b'a'; length.into()], &header(0)[1..]].concat();
    let longest = u8::try_from(MAX_SOFTWARE_LENGTH).unwrap();
    assert!(read(&Raw::bundle().plain(HEADER, &named(longest)).end()).1.is_none());
    let limit = ContentProblem::Limit { min: 0, max: 64, found: 65 };
    assert_eq!(refused(&named(longest + 1)), limit);
    assert_eq!(refused(&[1, 7, 0, 0, 0, 0, 0, 0]), ContentProblem::Text { found: 7 });
    assert_eq!(refused(&[0, 2]), ContentProblem::Unknown { max: 1, found: 2 });
    assert_eq!(refused(&[0, 0, 8]), ContentProblem::Unknown { max: 7, found: 8 });
    assert_eq!(refused(&[0, 0, 0, 0xf8, 0]), ContentProblem::Number);
    assert_eq!(refused(&[0, 0, 0, 0]), ContentProblem::Truncated { expected: 1, found: 0 });
    let trailing = [&header(0)[..], &[0]].concat();
    assert_eq!(refused(&trailing), ContentProblem::Trailing { found: 1 });
    // More schemas listed than there are.
    let limit = ContentProblem::Limit { min: 0, max: 1, found: 2 };
    assert_eq!(refused(&[0, 0, 0, 0, 0, 1, 2]), limit);
    let schemas = |names: &[&str]| {
        let count = u8::try_from(names.len()).unwrap();
        let mut content = vec![0, 0, 0, 0, 0, count, count];
        for name in names {
            content.push(u8::try_from(name.len()).unwrap());
            content.extend(name.as_bytes());
            content.push(0);
        }
        content
    };
    let good = Raw::bundle().plain(HEADER, &schemas(&["blob_v1", "blob_piece_v1"])).end();
    assert!(read(&good).1.is_none());
    assert_eq!(refused(&schemas(&["blob_piece_v1", "blob_v1"])), ContentProblem::Order);
    assert_eq!(refused(&schemas(&["blob_v1", "blob_v1"])), ContentProblem::Order);
    assert!(matches!(refused(&schemas(&["blob_v2"])), ContentProblem::Schema(_)));
    assert_eq!(refused(&[0, 0, 0, 0, 0, 1, 1, 1, 0xff]), ContentProblem::Utf8);
}

#[test]
fn bu5_of_many_schemas_the_first_are_listed() {
    for (count, listed) in
        [(MAX_SCHEMAS_LISTED, MAX_SCHEMAS_LISTED), (MAX_SCHEMAS_LISTED + 1, MAX_SCHEMAS_LISTED)]
    {
        let schemas = (0..count).map(|number| (schema(number, 1), 1)).collect();
        check_list(&SchemaList::new(&schemas), count, listed);
    }
    // Few of them, with long names.
    let long = schema(0, 1024).as_str().len();
    let fit = MAX_SCHEMAS_LENGTH / long;
    let schemas = (0..fit + 1).map(|number| (schema(number, 1024), 1)).collect();
    check_list(&SchemaList::new(&schemas), fit + 1, fit);
}

fn check_list(list: &SchemaList, total: usize, listed: usize) {
    assert_eq!((list.total(), list.listed().len()), (total as u64, listed));
    let header = pandan_bundle::BundleHeader { schemas: list.clone(), ..about(0, 0) };
    let file = BundleWriter::begin(Vec::new(), &header).unwrap().finish().unwrap().out;
    assert_eq!(BundleReader::open(&file[..]).unwrap().header(), &header);
}

/// The id of a schema whose definition has many tips.
fn schema(number: usize, tips: usize) -> SchemaId {
    let tips = (0..tips).map(|tip| {
        let hash = pandan_bamboo::Hash::of(&[number.to_be_bytes(), tip.to_be_bytes()].concat());
        pandan_operations::OperationId::from_hash(hash)
    });
    let view = DocumentViewId::from_tips(tips).unwrap();
    SchemaId::application("note".parse().unwrap(), view)
}

#[test]
fn bu6_items_have_one_encoding_and_limits() {
    let refused = |content: &[u8]| {
        let file = Raw::bundle().plain(HEADER, &header(9)).plain(ITEMS, content).end();
        match error_of(&file) {
            ReadError::Content { source, .. } => (source.offset, source.problem),
            error => panic!("{error:?}"),
        }
    };
    let limit = |min, max, found| ContentProblem::Limit { min, max, found };
    let entry = |length: u8| [&[2, length][..], &vec![7; length.into()], &[0]].concat();
    for length in [134, 226] {
        let file = Raw::bundle().plain(HEADER, &header(1)).plain(ITEMS, &entry(length)).end();
        let (items, error) = read(&file);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(items, [Item::Entry { entry: vec![7; length.into()], operation: None }]);
    }
    assert_eq!(refused(&entry(133)), (1, limit(134, 226, 133)));
    assert_eq!(refused(&entry(227)), (1, limit(134, 226, 227)));
    assert_eq!(refused(&[0]), (0, limit(1, 2, 0)));
    assert_eq!(refused(&[3]), (0, ContentProblem::Unknown { max: 2, found: 3 }));
    assert_eq!(refused(&[2, 0xf8, 134]), (1, ContentProblem::Number));
    assert_eq!(refused(&[2, 134, 7]), (2, ContentProblem::Truncated { expected: 134, found: 1 }));
    let mut item = entry(134);
    item[136] = 2;
    assert_eq!(refused(&item), (136, ContentProblem::Unknown { max: 1, found: 2 }));
    item[136] = 1;
    let with = |rest: &[u8]| [&item, rest].concat();
    assert_eq!(refused(&with(&[0])), (137, limit(1, 524_288, 0)));
    assert_eq!(refused(&with(&[0xfa, 8, 0, 1])), (137, limit(1, 524_288, 524_289)));
    assert_eq!(refused(&with(&[1])), (138, ContentProblem::Truncated { expected: 1, found: 0 }));
    let problem = limit(270, 454, 269);
    assert_eq!(refused(&[1, 0xf9, 1, 13]), (1, problem));
    assert_eq!(refused(&[1, 0xf9, 1, 199]), (1, limit(270, 454, 455)));
}

#[test]
fn writers_keep_to_the_limits_and_to_their_header() {
    let mut writer = BundleWriter::begin(Vec::new(), &about(0, 1)).unwrap();
    for (entry, operation) in [(133, 1), (227, 1), (134, 0), (134, 512 * 1024 + 1)] {
        let error = writer.entry(&vec![0; entry], Some(&vec![0; operation])).unwrap_err();
        assert!(matches!(error, WriteError::Length { .. }), "{error:?}");
    }
    assert!(matches!(writer.proof(&[0; 269]), Err(WriteError::Length { .. })));
    assert!(matches!(writer.proof(&[0; 300]), Err(WriteError::Count { what: "proofs", .. })));
    writer.entry(&[0; 226], Some(&vec![0; 512 * 1024])).unwrap();
    let error = writer.entry(&[0; 134], None).unwrap_err();
    assert!(matches!(error, WriteError::Count { what: "entries", .. }));
    assert!(read(&writer.finish().unwrap().out).1.is_none());
    let writer = BundleWriter::begin(Vec::new(), &about(0, 1)).unwrap();
    assert!(matches!(writer.finish(), Err(WriteError::Count { expected: 1, .. })));
}

#[test]
fn blocks_are_filled_and_not_more() {
    let item = |number: u8, length| Item::Entry {
        entry: vec![number; 134],
        operation: Some(
            (0..length).map(|at: usize| blake3::hash(&at.to_be_bytes()).as_bytes()[0]).collect(),
        ),
    };
    let sizes = [BLOCK_LENGTH / 2 - 300, BLOCK_LENGTH / 2 - 300, 10, 512 * 1024, 10, 10];
    let items: Vec<_> = sizes.iter().zip(0..).map(|(&size, number)| item(number, size)).collect();
    let file = write(&items);
    let mut reader = BundleReader::open(&file[..]).unwrap();
    let mut counts = Vec::new();
    while let Some(items) = reader.next_items().unwrap() {
        counts.push(items.len());
    }
    assert_eq!(counts, [3, 1, 2]);
    assert_eq!(read(&file).0, items);
}

#[test]
fn origins_are_printable() {
    let origin = Origin::new("pandan 0.1.0\u{1b}[31m ä").created_at(1_700_000_000);
    assert_eq!(origin.software(), "pandan 0.1.0[31m ");
    assert_eq!(Origin::new(&"x".repeat(100)).software().len(), MAX_SOFTWARE_LENGTH);
    let header = pandan_bundle::BundleHeader { origin, ..about(0, 0) };
    let file = BundleWriter::begin(Vec::new(), &header).unwrap().finish().unwrap().out;
    assert_eq!(BundleReader::open(&file[..]).unwrap().header(), &header);
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let bytes = |range| prop::collection::vec(any::<u8>(), range);
    let entry = (bytes(134..=226), prop::option::of(bytes(1..=2_000)));
    let item = prop_oneof![
        8 => entry.prop_map(|(entry, operation)| Item::Entry { entry, operation }),
        1 => bytes(270..=454).prop_map(Item::Proof),
    ];
    prop::collection::vec(item, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_written_is_read(items in items()) {
        let file = write(&items);
        let (found, error) = read(&file);
        prop_assert!(error.is_none(), "{:?}", error);
        prop_assert!(found == items);
        prop_assert!(write(&found) == file, "equal contents make equal files");
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes).1.is_some());
        let file = [&Raw::bundle().bytes[..], &bytes].concat();
        prop_assert!(read(&file).1.is_some());
    }
}
