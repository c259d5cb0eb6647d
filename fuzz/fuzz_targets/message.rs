//! Any body of a step is taken or refused, and once taken it is recognised.
#![no_main]

use gleaner_proto::declaration::{Declaration, Scope};
use gleaner_proto::message::Outputs;
use gleaner_sidecar::collector::{Collector, Examined};
use gleaner_sidecar::rendering::Values;
use gleaner_sidecar::run::Run;

const DECLARATION: &str = "
steps:
  a: [{name: text}, {name: list, type: array, default: []}, {name: kept, when: Always, default: x}]
resources: [{name: img, spec: {type: image, params: [{name: text, value: $(steps.a.text)}]}}]
";

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let Ok(message) = serde_json::from_slice::<Outputs>(body) else { return };
    let declaration = Declaration::parse(DECLARATION, &Scope::default()).unwrap();
    let mut collector = Collector::new(declaration, Run::default(), Values::default(), []);
    if let Ok(Examined::New(step)) = collector.examine("a", &message) {
        collector.accept(&step, message.clone());
        assert!(matches!(collector.examine("a", &message), Ok(Examined::Repeated(_))));
    }
    let _ = collector.status();
});
