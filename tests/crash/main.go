// Command crash kills a node with SIGKILL again and again under idempotent and transactional producers, consumer groups of both protocols, a
// consume-transform-produce loop, DDL and running queries, a compacted topic written over TLS, deleted records and topics that are made again, then
// counts: no acknowledged record is lost, doubled or out of order, no aborted one is seen by readers of committed records, no committed position went
// back, nothing deleted came back, and every view equals the batch answer over its input.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/freshetdb/freshet/tests/harness"
)

func main() {
	var (
		o    options
		seed uint64
	)
	flag.StringVar(&o.binary, "freshet", "bin/freshet", "the binary under test")
	flag.IntVar(&o.kills, "kills", 30, "how often to kill the node")
	flag.Uint64Var(&seed, "seed", 0, "of the moments of death; 0: a new one")
	flag.StringVar(&o.bootstrap, "bootstrap", "", "an empty Kafka cluster that is the node's log; it is not killed")
	flag.StringVar(&o.meanwhile, "meanwhile", "", "a command that disturbs the cluster; the node is killed until it ends, at least as often as -kills says")
	flag.Parse()
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	fmt.Printf("# seed %d\n", seed)
	passed, err := run(context.Background(), o, seed)
	if err != nil {
		fmt.Fprintf(os.Stderr, "crash: %v (seed %d)\n", err, seed)
		fmt.Printf("%d passed, 1 failed, 0 skipped\n", passed)
		os.Exit(1)
	}
	fmt.Printf("# seed %d\n%d passed, 0 failed, 0 skipped\n", seed, passed)
}

// options say what to run, and on what.
type options struct {
	binary, bootstrap, meanwhile string
	kills                        int
}

// lives is a node that dies and comes back on the same ports and directory.
type lives struct {
	options
	secure *secure // nil on a foreign cluster
	node   *harness.Process
	rnd    *rand.Rand
}

// dumpBytes makes states be dumped often, so that kills fall into dumps too.
const dumpBytes = "1MiB"

// readyMax is how long a start may take, disturbedReadyMax on a cluster that is disturbed.
const (
	readyMax          = 30 * time.Second
	disturbedReadyMax = 3 * time.Minute
)

