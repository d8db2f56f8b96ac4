//! Which worker has which fault in a round: a function of plan and round alone, so that every process finds the same.

use rand::seq::SliceRandom;

use super::plan::FaultPlan;
use crate::seed::Purpose;

/// The faulty workers of one round.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// Ascending.
    pub(super) liars: Vec<usize>,
    pub(super) liar: Vec<bool>,
    pub(super) slow: Vec<bool>,
    pub(super) dead: Vec<bool>,
    order: Vec<usize>,
    drawn_for: Option<u64>,
}

/// The `worker` number of the stream that draws the dead, and of the one that draws the others.
const DEAD: u64 = 0;
const OTHERS: u64 = 1;

impl Roles {
    /// Draws the roles of `round`, unless they are at hand.
    pub(super) fn draw(&mut self, plan: &FaultPlan, round: u64) {
        let key = if plan.changing { round } else { 0 };
        if self.drawn_for == Some(key) {
            return;
        }
        self.drawn_for = Some(key);
        let m = plan.workers;
        for flags in [&mut self.liar, &mut self.slow, &mut self.dead] {
            flags.clear();
            flags.resize(m, false);
        }
        // One order: first the living in the order of this round, then the dead. The dead are the same in all rounds, as
        // their draw depends on the seed alone.
        self.order.clear();
        self.order.extend(0..m);
        self.order.shuffle(&mut plan.seed.stream(Purpose::FaultyWorkers, DEAD, 0));
        let living = m - plan.dead;
        for &worker in &self.order[living..] {
            self.dead[worker] = true;
        }
        self.order[..living].shuffle(&mut plan.seed.stream(Purpose::FaultyWorkers, OTHERS, key));
        for &worker in &self.order[..plan.slow] {
            self.slow[worker] = true;
        }
        // Liars: from the living that are not slow; if these are too few, the slow, then the dead.
        let healthy = plan.slow.min(living)..living;
        let candidates = healthy.clone().chain(0..healthy.start).chain(living..m);
        for at in candidates.take(plan.liars) {
            self.liar[self.order[at]] = true;
        }
        self.liars.clear();
        self.liars.extend((0..m).filter(|&worker| self.liar[worker]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::fault::Attack;
    use crate::seed::Seed;

    fn draw(plan: &FaultPlan, round: u64) -> Roles {
        let mut roles = Roles::default();
        roles.draw(plan, round);
        roles
    }

    fn count(flags: &[bool]) -> usize {
        flags.iter().filter(|&&f| f).count()
    }

    #[test]
    fn kinds_share_no_worker_while_there_are_enough() {
        for seed in 0..200 {
            let plan = FaultPlan::new(15, Seed(seed)).liars(4, Attack::Zero).slow(5).dead(6).changing(seed % 2 == 0);
            for round in 0..5 {
                let roles = draw(&plan, round);
                assert_eq!((count(&roles.liar), count(&roles.slow), count(&roles.dead)), (4, 5, 6));
                for w in 0..15 {
                    assert_eq!(roles.liar[w] as u8 + roles.slow[w] as u8 + roles.dead[w] as u8, 1);
                }
            }
        }
    }

    #[test]
    fn too_few_workers_make_slow_liars_before_dead_ones() {
        let roles = draw(&FaultPlan::new(5, Seed(3)).liars(3, Attack::Zero).slow(2).dead(2), 0);
        assert_eq!(count(&roles.liar), 3);
        assert!((0..5).all(|w| !(roles.liar[w] && roles.dead[w])));
        let all = draw(&FaultPlan::new(5, Seed(3)).liars(5, Attack::Zero).slow(5).dead(5), 0);
        assert_eq!((count(&all.liar), count(&all.slow), count(&all.dead)), (5, 5, 5));
    }

    #[test]
    fn only_changing_workers_change_and_the_dead_never_do() {
        let fixed = FaultPlan::new(15, Seed(9)).liars(4, Attack::Zero).slow(2).dead(2);
        let changing = fixed.clone().changing(true);
        let first = draw(&changing, 0);
        let mut seen = vec![false; 15];
        for round in 0..60 {
            assert_eq!(draw(&fixed, round).liars, draw(&fixed, 0).liars);
            let roles = draw(&changing, round);
            assert_eq!(roles.dead, first.dead);
            roles.liars.iter().for_each(|&w| seen[w] = true);
        }
        // A living worker is missed by all 60 draws of 4 of 13 with chance (9/13)^60 = 3e-10.
        assert_eq!(count(&seen), 13);
    }
}
