package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/freshetdb/freshet/tests/harness"
)

// createBid describes the data set's bids.
const createBid = `CREATE STREAM bid (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, "dateTime" BIGINT, extra STRING)
WITH (KAFKA_TOPIC = 'bid', VALUE_FORMAT = 'JSON')`

// load makes the data set once.
func (b *bench) load(ctx context.Context) error {
	if n, err := endOffset(ctx, b.node.Kafka, "bid"); err == nil && n >= b.bids {
		return nil
	}
	began := time.Now()
	if err := b.gobench(ctx, "gen", "-brokers", b.node.Kafka, "-n", strconv.FormatInt(b.bids, 10), "-parts", "2"); err != nil {
		return err
	}
	fmt.Printf("# %d bids in %.1f s\n", b.bids, time.Since(began).Seconds())
	return b.sql.exec(ctx, createBid)
}

// kept runs a CREATE … AS over the bids and waits until it has read them all; the time until then and the CPU are the job's.
func (b *bench) kept(ctx context.Context, id, statement string) (outcome, error) {
	if err := warm(ctx, b); err != nil {
		return outcome{}, err
	}
	cpu, err := harness.CPU(b.node.Pid())
	if err != nil {
		return outcome{}, err
	}
	began := time.Now()
	if err := b.sql.exec(ctx, statement); err != nil {
		return outcome{}, err
	}
	if err := b.waitRead(ctx, id, b.bids); err != nil {
		return outcome{}, err
	}
	took := time.Since(began)
	after, err := harness.CPU(b.node.Pid())
	if err != nil {
		return outcome{}, err
	}
	return outcome{records: b.bids, more: map[string]float64{
		"measured_s": round(took.Seconds()), "measured_cpu_s": round((after - cpu).Seconds()),
	}}, nil
}

// warm lets what the load left behind settle, so that it is not counted.
func warm(ctx context.Context, b *bench) error {
	_, err := b.sql.value(ctx, "SELECT 1")
	return err
}

// waitRead polls the query's record count.
func (b *bench) waitRead(ctx context.Context, relation string, want int64) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		n, err := b.sql.queryRecords(ctx, relation)
		if err != nil {
			return err
		}
		if n >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("read %d of %d records: %w", n, want, ctx.Err())
		case <-tick.C:
		}
	}
}

func q1(ctx context.Context, b *bench) (outcome, error) {
	out, err := b.kept(ctx, "q1", `CREATE STREAM q1 AS SELECT auction, bidder, price * 0.908 AS price, channel, url, "dateTime", extra FROM bid EMIT CHANGES`)
	if err != nil {
		return out, err
	}
	out.output, err = countRecords(ctx, b.node.Kafka, "q1")
	if err == nil && out.output != b.bids {
		err = fmt.Errorf("%d output records, %d expected", out.output, b.bids)
	}
	return out, err
}

func q2(ctx context.Context, b *bench) (outcome, error) {
	out, err := b.kept(ctx, "q2", `CREATE STREAM q2 AS SELECT auction, price FROM bid WHERE auction % 123 = 0 EMIT CHANGES`)
	if err != nil {
		return out, err
	}
	if out.output, err = countRecords(ctx, b.node.Kafka, "q2"); err != nil {
		return out, err
	}
	want, err := b.sql.value(ctx, `SELECT count(*) FROM bid WHERE auction % 123 = 0`)
	if err == nil && strconv.FormatInt(out.output, 10) != want {
		err = fmt.Errorf("%d output records, the batch answer is %s", out.output, want)
	}
	return out, err
}

func tumble(ctx context.Context, b *bench) (outcome, error) {
	out, err := b.kept(ctx, "tumble", `CREATE TABLE tumble AS SELECT auction, count(*) AS num FROM bid WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 1 HOUR) GROUP BY auction EMIT CHANGES`)
	if err != nil {
		return out, err
	}
	if out.output, err = countRecords(ctx, b.node.Kafka, "tumble"); err != nil {
		return out, err
	}
	sum, err := b.sql.value(ctx, `SELECT sum(num) FROM tumble`)
	if err == nil && sum != strconv.FormatInt(b.bids, 10) {
		err = fmt.Errorf("the counts add up to %s, %d expected", sum, b.bids)
	}
	return out, err
}
