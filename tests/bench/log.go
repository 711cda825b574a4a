package main

import (
	"context"
	"strconv"
	"time"

	"github.com/freshetdb/freshet/tests/harness"
)

// logRecords and logBytes are the load of the log's jobs.
const (
	logRecords = 3_000_000
	logBytes   = 100
)

// produce appends small records with acks=all (synced) from a stock client.
func produce(ctx context.Context, b *bench) (outcome, error) {
	if err := b.gobench(ctx, "create", "-brokers", b.node.Kafka, "-topic", "load"); err != nil {
		return outcome{}, err
	}
	return b.client(ctx, "produce", "-brokers", b.node.Kafka, "-topic", "load", "-n", strconv.Itoa(logRecords), "-size", strconv.Itoa(logBytes), "-acks", "all")
}

// consume reads them again.
func consume(ctx context.Context, b *bench) (outcome, error) {
	if n, err := endOffset(ctx, b.node.Kafka, "load"); err != nil || n < logRecords {
		if _, err := produce(ctx, b); err != nil {
			return outcome{}, err
		}
	}
	out, err := b.client(ctx, "consume", "-brokers", b.node.Kafka, "-topic", "load", "-n", strconv.Itoa(logRecords))
	out.output = logRecords
	return out, err
}

// client runs a load program and measures the server meanwhile.
func (b *bench) client(ctx context.Context, args ...string) (outcome, error) {
	cpu, err := harness.CPU(b.node.Pid())
	if err != nil {
		return outcome{}, err
	}
	began := time.Now()
	if err := b.gobench(ctx, args...); err != nil {
		return outcome{}, err
	}
	took := time.Since(began)
	after, err := harness.CPU(b.node.Pid())
	return outcome{records: logRecords, output: logRecords, more: map[string]float64{
		"measured_s": round(took.Seconds()), "measured_cpu_s": round((after - cpu).Seconds()),
	}}, err
}
