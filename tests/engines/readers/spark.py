"""Spark, whose reader is Apache Parquet's own for Java, as that of Athena, Trino's kin, Hive and EMR.

Partition columns stay text when their types are not guessed (`partitionColumnTypeInference`); a guessed number loses its leading
zero. S3 needs hadoop-aws, which no Python package brings: what was on S3 is fetched into a folder before Spark reads it.
"""

import pathlib
import tempfile

import pyarrow.fs
import pyspark
from pyspark.sql import SparkSession

from contract import ALLOCATIONS, LISTS, RESOURCES, TEXTS
from readers.pyarrow import s3_file_system
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
    # Small tables: one task after a shuffle, and plans whose scans can be asked what they read.
    'spark.sql.shuffle.partitions': '1',
    'spark.sql.adaptive.enabled': 'false',
    'spark.sql.files.openCostInBytes': '0',
    'spark.sql.codegen.wholeStage': 'false',
    'spark.sql.codegen.factoryMode': 'NO_CODEGEN',
    'spark.driver.extraJavaOptions': '-XX:TieredStopAtLevel=1',
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
        self.s3 = s3
        self.fetched = tempfile.TemporaryDirectory()
        builder = SparkSession.builder.master('local[2]')
        for name, value in SETTINGS.items():
            builder = builder.config(name, value)
        self.spark = builder.getOrCreate()
        self.tables = 0

    def select(self, statement):
        return [tuple(row) for row in self.spark.sql(statement).collect()]

    def open(self, root, table, columns, partition_columns):
        if root.startswith('s3://'):
            root = self.fetch(root)
        self.tables += 1
        name = f'table_{self.tables}'
        frame = self.spark.read.parquet(f'{root}/{table}')
        frame.createOrReplaceTempView(name)
        return Opened(name, partition_columns, (columns, frame.schema))

    def fetch(self, root):
        bucket_path = root.removeprefix('s3://')
        folder = pathlib.Path(self.fetched.name, bucket_path)
        if not folder.exists():
            folder.mkdir(parents=True)
            pyarrow.fs.copy_files(bucket_path, str(folder), source_filesystem=s3_file_system(self.s3))
        return str(folder)

    def types(self, opened):
        columns, schema = opened.schema
        found = {field.name: field.dataType.simpleString() for field in schema}
        return {
            name: columns[name] if TYPES.get(columns.get(name)) == kind else kind
            for name, kind in found.items()
            if name not in opened.partition_columns
        }

    def looked_at(self, files, condition, bloom_filters, page_index):
        """Rows that the scan returned, before they are filtered."""
        rows = (
            self.spark.read.option('parquet.filter.bloom.enabled', str(bloom_filters).lower())
            .option('parquet.filter.columnindex.enabled', str(page_index).lower())
            .parquet(files)
            .where(self.condition(condition))
            .selectExpr('max(event_name)')
        )
        rows.collect()
        scan = rows._jdf.queryExecution().executedPlan().collectLeaves().head()
        return scan.metrics().apply('numOutputRows').value()
