package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/freshetdb/freshet/tests/harness"
)

const (
	pointKeys    = 100_000
	pointClients = 8
	pointQueries = 200_000
)

// keyed makes a table of n keys by a continuous count over a stream of them, and waits until it is complete.
func (b *bench) keyed(ctx context.Context, name string, n int64) error {
	topic := name + "_in"
	if err := b.gobench(ctx, "create", "-brokers", b.node.Kafka, "-topic", topic, "-parts", "2"); err != nil {
		return err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.node.Kafka), kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(200_000), kgo.ProducerLinger(time.Millisecond))
	if err != nil {
		return err
	}
	defer cl.Close()
	var failed atomic.Pointer[error]
	for i := range n {
		cl.Produce(ctx, &kgo.Record{Value: fmt.Appendf(nil, `{"id":%d,"v":%d}`, i, i*7)}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	if err := b.sql.exec(ctx, fmt.Sprintf(`CREATE STREAM %s (id BIGINT, v BIGINT) WITH (KAFKA_TOPIC = '%s', VALUE_FORMAT = 'JSON')`, topic, topic)); err != nil {
		return err
	}
	if err := b.sql.exec(ctx, fmt.Sprintf(`CREATE TABLE %s AS SELECT id, sum(v) AS total, count(*) AS n FROM %s GROUP BY id EMIT CHANGES`, name, topic)); err != nil {
		return err
	}
	return b.waitRead(ctx, name, n)
}

// point asks for one row by key, prepared, over several connections.
func point(ctx context.Context, b *bench) (outcome, error) {
	if err := b.keyed(ctx, "points", pointKeys); err != nil {
		return outcome{}, err
	}
	conns := make([]*pgx.Conn, pointClients)
	for i := range conns {
		c, err := dialSQL(ctx, b.node.Postgres)
		if err != nil {
			return outcome{}, err
		}
		conns[i] = c.conn
		defer func() { _ = c.conn.Close(ctx) }()
	}
	cpu, err := harness.CPU(b.node.Pid())
	if err != nil {
		return outcome{}, err
	}
	began := time.Now()
	latencies, err := askPoints(ctx, conns)
	if err != nil {
		return outcome{}, err
	}
	took := time.Since(began)
	after, err := harness.CPU(b.node.Pid())
	out := outcome{records: pointQueries, output: pointQueries, more: quantiles(latencies)}
	out.more["measured_s"], out.more["measured_cpu_s"] = round(took.Seconds()), round((after - cpu).Seconds())
	return out, err
}

// askPoints spreads the queries over the connections and checks every answer.
func askPoints(ctx context.Context, conns []*pgx.Conn) ([]time.Duration, error) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		all  []time.Duration
		fail error
	)
	for i, conn := range conns {
		wg.Go(func() {
			took, err := askOne(ctx, conn, rand.New(rand.NewPCG(1, uint64(i))), pointQueries/len(conns))
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			if err != nil {
				fail = err
			}
		})
	}
	wg.Wait()
	return all, fail
}

func askOne(ctx context.Context, conn *pgx.Conn, rnd *rand.Rand, n int) ([]time.Duration, error) {
	took := make([]time.Duration, 0, n)
	for range n {
		id := rnd.Int64N(pointKeys)
		began := time.Now()
		var total int64
		if err := conn.QueryRow(ctx, `SELECT total::bigint FROM points WHERE id = $1`, id).Scan(&total); err != nil {
			return took, fmt.Errorf("id %d: %w", id, err)
		}
		took = append(took, time.Since(began))
		if total != id*7 {
			return took, fmt.Errorf("id %d: total %d", id, total)
		}
	}
	return took, nil
}

func quantiles(all []time.Duration) map[string]float64 {
	slices.Sort(all)
	at := func(q float64) float64 {
		return round(all[int(q*float64(len(all)-1))].Seconds() * 1000)
	}
	return map[string]float64{"p50_ms": at(0.50), "p99_ms": at(0.99), "max_ms": at(1)}
}

const (
	latencyRate    = 1000
	latencyRecords = 10_000
	latencySamples = 400
)

