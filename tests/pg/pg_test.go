// Package pg holds whole nodes to what Postgres' drivers and psql expect of them.
package pg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/server/config"
	"github.com/freshetdb/freshet/tests/harness"
)

// patience bounds what a test waits for.
const patience = 30 * time.Second

// start runs a node on a temporary directory and free ports, until the test ends.
func start(t *testing.T) (address string) {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir, cfg.Kafka, cfg.Postgres, cfg.HTTP = t.TempDir(), config.Off, "127.0.0.1:0", config.Off
	cfg.CommitInterval, cfg.ShutdownGracePeriod = 10*time.Millisecond, 100*time.Millisecond
	harness.Log(t, &cfg)
	s, err := server.Start(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.Addresses().Postgres
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func connect(t *testing.T, ctx context.Context, address, options string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(ctx, "postgres://someone@"+address+"/freshet"+options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func do(t *testing.T, ctx context.Context, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(ctx, sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// code is the SQLSTATE of an error, "" when it is none of the server's.
func code(err error) string {
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		return said.Code
	}
	return ""
}

// TestTypes sends a value of every type and reads it back, in both formats and both protocols.
func TestTypes(t *testing.T) {
	ctx := within(t)
	address := start(t)
	setup := connect(t, ctx, address, "")
	do(t, ctx, setup, `CREATE STREAM types (k INT KEY, b BOOLEAN, l BIGINT, d DOUBLE, n DECIMAL(10,2), s VARCHAR, y BYTES, at TIMESTAMP, day DATE, t TIME, a ARRAY<INT>)
		WITH (KAFKA_TOPIC='types', VALUE_FORMAT='JSON', PARTITIONS=1)`)
	at := time.Date(2024, 2, 29, 12, 30, 15, 123_000_000, time.UTC)
	for _, mode := range []string{"", "?default_query_exec_mode=exec", "?default_query_exec_mode=simple_protocol"} {
		c := connect(t, ctx, address, mode)
		do(t, ctx, c, "INSERT INTO types (k, b, l, d, n, s, y, at, day) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			7, true, int64(1)<<40, 1.25, pgtype.Numeric{Int: big.NewInt(1234), Exp: -2, Valid: true}, "ünïcode 日本", []byte{0, 1, 255}, at, at.Truncate(24*time.Hour))
		var (
			b   bool
			l   int64
			d   float64
			n   pgtype.Numeric
			s   string
			y   []byte
			got time.Time
			day time.Time
			tm  *string
		)
		row := c.QueryRow(ctx, "SELECT b, l, d, n, s, y, at, day, CAST(t AS VARCHAR) FROM types WHERE k = $1 LIMIT 1", 7)
		if err := row.Scan(&b, &l, &d, &n, &s, &y, &got, &day, &tm); err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		text, _ := n.Value()
		if !b || l != 1<<40 || d != 1.25 || text != "12.34" || s != "ünïcode 日本" || !bytes.Equal(y, []byte{0, 1, 255}) || !got.Equal(at) ||
			!day.Equal(at.Truncate(24*time.Hour)) || tm != nil {
			t.Errorf("%s: %v %v %v %v %q %x %v %v %v", mode, b, l, d, text, s, y, got, day, tm)
		}
	}
}

func TestErrorsHaveCodesAndPositions(t *testing.T) {
	ctx := within(t)
	c := connect(t, ctx, start(t), "")
	deep := "SELECT " + strings.Repeat("(", 1<<20) + "1" + strings.Repeat(")", 1<<20)
	for _, test := range []struct {
		sql, code string
		position  int32
	}{
		{"SELEC 1", "42601", 1},
		{"SELECT é FROM nowhere", "42P01", 15},
		{"SELECT 1/0", "22012", 0},
		{"SELECT CAST('x' AS INT)", "22P02", 0},
		{"SELECT nosuch(1)", "42883", 8},
		{"INSERT INTO nowhere VALUES (1)", "42P01", 13},
		{deep, "54001", 0},
		{"SET nosuch = 1", "42704", 0},
		{"CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='NOSUCH')", "22023", 0},
	} {
		_, err := c.Exec(ctx, test.sql)
		var said *pgconn.PgError
		if !errors.As(err, &said) || said.Code != test.code || (test.position != 0 && said.Position != test.position) {
			t.Errorf("%.60s: %v at %v, want %s at %d", test.sql, err, said, test.code, test.position)
		}
	}
	do(t, ctx, c, "SELECT 1") // the connection has survived them all
}

func TestPushQueryStreamsAndIsCancelled(t *testing.T) {
	ctx := within(t)
	address := start(t)
	c, writer := connect(t, ctx, address, ""), connect(t, ctx, address, "")
	do(t, ctx, c, "CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2)")
	short, cancel := context.WithCancel(ctx)
	rows, err := c.Query(short, "SELECT k FROM s EMIT CHANGES", pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		do(t, ctx, writer, "INSERT INTO s VALUES ($1, 0)", i)
		var k int
		if !rows.Next() || rows.Scan(&k) != nil || k != i {
			t.Fatal(i, k, rows.Err())
		}
	}
	cancel()
	for rows.Next() {
	}
	if rows.Err() == nil {
		t.Fatal("the query ended by itself")
	}
}

func TestStatementTimeout(t *testing.T) {
	ctx := within(t)
	c := connect(t, ctx, start(t), "?statement_timeout=50ms")
	do(t, ctx, c, "CREATE STREAM s (k INT KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1)")
	var shown string
	if err := c.QueryRow(ctx, "SHOW statement_timeout").Scan(&shown); err != nil || shown != "50ms" {
		t.Fatal(shown, err)
	}
	rows, err := c.Query(ctx, "SELECT k FROM s EMIT CHANGES")
	if err == nil {
		for rows.Next() {
		}
		err = rows.Err()
	}
	if code(err) != "57014" {
		t.Fatal(err)
	}
	do(t, ctx, c, "SELECT 1")
}

// TestConcurrentDDL has sessions create and drop at once: each statement is right about what it found, none is lost.
func TestConcurrentDDL(t *testing.T) {
	ctx := within(t)
	address := start(t)
	const sessions, each = 4, 5
	var wg sync.WaitGroup
	for n := range sessions {
		c := connect(t, ctx, address, "")
		wg.Go(func() {
			for i := range each {
				name := fmt.Sprintf("s_%d_%d", n, i)
				if _, err := c.Exec(ctx, "CREATE STREAM "+name+" (k INT KEY, v INT) WITH (VALUE_FORMAT='JSON', PARTITIONS=1)"); err != nil {
					t.Error(err)
				}
				if i%2 == 1 {
					if _, err := c.Exec(ctx, "DROP STREAM "+name+" DELETE TOPIC"); err != nil {
						t.Error(err)
					}
				}
				if _, err := c.Exec(ctx, "CREATE STREAM shared (k INT KEY, v INT) WITH (VALUE_FORMAT='JSON', PARTITIONS=1)"); err != nil && code(err) != "42P07" {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	c := connect(t, ctx, address, "")
	var n int
	if err := c.QueryRow(ctx, "SELECT COUNT(*) FROM pg_catalog.pg_class WHERE relname LIKE 's%' AND relnamespace = 2200").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if want := sessions*(each+1)/2 + 1; n != want {
		t.Fatalf("%d streams, want %d", n, want)
	}
}

// TestPsql runs what people type into psql.
func TestPsql(t *testing.T) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not installed")
	}
	host, port, _ := strings.Cut(start(t), ":")
	script := `
\set FETCH_COUNT 1
CREATE TABLE t (k INT PRIMARY KEY, v VARCHAR) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=1);
INSERT INTO t VALUES (1, 'one'), (2, NULL);
SELECT * FROM t ORDER BY k;
SELECT k FROM t EMIT CHANGES LIMIT 2;
\dt
\l
\dn
\copy (SELECT k, v FROM t ORDER BY k) TO STDOUT WITH (FORMAT csv, HEADER)
SELECT nope FROM t;
`
	cmd := exec.CommandContext(within(t), psql, "-X", "-h", host, "-p", port, "-U", "u", "-d", "freshet", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		" k |  v  \n---+-----\n 1 | one\n 2 | \n(2 rows)", " k \n---\n 1\n 2\n(2 rows)", "| table | freshet", "freshet | freshet | UTF8", " public | freshet", "k,v\n1,one\n2,\n",
		"column \"nope\" does not exist\nLINE ",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
