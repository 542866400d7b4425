//! What lies at AWS, in the emulation: machines, a service, a load balancer, a zone with its record and health check, an edge.

use serde_json::json;

use crate::real::aws::fresh;
use crate::real::cloudfront;
use crate::rig::servers::moto::{Moto, between};

const ECS: &str = "AmazonEC2ContainerServiceV20141113";

/// The production account of one test.
pub struct Cloud {
    pub moto: &'static Moto,
    /// The machine, and its security group.
    pub machine: String,
    pub firewall: String,
    pub cluster: String,
    pub balancer: String,
    pub targets: String,
    targets_arn: String,
    pub distribution: String,
    pub zone: String,
    /// The load balancer's own name, to which the record points.
    pub dns: String,
    /// The name under which users reach it; its record has a TTL of 300.
    pub host: String,
    pub health_check: String,
}

impl Cloud {
    /// All of it, well.
    pub fn make(moto: &'static Moto) -> Self {
        let (machine, firewall) = machine(moto);
        let (balancer, dns, targets, targets_arn) = balancer(moto);
        let cluster = fresh("production");
        moto.json("ecs", &format!("{ECS}.CreateCluster"), &json!({ "clusterName": cluster }));
        let container = json!([{ "name": "api", "image": "api:11", "memory": 64 }]);
        let definition = json!({ "family": cluster, "containerDefinitions": container });
        moto.json("ecs", &format!("{ECS}.RegisterTaskDefinition"), &definition);
        let service =
            json!({ "cluster": cluster, "serviceName": "api", "taskDefinition": cluster, "desiredCount": 0 });
        moto.json("ecs", &format!("{ECS}.CreateService"), &service);
        let (zone, host) = zone(moto, &dns);
        let health_check = health_check(moto, &host);
        let distribution = cloudfront::distribution(moto);
        // It is everywhere once it has been asked about.
        moto.xml("cloudfront", "GET", &format!("/2020-05-31/distribution/{distribution}"), "");
        Self {
            moto,
            machine,
            firewall,
            cluster,
            balancer,
            targets,
            targets_arn,
            distribution,
            dns,
            zone,
            host,
            health_check,
        }
    }

    /// Stops the machine, or starts it.
    pub fn machine(&self, runs: bool) {
        let action = if runs { "StartInstances" } else { "StopInstances" };
        self.ec2(&format!("Action={action}&InstanceId.1={}", self.machine));
    }

    /// Opens the port of the database to the whole world, or closes it.
    pub fn database_is_open(&self, is_open: bool) {
        let action = if is_open { "Authorize" } else { "Revoke" };
        self.ec2(&format!("Action={action}SecurityGroupIngress&GroupId={}&{}", self.firewall, ingress(5432)));
    }

    /// Ends the service.
    pub fn end_the_service(&self) {
        let body = json!({ "cluster": self.cluster, "service": "api" });
        self.moto.json("ecs", &format!("{ECS}.DeleteService"), &body);
    }

    /// Puts the target into its group, or takes it out.
    pub fn target(&self, is_there: bool) {
        target(self.moto, &self.targets_arn, is_there);
    }

    /// Points the record there.
    pub fn points_to(&self, value: &str) {
        record(self.moto, &self.zone, "UPSERT", &self.host, value);
    }

    /// All records of the zone.
    pub fn records(&self) -> String {
        self.moto.xml("route53", "GET", &format!("/2013-04-01/hostedzone/{}/rrset", self.zone), "")
    }

    fn ec2(&self, form: &str) {
        self.moto.form("ec2", &format!("Version=2016-11-15&{form}"));
    }
}

fn ingress(port: u16) -> String {
    format!(
        "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort={port}&IpPermissions.1.ToPort={port}&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0"
    )
}

