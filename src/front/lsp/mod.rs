//! `playbook lsp`: a language server on standard input and output, for editors.

mod answers;
mod document;
mod findings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, DidSaveTextDocument, Notification as _,
    PublishDiagnostics,
};
use lsp_types::request::{Completion, GotoDefinition, HoverRequest, Request as _};
use lsp_types::{
    CompletionOptions, HoverProviderCapability, InitializeResult, OneOf, PublishDiagnosticsParams,
    ServerCapabilities, ServerInfo, TextDocumentSyncCapability, TextDocumentSyncKind, Uri,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::error::{Error, Result};
use crate::base::exit::Exit;
use document::Document;

/// What the server takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Lsp {
    /// The environment that playbooks are checked in; else the project's default.
    #[arg(long, short, env = "PLAYBOOK_ENV", value_name = "NAME")]
    pub env: Option<String>,
    /// Editors name the way to talk; this is the only one.
    #[arg(long, hide = true)]
    pub stdio: bool,
}

/// Serves one editor until it leaves.
pub fn serve(wanted: &Lsp, project: Option<&Path>) -> Result<Exit> {
    let (connection, threads) = Connection::stdio();
    let mut server = Server {
        environment: wanted.env.clone(),
        project: project.map(Path::to_path_buf),
        documents: BTreeMap::new(),
    };
    let spoken = server.talk(&connection);
    drop(connection);
    let joined = threads.join().map_err(|why| Error::io("the editor is gone", &why));
    spoken.and(joined).map(|()| Exit::Done)
}

/// What an editor has open.
struct Server {
    environment: Option<String>,
    project: Option<PathBuf>,
    documents: BTreeMap<String, Document>,
}

impl Server {
    fn talk(&mut self, connection: &Connection) -> Result<()> {
        let (id, _) = connection.initialize_start().map_err(refused)?;
        let about = InitializeResult {
            capabilities: abilities(),
            server_info: Some(ServerInfo {
                name: "playbook".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        };
        let about = serde_json::to_value(about).map_err(unwritten)?;
        connection.initialize_finish(id, about).map_err(refused)?;
        for message in &connection.receiver {
            match message {
                Message::Request(request) => {
                    if connection.handle_shutdown(&request).map_err(refused)? {
                        return Ok(());
                    }
                    let answer = self.answer(request);
                    connection.sender.send(Message::Response(answer)).map_err(gone)?;
                }
                Message::Notification(notification) => self.note(connection, notification)?,
                Message::Response(_) => {}
            }
        }
        Ok(())
    }

    fn answer(&self, request: Request) -> Response {
        let id = request.id.clone();
        match request.method.as_str() {
            Completion::METHOD => self.with(request, |document, params: lsp_types::CompletionParams| {
                answers::completion(document, params.text_document_position.position)
            }),
            HoverRequest::METHOD => self.with(request, |document, params: lsp_types::HoverParams| {
                answers::hover(document, params.text_document_position_params.position)
            }),
            GotoDefinition::METHOD => {
                self.with(request, |document, params: lsp_types::GotoDefinitionParams| {
                    answers::definition(document, params.text_document_position_params.position)
                })
            }
            other => Response::new_err(
                id,
                ErrorCode::MethodNotFound as i32,
                format!("`{other}` is not known here"),
            ),
        }
    }

    /// Answers a request about the document that it names.
    fn with<P: DeserializeOwned, R: serde::Serialize>(
        &self,
        request: Request,
        answer: impl FnOnce(&Document, P) -> Option<R>,
    ) -> Response {
        let Request { id, params, .. } = request;
        let uri = uri_of(&params);
        let Some(document) = uri.and_then(|uri| self.documents.get(&uri)) else {
            return nothing(id);
        };
        match serde_json::from_value::<P>(params) {
            Ok(params) => answer(document, params)
                .map_or_else(|| nothing(id.clone()), |value| Response::new_ok(id.clone(), value)),
            Err(why) => Response::new_err(id, ErrorCode::InvalidParams as i32, why.to_string()),
        }
    }

    fn note(&mut self, connection: &Connection, notification: Notification) -> Result<()> {
        let Notification { method, params } = notification;
        let Some(uri) = uri_of(&params) else { return Ok(()) };
        let text = match method.as_str() {
            DidOpenTextDocument::METHOD => params.pointer("/textDocument/text"),
            DidChangeTextDocument::METHOD => {
                params.get("contentChanges").and_then(Value::as_array).and_then(|all| all.last()?.get("text"))
            }
            DidSaveTextDocument::METHOD => None,
            DidCloseTextDocument::METHOD => {
                self.documents.remove(&uri);
                return publish(connection, &uri, Vec::new());
            }
            _ => return Ok(()),
        };
        if let Some(text) = text.and_then(Value::as_str) {
            let document = Document::new(&uri, text, self.project.as_deref(), self.environment.as_deref());
            self.documents.insert(uri.clone(), document);
        }
        match self.documents.get(&uri) {
            Some(document) => publish(connection, &uri, findings::of(document)),
            None => Ok(()),
        }
    }
}

fn abilities() -> ServerCapabilities {
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::FULL)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([".", "\"", "{", ",", "("].map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        ..ServerCapabilities::default()
    }
}

fn publish(connection: &Connection, uri: &str, diagnostics: Vec<lsp_types::Diagnostic>) -> Result<()> {
    let Ok(uri) = uri.parse::<Uri>() else { return Ok(()) };
    let params = PublishDiagnosticsParams { uri, diagnostics, version: None };
    let message = Notification::new(PublishDiagnostics::METHOD.to_owned(), params);
    connection.sender.send(Message::Notification(message)).map_err(gone)
}

fn uri_of(params: &Value) -> Option<String> {
    params.pointer("/textDocument/uri").and_then(Value::as_str).map(str::to_owned)
}

fn nothing(id: RequestId) -> Response {
    Response::new_ok(id, Value::Null)
}

fn refused(why: lsp_server::ProtocolError) -> Error {
    Error::remote("the editor does not speak as it should")
        .why(why.to_string())
        .fix("start `playbook lsp` from an editor: see docs/editor.md")
}

fn gone(why: impl std::fmt::Display) -> Error {
    Error::io("the editor is gone", &std::io::Error::other(why.to_string()))
}

fn unwritten(why: serde_json::Error) -> Error {
    Error::bug("an answer cannot be written").why(why.to_string())
}
