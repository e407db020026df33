//! Documents to which those of the replicated schemas relate come, too.

use pandan_node::{Follow, Phase};
use pandan_operations::{DocumentId, DocumentViewId, RawValue, SchemaId, SystemSchema};
use serde_json::json;

use crate::support::{Author, World, pins, relation, str};

const ALBUM: [(&str, &str); 3] =
    [("cover", "relation(blob_v1)"), ("photos", "pinned_relation_list(blob_v1)"), ("title", "str")];

fn album(
    author: &Author,
    world: &World,
    schema: &SchemaId,
    cover: &DocumentId,
    photos: &[DocumentId],
) -> DocumentId {
    let photos: Vec<_> = photos.iter().map(|id| DocumentViewId::from(*id)).collect();
    let fields = [("cover", relation(cover)), ("photos", pins(&photos)), ("title", str("Summer"))];
    author.create(world, schema, &fields)
}

fn bytes(world: &World, blob: &DocumentId) -> Option<Vec<u8>> {
    let answer = world.get(&format!("/blobs/{blob}"), &[]);
    (answer.status == 200).then_some(answer.body)
}

fn wait_for_blob(world: &World, blob: &DocumentId, expected: &[u8]) {
    let what = format!("blob {blob} of {} bytes", expected.len());
    world.wait_until(&what, |_| bytes(world, blob).as_deref() == Some(expected));
}

fn wait_until_live(world: &World) {
    world.wait_until("it is live", |status| {
        let sessions = status.peers.iter().filter_map(|peer| peer.session);
        sessions.filter(|session| session.phase == Phase::Live).count() > 0
    });
}

fn update_blob(author: &Author, world: &World, blob: &DocumentId, bytes: &[u8]) {
    let fields = [("data", RawValue::Bytes(bytes.to_vec()))];
    let piece = author.create(world, &SystemSchema::BlobPiece.into(), &fields);
    let length = RawValue::Int(i64::try_from(bytes.len()).unwrap());
    let fields = [("length", length), ("pieces", pins(&[piece.into()]))];
    author.update(world, &SystemSchema::Blob.into(), &DocumentViewId::from(*blob), &fields);
}

#[test]
fn re16_blobs_of_replicated_documents_come_whole_and_stay_new() {
    let (theirs, ada) = (World::replicating(), Author::new(1));
    let schema = ada.define(&theirs, "album", &ALBUM);
    let blob = |text: &str| ada.blob(&theirs, "text/plain", text.as_bytes(), 7);
    let (cover, photo) = (blob("the cover of the album"), blob("a photo in several pieces"));
    let (gone, unrelated) = (blob("related by a diary only"), blob("related by nothing"));
    album(&ada, &theirs, &schema, &cover, &[photo]);
    let diary = ada.define(&theirs, "diary", &[("picture", "relation(blob_v1)")]);
    let day = ada.create(&theirs, &diary, &[("picture", relation(&gone))]);

    let ours = World::following(&[&schema], Follow::Blobs);
    ours.keep(&theirs);
    wait_for_blob(&ours, &cover, b"the cover of the album");
    wait_for_blob(&ours, &photo, b"a photo in several pieces");

    // News: another album, a blob that changes, and one that is there before.
    let (second, third) = (blob("another cover"), blob("another photo"));
    album(&ada, &theirs, &schema, &second, &[third, photo]);
    wait_for_blob(&ours, &second, b"another cover");
    wait_for_blob(&ours, &third, b"another photo");
    update_blob(&ada, &theirs, &cover, b"a new cover");
    wait_for_blob(&ours, &cover, b"a new cover");

    for blob in [&gone, &unrelated] {
        assert_eq!(bytes(&ours, blob), None);
    }
    let query = format!("{{ {diary}(id: \"{day}\") {{ meta {{ documentId }} }} }}");
    assert_eq!(ours.data(&query)[diary.to_string()], json!(null));
    let status = ours.node().sync_status();
    assert_eq!((status.totals.refused, status.totals.failed), (0, 0), "{status:#?}");
}

