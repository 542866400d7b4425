//! The bucket as a store: large objects in parts, staged, never half visible, and nothing left behind.

use super::{rig, run, run_with};
use crate::rig::servers::{moto, s3s};

/// Bytes that no server could have guessed.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.extend_from_slice(&state.to_le_bytes());
    }
    noise.truncate(bytes);
    noise
}

#[test]
fn a_large_file_goes_there_and_back_in_parts() {
    let settings = "[env.local.files.out]\npath = \"out\"\naccess = \"write\"\n";
    let body = r#"
        let up = box.upload("large", "deep/large.bin");
        check "size", up.bytes == 20971527;
        let down = box.download("deep/large.bin", files("out"), #{ name: "back" });
        check "same", down.sha256 == up.sha256 && box.checksum("deep/large.bin") == up.sha256;
    "#;
    let Some(bucket) = s3s::bucket() else { return };
    let Some(other) = moto::bucket() else { return };
    for own in [bucket.settings("destroy"), other.settings("destroy")] {
        let rig = rig(&format!("{own}{settings}"));
        let content = noise(20 * 1024 * 1024 + 7);
        std::fs::write(rig.path("large"), &content).unwrap();
        let (rig, seen) = run_with(rig, ", \"files.out:write\"", body);
        seen.expect(0);
        assert!(std::fs::read(rig.path("out/back")).unwrap() == content);
    }
    assert_eq!(bucket.keys(), ["deep/large.bin"]);
    assert_eq!((other.keys(), other.open_uploads()), (vec!["deep/large.bin".to_owned()], vec![]));
}

#[test]
fn a_very_large_file_is_put_together_from_staged_objects() {
    let Some(bucket) = moto::bucket() else { return };
    let settings = format!("{}part = \"5 MiB\"\nsegment = \"10 MiB\"\n", bucket.settings("destroy"));
    let rig = rig(&settings);
    std::fs::write(rig.path("large"), noise(27 * 1024 * 1024)).unwrap();
    let body = r#"
        let up = box.upload("large", "large.bin");
        check "same", box.checksum("large.bin") == up.sha256 && box.head("large.bin").sha256 == up.sha256;
    "#;
    run(rig, body).1.expect(0);
    assert_eq!((bucket.keys(), bucket.open_uploads()), (vec!["large.bin".to_owned()], vec![]));
}
