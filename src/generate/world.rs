//! What all archives of one configuration share. In: a [`GenerateConfig`]. Out: accounts, regions, compiled templates,
//! and where and when each archive is delivered. Never holds anything about one archive's events.

use super::catalogue;
use super::envelope::Shared;
use super::identity::Identities;
use super::metering::Metering;
use super::pools::POOLS;
use super::prng::{Prng, Weighted, index, seed_of, word};
use super::specials::SPECIALS;
use super::template::{Compiler, Template};
use super::text::{self, Alphabet};
use super::{GenerateConfig, Mix};

/// Names of the random streams, so that no two uses of one seed draw the same numbers.
pub(super) mod stream {
    pub(in super::super) const ACCOUNTS: u64 = 1;
    pub(in super::super) const DELIVERY: u64 = 2;
    pub(in super::super) const EVENT: u64 = 3;
    pub(in super::super) const BURST: u64 = 4;
    pub(in super::super) const PRODUCT: u64 = 5;
    pub(in super::super) const CUSTOMER: u64 = 6;
}

const ACCOUNTS: u32 = 20;
/// The account of the organisation that sells on AWS Marketplace, and how many accounts sell in the metering mix.
const SELLER: usize = 2;
const SELLERS: u64 = 3;
/// In the org mix every eighth archive is the seller's, so that metering is where it is in real life: in few archives.
const SELLER_EVERY: usize = 8;

const REGIONS: [(&str, u32); 8] = [
    ("us-east-1", 44),
    ("eu-west-1", 18),
    ("us-west-2", 12),
    ("eu-central-1", 9),
    ("us-east-2", 6),
    ("ap-southeast-1", 5),
    ("ap-northeast-1", 4),
    ("sa-east-1", 2),
];
/// The region in which global services are recorded.
pub(super) const GLOBAL_REGION: usize = 0;

/// Longest time span, in days, that archives are spread over: a century.
const MAX_DAYS: u32 = 36_500;
const DAY_SECONDS: i64 = 86_400;

/// Where and when an archive is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) archive_index: usize,
    pub(super) account: usize,
    pub(super) region: usize,
    /// Seconds since 1970, a full minute.
    pub(super) time: i64,
    /// Whether metering calls are made in this account and region.
    pub(super) seller: bool,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) mix: Mix,
    pub(super) seed: u64,
    pub(super) events_per_archive: usize,
    pub(super) accounts: Vec<String>,
    /// Templates of [`POOLS`], in their order.
    pub(super) pools: Vec<Template>,
    pub(super) actions: Vec<catalogue::Compiled>,
    /// All actions, for the region that records global services, and those of the other regions.
    pub(super) everywhere: Weighted,
    pub(super) regional: Weighted,
    pub(super) identities: Identities,
    pub(super) shared: Shared,
    pub(super) metering: Metering,
    pub(super) specials: Vec<Template>,
    pub(super) special: Weighted,
    /// `o-…`, for mixes of an organisation trail.
    organisation: Option<String>,
    account_draw: Weighted,
    region_draw: Weighted,
    archives: usize,
    start: i64,
    span: i64,
}

impl World {
    pub(super) fn new(config: &GenerateConfig) -> Self {
        Self::compile(config, &mut Compiler::new())
    }

    pub(super) fn compile(config: &GenerateConfig, compiler: &mut Compiler) -> Self {
        // The mix is part of the seed: two mixes of one seed can be converted into one lake without sharing event ids.
        let seed = seed_of(&[config.seed, word(config.mix.position())]);
        let mut rng = Prng::of(&[seed, stream::ACCOUNTS]);
        let mut organisation = b"o-".to_vec();
        text::push_random(&mut organisation, &mut rng, Alphabet::LowerAlnum, 10);
        let accounts = (0..ACCOUNTS).map(|_| random_text(&mut rng, Alphabet::Digits, 12)).collect();
        let actions = catalogue::compile(compiler);
        let weight = |compiled: &catalogue::Compiled| compiled.action.weight;
        Self {
            mix: config.mix,
            seed,
            events_per_archive: config.events_per_archive,
            accounts,
            pools: POOLS.iter().map(|pool| compiler.compile(pool.template)).collect(),
            everywhere: Weighted::new(actions.iter().map(weight)),
            regional: Weighted::new(actions.iter().map(|action| if action.action.global { 0 } else { weight(action) })),
            actions,
            identities: Identities::compile(compiler),
            shared: Shared::compile(compiler),
            metering: Metering::compile(compiler, config.mix),
            specials: SPECIALS.iter().map(|special| compiler.compile(special.template)).collect(),
            special: Weighted::new(SPECIALS.iter().map(|special| special.weight)),
            organisation: match config.mix {
                Mix::Org | Mix::Tiny => Some(String::from_utf8_lossy(&organisation).into_owned()),
                Mix::Metering => None,
            },
            // A few accounts do most of the work.
            account_draw: Weighted::new((1..=ACCOUNTS).map(|rank| 240 / rank)),
            region_draw: Weighted::new(REGIONS.iter().map(|(_, weight)| *weight)),
            archives: config.archives,
            start: start_of(config.start),
            span: i64::from(config.days.clamp(1, MAX_DAYS)) * DAY_SECONDS,
        }
    }

