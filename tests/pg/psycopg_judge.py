"""psycopg judges a node: one OK or FAIL line a step. PGPORT names the port; tests/kafka/clients.sh runs it."""
import datetime
import decimal
import os
import sys

import psycopg

DSN = f"host=127.0.0.1 port={os.environ['PGPORT']} user=judge dbname=freshet sslmode=disable"
failed = 0


def step(name, run):
    global failed
    try:
        run()
        print("OK  ", name)
    except Exception as e:  # every step is judged
        failed += 1
        print("FAIL", name, type(e).__name__, str(e).splitlines()[0])


def equal(have, want):
    if have != want:
        raise AssertionError(f"{have!r} is not {want!r}")


def main():
    conn = psycopg.connect(DSN, autocommit=True)
    row = (1, "one", 1.5, decimal.Decimal("12.30"), True, datetime.date(2026, 1, 2), b"\x00\xff",
           datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc))

    def create():
        conn.execute("CREATE TABLE psycopg_items (id BIGINT PRIMARY KEY, name TEXT, d DOUBLE, n DECIMAL(10, 2), b BOOLEAN, day DATE, raw BYTES, at TIMESTAMP)")

    def insert():
        cur = conn.execute("INSERT INTO psycopg_items VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", row)
        equal(cur.rowcount, 1)

    def many():
        with conn.cursor() as cur:
            cur.executemany("INSERT INTO psycopg_items (id, name) VALUES (%s, %s)", [(i, f"n{i}") for i in range(2, 52)])
        equal(conn.execute("SELECT count(*) FROM psycopg_items").fetchone(), (51,))

    def point(binary):
        def run():
            with conn.cursor(binary=binary) as cur:
                equal(cur.execute("SELECT * FROM psycopg_items WHERE id = %s", (1,)).fetchone(), row)
        return run

    def prepared():
        for i in range(2, 12):
            got = conn.execute("SELECT name FROM psycopg_items WHERE id = %s", (i,), prepare=True).fetchone()
            equal(got, (f"n{i}",))

    def pipeline():
        with conn.pipeline():
            a = conn.execute("SELECT 1")
            b = conn.execute("SELECT 2")
            equal((a.fetchone(), b.fetchone()), ((1,), (2,)))

    def error():
        try:
            conn.execute("SELECT missing FROM psycopg_items")
        except psycopg.errors.UndefinedColumn as e:
            equal(e.diag.sqlstate, "42703")
            equal(e.diag.statement_position, "8")
            return
        raise AssertionError("no error")

    def transaction():
        with psycopg.connect(DSN) as tx:
            tx.execute("INSERT INTO psycopg_items (id, name) VALUES (100, 'kept')")
            tx.commit()
            tx.execute("INSERT INTO psycopg_items (id, name) VALUES (101, 'dropped')")
            tx.rollback()
            equal(tx.execute("SELECT id FROM psycopg_items WHERE id >= 100").fetchall(), [(100,)])

    def cancel():
        with psycopg.connect(DSN, autocommit=True) as other:
            stream = other.cursor().stream("SELECT * FROM psycopg_items EMIT CHANGES")
            next(stream)
            stream.close()
            equal(other.execute("SELECT 7").fetchone(), (7,))

    def copy():
        with conn.cursor() as cur, cur.copy("COPY (SELECT id, name FROM psycopg_items WHERE id = 2) TO STDOUT") as out:
            equal(list(out.rows()), [("2", "n2")])

    for name, run in [("create", create), ("insert", insert), ("executemany", many), ("text", point(False)), ("binary", point(True)), ("prepared", prepared),
                      ("pipeline", pipeline), ("error", error), ("transaction", transaction), ("stream and cancel", cancel), ("copy", copy)]:
        step(name, run)
    conn.close()
    return 1 if failed else 0


sys.exit(main())
