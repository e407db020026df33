//! What processes cost, as Linux tells; nothing where nobody can tell.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The processor time of all threads of this process so far.
#[must_use]
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("the time of a process begins at 0")
}

/// The memory that a process has in use, in bytes.
#[must_use]
pub fn resident_bytes(id: u32) -> u64 {
    memory(id, "VmRSS:")
}

/// The most memory that this process has had in use since [`forget_peak`], in bytes.
#[must_use]
pub fn peak_bytes() -> u64 {
    memory(std::process::id(), "VmHWM:")
}

/// Lets the peak of this process begin with what it has in use now.
pub fn forget_peak() {
    // proc_pid_clear_refs(5): 5 sets the peak to what is in use. Without it the peak is one of
    // before, which shows as a limit that is missed.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

fn memory(id: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    field(&status, name).unwrap_or_default() * 1024
}

/// The number behind a name.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What a thread has used since it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// Its name, at most 15 bytes.
    pub name: String,
    /// On a core.
    pub processor_time: Duration,
    /// How often it waited for something and was woken up.
    pub wakeups: u64,
}

/// The threads of a process by their ids.
#[must_use]
pub fn threads(id: u32) -> BTreeMap<u32, Thread> {
    let folders = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let threads = folders.filter_map(|folder| {
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).ok();
        let nanoseconds = read("schedstat")?.split_whitespace().next()?.parse().ok()?;
        let thread = Thread {
            name: read("comm")?.trim_end().into(),
            processor_time: Duration::from_nanos(nanoseconds),
            wakeups: field(&read("status")?, "voluntary_ctxt_switches:")?,
        };
        Some((folder.file_name().to_str()?.parse().ok()?, thread))
    });
    threads.collect()
}

/// What the threads of a process have used between two moments, by name. What a thread used that
/// ended meanwhile is not in it, so look often.
#[must_use]
pub fn used(
    before: &BTreeMap<u32, Thread>,
    after: &BTreeMap<u32, Thread>,
) -> BTreeMap<String, (Duration, u64)> {
    let mut used = BTreeMap::<String, (Duration, u64)>::new();
    for (id, thread) in after {
        // Ids are used again.
        let earlier = before.get(id).filter(|earlier| earlier.wakeups <= thread.wakeups);
        let (time, wakeups) =
            earlier.map_or((Duration::ZERO, 0), |it| (it.processor_time, it.wakeups));
        let sum = used.entry(thread.name.clone()).or_default();
        sum.0 += thread.processor_time.saturating_sub(time);
        sum.1 += thread.wakeups - wakeups;
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_and_waits_is_seen() {
        let id = std::process::id();
        let (asks, asked) = std::sync::mpsc::channel::<()>();
        let (answers, answered) = std::sync::mpsc::channel();
        let worker = std::thread::Builder::new().name("works".into()).spawn(move || {
            for () in asked {
                let until = processor_time() + Duration::from_millis(2);
                while processor_time() < until {}
                answers.send(()).expect("the test listens");
            }
        });
        let ask = || {
            asks.send(()).expect("the thread listens");
            answered.recv().expect("the thread answers");
        };
        ask();
        let before = threads(id);
        (0..10).for_each(|_| ask());
        let used = used(&before, &threads(id));
        let (time, wakeups) = used["works"];
        assert!(time > Duration::ZERO && wakeups > 0, "{used:?}");
        drop(asks);
        worker.expect("threads can be made").join().expect("it ends");
        assert!(resident_bytes(id) > 0 && peak_bytes() >= resident_bytes(id) / 2);
    }

    #[test]
    fn a_thread_that_has_the_id_of_another_counts_from_its_beginning() {
        let thread = |milliseconds, wakeups| Thread {
            name: "one".into(),
            processor_time: Duration::from_millis(milliseconds),
            wakeups,
        };
        let before = BTreeMap::from([(1, thread(5, 7)), (2, thread(9, 9))]);
        let after = BTreeMap::from([(1, thread(8, 9)), (2, thread(1, 1))]);
        let expected = BTreeMap::from([("one".into(), (Duration::from_millis(4), 3))]);
        assert_eq!(used(&before, &after), expected);
    }
}
