//! Counts for Prometheus: in its text format, and of what is said.

use std::collections::{BTreeMap, BTreeSet};

use pandan_node::{AskOptions, Asked, Interest, PartAsk};
use pandan_operations::{DocumentViewId, RawValue};

use crate::peer::Peer;
use crate::support::{Author, World, str};

/// A sample: its name and its labels.
type Name = (String, BTreeMap<String, String>);

/// Reads a page as strictly as its format is meant.
fn read(text: &str) -> BTreeMap<Name, u64> {
    assert!(text.ends_with('\n'), "a page ends with the end of a line");
    let (mut samples, mut families, mut family) = (BTreeMap::new(), BTreeSet::new(), None);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, what) = help.split_once(' ').expect("a name and what it says");
            assert!(is_name(name), "{name}");
            assert!(!what.contains('\\') && what.ends_with('.'), "{what}");
            assert!(families.insert(name), "{name} comes twice");
            let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE ")).expect("a type");
            let kind = kind.strip_prefix(name).expect("of the same name").trim();
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
            assert!(["counter", "gauge"].contains(&kind), "{kind}");
            family = Some(name);
            continue;
        }
        let (found, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = found.split_once('{').unwrap_or((found, ""));
        assert_eq!(Some(name), family, "{line} stands among others");
        let labels = labels.strip_suffix('}').unwrap_or(labels);
        let labels = labels.split(',').filter(|label| !label.is_empty()).map(|label| {
            let (name, value) = label.split_once("=\"").expect("a label and its value");
            let value = value.strip_suffix('"').expect("in quotation marks");
            let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '_';
            assert!(is_name(name) && value.chars().all(is_plain), "{label}");
            (name.to_owned(), value.to_owned())
        });
        let name = (name.to_owned(), labels.collect());
        let value = value.parse().unwrap_or_else(|_| panic!("a number in {line}"));
        assert!(samples.insert(name, value).is_none(), "{line} comes twice");
    }
    samples
}

fn is_name(name: &str) -> bool {
    let is_part = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    name.starts_with(|char: char| char.is_ascii_lowercase()) && name.chars().all(is_part)
}

fn metrics(world: &World) -> BTreeMap<Name, u64> {
    read(&world.get("/metrics", &[]).text())
}

fn name(name: &str, labels: &[(&str, &str)]) -> Name {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    (name.to_owned(), labels.collect())
}

#[test]
fn the_page_is_in_the_format_of_prometheus() {
    let (ours, theirs, peer) = (World::replicating(), World::replicating(), Peer::new(9));
    Author::new(1).define(&theirs, "band", &[("name", "str")]);
    ours.keep(&theirs);
    peer.dial(&ours);
    // Refused, so that there is a reason.
    let ada = Author::new(1);
    ada.try_publish(
        &ours,
        &pandan_operations::Operation::Create {
            schema: format!("none_0020{}", "00".repeat(32)).parse().unwrap(),
            fields: crate::support::fields(&[("a", RawValue::Bool(true))]),
        },
    );
    ours.wait_until("both are connected", |status| status.peers.len() == 2);
    ours.wait_until("all is there", |_| ours.heads().len() == 2);
    for world in [&ours, &theirs, &World::in_memory()] {
        let samples = metrics(world);
        assert_eq!(samples[&name("pandan_writer_queue", &[])], 0);
    }
    let refused =
        name("pandan_refused_total", &[("door", "client"), ("reason", "SCHEMA_NOT_FOUND")]);
    assert_eq!(metrics(&ours)[&refused], 1);
}

