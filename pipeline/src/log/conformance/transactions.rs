//! Outputs, snapshots and positions are committed together or not at all.

use super::*;

struct Bench {
    input: Arc<str>,
    output: Arc<str>,
    state: Arc<str>,
    group: String,
}

impl Bench {
    fn new(h: &dyn Harness) -> Self {
        Self {
            input: topic(h, 2, DAY),
            output: topic(h, 2, DAY),
            state: topic(h, 2, Cleanup::Compact),
            group: fresh("g"),
        }
    }

    fn task(&self, h: &dyn Harness, slot: &str) -> Box<dyn Task> {
        join(h, &spec(&self.group, &self.input, slot))
    }

    /// A task that owns both partitions.
    fn owner(&self, h: &dyn Harness, slot: &str) -> Box<dyn Task> {
        let mut task = self.task(h, slot);
        Seen::default().wait(h, &mut *task, 2);
        task
    }

    /// Commits what was sent with a position as a record beside the state.
    fn commit(&self, task: &mut dyn Task, position: Position) -> Result<(), LogError> {
        let next = position.next.to_string();
        task.send(record(&self.state, position.partition, "position", &next))?;
        task.commit(&[position])
    }

    /// The position that was committed last of each partition.
    fn positions(&self, h: &dyn Harness) -> [Option<i64>; 2] {
        let mut found = [None, None];
        for record in all(h, &self.state, 2) {
            if record.key == text("position") {
                let place = usize::try_from(record.partition).unwrap();
                found[place] = values(&[record]).remove(0).parse().ok();
            }
        }
        found
    }

    fn outputs(&self, h: &dyn Harness) -> Vec<String> {
        values(&all(h, &self.output, 2))
    }

    fn states(&self, h: &dyn Harness) -> Vec<String> {
        values(&all(h, &self.state, 2))
    }
}

fn assert_fenced(result: Result<(), LogError>) {
    assert!(matches!(result, Err(LogError::Fenced { .. })), "{result:?}");
}

pub(crate) fn show_outputs_and_positions_together(h: &dyn Harness) {
    let bench = Bench::new(h);
    let mut task = bench.owner(h, "0");
    assert_eq!(bench.positions(h), [None, None]);
    task.send(record(&bench.output, 0, "k", "one")).unwrap();
    task.send(record(&bench.output, 1, "k", "two")).unwrap();
    task.send(record(&bench.state, 0, "k", "snapshot")).unwrap();
    let mut early = h.log().reader(&bench.output, &[], Start::Earliest).unwrap();
    assert_eq!(polled(&mut *early), [], "open, so unseen");
    bench.commit(&mut *task, at(0, 5)).unwrap();
    let mut outputs = bench.outputs(h);
    outputs.sort();
    assert_eq!(outputs, ["one", "two"]);
    assert_eq!(bench.states(h), ["snapshot", "5"]);
    // Positions alone are a commit too.
    bench.commit(&mut *task, at(1, 9)).unwrap();
    assert_eq!(bench.positions(h), [Some(5), Some(9)]);
}

pub(crate) fn abort_leaves_nothing(h: &dyn Harness) {
    let bench = Bench::new(h);
    let mut task = bench.owner(h, "0");
    task.abort().unwrap();
    for n in 0..100 {
        task.send(record(&bench.output, n % 2, "k", "dropped")).unwrap();
    }
    task.send(record(&bench.state, 0, "k", "dropped")).unwrap();
    task.abort().unwrap();
    task.send(record(&bench.output, 0, "k", "kept")).unwrap();
    bench.commit(&mut *task, at(0, 1)).unwrap();
    assert_eq!(bench.outputs(h), ["kept"]);
    assert_eq!(bench.states(h), ["1"]);
}

pub(crate) fn too_large_leaves_it_open(h: &dyn Harness) {
    let bench = Bench::new(h);
    let mut task = bench.owner(h, "0");
    task.send(record(&bench.output, 0, "k", "before")).unwrap();
    let huge = "z".repeat(crate::log::MAX_RECORD_BYTES + 1);
    let refused = task.send(record(&bench.output, 0, "k", &huge)).unwrap_err();
    assert!(matches!(refused, LogError::TooLarge { .. }), "{refused}");
    task.send(record(&bench.output, 0, "k", "after")).unwrap();
    commit(&mut *task, &[]);
    assert_eq!(bench.outputs(h), ["before", "after"]);
}

pub(crate) fn positions_survive_their_task(h: &dyn Harness) {
    let bench = Bench::new(h);
    let mut task = bench.owner(h, "0");
    bench.commit(&mut *task, at(1, 12)).unwrap();
    task.leave();
    let mut task = bench.owner(h, "another");
    assert_eq!(bench.positions(h), [None, Some(12)]);
    bench.commit(&mut *task, at(1, 13)).unwrap();
    assert_eq!(bench.positions(h), [None, Some(13)]);
}

pub(crate) fn taken_slot_fences_the_zombie(h: &dyn Harness) {
    let bench = Bench::new(h);
    let mut zombie = bench.owner(h, "0");
    bench.commit(&mut *zombie, at(0, 1)).unwrap();
    zombie.send(record(&bench.output, 0, "k", "of the zombie")).unwrap();
    let mut heir = bench.owner(h, "0");
    assert_fenced(bench.commit(&mut *zombie, at(0, 2)));
    assert_eq!(bench.positions(h), [Some(1), None]);
    heir.send(record(&bench.output, 0, "k", "of the heir")).unwrap();
    bench.commit(&mut *heir, at(0, 3)).unwrap();
    // Fenced for good, also when it tries to begin anew.
    let _ = zombie.abort();
    let again = zombie
        .send(record(&bench.output, 0, "k", "of the zombie again"))
        .and_then(|()| bench.commit(&mut *zombie, at(0, 9)));
    assert_fenced(again);
    until(h, "the zombie to be fenced", || match zombie.poll(POLL) {
        Err(LogError::Fenced { .. }) => Some(()),
        Ok(Event::Records(records)) => panic!("{records:?}"),
        Ok(_) | Err(_) => None,
    });
    drop(zombie);
    assert_eq!(bench.outputs(h), ["of the heir"]);
    bench.commit(&mut *heir, at(0, 4)).unwrap();
    assert_eq!(bench.positions(h), [Some(4), None]);
}

