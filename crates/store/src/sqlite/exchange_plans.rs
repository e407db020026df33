//! How much is read to find out what others lack: it does not grow with what they have already.

use std::collections::HashSet;
use std::sync::mpsc::Receiver;

use pandan_admission::Door;
use pandan_bamboo::{LogId, SeqNum};
use pandan_operations::{Fields, SchemaId, SystemSchema};
use rusqlite::Connection;

use super::catalog::Catalog;
use super::trace::{self, Statement};
use super::wanted::connectors::Connectors;
use super::{Options, batch, catalog, connection, entries, head_sums, heads, migrate, wanted};
use crate::conformance::{Author, Signed, fields};
use crate::heads::{Arrival, Budget, HeadRange, LogPlace, WantedLog, Wants};
use crate::limits::{MAX_ENTRIES_SCANNED, MAX_HEADS_IN_SUM, MAX_LOGS_SORTED};

const BUDGET: Budget = Budget { entries: 10, bytes: usize::MAX };

struct Filled {
    connection: Connection,
    catalog: Catalog,
    statements: Receiver<Statement>,
}

impl Filled {
    fn new() -> Self {
        let mut connection = Connection::open_in_memory().expect("memory can be had");
        connection::prepare(&connection, &Options::default()).expect("modules load");
        migrate::migrate(&mut connection).expect("an empty database migrates");
        let statements = trace::statements(&mut connection);
        Self { connection, catalog: Catalog::default(), statements }
    }

    /// Pieces by several authors, one in each log.
    fn with_logs(logs: usize) -> Self {
        let mut filled = Self::new();
        let mut authors: Vec<_> = (10..20).map(Author::new).collect();
        let creates: Vec<_> = (0..logs).map(|it| create(&mut authors[it % 10], it)).collect();
        filled.ingest(&creates);
        filled
    }

    fn ingest(&mut self, signed: &[Signed]) {
        let candidates = signed.iter().map(|it| (it.candidate(), Door::Peer)).collect();
        batch::ingest(&mut self.connection, &self.catalog, candidates).expect("it can be written");
    }

    /// The statements that something takes.
    fn count<T>(&self, read: impl FnOnce(&Connection) -> T) -> (T, Vec<Statement>) {
        self.statements.try_iter().for_each(drop);
        let found = read(&self.connection);
        (found, self.statements.try_iter().collect())
    }
}

fn piece() -> SchemaId {
    SystemSchema::BlobPiece.into()
}

fn data(number: usize) -> Fields {
    fields([("data", pandan_operations::RawValue::Bytes(number.to_be_bytes().to_vec()))])
}

fn create(author: &mut Author, number: usize) -> Signed {
    author.create(&piece(), data(number))
}

fn wanted(signed: &Signed) -> Wants {
    let header = signed.entry.header();
    let (author, log_id, from) = (header.public_key(), header.log_id(), SeqNum::FIRST);
    Wants { logs: vec![WantedLog { author, log_id, from }], ranges: Vec::new() }
}

fn steps(statements: &[Statement]) -> i32 {
    statements.iter().map(|statement| statement.steps).sum()
}

#[test]
fn without_forks_entries_are_read_as_if_there_could_be_none() {
    let mut taken = Vec::new();
    for logs in [100, 2_000] {
        let mut filled = Filled::with_logs(logs);
        let mut author = Author::new(1);
        let first = create(&mut author, 0);
        let update = author.update(first.document(), &piece(), &first.view(), data(1));
        filled.ingest(&[first.clone(), update]);
        let (page, statements) = filled.count(|connection| {
            wanted::page(connection, &wanted(&first), Arrival::default(), BUDGET)
        });
        assert_eq!(page.expect("it can be read").entries.len(), 2);
        assert_eq!(statements.iter().filter(|it| it.sql.contains("forks")).count(), 1);
        assert!(statements.iter().all(|it| !it.sql.contains("rarray")), "{statements:?}");
        taken.push((statements.len(), steps(&statements)));
    }
    assert_eq!(taken[0].0, taken[1].0, "so many statements, however many logs there are");
    assert!(taken[1].1 <= taken[0].1 + 20, "{taken:?}");
}