#[test]
fn what_goes_over_the_wire_is_counted_by_peer_and_protocol() {
    let (ours, theirs, peer) = (World::replicating(), World::replicating(), Peer::new(9));
    let ada = Author::new(1);
    let band = ada.define(&theirs, "band", &[("name", "str")]);
    let can = ada.create(&theirs, &band, &[("name", str("Can"))]);
    ours.keep(&theirs);
    ours.wait_until("all is there", |_| ours.heads().len() == 3);
    let id = theirs.node().peer_id().unwrap().to_string();
    let of = |what: &str| {
        name(&format!("pandan_sync_{what}_total"), &[("peer", &id), ("protocol", "2")])
    };
    let samples = metrics(&ours);
    assert_eq!(samples[&of("entries_received")], 3);
    assert!(samples[&of("received_bytes")] > 3 * 150 && samples[&of("sent_bytes")] > 0);
    assert_eq!(samples[&name("pandan_sync_sessions", &[])], 1);

    peer.dial(&ours);
    ours.wait_until("the other has all", |_| peer.heads().len() == 3);
    ada.update(&ours, &band, &DocumentViewId::from(can), &[("name", str("CAN"))]);
    ours.wait_until("and what is new", |status| {
        peer.heads() == ours.heads() && status.peers.iter().any(|it| it.totals.sent >= 4)
    });
    let samples = metrics(&ours);
    let is_old = |(name, _): &(&Name, &u64)| name.1.get("protocol").is_some_and(|it| it == "1");
    let old: Vec<_> = samples.iter().filter(is_old).collect();
    let sum = |what: &str| {
        let of_it = old.iter().filter(|(name, _)| name.0 == format!("pandan_sync_{what}_total"));
        of_it.map(|(_, count)| **count).sum::<u64>()
    };
    assert!(sum("entries_sent") >= 4 && sum("sent_bytes") > 4 * 150, "{old:?}");
    assert!(sum("sessions") > 0 && sum("entries_received") == 0, "{old:?}");
    assert!(old.iter().all(|(name, _)| name.1["peer"] != id), "{old:?}");
}

/// What is asked for goes beside sessions.
#[test]
fn parts_are_counted_too() {
    let nothing = Interest::Schemas(Vec::new());
    let light = World::replicating_with(|it| it.interest = nothing.clone());
    let full = World::replicating();
    let ada = Author::new(1);
    let band = ada.define(&full, "band", &[("name", "str")]);
    let can = ada.create(&full, &band, &[("name", str("Can"))]);
    light.keep(&full);
    light.wait_until("they are connected", |status| !status.peers.is_empty());
    let asking = light.node().ask(PartAsk::Document(can), AskOptions::default());
    let asked = light.runtime.block_on(asking).unwrap();
    assert!(matches!(asked, Asked::Kept(_)), "{asked:?}");
    let sum = |world: &World, what: &str| {
        let what = format!("pandan_sync_{what}_total");
        metrics(world)
            .iter()
            .filter(|(name, _)| name.0 == what)
            .map(|(_, count)| *count)
            .sum::<u64>()
    };
    assert_eq!(sum(&light, "entries_received"), 1);
    assert!(sum(&light, "received_bytes") > 150 && sum(&light, "sent_bytes") > 0);
    full.wait_until("it is counted there", |status| status.totals.sent == 1);
    assert!(sum(&full, "sent_bytes") > 150 && sum(&full, "received_bytes") > 0);
}

#[test]
fn who_is_turned_away_is_counted_by_reason() {
    let (ours, theirs) = (World::replicating(), World::replicating());
    ours.node().network().unwrap().block(theirs.node().peer_id().unwrap());
    theirs.keep(&ours);
    let refused = name("pandan_connections_refused_total", &[("reason", "NOT_ALLOWED")]);
    ours.wait_until("it knocks", |status| status.turned_away.contains_key("NOT_ALLOWED"));
    assert!(metrics(&ours)[&refused] >= 1);
    // Nobody gets a name here by knocking.
    let samples = metrics(&ours);
    assert!(samples.keys().all(|(_, labels)| !labels.contains_key("peer")), "{samples:?}");
}

#[test]
fn bytes_that_belong_to_no_session_count() {
    let (ours, peer) = (World::replicating(), Peer::new(9));
    peer.send(&ours, b"\xff").unwrap();
    ours.wait_until("it is gone", |status| status.peers.iter().all(|peer| !peer.is_connected));
    let samples = metrics(&ours);
    let received = samples.iter().find(|(name, _)| {
        name.0 == "pandan_sync_received_bytes_total" && name.1["protocol"] == "1"
    });
    assert_eq!(received.map(|(_, bytes)| *bytes), Some(1));
}
