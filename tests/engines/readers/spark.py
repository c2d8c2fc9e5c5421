"""Spark, whose reader is Apache Parquet's own for Java, like those of Athena, Trino, Hive and EMR.

Partition columns stay text when their types are not guessed (`partitionColumnTypeInference`); a guessed number loses its
leading zero. Reads S3 with hadoop-aws (s3a), of a release older than its Hadoop: `.ci/engines` says where that comes from.
"""

import sys
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

from contract import ALLOCATIONS, LISTS, RESOURCES, TEXTS
from readers.sql import Opened, SqlReader

NAME = 'Spark'
BLIND = set()

TYPES = {
    'STRING': 'string',
    'STRING (JSON)': 'string',
    'BOOLEAN': 'boolean',
    'INT': 'int',
    'BIGINT': 'bigint',
    'TIMESTAMP': 'timestamp',
    'DECIMAL(18,6)': 'decimal(18,6)',
    'BINARY': 'binary',
    RESOURCES: 'array<struct<arn:string,account_id:string,type:string>>',
    ALLOCATIONS: 'array<struct<allocated_usage_quantity:decimal(18,6),tags:array<struct<key:string,value:string>>>>',
}
SETTINGS = {
    'spark.ui.enabled': 'false',
    'spark.driver.memory': '1g',
    'spark.driver.host': '127.0.0.1',
    'spark.driver.bindAddress': '127.0.0.1',
    'spark.log.level': 'ERROR',
    'spark.sql.session.timeZone': 'Asia/Kolkata',
    'spark.sql.sources.partitionColumnTypeInference.enabled': 'false',
    # Small tables: one task after a shuffle, and plans whose scans report what they read.
    'spark.sql.shuffle.partitions': '1',
    'spark.sql.adaptive.enabled': 'false',
    'spark.sql.files.openCostInBytes': '0',
    'spark.sql.codegen.wholeStage': 'false',
    'spark.sql.codegen.factoryMode': 'NO_CODEGEN',
    'spark.driver.extraJavaOptions': '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
}

S3A = Path(sys.prefix) / 's3a'
# Hadoop writes durations as `30s` in its defaults, which an older hadoop-aws cannot read.
S3A_SETTINGS = {
    'spark.hadoop.fs.s3a.aws.credentials.provider': 'org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider',
    'spark.hadoop.fs.s3a.path.style.access': 'true',
    'spark.hadoop.fs.s3a.connection.ssl.enabled': 'false',
    'spark.hadoop.fs.s3a.threads.keepalivetime': '60',
    'spark.hadoop.fs.s3a.connection.timeout': '200000',
    'spark.hadoop.fs.s3a.connection.establish.timeout': '5000',
    'spark.hadoop.fs.s3a.connection.request.timeout': '0',
    'spark.hadoop.fs.s3a.multipart.purge.age': '86400',
}


def version():
    return pyspark.__version__


class Reader(SqlReader):
    NUMBERS = {
        **dict.fromkeys(TEXTS, 'octet_length({})'),
        **dict.fromkeys(LISTS, 'size({})'),
        'BOOLEAN': 'int({})',
        'INT': '{}',
        'BIGINT': '{}',
        'TIMESTAMP': 'unix_millis({})',
        'DECIMAL(18,6)': '{}',
        'BINARY': 'octet_length({})',
    }
    EXTREMES = {**dict.fromkeys(TEXTS, '{}'), 'BINARY': 'hex({})'}
    UNNEST = '(select explode({list}) as element from {source}) as elements'
    QUOTE = '`{name}`'
    TIMESTAMP = "timestamp'{text}'"

    def __init__(self, s3):
        settings = dict(SETTINGS)
        if s3 is not None:
            jars = sorted(str(jar) for jar in S3A.glob('*.jar'))
            settings |= S3A_SETTINGS | {
                'spark.driver.extraClassPath': ':'.join(jars),
                'spark.hadoop.fs.s3a.endpoint': s3['endpoint'],
                'spark.hadoop.fs.s3a.access.key': s3['access_key'],
                'spark.hadoop.fs.s3a.secret.key': s3['secret_key'],
            }
        builder = SparkSession.builder.master('local[2]')
        for name, value in settings.items():
            builder = builder.config(name, value)
        self.spark = builder.getOrCreate()
        self.tables = 0

    def select(self, statement):
        return [tuple(row) for row in self.spark.sql(statement).collect()]

    def open(self, root, table, columns, partition_columns):
        self.tables += 1
        name = f'table_{self.tables}'
        frame = self.spark.read.parquet(f"{root.replace('s3://', 's3a://')}/{table}")
        frame.createOrReplaceTempView(name)
        return Opened(name, partition_columns, (columns, frame.schema))

    def types(self, opened):
        columns, schema = opened.schema
        found = {field.name: field.dataType.simpleString() for field in schema}
        return {
            name: columns[name] if TYPES.get(columns.get(name)) == kind else kind
            for name, kind in found.items()
            if name not in opened.partition_columns
        }

    def looked_at(self, file, condition, bloom_filters, page_index):
        """Rows that the scan returned, before they are filtered."""
        rows = (
            self.spark.read.option('parquet.filter.bloom.enabled', str(bloom_filters).lower())
            .option('parquet.filter.columnindex.enabled', str(page_index).lower())
            .parquet(file)
            .where(self.condition(condition))
            .selectExpr('max(event_name)')
        )
        rows.collect()
        scan = rows._jdf.queryExecution().executedPlan().collectLeaves().head()
        return scan.metrics().apply('numOutputRows').value()
