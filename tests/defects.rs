//! The patches of the planted defects still apply. `tests/defects/run` checks that tests find the defects, which takes long.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn each_defect_can_be_planted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut planted = 0;
    for entry in fs::read_dir(root.join("tests/defects")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        let run = Command::new("patch")
            .args(["-p1", "--fuzz=2", "--dry-run", "-sf", "-d"])
            .arg(root)
            .arg("-i")
            .arg(&path)
            .output()
            .expect("patch is installed");
        assert!(run.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&run.stdout));
        planted += 1;
    }
    assert!(planted >= 50, "only {planted} defects were found");
}
