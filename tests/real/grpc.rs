//! `grpc` against a server of gRPC's own library.

use crate::rig::seen::Seen;
use crate::rig::servers::grpc::{self, Server};
use crate::rig::{Rig, free_port};

const HEAD: &str = "//! Test.\n//! uses = [\"grpc.shop:read\"]\nlet shop = grpc(\"shop\");\n";

fn rig(port: u16) -> Rig {
    Rig::new(&format!("[env.local.grpc.shop]\nurl = \"http://127.0.0.1:{port}\"\nanswer_within = \"2s\"\n"))
}

fn exec(port: u16, lines: &str) -> Seen {
    rig(port).exec(&format!("{HEAD}{lines}\n")).1
}

#[test]
fn each_service_tells_its_own_health() {
    if !grpc::is_here() {
        return;
    }
    let server = Server::start("healthy");
    let lines = r#"
        check "server", shop.status().status == "SERVING";
        check "orders", shop.health("shop.v1.Orders").attempts == 1;
        check "bills", shop.status("shop.v1.Bills").status == "NOT_SERVING";
        check "unknown", shop.status("shop.v1.Nothing").status == "SERVICE_UNKNOWN";
        shop.health("shop.v1.Bills", #{ within: "3s", every: "50ms" });
    "#;
    exec(server.port, lines)
        .says("shop.v1.Bills of `grpc.shop` did not serve within 3s")
        .says("it was NOT_SERVING last");
    let script = format!("{HEAD}shop.health(\"shop.v1.Bills\", #{{ within: \"30s\", every: \"20ms\" }});\n");
    let rig = rig(server.port).file("test.rhai", &script);
    rig.run(&["plan", "test.rhai"])
        .expect(0)
        .says("wait until shop.v1.Bills of grpc.shop serves, at most 30s");
    let mut child = rig.command(&["exec", "test.rhai"]).spawn().unwrap();
    server.recover();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_server_without_health_one_that_hangs_and_none_at_all_differ() {
    exec(free_port(), "shop.status();")
        .expect(1)
        .says("`grpc.shop` cannot be reached")
        .says("Connection refused");
    Rig::new("[env.local.grpc.shop]\nurl = \"127.0.0.1:1\"\n")
        .exec(&format!("{HEAD}shop.status();\n"))
        .1
        .expect(2)
        .says("the address does not begin with `http://` or `https://`");
    rig(1).exec("//! T.\ngrpc(\"shop\").status();\n").1.expect(3).says("grpc.shop:read");
    if !grpc::is_here() {
        return;
    }
    let plain = Server::start("plain");
    exec(plain.port, "shop.status();").expect(1).says("add the health service to the server");
    plain.hang();
    exec(plain.port, "shop.status();").expect(1).says("`grpc.shop`");
}
