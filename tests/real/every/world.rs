//! A project in which every resource of the examples exists, each pointed at the same other side.

use super::example::Example;
use super::far::Far;
use crate::rig::Rig;
use crate::rig::servers::pm2;

/// What the examples name in the project's folder.
const FILES: &[(&str, &str)] = &[
    ("migrations/7_up.sql", "SELECT 1;\n"),
    ("migrations/7_down.sql", "SELECT 1;\n"),
    ("migrations/007_up.sql", "SELECT 1;\n"),
    ("migrations/007_down.sql", "SELECT 1;\n"),
    ("prisma/migrations/20260101000000_first/migration.sql", "SELECT 1;\n"),
    ("dist/app.tar.gz", "not really"),
    ("config/app.toml", "a = 1\n"),
    ("ecosystem.config.js", "module.exports = { apps: [{ name: 'api', script: 'api.js' }] };\n"),
    ("k8s/web.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { a: b }\n"),
    ("k8s/migrate.yaml", JOB),
    ("k8s/migrate-down.yaml", JOB),
    (
        "upstreams/app.conf",
        "# written by playbook\nupstream app {\n    server 127.0.0.1:1 weight=50; # blue\n    server 127.0.0.1:2 weight=50; # green\n}\n",
    ),
    ("backups/releases/current.txt", "v1\n"),
    ("logs/app/a.log", "a line\n"),
];

const JOB: &str = "apiVersion: batch/v1\nkind: Job\nmetadata: { name: migrate }\nspec:\n  template:\n    spec:\n      \
    restartPolicy: Never\n      containers: [{ name: a, image: a }]\n";

/// A project for the example, whose resources have this access.
pub fn project(example: &Example, far: &Far, access: &str) -> Rig {
    project_with(example, far, access, &|_| "")
}

/// The same, with more settings for the resources of a family.
pub fn project_with(example: &Example, far: &Far, access: &str, more: &dyn Fn(&str) -> &'static str) -> Rig {
    let mut text = String::new();
    for (family, name) in &example.resources {
        let table = format!("[env.local.{family}.{name}]\n");
        if text.contains(&table) {
            continue;
        }
        text += &format!("{table}{}\n{}access = \"{access}\"\n", settings(family, far), more(family));
    }
    let families: Vec<&str> = example.resources.iter().map(|(family, _)| *family).collect();
    rig(&(text.clone() + &beside(&families, far)), far)
}

/// A project with these settings, and the files and programs that the examples name.
pub fn rig(settings: &str, far: &Far) -> Rig {
    let mut rig = Rig::new(settings)
        .variable("TOKEN", "a-token-for-tests")
        .variable("HOOK", &format!("http://127.0.0.1:{}/hook", far.tcp))
        .variable("AWS_EC2_METADATA_DISABLED", "true");
    // nginx takes the number of whatever runs for its main process; it is never sent a signal here.
    rig = rig.file("nginx.pid", &format!("{}\n", std::process::id()));
    for (name, text) in FILES {
        // The examples of two databases have their own migrations in a folder of the same name.
        if !name.starts_with("migrations/007") || settings.contains("sqlite.main") {
            rig = rig.file(name, text);
        }
    }
    if let Some(body) = far.program {
        rig = rig.file("stand-in", &format!("#!/bin/sh\n{body}\n"));
        let may_run = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(rig.path("stand-in"), may_run).unwrap();
        // pm2 is asked only where its daemon seems to run.
        rig = rig.file(".pm2/pm2.pid", &format!("{}\n", pm2::seeming_daemon()));
    }
    rig
}

/// The resources that those of these families stand on.
pub fn beside(families: &[&str], far: &Far) -> String {
    let mut text = String::new();
    let stands_on = |wanted: &[&str]| families.iter().any(|family| wanted.contains(family));
    if stands_on(&["flags"]) && !stands_on(&["postgres"]) {
        text += &format!("[env.local.postgres.main]\n{}\naccess = \"destroy\"\n", settings("postgres", far));
    }
    let of_an_account = ["cloudfront", "ecs", "ec2", "alb", "route53", "ecr", "secrets_manager", "ssm"];
    if stands_on(&of_an_account) {
        text += &format!("[env.local.aws.main]\n{}\naccess = \"read\"\n", settings("aws", far));
    }
    text
}

