//! Removes pods that have ended: a kubelet of 1.20 tells up to ten seconds late that one with volumes is gone, and a set waits
//! for that before it makes the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::rig::servers::kubernetes::Namespace;

/// At work until it is dropped.
pub struct Reaper {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reaper {
    /// Looks after the pods of these namespaces.
    pub fn start(namespaces: [&Namespace; 2]) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let (cluster, paths) = (namespaces[0].cluster, namespaces.map(|one| one.path("pods")));
        let thread = std::thread::spawn(move || {
            while !told.load(Relaxed) {
                for path in &paths {
                    let pods = cluster.try_send("GET", path, &Value::Null).unwrap_or_default();
                    let pods = pods["items"].as_array().cloned().unwrap_or_default();
                    for pod in pods.iter().filter(|pod| !pod["metadata"]["deletionTimestamp"].is_null()) {
                        let name = pod["metadata"]["name"].as_str().unwrap();
                        let _ = cluster.try_send(
                            "DELETE",
                            &format!("{path}/{name}?gracePeriodSeconds=0"),
                            &Value::Null,
                        );
                    }
                }
                std::thread::sleep(Duration::from_millis(300));
            }
        });
        Self { is_over, thread: Some(thread) }
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
