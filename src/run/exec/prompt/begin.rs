//! The beginning of a run whose lines are typed: all that the environment gives may be used.

use std::collections::BTreeMap;

use rhai::{AST, Scope};
use serde_json::Map;
use tokio::runtime::Runtime;

use super::Prompt;
use crate::base::access::Access;
use crate::base::error::Result;
use crate::effect::environment::Environment;
use crate::effect::family::Families;
use crate::effect::journal::Script;
use crate::run::exec::Intention;
use crate::run::exec::begin::Run;
use crate::run::exec::signals::Signals;
use crate::run::order::{Audience, Ready};
use crate::run::past::TYPED;
use crate::run::project::Project;
use crate::script::header::Header;
use crate::sys::runtime;

impl Prompt {
    /// Begins a run of its own in `environment`.
    pub fn begin(
        project: &Project,
        environment: Environment,
        families: Families,
        audience: Audience,
    ) -> Result<Self> {
        let (ready, runtime) = (ready(project, environment)?, runtime::start()?);
        let signals = runtime.block_on(async { Signals::listen() })?;
        let scripts = vec![Script { name: ready.name.clone(), text: ready.text.clone() }];
        let compiled = (AST::empty(), scripts);
        let run = Run::begin(&ready, families, &audience, (&Intention::Apply, runtime.handle()), &compiled)?;
        Ok(Self::of(run, (runtime, signals), ready, families, audience))
    }

    /// Nothing was typed yet in `run`.
    pub(super) fn of(
        run: Run,
        (runtime, signals): (Runtime, Signals),
        ready: Ready,
        families: Families,
        audience: Audience,
    ) -> Self {
        Self {
            run,
            runtime,
            signals,
            ready,
            families,
            audience,
            scope: Scope::new(),
            functions: AST::empty(),
            imports: Vec::new(),
            next: 0,
            opened: None,
            lines: Vec::new(),
        }
    }
}

/// All that an environment gives, as the `uses` of a header.
pub(super) fn everything(environment: &Environment) -> Vec<Access> {
    let given = environment.resources.values();
    given.map(|resource| Access::new(resource.id.clone(), resource.grant)).collect()
}

fn ready(project: &Project, environment: Environment) -> Result<Ready> {
    let uses: Vec<String> = everything(&environment).iter().map(|access| format!("\"{access}\"")).collect();
    let text = format!("//! Typed at the prompt.\n//!\n//! uses = [{}]\n", uses.join(", "));
    let header = Header::read(TYPED, &text)?;
    Ok(Ready {
        folder: project.folder.clone(),
        environment,
        name: TYPED.to_owned(),
        text,
        header,
        parameters: Map::new(),
        patience: None,
        plan: None,
        detach: None,
        recorded: BTreeMap::new(),
    })
}
