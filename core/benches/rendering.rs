//! Measures the time to render objects. The lower bound for comparison is the time to copy the rendered objects.
//!
//! The goal is 4 ms for 400 objects with 10 variables each, and linear growth. A declaration cannot contain more such objects,
//! because its size is limited to 256 KiB.

use std::sync::Arc;

use gleaner_core::declaration::{Declaration, Scope};
use gleaner_core::render::{Attempts, Values, render};
use gleaner_core::run::Run;

const SIZES: [usize; 3] = [10, 100, 400];

fn main() {
    divan::main();
}

fn declaration(objects: usize) -> Declaration {
    use std::fmt::Write;
    let mut text = "steps: {build: [{name: digest}]}\nobjects:\n".to_owned();
    for object in 0..objects {
        let _ = writeln!(
            text,
            "  - name: o{object}\n    resourceTemplate:\n      apiVersion: v1\n      kind: ConfigMap\n      metadata: {{name: o{object}}}\n      data:"
        );
        for key in 0..10 {
            let _ = writeln!(text, "        k{key}: image@$(steps.build.digest)");
        }
    }
    Declaration::parse(&text, &Scope::default()).expect("a valid declaration")
}

fn values() -> Values {
    let digest = (
        "digest".to_owned(),
        "sha256:54eda95dcc205717e35f96a257b6aab16b9817870ede5739ef739484a27b8678".into(),
    );
    Values {
        params: [("url".to_owned(), "registry.example/app".into())].into(),
        outputs: [("build".to_owned(), Arc::new([digest].into()))].into(),
    }
}

fn run() -> Run {
    let context = [
        ("taskRun.uid", "4802d6d7"),
        ("taskRun.name", "run"),
        ("task.name", "task"),
    ];
    Run {
        context: context
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..Run::default()
    }
}

#[divan::bench(args = SIZES)]
fn render_objects(bencher: divan::Bencher<'_, '_>, objects: usize) {
    let (declaration, values, run) = (declaration(objects), values(), run());
    bencher.bench(|| {
        render(&declaration, &values, &run, &Attempts::new()).map(|rendered| rendered.len())
    });
}

#[divan::bench(args = SIZES)]
fn copy_rendered_objects(bencher: divan::Bencher<'_, '_>, objects: usize) {
    let rendered = render(&declaration(objects), &values(), &run(), &Attempts::new())
        .expect("all variables are known");
    bencher.bench(|| rendered.clone());
}

#[divan::bench(args = SIZES)]
fn parse_declaration(bencher: divan::Bencher<'_, '_>, objects: usize) {
    bencher.bench(|| declaration(objects));
}