fn machine(moto: &Moto) -> (String, String) {
    let ec2 = |form: &str| moto.form("ec2", &format!("Version=2016-11-15&{form}"));
    let name = fresh("ledger");
    let made = ec2(&format!("Action=CreateSecurityGroup&GroupName={name}&GroupDescription=ledger"));
    let group = between(&made, "<groupId>", "</groupId>")[0].clone();
    ec2(&format!("Action=AuthorizeSecurityGroupIngress&GroupId={group}&{}", ingress(443)));
    let form =
        format!("Action=RunInstances&ImageId=ami-12c6146b&MinCount=1&MaxCount=1&SecurityGroupId.1={group}");
    (between(&ec2(&form), "<instanceId>", "</instanceId>")[0].clone(), group)
}

/// Its name, its DNS name, and a group with one target: name and ARN.
fn balancer(moto: &Moto) -> (String, String, String, String) {
    let ask = |form: &str| moto.form("elasticloadbalancing", &format!("Version=2015-12-01&{form}"));
    let (name, targets) = (fresh("edge"), fresh("api"));
    let (vpc, made) = moto.load_balancer(&name);
    let arn = between(&made, "<LoadBalancerArn>", "</LoadBalancerArn>")[0].clone();
    let dns = between(&made, "<DNSName>", "</DNSName>")[0].clone();
    let made = ask(&format!(
        "Action=CreateTargetGroup&Name={targets}&Protocol=HTTP&Port=80&VpcId={vpc}&TargetType=ip"
    ));
    let group = between(&made, "<TargetGroupArn>", "</TargetGroupArn>")[0].clone();
    target(moto, &group, true);
    ask(&format!(
        "Action=CreateListener&LoadBalancerArn={arn}&Protocol=HTTP&Port=80&DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={group}"
    ));
    (name, dns, targets, group)
}

fn target(moto: &Moto, group: &str, is_there: bool) {
    let action = if is_there { "RegisterTargets" } else { "DeregisterTargets" };
    let form = format!(
        "Action={action}&Version=2015-12-01&TargetGroupArn={group}&Targets.member.1.Id=10.0.1.5&Targets.member.1.Port=80"
    );
    moto.form("elasticloadbalancing", &form);
}

fn zone(moto: &Moto, points_to: &str) -> (String, String) {
    let name = format!("{}.example.com", fresh("ledger"));
    let body = format!(
        "<CreateHostedZoneRequest><Name>{name}</Name><CallerReference>{name}</CallerReference></CreateHostedZoneRequest>"
    );
    let made = moto.xml("route53", "POST", "/2013-04-01/hostedzone", &body);
    let (id, host) = (between(&made, "<Id>/hostedzone/", "</Id>")[0].clone(), format!("api.{name}"));
    record(moto, &id, "CREATE", &host, points_to);
    (id, host)
}

fn record(moto: &Moto, zone: &str, action: &str, host: &str, value: &str) {
    let body = format!(
        "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>{action}</Action><ResourceRecordSet><Name>{host}</Name><Type>CNAME</Type>\
         <TTL>300</TTL><ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes>\
         </ChangeBatch></ChangeResourceRecordSetsRequest>"
    );
    moto.xml("route53", "POST", &format!("/2013-04-01/hostedzone/{zone}/rrset"), &body);
}

fn health_check(moto: &Moto, host: &str) -> String {
    let body = format!(
        "<CreateHealthCheckRequest><CallerReference>{host}</CallerReference><HealthCheckConfig><IPAddress>10.0.0.25</IPAddress><Port>80</Port>\
         <Type>HTTP</Type><ResourcePath>/</ResourcePath><FullyQualifiedDomainName>{host}</FullyQualifiedDomainName>\
         <RequestInterval>10</RequestInterval><FailureThreshold>2</FailureThreshold></HealthCheckConfig></CreateHealthCheckRequest>"
    );
    let made = moto.xml("route53", "POST", "/2013-04-01/healthcheck", &body);
    between(&made, "<Id>", "</Id>")[0].clone()
}
