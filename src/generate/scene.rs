//! Rendering. In: compiled templates and a [`Scene`], which is one event of one archive. Out: text appended to a buffer.
//! Never fails: whatever a template asks for, there is something to write.

use super::agents::USER_AGENTS;
use super::pools::{POOLS, Scope};
use super::prng::{Prng, hash_text, seed_of, word};
use super::template::{Template, TemplatePart, slot};
use super::text::{self, Alphabet};
use super::trail::{Trail, region_name};

/// Percent of the draws from a pool that take what the caller is busy with.
const FOCUSED: u64 = 75;

/// What a template is rendered against: one event of one archive.
#[derive(Debug)]
pub(super) struct Scene<'t> {
    pub(super) trail: &'t Trail,
    pub(super) rng: Prng,
    pub(super) account: usize,
    pub(super) region: usize,
    /// Seconds since 1970 of the event.
    pub(super) time: i64,
    /// Names what the caller is busy with: callers stay with the same buckets, tables and keys for some calls.
    pub(super) focus: u64,
    kept: Vec<u8>,
    slots: [(usize, usize); slot::COUNT],
}

impl<'t> Scene<'t> {
    pub(super) fn new(trail: &'t Trail) -> Self {
        Self {
            trail,
            rng: Prng::new(0),
            account: 0,
            region: 0,
            time: 0,
            focus: 0,
            kept: Vec::new(),
            slots: [(0, 0); slot::COUNT],
        }
    }

    /// Forgets what the last event kept.
    pub(super) fn clear_slots(&mut self) {
        self.kept.clear();
        self.slots = [(0, 0); slot::COUNT];
    }

    pub(super) fn keep(&mut self, slot: usize, text: &[u8]) {
        let start = self.kept.len();
        self.kept.extend_from_slice(text);
        self.slots[slot] = (start, self.kept.len());
    }

    pub(super) fn kept(&self, slot: usize) -> &[u8] {
        let (start, end) = self.slots[slot];
        &self.kept[start..end]
    }

    /// Renders into a slot instead of the output; `out` is the workspace and is left as it was.
    pub(super) fn render_slot(&mut self, slot: usize, template: &Template, out: &mut Vec<u8>) {
        let start = out.len();
        self.render(template, out);
        self.keep(slot, &out[start..]);
        out.truncate(start);
    }

    pub(super) fn render(&mut self, template: &Template, out: &mut Vec<u8>) {
        for piece in &template.pieces {
            match piece {
                TemplatePart::Text(text) => out.extend_from_slice(text.as_bytes()),
                TemplatePart::Account => {
                    out.extend_from_slice(self.trail.accounts[self.account].as_bytes());
                }
                TemplatePart::Region => out.extend_from_slice(region_name(self.region).as_bytes()),
                TemplatePart::Random(alphabet, low, high) => {
                    let count = low + self.rng.pick(high - low + 1);
                    text::push_random(out, &mut self.rng, *alphabet, count);
                }
                TemplatePart::Guid { upper } => text::push_guid(out, &mut self.rng, *upper),
                TemplatePart::Number(low, high) => text::push_signed(out, self.rng.between(*low, *high)),
                TemplatePart::Moment(form, low, high) => {
                    let time = self.time + self.rng.between(*low, *high);
                    text::push_time(out, time, form);
                }
                TemplatePart::Millis(low, high) => {
                    text::push_time(out, self.time + self.rng.between(*low, *high), "%s");
                    text::push_padded(out, self.rng.below(1_000), 3);
                }
                TemplatePart::Agent => {
                    let choice = self.rng.skewed(USER_AGENTS.len());
                    out.extend_from_slice(USER_AGENTS[choice].as_bytes());
                }
                TemplatePart::Pick(choices) => {
                    let choice = self.rng.pick(choices.len());
                    self.render(&choices[choice], out);
                }
                TemplatePart::Maybe(chance, inner) => {
                    if self.rng.percent(*chance) {
                        self.render(inner, out);
                    }
                }
                TemplatePart::Many(low, high, inner) => {
                    let count = low + self.rng.pick(high - low + 1);
                    for position in 0..count {
                        if position > 0 {
                            out.push(b',');
                        }
                        self.render(inner, out);
                    }
                }
                TemplatePart::Let(slot, inner) => self.render_slot(*slot, inner, out),
                TemplatePart::Slot(slot) => {
                    let (start, end) = self.slots[*slot];
                    out.extend_from_slice(&self.kept[start..end]);
                }
                TemplatePart::IdOf(prefix, slot) => {
                    let name = hash_text(self.kept(*slot));
                    let mut rng = Prng::of(&[self.trail.seed, word(self.account), name, hash_text(prefix.as_bytes())]);
                    out.extend_from_slice(prefix.as_bytes());
                    let count = if *prefix == "AKIA" { 16 } else { 17 };
                    text::push_random(out, &mut rng, Alphabet::Base32, count);
                }
                TemplatePart::ValuePool(pool) => self.render_pool(*pool, out),
            }
        }
    }

    /// A pool's entry is not stored: entry `k` is what the template gives for the generator named after pool and `k`.
    fn render_pool(&mut self, pool: usize, out: &mut Vec<u8>) {
        let definition = &POOLS[pool];
        let place = match definition.scope {
            Scope::Fresh => None,
            Scope::Organisation => Some([u64::MAX, u64::MAX]),
            Scope::Account => Some([word(self.account), u64::MAX]),
            Scope::Region => Some([word(self.account), word(self.region)]),
        };
        let trail = self.trail;
        let template = &trail.pools[pool];
        let Some([account, region]) = place else {
            return self.render(template, out);
        };
        let entry = if self.rng.percent(FOCUSED) {
            Prng::of(&[self.focus, word(pool)]).skewed(definition.entries)
        } else {
            self.rng.skewed(definition.entries)
        };
        let own = Prng::new(seed_of(&[trail.seed, account, region, word(pool), word(entry)]));
        let outer = std::mem::replace(&mut self.rng, own);
        self.render(template, out);
        self.rng = outer;
    }
}
