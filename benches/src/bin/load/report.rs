//! What came out, for people and for programs.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::publishing::Published;
use crate::queries::Queried;
use pandan_benches::times::{Times, milliseconds};

const KIB: f64 = 1024.0;
const MIB: f64 = KIB * KIB;

/// What the reference implementation needs in its best runs: publishes per second, and bytes.
const REFERENCE_ALONE: f64 = 141.0;
const REFERENCE_TOGETHER: f64 = 132.0;
const REFERENCE_LOAD: f64 = 85.0;
const REFERENCE_PER_DOCUMENT: f64 = 102.0 * MIB / 10_000.0;
const REFERENCE_RESIDENT: f64 = 195.0 * MIB;

/// Times as fast as the reference that is asked.
const ALONE: f64 = 8.0;
const TOGETHER: f64 = 30.0;
const LOAD: f64 = 40.0;

/// Bytes that are allowed.
const MAX_PER_DOCUMENT: u64 = 2 * 1024;
const MAX_RESIDENT: u64 = 25 * 1024 * 1024;

/// Everything that was measured.
pub(crate) struct Report {
    pub(crate) documents: usize,
    pub(crate) disk: Times,
    pub(crate) alone: Published,
    pub(crate) together: Published,
    pub(crate) load: Published,
    pub(crate) sizes: Sizes,
    pub(crate) queries: Vec<Queried>,
}

/// In bytes.
#[derive(Default)]
pub(crate) struct Sizes {
    pub(crate) resident_empty: u64,
    pub(crate) resident_loaded: u64,
    /// All files right after the load, and of a document when the node has stopped.
    pub(crate) disk_running: u64,
    pub(crate) per_document: u64,
}

/// One kind of load, and what is asked of it.
struct Goal<'a> {
    what: &'static str,
    run: &'a Published,
    reference: f64,
    asked: f64,
}

impl Goal<'_> {
    fn ratio(&self) -> f64 {
        self.run.per_second() / self.reference
    }

    fn holds(&self) -> bool {
        self.ratio() >= self.asked && self.run.refused == 0
    }
}

impl Report {
    fn goals(&self) -> [Goal<'_>; 3] {
        let goal = |what, run, reference, asked| Goal { what, run, reference, asked };
        [
            goal("one client", &self.alone, REFERENCE_ALONE, ALONE),
            goal("16 clients", &self.together, REFERENCE_TOGETHER, TOGETHER),
            goal("10,000 documents from 8 clients", &self.load, REFERENCE_LOAD, LOAD),
        ]
    }

    pub(crate) fn all_held(&self) -> bool {
        self.goals().iter().all(Goal::holds)
            && self.sizes.per_document <= MAX_PER_DOCUMENT
            && self.sizes.resident_empty <= MAX_RESIDENT
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_publishing(&mut text);
        let _ = self.write_sizes(&mut text);
        let _ = self.write_queries(&mut text);
        text
    }