// latency produces at a steady rate and measures, for one record in so many, the time from Produce to the first SELECT that sees it.
func latency(ctx context.Context, b *bench) (outcome, error) {
	if err := b.gobench(ctx, "create", "-brokers", b.node.Kafka, "-topic", "ticks"); err != nil {
		return outcome{}, err
	}
	for _, s := range []string{
		`CREATE STREAM ticks (id BIGINT) WITH (KAFKA_TOPIC = 'ticks', VALUE_FORMAT = 'JSON')`,
		`CREATE TABLE seen AS SELECT id, count(*) AS n FROM ticks GROUP BY id EMIT CHANGES`,
	} {
		if err := b.sql.exec(ctx, s); err != nil {
			return outcome{}, err
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.node.Kafka), kgo.DefaultProduceTopic("ticks"), kgo.ProducerLinger(0))
	if err != nil {
		return outcome{}, err
	}
	defer cl.Close()
	var took []time.Duration
	began := time.Now()
	tick := time.NewTicker(time.Second / latencyRate)
	defer tick.Stop()
	watched := make(chan sample, latencySamples)
	done := make(chan error, 1)
	go func() { done <- watchSamples(ctx, b, watched, &took) }()
	for i := range latencyRecords {
		<-tick.C
		now := time.Now()
		cl.Produce(ctx, &kgo.Record{Value: fmt.Appendf(nil, `{"id":%d}`, i)}, nil)
		if i%(latencyRecords/latencySamples) == 0 {
			watched <- sample{id: i, at: now}
		}
	}
	close(watched)
	if err := <-done; err != nil {
		return outcome{}, err
	}
	out := outcome{records: latencyRecords, output: int64(len(took)), more: quantiles(took)}
	out.more["measured_s"] = round(time.Since(began).Seconds())
	return out, nil
}

type sample struct {
	id int
	at time.Time
}

// pollPause is between two SELECTs that wait for a sample: a poller without it takes the processors from the server it measures.
const pollPause = 500 * time.Microsecond

// watchSamples asks for each sampled record until a SELECT sees it. A sample that queued behind a slow one is measured from its own
// Produce all the same, so the figures are upper bounds.
func watchSamples(ctx context.Context, b *bench, samples <-chan sample, took *[]time.Duration) error {
	c, err := dialSQL(ctx, b.node.Postgres)
	if err != nil {
		return err
	}
	defer func() { _ = c.conn.Close(ctx) }()
	for s := range samples {
		for {
			var n int64
			err := c.conn.QueryRow(ctx, `SELECT n FROM seen WHERE id = $1`, int64(s.id)).Scan(&n)
			if err == nil {
				break
			}
			if !errors.Is(err, pgx.ErrNoRows) {
				return err
			}
			time.Sleep(pollPause)
		}
		*took = append(*took, time.Since(s.at))
	}
	return nil
}

const recoverKeys = 5_000_000

// recoverView kills the node under a view of five million keys whose input is gone, and measures until it answers again.
func recoverView(ctx context.Context, b *bench) (outcome, error) {
	if err := b.keyed(ctx, "big", recoverKeys); err != nil {
		return outcome{}, err
	}
	before, err := b.sql.value(ctx, `SELECT sum(total) FROM big`)
	if err != nil {
		return outcome{}, err
	}
	if err := deleteTopic(ctx, b.node.Kafka, "big_in"); err != nil {
		return outcome{}, err
	}
	b.node.Kill()
	began := time.Now()
	node, err := harness.StartProcess(ctx, b.freshet, b.node.DataDir, b.node)
	if err != nil {
		return outcome{}, err
	}
	b.node = node
	if b.sql, err = dialSQL(ctx, node.Postgres); err != nil {
		return outcome{}, err
	}
	if _, err := b.sql.value(ctx, `SELECT total FROM big WHERE id = 4999999`); err != nil {
		return outcome{}, err
	}
	answered := time.Since(began)
	after, err := b.sql.value(ctx, `SELECT sum(total) FROM big`)
	if err == nil && before != after {
		err = fmt.Errorf("the view's sum was %s, it is %s after the restart", before, after)
	}
	return outcome{records: recoverKeys, output: recoverKeys, more: map[string]float64{
		"measured_s": round(answered.Seconds()), "measured_cpu_s": 0, "answers_after_s": round(answered.Seconds()),
	}}, err
}
