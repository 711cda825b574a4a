package engine

import (
	"context"
	"io"
	"time"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/vector"
)

// pushes runs SELECT … EMIT CHANGES. The query has a goroutine of its own that hands chunk after chunk to the client's and waits until
// each was sent: a slow client slows its own query down, and nothing is buffered.
func (e *Engine) pushes(ctx context.Context, sess *session.Session, p *planned, args []argument, r *session.Result) error {
	plan, err := bound(p.result.Plan, args)
	if err != nil {
		return err
	}
	env := e.environment(sess, p.catalog)
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h := &handover{chunks: make(chan *vector.Chunk), taken: make(chan struct{}), done: make(chan struct{}), run: run}
	started := false
	r.Counted = true
	timeout := workOf(sess).timeout
	r.Next = func(ctx context.Context) (*vector.Chunk, error) {
		if !started {
			if err := e.ready(ctx, sess, p); err != nil {
				return nil, because(ctx, err)
			}
			started = true
			go func() {
				defer close(h.done)
				h.err = e.opts.Executor.Push(run, plan, env, h.give)
			}()
		}
		return h.next(ctx)
	}
	r.Next = timed(r.Next, timeout)
	r.OnClose = func() {
		cancel()
		if started {
			<-h.done
		}
	}
	return nil
}

// timed ends an endless result with 57014 when a statement's timeout has passed since its first chunk was asked for.
func timed(next func(context.Context) (*vector.Chunk, error), timeout time.Duration) func(context.Context) (*vector.Chunk, error) {
	if timeout <= 0 {
		return next
	}
	var deadline time.Time
	return func(ctx context.Context) (*vector.Chunk, error) {
		if deadline.IsZero() {
			deadline = time.Now().Add(timeout)
		}
		ctx, cancel := context.WithDeadlineCause(ctx, deadline, timeoutError())
		defer cancel()
		c, err := next(ctx)
		return c, because(ctx, err)
	}
}

// handover passes chunks from a query's goroutine to its client's, one at a time.
type handover struct {
	chunks chan *vector.Chunk
	taken  chan struct{} // the client is done with the chunk
	done   chan struct{} // the query has ended, with err
	err    error
	run    context.Context //nolint:containedctx // the query's, ended by the result's OnClose

	holding bool // the client's side has a chunk
	sel     []uint16
	view    vector.Chunk
}

// give is the query's side: it returns when the client is done with the chunk.
func (h *handover) give(c *vector.Chunk) error {
	c = h.additions(c)
	if c.Rows() == 0 {
		return nil
	}
	select {
	case h.chunks <- c:
	case <-h.run.Done():
		return h.run.Err()
	}
	select {
	case <-h.taken:
		return nil
	case <-h.run.Done():
		return h.run.Err()
	}
}

// additions leaves out the old halves of updates and deleted rows: a client sees what rows are now, as ksqlDB's push queries do.
func (h *handover) additions(c *vector.Chunk) *vector.Chunk {
	if c.Ops == nil {
		return c
	}
	h.sel = h.sel[:0]
	for i := range c.Rows() {
		row := i
		if c.Sel != nil {
			row = int(c.Sel[i])
		}
		if c.Op(row).Adds() {
			h.sel = append(h.sel, uint16(row))
		}
	}
	h.view = *c
	h.view.Sel = h.sel
	return &h.view
}

// next is the client's side: the next chunk, valid until the call after. io.EOF when the query has sent what it was to send.
func (h *handover) next(ctx context.Context) (*vector.Chunk, error) {
	if h.holding {
		h.holding = false
		select {
		case h.taken <- struct{}{}:
		case <-h.done:
		}
	}
	select {
	case c := <-h.chunks:
		h.holding = true
		return c, nil
	case <-h.done:
		if h.err != nil {
			return nil, h.err
		}
		return nil, io.EOF
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
