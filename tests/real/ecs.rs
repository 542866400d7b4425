//! `ecs` against `moto_server`, whose services have no tasks that come and go; that is told by a proxy before it, in the
//! form in which ECS tells it.

use serde_json::json;

use super::aws::{DENIED_JSON, fresh, project, script};
use crate::rig::Rig;
use crate::rig::seen::Seen;
use crate::rig::servers::moto::{self, Moto};
use crate::rig::servers::proxy::{Fault, Proxy};

const WORD: &str = "AmazonEC2ContainerServiceV20141113";

struct Service {
    moto: &'static Moto,
    cluster: String,
    family: String,
}

/// A service with no task wanted, and two revisions of its task definition, the first of which it has.
fn service() -> Option<Service> {
    let moto = moto::shared()?;
    let (cluster, family) = (fresh("cluster"), fresh("api"));
    moto.json("ecs", &format!("{WORD}.CreateCluster"), &json!({ "clusterName": cluster }));
    let definition = json!({ "family": family, "containerDefinitions": [{ "name": "api", "image": "api:1", "memory": 64 }] });
    moto.json("ecs", &format!("{WORD}.RegisterTaskDefinition"), &definition);
    let body =
        json!({ "cluster": cluster, "serviceName": "api", "taskDefinition": family, "desiredCount": 0 });
    moto.json("ecs", &format!("{WORD}.CreateService"), &body);
    moto.json("ecs", &format!("{WORD}.RegisterTaskDefinition"), &definition);
    Some(Service { moto, cluster, family })
}

impl Service {
    fn definition(&self) -> String {
        let body = json!({ "cluster": self.cluster, "services": ["api"] });
        let answer = self.moto.json("ecs", &format!("{WORD}.DescribeServices"), &body);
        answer["services"][0]["taskDefinition"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }

    fn rig(&self, port: u16) -> Rig {
        let cluster = &self.cluster;
        project(
            port,
            &format!(
                "[env.local.ecs.api]\naccount = \"aws.main\"\ncluster = \"{cluster}\"\nservice = \"api\"\naccess = \"write\"\n"
            ),
        )
    }

    fn exec(&self, port: u16, body: &str) -> Seen {
        let body = format!("let api = ecs(\"api\");\n{}", body.replace("FAMILY", &self.family));
        self.rig(port).exec(&script("ecs.api:write", &body)).1
    }
}

const NEW: &str = r#"{"service":{"status":"ACTIVE","desiredCount":2,"runningCount":2,"taskDefinition":"arn:aws:ecs:us-east-1:1:task-definition/api:2","deployments":[
    {"id":"new","status":"PRIMARY","rolloutState":"IN_PROGRESS","desiredCount":2,"runningCount":0},{"id":"old","status":"ACTIVE","rolloutState":"COMPLETED","desiredCount":2,"runningCount":2}]}}"#;
const HALF: &str = r#"{"services":[{"status":"ACTIVE","desiredCount":2,"runningCount":3,"taskDefinition":"arn:aws:ecs:us-east-1:1:task-definition/api:2","deployments":[
    {"id":"new","status":"PRIMARY","rolloutState":"IN_PROGRESS","desiredCount":2,"runningCount":1},{"id":"old","status":"ACTIVE","rolloutState":"COMPLETED","desiredCount":2,"runningCount":2}]}]}"#;
const WHOLE: &str = r#"{"services":[{"status":"ACTIVE","desiredCount":2,"runningCount":2,"taskDefinition":"arn:aws:ecs:us-east-1:1:task-definition/api:2","deployments":[
    {"id":"new","status":"PRIMARY","rolloutState":"COMPLETED","desiredCount":2,"runningCount":2}]}]}"#;
const FAILED: &str = r#"{"services":[{"status":"ACTIVE","desiredCount":2,"runningCount":2,"taskDefinition":"arn:aws:ecs:us-east-1:1:task-definition/api:2","deployments":[
    {"id":"new","status":"PRIMARY","rolloutState":"FAILED","rolloutStateReason":"ECS deployment circuit breaker: tasks failed to start.","desiredCount":2,"runningCount":0}],
    "events":[{"message":"(service api) is unable to consistently start tasks successfully."}]}]}"#;
const BACK: &str = r#"{"services":[{"status":"ACTIVE","desiredCount":2,"runningCount":2,"taskDefinition":"arn:aws:ecs:us-east-1:1:task-definition/api:1","deployments":[
    {"id":"back","status":"PRIMARY","rolloutState":"IN_PROGRESS","desiredCount":2,"runningCount":2}]}]}"#;

