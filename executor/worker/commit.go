package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/dataflow"
)

// committer ends epochs. One goroutine runs it; it alone uses the node's producer.
type committer struct {
	pool     *Pool
	producer client.Producer
	epoch    dataflow.Epoch // the last one begun
	last     time.Time      // when the last barrier began
}

// open makes the node's producer, fencing an earlier one.
func (c *committer) open(ctx context.Context) error {
	p, err := c.pool.client.Producer(ctx, client.ProducerOptions{TransactionalID: c.pool.opts.TransactionalID})
	if err != nil {
		return fmt.Errorf("open the node's producer: %w", err)
	}
	c.producer = p
	return nil
}

// run commits until ctx ends, then once more.
func (c *committer) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return c.finish(ctx)
		case <-c.pool.dirty:
		}
		c.gather(ctx)
		if err := c.commit(ctx); err != nil {
			c.pool.log.Error("commit failed, every query recovers", "err", err)
			if err := c.reopen(ctx); err != nil {
				return nil //nolint:nilerr // only ctx ends the attempts
			}
		}
	}
}

// finish makes the last commit of a clean stop.
func (c *committer) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastCommitMax)
	defer cancel()
	err := c.commit(ctx)
	return errors.Join(err, c.producer.Close())
}

// lastCommitMax bounds the commit of a clean stop.
const lastCommitMax = 10 * time.Second

// gather lets an epoch grow until every worker has run out of input, the interval is over or the outboxes are full.
func (c *committer) gather(ctx context.Context) {
	wait := c.pool.opts.CommitInterval - time.Since(c.last)
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for c.pool.busy.Load() > 0 && !c.pool.full.Load() {
		select {
		case <-c.pool.quiet:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// commit passes a barrier through every task and commits what they hand over. An error means that every task has been failed.
func (c *committer) commit(ctx context.Context) error {
	c.last = time.Now()
	c.epoch++
	c.pool.full.Store(false)
	all := c.barrier()
	changed := false
	for _, f := range all {
		changed = changed || f.Changed()
	}
	if changed {
		if err := c.write(ctx, all); err != nil {
			c.failAll(all, err)
			return err
		}
		c.pool.metrics.commits.Inc()
		c.pool.metrics.commitSeconds.Observe(time.Since(c.last).Seconds())
	}
	c.publish(all) //nolint:contextcheck // dumps it may start outlive the commit
	return nil
}

// barrier runs the barrier on all workers side by side.
func (c *committer) barrier() []flushed {
	var (
		mu  sync.Mutex
		all []flushed
		wg  sync.WaitGroup
	)
	for _, w := range c.pool.workers {
		wg.Add(1)
		w.do(func() {
			defer wg.Done()
			out := w.barrier(c.epoch)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, out...)
		})
	}
	wg.Wait()
	return all
}

// write produces everything of the epoch in one transaction and waits for its end.
func (c *committer) write(ctx context.Context, all []flushed) error {
	var failure atomic.Pointer[error]
	fail := func(err error) {
		if err != nil {
			failure.CompareAndSwap(nil, &err)
		}
	}
	var acks sync.WaitGroup
	for _, f := range all {
		for _, b := range f.Batches {
			acks.Add(1)
			c.producer.Produce(b.To, b.Bytes, func(a client.Ack) {
				defer acks.Done()
				fail(a.Err)
				if a.Err == nil {
					f.Acked(b, a.BaseOffset)
				}
			})
		}
		if len(f.Offsets) > 0 {
			c.producer.CommitOffsets(client.GroupMember{Group: f.Group, Generation: -1}, f.Offsets, nil)
		}
	}
	done := make(chan error, 1)
	c.producer.Commit(func(err error) { done <- err })
	select {
	case err := <-done:
		fail(err)
	case <-ctx.Done():
		fail(ctx.Err())
		return *failure.Load()
	}
	acks.Wait()
	if err := failure.Load(); err != nil {
		return *err
	}
	for _, f := range all {
		for _, b := range f.Batches {
			c.pool.buffers.Put(b.Bytes)
		}
	}
	return nil
}

// publish shows the epoch to readers, all tasks at once, and lets leaving tasks go.
func (c *committer) publish(all []flushed) {
	c.pool.commitMu.Lock()
	for _, f := range all {
		f.entry.task.Committed(c.epoch, f.Flush)
	}
	c.pool.commitMu.Unlock()
	for _, f := range all {
		f.entry.task.Announce()
	}
	for _, w := range c.pool.workers {
		w.do(func() { w.release() })
	}
}

// release closes the tasks that asked to leave before the last barrier.
func (w *worker) release() {
	for i := 0; i < len(w.entries); i++ {
		e := w.entries[i]
		if e.leaving == nil || e.task.Uncommitted() {
			continue
		}
		w.remove(e)
		i--
		e.task.Close()
		e.leaving <- nil
	}
	for _, e := range w.entries {
		if e.leaving != nil {
			w.pool.signal(w.pool.dirty)
		}
	}
}

// failAll fails the tasks of an epoch that did not commit; they recover from the last one that did.
func (c *committer) failAll(all []flushed, cause error) {
	var wg sync.WaitGroup
	for _, w := range c.pool.workers {
		wg.Add(1)
		w.do(func() {
			defer wg.Done()
			for _, f := range all {
				if f.entry.worker == w && w.has(f.entry) {
					w.fail(f.entry, fmt.Errorf("commit: %w", cause))
				}
			}
		})
	}
	wg.Wait()
}

// reopenPause is how long to wait between two attempts to make a new producer.
const reopenPause = 500 * time.Millisecond

// reopen replaces the producer after a failed commit; the outcome of the last transaction is settled when it returns.
func (c *committer) reopen(ctx context.Context) error {
	_ = c.producer.Close()
	for {
		err := c.open(ctx)
		if err == nil {
			return nil
		}
		c.pool.log.Warn("cannot open the node's producer", "err", err)
		select {
		case <-time.After(reopenPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