#[test]
fn a_frozen_log_costs_those_that_it_does_not_touch_next_to_nothing() {
    let mut filled = Filled::with_logs(50);
    let mut author = Author::new(1);
    let first = create(&mut author, 0);
    let updates: Vec<_> = (0..9)
        .map(|it| author.update(first.document(), &piece(), &first.view(), data(it)))
        .collect();
    filled.ingest(&[std::slice::from_ref(&first), &updates].concat());
    let read = |filled: &Filled| {
        let (page, statements) = filled.count(|connection| {
            wanted::page(connection, &wanted(&first), Arrival::default(), BUDGET)
        });
        assert_eq!(page.expect("it can be read").entries.len(), 10);
        statements.len()
    };
    let before = read(&filled);
    filled.ingest(&[9, 8].map(|it| create(&mut Author::new(2), it)));
    // Is the log wanted, is it frozen, is its document touched?
    assert!(read(&filled) <= before + 3);
}

/// Void operations on top of each other, and some that count on top of them.
fn forked(void: usize, on_top: u8) -> (Filled, Vec<Signed>) {
    let mut filled = Filled::new();
    let mut author = Author::new(1);
    let first = create(&mut author, 0);
    let branch = author.clone().update(first.document(), &piece(), &first.view(), data(usize::MAX));
    let (document, mut view) = (first.document(), first.view());
    let mut signed = vec![first];
    for number in 0..void {
        let update = author.update(document, &piece(), &view, data(number));
        view = update.view();
        signed.push(update);
    }
    signed.push(branch);
    let guests = (0..on_top)
        .map(|number| Author::new(100 + number).update(document, &piece(), &view, data(7)));
    let guests: Vec<_> = guests.collect();
    filled.ingest(&[signed, guests.clone()].concat());
    (filled, guests)
}

#[test]
fn void_operations_are_looked_for_up_to_a_limit() {
    let (filled, guests) = forked(5, 1);
    for (limit, expected) in [(4, 0), (5, 5), (6, 5)] {
        let mut connectors = Connectors::new(&filled.connection);
        let found = connectors.below(&guests[0].payload, &HashSet::new(), limit);
        let found = found.expect("they can be read");
        assert_eq!(found.len(), expected, "of at most {limit}");
        assert!(found.is_sorted());
    }
}

#[test]
fn what_many_entries_of_a_page_need_is_looked_for_once() {
    let (filled, guests) = forked(40, 20);
    let logs = guests.iter().flat_map(|guest| wanted(guest).logs).collect();
    let wants = Wants { logs, ranges: Vec::new() };
    let (page, statements) = filled.count(|connection| {
        let budget = Budget { entries: 100, bytes: usize::MAX };
        wanted::page(connection, &wants, Arrival::default(), budget)
    });
    assert_eq!(page.expect("it can be read").entries.len(), 60);
    let looks = statements.iter().filter(|it| it.sql.starts_with("SELECT payload"));
    assert_eq!(looks.count(), 40);
}

#[test]
fn where_a_part_begins_takes_one_look_each() {
    const PARTS: usize = 4;
    let filled = Filled::with_logs(MAX_HEADS_IN_SUM * PARTS + 1);
    let ranges = [HeadRange::all(piece())];
    let (parts, statements) =
        filled.count(|connection| head_sums::split(connection, &ranges, PARTS));
    let parts = parts.expect("it can be read").len();
    let looks: Vec<_> = statements.iter().filter(|it| it.sql.contains("DESC LIMIT 1")).collect();
    let looks: Vec<_> = looks.into_iter().filter(|it| it.sql.contains("FROM heads")).collect();
    assert_eq!(looks.len(), parts - 1);
    for look in looks {
        assert!(look.steps < 60, "{look:?}");
        assert!(look.plan(&filled.connection).iter().all(|line| line.starts_with("SEARCH")));
    }
}

