package faults

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/server/config"
	"github.com/freshetdb/freshet/tests/harness"
)

// cluster is a node that serves as another one's log, comes and goes.
type cluster struct {
	cfg  config.Config
	node *server.Server
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{cfg: config.Default()}
	c.cfg.DataDir, c.cfg.Kafka, c.cfg.Postgres, c.cfg.HTTP = t.TempDir(), freePort(t), config.Off, config.Off
	c.start(t)
	t.Cleanup(func() { _ = c.node.Close() })
	return c
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (c *cluster) start(t *testing.T) {
	t.Helper()
	node, err := server.Start(context.Background(), c.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c.node = node
}

// on is the configuration of a node that uses the cluster.
func (c *cluster) on(dir string) config.Config {
	cfg := config.Default()
	cfg.DataDir, cfg.Postgres, cfg.HTTP = dir, "127.0.0.1:0", config.Off
	cfg.Bootstrap.Servers = c.cfg.Kafka
	return cfg
}

// TestClusterComesAndGoes stops the log of a node while a query runs; the query goes on where it was when the log is back.
func TestClusterComesAndGoes(t *testing.T) {
	c := startCluster(t)
	conn := harness.Connect(t, harness.StartNodeOn(t, c.on(t.TempDir())).Addresses().Postgres)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run := func(sql string) (string, error) {
		results, err := conn.Exec(ctx, sql).ReadAll()
		if err != nil || len(results[0].Rows) == 0 {
			return "", err
		}
		return string(results[0].Rows[0][0]), nil
	}
	for _, sql := range []string{
		`CREATE STREAM s (k INT KEY, v INT) WITH (VALUE_FORMAT = 'JSON', PARTITIONS = 2)`,
		`CREATE TABLE t AS SELECT 1 AS one, sum(v) AS total FROM s GROUP BY 1`,
		`INSERT INTO s VALUES (1, 1), (2, 2), (3, 3)`,
	} {
		if _, err := run(sql); err != nil {
			t.Fatal(sql, err)
		}
	}
	total := 6
	for range 3 {
		want := []string{"6", "16", "26", "36"}[(total-6)/10]
		if got, err := run(`SELECT total FROM t`); err != nil || got != want {
			t.Fatalf("before: %q, %v; expected %s", got, err, want)
		}
		if err := c.node.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := run(`SELECT 1`); err != nil || got != "1" {
			t.Fatalf("a statement that needs no log: %q, %v", got, err)
		}
		inserted := make(chan error, 1)
		go func() {
			_, err := run(`INSERT INTO s VALUES (1, 4), (2, 6)`)
			inserted <- err
		}()
		c.start(t)
		if err := <-inserted; err != nil {
			t.Fatal("insert: ", err)
		}
		total += 10
	}
	for {
		got, err := run(`SELECT total FROM t`)
		if got == "36" {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("after: %q, %v", got, err)
		}
	}
}

// TestDirectoryBelongsToALog refuses a data directory with another log than it was used with.
func TestDirectoryBelongsToALog(t *testing.T) {
	one, two := startCluster(t), startCluster(t)
	dir := t.TempDir()
	start := func(cfg config.Config) error {
		node, err := server.Start(context.Background(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return node.Close()
	}
	for range 2 {
		if err := start(one.on(dir)); err != nil {
			t.Fatal(err)
		}
	}
	prefixed, own := one.on(dir), one.on(dir)
	prefixed.Bootstrap.Prefix = "other."
	own.Bootstrap.Servers, own.Kafka = "", "127.0.0.1:0"
	for name, cfg := range map[string]config.Config{"another cluster": two.on(dir), "another prefix": prefixed, "a log of its own": own} {
		if err := start(cfg); err == nil || !strings.Contains(err.Error(), "belongs to another log") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := one.node.Close(); err != nil {
		t.Fatal(err)
	}
	used := two.on(one.cfg.DataDir)
	if err := start(used); err == nil || !strings.Contains(err.Error(), "belongs to another log") {
		t.Errorf("a directory with a log: %v", err)
	}
	nobody := two.on(t.TempDir())
	nobody.Bootstrap.Servers = freePort(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := server.Start(ctx, nobody, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "nobody answers") {
		t.Errorf("nobody there: %v", err)
	}
}
