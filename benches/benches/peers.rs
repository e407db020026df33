//! Everything under criterion, which remembers earlier runs: `cargo bench -- entry`.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    for mut group in pandan_benches::cases::all() {
        let mut benches = criterion.benchmark_group(group.name);
        // What uses up its input takes several times as long to prepare, which is not counted.
        benches.sample_size(10);
        benches.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
        for contestant in &mut group.contestants {
            benches.throughput(Throughput::Elements(contestant.units().into()));
            benches.bench_function(contestant.name(), |bencher| {
                bencher.iter_custom(|times| contestant.run(times));
            });
        }
    }
}

criterion_group!(peers, all);
criterion_main!(peers);