    /// Archives follow each other in time, evenly over the days, each delivered within the five minutes after its turn.
    pub(super) fn delivery(&self, archive_index: usize) -> Delivery {
        let mut rng = Prng::of(&[self.seed, stream::DELIVERY, word(archive_index)]);
        let turn = u128::from(word(archive_index)) * u128::from(self.span.unsigned_abs())
            / u128::from(word(self.archives.max(1)));
        let time = self.start + i64::try_from(turn).unwrap_or(0) + rng.between(0, 299);
        let (account, region, seller) = match self.mix {
            Mix::Metering => (
                index(rng.below(SELLERS)),
                if rng.percent(80) { GLOBAL_REGION } else { self.region_draw.draw(&mut rng) },
                true,
            ),
            Mix::Org | Mix::Tiny if archive_index % SELLER_EVERY == SELLER_EVERY / 2 => (SELLER, GLOBAL_REGION, true),
            Mix::Org | Mix::Tiny => match self.account_draw.draw(&mut rng) {
                // Its other regions have no metering; its metering region has its own turn.
                SELLER => (SELLER, 1 + rng.pick(REGIONS.len() - 1), false),
                account => (account, self.region_draw.draw(&mut rng), false),
            },
        };
        Delivery { archive_index, account, region, time: time - time.rem_euclid(60), seller }
    }

    /// The archive's key, as S3 has it: `AWSLogs/[o-orgid/]<account>/CloudTrail/<region>/YYYY/MM/DD/<file>`.
    pub(super) fn key(&self, delivery: &Delivery) -> String {
        // The stream goes on where the delivery's stopped being used: a word of its own keeps them apart.
        let mut rng = Prng::of(&[self.seed, stream::DELIVERY, word(delivery.archive_index), 1]);
        let account = &self.accounts[delivery.account];
        let region = region_name(delivery.region);
        let mut minute = Vec::new();
        text::push_iso_basic(&mut minute, delivery.time);
        let minute = String::from_utf8_lossy(&minute);
        let (year, month, day) = (&minute[..4], &minute[4..6], &minute[6..8]);
        let organisation = self.organisation.as_ref().map(|id| format!("{id}/")).unwrap_or_default();
        let unique = random_text(&mut rng, Alphabet::Alnum, 16);
        format!(
            "AWSLogs/{organisation}{account}/CloudTrail/{region}/{year}/{month}/{day}/{account}_CloudTrail_{region}_{}Z_{unique}.json.gz",
            &minute[..13]
        )
    }
}

pub(super) fn region_name(region: usize) -> &'static str {
    REGIONS[region].0
}

fn random_text(rng: &mut Prng, alphabet: Alphabet, count: usize) -> String {
    let mut text = Vec::with_capacity(count);
    text::push_random(&mut text, rng, alphabet, count);
    String::from_utf8_lossy(&text).into_owned()
}

/// Midnight of the day, in seconds since 1970; days that a key cannot carry (or that precede AWS) are pulled into range.
fn start_of(day: jiff::civil::Date) -> i64 {
    let last = jiff::civil::date(9_800, 1, 1);
    let first = jiff::civil::date(1_970, 1, 1);
    let days = day.clamp(first, last).duration_since(first).as_hours() / 24;
    days * DAY_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_understood() {
        let mut compiler = Compiler::new();
        let config = GenerateConfig::new(Mix::Org, "unused");
        let world = World::compile(&config, &mut compiler);
        assert_eq!(compiler.unknown(), [""; 0]);
        assert!(world.actions.len() > 100);
    }

    #[test]
    fn start_is_midnight() {
        assert_eq!(start_of(jiff::civil::date(2025, 6, 1)), 1_748_736_000);
        assert_eq!(start_of(jiff::civil::date(-5, 6, 1)), 0);
    }

    #[test]
    fn deliveries_follow_each_other_in_time() {
        let world = World::new(&GenerateConfig::new(Mix::Org, "unused"));
        let deliveries: Vec<_> = (0..200).map(|archive| world.delivery(archive)).collect();
        assert!(deliveries.windows(2).all(|pair| pair[0].time < pair[1].time));
        assert_eq!(deliveries.iter().filter(|delivery| delivery.seller).count(), 25);
    }
}
