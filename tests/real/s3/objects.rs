//! Single objects: written, read, listed, copied, deleted.

use super::{rig, run};
use crate::rig::servers::{moto, s3s};

const VERBS: &str = r#"
    let put = box.put("a/one.txt", "hello", #{ cache_control: "max-age=60", metadata: #{ owner: "ops" } });
    check "receipt", put.sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    check "size", put.bytes == 5;
    check "checksum", box.checksum("a/one.txt") == put.sha256;
    box.copy("a/one.txt", "b/two.txt");
    check "copy", box.get("b/two.txt") == "hello";
    check "keys", box.list("").map(|o| o.key) == ["a/one.txt", "b/two.txt"];
    check "prefix", box.list("a/o").map(|o| o.key) == ["a/one.txt"];
    check "no prefix", box.list("a/x").len() == 0;
    check "count", box.count() == #{ objects: 2, bytes: 10 };
    let head = box.head("b/two.txt");
    check "head", head.bytes == 5 && head.sha256 == put.sha256 && head.metadata.owner == "ops";
    check "headers", head.content_type == "text/plain; charset=utf-8" && head.cache_control == "max-age=60";
    check "nothing", box.head("a/none") == () && !box.exists("a/none") && box.exists("a/one.txt");
    check "there was one", box.delete("a/one.txt");
    check "there is none", !box.delete("a/one.txt");
    box.put("empty", "");
    check "empty", box.get("empty") == "" && box.head("empty").bytes == 0;
"#;

#[test]
fn objects_are_written_read_listed_copied_and_deleted() {
    let Some(bucket) = s3s::bucket() else { return };
    run(rig(&bucket.settings("destroy")), VERBS).1.expect(0);
    assert_eq!(std::fs::read_to_string(bucket.path("b/two.txt")).unwrap(), "hello");
    let Some(bucket) = moto::bucket() else { return };
    run(rig(&bucket.settings("destroy")), VERBS).1.expect(0);
    let Some(bucket) = moto::versioned() else { return };
    run(rig(&bucket.settings("destroy")), VERBS).1.expect(0);
}
