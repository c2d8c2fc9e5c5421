//! `cloudtrail_logs`: events under the names and types of the table that AWS documents.
//!
//! In: the columns of `events`. Out: a view. Never: a second list of which column a member is in: AWS's names are those of
//! the members in lower case, and each column says which member it holds.
//!
//! Source: Athena User Guide, "Create a table for CloudTrail logs in Athena using manual partitioning" and "… using
//! partition projection". All scalars are texts there, truth values and times too.

use super::dialect::{Dialect, StructField, view};
use super::script::{DdlRequest, Script, lines};
use crate::model::PartitionColumn;
use crate::schema::{Column, Kind, Table};

/// Members of AWS's table, in its order: scalars, and members of records, which stand side by side.
const MEMBERS: &[&str] = &[
    "eventversion",
    "useridentity.type",
    "useridentity.principalid",
    "useridentity.arn",
    "useridentity.accountid",
    "useridentity.invokedby",
    "useridentity.accesskeyid",
    "useridentity.username",
    "useridentity.onbehalfof.userid",
    "useridentity.onbehalfof.identitystorearn",
    "useridentity.sessioncontext.attributes.mfaauthenticated",
    "useridentity.sessioncontext.attributes.creationdate",
    "useridentity.sessioncontext.sessionissuer.type",
    "useridentity.sessioncontext.sessionissuer.principalid",
    "useridentity.sessioncontext.sessionissuer.arn",
    "useridentity.sessioncontext.sessionissuer.accountid",
    "useridentity.sessioncontext.sessionissuer.username",
    "useridentity.sessioncontext.ec2roledelivery",
    "useridentity.sessioncontext.webidfederationdata.federatedprovider",
    "useridentity.sessioncontext.webidfederationdata.attributes",
    "eventtime",
    "eventsource",
    "eventname",
    "awsregion",
    "sourceipaddress",
    "useragent",
    "errorcode",
    "errormessage",
    "requestparameters",
    "responseelements",
    "additionaleventdata",
    "requestid",
    "eventid",
    "resources",
    "eventtype",
    "apiversion",
    "readonly",
    "recipientaccountid",
    "serviceeventdetails",
    "sharedeventid",
    "vpcendpointid",
    "vpcendpointaccountid",
    "eventcategory",
    "addendum.reason",
    "addendum.updatedfields",
    "addendum.originalrequestid",
    "addendum.originaleventid",
    "sessioncredentialfromconsole",
    "edgedevicedetails",
    "tlsdetails.tlsversion",
    "tlsdetails.ciphersuite",
    "tlsdetails.clientprovidedhostheader",
];

/// The member that is an object of texts.
const MAP: &str = "useridentity.sessioncontext.webidfederationdata.attributes";

/// Members of a resource: those of the column, and AWS's.
const RESOURCE: [(&str, &str); 3] = [("arn", "arn"), ("account_id", "accountid"), ("type", "type")];

/// Adds the view and what queries for it need, or why there is none.
pub(super) fn add(dialect: &dyn Dialect, request: &DdlRequest<'_>, script: &mut Script) {
    if !request.lake.tables.contains(&Table::Events) {
        script.comment("The lake has no events, so there is no view cloudtrail_logs.");
        return;
    }
    script.comment(
        "Events under the names and types of the table that AWS documents for Athena (all scalars are texts, times too),\n\
         with the partition columns of its variants: region, year, month, day, account, timestamp (yyyy/MM/dd).",
    );
    script.comment(pruning(request));
    let members = members(dialect, MEMBERS, 0).into_iter().chain(partitions(dialect, request));
    let columns = members.map(|member| format!("{} AS {}", member.expression, dialect.name(&member.name)));
    let from = request.qualified(Table::Events.name(), dialect.quote());
    let query = format!("SELECT\n{}\nFROM {from}", lines(columns));
    script.statement(&view(dialect, request, "cloudtrail_logs", &query));
    dialect.add_functions(script);
}

/// What keeps engines from reading all of it.
fn pruning(request: &DdlRequest<'_>) -> &'static str {
    let is_by = |column| request.lake.is_partitioned_by(column);
    if is_by(PartitionColumn::EventDate) {
        "A condition on year, month, day or timestamp reads the wanted days only. One on eventtime reads all of them."
    } else if is_by(PartitionColumn::EventMonth) {
        "A condition on year or month reads the wanted months only. One on day, timestamp or eventtime reads all of them."
    } else {
        "No condition on a time keeps an engine from reading all files: the lake is not partitioned by time."
    }
}

/// The column of `events` that holds a member.
fn column_of(path: &str) -> Option<&'static Column> {
    Table::Events.columns().iter().find(|column| column.source.to_lowercase() == path)
}

