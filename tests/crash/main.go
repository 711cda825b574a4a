// Command crash kills a node with SIGKILL again and again under a producer and running queries, then counts: the output topic of a CREATE
// STREAM AS must hold each acknowledged record exactly once for readers of committed records, and a view must equal the batch answer.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/freshetdb/freshet/tests/harness"
)

func main() {
	var (
		binary string
		kills  int
		seed   uint64
	)
	flag.StringVar(&binary, "freshet", "bin/freshet", "the binary under test")
	flag.IntVar(&kills, "kills", 30, "how often to kill the node")
	flag.Uint64Var(&seed, "seed", 0, "of the moments of death; 0: a new one")
	flag.Parse()
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	fmt.Printf("# seed %d\n", seed)
	if err := run(context.Background(), binary, kills, seed); err != nil {
		fmt.Fprintf(os.Stderr, "crash: %v (seed %d)\n", err, seed)
		fmt.Println("0 passed, 1 failed, 0 skipped")
		os.Exit(1)
	}
}

// lives is a node that dies and comes back on the same ports and directory.
type lives struct {
	binary string
	node   *harness.Process
	rnd    *rand.Rand
}

// dumpBytes makes states be dumped often, so that kills fall into dumps too.
const dumpBytes = "1MiB"

// readyMax is how long a start may take.
const readyMax = 30 * time.Second

func (l *lives) start(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, readyMax)
	defer cancel()
	node, err := harness.StartProcess(ctx, l.binary, dir, l.node, "--state-dump-bytes", dumpBytes)
	if err != nil {
		return err
	}
	l.node = node
	return nil
}

// setup is the streams and queries under test.
var setup = []string{
	`CREATE STREAM src (id BIGINT, v BIGINT) WITH (KAFKA_TOPIC = 'src', VALUE_FORMAT = 'JSON')`,
	`CREATE STREAM copied AS SELECT id, v * 2 AS doubled FROM src EMIT CHANGES`,
	`CREATE STREAM further AS SELECT id, doubled FROM copied EMIT CHANGES`,
	`CREATE STREAM chained AS SELECT id, doubled / 2 AS v FROM further EMIT CHANGES`,
	`CREATE TABLE totals AS SELECT id % 1000 AS k, count(*) AS n, sum(v) AS total FROM src GROUP BY id % 1000 EMIT CHANGES`,
	`CREATE TABLE ends AS SELECT id % 1000 AS k, count(*) AS n, sum(v) AS total FROM chained GROUP BY id % 1000 EMIT CHANGES`,
	`CREATE TABLE windows AS SELECT id % 1000 AS k, count(*) AS n, sum(v) AS total FROM src WINDOW TUMBLING (SIZE 1 SECOND)
		GROUP BY id % 1000 EMIT CHANGES`,
}

func run(ctx context.Context, binary string, kills int, seed uint64) error {
	dir, err := os.MkdirTemp("", "freshet-crash-")
	if err != nil {
		return err
	}
	l := &lives{binary: binary, rnd: rand.New(rand.NewPCG(seed, 1))}
	data := filepath.Join(dir, "data")
	if err := l.start(ctx, data); err != nil {
		return err
	}
	if err := createTopic(ctx, l.node.Kafka, "src", 3); err != nil {
		return err
	}
	if err := execute(ctx, l.node.Postgres, setup...); err != nil {
		return err
	}
	p, err := startProducer(l.node.Kafka, "src")
	if err != nil {
		return err
	}
	d := startDDL(l.node.Postgres)
	began := time.Now()
	for range kills {
		time.Sleep(time.Duration(50+l.rnd.IntN(450)) * time.Millisecond)
		l.node.Kill()
		if err := l.start(ctx, data); err != nil {
			return err
		}
	}
	made, err := d.stop()
	if err != nil {
		return err
	}
	acked, err := p.stop(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("# %d kills in %.1f s, %d records and %d statements acknowledged\n", kills, time.Since(began).Seconds(), acked, made)
	err = check(ctx, l.node, acked)
	if err == nil {
		err = d.check(ctx, l.node)
	}
	if err != nil {
		return fmt.Errorf("%w; data kept in %s", err, dir)
	}
	if err := l.node.Stop(); err != nil {
		return fmt.Errorf("clean stop: %w", err)
	}
	fmt.Println("1 passed, 0 failed, 0 skipped")
	return os.RemoveAll(dir)
}

func execute(ctx context.Context, addr string, statements ...string) error {
	conn, err := pgx.Connect(ctx, "postgres://crash@"+addr+"/freshet?sslmode=disable")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, s := range statements {
		if _, err := conn.PgConn().Exec(ctx, s).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}