#[test]
fn a_service_is_told_and_deployed() {
    let Some(service) = service() else { return };
    let body = r#"
        let how = api.status();
        check "how it is", how.stable && how.desired == 0 && how.running == 0 && how.task_definition.ends_with("FAMILY:1");
        let done = api.deploy("FAMILY:2");
        check "deployed", done.before.ends_with("FAMILY:1") && done.after.ends_with("FAMILY:2");
        api.wait_stable();
        check "anew", api.deploy().after.ends_with("FAMILY:2");
    "#;
    service.exec(service.moto.port, body).expect(0);
    assert_eq!(service.definition(), format!("{}:2", service.family));
}

#[test]
fn a_later_failure_deploys_the_definition_that_was_before() {
    let Some(service) = service() else { return };
    let body = "step \"deploy\" { api.deploy(\"FAMILY:2\"); api.deploy(); }\nfail(\"later\");";
    service
        .exec(service.moto.port, body)
        .expect(1)
        .says("taken back")
        .says("FAMILY:1".replace("FAMILY", &service.family).as_str());
    assert_eq!(service.definition(), format!("{}:1", service.family));
}

#[test]
fn a_plan_deploys_nothing() {
    let Some(service) = service() else { return };
    let body = "ecs(\"api\").deploy(\"x:2\");\necs(\"api\").deploy();";
    let rig = service.rig(service.moto.port).file("test.rhai", &script("ecs.api:write", body));
    let seen = rig.run(&["plan", "test.rhai"]).expect(0);
    seen.says("deploy x:2 to ecs.api").says("start the tasks of ecs.api anew");
    assert_eq!(service.definition(), format!("{}:1", service.family));
}

#[test]
fn a_deployment_is_waited_for_to_its_end() {
    let Some(service) = service() else { return };
    let proxy = Proxy::http(service.moto.port);
    // The inverse and the beginning each look once.
    let begin = || {
        proxy.when_said("DescribeServices", Fault::Say(200, BACK), 2);
        proxy.when_said("UpdateService", Fault::Say(200, NEW), 1);
    };
    begin();
    proxy.when_said("DescribeServices", Fault::Say(200, HALF), 1);
    proxy.when_said("DescribeServices", Fault::Say(200, WHOLE), 1);
    let body = r#"check "all run", api.deploy("api:2").running == 2;"#;
    service.exec(proxy.port, body).expect(0).says("1 of 2 tasks run, 2 of the old");
    begin();
    proxy.when_said("DescribeServices", Fault::Say(200, FAILED), 1);
    proxy.when_said("UpdateService", Fault::Say(200, NEW), 9);
    proxy.when_said("DescribeServices", Fault::Say(200, WHOLE), 9);
    let seen = service.exec(proxy.port, r#"api.deploy("api:2");"#);
    seen.says("the deployment of `ecs.api` has failed")
        .says("circuit breaker")
        .says("unable to consistently start tasks");
    proxy.heal();
    begin();
    proxy.when_said("DescribeServices", Fault::Say(200, BACK), 1);
    service.exec(proxy.port, r#"api.deploy("api:2");"#).says("ECS went back to").says("api:1");
    proxy.heal();
    proxy.when_said("DescribeServices", Fault::Say(200, HALF), 99);
    service.exec(proxy.port, "api.wait_stable(#{ timeout: \"5s\" });").expect(4).says("1 of 2 tasks run");
}

#[test]
fn missing_denied_and_silent_are_told_apart() {
    let Some(service) = service() else { return };
    let none = Service { moto: service.moto, cluster: "none".to_owned(), family: "x".to_owned() };
    none.exec(service.moto.port, "api.status();").expect(1).says("ClusterNotFoundException");
    service.exec(service.moto.port, "api.deploy(\"none:9\");").says("could not deploy none:9 to ecs.api");
    let proxy = Proxy::http(service.moto.port);
    proxy.when_said("UpdateService", DENIED_JSON, 1);
    let seen = service.exec(proxy.port, "api.deploy(\"FAMILY:2\");").expect(1);
    seen.says("do `ecs:UpdateService`").hides("in doubt");
    // What is sent once is not sent twice.
    proxy.when_said("UpdateService", Fault::Half(0), 1);
    service.exec(proxy.port, "api.deploy(\"FAMILY:2\");").says("in doubt").says("taken back");
    assert_eq!(service.definition(), format!("{}:1", service.family));
    proxy.when_said("DescribeServices", Fault::HoldAnswer, 9);
    service.exec(proxy.port, "api.status(#{ timeout: \"500ms\" });").expect(4).says("500ms");
    proxy.release();
}

#[test]
fn a_crash_around_a_deployment_is_survived() {
    let Some(service) = service() else { return };
    let line = format!("ecs(\"api\").deploy(\"{}:2\");", service.family);
    let rig = || service.rig(service.moto.port);
    crate::rig::crash::survives(rig, "ecs.api:write", &line, || service.definition());
}
