//! Documents and collections: what can be asked, and what comes back.

use pandan_operations::{DocumentId, DocumentViewId, Float, RawValue};
use serde_json::{Value, json};

use crate::support::{Author, str};
use crate::zoo::{Zoo, each};

#[test]
fn values_have_their_forms() {
    each(|zoo| {
        let data = zoo.thing_data("a_bool a_float a_str an_int some_bytes __typename");
        assert_eq!(
            data,
            json!({
                "a_bool": true, "a_float": 1.0, "a_str": "text \"quoted\"\n\u{1}é",
                "an_int": i64::MAX, "some_bytes": "00abff", "__typename": format!("{}Fields", zoo.everything),
            })
        );
        let id = |document: &DocumentId| json!({ "meta": { "documentId": document.to_string() } });
        let data = zoo.thing_data("a_rel { meta { documentId } } a_pin { meta { documentId } }");
        assert_eq!(data, json!({ "a_rel": id(&zoo.bands[0]), "a_pin": id(&zoo.bands[0]) }));
        for (number, text) in [(1e21, "1e21"), (-0.0, "-0.0"), (f64::NAN, "null"), (0.1, "0.1")] {
            let previous: DocumentViewId = zoo.create_thing(&[], &[]).into();
            let value = RawValue::Float(Float::new(number));
            let view =
                zoo.ada.update(&zoo.world, &zoo.everything, &previous, &[("a_float", value)]);
            let query = format!("{{a:{}(viewId:\"{view}\"){{fields{{a_float}}}}}}", zoo.everything);
            let body = json!({ "query": query }).to_string();
            let answer = zoo.world.send("POST", "/graphql", &[], body.as_bytes());
            assert_eq!(
                answer.text(),
                format!("{{\"data\":{{\"a\":{{\"fields\":{{\"a_float\":{text}}}}}}}}}")
            );
        }
    });
}

#[test]
fn a_document_is_found_by_id_and_by_every_view() {
    each(|zoo| {
        let Zoo { world, ada, band, .. } = &zoo;
        let first: DocumentViewId = zoo.bands[0].into();
        let second = ada.update(world, band, &first, &[("name", str("CAN"))]);
        let third = ada.update(world, band, &second, &[("founded", RawValue::Int(1))]);
        let find = |arguments: &str| {
            let query = format!(
                "{{ a: {band}({arguments}) {{ meta {{ viewId documentId owner }} fields {{ name founded }} }} }}"
            );
            world.data(&query)["a"].clone()
        };
        let shown = |view: &DocumentViewId, name: &str, founded: i64| {
            json!({
                "meta": { "viewId": view.to_string(), "documentId": zoo.bands[0].to_string(), "owner": ada.public_key() },
                "fields": { "name": name, "founded": founded },
            })
        };
        assert_eq!(find(&format!("id: \"{}\"", zoo.bands[0])), shown(&third, "CAN", 1));
        assert_eq!(find(&format!("viewId: \"{first}\"")), shown(&first, "Can", 1968));
        assert_eq!(find(&format!("viewId: \"{second}\"")), shown(&second, "CAN", 1968));
        // The view id wins, and upper case is read too.
        assert_eq!(
            find(&format!("id: \"{}\", viewId: \"{first}\"", zoo.bands[1])),
            shown(&first, "Can", 1968)
        );
        let upper = zoo.bands[0].to_string().to_uppercase();
        assert_eq!(find(&format!("id: \"{upper}\"")), shown(&third, "CAN", 1));
        // Ids of updates, of documents of other schemas and of nothing find nothing.
        assert_eq!(find(&format!("id: \"{second}\"")), Value::Null);
        assert_eq!(find(&format!("id: \"{}\"", zoo.thing)), Value::Null);
        assert_eq!(find(&format!("viewId: \"{}\"", zoo.thing)), Value::Null);
        assert_eq!(find(&format!("id: \"0020{}\"", "00".repeat(32))), Value::Null);
        let error = world.error(&format!("{{ a: {band} {{ meta {{ viewId }} }} }}"));
        assert_eq!(error["message"], "Must provide either `id` or `viewId` argument");
        assert_eq!(error["path"], json!(["a"]));
        assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT");
    });
}

