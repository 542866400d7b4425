//! Mistakes with resources: names, verbs, arguments, options; and that exec and plan find them first.

use playbook::primitives::FAMILIES;

use super::{rig, wrong};
use crate::rig::Rig;

const USES: &str = "//! T.\n//!\n//! uses = [\"sqlite.main:write\"]\n";

fn with(script: &str) -> String {
    format!("{USES}let db = sqlite(\"main\");\n{script}\n")
}

#[test]
fn a_resource_that_is_not_declared() {
    insta::assert_snapshot!(wrong("//! T.\nlet a = sqlite(\"mian\");\nlet b = http(\"shop\");\nlet c = flags(\"main\");\nlet d = sqlite();\n"), @r#"
error: `sqlite.mian` is no resource of the environment `local`
  --> deploy.rhai:2:16
  |
2 | let a = sqlite("mian");
  |                ^^^^^^
  fix: did you mean `sqlite("main")`? Otherwise add [env.local.sqlite.mian] to playbook.toml

error: `http.shop` is no resource of the environment `local`
  --> deploy.rhai:3:14
  |
3 | let b = http("shop");
  |              ^^^^^^
  fix: choose one of `api`, or add [env.local.http.shop] to playbook.toml

error: `flags.main` is no resource of the environment `local`
  --> deploy.rhai:4:15
  |
4 | let c = flags("main");
  |               ^^^^^^
  fix: add [env.local.flags.main] to playbook.toml

error: `sqlite` takes the name of a resource
  --> deploy.rhai:5:9
  |
5 | let d = sqlite();
  |         ^^^^^^
  fix: write for example sqlite("main")

deploy.rhai: 4 mistakes in the environment `local`
"#);
}

#[test]
fn an_unknown_verb_has_a_near_name() {
    insta::assert_snapshot!(wrong(&with("db.qurey(\"SELECT 1\");\ndb.purge();\ndb.execute;\ndb.len();")), @r#"
error: `sqlite.main` has no method `qurey`
  --> deploy.rhai:5:4
  |
5 | db.qurey("SELECT 1");
  |    ^^^^^
  fix: did you mean `query`?

error: `sqlite.main` has no method `purge`
  --> deploy.rhai:6:4
  |
6 | db.purge();
  |    ^^^^^
  fix: choose one of `query`, `value`, `execute`, `transaction`, `script`, `dump_to`, `restore_from`, `verify_restore`, `tables`, `integrity`

error: `sqlite.main` has no property `execute`
  --> deploy.rhai:7:4
  |
7 | db.execute;
  |    ^^^^^^^
  fix: it is a method: write `execute(…)`

error: `sqlite.main` has no method `len`
  --> deploy.rhai:8:4
  |
8 | db.len();
  |    ^^^
  fix: choose one of `query`, `value`, `execute`, `transaction`, `script`, `dump_to`, `restore_from`, `verify_restore`, `tables`, `integrity`

deploy.rhai: 4 mistakes in the environment `local`
"#);
}

#[test]
fn arguments_too_many_too_few_and_of_a_wrong_type() {
    insta::assert_snapshot!(wrong(&with("db.query();\ndb.query(\"SELECT 1\", [], 3);\ndb.query(5);\ndb.execute(\"DELETE FROM t\", #{ label: 5 });")), @r#"
error: `sqlite.main.query` needs `sql`
  --> deploy.rhai:5:4
  |
5 | db.query();
  |    ^^^^^
  fix: for example: sqlite("main").query("SELECT name FROM users WHERE id > ?", [100])

error: `sqlite.main.query` takes at most 2 values (`sql`, `parameters`), and it is given 3
  --> deploy.rhai:6:26
  |
6 | db.query("SELECT 1", [], 3);
  |                          ^
  fix: for example: sqlite("main").query("SELECT name FROM users WHERE id > ?", [100])

error: `sql` of `sqlite.main.query` takes a text, and this is a whole number
  --> deploy.rhai:7:10
  |
7 | db.query(5);
  |          ^
  fix: for example: sqlite("main").query("SELECT name FROM users WHERE id > ?", [100])

error: the option `label` is 5
  --> deploy.rhai:8:32
  |
8 | db.execute("DELETE FROM t", #{ label: 5 });
  |                                ^^^^^
  fix: give a text

deploy.rhai: 4 mistakes in the environment `local`
"#);
}

#[test]
fn options_unknown_twice_and_of_a_wrong_shape() {
    insta::assert_snapshot!(wrong(&with("db.query(\"SELECT 1\", #{ timeot: \"5s\" });\ndb.query(\"SELECT ?\", [1], #{ sql: \"x\" });\ndb.query(\"SELECT 1\", #{ timeout: \"5 parsecs\", retry: -1 });\nlet options = #{ parametrs: [1] };\ndb.query(\"SELECT 1\", options);")), @r#"
error: `sqlite.main.query` has no option `timeot`
  --> deploy.rhai:5:25
  |
5 | db.query("SELECT 1", #{ timeot: "5s" });
  |                         ^^^^^^
  fix: did you mean `timeout`?

error: `sql` is given twice to `sqlite.main.query`
  --> deploy.rhai:6:30
  |
6 | db.query("SELECT ?", [1], #{ sql: "x" });
  |                              ^^^
  fix: it stands among the values already: keep one of the two

error: the option `timeout` is "5 parsecs"
  --> deploy.rhai:7:25
  |
7 | db.query("SELECT 1", #{ timeout: "5 parsecs", retry: -1 });
  |                         ^^^^^^^
  fix: give a duration such as "30s"

error: the option `retry` is -1
  --> deploy.rhai:7:47
  |
7 | db.query("SELECT 1", #{ timeout: "5 parsecs", retry: -1 });
  |                                               ^^^^^
  fix: give a number from 0 to 100

error: `sqlite.main.query` has no option `parametrs`
  --> deploy.rhai:9:22
  |
9 | db.query("SELECT 1", options);
  |                      ^^^^^^^^^
  fix: did you mean `parameters`?

deploy.rhai: 5 mistakes in the environment `local`
"#);
}

#[test]
fn exec_and_plan_check_before_anything_happens() {
    let rig = rig(&with("db.execute(\"CREATE TABLE t (a)\");\ndb.qurey(\"SELECT 1\");\nlog(nme);"));
    for command in ["exec", "plan"] {
        let seen = rig.run(&[command, "deploy.rhai"]).expect(2);
        assert_eq!(seen.stdout, "");
        assert!(
            !rig.path(".playbook").exists() && !rig.path("data.db").exists(),
            "{command} left something behind"
        );
        if command == "exec" {
            insta::assert_snapshot!(seen.stderr, @r#"
error: `sqlite.main` has no method `qurey`
  --> deploy.rhai:6:4
  |
6 | db.qurey("SELECT 1");
  |    ^^^^^
  fix: did you mean `query`?

error: there is no variable `nme`
  --> deploy.rhai:7:5
  |
7 | log(nme);
  |     ^^^
  fix: declare it with `let nme = …`, or put it in quotes if it is a text
"#);
        }
    }
}

#[test]
fn machines_get_one_object() {
    let rig = rig(&with("db.qurey(\"SELECT 1\");\ndb.value(\"SELECT 1\");"));
    let seen = rig.run(&["check", "deploy.rhai", "--output", "json"]).expect(2);
    let one: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&one).unwrap(), @r#"
{
  "event": "checked",
  "playbook": "deploy.rhai",
  "environment": "local",
  "exit": 2,
  "findings": [
    {
      "kind": "usage",
      "what": "`sqlite.main` has no method `qurey`",
      "fix": "did you mean `query`?",
      "at": {
        "file": "deploy.rhai",
        "line": 5,
        "column": 4,
        "source": "db.qurey(\"SELECT 1\");",
        "width": 5
      }
    }
  ],
  "warnings": [],
  "touches": [
    {
      "resource": "sqlite.main",
      "access": "read",
      "verbs": [
        {
          "name": "value",
          "effect": "read",
          "at": [
            "deploy.rhai:6"
          ]
        }
      ],
      "at": {
        "file": "deploy.rhai",
        "line": 4,
        "column": 10,
        "source": "let db = sqlite(\"main\");",
        "width": 6
      },
      "header": "write"
    }
  ],
  "unfollowed": []
}
"#);
}

/// A resource for every example, with what it cannot do without.
const RESOURCES: &[(&str, &str)] = &[
    ("postgres.main", "url = \"postgres://localhost/app\""),
    ("sqlite.main", "path = \"data.db\""),
    ("redis.cache", "port = 9"),
    ("s3.backups", "bucket = \"backups\""),
    ("s3.site", "bucket = \"site\""),
    ("files.backups", "path = \"backups\""),
    ("files.logs", "path = \"logs\""),
    ("files.releases", "path = \"releases\""),
    ("http.api", "url = \"http://127.0.0.1:9\""),
    ("program.git", "path = \"git\"\nread = [[\"**\"]]\nwrite = [[\"**\"]]\ndestroy = [[\"**\"]]"),
    ("program.journalctl", "read = [[\"**\"]]"),
    ("ssh.web", "hosts = [\"web1\"]\nread = [[\"**\"]]\nwrite = [[\"**\"]]\ndestroy = [[\"**\"]]"),
    ("pm2.app", ""),
    ("service.app", "program = \"{release}/sleep\""),
    ("flags.main", "database = \"sqlite.main\""),
    ("haproxy.edge", "address = \"127.0.0.1:9\""),
    ("nginx.edge", "upstreams = { app = { file = \"app.conf\", servers = { blue = \"127.0.0.1:9\" } } }"),
    ("prometheus.main", "url = \"http://127.0.0.1:9\""),
    ("alertmanager.main", "url = \"http://127.0.0.1:9\""),
    ("grafana.main", "url = \"http://127.0.0.1:9\""),
    ("aws.main", "region = \"eu-central-1\""),
    ("cloudfront.cdn", "account = \"aws.main\"\ndistribution = \"E1\""),
    ("ecs.api", "account = \"aws.main\"\ncluster = \"shop\"\nservice = \"api\""),
    ("ec2.web", "account = \"aws.main\"\ninstances = [\"i-1\"]"),
    ("alb.public", "account = \"aws.main\"\nload_balancer = \"public\""),
    ("route53.zone", "account = \"aws.main\"\nzone = \"Z1\""),
    ("ecr.api", "account = \"aws.main\"\nrepository = \"api\""),
    ("secrets_manager.main", "account = \"aws.main\""),
    ("ssm.shop", "account = \"aws.main\"\npath = \"/shop\""),
    ("tcp.smtp", "address = \"127.0.0.1:25\""),
    ("tcp.legacy", "address = \"127.0.0.1:9\""),
    ("tls.api", "address = \"127.0.0.1:443\""),
    ("dns.public", ""),
    ("disk.data", "path = \"data\""),
    ("grpc.orders", "url = \"http://127.0.0.1:9\""),
    ("kafka.events", "brokers = [\"127.0.0.1:9092\"]"),
    ("amqp.jobs", "address = \"127.0.0.1:5672\"\nuser = \"guest\"\npassword = \"env:AMQP\""),
    ("chat.team", "webhook = \"env:HOOK\""),
    ("pager.oncall", "key = \"env:KEY\""),
    ("mail.team", "host = \"127.0.0.1\"\nfrom = \"deploys@example.com\""),
    ("statuspage.public", "page = \"p1\"\ntoken = \"env:TOKEN\""),
    ("webhook.catalog", "url = \"https://127.0.0.1:9\""),
    ("git.app", "folder = \"app\""),
    ("github.app", "repository = \"shop/api\""),
    ("registry.main", "url = \"https://127.0.0.1:9\""),
    ("vault.main", "url = \"https://127.0.0.1:9\"\ntoken = \"env:T\""),
    ("kubernetes.prod", "namespace = \"default\""),
];

#[test]
fn every_example_of_the_manual_is_right() {
    let settings: String = RESOURCES
        .iter()
        .map(|(id, rest)| format!("[env.local.{id}]\n{rest}\naccess = \"destroy\"\n"))
        .collect();
    let mut script = String::from("//! Every example.\n//!\n//! uses = [");
    script.extend(RESOURCES.iter().map(|(id, _)| format!("\"{id}:destroy\", ")));
    script.push_str("]\n");
    for entry in FAMILIES.iter().flat_map(|family| family.entries) {
        script.push_str(&format!("{{ {}; }}\n", entry.example.trim_end_matches(';')));
    }
    let seen = Rig::new(&settings).file("deploy.rhai", &script).run(&["check", "deploy.rhai"]).expect(0);
    let verbs = FAMILIES.iter().map(|family| family.entries.len()).sum::<usize>();
    assert!(verbs > 30, "{verbs}");
    for entry in FAMILIES.iter().flat_map(|family| family.entries) {
        assert!(seen.stdout.contains(&format!("{} ", entry.name)), "{}:\n{seen}", entry.name);
    }
}

#[test]
fn a_script_that_is_not_there() {
    let script = "db.script(\"migrations/7_up.sql\", #{ undo: \"migrations/7_dwon.sql\" });";
    let rig = rig(&with(script)).file("migrations/7_down.sql", "SELECT 1;");
    let seen = rig.run(&["check", "deploy.rhai"]).expect(2);
    seen.says("there is no file migrations/7_up.sql in the project")
        .says("deploy.rhai:5:11")
        .says("there is no file migrations/7_dwon.sql in the project")
        .says("did you mean `migrations/7_down.sql`?");
    rig.run(&["plan", "deploy.rhai"]).expect(2).says("there is no file migrations/7_up.sql");
    let rig = rig.file("migrations/7_up.sql", "SELECT 1;").file("migrations/7_dwon.sql", "SELECT 1;");
    rig.run(&["check", "deploy.rhai"]).expect(0);
}

#[test]
fn a_script_outside_of_the_project_is_refused_before_it_runs() {
    let rig = rig(&with("db.script(\"../up.sql\");"));
    rig.run(&["check", "deploy.rhai"])
        .expect(3)
        .says("`../up.sql` lies outside the project")
        .says("deploy.rhai:5:11");
}

#[test]
fn a_script_that_the_playbook_may_make_itself_is_only_a_warning() {
    let settings = "[env.local.sqlite.main]\npath = \"main.db\"\ncreate = true\naccess = \"write\"\n\
        [env.local.files.out]\npath = \"out\"\naccess = \"write\"\n";
    let script = "//! T.\n//! uses = [\"sqlite.main:write\", \"files.out:write\"]\n\
        files(\"out\").put(\"made.sql\", \"CREATE TABLE t (a INT)\");\nsqlite(\"main\").script(\"out/made.sql\");\n";
    let rig = Rig::new(settings).file("deploy.rhai", script);
    rig.run(&["check", "deploy.rhai"]).expect(0).says("warning: there is no file out/made.sql");
    rig.run(&["plan", "deploy.rhai"]).expect(0).says("run the SQL script out/made.sql");
    rig.run(&["exec", "deploy.rhai"]).expect(0);
}

#[test]
fn numbers_and_lengths_of_time_that_cannot_be() {
    let project = "[env.local.http.shop]\nurl = \"http://127.0.0.1:9\"\naccess = \"write\"\n";
    let rig = Rig::new(project).file(
        "deploy.rhai",
        "//! T.\n//!\n//! uses = [\"http.shop:write\"]\nlet shop = http(\"shop\");\nshop.load(\"/\", #{ requests: 0 });\n\
         shop.load(\"/\", #{ requests: 5, concurrency: 2000 });\nlet n = 0;\nshop.load(\"/\", #{ requests: n });\n",
    );
    let seen = rig.run(&["check", "deploy.rhai"]).expect(2);
    seen.says("`requests` of `http.shop.load` must be at least 1, and this is 0")
        .says("deploy.rhai:5:")
        .says("`concurrency` of `http.shop.load` must be at most 1024, and this is 2000")
        .says("2 mistakes");
    for (table, key) in [
        ("files.backups]\npath = \"b\"\nkeep = \"7\"", "keep"),
        ("sqlite.main]\npath = \"data.db\"\nbusy_timeout = \"5 parsecs\"", "busy_timeout"),
        ("tcp.door]\naddress = \"127.0.0.1:9\"\nconnect_timeout = \"soon\"", "connect_timeout"),
    ] {
        let rig = Rig::new(&format!("[env.local.{table}\n")).file("deploy.rhai", "//! T.\nlog(\"x\");\n");
        rig.run(&["exec", "deploy.rhai"])
            .expect(2)
            .says("duration")
            .says(&format!("{key} = "))
            .says("playbook.toml:3:");
    }
}
