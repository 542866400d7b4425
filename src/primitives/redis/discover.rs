//! Asking nodes about their fellows: a cluster's node which master has which slots, a sentinel which server is the master.

use redis::{Value, cmd};

use super::address::Address;
use super::cluster::Slots;
use super::errors::{self, Scene};
use super::node::Node;
use super::settings::{Login, Reach, Target};
use crate::base::error::{Error, Result};

/// What is asked.
#[derive(Clone, Copy, Debug)]
struct Question<'a> {
    /// In words, for errors.
    what: &'a str,
    /// As it is sent.
    words: &'a [&'a str],
}

/// Which master has which slots, as the first of `seeds` says that can be asked.
pub(super) async fn slots(target: &Target, named: &str, seeds: &[Address]) -> Result<Slots> {
    let question = Question { what: "CLUSTER SLOTS", words: &["CLUSTER", "SLOTS"] };
    let (answer, from) = first(target, named, (seeds, &target.login), question).await?;
    Slots::read(&answer, &from).ok_or_else(|| errors::strange(named, question.what, &answer))
}

/// The master, as the first sentinel says that knows it.
pub(super) async fn master(target: &Target, named: &str) -> Result<Address> {
    let Reach::Sentinel { master, nodes, login } = &target.reach else {
        return Err(Error::bug("sentinels were asked where there are none"));
    };
    let question =
        Question { what: "GET-MASTER-ADDR-BY-NAME", words: &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master] };
    let (answer, from) = first(target, named, (nodes, login), question).await?;
    if answer == Value::Nil {
        return Err(Error::missing(format!("no sentinel of `{named}` watches a master `{master}`"))
            .why(format!("the sentinel at {from} does not know it"))
            .fix("correct `master` of `sentinel`"));
    }
    address(&answer).ok_or_else(|| errors::strange(named, question.what, &answer))
}

fn address(answer: &Value) -> Option<Address> {
    let Value::Array(parts) = answer else { return None };
    let [Value::BulkString(host), Value::BulkString(port)] = parts.as_slice() else { return None };
    Some(Address::new(std::str::from_utf8(host).ok()?, std::str::from_utf8(port).ok()?.parse().ok()?))
}

/// The answer of the first node that gives one, and which that was. A node without an answer of substance gives way to
/// the next. When all fail, the error of each is told.
async fn first(
    target: &Target,
    named: &str,
    (nodes, login): (&[Address], &Login),
    question: Question<'_>,
) -> Result<(Value, Address)> {
    let mut empty = None;
    let mut failures: Vec<Error> = Vec::new();
    for address in nodes {
        match ask(target, named, (address, login), question).await {
            Ok(Value::Nil) => empty = Some((Value::Nil, address.clone())),
            Ok(answer) => return Ok((answer, address.clone())),
            Err(why) => failures.push(why),
        }
    }
    match (empty, failures.pop()) {
        (Some(empty), _) => Ok(empty),
        (None, None) => Err(Error::bug("no node is named")),
        (None, Some(last)) if failures.is_empty() => Err(last),
        (None, Some(last)) => {
            let mut whole = last.clone();
            let why = |error: &Error| {
                format!("{}: {}", error.what, error.why.as_deref().unwrap_or("no reason given"))
            };
            whole.why = Some(failures.iter().chain([&last]).map(why).collect::<Vec<_>>().join("\n"));
            whole.what = format!("none of the {} nodes named for `{named}` can be asked", failures.len() + 1);
            Err(whole)
        }
    }
}

async fn ask(
    target: &Target,
    named: &str,
    (address, login): (&Address, &Login),
    question: Question<'_>,
) -> Result<Value> {
    let scene = Scene { named, address };
    let mut node = Node::connect(target, named, address, login).await?;
    let (name, arguments) = question.words.split_first().unwrap_or((&"PING", &[]));
    let answer = tokio::time::timeout(target.connect_timeout, node.ask(cmd(name).arg(arguments))).await;
    let answer = answer.map_err(|_| errors::silent(scene, target.tls.is_some(), target.connect_timeout))?;
    match answer.map_err(|why| errors::lost(scene, question.what, &why, false).unchanged())? {
        Value::ServerError(why) => Err(errors::refused(scene, question.what, &why)),
        answer => Ok(answer),
    }
}