#[test]
fn one_failing_field_leaves_the_others() {
    each(|zoo| {
        let band = &zoo.band;
        let answer = zoo.world.ask(
            &format!("{{ good: {band}(id: \"{}\") {{ fields {{ name }} }} bad: {band} {{ fields {{ name }} }} }}", zoo.bands[0]),
            json!({}),
        );
        assert_eq!(answer["data"], json!({ "good": { "fields": { "name": "Can" } }, "bad": null }));
        assert_eq!(answer["errors"][0]["path"], json!(["bad"]));
        assert_eq!(answer["errors"][0]["locations"][0]["line"], json!(1));
        // A field that has to be there takes all with it.
        let answer = zoo.world.ask(
            &format!("{{ good: {band}(id: \"{}\") {{ fields {{ name }} }} bad: all_{band}(first: 0) {{ totalCount }} }}", zoo.bands[0]),
            json!({}),
        );
        assert_eq!(answer["data"], Value::Null);
    });
}

#[test]
fn filters_find_what_they_say() {
    each(|zoo| {
        let by_name = "orderBy: founded";
        let cases: &[(&str, &[&str])] = &[
            ("", &["Faust %_", "Can", "kraftwerk", "Neu!"]),
            ("filter: {}", &["Faust %_", "Can", "kraftwerk", "Neu!"]),
            ("filter: { name: {} }", &["Faust %_", "Can", "kraftwerk", "Neu!"]),
            ("filter: { name: { eq: \"Can\" } }", &["Can"]),
            ("filter: { name: { eq: \"can\" } }", &[]),
            ("filter: { name: { notEq: \"Can\" } }", &["Faust %_", "kraftwerk", "Neu!"]),
            ("filter: { name: { in: [\"Can\", \"Neu!\"] } }", &["Can", "Neu!"]),
            ("filter: { name: { notIn: [\"Can\", \"Neu!\"] } }", &["Faust %_", "kraftwerk"]),
            ("filter: { name: { in: [] } }", &[]),
            ("filter: { name: { notIn: [] } }", &["Faust %_", "Can", "kraftwerk", "Neu!"]),
            ("filter: { name: { eq: \"Can\", in: [\"Can\", \"Neu!\"] } }", &["Can"]),
            ("filter: { name: { eq: \"Can\", in: [\"Neu!\"] } }", &[]),
            ("filter: { name: { gt: \"Can\" } }", &["Faust %_", "kraftwerk", "Neu!"]),
            ("filter: { name: { gte: \"Can\", lt: \"Neu!\" } }", &["Faust %_", "Can"]),
            ("filter: { name: { lte: \"Can\" } }", &["Can"]),
            ("filter: { name: { contains: \"AN\" } }", &["Can"]),
            ("filter: { name: { contains: \"%\" } }", &["Faust %_"]),
            ("filter: { name: { contains: \"_\" } }", &["Faust %_"]),
            ("filter: { name: { notContains: \"a\" } }", &["Neu!"]),
            ("filter: { founded: { gt: 1967, lte: 1970 } }", &["Can", "kraftwerk"]),
            ("filter: { founded: { eq: 1968 }, name: { contains: \"c\" } }", &["Can"]),
            ("filter: { founded: { eq: 1968 }, name: { contains: \"z\" } }", &[]),
            ("filter: { founded: { notEq: 1968 } }", &["Faust %_", "kraftwerk", "Neu!"]),
            ("meta: { edited: { eq: true } }", &[]),
            ("meta: { edited: { notEq: true } }", &["Faust %_", "Can", "kraftwerk", "Neu!"]),
            ("meta: { deleted: { eq: false } }", &["Faust %_", "Can", "kraftwerk", "Neu!"]),
            ("meta: { deleted: { notEq: true } }", &["Faust %_", "Can", "kraftwerk", "Neu!"]),
        ];
        for (arguments, expected) in cases {
            let arguments = if arguments.is_empty() {
                String::from(by_name)
            } else {
                format!("{arguments}, {by_name}")
            };
            assert_eq!(zoo.names(&arguments), *expected, "{arguments}");
        }
        let first = zoo.bands[0];
        let meta = [
            (format!("meta: {{ documentId: {{ eq: \"{first}\" }} }}"), 1),
            (format!("meta: {{ documentId: {{ notEq: \"{first}\" }} }}"), 3),
            (format!("meta: {{ documentId: {{ in: [\"{first}\"] }} }}"), 1),
            (format!("meta: {{ documentId: {{ notIn: [\"{first}\"] }} }}"), 3),
            (format!("meta: {{ viewId: {{ eq: \"{first}\" }} }}"), 1),
            (format!("meta: {{ viewId: {{ in: [\"{first}\"] }} }}"), 1),
            (format!("meta: {{ owner: {{ eq: \"{}\" }} }}", zoo.ada.public_key()), 4),
            (format!("meta: {{ owner: {{ notIn: [\"{}\"] }} }}", zoo.ada.public_key()), 0),
        ];
        for (arguments, count) in meta {
            assert_eq!(zoo.names(&arguments).len(), count, "{arguments}");
        }
    });
}

