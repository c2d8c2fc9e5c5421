//! One event. In: the archive it is delivered in, and its position. Out: its JSON text appended to a buffer, and how
//! many usage records it holds. Depends on nothing but seed, archive and position, so any event can be made again alone.

use super::catalogue::{self, CompiledAction};
use super::config::Mix;
use super::envelope::{Envelope, GeneratedCall, failure, rendered};
use super::metering::Metering;
use super::prng::{Prng, Weighted, word};
use super::scene::Scene;
use super::specials::{SPECIALS, SPECIALS_PER_MILLION};
use super::template::{Compiler, Template, slot};
use super::text::put;
use super::trail::{Delivery, GLOBAL_REGION, Trail, stream};

/// Events per million that were delivered before, in an earlier archive of the same account and region. Where there is
/// none, the event is an ordinary one, so the actual rate is a little lower.
const REDELIVERED: u64 = 1_200;
/// How many archives back an earlier delivery is searched for.
const LOOK_BACK: usize = 512;
/// Events per million that come an hour to two days late.
const LATE: u64 = 8_000;
/// Calls come in bursts: this many neighbours can share session and action.
const BURST: usize = 16;
/// Percent of the events that take their burst's session, and their burst's action.
const BURST_SESSION: u64 = 90;
const BURST_ACTION: u64 = 68;
/// Percent of calls that fail; network activity is only recorded for failed calls.
const FAILED: u64 = 4;
const FAILED_NETWORK: u64 = 60;
/// Percent of the failures with an error of the action itself; the others are denials.
const FAILED_OWN_WAY: u64 = 60;
/// Metering calls in a seller's archives: per cent in the org mixes, per thousand in the metering mix.
const METERING_OF_ORG: u64 = 4;
const METERING_OF_METERING: u64 = 992;

/// The parts that events are made of.
#[derive(Debug)]
pub(super) struct Events {
    envelope: Envelope,
    metering: Metering,
    actions: Vec<CompiledAction>,
    /// All actions, for the region that records global services, and those of the other regions.
    everywhere: Weighted,
    regional: Weighted,
    specials: Vec<Template>,
    special: Weighted,
}

impl Events {
    pub(super) fn compile(mix: Mix, compiler: &mut Compiler) -> Self {
        let actions = catalogue::compile(compiler);
        Self {
            envelope: Envelope::compile(compiler),
            metering: Metering::compile(mix, compiler),
            everywhere: Weighted::new(actions.iter().map(|it| it.action.weight)),
            regional: Weighted::new(actions.iter().map(|it| if it.action.global { 0 } else { it.action.weight })),
            actions,
            specials: SPECIALS.iter().map(|special| compiler.compile(special.template)).collect(),
            special: Weighted::new(SPECIALS.iter().map(|special| special.weight)),
        }
    }

    /// Appends the event; returns its number of usage records.
    pub(super) fn write(
        &self,
        scene: &mut Scene<'_>,
        delivery: &Delivery,
        event_index: usize,
        out: &mut Vec<u8>,
    ) -> u64 {
        let trail = scene.trail;
        let mut rng = Prng::of(&[trail.seed, stream::EVENT, word(delivery.archive_index), word(event_index)]);
        if rng.per_million(REDELIVERED)
            && let Some(earlier) = earlier_delivery(trail, delivery)
        {
            // Ends: each step goes to an archive with a smaller index.
            return self.write(scene, &earlier, rng.pick(trail.events_per_archive), out);
        }
        let late = rng.per_million(LATE);
        scene.clear_slots();
        scene.account = delivery.account;
        scene.region = delivery.region;
        scene.time = delivery.time - rng.between(20, 420) - if late { rng.between(3_600, 172_800) } else { 0 };
        let delayed = late && rng.percent(30);
        let metering = delivery.seller
            && match trail.mix {
                Mix::Org | Mix::Tiny => rng.percent(METERING_OF_ORG),
                Mix::Metering => rng.below(1_000) < METERING_OF_METERING,
            };
        let special = rng.per_million(SPECIALS_PER_MILLION);
        let mut burst = Prng::of(&[trail.seed, stream::BURST, word(delivery.archive_index), word(event_index / BURST)]);
        let shared_action = burst.next();
        scene.focus = burst.next();
        let mut session = if rng.percent(BURST_SESSION) { burst } else { Prng::new(rng.next()) };
        scene.rng = rng;
        if metering {
            return self.metering.write(&self.envelope, scene, delayed, &mut session, out);
        }
        if special {
            let choice = self.special.draw(&mut scene.rng);
            scene.render(&self.specials[choice], out);
            return 0;
        }
        let actions = if delivery.region == GLOBAL_REGION { &self.everywhere } else { &self.regional };
        let choice = if scene.rng.percent(BURST_ACTION) {
            actions.draw(&mut Prng::new(shared_action))
        } else {
            actions.draw(&mut scene.rng)
        };
        write_action(&self.envelope, scene, &self.actions[choice], delayed, &mut session, out);
        0
    }
}

fn earlier_delivery(trail: &Trail, delivery: &Delivery) -> Option<Delivery> {
    (delivery.archive_index.saturating_sub(LOOK_BACK)..delivery.archive_index)
        .rev()
        .map(|archive_index| trail.delivery(archive_index))
        .find(|earlier| earlier.account == delivery.account && earlier.region == delivery.region)
}

fn write_action(
    envelope: &Envelope,
    scene: &mut Scene<'_>,
    compiled: &CompiledAction,
    delayed: bool,
    session: &mut Prng,
    out: &mut Vec<u8>,
) {
    let action = &compiled.action;
    let call = GeneratedCall { of: compiled, minor: envelope.draw_version(&mut scene.rng, action.name), delayed };
    let network = action.category == "NetworkActivity";
    scene.render_slot(slot::REQUEST_ID, &compiled.request_id, out);
    let manner = envelope.open(scene, &call, session, out);
    let known = !scene.kept(slot::ARN).is_empty();
    let failed = known && scene.rng.percent(if network { FAILED_NETWORK } else { FAILED });
    let own_way = !action.error_code.is_empty() && (network || scene.rng.percent(FAILED_OWN_WAY));
    if failed && own_way {
        failure(scene, action.error_code, &compiled.error_message, out);
    } else if failed {
        envelope.denial(scene, &call, out);
    }
    if !network {
        // A denied call often shows no request; it is rendered all the same, for the values that `resources` needs.
        let hidden = failed && !own_way && scene.rng.percent(30);
        nullable(scene, "requestParameters", &compiled.request, hidden, out);
        nullable(scene, "responseElements", &compiled.response, failed, out);
        rendered(scene, out, "additionalEventData", &compiled.additional);
    }
    envelope.close(scene, &call, manner, out);
}

/// A member that is always present: the rendering, or `null` if there is no template or it is to be hidden.
fn nullable(scene: &mut Scene<'_>, name: &str, template: &Template, hidden: bool, out: &mut Vec<u8>) {
    put(out, ",\"");
    put(out, name);
    put(out, "\":");
    let start = out.len();
    scene.render(template, out);
    if hidden || template.is_empty() {
        out.truncate(start);
        put(out, "null");
    }
}
