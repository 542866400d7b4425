//! `disk` against the disks of this machine, as `df` sees them.

use std::process::Command;

use crate::rig::Rig;
use crate::rig::seen::Seen;

fn exec(path: &str, lines: &str) -> Seen {
    let rig = Rig::new(&format!("[env.local.disk.data]\npath = \"{path}\"\n"));
    rig.exec(&format!("//! Test.\n//! uses = [\"disk.data:read\"]\nlet disk = disk(\"data\");\n{lines}\n")).1
}

#[test]
fn the_room_is_what_df_says() {
    let df = Command::new("df").args(["-B1", "--output=size,iavail", "/"]).output().unwrap();
    let text = String::from_utf8(df.stdout).unwrap();
    let figures: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
    let lines = format!(
        r#"
        let space = disk.space();
        check "total", space.total == {};
        check "sum", space.used + space.free <= space.total;
        check "ratio", space.used_ratio > 0.0 && space.used_ratio <= 1.0;
        check "same", disk.has_space("1 MiB").total == space.total;
        "#,
        figures[0]
    );
    exec("/", &lines).expect(0);
}

#[test]
fn too_little_room_and_a_missing_folder_are_errors() {
    exec("/", r#"disk.has_space("900000 GiB");"#)
        .expect(1)
        .says("free, wanted 900000 GiB")
        .says("remove what is not needed");
    exec("/no/such/folder", "disk.space();").expect(1).says("cannot read the room of /no/such/folder");
    exec("/", r#"disk.has_space("plenty");"#).expect(1).says("`plenty` is no size");
    Rig::new("[env.local.disk.data]\npath = \"/\"\n")
        .exec("//! T.\ndisk(\"data\").space();\n")
        .1
        .expect(3)
        .says("disk.data:read");
}