#[test]
fn logs_of_documents_are_looked_up() {
    let mut taken = Vec::new();
    for logs in [100, 2_000] {
        let mut filled = Filled::with_logs(logs);
        let first = create(&mut Author::new(1), 0);
        filled.ingest(std::slice::from_ref(&first));
        let (found, statements) = filled.count(|connection| {
            let after = LogPlace { author: [0; 32], log_id: LogId::new(1) };
            let id = first.document().into();
            heads::logs_of(connection, &filled.catalog, &[id], Some(&after), 10)
        });
        let place = LogPlace::of(&first.entry.header().public_key(), first.entry.header().log_id());
        assert_eq!(found.expect("it can be read"), [(piece(), place)]);
        taken.push(steps(&statements));
        let (found, statements) =
            filled.count(|connection| entries::are_stored(connection, &[first.document().into()]));
        assert_eq!(found.expect("it can be read"), [true]);
        for statement in &statements {
            let plan = statement.plan(&filled.connection);
            let is_covered = |line: &String| line.contains("COVERING INDEX");
            assert!(plan.iter().any(is_covered), "payloads are not read: {plan:?}");
        }
    }
    assert!(taken[1] <= taken[0] + 20, "{taken:?}");
}

/// How many pages it takes to find out that nothing is wanted.
fn pages(connection: &Connection, wants: &Wants) -> usize {
    let (mut pages, mut after) = (0, Arrival::default());
    loop {
        let page = wanted::page(connection, wants, after, BUDGET).expect("it can be read");
        assert_eq!((page.proofs.len(), page.entries.len()), (0, 0));
        pages += 1;
        match page.next {
            Some(next) => after = next,
            None => return pages,
        }
    }
}

/// Runs statements with the numbers from 1 to another one as `n(i)`.
fn fill(connection: &Connection, count: usize, statements: &[&str]) {
    for statement in statements {
        let (table, rows) = statement.split_once(" AS ").expect("it is a table and its rows");
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
             INSERT INTO {table} SELECT {rows} FROM n"
        );
        connection.execute(&sql, []).expect("the rows fit");
    }
}

#[test]
fn what_is_not_wanted_is_passed_over_up_to_a_limit() {
    let everything = Wants { logs: Vec::new(), ranges: vec![HeadRange::all(piece())] };
    for (count, expected) in [(-1, 1), (0, 2), (1, 2)] {
        let count = MAX_ENTRIES_SCANNED.checked_add_signed(count).expect("it is small");
        // Frozen logs of which nothing but the fork is known.
        let filled = Filled::new();
        let connection = &filled.connection;
        let rows = [
            "authors AS i, CAST(printf('%032d', i) AS BLOB)",
            "logs AS i, i, 0, 0, NULL, 2",
            "forks AS CAST(printf('%032d', i) AS BLOB), x'', i, x'', x''",
        ];
        fill(connection, count, &rows);
        assert_eq!(pages(connection, &everything), expected, "{count} frozen logs");

        // Entries of no wanted log, where many are wanted.
        let filled = Filled::new();
        let connection = &filled.connection;
        let schema = catalog::find(connection, &piece()).expect("it can be read");
        let schema = schema.expect("system schemas are known").id;
        let heads = format!("heads AS {schema}, CAST(printf('%032d', i) AS BLOB), i");
        let logs =
            ["authors AS i, CAST(printf('%032d', i) AS BLOB)", "logs AS i, i, 0, 0, NULL, NULL"];
        fill(connection, MAX_LOGS_SORTED + 1, &[&logs[..], &[&heads]].concat());
        fill(
            connection,
            count,
            &["entries AS i, CAST(printf('%032d', i) AS BLOB), 1, i, x'', NULL"],
        );
        assert_eq!(pages(connection, &everything), expected, "{count} entries");
    }
}