/// The settings of a resource of that family, `access` apart.
pub fn settings(family: &str, far: &Far) -> String {
    let (port, udp) = (far.tcp, far.udp);
    let url = format!("http://127.0.0.1:{port}");
    let token = "token = \"env:TOKEN\"";
    let account = "account = \"aws.main\"";
    let keys = "access_key = \"env:TOKEN\"\nsecret_key = \"env:TOKEN\"\nregion = \"us-east-1\"";
    let lists = "read = [[\"**\"]]\nwrite = [[\"**\"]]\ndestroy = [[\"**\"]]";
    match family {
        "http" | "prometheus" | "alertmanager" | "webhook" | "grpc" | "registry" => format!("url = \"{url}\""),
        "grafana" | "vault" => format!("url = \"{url}\"\n{token}"),
        "postgres" => format!("url = \"postgres://app@127.0.0.1:{port}/shop\"\ntls = \"disable\""),
        "sqlite" => "path = \"main.db\"\nbusy_timeout = \"1m\"".to_owned(),
        "redis" => format!("port = {port}"),
        "files" => "path = \"backups\"".to_owned(),
        "s3" => format!("bucket = \"site\"\nendpoint = \"{url}\"\n{keys}"),
        "kubernetes" => format!("server = \"{url}\"\n{token}\nnamespace = \"shop\""),
        "program" => format!("path = \"./stand-in\"\n{lists}"),
        "ssh" => format!("hosts = {{ web1 = \"127.0.0.1:{port}\" }}\nuser = \"deploy\"\npassword = \"env:TOKEN\"\nknown_hosts = \"known\"\ntrust_on_first_use = true\n{lists}"),
        "service" => "program = \"./stand-in\"\nargs = [\"{release}\"]\nsettle = \"1m\"".to_owned(),
        "pm2" => "program = \"./stand-in\"".to_owned(),
        "flags" => "database = \"postgres.main\"".to_owned(),
        "haproxy" | "tcp" | "tls" | "amqp" => format!("address = \"127.0.0.1:{port}\""),
        "nginx" => "program = \"./stand-in\"\npid = \"nginx.pid\"\nupstreams = { app = { file = \"upstreams/app.conf\", servers = { blue = \"127.0.0.1:1\", green = \"127.0.0.1:2\" } } }".to_owned(),
        "chat" => format!("{token}\nchannel = \"#deploys\"\nurl = \"{url}\""),
        "pager" => format!("key = \"env:TOKEN\"\nurl = \"{url}\""),
        "mail" => format!("host = \"127.0.0.1\"\nport = {port}\nfrom = \"a@example.com\"\nencryption = \"none\""),
        "statuspage" => format!("page = \"p1\"\n{token}\nurl = \"{url}\""),
        "git" => "program = \"./stand-in\"".to_owned(),
        "github" => format!("repository = \"shop/api\"\n{token}\nurl = \"{url}\""),
        "aws" => format!("endpoint = \"{url}\"\n{keys}"),
        "cloudfront" => format!("{account}\ndistribution = \"E1A2B3C4D5E6F7\""),
        "ecs" => format!("{account}\ncluster = \"shop\"\nservice = \"api\""),
        "ec2" => format!("{account}\ninstances = [\"i-0a1b2c3d\"]"),
        "alb" => format!("{account}\nload_balancer = \"public\""),
        "route53" => format!("{account}\nzone = \"Z0123456789ABC\""),
        "ecr" => format!("{account}\nrepository = \"shop/api\""),
        "secrets_manager" => account.to_owned(),
        "ssm" => format!("{account}\npath = \"/shop\""),
        "dns" => format!("resolvers = [\"127.0.0.1:{udp}\"]"),
        "disk" => "path = \".\"".to_owned(),
        "kafka" => format!("brokers = [\"127.0.0.1:{port}\"]"),
        "journal" => String::new(),
        other => panic!("the family {other} is new: say here how one of its resources is pointed at a server"),
    }
}