pub(crate) fn silent_member_is_fenced_and_loses(h: &dyn Harness) {
    let bench = Bench::new(h);
    let mut silent = bench.owner(h, "0");
    bench.commit(&mut *silent, at(0, 1)).unwrap();
    silent.send(record(&bench.output, 0, "k", "of the silent one")).unwrap();
    let mut heir = bench.task(h, "1");
    let mut seen = Seen::default();
    seen.wait(h, &mut *heir, 2);
    assert_eq!(bench.positions(h), [Some(1), None]);
    assert!(bench.commit(&mut *silent, at(0, 2)).is_err(), "another has its partitions");
    let _ = silent.abort();
    let mut woken = Seen { owned: [0, 1].into(), ..Seen::default() };
    until(h, "the loss to be reported", || {
        woken.poll(&mut *silent);
        // Both go on, or the heir would be thrown out in its turn.
        seen.poll(&mut *heir);
        (woken.lost.len() == 2).then_some(())
    });
    heir.send(record(&bench.output, 1, "k", "of the heir")).unwrap();
    let mine = seen.owned.first().copied().unwrap();
    bench.commit(&mut *heir, at(mine, 7)).unwrap();
    assert_eq!(bench.outputs(h), ["of the heir"]);
}

/// Reads each number and writes it on, in small commits, until killed or through.
fn copy(h: &dyn Harness, bench: &Bench, task: &mut dyn Task, stop_at: usize, through: usize) {
    let mut done = 0;
    let mut next = [0_i64; 2];
    until(h, "the input to be read", || {
        match task.poll(POLL).unwrap() {
            Event::Assigned(partitions) => {
                let found = bench.positions(h);
                for p in partitions {
                    let place = usize::try_from(p).unwrap();
                    next[place] = found[place].unwrap_or(0);
                    task.start(p, found[place].map_or(Start::Earliest, Start::At)).unwrap();
                }
            }
            Event::Records(records) => {
                for batch in records.chunks(7) {
                    for r in batch {
                        let value = values(std::slice::from_ref(r)).remove(0);
                        task.send(record(&bench.output, r.partition, "k", &value)).unwrap();
                        next[usize::try_from(r.partition).unwrap()] = r.offset + 1;
                    }
                    done += batch.len();
                    if done >= stop_at {
                        // Here the process dies, its transaction open.
                        return Some(());
                    }
                    let touched: BTreeSet<i32> = batch.iter().map(|r| r.partition).collect();
                    let positions: Vec<Position> = touched
                        .into_iter()
                        .map(|p| at(p, next[usize::try_from(p).unwrap()]))
                        .collect();
                    for it in &positions {
                        let next = it.next.to_string();
                        task.send(record(&bench.state, it.partition, "position", &next)).unwrap();
                    }
                    commit(task, &positions);
                }
            }
            Event::Idle => {
                if h_count(h, bench) >= through {
                    return Some(());
                }
            }
            Event::Revoked(_) | Event::Lost(_) => {}
        }
        None
    });
}

fn h_count(h: &dyn Harness, bench: &Bench) -> usize {
    all(h, &bench.output, 2).len()
}

pub(crate) fn go_on_after_a_crash_exactly_once(h: &dyn Harness) {
    let bench = Bench::new(h);
    produce(h, (0..200).map(|n| record(&bench.input, n % 2, "k", &n.to_string())).collect());
    let mut zombies = Vec::new();
    for stop_at in [40, 1, 60] {
        let mut task = bench.task(h, "0");
        copy(h, &bench, &mut *task, stop_at, 200);
        // Kept, as a process that hangs would be: the next one takes its slot.
        zombies.push(task);
    }
    let mut task = bench.task(h, "0");
    copy(h, &bench, &mut *task, usize::MAX, 200);
    let read = all(h, &bench.output, 2);
    for partition in 0..2 {
        let mine: Vec<Record> = read.iter().filter(|r| r.partition == partition).cloned().collect();
        let want: Vec<String> = (0..100).map(|n| (2 * n + partition).to_string()).collect();
        assert_eq!(values(&mine), want);
    }
}

pub(crate) fn open_one_of_a_dead_predecessor_is_ended(h: &dyn Harness) {
    let bench = Bench::new(h);
    let mut dead = bench.owner(h, "0");
    dead.send(record(&bench.state, 0, "a", "committed")).unwrap();
    commit(&mut *dead, &[]);
    // More than a client may hold back until the commit.
    for n in 0..1_500 {
        dead.send(record(&bench.state, n % 2, "a", "never committed")).unwrap();
    }
    // Give what it sent time to reach the log.
    h.pass(Duration::from_millis(500));
    let mut heir = bench.task(h, "0");
    let mut reader = h.log().reader(&bench.state, &[], Start::Earliest).unwrap();
    let read = rest(h, &mut *reader, 2);
    assert_eq!(values(&read), ["committed"]);
    Seen::default().wait(h, &mut *heir, 2);
    heir.send(record(&bench.state, 1, "a", "of the heir")).unwrap();
    commit(&mut *heir, &[]);
    assert_eq!(values(&rest(h, &mut *reader, 2)), ["of the heir"]);
    drop(dead);
}
