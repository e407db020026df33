//! Next arguments and publishing, and what is refused.

use pandan_bamboo::{LogId, NextArgs};
use pandan_operations::{DocumentViewId, Operation, RawValue, SchemaId, SystemSchema};
use serde_json::{Value, json};

use crate::support::{Author, World, fields, hex, str};

fn each(test: impl Fn(World)) {
    test(World::in_memory());
    test(World::on_disk());
}

fn field_definition() -> SchemaId {
    SchemaId::from(SystemSchema::SchemaFieldDefinition)
}

fn definition(name: &str) -> Operation {
    let fields = fields(&[("name", str(name)), ("type", str("str"))]);
    Operation::Create { schema: field_definition(), fields }
}

fn publish(world: &World, entry: &[u8], operation: &[u8]) -> Value {
    let query = "mutation($entry: String!, $operation: String!) {
        publish(entry: $entry, operation: $operation) { logId seqNum backlink skiplink }
    }";
    world.ask(query, json!({ "entry": hex(entry), "operation": hex(operation) }))
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[test]
fn next_arguments_follow_the_log() {
    each(|world| {
        let (ada, grace) = (Author::new(1), Author::new(2));
        assert_eq!(ada.next_args(&world, None), NextArgs::first(LogId::new(0)));
        let document =
            ada.create(&world, &field_definition(), &[("name", str("a")), ("type", str("int"))]);
        assert_eq!(ada.next_args(&world, None), NextArgs::first(LogId::new(1)));
        let mut view: DocumentViewId = document.into();
        assert_eq!(grace.next_args(&world, Some(&view)), NextArgs::first(LogId::new(0)));
        for number in 2..12_u64 {
            let next = ada.next_args(&world, Some(&view));
            assert_eq!((next.log_id(), next.seq_num().number()), (LogId::new(0), number));
            view = ada.update(&world, &field_definition(), &view, &[("type", str("str"))]);
        }
        // Any known view of the document will do.
        assert_eq!(
            ada.next_args(&world, Some(&document.into())),
            ada.next_args(&world, Some(&view))
        );
    });
}

#[test]
fn next_arguments_take_their_arguments_in_any_order() {
    each(|world| {
        let key = Author::new(1).public_key();
        let expected = json!({ "logId": "0", "seqNum": "1", "backlink": null, "skiplink": null });
        let all = "{ logId seqNum backlink skiplink }";
        for arguments in [
            format!("publicKey: \"{key}\""),
            format!("publicKey: \"{key}\", viewId: null"),
            format!("viewId: null, publicKey: \"{key}\""),
        ] {
            assert_eq!(
                world.data(&format!("{{ nextArgs({arguments}) {all} }}"))["nextArgs"],
                expected
            );
        }
        let query = format!(
            "query($k: PublicKey!, $v: DocumentViewId) {{ nextArgs(publicKey: $k, viewId: $v) {all} }}"
        );
        assert_eq!(world.data_with(&query, json!({ "k": key, "v": null }))["nextArgs"], expected);
        assert_eq!(world.data_with(&query, json!({ "k": key }))["nextArgs"], expected);
    });
}

#[test]
fn next_arguments_are_refused_with_a_code() {
    each(|world| {
        let ada = Author::new(1);
        let ask = |view: &str| {
            let query = format!(
                "{{ nextArgs(publicKey: \"{}\", viewId: \"{view}\") {{ logId }} }}",
                ada.public_key()
            );
            let answer = world.ask(&query, json!({}));
            assert_eq!(answer["data"], json!({ "nextArgs": null }));
            answer["errors"][0].clone()
        };
        let unknown = format!("0020{}", "ab".repeat(32));
        let error = ask(&unknown);
        assert_eq!(
            error["extensions"],
            json!({ "code": "PREVIOUS_NOT_FOUND", "requirement": "DO3" })
        );
        assert_eq!(error["path"], json!(["nextArgs"]));
        let values = [("name", str("a")), ("type", str("int"))];
        let mut ids = [
            ada.create(&world, &field_definition(), &values),
            ada.create(&world, &field_definition(), &values),
        ];
        ids.sort();
        assert_eq!(
            ask(&format!("{}_{}", ids[0], ids[1]))["extensions"]["code"],
            "SEVERAL_DOCUMENTS"
        );
        ada.delete(&world, &field_definition(), &ids[0].into());
        assert_eq!(ask(&ids[0].to_string())["extensions"]["code"], "DOCUMENT_DELETED");
    });
}

