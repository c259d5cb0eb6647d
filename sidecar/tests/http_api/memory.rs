//! Tests of the sidecar's memory use.

use std::time::Instant;

use crate::support::{MANUAL, Setup};

const MIB: u64 = 1 << 10;

#[test]
fn sixteen_mebibytes_of_outputs_take_at_most_two_and_a_half_times_as_much_memory() {
    for (what, content) in [
        ("plain", "x".repeat(16 << 20)),
        ("escaped", r"abcdefg\n".repeat(2 << 20)),
    ] {
        let setup = Setup::new(MANUAL);
        let begin = Instant::now();
        let sidecar = setup.start();
        let ready = begin.elapsed();
        let idle = sidecar.memory("VmRSS");
        let body = format!(r#"{{"outputs": {{"digest": "{content}"}}}}"#);
        sidecar.step("build").outputs("build", &body).ok();
        let (peak, after) = (sidecar.memory("VmHWM"), sidecar.memory("VmRSS"));
        sidecar
            .step("scan")
            .outputs("scan", r#"{"outputs": {}}"#)
            .ok();
        let resolved = sidecar.memory("VmHWM");
        let yaml = sidecar.step("build").get("/v1/resources").body.len() >> 20;
        let (rendered, settled) = (sidecar.memory("VmHWM"), sidecar.memory("VmRSS"));
        println!(
            "{what}: ready in {ready:?}, idle {idle} KiB, peak {peak} KiB, then {after} KiB; all known: peak {resolved} \
             KiB; {yaml} MiB of YAML: peak {rendered} KiB, then {settled} KiB"
        );
        // Subtract the memory of the idle program, which in a debug build exceeds the memory of the outputs.
        let times = (resolved.max(peak) - idle) as f64 / (16 * MIB) as f64;
        assert!(times <= 2.5, "{what}: {times:.2} times as much");
    }
}

#[test]
fn an_idle_sidecar_is_small() {
    let sidecar = Setup::new(MANUAL).start();
    let (idle, own) = (sidecar.memory("VmRSS"), sidecar.memory("RssAnon"));
    println!("idle: {idle} KiB, including {own} KiB that are not pages of the binary");
    assert!(own <= 4 * MIB, "{own} KiB");
}
