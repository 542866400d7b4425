//! A newcomer takes the playbook for another application: its header and `playbook.toml` are edited, and nothing else.

use super::*;

const LEDGER: Names = Names {
    backend: "ledger-api",
    worker: "ledger-worker",
    flag: "nightly_export",
    dashboards: ["Ledger", "Exports", "Postings", "Spending"],
    secrets: ["ledger/bank", "ledger/database", "ledger/cache", "ledger/mail"],
};

/// The header with the names of another application.
fn adapted(playbook: &str) -> String {
    let (header, body) = playbook.split_once("\n\n").unwrap();
    let mut header = header.to_owned();
    for (theirs, ours) in [
        ("Deploy PFA Vanguard to production", "Deploy the ledger"),
        (VANGUARD.backend, LEDGER.backend),
        (VANGUARD.worker, LEDGER.worker),
        (VANGUARD.flag, LEDGER.flag),
        ("lock = \"pfa-vanguard\"", "lock = \"ledger\""),
    ] {
        assert!(header.contains(theirs), "{theirs}");
        header = header.replace(theirs, ours);
    }
    let lists =
        VANGUARD.dashboards.iter().zip(LEDGER.dashboards).chain(VANGUARD.secrets.iter().zip(LEDGER.secrets));
    for (theirs, ours) in lists {
        assert!(header.contains(theirs), "{theirs}");
        header = header.replace(theirs, ours);
    }
    assert!(header.lines().all(|line| line.starts_with("//!") || line.starts_with("#!")));
    format!("{header}\n\n{body}")
}

#[test]
fn another_application_is_deployed_by_editing_the_header_and_the_settings() {
    let theirs = playbook();
    let ours = adapted(&theirs);
    assert_eq!(theirs.split_once("\n\n").unwrap().1, ours.split_once("\n\n").unwrap().1);
    let Some(site) = Vanguard::start_as(&LEDGER, &ours) else { return };
    let seen = site
        .run(&[], &[])
        .expect(0)
        .says("Deploy the ledger")
        .says("ledger-worker")
        .hides("vanguard-backend");
    let after = site.state();
    assert!(
        after["processes"].contains("\"ledger-api\" \"online\"")
            && after["processes"].contains("\"ledger-worker\" \"online\""),
        "{seen}"
    );
    assert_eq!(
        site.database.sql("SELECT enabled FROM feature_flags WHERE flag_name = 'nightly_export'"),
        "t"
    );
}