#[test]
fn refusals_have_a_code_and_the_requirement() {
    each(|world| {
        let ada = Author::new(1);
        let payload = definition("a").encode();
        let entry = NextArgs::first(LogId::new(0)).forge(&ada.key_pair, &payload);
        let mut broken = entry.as_bytes().to_vec();
        *broken.last_mut().unwrap() ^= 1;
        let unknown_schema: SchemaId = format!("x1_0020{}", "ab".repeat(32)).parse().unwrap();
        let unknown =
            Operation::Create { schema: unknown_schema, fields: fields(&[("a", str("b"))]) }
                .encode();
        let wrong_type = Operation::Create {
            schema: field_definition(),
            fields: fields(&[("name", str("a")), ("type", RawValue::Int(1))]),
        }
        .encode();
        let missing =
            Operation::Create { schema: field_definition(), fields: fields(&[("name", str("a"))]) }
                .encode();
        let forge = |payload: &[u8]| NextArgs::first(LogId::new(0)).forge(&ada.key_pair, payload);
        let cases = [
            (vec![], payload.clone(), "ENTRY_MALFORMED"),
            (entry.as_bytes().to_vec(), vec![], "OPERATION_MALFORMED"),
            (entry.as_bytes().to_vec(), vec![0xff; 40], "OPERATION_MALFORMED"),
            (broken, payload.clone(), "SIGNATURE_INVALID"),
            (entry.as_bytes().to_vec(), definition("b").encode(), "PAYLOAD_HASH_MISMATCH"),
            (entry.as_bytes().to_vec(), definition("longer").encode(), "PAYLOAD"),
            (forge(&unknown).as_bytes().to_vec(), unknown, "SCHEMA_NOT_FOUND"),
            (forge(&wrong_type).as_bytes().to_vec(), wrong_type, "FIELD_TYPE_MISMATCH"),
            (forge(&missing).as_bytes().to_vec(), missing, "FIELD_MISSING"),
        ];
        for (entry, operation, expected) in cases {
            let answer = publish(&world, &entry, &operation);
            assert_eq!(answer["data"], Value::Null);
            assert!(code(&answer).starts_with(expected), "{expected}: {answer}");
            assert_eq!(answer["errors"][0]["path"], json!(["publish"]));
        }
        assert_eq!(ada.next_args(&world, None), NextArgs::first(LogId::new(0)));
        // What was refused above can still be published, once.
        assert_eq!(publish(&world, entry.as_bytes(), &payload)["data"]["publish"]["seqNum"], "2");
        assert_eq!(code(&publish(&world, entry.as_bytes(), &payload)), "SEQ_NUM_MISMATCH");
        let other = definition("b").encode();
        let fork = NextArgs::first(LogId::new(0)).forge(&ada.key_pair, &other);
        let answer = publish(&world, fork.as_bytes(), &other);
        assert_eq!(answer["errors"][0]["extensions"], json!({ "code": "SEQ_NUM_MISMATCH" }));
        let gap = NextArgs::first(LogId::new(0));
        let gap = NextArgs::after(entry.header(), None).unwrap_or(gap);
        let update = Operation::Update {
            schema: field_definition(),
            previous: pandan_operations::OperationId::from_hash(pandan_bamboo::Hash::of(
                b"nothing",
            ))
            .into(),
            fields: fields(&[("name", str("c"))]),
        }
        .encode();
        let entry = gap.forge(&ada.key_pair, &update);
        let answer = publish(&world, entry.as_bytes(), &update);
        assert_eq!(
            answer["errors"][0]["extensions"],
            json!({ "code": "PREVIOUS_NOT_FOUND", "requirement": "DO3" })
        );
    });
}

#[test]
fn do4_deleted_documents_take_no_more_operations() {
    each(|world| {
        let ada = Author::new(1);
        let values = [("name", str("a")), ("type", str("int"))];
        let document = ada.create(&world, &field_definition(), &values);
        let update = |previous: DocumentViewId| Operation::Update {
            schema: field_definition(),
            previous,
            fields: fields(&[("name", str("b"))]),
        };
        let arguments = ada.next_args(&world, Some(&document.into()));
        let deletion =
            Operation::Delete { schema: field_definition(), previous: document.into() }.encode();
        let entry = arguments.forge(&ada.key_pair, &deletion);
        assert_eq!(publish(&world, entry.as_bytes(), &deletion).get("errors"), None);
        let payload = update(document.into()).encode();
        let entry = NextArgs::after(entry.header(), None).unwrap().forge(&ada.key_pair, &payload);
        let answer = publish(&world, entry.as_bytes(), &payload);
        assert_eq!(
            answer["errors"][0]["extensions"],
            json!({ "code": "DOCUMENT_DELETED", "requirement": "DO4" })
        );
    });
}

#[test]
fn literals_in_upper_case_and_several_at_once() {
    each(|world| {
        let ada = Author::new(1);
        let first = definition("a").encode();
        let second = definition("b").encode();
        let one = NextArgs::first(LogId::new(0)).forge(&ada.key_pair, &first);
        let two = NextArgs::first(LogId::new(7)).forge(&ada.key_pair, &second);
        let query = format!(
            "mutation {{ a: publish(entry: \"{}\", operation: \"{}\") {{ logId }} bad: publish(operation: \"00\", entry: \"\") {{ logId }}
               b: publish(operation: \"{}\", entry: \"{}\") {{ logId }} }}",
            hex(one.as_bytes()).to_uppercase(), hex(&first).to_uppercase(), hex(&second), hex(two.as_bytes())
        );
        let answer = world.ask(&query, json!({}));
        assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
        assert_eq!(answer["errors"][0]["path"], json!(["bad"]));
        let count = world.data("{ all_schema_field_definition_v1 { totalCount } }");
        assert_eq!(count["all_schema_field_definition_v1"]["totalCount"], json!(2));
        assert_eq!(ada.next_args(&world, None), NextArgs::first(LogId::new(8)));
    });
}

#[test]
fn many_clients_at_once_read_their_own_writes() {
    each(|world| {
        std::thread::scope(|scope| {
            for number in 1..=8 {
                let world = &world;
                scope.spawn(move || {
                    let author = Author::new(number);
                    for round in 0..10 {
                        let name = format!("f{number}x{round}");
                        let id = author.create(world, &field_definition(), &[("name", str(&name)), ("type", str("int"))]);
                        let query = format!("{{ a: schema_field_definition_v1(id: \"{id}\") {{ fields {{ name }} }} }}");
                        assert_eq!(world.data(&query)["a"]["fields"]["name"], json!(name));
                    }
                });
            }
        });
        let count = world.data("{ a: all_schema_field_definition_v1 { totalCount } }");
        assert_eq!(count["a"]["totalCount"], json!(80));
    });
}
