package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/freshetdb/freshet/storage/record"
)

// closeWait bounds how long Close waits for an abort.
const closeWait = 5 * time.Second

// item is something to send: a batch, or positions.
type item struct {
	tp   TopicPartition // the partition that must have been announced
	send func()
	fail func(error)
}

// producer is the embedded Producer. Everything sent goes through one queue, so that the order of calls is the order in
// the partitions, although a queue that had to wait is emptied by another goroutine.
//
//	idle ──Produce──► announcing ──Begin answered──► open ──new partition──► announcing
//	                                                  │
//	  ▲                                            Commit, Abort: wait for acks ──► ending
//	  └───────────────────────── visible, or aborted ───────────────────────────────┘
//
// A transaction in which something failed is aborted by making the producer anew (the next epoch, sequences from 0): it is
// not known which sequences the partitions have seen. A failure in which the outcome is unknown ends the producer.
type producer struct {
	client          *Embedded
	transactionalID string
	timeout         time.Duration

	mu       sync.Mutex // guards what follows
	identity ProducerIdentity
	sequence map[TopicPartition]int32
	queue    []item
	sending  bool // a goroutine empties the queue
	// announced partitions may be appended to; previous are those of the transaction before, announced in advance.
	announced  map[TopicPartition]struct{}
	previous   []TopicPartition
	used       map[TopicPartition]struct{} // in this transaction
	announcing bool
	inflight   int
	onDrained  []func()
	failed     error // in this transaction
	fatal      error // for good
	ending     bool
	closed     bool
}

func newProducer(c *Embedded, opts ProducerOptions) *producer {
	p := &producer{client: c, transactionalID: opts.TransactionalID, timeout: opts.TransactionTimeout}
	if p.timeout <= 0 {
		p.timeout = defaultTransactionTimeout
	}
	p.reset()
	return p
}

// reset forgets the transaction and the sequences; p.mu is held, or nobody knows p yet.
func (p *producer) reset() {
	p.sequence = map[TopicPartition]int32{}
	p.clear()
	p.previous = nil
}

// clear forgets the transaction.
func (p *producer) clear() {
	p.announced = map[TopicPartition]struct{}{}
	p.used = map[TopicPartition]struct{}{}
	p.failed = nil
}

// Produce implements Producer.
func (p *producer) Produce(tp TopicPartition, batch []byte, done func(Ack)) {
	if done == nil {
		done = func(Ack) {}
	}
	fail := func(err error) { done(Ack{BaseOffset: -1, Err: err}) }
	b, rest, err := record.Next(batch)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes after the batch", len(rest))
	}
	if err != nil {
		p.refuse(fmt.Errorf("produce to %s-%d: %w", tp.Topic, tp.Partition, err), fail)
		return
	}
	if p.transactionalID == "" {
		p.enqueue(item{tp: tp, fail: fail, send: func() {
			b.SetProducer(record.NoProducer, -1, -1, false)
			p.client.node.Append(tp, b, func(a Ack) { done(a); p.acked(a.Err) })
		}})
		return
	}
	p.enqueue(item{tp: tp, fail: fail, send: func() {
		p.mu.Lock()
		identity, sequence := p.identity, p.sequence[tp]
		p.sequence[tp] = record.AddSequence(sequence, b.Count())
		p.mu.Unlock()
		b.SetProducer(identity.ID, identity.Epoch, sequence, true)
		p.client.node.Append(tp, b, func(a Ack) { done(a); p.acked(a.Err) })
	}})
}

// CommitOffsets implements Producer.
func (p *producer) CommitOffsets(member GroupMember, offsets map[TopicPartition]Committed, done func(error)) {
	if done == nil {
		done = func(error) {}
	}
	if len(offsets) == 0 {
		done(nil)
		return
	}
	acked := func(err error) { done(err); p.acked(err) }
	p.enqueue(item{tp: p.client.node.OffsetsPartition(member.Group), fail: done, send: func() {
		if p.transactionalID == "" {
			p.client.node.CommitOffsets(member, nil, offsets, acked)
			return
		}
		p.mu.Lock()
		identity := p.identity
		p.mu.Unlock()
		p.client.node.CommitOffsets(member, &identity, offsets, acked)
	}})
}

// refuse fails a call, and the transaction with it.
func (p *producer) refuse(err error, fail func(error)) {
	p.mu.Lock()
	if p.failed == nil && p.transactionalID != "" {
		p.failed = err
	}
	p.mu.Unlock()
	fail(err)
}

