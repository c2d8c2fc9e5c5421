//! Columns of `usage_records`. Sources: the Metering Service API and its CloudTrail form.
//!
//! Source paths name the request's member for `BatchMeterUsage`; `MeterUsage` has its record in `requestParameters`
//! itself.

use super::Hint::{Bulk, Lookup, LookupRepeats, Repeats, Rising, Unique};
use super::Kind::{Allocations, Boolean, Int, Json, Quantity, Text, Timestamp};
use super::{Column, column};

#[rustfmt::skip]
pub(super) const COLUMNS: &[Column] = &[
    column(1, "event_time", "eventTime", Timestamp, Rising, "When the metering call completed"),
    column(2, "event_id", "eventID", Text, LookupRepeats, "GUID of the event"),
    column(3, "event_version", "eventVersion", Text, Repeats, "Version of the event format"),
    column(4, "event_name", "eventName", Text, Repeats, "`BatchMeterUsage` or `MeterUsage`"),
    column(5, "aws_region", "awsRegion", Text, Repeats, "Region the call was made to"),
    column(6, "recipient_account_id", "recipientAccountId", Text, Repeats, "Account that made the call"),
    column(7, "request_id", "requestID", Text, LookupRepeats, "Identifier of the request"),
    column(8, "record_index", "", Int, Repeats, "0-based position in the request; null when only the response has the record"),
    column(9, "product_code", "requestParameters.productCode", Text, Repeats, "Product; absent for metering by licence"),
    column(10, "license_arn", "requestParameters.usageRecords[].licenseArn", Text, LookupRepeats, "Licence (agreement) the usage is metered on"),
    column(11, "customer_identifier", "requestParameters.usageRecords[].customerIdentifier", Text, Repeats, "Customer, in the form older integrations use"),
    column(12, "customer_aws_account_id", "requestParameters.usageRecords[].customerAWSAccountId", Text, LookupRepeats, "Customer's account; the member's letter case varies"),
    column(13, "dimension", "requestParameters.usageRecords[].dimension", Text, Repeats, "What is metered (`usageDimension` in `MeterUsage`)"),
    column(14, "quantity", "requestParameters.usageRecords[].quantity", Quantity, Repeats, "How much, exact to six places (`quantityAsDecimal`, `usageQuantity`, … too)"),
    column(15, "usage_timestamp", "requestParameters.usageRecords[].timestamp", Timestamp, Rising, "Hour the usage belongs to"),
    column(16, "usage_timestamp_text", "requestParameters.usageRecords[].timestamp", Text, Repeats, "The same as written in the archive"),
    column(17, "usage_allocations", "requestParameters.usageRecords[].usageAllocations", Allocations, Repeats, "How the quantity is split over the customer's tags"),
    column(18, "dry_run", "requestParameters.dryRun", Boolean { as_text: false }, Repeats, "`MeterUsage` only: permission check, never billed"),
    column(19, "client_token", "requestParameters.clientToken", Text, Unique, "`MeterUsage` only: idempotency token"),
    column(20, "outcome", "", Text, Repeats, "`success`, `customer_not_subscribed`, `duplicate_record`, `unprocessed`, `request_error`, `omitted`, `unknown`"),
    column(21, "status", "responseElements.results[].status", Text, Repeats, "AWS's word for it, as written"),
    column(22, "metering_record_id", "responseElements.results[].meteringRecordId", Text, Lookup, "Identifier AWS gave the record"),
    column(23, "error_code", "errorCode", Text, Repeats, "Error of a failed call"),
    column(24, "error_message", "errorMessage", Text, Repeats, "Its description"),
    column(25, "user_identity_type", "userIdentity.type", Text, Repeats, "Kind of caller"),
    column(26, "user_identity_arn", "userIdentity.arn", Text, Repeats, "ARN of the caller"),
    column(27, "user_identity_account_id", "userIdentity.accountId", Text, Repeats, "Account that owns the caller"),
    column(28, "user_identity_access_key_id", "userIdentity.accessKeyId", Text, LookupRepeats, "Access key that signed the request"),
    column(29, "user_identity_user_name", "userIdentity.userName", Text, Repeats, "Friendly name of the caller"),
    column(30, "user_identity_invoked_by", "userIdentity.invokedBy", Text, Repeats, "Service that made the call"),
    column(31, "session_issuer_arn", "userIdentity.sessionContext.sessionIssuer.arn", Text, Repeats, "Role behind the caller's session"),
    column(32, "source_ip_address", "sourceIPAddress", Text, Repeats, "Address of the caller"),
    column(33, "user_agent", "userAgent", Text, Repeats, "Client"),
    column(34, "additional_event_data", "additionalEventData", Json, Bulk, "What else the service tells"),
    column(35, "unmapped", "", Json, Bulk, "Members without a column and values that do not fit theirs: a JSON object keyed by path"),
    column(36, "archive", "", Text, Repeats, "URI of the archive the event came from"),
    column(37, "event_index", "", Int, Rising, "0-based position of the event in the archive"),
];
