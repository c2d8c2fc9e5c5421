-- Functions of Athena (Trino) that published CloudTrail queries use: with them nearly every one runs as it stands. Some have
-- the name of one of DuckDB's and stand in its place here: date_diff counts whole units, element_at gives a map's value and no
-- list of it, and now(), today(), current_timestamp, current_date, current_time, localtimestamp and localtime are UTC, as all
-- times of the lake are. date_add takes what DuckDB's takes as well. For DuckDB's own write system.main.date_diff
-- and the like. date_parse takes formats that begin with %Y-%m-%d, and fails for others.
-- What they cannot mend: types written like array(json), and JSON paths with ["…"].

-- Text and numbers, null of an object or a list, where DuckDB's own gives its text, and of what is no JSON, where that fails.
CREATE OR REPLACE MACRO json_extract_scalar(document, path) AS
  CASE WHEN json_valid(document) AND json_type(document, path) NOT IN ('OBJECT', 'ARRAY')
    THEN json_extract_string(document, path) END;

-- The time of now, in UTC, as it is in Athena.
CREATE OR REPLACE MACRO now() AS (transaction_timestamp() AT TIME ZONE 'UTC');

-- What current_timestamp stands for.
CREATE OR REPLACE MACRO get_current_timestamp() AS (transaction_timestamp() AT TIME ZONE 'UTC');

CREATE OR REPLACE MACRO current_date() AS CAST(transaction_timestamp() AT TIME ZONE 'UTC' AS DATE);

CREATE OR REPLACE MACRO today() AS CAST(transaction_timestamp() AT TIME ZONE 'UTC' AS DATE);

-- What localtimestamp, localtime and current_time stand for.
CREATE OR REPLACE MACRO current_localtimestamp() AS (transaction_timestamp() AT TIME ZONE 'UTC');

CREATE OR REPLACE MACRO current_localtime() AS CAST(transaction_timestamp() AT TIME ZONE 'UTC' AS TIME);

CREATE OR REPLACE MACRO get_current_time() AS CAST(transaction_timestamp() AT TIME ZONE 'UTC' AS TIME);

-- UTC, whatever offset the text has, without one it is UTC.
CREATE OR REPLACE MACRO from_iso8601_timestamp(moment) AS
  CASE WHEN regexp_matches(moment, 'T.*(Z|[+-]\d\d(:?\d\d)?)$') THEN CAST(moment AS TIMESTAMPTZ) AT TIME ZONE 'UTC'
    ELSE CAST(moment AS TIMESTAMP) END;

CREATE OR REPLACE MACRO from_iso8601_date(day) AS CAST(day AS DATE);

CREATE OR REPLACE MACRO to_unixtime(moment) AS epoch(moment);

-- CloudTrail's times are ISO 8601, and DuckDB takes no format that is not a constant.
CREATE OR REPLACE MACRO date_parse(moment, format) AS
  CASE WHEN starts_with(format, '%Y-%m-%d') THEN CAST(moment AS TIMESTAMP)
    ELSE CAST(error('date_parse: only formats that begin with %Y-%m-%d, not ' || format) AS TIMESTAMP) END;

-- MySQL's %M, %i and %s are %B, %M and %S here.
CREATE OR REPLACE MACRO date_format(moment, format) AS
  strftime(moment, replace(replace(replace(format, '%M', '%B'), '%i', '%M'), '%s', '%S'));

CREATE OR REPLACE MACRO date_add
  (unit, number, moment) AS moment + CAST(number || ' ' || unit AS INTERVAL),
  (moment, span) AS system.main.date_add(moment, span);

-- Whole units that have passed, DuckDB's own counts borders that were crossed.
CREATE OR REPLACE MACRO date_diff(unit, earlier, later) AS date_sub(unit, earlier, later);

CREATE OR REPLACE MACRO day_of_week(moment) AS isodow(moment);

CREATE OR REPLACE MACRO regexp_like(value, pattern) AS regexp_matches(value, pattern);

CREATE OR REPLACE MACRO approx_distinct(value) AS approx_count_distinct(value);

CREATE OR REPLACE MACRO array_join(list, separator) AS array_to_string(list, separator);

CREATE OR REPLACE MACRO element_at(list, place) AS list[place];
