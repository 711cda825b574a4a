package client

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Appender appends raw batches to the partitions of this node.
type Appender interface {
	// Append appends one stamped batch and calls done when it is durable, from any goroutine, possibly before returning.
	// batch belongs to the partition until then. Appends of one caller keep their order.
	Append(tp TopicPartition, batch []byte, done func(Ack))
}

// ProducerIdentity is what fences a transactional producer.
type ProducerIdentity struct {
	ID    int64
	Epoch int16
}

// Transactions is the coordinators' side of a producer in this process. Callbacks come from any goroutine. Errors that
// mean a newer producer of the id wrap ErrFenced.
type Transactions interface {
	// InitProducer fences every earlier producer of a transactional id and ends what it left open, here and in a former life
	// of the process.
	InitProducer(ctx context.Context, transactionalID string, timeout time.Duration) (ProducerIdentity, error)
	// Begin announces partitions of a transaction before anything is appended to them, opening it when it is not.
	Begin(transactionalID string, p ProducerIdentity, partitions []TopicPartition, done func(error))
	// End commits or aborts the transaction in exactly these partitions. decided is called when the decision is durable; after
	// a nil, visible is called when readers see it.
	End(transactionalID string, p ProducerIdentity, commit bool, partitions []TopicPartition, decided, visible func(error))
	// CommitOffsets stores positions: as part of the producer's transaction, or by themselves when p is nil.
	CommitOffsets(member GroupMember, p *ProducerIdentity, offsets map[TopicPartition]Committed, done func(error))
	// OffsetsPartition is the partition that keeps a group's positions.
	OffsetsPartition(group string) TopicPartition
}

// Node is what the embedded form stands on; package broker puts it together.
type Node struct {
	Reader
	Admin
	Groups
	Appender
	Transactions
}

const defaultTransactionTimeout = time.Minute

// Embedded is the Client of a program that holds the partitions itself.
type Embedded struct {
	node Node

	mu        sync.Mutex // guards: closed, producers, transactional
	closed    bool
	producers map[*producer]struct{}
	// transactional holds the current producer of each transactional id. initMu of an id serialises its makers.
	transactional map[string]*producer
	making        map[string]*sync.Mutex
}

// NewEmbedded makes a client on a node. Close closes its producers; the node is the caller's.
func NewEmbedded(node Node) *Embedded {
	return &Embedded{
		node: node, producers: map[*producer]struct{}{},
		transactional: map[string]*producer{}, making: map[string]*sync.Mutex{},
	}
}

var _ Client = (*Embedded)(nil)

func (c *Embedded) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	return nil
}

// Fetch implements Reader.
func (c *Embedded) Fetch(ctx context.Context, tp TopicPartition, offset int64, maxBytes int, iso Isolation) (Fetched, error) {
	return c.node.Fetch(ctx, tp, offset, maxBytes, iso)
}

// Watch implements Reader.
func (c *Embedded) Watch(tp TopicPartition, moved func()) (cancel func(), err error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return c.node.Watch(tp, moved)
}

// Offsets implements Reader.
func (c *Embedded) Offsets(ctx context.Context, tp TopicPartition) (Offsets, error) {
	return c.node.Offsets(ctx, tp)
}

// OffsetForTime implements Reader.
func (c *Embedded) OffsetForTime(ctx context.Context, tp TopicPartition, t time.Time) (int64, error) {
	return c.node.OffsetForTime(ctx, tp, t)
}

// Topic implements Admin.
func (c *Embedded) Topic(ctx context.Context, name string) (Topic, error) {
	return c.node.Topic(ctx, name)
}

// Topics implements Admin.
func (c *Embedded) Topics(ctx context.Context) ([]Topic, error) { return c.node.Topics(ctx) }

// CreateTopic implements Admin.
func (c *Embedded) CreateTopic(ctx context.Context, spec TopicSpec) (Topic, error) {
	if err := c.check(); err != nil {
		return Topic{}, err
	}
	return c.node.CreateTopic(ctx, spec)
}

// DeleteTopic implements Admin.
func (c *Embedded) DeleteTopic(ctx context.Context, name string) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.node.DeleteTopic(ctx, name)
}

// DeleteRecords implements Admin.
func (c *Embedded) DeleteRecords(ctx context.Context, tp TopicPartition, before int64) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.node.DeleteRecords(ctx, tp, before)
}

// Committed implements Groups.
func (c *Embedded) Committed(ctx context.Context, group string, requireStable bool) (map[TopicPartition]Committed, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return c.node.Committed(ctx, group, requireStable)
}

// DeleteGroup implements Groups.
func (c *Embedded) DeleteGroup(ctx context.Context, group string) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.node.DeleteGroup(ctx, group)
}

// Producer implements Client. Two calls for one transactional id come one after the other; the later one wins.
func (c *Embedded) Producer(ctx context.Context, opts ProducerOptions) (Producer, error) {
	p := newProducer(c, opts)
	if opts.TransactionalID != "" {
		defer c.lockID(opts.TransactionalID)()
		if err := c.fence(ctx, opts.TransactionalID); err != nil {
			return nil, err
		}
		identity, err := c.node.InitProducer(ctx, opts.TransactionalID, p.timeout)
		if err != nil {
			return nil, fmt.Errorf("init producer %q: %w", opts.TransactionalID, err)
		}
		p.identity = identity
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	c.producers[p] = struct{}{}
	if opts.TransactionalID != "" {
		c.transactional[opts.TransactionalID] = p
	}
	return p, nil
}

// lockID lets one producer of a transactional id be made at a time.
func (c *Embedded) lockID(id string) (unlock func()) {
	c.mu.Lock()
	m := c.making[id]
	if m == nil {
		m = &sync.Mutex{}
		c.making[id] = m
	}
	c.mu.Unlock()
	m.Lock()
	return m.Unlock
}

// fence stops the current producer of an id and waits until nothing of it is under way, so that nothing of it can reach a
// partition after the coordinator has cleaned up.
func (c *Embedded) fence(ctx context.Context, id string) error {
	c.mu.Lock()
	old := c.transactional[id]
	c.mu.Unlock()
	if old == nil {
		return nil
	}
	old.fail(ErrFenced)
	return old.drained(ctx)
}

func (c *Embedded) forget(p *producer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.producers, p)
	if c.transactional[p.transactionalID] == p {
		delete(c.transactional, p.transactionalID)
	}
}

// Close implements Client: it closes the producers, aborting what they have open.
func (c *Embedded) Close() error {
	c.mu.Lock()
	c.closed = true
	open := make([]*producer, 0, len(c.producers))
	for p := range c.producers {
		open = append(open, p)
	}
	c.mu.Unlock()
	var first error
	for _, p := range open {
		if err := p.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
