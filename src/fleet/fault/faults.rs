//! The carrier's half of a fault plan: roles of the round at hand, and lies at a worker's edge.

use super::attack::{Scene, Tools};
use super::plan::FaultPlan;
use super::roles::Roles;
use super::witness::Witness;
use crate::error::{Error, Result};
use crate::fleet::request::Request;
use crate::fleet::round::{Round, norm};
use crate::scalar::Element;
use crate::seed::Seed;

/// What the carrier of a fleet owns of a [`FaultPlan`].
#[derive(Debug)]
pub struct Faults {
    plan: FaultPlan,
    roles: Roles,
    tools: Tools,
    witness: Witness,
    honest: Vec<f64>,
}

impl Faults {
    /// No faults at all.
    pub fn none(workers: usize) -> Self {
        Faults::new(FaultPlan::new(workers, Seed::default()), Witness::new(workers))
    }

    pub(super) fn new(plan: FaultPlan, witness: Witness) -> Self {
        Faults { plan, roles: Roles::default(), tools: Tools::default(), witness, honest: Vec::new() }
    }

    /// A worker's own part, from the plan it was sent.
    pub(in crate::fleet) fn of_worker(plan: FaultPlan) -> Result<Self> {
        Ok(plan.split()?.0)
    }

    /// m.
    pub fn workers(&self) -> usize {
        self.plan.workers
    }

    pub(in crate::fleet) fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    pub(in crate::fleet) fn witness(&self) -> &Witness {
        &self.witness
    }

    /// Draws the roles of `round`; the questions below are about it.
    pub(in crate::fleet) fn begin(&mut self, round: u64) {
        self.roles.draw(&self.plan, round);
    }

    pub(in crate::fleet) fn is_dead(&self, worker: usize) -> bool {
        self.roles.dead[worker]
    }

    pub(in crate::fleet) fn is_slow(&self, worker: usize) -> bool {
        self.roles.slow[worker]
    }

    /// When a slow worker arrives that would have arrived at `own`, the latest of the others arriving at `others`.
    pub(in crate::fleet) fn slowed(&self, own: f64, others: f64) -> f64 {
        self.plan.slow_factor * own.max(others) + self.plan.slow_floor
    }

    /// Whether liars of this round have to be told what the honest workers send before any of them answers.
    pub(in crate::fleet) fn eavesdrops(&self) -> bool {
        self.plan.attack.is_omniscient() && !self.roles.liars.is_empty()
    }

    /// Tells omniscient liars the honest replies of the round: those of the `live` workers that do not lie, all of the same
    /// length, `reply(place)` being that of `live[place]`.
    pub(in crate::fleet) fn overhear<'r>(&mut self, live: &[usize], reply: impl Fn(usize) -> &'r [f64]) {
        let honest: Vec<&[f64]> = (0..live.len()).filter(|&at| !self.roles.liar[live[at]]).map(reply).collect();
        self.tools.overhear(&honest);
    }

    /// Refuses an attack on labels where no worker holds any.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub(in crate::fleet) fn refuse_labels(&self) -> Result<()> {
        if self.plan.liars > 0 && self.plan.attack.poisons_labels() {
            let allowed = "workers that compute gradients (--code draco, detox or gradient-coding, or --aggregator)";
            return Err(Error::usage("attack label-flip", "workers that compute products hold no labels", allowed));
        }
        Ok(())
    }

    /// Refuses attacks that liars in processes of their own can't make.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub(in crate::fleet) fn refuse_apart(&self) -> Result<()> {
        self.refuse_labels()?;
        if self.plan.liars > 0 && self.plan.attack.is_omniscient() {
            let allowed = "an attack that needs no other worker's reply, or a simulated fleet";
            return Err(Error::usage("attack over tcp", &self.plan.attack, allowed));
        }
        Ok(())
    }

    /// Whether `worker` computes with flipped labels in this round.
    pub(in crate::fleet) fn poisons(&self, worker: usize) -> bool {
        self.roles.liar[worker] && self.plan.attack.poisons_labels()
    }

    /// The worker's edge: turns the honest `reply` of `worker` into what it sends, rounded to the type `A` that it sends.
    /// `payload_norm` is the Euclidean norm of the broadcast vectors, which all workers know. Returns how far a lie is from
    /// the truth, `None` for the truth.
    pub(in crate::fleet) fn answer<A: Element>(
        &mut self,
        worker: usize,
        request: &Request,
        payload_norm: f64,
        reply: &mut [f64],
    ) -> Option<f64> {
        let attack = &self.plan.attack;
        let liar = self.roles.liar[worker];
        if self.plan.liars > 0 && attack.remembers() && (liar || self.plan.changing) {
            self.tools.remember(worker, request, reply);
        }
        if !liar {
            return None;
        }
        self.honest.clear();
        self.honest.extend_from_slice(reply);
        let attack = &self.plan.attack;
        let scene = Scene {
            seed: self.plan.seed,
            worker,
            workers: self.plan.workers,
            request,
            unit: payload_norm / (request.vectors.max(1) as f64).sqrt(),
            liars: &self.roles.liars,
            parity_check: &self.plan.parity_check,
            round_off: A::PRECISION.unit_roundoff(),
        };
        attack.apply(&scene, &mut self.tools, reply);
        self.send::<A>(reply)
    }

    /// [`Faults::answer`] of a worker whose labels lie: `reply` is what it computed with them, `honest` what it would have.
    pub(in crate::fleet) fn answer_poisoned<A: Element>(&mut self, honest: &[f64], reply: &mut [f64]) -> Option<f64> {
        self.honest.clear();
        self.honest.extend_from_slice(honest);
        self.send::<A>(reply)
    }

    /// Rounds a lie to what is sent, and measures it.
    fn send<A: Element>(&mut self, reply: &mut [f64]) -> Option<f64> {
        let mut lied = false;
        for (sent, honest) in reply.iter_mut().zip(&mut self.honest) {
            *sent = A::from_f64(*sent).to_f64();
            lied |= *sent != *honest;
            *honest -= *sent;
        }
        lied.then(|| Some(norm(&self.honest)).filter(|d| !d.is_nan()).unwrap_or(f64::INFINITY))
    }

    /// Tells the witness what the round was like, now that it is over.
    pub(in crate::fleet) fn testify(&self, round: &Round) {
        self.testify_of(round.number(), round.present());
    }

    /// The same for round `number`, in which the replies of those `present` were taken.
    pub(in crate::fleet) fn testify_of(&self, number: u64, present: &[bool]) {
        self.witness.round_ended(number, present, &self.roles);
    }
}
