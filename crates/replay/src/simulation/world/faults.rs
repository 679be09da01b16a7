//! What is done to the tasks.

use super::super::cluster::TopicPartition;
use super::super::profile::Fault;
use super::super::schedule::Action;
use super::World;
use baton_records::Id;
use baton_stream::Topic;
use rand::Rng;
use std::time::Duration;

impl World {
    /// Kills a task and starts it again later, perhaps elsewhere.
    pub(super) fn crash(&mut self, index: usize, length: Duration) {
        self.stop(index, true);
        self.hosts[index].instance = self.rng.random_range(0..self.instances.len());
        self.schedule(self.now.plus(length), Action::Start(index));
    }

    fn any_running(&mut self) -> usize {
        let active: Vec<usize> = (0..self.hosts.len()).filter(|h| self.hosts[*h].role.runs_in(self.layout)).collect();
        active[self.rng.random_range(0..active.len())]
    }

    fn any_source(&mut self) -> TopicPartition {
        let sources = self.shape.sources();
        sources[self.rng.random_range(0..sources.len())].clone()
    }

    pub(super) fn fault(&mut self, fault: Fault, length: Duration) {
        self.disturbed.push((self.now, self.now.plus(length)));
        *self.faults.entry(fault).or_default() += 1;
        let until = self.now.plus(length);
        match fault {
            Fault::Crash => {
                let host = self.any_running();
                self.crash(host, length);
            }
            Fault::Instance => {
                let gone = self.rng.random_range(0..self.instances.len());
                self.instances[gone].forget();
                for host in 0..self.hosts.len() {
                    if self.hosts[host].instance == gone && self.hosts[host].member.is_running() {
                        self.crash(host, length);
                    }
                }
            }
            Fault::Slow => {
                let host = self.any_running();
                self.hosts[host].slow = Duration::from_millis(self.rng.random_range(1_000..8_000));
                self.schedule(until, Action::AtSpeed(host));
            }
            Fault::Table => {
                let instance = self.rng.random_range(0..self.instances.len());
                let lag = self.instances[instance].set_lag(length);
                self.schedule(until, Action::Table(instance, lag));
            }
            Fault::Stall => {
                let at = self.any_source();
                self.cluster.stall(at.clone(), until);
                self.schedule(until, Action::Readers(at));
            }
            Fault::Hidden => {
                let at = self.any_source();
                if let Some(partition) = self.cluster.partition_mut(&at) {
                    partition.hide(self.now, until);
                }
                self.schedule(until, Action::Readers(at));
            }
            Fault::Outage | Fault::Layout => {
                self.all_down = true;
                (0..self.hosts.len()).for_each(|host| self.stop(host, fault == Fault::Outage));
                if fault == Fault::Layout {
                    self.layout = self.layout.other();
                    self.drop_source();
                }
                self.schedule(until, Action::Again);
            }
        }
    }

    /// Takes a source out of the configuration while all is stopped, and so out of the list that travels with the marks.
    fn drop_source(&mut self) {
        if self.profile.drops && self.dropped.is_none() {
            let gone = (Topic::Source(Id::new_static("desk")), 0);
            self.cluster.drop_source(&Id::from(format!("{}/{}", gone.0.suffix(), gone.1)));
            self.dropped = Some(gone);
        }
    }
}
