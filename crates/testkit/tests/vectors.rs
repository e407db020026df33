//! All files of vectors pass, and what is no file of vectors does not.

use std::fs;
use std::path::Path;

use pandan_testkit::vectors::{run_dir, run_file};

#[test]
fn all_vectors_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let reports = run_dir(&folder).unwrap();
    assert_eq!(reports.len(), 13);
    for report in reports {
        assert!(report.failures.is_empty(), "{}: {:#?}", report.file, report.failures);
        assert!(report.passed > 40, "{}: {}", report.file, report.passed);
    }
}

#[test]
fn unknown_empty_and_broken_files_are_failures() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("unknown.json", r#"{"cases": [1]}"#),
        ("keys.json", ""),
        ("hashes.json", r#"{"hashes": [], "texts": []}"#),
        ("varu64.json", "[]"),
        (
            "lipmaa.json",
            r#"{"numbers": [{"seq_num": "4", "lipmaa": "2", "skiplink_required": true}], "paths": []}"#,
        ),
        ("entries.json", r#"{"logs": [{}], "far": []}"#),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        assert!(!run_file(&path).failures.is_empty(), "{name}");
    }
    assert_eq!(run_dir(folder.path()).unwrap().len(), 6);
}

#[test]
fn a_file_is_known_by_its_stream_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("renamed.json");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/varu64.json");
    fs::copy(from, &path).unwrap();
    let report = run_file(&path);
    assert!(report.failures.is_empty() && report.passed > 100);
}