func (p *producer) enqueue(it item) {
	p.mu.Lock()
	switch {
	case p.closed:
		p.mu.Unlock()
		it.fail(ErrClosed)
		return
	case p.fatal != nil:
		err := p.fatal
		p.mu.Unlock()
		it.fail(err)
		return
	case p.failed != nil: // the transaction will be aborted: what comes now must not reach the partitions
		err := p.failed
		p.mu.Unlock()
		it.fail(err)
		return
	}
	p.inflight++
	p.queue = append(p.queue, it)
	p.pump()
}

// pump sends what may be sent. It is called with p.mu held and releases it.
func (p *producer) pump() {
	if p.sending {
		p.mu.Unlock()
		return
	}
	p.sending = true
	for len(p.queue) > 0 && !p.announcing {
		it := p.queue[0]
		if err := p.stopped(); err != nil {
			p.queue = p.queue[1:]
			p.mu.Unlock()
			it.fail(err)
			p.acked(err)
			p.mu.Lock()
			continue
		}
		if p.transactionalID != "" {
			if _, ok := p.announced[it.tp]; !ok {
				p.announce()
				continue
			}
			p.used[it.tp] = struct{}{}
		}
		p.queue = p.queue[1:]
		p.mu.Unlock()
		it.send()
		p.mu.Lock()
	}
	p.sending = false
	if len(p.queue) == 0 {
		p.queue = nil
	}
	p.mu.Unlock()
}

func (p *producer) stopped() error {
	if p.fatal != nil {
		return p.fatal
	}
	return p.failed
}

// announce tells the coordinator of every partition in the queue, and of those the last transaction used, because a
// producer mostly writes to the same ones again. It is called with p.mu held, which it gives up for a moment.
func (p *producer) announce() {
	set := map[TopicPartition]struct{}{}
	for _, it := range p.queue {
		set[it.tp] = struct{}{}
	}
	if len(p.announced) == 0 {
		for _, tp := range p.previous {
			set[tp] = struct{}{}
		}
	}
	list := make([]TopicPartition, 0, len(set))
	for tp := range set {
		list = append(list, tp)
	}
	p.announcing = true
	p.inflight++
	identity := p.identity
	p.mu.Unlock()
	p.client.node.Begin(p.transactionalID, identity, list, func(err error) {
		p.mu.Lock()
		p.announcing = false
		switch {
		case err == nil:
			for _, tp := range list {
				p.announced[tp] = struct{}{}
			}
		case errors.Is(err, ErrFenced):
			p.fatal = err
		}
		p.pumpAfter(err)
	})
	p.mu.Lock()
}

// pumpAfter goes on after an announcement. It is called with p.mu held and releases it.
func (p *producer) pumpAfter(err error) {
	if err != nil && p.failed == nil {
		p.failed = fmt.Errorf("join partitions: %w", err)
	}
	p.pump()
	p.acked(nil)
}

// acked counts something sent as done, after its callback: Commit's comes after all of them.
func (p *producer) acked(err error) {
	p.mu.Lock()
	if err != nil && p.transactionalID != "" {
		if p.failed == nil {
			p.failed = err
		}
		if errors.Is(err, ErrFenced) && p.fatal == nil {
			p.fatal = err
		}
	}
	p.inflight--
	var run []func()
	if p.inflight == 0 {
		run, p.onDrained = p.onDrained, nil
	}
	p.mu.Unlock()
	for _, fn := range run {
		fn()
	}
}

// afterDrain calls fn when nothing is under way. It is called with p.mu held and releases it.
func (p *producer) afterDrain(fn func()) {
	if p.inflight > 0 {
		p.onDrained = append(p.onDrained, fn)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	fn()
}

// drained waits until nothing is under way.
func (p *producer) drained(ctx context.Context) error {
	done := make(chan struct{})
	p.mu.Lock()
	p.afterDrain(func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *producer) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fatal == nil {
		p.fatal = err
	}
}

// usedList gives the partitions of the transaction; p.mu is held.
func (p *producer) usedList() []TopicPartition {
	list := make([]TopicPartition, 0, len(p.used))
	for tp := range p.used {
		list = append(list, tp)
	}
	slices.SortFunc(list, compareTopicPartitions)
	return list
}

func compareTopicPartitions(a, b TopicPartition) int {
	switch {
	case a.Topic < b.Topic:
		return -1
	case a.Topic > b.Topic:
		return 1
	}
	return int(a.Partition) - int(b.Partition)
}
