package client

import (
	"context"
	"errors"
	"fmt"
)

// errNotTransactional says that a producer without a transactional id has nothing to end.
var errNotTransactional = errors.New("producer is not transactional")

// errEnding says that the transaction's end has been asked for already.
var errEnding = errors.New("transaction is already ending")

// Commit implements Producer.
func (p *producer) Commit(done func(error)) { p.end(true, done) }

// Abort implements Producer.
func (p *producer) Abort(ctx context.Context) error {
	result := make(chan error, 1)
	p.end(false, func(err error) { result <- err }) //nolint:contextcheck // the end goes on though its caller no longer waits
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close implements Producer: an open transaction is aborted.
func (p *producer) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	open := p.transactionalID != "" && p.fatal == nil && (len(p.used) > 0 || p.inflight > 0) && !p.ending
	p.mu.Unlock()
	defer p.client.forget(p)
	ctx, cancel := context.WithTimeout(context.Background(), closeWait) //nolint:forbidigo // Close has no ctx and waits no longer than closeWait
	defer cancel()
	if open {
		if err := p.Abort(ctx); err != nil && !errors.Is(err, ErrFenced) {
			return fmt.Errorf("abort on close: %w", err)
		}
	}
	return p.drained(ctx)
}

// end waits for everything sent and then ends the transaction.
func (p *producer) end(commit bool, done func(error)) {
	p.mu.Lock()
	switch {
	case p.transactionalID == "":
		p.mu.Unlock()
		done(errNotTransactional)
		return
	case p.ending:
		p.mu.Unlock()
		done(errEnding)
		return
	}
	p.ending = true
	p.afterDrain(func() { p.decide(commit, done) })
}

// decide is called when nothing is under way.
func (p *producer) decide(commit bool, done func(error)) {
	p.mu.Lock()
	fatal, failed, identity, partitions := p.fatal, p.failed, p.identity, p.usedList()
	p.inflight++ // so that whoever waits for everything waits for the end too
	p.mu.Unlock()
	finish := func(err error) {
		p.mu.Lock()
		p.ending = false
		p.previous = partitions
		p.clear()
		p.mu.Unlock()
		done(err)
		p.acked(nil)
	}
	switch {
	case fatal != nil:
		finish(fatal)
		return
	case failed != nil:
		p.renew(failed, commit, finish)
		return
	case len(partitions) == 0:
		finish(nil)
		return
	}
	decided := func(err error) {
		if err == nil {
			return // visible tells the rest
		}
		err = fmt.Errorf("end transaction: %w", err)
		p.fail(err) // it may be decided or not: the next producer of the id finds out
		finish(err)
	}
	p.client.node.End(p.transactionalID, identity, commit, partitions, decided, func(err error) {
		if err != nil {
			err = fmt.Errorf("transaction is decided but not yet visible: %w", err)
			p.fail(err)
		}
		finish(err)
	})
}

// renew aborts a transaction in which something failed, by taking the next epoch: partitions then expect sequences from 0.
func (p *producer) renew(cause error, commit bool, finish func(error)) {
	go func() { // bounded by closeWait; whoever asked for the end waits for it
		ctx, cancel := context.WithTimeout(context.Background(), closeWait) //nolint:forbidigo // of nobody's request: a failed transaction must end
		defer cancel()
		identity, err := p.client.node.InitProducer(ctx, p.transactionalID, p.timeout)
		p.mu.Lock()
		p.reset()
		p.identity = identity
		p.mu.Unlock()
		switch {
		case err != nil:
			err = fmt.Errorf("abort after %w: %w", cause, err)
			p.fail(err)
			finish(err)
		case commit:
			finish(fmt.Errorf("transaction aborted: %w", cause))
		default:
			finish(nil)
		}
	}()
}
