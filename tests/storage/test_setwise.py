from __future__ import annotations

import psycopg
import pytest

from waqtor.storage import driver, outbound, receipts
from waqtor.storage.setwise import LEAST, SetStatements, set_statement
from waqtor.storage.transaction import PostgresTx

NUMBERS = range(LEAST * 4)


class OneByOne(SetStatements):
    """Takes nothing: every statement is run item by item."""

    def many(self, *_args):
        return False

    def hits(self, *_args):
        return None


# --- which statements have a form for many items


def test_an_insert_of_values_becomes_an_insert_of_rows():
    found = set_statement("INSERT INTO payloads (id, data) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", ["text"] * 2)
    assert found.sql == (
        "INSERT INTO payloads (id, data) SELECT v.p0, v.p1 FROM json_to_recordset(%s::json) "
        "AS v(o integer, p0 text, p1 text) ORDER BY v.o ON CONFLICT (id) DO NOTHING"
    )
    assert (found.distinct, found.told_by) == (None, 0)


def test_rows_that_an_upsert_would_touch_twice_are_left_to_the_loop():
    found = set_statement(outbound._CHAT, ["text", "text", "integer", "text", "bigint"])
    one = ("s", "966501234567", 0, "m1", 5)
    assert found.fits([one, ("s", "966501234568", 0, "m2", 6)], told=False)
    assert not found.fits([one, ("s", "966501234567", 0, "m2", 6)], told=False)


def test_an_update_is_taken_only_when_its_whole_key_is_given():
    assert set_statement("UPDATE messages SET state = ? WHERE message_id = ? AND open = 1", ["text"] * 2).distinct == (
        1,
    )
    for sql in (
        "UPDATE messages SET state = ? WHERE provider_id = ?",
        "UPDATE messages SET state = ? WHERE (message_id = ? OR open = 1)",
        "UPDATE messages SET state = ? WHERE open = 1 OR message_id = ?",
        "UPDATE messages SET state = ? WHERE open = 1 AND message_id = ? OR open = 2",
        "UPDATE unheard_of SET state = ? WHERE message_id = ?",
        "UPDATE campaign_recipients SET variant = ? WHERE place = ?",
        "UPDATE messages SET state = (SELECT ? WHERE 1 = 1) WHERE message_id = ?",
    ):
        assert set_statement(sql, ["text"] * sql.count("?")) is None, sql


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM messages WHERE message_id = ?",
        "INSERT INTO messages (message_id) VALUES (lower(?))",
        "INSERT INTO messages (message_id, state) SELECT ?, ?",
        "INSERT INTO payloads (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = ?",
    ],
)
def test_another_shape_is_left_to_the_loop(sql):
    assert set_statement(sql, ["text"] * sql.count("?")) is None


def test_values_that_json_would_change_are_left_to_the_loop():
    found = set_statement("INSERT INTO payloads (id, data) VALUES (?, ?)", ["text"] * 2)
    assert not found.fits([("a", b"bytes")], told=False)
    assert not found.fits([("a", True)], told=False)


# --- the same as one by one

_MESSAGE = [
    (f"m{n}", "default", f"96650{n % 7:07d}", "text", f"key{n % 30}", None if n % 3 else "hash", n % 4, "campaign",
     "c1", f"m{n}", None, 0, n, n, None if n % 2 else n, None if n % 5 else 10)
    for n in NUMBERS
]  # fmt: skip
_STEPS = [
    ("hits", outbound._INSERT, _MESSAGE),
    ("hits", outbound._INSERT, [*_MESSAGE[:5], *(("x" + row[0], *row[1:]) for row in _MESSAGE[:20])]),
    ("many", outbound._PAYLOAD, [(f"m{n % 20}", 'مرحبا "\\u0000" {') for n in NUMBERS]),
    ("many", outbound._CHAT, [("default", f"96650{n:07d}", 0, f"m{n}", n) for n in NUMBERS]),
    ("many", outbound._CHAT, [("default", f"96650{n % 7:07d}", 0, f"m{n}", n) for n in NUMBERS]),
    ("hits", outbound._GRANT, [("boot", 9, 9, f"m{n}", n % 3 // 2, 9, 9) for n in NUMBERS]),
    ("hits", outbound._GRANT, [("boot", 9, 9, f"m{n % 12}", n // 12, 9, 9) for n in NUMBERS]),
    ("hits", outbound._SENT, [(f"wamid.{n}", 11, f"m{n * 2}") for n in NUMBERS]),
    ("many", outbound._LATE_PROVIDER, [(f"late.{n}", f"m{n}") for n in NUMBERS]),
    ("hits", outbound._SKIP, [(12, "opted_out", "left\nus", f"m{n}") for n in NUMBERS]),
    ("many", receipts._UPDATE, [("read", 13, f"wamid.{n}", None, None, f"m{n}") for n in NUMBERS]),
    ("many", receipts._KEEP, [("default", f"p{n % 9}", "read", n, "", "", 13) for n in NUMBERS]),
    ("many", driver.INSERT_EVENT, [(n + 1, f"e{n}", "message.sent", 1, 5, "default", "c", None if n % 2 else f"d{n}",
                                    n, f"m{n}", '{"emoji": "🙂"}') for n in NUMBERS]),
]  # fmt: skip
_TABLES = {"messages": "message_id", "payloads": "id", "chats": "chat_id", "early_receipts": "provider_id",
           "journal": "seq"}  # fmt: skip


def _outcome(url: str, sets: SetStatements) -> tuple[list[object], dict[str, object]]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("BEGIN")
        tx = PostgresTx(connection, 9, "boot", sets)
        tx.many("INSERT INTO opt_outs (contact, created, source) VALUES (?, 1, 'message')", [("966500000003",)])
        told = [getattr(tx, how)(sql, items) for how, sql, items in _STEPS]
        rows = {name: connection.execute(f"SELECT * FROM {name} ORDER BY {key}").fetchall()
                for name, key in _TABLES.items()}  # fmt: skip
        connection.execute("ROLLBACK")
    return told, rows


@pytest.mark.postgres
def test_the_rows_and_the_answers_are_those_of_one_by_one(postgres):
    sets = SetStatements()
    told, rows = _outcome(postgres.url, sets)
    expected, expected_rows = _outcome(postgres.url, OneByOne())
    assert told == expected
    assert rows == expected_rows
    assert len(rows["messages"]) > LEAST
    assert {sql for _, sql, _ in _STEPS} <= {sql for sql, found in sets._known.items() if found is not None}


@pytest.mark.postgres
def test_a_statement_that_the_server_cannot_type_is_left_to_the_loop_and_spoils_nothing(postgres):
    sets = SetStatements()
    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("BEGIN")
        tx = PostgresTx(connection, 9, "boot", sets)
        with pytest.raises(psycopg.Error):
            tx.many("INSERT INTO nowhere (id) VALUES (?)", [(str(n),) for n in NUMBERS])
        connection.execute("ROLLBACK")
        connection.execute("BEGIN")
        tx.many("INSERT INTO payloads (id, data) VALUES (?, ?)", [(str(n), "{}") for n in NUMBERS])
        assert connection.execute("SELECT count(*) FROM payloads").fetchone() == (len(NUMBERS),)
        connection.execute("ROLLBACK")
