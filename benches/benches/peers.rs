//! Everything under criterion, which remembers earlier runs: `cargo bench -- entry`.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    for mut group in pandan_benches::cases::all() {
        let mut benches = criterion.benchmark_group(group.name);
        benches.sample_size(10).measurement_time(Duration::from_secs(3));
        for contestant in &mut group.contestants {
            benches.bench_function(contestant.name(), |bencher| {
                bencher.iter_custom(|times| contestant.run(times));
            });
        }
    }
}

criterion_group!(peers, all);
criterion_main!(peers);
