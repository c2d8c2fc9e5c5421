//! The trail that archives belong to. In: a [`GenerateConfig`]. Out: accounts, regions, compiled pools, and where and when
//! each archive is delivered. Never holds anything about one archive's events.

use super::config::{GenerateConfig, Mix};
use super::pools::POOLS;
use super::prng::{Prng, Weighted, index, seed_of, word};
use super::template::{Compiler, Template};
use super::text::{self, Alphabet};

/// Names of the random streams, so that no two uses of one seed draw the same numbers.
pub(super) mod stream {
    pub(in crate::generate) const ACCOUNTS: u64 = 1;
    pub(in crate::generate) const DELIVERY: u64 = 2;
    pub(in crate::generate) const EVENT: u64 = 3;
    pub(in crate::generate) const BURST: u64 = 4;
    pub(in crate::generate) const PRODUCT: u64 = 5;
    pub(in crate::generate) const CUSTOMER: u64 = 6;
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
/// The day of the first delivery, 2025-06-01, in seconds since 1970.
const START: i64 = 1_748_736_000;

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
pub(super) struct Trail {
    pub(super) mix: Mix,
    pub(super) seed: u64,
    pub(super) events_per_archive: usize,
    pub(super) accounts: Vec<String>,
    /// Templates of [`POOLS`], in their order.
    pub(super) pools: Vec<Template>,
    /// `o-…`, for mixes of an organisation trail.
    organisation: Option<String>,
    account_draw: Weighted,
    region_draw: Weighted,
    archives: usize,
    /// Seconds that the deliveries are spread over.
    span: i64,
}

impl Trail {
    pub(super) fn new(config: &GenerateConfig, compiler: &mut Compiler) -> Self {
        // The mix is part of the seed: two mixes of one seed can be converted into one lake without sharing event ids.
        let seed = seed_of(&[config.seed, config.mix.number()]);
        let mut rng = Prng::of(&[seed, stream::ACCOUNTS]);
        let organisation = format!("o-{}", random_text(&mut rng, Alphabet::LowerAlnum, 10));
        Self {
            mix: config.mix,
            seed,
            events_per_archive: config.events_per_archive,
            accounts: (0..ACCOUNTS).map(|_| random_text(&mut rng, Alphabet::Digits, 12)).collect(),
            pools: POOLS.iter().map(|pool| compiler.compile(pool.template)).collect(),
            organisation: (config.mix != Mix::Metering).then_some(organisation),
            // A few accounts do most of the work.
            account_draw: Weighted::new((1..=ACCOUNTS).map(|rank| 240 / rank)),
            region_draw: Weighted::new(REGIONS.iter().map(|(_, weight)| *weight)),
            archives: config.archives,
            span: i64::from(config.days.clamp(1, MAX_DAYS)) * DAY_SECONDS,
        }
    }

    /// Archives follow each other in time, evenly over the days, each delivered within the five minutes after its turn.
    pub(super) fn delivery(&self, archive_index: usize) -> Delivery {
        let mut rng = Prng::of(&[self.seed, stream::DELIVERY, word(archive_index)]);
        let turn = u128::from(word(archive_index)) * u128::from(self.span.unsigned_abs())
            / u128::from(word(self.archives.max(1)));
        let time = START + i64::try_from(turn).unwrap_or(0) + rng.between(0, 299);
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
        // The delivery's stream must not be continued: a word of its own keeps the two apart.
        let mut rng = Prng::of(&[self.seed, stream::DELIVERY, word(delivery.archive_index), 1]);
        let account = &self.accounts[delivery.account];
        let region = region_name(delivery.region);
        let mut minute = Vec::new();
        text::push_time(&mut minute, delivery.time, text::BASIC);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_follow_each_other_in_time() {
        let trail = Trail::new(&GenerateConfig::new(Mix::Org, "unused"), &mut Compiler::new());
        let deliveries: Vec<_> = (0..200).map(|archive| trail.delivery(archive)).collect();
        assert!(deliveries.windows(2).all(|pair| pair[0].time < pair[1].time));
        assert_eq!(deliveries.iter().filter(|delivery| delivery.seller).count(), 25);
    }
}