/// Members at this depth, with all that is in them.
fn members(dialect: &dyn Dialect, paths: &[&str], depth: usize) -> Vec<StructField> {
    let at = |path: &str, depth: usize| path.split('.').nth(depth).map(str::to_owned);
    let groups = paths.chunk_by(|one, two| at(one, depth) == at(two, depth));
    let member = |group: &[&str]| {
        let name = at(group.first()?, depth)?;
        if group.len() == 1 && at(group[0], depth + 1).is_none() {
            return column_of(group[0]).map(|column| leaf(dialect, name, group[0], column));
        }
        let members = members(dialect, group, depth + 1);
        let data_type = dialect.record_type(&members);
        let expression = dialect.record(&members, &data_type);
        let columns = members.into_iter().flat_map(|member| member.columns).collect();
        Some(StructField { name, expression, data_type, columns })
    };
    groups.filter_map(member).collect()
}

fn leaf(dialect: &dyn Dialect, name: String, path: &str, column: &Column) -> StructField {
    let quoted = dialect.name(column.name);
    let text = |name: &str| StructField {
        name: name.to_owned(),
        expression: String::new(),
        data_type: dialect.text_type(),
        columns: Vec::new(),
    };
    let (expression, data_type) = match column.kind {
        _ if path == MAP => (dialect.map(&quoted), dialect.map_type()),
        Kind::Resources => {
            let resource = dialect.record_type(&RESOURCE.map(|(_, name)| text(name)));
            (dialect.renamed(&quoted, &RESOURCE), dialect.list_type(&resource))
        }
        kind => (dialect.column_text(kind, &quoted), dialect.text_type()),
    };
    StructField { name, expression, data_type, columns: vec![quoted] }
}

/// The partition columns of AWS's variants. What the lake has in its paths comes from there, so that engines pass over
/// folders that are not wanted.
fn partitions(dialect: &dyn Dialect, request: &DdlRequest<'_>) -> Vec<StructField> {
    let is_by = |column| request.lake.is_partitioned_by(column);
    let column = |name: &str| dialect.name(name);
    let day = if is_by(PartitionColumn::EventDate) {
        dialect.as_text(&column("event_date"))
    } else {
        format!("substr({}, 1, 10)", dialect.time_text(&column("event_time")))
    };
    let month = if is_by(PartitionColumn::EventMonth) { column("event_month") } else { day.clone() };
    let region = if is_by(PartitionColumn::Region) { "region" } else { "aws_region" };
    let account = if is_by(PartitionColumn::Account) { "account" } else { "recipient_account_id" };
    let members = [
        ("region", column(region)),
        ("year", format!("substr({month}, 1, 4)")),
        ("month", format!("substr({month}, 6, 2)")),
        ("day", format!("substr({day}, 9, 2)")),
        ("account", column(account)),
        ("timestamp", format!("replace({day}, '-', '/')")),
    ];
    let member = |(name, expression): (&str, String)| StructField {
        name: name.to_owned(),
        expression,
        data_type: dialect.text_type(),
        columns: Vec::new(),
    };
    members.map(member).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns with a member that AWS's table has no place for.
    const NOT_THERE: [&str; 14] = [
        "management_event",
        "user_identity_identity_provider",
        "user_identity_credential_id",
        "user_identity_in_scope_of",
        "user_identity_invoked_by_delegate",
        "session_source_identity",
        "session_assumed_root",
        "session_sign_in_session_arn",
        "insight_details",
        "event_context",
        "tls_key_exchange",
        "unmapped",
        "archive",
        "event_index",
    ];

    #[test]
    fn every_member_has_a_column_and_every_column_a_member() {
        for path in MEMBERS {
            assert!(column_of(path).is_some(), "no column holds {path}");
        }
        let columns = Table::Events.columns().iter();
        let rest = columns.filter(|column| !MEMBERS.contains(&&*column.source.to_lowercase()));
        let rest: Vec<&str> = rest.map(|column| column.name).collect();
        assert_eq!(rest, NOT_THERE);
    }

    #[test]
    fn members_of_a_record_stand_side_by_side() {
        let records: Vec<&str> = MEMBERS.iter().map(|path| path.split('.').next().unwrap_or_default()).collect();
        let mut names: Vec<&str> = records.chunk_by(|one, two| one == two).map(|group| group[0]).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a record is in two pieces");
    }
}