func (l *lives) start(ctx context.Context, dir string) error {
	limit := readyMax
	if l.meanwhile != "" {
		limit = disturbedReadyMax
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	args := []string{"--state-dump-bytes", dumpBytes}
	if l.bootstrap != "" {
		args = append(args, "--bootstrap", l.bootstrap)
	} else {
		args = append(args, "--broker-config", "group.initial.rebalance.delay.ms=0", "--broker-config", "group.consumer.heartbeat.interval.ms=500",
			"--broker-config", "log.cleaner.backoff.ms=100")
		args = append(args, l.secure.flags()...)
	}
	node, err := harness.StartProcess(ctx, l.binary, dir, l.node, args...)
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

// load is everything that works while the node dies.
type load struct {
	producer *producer
	ddl      *ddl
	writers  []*writer
	groups   []*readers
	copier   *copier
	clients  []client
}

func startLoad(node *harness.Process, seed uint64) (*load, error) {
	w := &load{}
	var err error
	if w.producer, err = startProducer(node.Kafka, "src"); err != nil {
		return nil, err
	}
	for _, g := range []struct {
		name    string
		nextGen bool
	}{{"classic", false}, {"nextgen", true}} {
		group, err := startReaders(g.name, node.Kafka, g.nextGen)
		if err != nil {
			return nil, err
		}
		w.groups = append(w.groups, group)
	}
	w.writers = []*writer{startWriter(0, node.Kafka, nil, seed), startWriter(1, node.Kafka, kversion.V3_8_0(), seed)}
	w.copier = startCopier(node.Kafka)
	w.ddl = startDDL(node.Postgres)
	return w, nil
}

// Kills come quickly one after the other, and now and then the node gets time to settle.
const (
	lifeMin, lifeSpan         = 50, 450 // milliseconds
	longLifeMin, longLifeSpan = 1000, 2000
	longLifeOne               = 10 // one life in so many is long
	// On a cluster that is disturbed one life in quietLifeOne is longer by quietLife.
	quietLifeOne = 3
	quietLife    = 10 * time.Second
)

func (l *lives) life() time.Duration {
	if l.rnd.IntN(longLifeOne) == 0 {
		return time.Duration(longLifeMin+l.rnd.IntN(longLifeSpan)) * time.Millisecond
	}
	return time.Duration(lifeMin+l.rnd.IntN(lifeSpan)) * time.Millisecond
}

// die kills the node as often as asked and, while the cluster is disturbed, now and then until that ends; it tells how often.
func (l *lives) die(ctx context.Context, data string) (kills int, err error) {
	over := make(chan error, 1)
	if l.meanwhile == "" {
		over <- nil
	} else {
		go func() { over <- disturb(l.meanwhile) }()
	}
	disturbed := l.meanwhile != ""
	for disturbed || kills < l.kills {
		life := l.life()
		if disturbed && l.rnd.IntN(quietLifeOne) == 0 {
			life += quietLife // leaders move under a node that lives
		}
		select {
		case err := <-over:
			if err != nil {
				return kills, err
			}
			over, disturbed = nil, false
			continue
		case <-time.After(life):
		}
		kills++
		l.node.Kill()
		if err := l.start(ctx, data); err != nil {
			return kills, fmt.Errorf("start after kill %d: %w", kills, err)
		}
	}
	return kills, nil
}

// disturb runs a command to its end; its output is ours.
func disturb(command string) error {
	words := strings.Fields(command)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}

func run(ctx context.Context, o options, seed uint64) (passed int, err error) {
	dir, err := os.MkdirTemp("", "freshet-crash-")
	if err != nil {
		return 0, err
	}
	l := &lives{options: o, rnd: rand.New(rand.NewPCG(seed, 1))}
	if o.bootstrap == "" {
		if l.secure, err = newSecure(dir); err != nil {
			return 0, err
		}
	}
	if passed, err = l.live(ctx, dir, seed); err == nil {
		err = l.node.Stop()
	}
	if err != nil {
		l.bury(dir)
		return passed, fmt.Errorf("%w; data, log and goroutines kept in %s", err, dir)
	}
	return passed, os.RemoveAll(dir)
}

// live runs the load on a node that dies and comes back, then checks; it tells how many checks passed.
func (l *lives) live(ctx context.Context, dir string, seed uint64) (passed int, err error) {
	data := filepath.Join(dir, "data")
	if err := l.start(ctx, data); err != nil {
		return 0, err
	}
	if err := createTopics(ctx, l.node.Kafka); err != nil {
		return 0, err
	}
	if err := execute(ctx, l.node.Postgres, setup...); err != nil {
		return 0, err
	}
	w, err := startLoad(l.node, seed)
	if err != nil {
		return 0, err
	}
	if l.secure != nil {
		if w.clients, err = startClients(ctx, l.node.Kafka, l.secure, seed); err != nil {
			return 0, err
		}
	}
	began := time.Now()
	kills, err := l.die(ctx, data)
	if err != nil {
		return 0, err
	}
	return w.check(ctx, l.node, kills, time.Since(began))
}

// check ends the load and compares what it was told with what is there; it tells how many checks passed.
func (w *load) check(ctx context.Context, node *harness.Process, kills int, took time.Duration) (passed int, err error) {
	made, err := w.ddl.stop()
	if err != nil {
		return 0, err
	}
	for _, writer := range w.writers {
		if err := writer.stop(); err != nil {
			return 0, fmt.Errorf("writer %d: %w", writer.number, err)
		}
	}
	for _, c := range w.clients {
		if err := c.stop(ctx); err != nil {
			return 0, err
		}
	}
	acked, err := w.producer.stop(ctx)
	if err != nil {
		return 0, err
	}
	fmt.Printf("# %d kills in %.1f s, %d records and %d statements acknowledged\n", kills, took.Seconds(), acked, made)
	checks := []func() error{
		func() error { return checkSource(ctx, node.Kafka, acked) },
		func() error { return checkLedger(ctx, node.Kafka, w.writers) },
		func() error { return w.copier.check(ctx, node.Kafka, acked) },
		func() error { return checkEngine(ctx, node, acked) },
		func() error { return w.ddl.check(ctx, node) },
	}
	for _, g := range w.groups {
		checks = append(checks, func() error { return g.finish(acked) })
	}
	for _, c := range w.clients {
		checks = append(checks, func() error { return c.check(ctx, node.Kafka) })
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return passed, err
		}
		passed++
	}
	return passed, nil
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
