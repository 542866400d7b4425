//! A small collector of traces: OTLP over HTTP, each request decoded with OpenTelemetry's own types.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// A running collector; it ends with the test process.
pub struct Collector {
    port: u16,
    got: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    /// Starts one.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let keeping = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let keeping = Arc::clone(&keeping);
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    while let Some(request) = read(&mut reader) {
                        // Kept before it is answered: who sent it may end with the answer, and is looked for then.
                        keeping.lock().unwrap().push(request);
                        answer(&mut reader);
                    }
                });
            }
        });
        Self { port, got }
    }

    /// Its base address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<Span> {
        let got = self.got.lock().unwrap();
        let scopes = got.iter().flat_map(|request| &request.resource_spans).flat_map(|one| &one.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The name under which they were sent.
    pub fn service(&self) -> String {
        let got = self.got.lock().unwrap();
        let resource = got[0].resource_spans[0].resource.clone().unwrap();
        text(&resource.attributes, "service.name")
    }
}

/// The text of an attribute; empty when there is none.
pub fn text(attributes: &[KeyValue], name: &str) -> String {
    match attributes.iter().find(|one| one.key == name).and_then(|one| one.value.clone()) {
        Some(AnyValue { value: Some(Value::StringValue(text)), .. }) => text,
        _ => String::new(),
    }
}

/// Says that a request was taken.
fn answer(reader: &mut BufReader<TcpStream>) {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
    // Whoever has gone asks for no answer.
    let _ = reader.get_mut().write_all(answer.as_bytes());
}

/// Reads one request; `None` at the end of the connection.
fn read(reader: &mut BufReader<TcpStream>) -> Option<ExportTraceServiceRequest> {
    let (mut first, mut length, mut kind) = (String::new(), 0, String::new());
    if reader.read_line(&mut first).ok()? == 0 {
        return None;
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if let Some(value) = lower.strip_prefix("content-type:") {
            kind = value.trim().to_owned();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    assert!(first.starts_with("POST /v1/traces ") && kind == "application/x-protobuf", "{first} {kind}");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(ExportTraceServiceRequest::decode(&body[..]).unwrap())
}
