// Package clienttest holds a client.Client to what its interface promises; every form of it runs the same suite.
//
// Topics, groups and transactional ids of a run have names of their own, so that runs may share a cluster.
package clienttest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/storage/record"
)

// patience ends a test that waits for what does not come; longer than a client is patient with brokers that are away.
const patience = 3 * time.Minute

// Run runs the suite. open makes a client of the cluster under test; it may give the same one each time, and closes it itself.
func Run(t *testing.T, open func(testing.TB) client.Client) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"topics", (*suite).topics},
		{"produce and fetch", (*suite).produceAndFetch},
		{"order", (*suite).order},
		{"watch", (*suite).watch},
		{"deleted while watched", (*suite).deletedWhileWatched},
		{"follow", (*suite).follow},
		{"commit and abort", (*suite).commitAndAbort},
		{"interleaved transactions", (*suite).interleaved},
		{"fencing", (*suite).fencing},
		{"failed batch", (*suite).failedBatch},
		{"takeover", (*suite).takeover},
		{"offsets", (*suite).offsets},
		{"groups", (*suite).groups},
		{"close", (*suite).close},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b [4]byte
			rand.Read(b[:])
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			t.Cleanup(cancel)
			test.run(&suite{T: t, client: open(t), ctx: ctx, unique: "-" + hex.EncodeToString(b[:])})
		})
	}
}

// suite is one test and its names.
type suite struct {
	*testing.T
	client client.Client
	ctx    context.Context //nolint:containedctx // of one test
	unique string
}

// name makes a name that no other run has.
func (s *suite) name(what string) string { return "clienttest-" + what + s.unique }

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// topic makes a topic that is deleted with the test.
func (s *suite) topic(what string, partitions int32) string {
	s.Helper()
	name := s.name(what)
	t, err := s.client.CreateTopic(s.ctx, client.TopicSpec{Name: name, Partitions: partitions})
	s.must(err)
	if t.Name != name || t.Partitions != partitions || t.ID == [16]byte{} {
		s.Fatalf("created %+v", t)
	}
	s.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), patience)
		defer cancel()
		_ = s.client.DeleteTopic(ctx, name) // it may be gone already
	})
	return name
}

func (s *suite) producer(id string) client.Producer {
	s.Helper()
	opts := client.ProducerOptions{}
	if id != "" {
		opts.TransactionalID = s.name(id)
	}
	p, err := s.client.Producer(s.ctx, opts)
	s.must(err)
	s.Cleanup(func() { _ = p.Close() }) // its error is of the transaction a test left open
	return p
}

// BatchOf builds a batch of values.
func BatchOf(timeMS int64, values ...string) []byte {
	b := record.NewBuilder(record.None)
	for _, v := range values {
		b.Append(timeMS, nil, []byte(v), nil)
	}
	batch, err := b.Build(nil)
	if err != nil {
		panic(err)
	}
	return batch
}

// produce produces; the function it gives waits for the ack.
func (s *suite) produce(p client.Producer, topic string, partition int32, values ...string) func() client.Ack {
	acks := make(chan client.Ack, 1)
	p.Produce(client.TopicPartition{Topic: topic, Partition: partition}, BatchOf(time.Now().UnixMilli(), values...), func(a client.Ack) { acks <- a })
	return func() client.Ack {
		s.Helper()
		select {
		case a := <-acks:
			return a
		case <-s.ctx.Done():
			s.Fatal("no ack comes")
			return client.Ack{}
		}
	}
}

func (s *suite) commit(p client.Producer) error {
	s.Helper()
	done := make(chan error, 1)
	p.Commit(func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-s.ctx.Done():
		s.Fatal("commit does not end")
		return nil
	}
}

// values reads what a partition shows now to readers of an isolation level, watched by a reader of its own.
func (s *suite) values(topic string, partition int32, iso client.Isolation) string {
	s.Helper()
	tp := client.TopicPartition{Topic: topic, Partition: partition}
	bounds, err := s.client.Offsets(s.ctx, tp)
	s.must(err)
	to := bounds.LastStable
	if iso == client.ReadUncommitted {
		to = bounds.HighWatermark
	}
	return s.read(tp, bounds.Start, to, iso, 1<<20)
}

// read reads [from, to) of a partition.
func (s *suite) read(tp client.TopicPartition, from, to int64, iso client.Isolation, maxBytes int) string {
	s.Helper()
	moved := make(chan struct{}, 1)
	cancel, err := s.client.Watch(tp, func() {
		select {
		case moved <- struct{}{}:
		default:
		}
	})
	s.must(err)
	defer cancel()
	var out []string
	for offset := from; offset < to; {
		f, err := s.client.Fetch(s.ctx, tp, offset, maxBytes, iso)
		s.must(err)
		if len(f.Batches) == 0 {
			select {
			case <-moved:
				continue
			case <-s.ctx.Done():
				s.Fatalf("nothing comes at %d, the end is %d", offset, to)
			}
		}
		offset = s.appendValues(&out, &f, iso)
		f.Release()
	}
	return strings.Join(out, " ")
}

// appendValues adds the values of what was fetched, without markers and aborted batches, and gives the offset after it. Source: KIP-98.
func (s *suite) appendValues(out *[]string, f *client.Fetched, iso client.Isolation) (next int64) {
	s.Helper()
	dropped := map[int64]bool{}
	aborted := f.Aborted
	for rest := f.Batches; len(rest) > 0; {
		b, after, err := record.Next(rest)
		s.must(err)
		rest, next = after, b.NextOffset()
		for len(aborted) > 0 && aborted[0].FirstOffset <= b.LastOffset() && iso == client.ReadCommitted {
			dropped[aborted[0].ProducerID] = true
			aborted = aborted[1:]
		}
		if b.Control() {
			delete(dropped, b.ProducerID())
			continue
		}
		if b.Transactional() && dropped[b.ProducerID()] {
			continue
		}
		it, err := record.Records(b, nil)
		s.must(err)
		var r record.Record
		for it.Next(&r) {
			*out = append(*out, string(r.Value))
		}
		s.must(it.Err())
	}
	return next
}
