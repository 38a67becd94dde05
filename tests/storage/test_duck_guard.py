from __future__ import annotations

import asyncio
import time

import pytest

from waqtor.analytics.sample import sample_events
from waqtor.benchmarks.log import MemoryJournal
from waqtor.errors import QueryRefused, TooLarge, WaqtorError
from waqtor.storage import duck_guard
from waqtor.storage.duck_log import DuckLog

HOSTILE = [
    # other statements
    "INSERT INTO events VALUES (1)",
    "UPDATE log.events SET type = 'x'",
    "DELETE FROM log.messages",
    "DROP TABLE log.messages",
    "CREATE TABLE x AS SELECT 1",
    "CREATE OR REPLACE TEMP VIEW messages AS SELECT * FROM log.messages",
    "CREATE MACRO f() AS TABLE SELECT * FROM log.messages",
    "ALTER TABLE log.messages ADD COLUMN x INTEGER",
    "TRUNCATE log.messages",
    "MERGE INTO log.events USING log.messages USING (session) WHEN MATCHED THEN DELETE",
    "ATTACH '/tmp/other.duckdb' AS other",
    "DETACH traffic",
    "USE memory",
    "COPY log.messages TO '/tmp/out.csv'",
    "COPY (SELECT 1) TO '/tmp/out.csv'",
    "COPY log.messages FROM '/etc/passwd'",
    "EXPORT DATABASE '/tmp/out'",
    "IMPORT DATABASE '/tmp/out'",
    "INSTALL httpfs",
    "LOAD '/tmp/evil.duckdb_extension'",
    "SET enable_external_access = true",
    "RESET ALL",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "COMMIT",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE log.messages",
    "SELECT 1 /* ; */; -- x\nDELETE FROM log.events",
    "",
    ";",
    "-- only a comment",
    "SELEC 1",
    "SELECT 1 FROM",
    # writing inside a SELECT
    "WITH x AS (INSERT INTO log.gaps VALUES (now(), '', 1, 2, 'x') RETURNING *) SELECT * FROM x",
    "WITH x AS (DELETE FROM log.events RETURNING *) SELECT * FROM x",
    "WITH x AS (UPDATE log.events SET type = 'x' RETURNING *) SELECT * FROM x",
    "SELECT * FROM (WITH x AS (DELETE FROM log.events RETURNING *) SELECT * FROM x)",
    "SELECT (WITH x AS (DELETE FROM log.events RETURNING *) SELECT count(*) FROM x)",
    "SELECT nextval('s')",
    "SELECT setseed(0.5)",
    "SELECT write_log('x')",
    "SELECT * FROM force_checkpoint()",
    # files, in every disguise
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/*')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/tmp/x.parquet')",
    "SELECT * FROM parquet_metadata('/tmp/x.parquet')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM read_duckdb('/tmp/x.duckdb')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "FROM '/etc/passwd'",
    'FROM "/etc/passwd"',
    "SELECT * FROM 'https://example.org/x.csv'",
    "WITH x AS (SELECT * FROM read_csv('/etc/passwd')) SELECT * FROM x",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM messages WHERE EXISTS (FROM read_text('/etc/passwd'))",
    "SELECT * FROM messages m, LATERAL (SELECT * FROM read_text(m.body))",
    "SELECT * FROM messages ORDER BY (SELECT count(*) FROM glob('/*'))",
    "SELECT 1 UNION ALL SELECT count(*) FROM glob('/*')",
    "SELECT [x FOR x IN (SELECT list(file) FROM glob('/*'))]",
    "SELECT CASE WHEN true THEN (SELECT count(*) FROM glob('/*')) END",
    "SELECT sum(1) OVER (ORDER BY (SELECT count(*) FROM glob('/*'))) FROM messages",
    "SELECT * FROM (VALUES ((SELECT count(*) FROM glob('/*'))))",
    "SELECT * FROM messages LIMIT (SELECT count(*) FROM glob('/*'))",
    "SELECT getenv('HOME')",
    # around the views
    "SELECT * FROM log.messages",
    "SELECT * FROM LOG.MESSAGES",
    "SELECT * FROM main.messages",
    "SELECT * FROM t.log.messages",
    "SELECT * FROM meta.salt",
    "SELECT (SELECT body FROM log.messages LIMIT 1)",
    "SELECT * FROM query('SELECT * FROM log.messages')",
    "SELECT * FROM query_table('log.messages')",
    "SELECT * FROM query_table(['log.messages'])",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM log.messages'))",
    "SELECT json_serialize_plan('SELECT * FROM log.messages')",
    "SELECT * FROM seq_scan('messages')",
    "SELECT * FROM duckdb_tables()",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pragma_storage_info('log.messages')",
    "SELECT * FROM pragma_table_info('messages')",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "DESCRIBE log.messages",
    "SUMMARIZE messages",
    "FROM (DESCRIBE messages)",
    "FROM (SUMMARIZE log.messages)",
    "SELECT * FROM (SHOW ALL TABLES)",
    "WITH sqlite_master AS (SELECT 1) SELECT * FROM sqlite_master",
    'WITH "/etc/passwd" AS (SELECT 1) SELECT * FROM "/etc/passwd"',
    "SELECT (WITH duckdb_tables AS (SELECT 1) SELECT 1), (SELECT count(*) FROM duckdb_tables)",
    "SELECT current_setting('temp_directory')",
    "SELECT getvariable('x')",
    "SELECT stats(session) FROM messages",
    "SELECT error('x')",
    # taking the machine's memory or time
    "SELECT len(range(300000000))",
    "SELECT unnest(range(300000000))",
    "SELECT unnest(generate_series(1, 300000000))",
    "SELECT range(0, length(type) * 100000000) FROM events",
    "SELECT repeat('x', 500000000)",
    "SELECT repeat('x', length(type) * 10000000) FROM events",
    "SELECT repeat('x', 1e9)",
    "SELECT lpad('a', 500000000, 'b')",
    "SELECT rpad('a', CAST('500000000' AS INTEGER), 'b')",
    "SELECT list_resize([1], 300000000)",
    "SELECT printf('%500000000d', 1)",
    "SELECT printf('%*d', 500000000, 1)",
    "SELECT format('{:500000000d}', 1)",
    "SELECT format('{:{}d}', 1, 500000000)",
    "SELECT sleep_ms(100000)",
    "SELECT pg_sleep(100000)",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT 'lone \ud800 surrogate'",
    "SELECT 1\0; DROP TABLE log.messages",
]
HARMLESS = [
    "SELECT 1;",
    "select count(*) from MESSAGES",
    'SELECT "journal_offset" FROM "events" LIMIT 1',
    "FROM messages SELECT session LIMIT 1",
    "TABLE messages",
    "VALUES (1), (2)",
    "SELECT * FROM messages m JOIN decisions d USING (message_id) LEFT JOIN sends s ON s.chat_key = m.chat_key",
    "SELECT * FROM decisions d ASOF JOIN messages m ON d.chat_key = m.chat_key AND d.created >= m.created",
    "WITH a AS (SELECT * FROM messages), b AS MATERIALIZED (SELECT * FROM a) SELECT count(*) FROM b",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t",
    "SELECT date_trunc('hour', created) AS h, count(*) FILTER (is_group) FROM messages GROUP BY ALL ORDER BY ALL",
    "SELECT *, row_number() OVER w FROM messages WINDOW w AS (PARTITION BY session ORDER BY created) QUALIFY 1 = 1",
    "SELECT * FROM (PIVOT decisions ON language IN ('ar', 'en') USING count(*) GROUP BY session)",
    "SELECT session, type FROM messages UNION BY NAME SELECT session FROM sends EXCEPT SELECT 'x', 'y'",
    "SELECT list_transform([1, 2], lambda x: x + 1), [x * 2 FOR x IN [1, 2] IF x > 1], {'a': 1}.a, MAP {'k': 1}['k']",
    "SELECT candidates->0->>'rule_id', data.type FROM decisions, events LIMIT 1",
    "SELECT created AT TIME ZONE 'Asia/Riyadh', quantile_cont(length, [0.5, 0.9]) OVER () FROM messages LIMIT 1",
    "SELECT * FROM generate_series(TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-02', INTERVAL 1 HOUR) AS g(hour)",
    "SELECT unnest(range(24)), repeat('-', 40), lpad('7', 2, '0'), format('{:.2f}', 0.5)",
    "SELECT COLUMNS('.*_at') FROM sends",
    "SELECT m.* EXCLUDE (body) FROM messages m TABLESAMPLE 100% LIMIT 10%",
    "SELECT DISTINCT ON (session) * FROM messages",
    "SELECT count(*) FROM messages GROUP BY GROUPING SETS ((session), (type), ())",
    "SELECT table_name, column_name, description FROM columns",
    "SELECT * FROM gaps, problems, http_requests, ws_frames, send_changes",
    "UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b",
]


@pytest.fixture(scope="module")
def module_log(tmp_path_factory):
    """One log for the whole corpus, driven from synchronous tests."""
    path = tmp_path_factory.mktemp("guard") / "t.duckdb"
    loop = asyncio.new_event_loop()
    log = DuckLog(path, MemoryJournal(list(sample_events(30))), query_timeout=5)
    task = loop.create_task(log.run())
    loop.run_until_complete(log.flush())
    yield loop, log
    loop.run_until_complete(log.stop())
    loop.run_until_complete(task)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def counts(loop, log):
    return loop.run_until_complete(
        log.query(
            "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM messages), (SELECT count(*) FROM gaps),"
            " (SELECT max(type) FROM events)"
        )
    ).rows


@pytest.mark.parametrize("sql", HOSTILE)
def test_hostile_sql_is_refused_at_once(module_log, sql):
    loop, log = module_log
    started = time.monotonic()
    with pytest.raises(QueryRefused) as caught:
        loop.run_until_complete(log.query(sql, texts=True))
    assert caught.value.code == "query_refused"
    assert "root:" not in caught.value.message
    with pytest.raises(QueryRefused):
        loop.run_until_complete(log.query_arrow(sql, texts=True))
    assert time.monotonic() - started < 2


def test_the_corpus_has_changed_nothing(module_log):
    loop, log = module_log
    events = list(sample_events(30))
    received = sum(event.type == "message.received" for event in events)
    assert counts(loop, log) == ((len(events), received, 0, max(event.type for event in events)),)


@pytest.mark.parametrize("sql", HARMLESS)
def test_ordinary_sql_runs(module_log, sql):
    loop, log = module_log
    result = loop.run_until_complete(log.query(sql))
    table = loop.run_until_complete(log.query_arrow(sql))
    assert table.num_rows == len(result.rows)
    assert tuple(table.schema.names) == result.columns


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY log.messages TO '/tmp/waqtor-must-not-exist.csv'",
        "COPY log.messages TO 'inside.csv'",
        "ATTACH '/tmp/waqtor-must-not-exist.duckdb' AS other",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET threads = 8",
        "SELECT * FROM events_frame",
    ],
)
def test_the_database_itself_refuses_what_would_slip_past_the_guard(module_log, sql):
    _, log = module_log
    events_frame = pytest.importorskip("pandas").DataFrame({"a": [1]})
    cursor = log._file.cursor()
    try:
        with pytest.raises(Exception, match=r"(?i)disabled|locked|does not exist|cannot|permission|not allowed"):
            cursor.execute(sql).fetchall()
    finally:
        cursor.close()
    assert len(events_frame) == 1


def test_too_long_a_statement_is_not_parsed(module_log):
    loop, log = module_log
    with pytest.raises(TooLarge):
        loop.run_until_complete(log.query("SELECT '" + "x" * duck_guard.MAX_SQL + "'"))


def test_the_message_says_what_to_do(module_log):
    loop, log = module_log
    for sql, words in {
        "SELECT * FROM nothing": "there are events, messages",
        "SELECT * FROM main.messages": "without schema",
        "DESCRIBE messages": "SELECT \\* FROM columns",
        "SELECT unnest(range(99999999))": "FROM range",
    }.items():
        with pytest.raises(WaqtorError, match=words):
            loop.run_until_complete(log.query(sql))
