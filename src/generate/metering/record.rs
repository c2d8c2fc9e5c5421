//! Usage records. In: a seller's account and random numbers. Out: products with their habits, and records. Never spells
//! them: that is [`super::spelling`].

use crate::generate::prng::{Prng, index, word};
use crate::generate::text::{self, Alphabet, put};
use crate::generate::trail::{Trail, stream};

const PRODUCTS: usize = 8;
const CUSTOMERS: usize = 700;

const DIMENSIONS: [&str; 28] = [
    "api_calls",
    "users",
    "GB-ingested",
    "GB-scanned",
    "hosts",
    "events_million",
    "seats",
    "data_processed_gb",
    "compute_hours",
    "tokens_1k",
    "pipelines",
    "active_devices",
    "queries",
    "premium_support",
    "storage_gb_month",
    "workflow_runs",
    "messages",
    "cpu_hours",
    "overage_events",
    "nodes",
    "transactions",
    "AI.credits",
    "scans",
    "vcpu",
    "egress_gb",
    "environments",
    "log-volume-tier-2",
    "Größe_GB",
];

/// Quantities are counted in millionths.
pub(super) const MILLION: u64 = 1_000_000;

/// How a call names its customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CustomerForm {
    Identifier,
    IdentifierAndAccount,
    /// The spelling of the documentation's sample: `customerAWSAccountID`.
    IdentifierAndAccountUpper,
    Account,
    License,
}

/// A product and the habits of its seller's metering job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    number: u64,
    account: usize,
    pub(super) customers: CustomerForm,
    pub(super) decimals: bool,
    pub(super) tagged: bool,
    /// Whether usage is reported for the full hour, or for the moment it is sent.
    pub(super) hourly: bool,
    first_dimension: usize,
    dimensions: usize,
}

impl Product {
    /// One of the account's products; the first are the busiest.
    pub(super) fn draw(trail: &Trail, account: usize, rng: &mut Prng) -> Self {
        let number = word(rng.skewed(PRODUCTS));
        let mut own = Prng::of(&[trail.seed, stream::PRODUCT, word(account), number]);
        let forms = [
            CustomerForm::Identifier,
            CustomerForm::Identifier,
            CustomerForm::IdentifierAndAccount,
            CustomerForm::License,
            CustomerForm::Identifier,
            CustomerForm::Account,
            CustomerForm::IdentifierAndAccountUpper,
            CustomerForm::License,
        ];
        Self {
            number,
            account,
            customers: forms[(index(number) + account) % forms.len()],
            decimals: own.percent(15),
            tagged: own.percent(30),
            hourly: own.percent(70),
            first_dimension: own.pick(DIMENSIONS.len()),
            dimensions: 1 + own.skewed(12),
        }
    }

    pub(super) fn push_code(&self, trail: &Trail, out: &mut Vec<u8>) {
        let mut own = Prng::of(&[trail.seed, stream::PRODUCT, word(self.account), self.number, 1]);
        text::push_random(out, &mut own, Alphabet::LowerAlnum, 25);
    }

    fn customer(&self, trail: &Trail, customer: usize, what: u64) -> Prng {
        Prng::of(&[trail.seed, stream::CUSTOMER, word(self.account), self.number, word(customer), what])
    }

    pub(super) fn push_identifier(&self, trail: &Trail, customer: usize, out: &mut Vec<u8>) {
        text::push_random(out, &mut self.customer(trail, customer, 0), Alphabet::Alnum, 11);
    }

    pub(super) fn push_account(&self, trail: &Trail, customer: usize, out: &mut Vec<u8>) {
        text::push_random(out, &mut self.customer(trail, customer, 1), Alphabet::Digits, 12);
    }

    pub(super) fn push_license(&self, trail: &Trail, customer: usize, out: &mut Vec<u8>) {
        put(out, "arn:aws:license-manager::");
        put(out, &trail.accounts[self.account]);
        put(out, ":license:l-");
        text::push_random(out, &mut self.customer(trail, customer, 2), Alphabet::Hex, 32);
    }

    pub(super) fn dimension(&self, rng: &mut Prng) -> &'static str {
        DIMENSIONS[(self.first_dimension + rng.skewed(self.dimensions)) % DIMENSIONS.len()]
    }
}

/// One usage record.
#[derive(Clone, Copy, Debug)]
pub(super) struct MeteringRecord {
    pub(super) customer: usize,
    pub(super) dimension: &'static str,
    /// Seconds since 1970 of the usage.
    pub(super) time: i64,
    /// Millionths.
    pub(super) quantity: u64,
    pub(super) allocations: usize,
    /// Whether it has an undocumented member.
    pub(super) unknown: bool,
    /// Seed of its text: writing it twice gives the same text.
    pub(super) seed: u64,
}

impl MeteringRecord {
    pub(super) fn draw(product: &Product, time: i64, rng: &mut Prng) -> Self {
        let whole = match rng.below(100) {
            0..8 => 0,
            8..60 => 1 + rng.below(20),
            60..90 => 1 + rng.below(1_000),
            90..99 => 1 + rng.below(200_000),
            _ => 2_147_483_647 - rng.below(2),
        };
        let fraction = if product.decimals {
            rng.below(MILLION) / 10_u64.pow(u32::try_from(rng.below(6)).unwrap_or(0))
        } else {
            0
        };
        let allocations = match rng.below(1_000) {
            _ if !product.tagged => 0,
            0..400 => 0,
            400..990 => 1 + rng.pick(4),
            _ => 20 + rng.pick(40),
        };
        Self {
            customer: rng.skewed(CUSTOMERS),
            dimension: product.dimension(rng),
            time,
            quantity: whole * MILLION + fraction,
            allocations,
            unknown: rng.per_million(2_500),
            seed: rng.next(),
        }
    }
}
