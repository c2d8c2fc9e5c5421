//! The views, each declared once: its name, what it answers, what to know about it, its SQL.
//!
//! In: the `.sql` files beside this one. Out: [`VIEWS`] in the order they are made in, each after those it reads. Never: a
//! difference between engines.

/// A view.
pub(super) struct View {
    /// Which of the fifteen questions it answers; `None` for one that others stand on.
    pub(super) question: Option<u8>,
    pub(super) name: &'static str,
    /// What a row is, in a sentence or two.
    pub(super) doc: &'static str,
    /// What somebody has to know who trusts its numbers.
    pub(super) caveats: &'static [&'static str],
    pub(super) sql: &'static str,
}

/// A query to copy, with what is said before it.
pub(super) struct Reconciliation {
    pub(super) doc: &'static [&'static str],
    pub(super) sql: &'static str,
}

/// What comes before the views.
pub(super) const INTRODUCTION: &[&str] = &[
    "The seller's questions: views over usage_records and events.",
    "CloudTrail shows submissions, not bills. What follows is what was sent to AWS Marketplace and what it answered \
     at once. It does not tell what was invoiced, paid, refunded or forgiven, nor at which price. For that there are \
     AWS's reports and Seller Delivery Data Feeds, and metering_monthly has the columns to join them by. Nor is there \
     usage that never was submitted, calls in accounts, Regions and times that no trail covered, or MeterUsage calls \
     of buyers: those are in the trails of the buyers' accounts.",
    "All times are UTC, without a zone, whatever the zone of the session. Quantities are exact decimals. A record \
     without a quantity has 0, as the API reads it, unless its row has something in unmapped. customer is the \
     customer's account id, for a customer identifier of older integrations too where sign-ups tell one account for \
     it, and otherwise the identifier. For MeterUsage it is the calling account. All views but metering_record \
     therefore read the sign-ups in events.",
    "A record is the same as another when licence (or else product code), customer, dimension, UTC hour and Region \
     are (Metering Service API Reference, concurrent agreements). The first one accepted is the one that counts. \
     MeterUsage is kept apart by client token besides or, without one, by caller, since every instance meters for \
     itself. Dry runs count nowhere but in metering_outcomes and metering_callers.",
    "Where an event does not tell enough to compare a record, that is without any usage timestamp, or accepted \
     without product and licence, customer or dimension, it is the same only as one with its metering record id. What it repeats, or makes \
     good after a failure, is then not seen.",
    "Where CloudTrail left out the records of a call that was too large, answers are uncertain. omitted_call_at is \
     the first such call of the same account and Region since the record was sent: it may have sent it again. \
     omitted_calls_of_month counts such calls, by whatever customer, that were made in the month.",
];

