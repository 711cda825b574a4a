package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// seeds names the brokers of a cluster, or the node's one.
func seeds(brokers string) kgo.Opt { return kgo.SeedBrokers(strings.Split(brokers, ",")...) }

// producer writes numbered records with an idempotent stock client, which rides over the node's deaths by retrying.
type producer struct {
	client *kgo.Client
	quit   chan struct{}
	done   chan error
	made   int64
}

// pace is how many records are written at a time, and how often.
const (
	paceRecords = 100
	pacePause   = 5 * time.Millisecond
)

func startProducer(brokers, topic string) (*producer, error) {
	cl, err := kgo.NewClient(seeds(brokers), kgo.DefaultProduceTopic(topic), kgo.RecordRetries(1<<30),
		kgo.ProducerLinger(time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
		kgo.MaxBufferedRecords(50_000))
	if err != nil {
		return nil, err
	}
	p := &producer{client: cl, quit: make(chan struct{}), done: make(chan error, 1)}
	go func() { p.done <- p.run() }()
	return p, nil
}

func (p *producer) run() error {
	failed := make(chan error, 1)
	tick := time.NewTicker(pacePause)
	defer tick.Stop()
	for {
		select {
		case <-p.quit:
			return nil
		case err := <-failed:
			return err
		case <-tick.C:
		}
		for range paceRecords {
			id := p.made
			p.made++
			p.client.Produce(context.Background(), &kgo.Record{
				Key: strconv.AppendInt(nil, id%5000, 10), Value: fmt.Appendf(nil, `{"id":%d,"v":%d}`, id, id%7),
			}, func(_ *kgo.Record, err error) {
				if err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			})
		}
	}
}

// stop waits until everything produced is acknowledged and returns how many records that are: ids 0 to n-1.
func (p *producer) stop(ctx context.Context) (int64, error) {
	close(p.quit)
	failed, err := await(p.done, "the producer")
	if err := errors.Join(failed, err); err != nil {
		return 0, fmt.Errorf("produce: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = p.client.Flush(ctx)
	p.client.Close()
	return p.made, err
}

// readCommitted hands every committed record of a topic to each until n have come and then none for quiet.
func readCommitted(ctx context.Context, brokers, topic string, n int64, quiet time.Duration, each func(*kgo.Record) error) error {
	cl, err := kgo.NewClient(seeds(brokers), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer cl.Close()
	var got int64
	last := time.Now()
	for {
		poll, cancel := context.WithTimeout(ctx, quiet)
		f := cl.PollFetches(poll)
		cancel()
		if f.NumRecords() == 0 {
			if got >= n {
				return nil
			}
			if time.Since(last) > stuckAfter {
				return fmt.Errorf("topic %s: %d of %d records, none for %s", topic, got, n, stuckAfter)
			}
			continue
		}
		last = time.Now()
		var failure error
		f.EachRecord(func(r *kgo.Record) {
			got++
			if err := each(r); err != nil && failure == nil {
				failure = err
			}
		})
		if failure != nil {
			return failure
		}
	}
}

const (
	// stuckAfter is when a topic that should still grow is given up.
	stuckAfter = 30 * time.Second
	// catchUpMax is how long queries and groups may need for what came during the kills.
	catchUpMax = 5 * time.Minute
)
