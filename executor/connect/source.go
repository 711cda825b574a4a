// Package connect runs connectors as tasks; offsets and config in topics, as Kafka Connect does.
//
// A source's records and its position commit in one transaction, so a restart neither repeats nor skips one.
package connect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/storage/record"
)

// Source makes records by number: the same number gives the same record, so that a position is all there is to remember.
type Source interface {
	// Append appends record n (0, 1, 2 …) to b.
	Append(b *record.Builder, n int64)
}

// Options describe a source connector.
type Options struct {
	Name       string // of the connector: its position is kept under it
	Topic      string // made when absent, keeping everything
	Partitions int32  // of a topic that is made; 0: the cluster's default
	Rate       int    // records a second; 0: as fast as the log takes them
	Limit      int64  // records in all; 0: for ever
}

// sliceRecords is how many records one transaction holds at most; slicePause how often a paced source wakes; batchBytes the size at which
// a batch is closed, well below what a topic takes.
const (
	sliceRecords = 5_000
	slicePause   = 50 * time.Millisecond
	batchBytes   = 256 << 10
)

// Worker runs one source connector.
type Worker struct {
	opts     Options
	source   Source
	client   client.Client
	log      *slog.Logger
	builder  *record.Builder
	topic    client.Topic
	producer client.Producer
	at       int64 // records made
}

// NewWorker makes a worker for a source; Run drives it.
func NewWorker(opts Options, source Source, c client.Client, log *slog.Logger) *Worker {
	return &Worker{
		opts: opts, source: source, client: c, log: log.With("component", "connect", "connector", opts.Name),
		builder: record.NewBuilder(record.None),
	}
}

// group holds the connector's position.
func (w *Worker) group() string { return "_freshet-connect-" + w.opts.Name }

// position is the pseudo partition a connector's position is kept at.
func (w *Worker) position() client.TopicPartition { return client.TopicPartition{Topic: w.opts.Topic} }

// Run makes records until ctx ends or the limit is reached, going on where the last life stopped. opened gets the fate of the start:
// after a nil the topic exists.
func (w *Worker) Run(ctx context.Context, opened chan<- error) error {
	err := w.open(ctx)
	opened <- err
	if err != nil {
		return err
	}
	defer func() { _ = w.producer.Close() }()
	began, first := time.Now(), w.at
	for {
		n := w.due(time.Since(began), first)
		if w.opts.Limit > 0 {
			n = min(n, w.opts.Limit-w.at)
		}
		if n > 0 {
			if err := w.slice(ctx, n); err != nil {
				return err
			}
		}
		if w.opts.Limit > 0 && w.at >= w.opts.Limit {
			return nil
		}
		if w.opts.Rate == 0 && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(slicePause):
		}
	}
}

// due is how many records the next transaction should hold.
func (w *Worker) due(elapsed time.Duration, first int64) int64 {
	if w.opts.Rate == 0 {
		return sliceRecords
	}
	want := int64(elapsed.Seconds() * float64(w.opts.Rate))
	return min(want-(w.at-first), sliceRecords)
}

func (w *Worker) open(ctx context.Context) (err error) {
	w.topic, err = w.client.CreateTopic(ctx, client.TopicSpec{
		Name: w.opts.Topic, Partitions: w.opts.Partitions,
		Configs: map[string]string{"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"},
	})
	if errors.Is(err, client.ErrTopicExists) {
		w.topic, err = w.client.Topic(ctx, w.opts.Topic)
	}
	if err != nil {
		return fmt.Errorf("topic %q of connector %q: %w", w.opts.Topic, w.opts.Name, err)
	}
	w.producer, err = w.client.Producer(ctx, client.ProducerOptions{TransactionalID: w.group()})
	if err != nil {
		return err
	}
	at, err := w.client.Committed(ctx, w.group(), true)
	if err != nil {
		return errors.Join(err, w.producer.Close())
	}
	w.at = at[w.position()].Offset
	return nil
}

// send produces what the builder holds.
func (w *Worker) send(partition int32, fail func(error)) error {
	if w.builder.Count() == 0 {
		return nil
	}
	batch, err := w.builder.Build(nil)
	if err != nil {
		return err
	}
	w.producer.Produce(client.TopicPartition{Topic: w.opts.Topic, Partition: partition}, batch, func(a client.Ack) { fail(a.Err) })
	return nil
}

// slice makes and commits n records, spread over the partitions by number.
func (w *Worker) slice(ctx context.Context, n int64) error {
	failed := make(chan error, 1)
	fail := func(err error) {
		if err != nil {
			select {
			case failed <- err:
			default:
			}
		}
	}
	parts := int64(w.topic.Partitions)
	for p := range parts {
		for i := w.at; i < w.at+n; i++ {
			if i%parts != p {
				continue
			}
			w.source.Append(w.builder, i)
			if w.builder.Len() >= batchBytes {
				if err := w.send(int32(p), fail); err != nil {
					return err
				}
			}
		}
		if err := w.send(int32(p), fail); err != nil {
			return err
		}
	}
	w.producer.CommitOffsets(client.GroupMember{Group: w.group(), Generation: -1},
		map[client.TopicPartition]client.Committed{w.position(): {Offset: w.at + n, LeaderEpoch: -1}}, nil)
	done := make(chan error, 1)
	w.producer.Commit(func(err error) { done <- err })
	select {
	case err := <-done:
		fail(err)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-failed:
		return err
	default:
	}
	w.at += n
	return nil
}
