//! The lines of INFO as a map with whole words, of one node or of all masters of a cluster together.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// The lines of INFO by their names.
#[derive(Debug)]
pub(super) struct Facts<'a>(HashMap<&'a str, &'a str>);

impl<'a> Facts<'a> {
    /// Reads the answer to INFO.
    pub(super) fn read(text: &'a str) -> Self {
        Self(text.lines().filter_map(|line| line.trim_end().split_once(':')).collect())
    }

    /// Whether its memory is used up, and nothing is removed to make room.
    pub(super) fn is_full(&self) -> bool {
        let (used, max) = (self.number("used_memory"), self.number("maxmemory").filter(|max| *max > 0));
        self.text("maxmemory_policy") == Some("noeviction") && max.is_some() && used >= max
    }

    /// What `info` gives of one node; the keys are those of the database of that number.
    pub(super) fn told(&self, database: u32) -> Map<String, Value> {
        let (used, max) = (self.number("used_memory"), self.number("maxmemory").filter(|max| *max > 0));
        let (hits, misses) = (self.number("keyspace_hits"), self.number("keyspace_misses"));
        let keys = self.fields(&format!("db{database}"));
        let key = |name: &str| keys.get(name).and_then(|text| text.parse().ok()).unwrap_or(0_u64);
        let role = if self.text("role") == Some("slave") { "replica" } else { "master" };
        let told = json!({
            "version": self.text("redis_version").or_else(|| self.text("valkey_version")),
            "role": role,
            "memory": {
                "used": used,
                "max": max,
                // Where nothing bounds it, the machine does.
                "ratio": ratio(used, max.or(self.number("total_system_memory"))),
                "fragmentation": self.float("mem_fragmentation_ratio"),
            },
            "clients": {
                "connected": self.number("connected_clients"),
                "blocked": self.number("blocked_clients"),
                "max": self.number("maxclients"),
            },
            "replication": if role == "master" { self.replicas() } else { self.master() },
            "keys": { "total": key("keys"), "expiring": key("expires") },
            "evicted": self.number("evicted_keys"),
            "expired": self.number("expired_keys"),
            "hits": hits,
            "misses": misses,
            "hit_ratio": ratio(hits, hits.zip(misses).map(|(hits, misses)| hits + misses)),
            "operations_per_second": self.number("instantaneous_ops_per_sec"),
            "up_ms": self.number("uptime_in_seconds").map(|seconds| seconds * 1000),
        });
        match told {
            Value::Object(told) => told,
            _ => Map::new(),
        }
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    fn float(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    /// A line of the form `name:a=1,b=2`.
    fn fields(&self, name: &str) -> HashMap<&'a str, &'a str> {
        self.text(name)
            .map(|text| text.split(',').filter_map(|field| field.split_once('=')).collect())
            .unwrap_or_default()
    }

    /// What a master knows of its replicas.
    fn replicas(&self) -> Value {
        let offset = self.number("master_repl_offset");
        let count = self.number("connected_slaves").unwrap_or(0);
        let replica = |number| {
            let fields = self.fields(&format!("slave{number}"));
            let number = |name: &str| fields.get(name)?.parse::<u64>().ok();
            json!({
                "address": format!("{}:{}", fields.get("ip").unwrap_or(&"?"), fields.get("port").unwrap_or(&"?")),
                "link": if fields.get("state") == Some(&"online") { "up" } else { "down" },
                "lag_ms": number("lag").map(|seconds| seconds * 1000),
                "behind": offset.zip(number("offset")).map(|(master, own)| master.saturating_sub(own)),
            })
        };
        json!({ "replicas": (0..count).map(replica).collect::<Vec<_>>() })
    }

    /// What a replica knows of its master.
    fn master(&self) -> Value {
        let (host, port) = (self.text("master_host").unwrap_or("?"), self.text("master_port").unwrap_or("?"));
        let (read, applied) = (self.number("slave_read_repl_offset"), self.number("slave_repl_offset"));
        json!({
            "master": format!("{host}:{port}"),
            "link": self.text("master_link_status"),
            "heard_ms": self.number("master_last_io_seconds_ago").map(|seconds| seconds * 1000),
            "behind": read.zip(applied).map(|(read, applied)| read.saturating_sub(applied)),
        })
    }
}

fn ratio(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let (part, whole) = (part?, whole.filter(|whole| *whole > 0)?);
    Some((part as f64 / whole as f64 * 1e4).round() / 1e4)
}

/// The figures of all masters together, and `nodes` with those of each.
pub(super) fn together(nodes: Vec<Map<String, Value>>) -> Value {
    let sum = |path: &str| {
        let each = nodes.iter().map(|node| {
            path.split('/').try_fold(Value::Object(node.clone()), |at, name| at.get(name).cloned())
        });
        each.map(|value| value.and_then(|value| value.as_u64())).sum::<Option<u64>>()
    };
    let ratios = nodes.iter().filter_map(|node| node.get("memory")?.get("ratio")?.as_f64());
    let (hits, misses) = (sum("hits"), sum("misses"));
    let first = |name: &str| nodes.first().and_then(|node| node.get(name)).cloned();
    json!({
        "version": first("version"),
        "role": "master",
        "memory": { "used": sum("memory/used"), "max": sum("memory/max"), "ratio": ratios.reduce(f64::max) },
        "clients": { "connected": sum("clients/connected"), "blocked": sum("clients/blocked") },
        "keys": { "total": sum("keys/total"), "expiring": sum("keys/expiring") },
        "evicted": sum("evicted"),
        "expired": sum("expired"),
        "hits": hits,
        "misses": misses,
        "hit_ratio": ratio(hits, hits.zip(misses).map(|(hits, misses)| hits + misses)),
        "operations_per_second": sum("operations_per_second"),
        "nodes": nodes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_master_become_a_map() {
        let text = "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:12\r\nrole:master\r\nused_memory:512\r\nmaxmemory:1024\r\n\
                    connected_slaves:1\r\nslave0:ip=10.0.0.2,port=6380,state=online,offset=90,lag=1\r\nmaster_repl_offset:100\r\n\
                    keyspace_hits:3\r\nkeyspace_misses:1\r\ndb0:keys=5,expires=2,avg_ttl=0\r\n";
        let told = Facts::read(text).told(0);
        assert_eq!(told["memory"], json!({ "used": 512, "max": 1024, "ratio": 0.5, "fragmentation": null }));
        assert_eq!(told["hit_ratio"], json!(0.75));
        assert_eq!(told["keys"], json!({ "total": 5, "expiring": 2 }));
        let replica = json!({ "address": "10.0.0.2:6380", "link": "up", "lag_ms": 1000, "behind": 10 });
        assert_eq!(told["replication"], json!({ "replicas": [replica] }));
        assert_eq!(Facts::read(text).told(1)["keys"], json!({ "total": 0, "expiring": 0 }));
    }

    #[test]
    fn masters_are_counted_together_and_the_fullest_tells_the_ratio() {
        let node = |used: u64, hits: u64| {
            let text = format!(
                "used_memory:{used}\nmaxmemory:100\nkeyspace_hits:{hits}\nkeyspace_misses:1\ndb0:keys=5"
            );
            Facts::read(&text).told(0)
        };
        let all = together(vec![node(50, 1), node(80, 0)]);
        assert_eq!(all["memory"], json!({ "used": 130, "max": 200, "ratio": 0.8 }));
        assert_eq!((&all["keys"]["total"], &all["hit_ratio"]), (&json!(10), &json!(0.3333)));
        assert_eq!(all["evicted"], Value::Null);
        assert_eq!(all["nodes"].as_array().unwrap().len(), 2);
    }
}
