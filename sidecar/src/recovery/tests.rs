use std::collections::BTreeMap;

use gleaner_core::collect::problem;
use gleaner_core::declaration::{Declaration, Scope};
use gleaner_core::render::Values;
use gleaner_core::run::Run;
use gleaner_proto::StepName;
use gleaner_proto::message::{Outputs, Phase};

use super::*;

fn replayed(records: Vec<Record>) -> Result<Phase, String> {
    let text = "steps: {build: [{name: digest}]}\nsubmit: Completed\n";
    let declaration = Declaration::parse(text, &Scope::default()).unwrap();
    let mut collector = Collector::new(declaration, Run::default(), Values::default(), []);
    match replay(&mut collector, records) {
        Ok(_) => Ok(collector.phase()),
        Err(error) => Err(error.to_string()),
    }
}

fn accepted(output: &str) -> Record {
    Record::Accepted {
        step: StepName::new("build").unwrap(),
        message: Outputs {
            outputs: BTreeMap::from([(output.to_owned(), "x".into())]),
            exit_code: 0,
        },
    }
}

#[test]
fn valid_records_are_applied_in_order() {
    let failed = Record::Failed(problem::internal("no"));
    let records = vec![accepted("digest"), Record::Finished, failed];
    assert_eq!(replayed(records), Ok(Phase::Failed));
}

#[test]
fn the_error_names_a_record_that_cannot_follow() {
    let failed = || Record::Failed(problem::internal("no"));
    let planned = || {
        Record::Planned(Planned {
            attempts: BTreeMap::new(),
            objects: Vec::new(),
        })
    };
    for (records, said) in [
        (vec![accepted("other")], "record 1 of the journal"),
        (vec![accepted("digest"), accepted("digest")], "record 2 of"),
        (vec![failed()], "record 1 of the journal"),
        (
            vec![accepted("digest"), failed()],
            "it reports that the submission failed, but",
        ),
        (vec![Record::Finished, failed(), failed()], "record 3 of"),
        (
            vec![planned()],
            "it contains the plan of a submission, but no submission was requested",
        ),
    ] {
        let error = replayed(records).unwrap_err();
        assert!(error.contains(said), "{error}");
        assert!(error.ends_with("delete the pod, so that the run starts again"));
    }
}
