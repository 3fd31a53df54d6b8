//! What real Kubernetes does not promise either: which rules a run may break, given what was done in it.

use brownout_core::invariant::{Numbers, Verdict};
use brownout_core::journal::{Act, Run};
use brownout_core::knob::{Knob, Knobs};

/// Why a run may break this rule with these numbers, if it may.
pub fn allows(run: &Run, knobs: &Knobs, verdict: Verdict, numbers: Numbers) -> Option<&'static str> {
    let did = |what: &dyn Fn(&Act) -> bool| run.journal.iter().any(|line| what(&line.what));
    let timing = [Knob::LeaseDuration, Knob::RenewDeadline, Knob::RetryPeriod];
    match verdict {
        // kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod: "can lead to the duplication of a
        // still-running Pod".
        Verdict::StatefulSetOrdinals => {
            did(&|act| matches!(act, Act::DeletePod(pod) if pod.force) || matches!(act, Act::DeleteNode(_)))
                .then_some("a pod or a node was deleted by force while its containers ran")
        }
        Verdict::OneActingHolder => {
            let [lease, renew, retry] = timing.map(|knob| u64::from(knobs.get(knob)));
            // The Lease says whole seconds.
            let margin = (lease / 1000 * 1000).saturating_sub(renew + retry);
            if did(&|act| matches!(act, Act::Inject(fault) if fault.name == "clock-rate")) {
                Some("a clock runs at a wrong rate")
            } else if did(&|act| matches!(act, Act::Inject(fault) if fault.name == "pause")) {
                // client-go tools/leaderelection/leaderelection.go#renew: each round of tries has a deadline of its own, so a
                // process that goes on after a pause tries, and believes, for another renewDeadline.
                Some("a holder may have stood still for longer than its Lease lasts")
            } else if did(
                &|act| matches!(act, Act::Set(dials) if dials.iter().any(|dial| timing.iter().any(|knob| knob.spec().name == dial.name))),
            ) {
                Some("the election's flags were changed while it ran")
            } else {
                (numbers[3] > margin).then_some("a holder heard too late that its renewal was well")
            }
        }
        _ => None,
    }
}
