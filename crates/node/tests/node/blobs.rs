//! Blobs over HTTP.

use pandan_operations::{DocumentId, DocumentViewId, Operation, RawValue, SchemaId, SystemSchema};

use crate::support::{Author, World, fields, pins, str};

const BYTES: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn each(test: impl Fn(World, Author, DocumentId)) {
    for world in [World::in_memory(), World::on_disk()] {
        let ada = Author::new(1);
        let blob = ada.blob(&world, "text/plain", BYTES, 10);
        test(world, ada, blob);
    }
}

fn blob_schema() -> SchemaId {
    SchemaId::from(SystemSchema::Blob)
}

#[test]
fn a_blob_is_sent_with_what_caches_and_players_need() {
    each(|world, _, blob| {
        for path in [
            format!("/blobs/{blob}"),
            format!("/blob/{blob}"),
            format!("/blobs/{blob}/{blob}"),
            format!("/blob/{blob}/{blob}"),
        ] {
            let answer = world.get(&path, &[]);
            assert_eq!((answer.status, answer.body.as_slice()), (200, BYTES), "{path}");
            assert_eq!(answer.header("content-type"), Some("text/plain"));
            assert_eq!(answer.header("content-length"), Some("36"));
            assert_eq!(answer.header("accept-ranges"), Some("bytes"));
            assert_eq!(answer.header("etag"), Some(format!("\"{blob}\"").as_str()));
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            let is_state = path.matches('/').count() == 3;
            let caching = answer.header("cache-control").unwrap();
            assert_eq!(caching.contains("immutable"), is_state, "{path}: {caching}");
            let head = world.send("HEAD", &path, &[], &[]);
            assert_eq!((head.status, head.body.len()), (200, 0));
            assert_eq!(head.header("content-length"), Some("36"));
        }
    });
}

#[test]
fn a_known_state_is_not_sent_again() {
    each(|world, _, blob| {
        let path = format!("/blobs/{blob}");
        let etag = format!("\"{blob}\"");
        for known in
            [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), String::from("*")]
        {
            let answer = world.get(&path, &[("if-none-match", &known)]);
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{known}");
        }
        assert_eq!(world.get(&path, &[("if-none-match", "\"other\"")]).status, 200);
    });
}

#[test]
fn parts_can_be_asked_for() {
    each(|world, _, blob| {
        let path = format!("/blobs/{blob}");
        let cases: &[(&str, u16, &[u8], Option<&str>)] = &[
            ("bytes=0-0", 206, b"0", Some("bytes 0-0/36")),
            ("bytes=8-11", 206, b"89ab", Some("bytes 8-11/36")),
            ("bytes=10-19", 206, b"abcdefghij", Some("bytes 10-19/36")),
            ("bytes=34-", 206, b"yz", Some("bytes 34-35/36")),
            ("bytes=-2", 206, b"yz", Some("bytes 34-35/36")),
            ("bytes=0-99", 206, BYTES, Some("bytes 0-35/36")),
            ("bytes=36-", 416, b"", Some("bytes */36")),
            ("bytes=0-1,4-5", 200, BYTES, None),
            ("nonsense", 200, BYTES, None),
        ];
        for (range, status, body, content_range) in cases {
            let answer = world.get(&path, &[("range", range)]);
            assert_eq!((answer.status, answer.body.as_slice()), (*status, *body), "{range}");
            assert_eq!(answer.header("content-range"), *content_range, "{range}");
        }
        let etag = format!("\"{blob}\"");
        assert_eq!(world.get(&path, &[("range", "bytes=0-0"), ("if-range", &etag)]).status, 206);
        assert_eq!(
            world.get(&path, &[("range", "bytes=0-0"), ("if-range", "\"other\"")]).status,
            200
        );
    });
}