#[rustfmt::skip]
pub(super) const VIEWS: &[View] = &[
    View {
        question: None,
        name: "metering_sign_ups",
        doc: "Customers that ResolveCustomer told of: who signed up, for which product and licence, and when first.",
        caveats: &[
            "Needs the events table, and a trail of the account and Region that ResolveCustomer is called in.",
            "An answer that the engine cannot parse, or that names neither customer nor licence, is left out.",
        ],
        sql: include_str!("metering_sign_ups.sql"),
    },
    View {
        question: None,
        name: "metering_customers",
        doc: "The account behind each customer identifier, where sign-ups tell only one.",
        caveats: &[],
        sql: include_str!("metering_customers.sql"),
    },
    View {
        question: None,
        name: "metering_licenses",
        doc: "The product and the agreement behind each licence, as far as sign-ups tell.",
        caveats: &[],
        sql: include_str!("metering_licenses.sql"),
    },
    View {
        question: None,
        name: "metering_submissions",
        doc: "Every usage record that was sent, as in usage_records, with its UTC hour and month, its age when it was \
              sent, and the parts of its key.",
        caveats: &[
            "A customer who is named by identifier and by account is one customer where a sign-up tells both, and two \
             where none does.",
            "is_refused_as_duplicate is DuplicateRecord of BatchMeterUsage, and DuplicateRequestException or \
             IdempotencyConflictException of MeterUsage. known_only_by is set where the rest of the key is incomplete.",
        ],
        sql: include_str!("metering_submissions.sql"),
    },
    View {
        question: None,
        name: "metering_attempts",
        doc: "The same without dry runs and omitted records, each beside what became of all records with its key.",
        caveats: &[],
        sql: include_str!("metering_attempts.sql"),
    },
    View {
        question: None,
        name: "metering_accepted",
        doc: "One row for each key that AWS accepted: the first record it accepted. Later ones with the same key \
              repeat it and are never added.",
        caveats: &[],
        sql: include_str!("metering_accepted.sql"),
    },
    View {
        question: None,
        name: "metering_never_accepted",
        doc: "One row for each key that AWS never accepted, as far as the lake goes: the last record that has an answer.",
        caveats: &[
            "Keys with a record refused as a duplicate are not here: AWS has accepted something for them, in the lake or before it.",
            "Keys whose answer no event tells are in metering_attempts only, with the outcome unknown.",
            "By its outcome each key is in one of metering_rejected, metering_unprocessed and metering_failed.",
        ],
        sql: include_str!("metering_never_accepted.sql"),
    },
    View {
        question: None,
        name: "metering_omitted",
        doc: "Calls whose records CloudTrail left out, by the month that they were made in.",
        caveats: &[],
        sql: include_str!("metering_omitted.sql"),
    },
    View {
        question: Some(1),
        name: "metering_billable",
        doc: "What can be billed? Accepted quantity by month of usage, product or licence, customer and dimension.",
        caveats: &[
            "Candidates, not bills: AWS may credit, forgive or correct.",
            "resent_records were accepted again and are not added. conflicting_records were accepted more than once \
             with different quantities, which AWS rules out. The first one is in quantity.",
            "unread_quantities have no readable quantity and add nothing. A row without records stands for a month of \
             which only omitted calls are known.",
        ],
        sql: include_str!("metering_billable.sql"),
    },
    View {
        question: Some(2),
        name: "metering_outcomes",
        doc: "What did AWS answer? Records, calls and quantity by UTC day of submission, Region and outcome.",
        caveats: &[
            "Counts what was sent: a record that was sent three times counts three times.",
            "An omitted record stands for all records of its call.",
        ],
        sql: include_str!("metering_outcomes.sql"),
    },
    View {
        question: Some(3),
        name: "metering_rejected",
        doc: "Which customers' usage was turned down as not subscribed, how much, and from when to when?",
        caveats: &["Only what was not accepted at another time. Each key once, with its last quantity."],
        sql: include_str!("metering_rejected.sql"),
    },
    View {
        question: Some(4),
        name: "metering_underbilled",
        doc: "Which corrections came too late? For each key, the last record that AWS refused as a duplicate with \
              another quantity, beside the quantity that was accepted and stays.",
        caveats: &[
            "missing_quantity is below zero where too much was accepted. Without accepted_quantity the accepted \
             record is not in the lake.",
            "duplicates is how often it was refused. The last quantity is taken for the right one.",
            "For MeterUsage that is a DuplicateRequestException or an IdempotencyConflictException. The latter means \
             that a client token was used again, perhaps for another hour or dimension: then there is no \
             accepted_quantity.",
        ],
        sql: include_str!("metering_underbilled.sql"),
    },
    View {
        question: Some(5),
        name: "metering_unprocessed",
        doc: "Which records did AWS leave unprocessed that were never accepted before or after?",
        caveats: &[
            "Each key once, by its last answer: one that failed or was rejected later is in metering_failed or \
             metering_rejected.",
            "times_unknown counts records with the key whose answer the event does not tell: they may have been accepted.",
            "age_seconds is how old the usage was at the last attempt that has an answer. How old it may be has been one, six and 24 \
             hours in AWS's documents. Compare usage_hour with what holds for you.",
        ],
        sql: include_str!("metering_unprocessed.sql"),
    },
    View {
        question: Some(6),
        name: "metering_failed",
        doc: "Which records were in calls that failed as a whole, and never accepted before or after?",
        caveats: &["As for metering_unprocessed. TimestampOutOfBoundsException means that it was too late."],
        sql: include_str!("metering_failed.sql"),
    },
    View {
        question: Some(7),
        name: "metering_latency",
        doc: "How late is usage submitted? Seconds from usage timestamp to acceptance, by month of usage and Region: \
              exact percentiles, and records beyond limits.",
        caveats: &[
            "Accepted records only, at their first acceptance. What came too late for AWS is in metering_failed.",
            "after_month_end_0600 counts those sent after 06:00 UTC on the first of the next month, when AWS closes the month.",
        ],
        sql: include_str!("metering_latency.sql"),
    },
    View {
        question: Some(8),
        name: "metering_missing_hours",
        doc: "Which hours have no accepted record, between a customer's first one and the newest hour in the lake? \
              One row for each gap, by product or licence, customer and dimension.",
        caveats: &[
            "Only a gap if you meter every hour, be it with quantity 0.",
            "A customer who was moved from a product code to a licence has an open gap under the one, and begins under \
             the other.",
            "is_open: nothing came after it. A subscription that ended looks like metering that stopped.",
            "omitted_calls_of_month is of the month in which the gap begins.",
        ],
        sql: include_str!("metering_missing_hours.sql"),
    },
    View {
        question: Some(9),
        name: "metering_doubled",
        doc: "What was metered twice? Pairs of accepted records of one customer, dimension and hour: in two Regions, \
              or by product code and by licence.",
        caveats: &[
            "Both are billed as a rule. They may also be two halves of one usage. Quantities of 0 are left out.",
            "In two_regions first_… is what was accepted first, in product_code_and_license it is the record by product \
             code, whichever was first.",
            "A licence and a product are matched by the record's own product code, or else by what sign-ups tell. A \
             licence whose product neither tells is matched with every product of the customer. What \
             additional_event_data may tell is not read.",
        ],
        sql: include_str!("metering_doubled.sql"),
    },
    View {
        question: Some(10),
        name: "metering_movers",
        doc: "Who uses most, and whose usage has changed most? Accepted quantity beside that of the month before, with \
              ranks among all customers of a product and dimension.",
        caveats: &[
            "A customer without usage in the month has 0. The newest month may not be over.",
            "A customer who was moved from a product code to a licence loses everything under the one and is new under \
             the other.",
        ],
        sql: include_str!("metering_movers.sql"),
    },
    View {
        question: Some(11),
        name: "metering_by_tag",
        doc: "How is usage split over cost-allocation tags? Accepted quantity by tag key and value.",
        caveats: &[
            "share is tagged, untagged (allocations without tags, records without allocations) or unallocated (what \
             allocations leave of a quantity, below zero where they add up to more).",
            "An allocation with several tags is under each of them: add up values of one tag key, never all keys.",
            "An accepted record without a readable quantity is here only with its allocations, and not at all if it has \
             none: see unread_quantities of metering_billable.",
        ],
        sql: include_str!("metering_by_tag.sql"),
    },
    View {
        question: Some(11),
        name: "metering_allocation_differences",
        doc: "Accepted records whose allocations do not add up to their quantity.",
        caveats: &["AWS refuses such a record. One here is a reason to look at the row's unmapped."],
        sql: include_str!("metering_allocation_differences.sql"),
    },
    View {
        question: Some(12),
        name: "metering_callers",
        doc: "Who meters? Calls and records by UTC day, principal, access key, user agent and address, with the day on \
              which the principal and the address were seen first.",
        caveats: &["principal_arn is the role of a session, or else the caller itself. Dry runs and failed calls count."],
        sql: include_str!("metering_callers.sql"),
    },
    View {
        question: Some(13),
        name: "metering_record",
        doc: "What is behind a metering record id? Plain rows of usage_records: a filter on metering_record_id skips \
              files by their Bloom filters.",
        caveats: &[
            "SELECT * FROM metering_record WHERE metering_record_id = '…'",
            "Times are instants here, shown in the zone of the session. Several rows are attempts that AWS answered \
             with the same id.",
        ],
        sql: include_str!("metering_record.sql"),
    },
    View {
        question: Some(14),
        name: "metering_monthly",
        doc: "Monthly totals to be joined with AWS's Seller Delivery Data Feeds: customer_aws_account_id is aws_account_id \
              and customer_identifier encrypted_account_id of the account feed, product_code is in the product feed, \
              license_arn in license_ids and agreement_id in the agreements feed.",
        caveats: &[
            "quantity adds up all dimensions and means something where there is one. metering_billable has them apart.",
            "Accounts of customer identifiers, and products and agreements of licences, come from sign-ups. Where they \
             do not tell, product_code and agreement_id of a licence are null. Its product may be in \
             additional_event_data of usage_records, in a form that AWS does not document, which is not read.",
        ],
        sql: include_str!("metering_monthly.sql"),
    },
    View {
        question: Some(15),
        name: "metering_unused_sign_ups",
        doc: "Who signed up and was never metered since?",
        caveats: &[
            "Usage is matched by licence, by account and product, or by customer identifier and product.",
            "last_usage_of_account_at is when usage of the account was last accepted for any product or licence: with \
             licences of which sign-ups do not tell, it may be what is looked for.",
        ],
        sql: include_str!("metering_unused_sign_ups.sql"),
    },
];

/// Where both sides of a reconciliation are listed.
pub(super) const RECONCILIATION: Reconciliation = Reconciliation {
    doc: &[
        "With the Seller Delivery Data Feeds as tables (all columns text, named as AWS names them), this lists by month, \
         customer and product what was metered beside what was invoiced, either one without the other too.",
        "Billing events have amounts and no quantities, so equal rows are no proof. Products that are not metered are \
         invoiced without metering. A customer who is invoiced in two currencies has a row for each, both with the whole \
         quantity: do not add it up over them.",
        "A customer identifier has the account that the account feed, or a sign-up, tells for it. An invoice without a \
         period has no month, and an empty amount counts as 0.",
    ],
    sql: include_str!("reconcile_with_billing.sql"),
};
