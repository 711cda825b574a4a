// Package tail reads a partition's committed records one by one, waiting for those to come.
//
// It serves what reads few records and wants them whole: the command log and PRINT. Queries have a faster reader of their own
// (executor/task), which hands out columns.
package tail

import (
	"context"
	"fmt"
	"sort"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/storage/record"
)

// fetchBytes is how much is asked for at once.
const fetchBytes = 256 << 10

// Record is one record. Key and Value are nil for null, and valid until the next call of Next or Poll.
type Record struct {
	Offset      int64
	TimestampMS int64
	Key, Value  []byte
}

// Partition reads one partition in offset order. One goroutine may use it at a time.
type Partition struct {
	reader  client.Reader
	tp      client.TopicPartition
	next    int64 // offset of the next record
	fetched client.Fetched
	rest    []byte
	aborted []client.Aborted
	dropped map[int64]bool // producers inside an aborted transaction
	batch   record.Batch
	it      record.Iterator
	inBatch bool
	dec     record.Decompressor
	moved   chan struct{}
	unwatch func()
}

// Open begins at offset from. Errors: client.ErrUnknownTopic.
func Open(reader client.Reader, tp client.TopicPartition, from int64) (*Partition, error) {
	p := &Partition{reader: reader, tp: tp, next: from, dropped: map[int64]bool{}, moved: make(chan struct{}, 1)}
	unwatch, err := reader.Watch(tp, func() {
		select {
		case p.moved <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return nil, fmt.Errorf("watch %s-%d: %w", tp.Topic, tp.Partition, err)
	}
	p.unwatch = unwatch
	return p, nil
}

// Close lets go of the partition.
func (p *Partition) Close() {
	p.unwatch()
	p.release()
}

// Position is the offset after the last record given, and after everything skipped behind it.
func (p *Partition) Position() int64 { return p.next }

// Moved receives when there may be more than Poll has found.
func (p *Partition) Moved() <-chan struct{} { return p.moved }

// Next waits for the next record. Errors: ctx's, client.ErrUnknownTopic, client.ErrOffsetOutOfRange, damage.
func (p *Partition) Next(ctx context.Context) (Record, error) {
	for {
		r, ok, err := p.Poll(ctx)
		if ok || err != nil {
			return r, err
		}
		select {
		case <-ctx.Done():
			return Record{}, context.Cause(ctx)
		case <-p.moved:
		}
	}
}

// Poll gives the next record if it is there now.
func (p *Partition) Poll(ctx context.Context) (Record, bool, error) {
	for {
		if p.inBatch {
			var r record.Record
			for p.it.Next(&r) {
				offset := p.batch.BaseOffset() + int64(r.OffsetDelta)
				if offset < p.next {
					continue
				}
				p.next = offset + 1
				return Record{Offset: offset, TimestampMS: p.batch.TimestampOf(&r), Key: r.Key, Value: r.Value}, true, nil
			}
			if err := p.it.Err(); err != nil {
				return Record{}, false, p.damage(err)
			}
			p.inBatch = false
			p.next = p.batch.NextOffset()
		}
		more, err := p.advance(ctx)
		if err != nil || !more {
			return Record{}, false, err
		}
	}
}

// advance opens the next batch; false when there is none now.
func (p *Partition) advance(ctx context.Context) (bool, error) {
	if len(p.rest) == 0 {
		if more, err := p.fetch(ctx); err != nil || !more {
			return false, err
		}
	}
	b, rest, err := record.Next(p.rest)
	if err != nil {
		return false, p.damage(err)
	}
	p.rest = rest
	if b.NextOffset() <= p.next {
		return true, nil
	}
	if p.skips(b) {
		p.next = b.NextOffset()
		return true, nil
	}
	if p.it, err = record.Records(b, &p.dec); err != nil {
		return false, p.damage(err)
	}
	p.batch, p.inBatch = b, true
	return true, nil
}

func (p *Partition) fetch(ctx context.Context) (bool, error) {
	p.release()
	got, err := p.reader.Fetch(ctx, p.tp, p.next, fetchBytes, client.ReadCommitted)
	if err != nil {
		return false, fmt.Errorf("fetch %s-%d at %d: %w", p.tp.Topic, p.tp.Partition, p.next, err)
	}
	p.fetched, p.rest = got, got.Batches
	p.aborted = append(p.aborted[:0], got.Aborted...)
	sort.Slice(p.aborted, func(i, j int) bool { return p.aborted[i].FirstOffset < p.aborted[j].FirstOffset })
	clear(p.dropped)
	return len(p.rest) > 0, nil
}

// skips tells whether a batch holds nothing a reader of committed records may see: a marker, or part of an aborted transaction.
// Source: KIP-98.
func (p *Partition) skips(b record.Batch) bool {
	for len(p.aborted) > 0 && p.aborted[0].FirstOffset <= b.LastOffset() {
		p.dropped[p.aborted[0].ProducerID] = true
		p.aborted = p.aborted[1:]
	}
	if b.Control() {
		delete(p.dropped, b.ProducerID())
		return true
	}
	return b.Transactional() && p.dropped[b.ProducerID()]
}

func (p *Partition) damage(err error) error {
	return fmt.Errorf("read %s-%d at %d: %w", p.tp.Topic, p.tp.Partition, p.next, err)
}

func (p *Partition) release() {
	if p.fetched.Release != nil {
		p.fetched.Release()
	}
	p.fetched, p.rest, p.inBatch = client.Fetched{}, nil, false
}