#[test]
fn what_is_not_a_blob_is_not_found() {
    each(|world, ada, blob| {
        let piece = ada.create(
            &world,
            &SchemaId::from(SystemSchema::BlobPiece),
            &[("data", RawValue::Bytes(vec![1]))],
        );
        let other = ada.blob(&world, "text/plain", b"other", 10);
        let unknown = format!("0020{}", "ab".repeat(32));
        for path in [
            unknown.clone(),
            piece.to_string(),
            format!("{blob}/{unknown}"),
            format!("{blob}/{other}"),
            format!("{blob}/{piece}"),
        ] {
            let answer = world.get(&format!("/blobs/{path}"), &[]);
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (404, "Could not find document"),
                "{path}"
            );
        }
        for path in [
            "nonsense",
            "0020ab",
            &format!("{blob}/nonsense"),
            &format!("{blob}/{other}_{blob}_{other}"),
        ] {
            let answer = world.get(&format!("/blobs/{path}"), &[]);
            assert_eq!(answer.status, 400, "{path}");
            assert!(answer.text().starts_with("Could not parse identifier"), "{}", answer.text());
        }
        for path in ["/blobs", "/blobs/", &format!("/blobs/{blob}/{blob}/{blob}")] {
            assert_eq!(world.get(path, &[]).status, 404, "{path}");
        }
        assert_eq!(world.send("POST", &format!("/blobs/{blob}"), &[], b"").status, 405);
        let deletion = ada.delete(&world, &blob_schema(), &blob.into());
        for path in [blob.to_string(), format!("{blob}/{blob}"), format!("{blob}/{deletion}")] {
            assert_eq!(world.get(&format!("/blobs/{path}"), &[]).status, 404, "{path}");
        }
    });
}

#[test]
fn an_updated_blob_has_a_new_state_and_keeps_the_old() {
    each(|world, ada, blob| {
        let piece = ada.create(
            &world,
            &SchemaId::from(SystemSchema::BlobPiece),
            &[("data", RawValue::Bytes(b"new".to_vec()))],
        );
        let piece: DocumentViewId = piece.into();
        let values = [("length", RawValue::Int(6)), ("pieces", pins(&[piece.clone(), piece]))];
        let view = ada.update(&world, &blob_schema(), &blob.into(), &values);
        let answer = world.get(&format!("/blobs/{blob}"), &[]);
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"newnew".as_slice()));
        assert_eq!(answer.header("etag"), Some(format!("\"{view}\"").as_str()));
        assert_eq!(world.get(&format!("/blobs/{blob}/{blob}"), &[]).body, BYTES);
        assert_eq!(world.get(&format!("/blobs/{blob}/{view}"), &[]).body, b"newnew");
    });
}

#[test]
fn incomplete_blobs_are_refused() {
    each(|world, ada, _| {
        let piece = ada.create(
            &world,
            &SchemaId::from(SystemSchema::BlobPiece),
            &[("data", RawValue::Bytes(vec![1, 2]))],
        );
        let nowhere = DocumentId::from_hash(pandan_bamboo::Hash::of(b"nowhere"));
        let cases = [
            (2, vec![nowhere.into()], "BLOB_PIECE_MISSING"),
            (3, vec![piece.into()], "BLOB_LENGTH_MISMATCH"),
            (1, vec![piece.into()], "BLOB_LENGTH_MISMATCH"),
        ];
        for (length, pieces, code) in cases {
            let values = [
                ("length", RawValue::Int(length)),
                ("mime_type", str("text/plain")),
                ("pieces", pins(&pieces)),
            ];
            let operation = Operation::Create { schema: blob_schema(), fields: fields(&values) };
            let (_, answer) = ada.try_publish(&world, &operation);
            assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
        }
    });
}

#[test]
fn large_blobs_arrive_whole() {
    let world = World::on_disk();
    let ada = Author::new(1);
    let bytes: Vec<u8> = (0..1_000_003_u32)
        .map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1])
        .collect();
    let blob = ada.blob(&world, "application/octet-stream", &bytes, 256_000);
    let answer = world.get(&format!("/blobs/{blob}"), &[]);
    assert_eq!(answer.header("content-length"), Some("1000003"));
    assert!(answer.body == bytes);
    let part = world.get(&format!("/blobs/{blob}"), &[("range", "bytes=255990-512010")]);
    assert!(part.body == bytes[255_990..=512_010]);
}
