//! Small records, recalled.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::base::call::{Call, Inverse};
use crate::base::decision::Choice;
use crate::base::effect::Effect;
use crate::base::event::Event;
use crate::base::outcome::Outcome;
use crate::effect::journal::Kept;

fn began(position: &str, verb: &str, effect: Effect) -> Event {
    Event::EffectBegan {
        position: position.into(),
        call: Call::new("files.backups".parse().unwrap(), verb),
        digest: "d".into(),
        effect,
        plan: String::new(),
        inverse: Inverse::Nothing,
        stays: false,
        at: None,
    }
}

fn ended(position: &str, outcome: Outcome) -> Event {
    let error = (outcome != Outcome::Done).then(|| Error::remote("no"));
    let (call, took) = ("files.backups.put".to_owned(), Duration::ZERO);
    Event::EffectEnded { position: position.into(), call, outcome, took, value: 7.into(), error }
}

fn step(position: &str) -> Event {
    Event::StepBegan { position: position.into(), name: "A".into(), rollback: false }
}

fn step_ended(position: &str, outcome: Outcome) -> Event {
    Event::StepEnded {
        position: position.into(),
        name: "A".into(),
        outcome,
        took: Duration::ZERO,
        error: None,
    }
}

fn index(events: Vec<Event>) -> Index {
    let mut index = Index::default();
    for (seq, event) in events.into_iter().enumerate() {
        let at = Timestamp::from_second(1000 + seq as i64).unwrap();
        index.hear(Kept { seq: seq as u64 + 1, at, event, whole: None, has_inverse: false });
    }
    index
}

fn recall(index: Index) -> Recall {
    let recall = Recall::default();
    recall.begin(index, Terms::new(Frontier::GoOn));
    recall
}

const PUT: Asked<'_> = Asked::Effect("files.backups.put", "d", None);
const GET: Asked<'_> = Asked::Effect("files.backups.get", "d", None);

#[test]
fn what_was_recorded_comes_back_once_and_what_comes_later_is_new() {
    let recall = recall(index(vec![
        began("0", "put", Effect::Write),
        ended("0", Outcome::Done),
        began("1", "get", Effect::Read),
    ]));
    let Some(Record::Effect(first)) = recall.take("0", &PUT).unwrap() else { panic!("not recorded") };
    assert_eq!(first.outcome(), Some(Outcome::Done));
    let Some(Record::Effect(open)) = recall.take("1", &GET).unwrap() else { panic!("not recorded") };
    assert_eq!(open.outcome(), None);
    assert!(!recall.is_on() && recall.take("2", &PUT).unwrap().is_none());
}

#[test]
fn another_call_a_call_more_and_a_call_less_are_differences() {
    let events = || {
        vec![
            step("0"),
            began("0/0", "put", Effect::Write),
            ended("0/0", Outcome::Done),
            step_ended("0", Outcome::Done),
            began("1", "put", Effect::Write),
            ended("1", Outcome::Done),
        ]
    };
    let one = recall(index(events()));
    one.take("0", &Asked::Step("A")).unwrap();
    let error = one.take("0/0", &GET).unwrap_err();
    assert_eq!(error.kind, Kind::Changed);
    assert_eq!(
        error.why.as_deref().unwrap(),
        "recorded: the call `files.backups.put` (at 0/0)\nnow:      the call `files.backups.get`"
    );
    let one = recall(index(events()));
    assert!(one.take("0", &Asked::Step("B")).is_err());
    let one = recall(index(events()));
    one.take("0", &Asked::Step("A")).unwrap();
    assert!(one.leave("0").is_err(), "a call less");
    let one = recall(index(events()));
    one.take("0", &Asked::Step("A")).unwrap();
    one.take("0/0", &PUT).unwrap();
    assert!(one.take("0/1", &PUT).is_err(), "a call more");
}

#[test]
fn branches_are_in_no_order() {
    let branched = Event::Branched { position: "0".into(), branches: 2 };
    let done = |position: &str| [began(position, "put", Effect::Write), ended(position, Outcome::Done)];
    let events =
        [vec![branched], done("0/0/0").to_vec(), done("0/1/0").to_vec(), done("0/1/1").to_vec()].concat();
    let recall = recall(index(events));
    recall.take("0", &Asked::Branches).unwrap();
    recall.take("0/0/0", &PUT).unwrap().unwrap();
    assert!(recall.take("0/0/1", &PUT).unwrap().is_none(), "the first branch goes on");
    recall.take("0/1/0", &PUT).unwrap().unwrap();
    recall.take("0/1/1", &PUT).unwrap().unwrap();
    assert!(!recall.is_on());
}

#[test]
fn a_run_that_ended_tries_again_where_it_broke_and_reads_again() {
    let events = vec![
        step("0"),
        began("0/0", "put", Effect::Write),
        ended("0/0", Outcome::Done),
        began("0/1", "get", Effect::Read),
        ended("0/1", Outcome::Done),
        began("0/2", "put", Effect::Write),
        ended("0/2", Outcome::Failed),
        step_ended("0", Outcome::Failed),
    ];
    let mut again = index(events.clone());
    again.reopen();
    let again = recall(again);
    assert!(matches!(again.take("0", &Asked::Step("A")).unwrap(), Some(Record::Step { end: None, .. })));
    again.take("0/0", &PUT).unwrap().unwrap();
    assert!(!again.is_on(), "the read and the failure are forgotten");
    let skip = Event::Decided {
        position: "0/2".into(),
        what: String::new(),
        choice: Choice::Skip,
        by: "ada".into(),
        value: 3.into(),
        note: None,
    };
    let skipped = recall(index([events, vec![skip]].concat()));
    skipped.take("0", &Asked::Step("A")).unwrap();
    skipped.take("0/0", &PUT).unwrap().unwrap();
    skipped.take("0/1", &GET).unwrap().unwrap();
    let Some(Record::Effect(recorded)) = skipped.take("0/2", &PUT).unwrap() else { panic!("not recorded") };
    assert_eq!(recorded.decided, Some(3.into()));
}

#[test]
fn an_accepted_edit_goes_on_without_what_was_recorded_from_there_on() {
    let events = vec![
        began("0", "put", Effect::Write),
        ended("0", Outcome::Done),
        step("1"),
        began("1/0", "put", Effect::Write),
        ended("1/0", Outcome::Done),
        began("2", "put", Effect::Write),
    ];
    let recall = Recall::default();
    recall.begin(index(events), Terms { accept: Some(Arc::new(|_, _| true)), ..Terms::new(Frontier::GoOn) });
    recall.take("0", &PUT).unwrap().unwrap();
    assert!(recall.take("1", &GET).unwrap().is_none());
    assert!(!recall.is_on());
}