#[test]
fn what_is_followed_is_handed_on() {
    let (ours, ada) = (World::replicating(), Author::new(1));
    let schema = ada.define(&ours, "album", &ALBUM);
    let cover = ada.blob(&ours, "text/plain", b"some bytes", 4);
    let between = World::following(&[&schema], Follow::Blobs);
    let theirs = World::following(&[&schema], Follow::Blobs);
    between.keep(&ours);
    theirs.keep(&between);
    wait_until_live(&theirs);
    album(&ada, &ours, &schema, &cover, &[cover]);
    wait_for_blob(&theirs, &cover, b"some bytes");
    update_blob(&ada, &ours, &cover, b"other bytes");
    wait_for_blob(&theirs, &cover, b"other bytes");
}

#[test]
fn nothing_is_followed_when_that_is_wanted() {
    let (theirs, ada) = (World::replicating(), Author::new(1));
    let schema = ada.define(&theirs, "album", &ALBUM);
    let cover = ada.blob(&theirs, "text/plain", b"some bytes", 4);
    let id = album(&ada, &theirs, &schema, &cover, &[]);
    let definitions = [SystemSchema::SchemaDefinition, SystemSchema::SchemaFieldDefinition];
    let [definition, field] = definitions.map(SchemaId::from);
    let ours = World::following(&[&schema, &definition, &field], Follow::None);
    ours.keep(&theirs);
    let query = format!("{{ {schema}(id: \"{id}\") {{ fields {{ title }} }} }}");
    ours.wait_until("the album is there", |_| {
        ours.ask(&query, json!({}))["data"][schema.to_string()]["fields"]["title"] == "Summer"
    });
    wait_until_live(&ours);
    let later = album(&ada, &theirs, &schema, &cover, &[]);
    let query = query.replace(&id.to_string(), &later.to_string());
    ours.wait_until("the next one is there", |_| !ours.data(&query)[schema.to_string()].is_null());
    assert_eq!(bytes(&ours, &cover), None);
}

#[test]
fn re16_relations_of_related_documents_are_followed() {
    let (theirs, ada) = (World::replicating(), Author::new(1));
    let person = ada.define(&theirs, "person", &[("name", "str")]);
    let band = ada.define(&theirs, "band", &[("members", &format!("relation_list({person})"))]);
    let song = ada.define(&theirs, "song", &[("by", &format!("pinned_relation({band})"))]);
    let people = ["Holger", "Irmin", "Jaki"]
        .map(|name| ada.create(&theirs, &person, &[("name", str(name))]));
    let can = ada.create(&theirs, &band, &[("members", crate::support::relations(&people[..2]))]);
    ada.create(&theirs, &song, &[("by", crate::support::pin(&can.into()))]);

    let ours = World::following(&[&song], Follow::All);
    ours.keep(&theirs);
    let count = |world: &World, schema: &SchemaId| {
        let answer = world.ask(&format!("{{ all_{schema} {{ totalCount }} }}"), json!({}));
        answer["data"][format!("all_{schema}")]["totalCount"].as_u64()
    };
    ours.wait_until("all related documents are there", |_| {
        [&song, &band, &person].map(|schema| count(&ours, schema)) == [Some(1), Some(1), Some(2)]
    });
    let query = format!(
        "{{ all_{song} {{ documents {{ fields {{ by {{ fields {{ members {{ documents {{ fields {{ name }} }} }} }} }} }} }} }} }}"
    );
    let members = &ours.data(&query)[format!("all_{song}")]["documents"][0]["fields"]["by"]["fields"]
        ["members"]["documents"];
    assert_eq!(members[0]["fields"]["name"], "Holger");
    // Unpinned, so what becomes of it is of interest.
    ada.update(&theirs, &person, &people[1].into(), &[("name", str("Schmidt"))]);
    ours.wait_until("the change has come", |_| ours.data(&query).to_string().contains("Schmidt"));
    assert_eq!(count(&ours, &person), Some(2), "Jaki is in no band");
}
