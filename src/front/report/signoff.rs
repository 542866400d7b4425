//! The last block of the report: who carried it out, who decided at which gate, and room for those who sign on paper.

use super::Report;
use crate::front::tree::What;

/// One line of the block; what is empty is filled in by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// In which role.
    pub(super) role: String,
    /// Who.
    pub(super) name: String,
    /// What they decided.
    pub(super) decision: String,
    /// When.
    pub(super) at: String,
    /// What proves it.
    pub(super) proof: String,
}

/// Everybody who answers for the run, and two lines for those who accept it.
pub(super) fn signatures(report: &Report) -> Vec<Signature> {
    let (record, empty) = (&report.record, String::new);
    let ended = record.ended.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default();
    let mut found = vec![Signature {
        role: "carried out by".to_owned(),
        name: record.facts.person.clone(),
        decision: report.outcome().2.to_owned(),
        at: ended,
        proof: empty(),
    }];
    for node in report.tree.walk() {
        let What::Gate { asked, answers, .. } = &node.what else { continue };
        found.extend(
            answers.iter().map(|answer| Signature {
                role: format!("at the gate “{}”", asked.name),
                name: answer.person.clone(),
                decision: answer.word().to_owned(),
                at: answer.at.clone(),
                proof: if answer.signature.is_some() { "signed with their key" } else { "known by login" }
                    .to_owned(),
            }),
        );
    }
    found.extend(["reviewed by", "accepted by"].map(|role| Signature {
        role: role.to_owned(),
        name: empty(),
        decision: empty(),
        at: empty(),
        proof: empty(),
    }));
    found
}