#[test]
fn filters_of_every_kind_of_field() {
    each(|zoo| {
        let [a, b, c, d] = zoo.bands[..] else { unreachable!() };
        let cases = [
            (String::from("a_bool: { eq: true }"), 1),
            (String::from("a_bool: { notEq: true }"), 0),
            (String::from("a_float: { eq: 1 }"), 1),
            (String::from("a_float: { gt: 0.5, lt: 1.5 }"), 1),
            (String::from("a_float: { in: [2.0, 1e0] }"), 1),
            (String::from("an_int: { eq: 9223372036854775807 }"), 1),
            (String::from("some_bytes: { eq: \"00ABff\" }"), 1),
            (String::from("some_bytes: { notEq: \"00\" }"), 1),
            (format!("a_rel: {{ eq: \"{a}\" }}"), 1),
            (format!("a_rel: {{ in: [\"{b}\"] }}"), 0),
            (format!("a_pin: {{ eq: \"{a}\" }}"), 1),
            (format!("a_pin: {{ notIn: [\"{a}\"] }}"), 0),
            (format!("a_list: {{ in: [\"{a}\", \"{d}\"] }}"), 1),
            (format!("a_list: {{ in: [\"{c}\"] }}"), 0),
            (format!("a_list: {{ notIn: [\"{a}\"] }}"), 0),
            (format!("a_list: {{ notIn: [\"{c}\"] }}"), 1),
            (format!("a_pinlist: {{ in: [\"{c}\"] }}"), 1),
            (format!("a_pinlist: {{ notIn: [\"{b}\"] }}"), 1),
        ];
        for (filter, expected) in cases {
            let query =
                format!("{{ a: all_{}(filter: {{ {filter} }}) {{ totalCount }} }}", zoo.everything);
            assert_eq!(zoo.world.data(&query)["a"]["totalCount"], json!(expected), "{filter}");
        }
    });
}

