package pgwire

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/freshetdb/freshet/server/session"
)

// streaming runs do. While a live result streams, a second goroutine reads ahead: nothing may come for hours, and a client that has
// gone in the meantime must not keep a query running. What it reads is kept for later. Terminate counts as going.
func (c *conn) streaming(ctx context.Context, r *session.Result, do func(context.Context) error) error {
	if !r.Live() && !r.Waits {
		return do(ctx)
	}
	if err := c.flush(); err != nil {
		return err
	}
	if c.in.buffered() { // pipelined: it is there, and the socket cannot be watched past what it has sent
		return do(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	var over atomic.Bool
	go func() {
		defer close(watched)
		err := c.in.peek()
		for errors.Is(err, os.ErrDeadlineExceeded) {
			// Either the statement is over, or the listener woke everybody to stop: this one has its grace. over is looked at
			// after the deadline was taken back, so that the deadline that follows it cannot be lost.
			c.net.SetReadDeadline(time.Time{})
			if over.Load() {
				return
			}
			err = c.in.peek()
		}
		if err != nil {
			cancel(errGone)
		}
	}()
	err := do(ctx)
	over.Store(true)
	c.net.SetReadDeadline(time.Now())
	<-watched
	c.net.SetReadDeadline(time.Time{})
	if err != nil && errors.Is(context.Cause(ctx), errGone) {
		return errGone
	}
	return err
}

// peek waits until something can be read, and keeps it.
func (r *reader) peek() error {
	r.room(1)
	n, err := r.conn.Read(r.buf[r.w:])
	r.w += n
	switch {
	case n > 0 && r.buf[r.r] == kindTerminate:
		return errGone
	case n > 0:
		return nil
	}
	return err
}