    fn write_publishing(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "| publishing | a second | p50 | p99 | processor time each | refused | reference | asked | reached | |"
        )?;
        writeln!(text, "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|")?;
        for goal in self.goals() {
            let Goal { what, run, reference, asked } = goal;
            let (rate, p50, p99) = (run.per_second(), run.latencies.p50(), run.latencies.p99());
            let processor = run.processor_time_each();
            let (ratio, mark) = (goal.ratio(), mark(goal.holds()));
            writeln!(
                text,
                "| {what} | {rate:.0} | {p50:.2?} | {p99:.2?} | {processor:.0?} | {} | {reference:.0} | {asked:.0}× | {ratio:.1}× | {mark} |",
                run.refused
            )?;
        }
        let read_back = self.goals().iter().map(|goal| goal.run.read_back).sum::<usize>();
        let (p50, p99) = (self.disk.p50(), self.disk.p99());
        writeln!(text, "\nOf these, {read_back} were read back at once, and were there.")?;
        writeln!(
            text,
            "One page overwritten and synced, nothing else: p50 {p50:.2?}, p99 {p99:.2?}.\n"
        )
    }

    fn write_sizes(&self, text: &mut String) -> std::fmt::Result {
        let Sizes { resident_empty, resident_loaded, disk_running, per_document } = self.sizes;
        let kib = |bytes: f64| format!("{:.2} KiB", bytes / KIB);
        let mib = |bytes: f64| format!("{:.1} MiB", bytes / MIB);
        writeln!(text, "| size | reached | asked | reference | |")?;
        writeln!(text, "|---|--:|--:|--:|---|")?;
        let mut line = |what, reached, asked, reference, mark| {
            writeln!(text, "| {what} | {reached} | {asked} | {reference} | {mark} |")
        };
        line(
            "a document on disk",
            kib(per_document as f64),
            kib(MAX_PER_DOCUMENT as f64),
            kib(REFERENCE_PER_DOCUMENT),
            mark(per_document <= MAX_PER_DOCUMENT),
        )?;
        line(
            "memory of a node, empty and idle",
            mib(resident_empty as f64),
            mib(MAX_RESIDENT as f64),
            mib(REFERENCE_RESIDENT),
            mark(resident_empty <= MAX_RESIDENT),
        )?;
        let none = String::new;
        line("memory after the load", mib(resident_loaded as f64), none(), none(), "")?;
        line("all files after the load", mib(disk_running as f64), none(), none(), "")?;
        writeln!(text)
    }

    fn write_queries(&self, text: &mut String) -> std::fmt::Result {
        let documents = self.documents;
        writeln!(
            text,
            "| query, {documents} documents | p50 | p99 | SQL p50 | SQL p99 | of SQL | reference | reached |"
        )?;
        writeln!(text, "|---|--:|--:|--:|--:|--:|--:|--:|")?;
        for Queried { what, node, sql, reference } in &self.queries {
            let (p50, p99) = (node.p50(), node.p99());
            write!(text, "| {what} | {p50:.2?} | {p99:.2?} |")?;
            match sql {
                None => write!(text, " | | |")?,
                Some(sql) => {
                    let (sql_p50, sql_p99) = (sql.p50(), sql.p99());
                    write!(text, " {sql_p50:.2?} | {sql_p99:.2?} | {:.1} |", ratio(p50, sql_p50))?;
                }
            }
            // It was measured among that many only.
            match reference.filter(|_| documents == crate::LOAD) {
                None => writeln!(text, " | |")?,
                Some(time) => writeln!(text, " {time:.1?} | {:.1}× |", ratio(time, p50))?,
            }
        }
        Ok(())
    }

    pub(crate) fn json(&self) -> Value {
        let publishing = self.goals().map(|goal| {
            json!({
                "what": goal.what,
                "documents": goal.run.documents,
                "seconds": goal.run.time.as_secs_f64(),
                "per_second": goal.run.per_second(),
                "latency": latency(&goal.run.latencies),
                "processor_time_each_ms": milliseconds(goal.run.processor_time_each()),
                "refused": goal.run.refused,
                "read_back": goal.run.read_back,
                "reference_per_second": goal.reference,
                "asked_ratio": goal.asked,
                "ratio": goal.ratio(),
                "holds": goal.holds(),
            })
        });
        let queries = self.queries.iter().map(|query| {
            json!({
                "what": query.what,
                "latency": latency(&query.node),
                "sql_latency": query.sql.as_ref().map(latency),
                "reference_p50_ms": query.reference.map(milliseconds),
            })
        });
        let Sizes { resident_empty, resident_loaded, disk_running, per_document } = self.sizes;
        json!({
            "documents": self.documents,
            "holds": self.all_held(),
            "publishing": publishing,
            "disk_latency": latency(&self.disk),
            "sizes": {
                "resident_empty": resident_empty,
                "resident_loaded": resident_loaded,
                "disk_running": disk_running,
                "disk_per_document": per_document,
            },
            "queries": queries.collect::<Vec<_>>(),
        })
    }
}

fn latency(times: &Times) -> Value {
    json!({ "p50_ms": milliseconds(times.p50()), "p99_ms": milliseconds(times.p99()) })
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

const fn mark(holds: bool) -> &'static str {
    if holds { "holds" } else { "**fails**" }
}