#[test]
fn orders_are_what_they_say() {
    each(|zoo| {
        let mut by_id: Vec<_> =
            zoo.bands.iter().zip(["Can", "Neu!", "kraftwerk", "Faust %_"]).collect();
        by_id.sort();
        let by_id: Vec<_> = by_id.into_iter().map(|(_, name)| name).collect();
        let reversed: Vec<_> = by_id.iter().rev().copied().collect();
        let cases: &[(&str, &[&str])] = &[
            ("", &by_id),
            ("orderDirection: DESC", &reversed),
            ("orderBy: DOCUMENT_ID", &by_id),
            ("orderBy: \"DOCUMENT_VIEW_ID\", orderDirection: \"DESC\"", &reversed),
            ("orderBy: name", &["Can", "Faust %_", "kraftwerk", "Neu!"]),
            ("orderBy: \"name\"", &["Can", "Faust %_", "kraftwerk", "Neu!"]),
            ("orderBy: founded, orderDirection: DESC", &["Neu!", "kraftwerk", "Can", "Faust %_"]),
        ];
        for (arguments, expected) in cases {
            assert_eq!(zoo.names(arguments), *expected, "{arguments}");
        }
    });
}

#[test]
fn walks_meet_every_document_once() {
    each(|zoo| {
        let Zoo { world, ada, band, .. } = &zoo;
        for number in 0..7 {
            ada.create(
                world,
                band,
                &[("founded", RawValue::Int(number % 2)), ("name", str("same"))],
            );
        }
        for order in
            ["", "orderBy: name", "orderBy: founded, orderDirection: DESC", "orderDirection: DESC"]
        {
            for first in [1, 2, 3, 11, 12] {
                let mut after = String::new();
                let mut seen = Vec::new();
                loop {
                    let selected = if seen.len() % 2 == 0 { "name" } else { "founded name" };
                    let query = format!(
                        "{{ a: all_{band}(first: {first} {order} {after}) {{ totalCount hasNextPage endCursor
                            documents {{ cursor meta {{ documentId }} fields {{ {selected} }} }} }} }}"
                    );
                    let page = world.data(&query)["a"].clone();
                    assert_eq!(page["totalCount"], json!(11));
                    let documents = page["documents"].as_array().unwrap();
                    assert!(documents.len() <= first);
                    assert_eq!(documents.last().unwrap()["cursor"], page["endCursor"]);
                    seen.extend(documents.iter().map(|item| item["meta"]["documentId"].clone()));
                    if page["hasNextPage"] == json!(false) {
                        break;
                    }
                    after = format!("after: {}", page["endCursor"]);
                }
                let mut distinct: Vec<_> = seen.iter().map(Value::to_string).collect();
                distinct.sort();
                distinct.dedup();
                assert_eq!((seen.len(), distinct.len()), (11, 11), "{order} {first}");
            }
        }
        let cursor =
            world.data(&format!("{{ a: all_{band}(first: 1) {{ endCursor }} }}"))["a"]["endCursor"]
                .clone();
        let error = world.error(&format!("{{ a: all_{band}(orderBy: name, after: {cursor}) {{ totalCount documents {{ cursor }} }} }}"));
        assert_eq!(error["extensions"]["code"], "FOREIGN_CURSOR");
        let error = world.error(&format!("{{ a: all_{band}(after: \"0OIl!\") {{ totalCount }} }}"));
        assert_eq!(error["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    });
}

#[test]
fn an_empty_page_has_no_end_cursor() {
    each(|zoo| {
        let query = format!(
            "{{ a: all_{}(filter: {{ name: {{ in: [] }} }}) {{ totalCount hasNextPage endCursor documents {{ cursor }} }} }}",
            zoo.band
        );
        let expected =
            json!({ "totalCount": 0, "hasNextPage": false, "endCursor": null, "documents": [] });
        assert_eq!(zoo.world.data(&query)["a"], expected);
    });
}

#[test]
fn edited_documents_can_be_told_apart() {
    each(|zoo| {
        let Zoo { world, ada, band, .. } = &zoo;
        ada.update(world, band, &zoo.bands[1].into(), &[("founded", RawValue::Int(2000))]);
        assert_eq!(zoo.names("meta: { edited: { eq: true } }"), ["Neu!"]);
        assert_eq!(
            zoo.names("meta: { edited: { eq: false } }, orderBy: name"),
            ["Can", "Faust %_", "kraftwerk"]
        );
    });
}

#[test]
fn concurrent_updates_show_all_tips() {
    each(|zoo| {
        let Zoo { world, ada, band, .. } = &zoo;
        let (grace, first) = (Author::new(2), DocumentViewId::from(zoo.bands[0]));
        let one = ada.update(world, band, &first, &[("name", str("one"))]);
        let two = grace.update(world, band, &first, &[("founded", RawValue::Int(2))]);
        let tips = DocumentViewId::from_tips(one.iter().chain(&two).copied()).unwrap();
        let query = format!(
            "{{ a: {band}(id: \"{}\") {{ meta {{ viewId owner }} fields {{ name founded }} }} }}",
            zoo.bands[0]
        );
        let data = world.data(&query)["a"].clone();
        assert_eq!(data["meta"], json!({ "viewId": tips.to_string(), "owner": ada.public_key() }));
        assert_eq!(data["fields"], json!({ "name": "one", "founded": 2 }));
        let merged = grace.update(world, band, &tips, &[("name", str("merged"))]);
        let data = world.data(&query)["a"].clone();
        assert_eq!(
            (&data["meta"]["viewId"], &data["fields"]["name"]),
            (&json!(merged.to_string()), &json!("merged"))
        );
    });
}

#[test]
fn documents_under_two_aliases_keep_to_their_fields() {
    each(|zoo| {
        let query = format!(
            "{{ a: all_{}(orderBy: name, first: 1) {{ x: documents {{ fields {{ name }} }} y: documents {{ fields {{ founded }} meta {{ documentId }} }} }} }}",
            zoo.band
        );
        let data = zoo.world.data(&query)["a"].clone();
        assert_eq!(data["x"], json!([{ "fields": { "name": "Can" } }]));
        let y = json!([{ "fields": { "founded": 1968 }, "meta": { "documentId": zoo.bands[0].to_string() } }]);
        assert_eq!(data["y"], y);
    });
}

#[test]
fn entries_of_documents_and_logs_can_be_verified_by_clients() {
    each(|zoo| {
        let Zoo { world, ada, band, .. } = &zoo;
        let view = ada.update(world, band, &zoo.bands[0].into(), &[("name", str("CAN"))]);
        let query = format!(
            "{{ documentEntries(id: \"{}\") {{ entry operation __typename }} }}",
            zoo.bands[0]
        );
        let entries = world.data(&query)["documentEntries"].as_array().unwrap().clone();
        assert_eq!(entries.len(), 2);
        let hash = |entry: &Value| {
            let bytes = (0..entry.as_str().unwrap().len()).step_by(2);
            let bytes: Vec<u8> = bytes
                .map(|at| u8::from_str_radix(&entry.as_str().unwrap()[at..at + 2], 16).unwrap())
                .collect();
            pandan_bamboo::Hash::of(&bytes).to_string()
        };
        assert_eq!(hash(&entries[0]["entry"]), zoo.bands[0].to_string());
        assert_eq!(hash(&entries[1]["entry"]), view.to_string());
        let skipped = format!(
            "{{ documentEntries(id: \"{}\", skip: 1, first: 1) {{ entry }} }}",
            zoo.bands[0]
        );
        assert_eq!(
            world.data(&skipped)["documentEntries"],
            json!([{ "entry": entries[1]["entry"] }])
        );
        let log = ada.next_args(world, Some(&view));
        let query = format!(
            "{{ a: logEntries(publicKey: \"{key}\", logId: \"{log}\") {{ entry }} b: logEntries(publicKey: \"{key}\", logId: \"{log}\", from: \"2\", first: 5) {{ entry }} }}",
            key = ada.public_key(),
            log = log.log_id()
        );
        let data = world.data(&query);
        assert_eq!(data["a"].as_array().unwrap().len(), 2);
        assert_eq!(data["b"], json!([{ "entry": entries[1]["entry"] }]));
    });
}
