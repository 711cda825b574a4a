// Package tasktest is a broker in memory, for tests of what stands on broker/client.
//
// It keeps record batches by partition with Kafka's rules for transactions: what an open one holds back, what an aborted one leaves behind,
// where markers stand. Nothing waits: appends are durable at once, callbacks come before the call returns.
package tasktest

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/storage/record"
)

// Broker is a client.Client of its own topics. Methods it does not have panic: tests do not need them.
type Broker struct {
	client.Client

	mu         sync.Mutex // guards what follows
	topics     map[string][]*partition
	groups     map[string]map[client.TopicPartition]client.Committed
	events     []string
	failCommit error
	producers  int64
}

// partition is a log in memory.
type partition struct {
	batches  []record.Batch
	start    int64
	end      int64
	open     map[int64]int64 // first offset of a producer's open transaction
	aborted  []client.Aborted
	watchers map[int]func()
}

// New makes a broker without topics.
func New() *Broker {
	return &Broker{topics: map[string][]*partition{}, groups: map[string]map[client.TopicPartition]client.Committed{}}
}

// Make creates a topic, empty.
func (b *Broker) Make(topic string, partitions int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range partitions {
		b.topics[topic] = append(b.topics[topic], &partition{open: map[int64]int64{}, watchers: map[int]func(){}})
	}
}

// Record is a record of Append. An empty key or value is null.
type Record struct {
	Time       int64 // ms
	Key, Value string
}

// Append writes records as one batch outside any transaction.
func (b *Broker) Append(tp client.TopicPartition, codec record.Compression, records ...Record) {
	builder := record.NewBuilder(codec)
	for _, r := range records {
		builder.Append(r.Time, nullable(r.Key), nullable(r.Value), nil)
	}
	batch, err := builder.Build(nil)
	if err != nil {
		panic(err)
	}
	b.append(tp, batch)
}

func nullable(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// append assigns offsets and tells the watchers.
func (b *Broker) append(tp client.TopicPartition, batch record.Batch) int64 {
	b.mu.Lock()
	p := b.topics[tp.Topic][tp.Partition]
	batch.SetBaseOffset(p.end)
	base := p.end
	p.batches = append(p.batches, batch)
	p.end = batch.NextOffset()
	if batch.Transactional() && !batch.Control() {
		if _, ok := p.open[batch.ProducerID()]; !ok {
			p.open[batch.ProducerID()] = base
		}
	}
	watchers := maps.Clone(p.watchers)
	b.mu.Unlock()
	for _, moved := range watchers {
		moved()
	}
	return base
}

// stable is the last stable offset.
func (p *partition) stable() int64 {
	stable := p.end
	for _, first := range p.open {
		stable = min(stable, first)
	}
	return stable
}

func (b *Broker) partition(tp client.TopicPartition) (*partition, error) {
	parts := b.topics[tp.Topic]
	if int(tp.Partition) >= len(parts) {
		return nil, client.ErrUnknownTopic
	}
	return parts[tp.Partition], nil
}

// Fetch implements client.Reader.
func (b *Broker) Fetch(_ context.Context, tp client.TopicPartition, offset int64, maxBytes int, iso client.Isolation) (client.Fetched, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.partition(tp)
	if err != nil {
		return client.Fetched{}, err
	}
	if offset < p.start || offset > p.end {
		return client.Fetched{}, client.ErrOffsetOutOfRange
	}
	limit := p.end
	if iso == client.ReadCommitted {
		limit = p.stable()
	}
	f := client.Fetched{Offsets: client.Offsets{Start: p.start, LastStable: p.stable(), HighWatermark: p.end}}
	for _, batch := range p.batches {
		if batch.NextOffset() <= offset || batch.NextOffset() > limit {
			continue
		}
		if len(f.Batches) > 0 && len(f.Batches)+len(batch) > maxBytes {
			break
		}
		f.Batches = append(f.Batches, batch...)
	}
	if len(f.Batches) > 0 {
		f.Aborted = append(f.Aborted, p.aborted...)
		// What is read after Release must be seen to be wrong.
		f.Release = func() { clear(f.Batches) }
	}
	return f, nil
}

// Watch implements client.Reader.
func (b *Broker) Watch(tp client.TopicPartition, moved func()) (cancel func(), err error) {
	b.mu.Lock()
	p, err := b.partition(tp)
	if err != nil {
		b.mu.Unlock()
		return nil, err
	}
	id := len(p.watchers)
	for p.watchers[id] != nil {
		id++
	}
	p.watchers[id] = moved
	b.mu.Unlock()
	moved()
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(p.watchers, id)
	}, nil
}

// Offsets implements client.Reader.
func (b *Broker) Offsets(_ context.Context, tp client.TopicPartition) (client.Offsets, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.partition(tp)
	if err != nil {
		return client.Offsets{}, err
	}
	return client.Offsets{Start: p.start, LastStable: p.stable(), HighWatermark: p.end}, nil
}

// Topic implements client.Admin.
func (b *Broker) Topic(_ context.Context, name string) (client.Topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.topics[name] == nil {
		return client.Topic{}, client.ErrUnknownTopic
	}
	return client.Topic{Name: name, Partitions: int32(len(b.topics[name]))}, nil
}

// CreateTopic implements client.Admin.
func (b *Broker) CreateTopic(ctx context.Context, spec client.TopicSpec) (client.Topic, error) {
	if _, err := b.Topic(ctx, spec.Name); err == nil {
		return client.Topic{}, client.ErrTopicExists
	}
	b.Make(spec.Name, int(spec.Partitions))
	return b.Topic(ctx, spec.Name)
}

// DeleteRecords implements client.Admin.
func (b *Broker) DeleteRecords(_ context.Context, tp client.TopicPartition, before int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.partition(tp)
	if err != nil {
		return err
	}
	p.start = max(p.start, before)
	return nil
}

// Committed implements client.Groups.
func (b *Broker) Committed(_ context.Context, group string, _ bool) (map[client.TopicPartition]client.Committed, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.groups[group]), nil
}

// FailCommits makes every Commit abort its transaction and answer err; nil ends it.
func (b *Broker) FailCommits(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failCommit = err
}

// Events are what producers did, in order: "produce TOPIC-PARTITION RECORDS", "offsets GROUP", "commit", "abort".
func (b *Broker) Events() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.events...)
}

func (b *Broker) event(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, fmt.Sprintf(format, args...))
}

// Values reads the committed records of a topic, partition by partition, as "key=value".
func (b *Broker) Values(topic string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, p := range b.topics[topic] {
		for _, batch := range p.batches {
			if batch.Control() || batch.NextOffset() > p.stable() || p.hasAborted(batch) {
				continue
			}
			var dec record.Decompressor
			it, err := record.Records(batch, &dec)
			if err != nil {
				panic(err)
			}
			for r := (record.Record{}); it.Next(&r); {
				out = append(out, string(r.Key)+"="+string(r.Value))
			}
		}
	}
	return out
}

// hasAborted tells whether a batch belongs to an aborted transaction.
func (p *partition) hasAborted(batch record.Batch) bool {
	for _, a := range p.aborted {
		if batch.ProducerID() != a.ProducerID || batch.BaseOffset() < a.FirstOffset {
			continue
		}
		for _, marker := range p.batches { // the first of the producer's markers behind the transaction's start ends it
			if marker.Control() && marker.ProducerID() == a.ProducerID && marker.BaseOffset() > a.FirstOffset {
				if batch.BaseOffset() < marker.BaseOffset() {
					return true
				}
				break
			}
		}
	}
	return false
}
