//! A node on a disk that breaks while it runs, and is mended.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pandan_operations::{Operation, RawValue, SystemSchema};
use pandan_store::{Options, SqliteStore, Store};
use pandan_testkit::disk::{Call, FailingDisk, Failure, Fault, Plan};
use serde_json::json;

use crate::support::{Author, World, fields};

/// Tells the process with the node which folder is its own.
const FOLDER: &str = "PANDAN_TEST_FOLDER";

/// Marks the line with the address.
const LISTENS: &str = "listens on ";

const COUNT: &str = "{ a: all_blob_piece_v1 { totalCount } }";

#[test]
fn a_node_on_a_broken_disk_says_so_and_goes_on_when_it_is_mended() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return serve(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = FailingDisk::build(folder.path());
    for (call, failure, code) in [
        (Call::Write, Failure::Io, "STORAGE_FAILED"),
        (Call::Write, Failure::Full, "STORAGE_FULL"),
        (Call::Sync, Failure::Io, "STORAGE_FAILED"),
    ] {
        check(&disk, Fault { call, nth: 1, failure, lasts: true }, code);
    }
}

fn check(disk: &FailingDisk, fault: Fault, code: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (data, switch) = (folder.path().join("data"), folder.path().join("broken"));
    std::fs::create_dir(&data).unwrap();
    let plan = Plan {
        folder: data.clone(),
        fault: Some(fault),
        switch: Some(switch.clone()),
        ..Plan::default()
    };
    let (mut node, world) = start(disk, &plan);
    let (ada, piece) = (Author::new(1), |byte| Operation::Create {
        schema: SystemSchema::BlobPiece.into(),
        fields: fields(&[("data", RawValue::Bytes(vec![byte]))]),
    });
    ada.publish(&world, &piece(0));
    for round in 1..=3 {
        std::fs::write(&switch, "").unwrap();
        for _ in 0..2 {
            let (_, answer) = ada.try_publish(&world, &piece(round));
            assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{fault}: {answer}");
            assert_eq!(world.data(COUNT)["a"]["totalCount"], json!(round), "{fault}");
        }
        std::fs::remove_file(&switch).unwrap();
        ada.publish(&world, &piece(round));
        assert_eq!(world.data(COUNT)["a"]["totalCount"], json!(round + 1), "{fault}");
        assert_eq!(world.get("/health", &[]).status, 200, "{fault}");
    }
    // It ends when nobody talks to it any more.
    drop(node.stdin.take());
    assert!(node.wait().unwrap().success(), "{fault}");
    let store = SqliteStore::open(data.join("pandan.sqlite"), Options::default()).unwrap();
    assert!(store.check(&mut |_| {}).unwrap().is_clean(), "{fault}");
    assert_eq!(store.snapshot().unwrap().counts().unwrap().entries, 4, "{fault}");
}

/// Runs the test again as a process with a node on the disk.
fn start(disk: &FailingDisk, plan: &Plan) -> (Child, World) {
    let test = "broken_disk::a_node_on_a_broken_disk_says_so_and_goes_on_when_it_is_mended";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(FOLDER, &plan.folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    disk.put_under(&mut command, plan);
    let mut node = command.spawn().unwrap();
    let lines = BufReader::new(node.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut urls = lines.filter_map(|line| line.split_once(LISTENS).map(|(_, url)| url.to_owned()));
    let url = urls.next().unwrap();
    // What it prints at its end is of no interest, and has to go somewhere.
    std::thread::spawn(move || urls.for_each(drop));
    (node, World::elsewhere(url))
}

fn serve(folder: &Path) {
    let mut world = World::in_folder(folder);
    println!("\n{LISTENS}{}", world.url);
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    world.stop();
}
