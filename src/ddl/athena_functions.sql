-- Functions of Athena (Trino) that published CloudTrail queries use: with them nearly every one runs as it stands. Some have
-- the name of one of DuckDB's and stand in its place here: date_diff counts whole units, and now(), current_timestamp and
-- current_date are UTC, as all times of the lake are. For DuckDB's own write system.main.date_diff and the like.
-- What they cannot mend: types written like array(json), and JSON paths with ["…"].

-- Text and numbers, of an object or a list it is null, where DuckDB's own gives its text.
CREATE OR REPLACE MACRO json_extract_scalar(document, path) AS
  CASE WHEN json_type(document, path) NOT IN ('OBJECT', 'ARRAY') THEN json_extract_string(document, path) END;

-- The time of now, in UTC, as it is in Athena.
CREATE OR REPLACE MACRO now() AS (transaction_timestamp() AT TIME ZONE 'UTC');

-- What current_timestamp stands for.
CREATE OR REPLACE MACRO get_current_timestamp() AS (transaction_timestamp() AT TIME ZONE 'UTC');

CREATE OR REPLACE MACRO current_date() AS CAST(transaction_timestamp() AT TIME ZONE 'UTC' AS DATE);

-- UTC, whatever offset the text has, without one it is UTC.
CREATE OR REPLACE MACRO from_iso8601_timestamp(moment) AS
  CASE WHEN regexp_matches(moment, 'T.*(Z|[+-]\d\d(:?\d\d)?)$') THEN CAST(moment AS TIMESTAMPTZ) AT TIME ZONE 'UTC'
    ELSE CAST(moment AS TIMESTAMP) END;

-- Whatever the format, CloudTrail's times are ISO 8601, and DuckDB takes no format that is not a constant.
CREATE OR REPLACE MACRO date_parse(moment, format) AS CAST(moment AS TIMESTAMP);

-- MySQL's %M, %i and %s are %B, %M and %S here.
CREATE OR REPLACE MACRO date_format(moment, format) AS
  strftime(moment, replace(replace(replace(format, '%M', '%B'), '%i', '%M'), '%s', '%S'));

CREATE OR REPLACE MACRO date_add(unit, number, moment) AS moment + CAST(number || ' ' || unit AS INTERVAL);

-- Whole units that have passed, DuckDB's own counts borders that were crossed.
CREATE OR REPLACE MACRO date_diff(unit, earlier, later) AS date_sub(unit, earlier, later);

CREATE OR REPLACE MACRO day_of_week(moment) AS isodow(moment);

CREATE OR REPLACE MACRO regexp_like(value, pattern) AS regexp_matches(value, pattern);

CREATE OR REPLACE MACRO approx_distinct(value) AS approx_count_distinct(value);

CREATE OR REPLACE MACRO array_join(list, separator) AS array_to_string(list, separator);

CREATE OR REPLACE MACRO array_sort(list) AS list_sort(list);

CREATE OR REPLACE MACRO element_at(list, place) AS list[place];
