// Package commandlog is the one order of DDL: append with the expected version, tail from the start.
//
// Commands live in a topic of one partition that is never cut. Who appends holds the log's transactional id: taking it fences every
// earlier holder (InitProducerId), so that between reading to the end and appending nobody else can have appended. The version of
// the log is the number of commands in it. Format: docs/formats/commandlog.md.
package commandlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/server/tail"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/storage/record"
)

const (
	// Topic holds the commands.
	Topic = "_freshet_commands"
	// transactionalID is what an appender holds.
	transactionalID = "_freshet-commands"
)

// ErrConflict says that the log has grown since the command was planned: plan it anew.
var ErrConflict = errors.New("the catalogue has changed since the command was planned")

var partition = client.TopicPartition{Topic: Topic}

// Apply is given every command in order. version counts from 1. Its error is kept for the appender, and does not stop the tail.
type Apply func(ctx context.Context, version uint64, c *catalog.Command) error

// Log is the command log of a cluster as one node sees it. Run tails it; Append may be called from any goroutine once CaughtUp.
type Log struct {
	client client.Client
	log    *slog.Logger
	now    func() time.Time

	appending sync.Mutex      // held over an append; before mu
	producer  client.Producer // guarded by appending

	mu      sync.Mutex       // guards: the rest
	version uint64           // commands applied
	offset  int64            // of the partition, read to here
	failed  map[uint64]error // what Apply said of commands somebody waits for
	waiting map[uint64]int   // by version, how many wait
	changed chan struct{}    // closed and replaced when version or offset grows
	ended   error            // why Run ended
}

// Open makes the topic if it is missing.
func Open(ctx context.Context, c client.Client, now func() time.Time, log *slog.Logger) (*Log, error) {
	_, err := c.CreateTopic(ctx, client.TopicSpec{
		Name: Topic, Partitions: 1, Configs: map[string]string{"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"},
	})
	if err != nil && !errors.Is(err, client.ErrTopicExists) {
		return nil, fmt.Errorf("create topic %q: %w", Topic, err)
	}
	return &Log{
		client: c, log: log.With("component", "commandlog"), now: now,
		failed: map[uint64]error{}, waiting: map[uint64]int{}, changed: make(chan struct{}),
	}, nil
}

// Run applies every command from the first on, until ctx ends (then it returns nil) or the log cannot be read.
func (l *Log) Run(ctx context.Context, apply Apply) (err error) {
	defer func() {
		l.mu.Lock()
		l.ended = errors.Join(client.ErrClosed, err)
		l.wake()
		l.mu.Unlock()
	}()
	p, err := tail.Open(l.client, partition, 0)
	if err != nil {
		return err
	}
	defer p.Close()
	for {
		r, ok, err := p.Poll(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case ok:
			err = l.deliver(ctx, r, apply)
		}
		if err != nil {
			return err
		}
		l.at(p.Position())
		if ok {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.Moved():
		}
	}
}

func (l *Log) deliver(ctx context.Context, r tail.Record, apply Apply) error {
	c, err := catalog.Decode(r.Value)
	if err != nil {
		return fmt.Errorf("command at offset %d: %w", r.Offset, err)
	}
	l.mu.Lock()
	version := l.version + 1
	l.mu.Unlock()
	err = apply(ctx, version, c)
	if err != nil {
		l.log.Error("command was not applied", "version", version, "err", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version = version
	if err != nil && l.waiting[version] > 0 {
		l.failed[version] = err
	}
	l.wake()
	return nil
}

// at notes how far the partition was read.
func (l *Log) at(offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if offset > l.offset {
		l.offset = offset
		l.wake()
	}
}

// wake tells waiters to look again. mu is held.
func (l *Log) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// until waits for a condition that is looked at under mu.
func (l *Log) until(ctx context.Context, reached func() bool) error {
	for {
		l.mu.Lock()
		ok, ended, changed := reached(), l.ended, l.changed
		l.mu.Unlock()
		switch {
		case ok:
			return nil
		case ended != nil:
			return sqlerr.Wrap(ended, sqlerr.CannotConnectNow, "the node is stopping")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

// Version is the number of commands applied.
func (l *Log) Version() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version
}

// CaughtUp waits until Run has applied everything that is in the log now.
func (l *Log) CaughtUp(ctx context.Context) error {
	end, err := l.client.Offsets(ctx, partition)
	if err != nil {
		return fmt.Errorf("end of the command log: %w", err)
	}
	return l.until(ctx, func() bool { return l.offset >= end.LastStable })
}

// Append adds a command on condition that the log is still at the version it was planned on, and returns after Run has applied it
// here, with what Apply said. Errors: ErrConflict. When ctx ends while the command is under way, its fate is in the log.
func (l *Log) Append(ctx context.Context, c *catalog.Command, planned uint64) error {
	l.appending.Lock()
	defer l.appending.Unlock()
	if err := l.hold(ctx); err != nil {
		return err
	}
	version := planned + 1
	l.mu.Lock()
	conflict := l.version != planned
	if !conflict {
		l.waiting[version]++
	}
	l.mu.Unlock()
	if conflict {
		return ErrConflict
	}
	defer l.forget(version)
	if err := l.produce(ctx, c); err != nil {
		l.drop()
		if errors.Is(err, client.ErrFenced) {
			return ErrConflict
		}
		return err
	}
	if err := l.until(ctx, func() bool { return l.version >= version }); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed[version]
}

func (l *Log) forget(version uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.failed, version)
	delete(l.waiting, version)
}

// hold takes the log's transactional id, unless this node has it already, and reads to the end. appending is held.
func (l *Log) hold(ctx context.Context) error {
	if l.producer != nil {
		return nil
	}
	p, err := l.client.Producer(ctx, client.ProducerOptions{TransactionalID: transactionalID})
	if err != nil {
		return fmt.Errorf("take the command log: %w", err)
	}
	l.producer = p
	if err := l.CaughtUp(ctx); err != nil {
		l.drop()
		return err
	}
	return nil
}

// drop lets the next append take the log anew. appending is held.
func (l *Log) drop() {
	if l.producer != nil {
		if err := l.producer.Close(); err != nil {
			l.log.Debug("close of the command producer failed", "err", err)
		}
		l.producer = nil
	}
}

// produce writes one command as one transaction.
func (l *Log) produce(ctx context.Context, c *catalog.Command) error {
	value, err := catalog.Encode(c)
	if err != nil {
		return err
	}
	b := record.NewBuilder(record.None)
	b.Append(l.now().UnixMilli(), nil, value, nil)
	batch, err := b.Build(nil)
	if err != nil {
		return fmt.Errorf("build a command: %w", err)
	}
	acked := make(chan error, 1)
	l.producer.Produce(partition, batch, func(a client.Ack) { acked <- a.Err })
	if err := wait(ctx, acked); err != nil {
		return fmt.Errorf("append a command: %w", err)
	}
	l.producer.Commit(func(err error) { acked <- err })
	if err := wait(ctx, acked); err != nil {
		return fmt.Errorf("commit a command: %w", err)
	}
	return nil
}

func wait(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close gives up what Append holds. Run is ended by its context.
func (l *Log) Close() {
	l.appending.Lock()
	defer l.appending.Unlock()
	l.drop()
}
