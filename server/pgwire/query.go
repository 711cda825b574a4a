package pgwire

import (
	"context"
	"errors"
	"runtime/debug"
	"strconv"

	"github.com/jackc/pgproto3/v2"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// query answers a Query message: any number of statements, one ReadyForQuery.
func (c *conn) query(body []byte) error {
	text, err := decodeQuery(body)
	if err != nil {
		return err
	}
	c.l.metrics.statements.Inc()
	err = utf8Text(text)
	if err == nil {
		ctx, done := c.sess.Begin(c.ctx)
		err = c.protect(func() error {
			return c.l.engine.Execute(ctx, c.sess, text, func(r *session.Result) error { return c.simple(ctx, r) })
		})
		done()
		if errors.Is(err, errGone) {
			return err
		}
		if err != nil {
			c.fail(flatten(ctx, err), text)
		}
	} else {
		c.fail(sqlerr.From(err), text)
	}
	c.endOfPipeline()
	c.ready()
	return c.ctxGone()
}

// ctxGone ends a connection whose listener has run out of patience.
func (c *conn) ctxGone() error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	return nil
}

// protect turns a panic of a statement into its error, so that the session goes on.
func (c *conn) protect(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.l.metrics.panics.Inc()
			c.l.log.Error("panic in a statement", "panic", p, "stack", string(debug.Stack()))
			err = sqlerr.Newf(sqlerr.Internal, 0, "internal error").WithHint("the server's log has the details")
		}
	}()
	return do()
}

// simple sends one result of a Query message.
func (c *conn) simple(ctx context.Context, r *session.Result) error {
	defer r.Close()
	c.notices(r)
	if r.Empty {
		c.put(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	if err := c.rows.prepare(r.Columns, nil, c.sess.Style); err != nil {
		return err
	}
	switch {
	case r.Copy != nil:
		return c.copyOut(ctx, r)
	case r.HasRows():
		c.out = c.rows.describe(c.out, r.Columns)
	}
	sent := 0
	err := c.streaming(ctx, r, func(ctx context.Context) error {
		return r.Run(ctx, func(chunk *vector.Chunk) error {
			sent += chunk.Rows()
			if err := c.send(chunk); err != nil || !r.Live() {
				return err
			}
			return c.flush()
		})
	})
	if err != nil {
		return err
	}
	c.complete(r, sent)
	return nil
}

// complete sends the notices that came late, and the command tag.
func (c *conn) complete(r *session.Result, rows int) {
	c.notices(r)
	tag := []byte(r.Tag)
	if r.Counted {
		tag = strconv.AppendInt(append(tag, ' '), int64(rows), 10)
	}
	c.put(&pgproto3.CommandComplete{CommandTag: tag})
}

func (c *conn) notices(r *session.Result) {
	for i := range r.Notices {
		c.put(noticeResponse(&r.Notices[i]))
	}
	r.Notices = nil
}
