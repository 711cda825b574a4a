package pgwire

import (
	"context"
	"errors"

	"github.com/jackc/pgproto3/v2"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// extended answers one message of the extended protocol. A statement's error is sent and messages are then skipped until Sync.
func (c *conn) extended(kind byte, body []byte) error {
	text := ""
	ctx := c.ctx
	err := c.protect(func() (err error) {
		switch kind {
		case kindParse:
			text, err = c.parse(body) //nolint:contextcheck // the connection's own, c.ctx
		case kindBind:
			text, err = c.bindPortal(body)
		case kindDescribe:
			err = c.describe(body)
		case kindExecute:
			ctx, text, err = c.execute(body) //nolint:fatcontext // the portal's, which knows why it was cancelled; never nested
		case kindClose:
			err = c.closeObject(body)
		}
		return err
	})
	if errors.Is(err, errGone) {
		return err
	}
	if err != nil {
		c.fail(flatten(ctx, err), text)
		c.skip = true
	}
	return c.ctxGone()
}

func (c *conn) parse(body []byte) (text string, err error) {
	m, err := decodeParse(body)
	if err != nil {
		return "", err
	}
	if err := errors.Join(utf8Text(m.Query), utf8Text(m.Name)); err != nil {
		return "", err
	}
	if m.Name == "" {
		c.sess.Statements.Remove("")
	}
	ctx, done := c.sess.Begin(c.ctx)
	defer done()
	p, err := c.l.engine.Prepare(ctx, c.sess, m.Name, m.Query, parameterTypes(m.ParameterOIDs))
	if err != nil {
		return m.Query, err
	}
	p.OIDs = m.ParameterOIDs
	if err := c.sess.Statements.Put(p); err != nil {
		return m.Query, err
	}
	c.put(&pgproto3.ParseComplete{})
	return m.Query, nil
}

func (c *conn) bindPortal(body []byte) (text string, err error) {
	m := &c.bind
	if err := m.decode(body); err != nil {
		return "", err
	}
	p, err := c.sess.Statements.Get(m.statement)
	if err != nil {
		return "", err
	}
	args, err := m.arguments(p, c.sess.Style)
	if err != nil {
		return p.Text, err
	}
	if m.portal == "" {
		c.sess.Portals.Remove("")
	}
	r, err := c.l.engine.Bind(c.ctx, c.sess, p, args)
	if err != nil {
		return p.Text, err
	}
	portal := session.NewPortal(c.ctx, m.portal, r)
	portal.Text, portal.Formats = p.Text, m.results
	if err := c.rows.prepare(r.Columns, portal.Formats, c.sess.Style); err != nil {
		portal.Close()
		return p.Text, err
	}
	if err := c.sess.Open(portal); err != nil {
		return p.Text, err
	}
	c.put(&pgproto3.BindComplete{})
	return p.Text, nil
}

func (c *conn) describe(body []byte) error {
	object, name, err := decodeTarget(body, "Describe")
	if err != nil {
		return err
	}
	if object == 'S' {
		p, err := c.sess.Statements.Get(name)
		if err != nil {
			return err
		}
		c.put(&pgproto3.ParameterDescription{ParameterOIDs: parameterOIDs(p)})
		if p.Columns == nil {
			c.put(&pgproto3.NoData{})
			return nil
		}
		if err := c.rows.prepare(p.Columns, nil, c.sess.Style); err != nil {
			return err
		}
		c.out = c.rows.describe(c.out, p.Columns)
		return nil
	}
	portal, err := c.sess.Portals.Get(name)
	if err != nil {
		return err
	}
	if !portal.Result.HasRows() || portal.Result.Copy != nil {
		c.put(&pgproto3.NoData{})
		return nil
	}
	if err := c.rows.prepare(portal.Result.Columns, portal.Formats, c.sess.Style); err != nil {
		return err
	}
	c.out = c.rows.describe(c.out, portal.Result.Columns)
	return nil
}

// execute runs a portal, or the next piece of it. The context is the statement's, for its error.
func (c *conn) execute(body []byte) (ctx context.Context, text string, err error) {
	name, limit, err := decodeExecute(body)
	if err != nil {
		return c.ctx, "", err
	}
	portal, err := c.sess.Portals.Get(name)
	if err != nil {
		return c.ctx, "", err
	}
	r := portal.Result
	c.l.metrics.statements.Inc()
	ctx, done := c.sess.Begin(c.ctx)
	defer done()
	c.notices(r)
	if r.Empty {
		c.put(&pgproto3.EmptyQueryResponse{})
		return ctx, portal.Text, nil
	}
	if err := c.rows.prepare(r.Columns, portal.Formats, c.sess.Style); err != nil {
		return ctx, portal.Text, err
	}
	if r.Copy != nil {
		return ctx, portal.Text, c.copyOut(ctx, r)
	}
	if portal.Done() && !r.HasRows() {
		return ctx, portal.Text, sqlerr.Newf(sqlerr.ObjectNotInState, 0, "portal %q cannot be run", name)
	}
	var rows int
	var end bool
	err = c.streaming(ctx, r, func(ctx context.Context) error {
		rows, end, err = c.sess.Fetch(ctx, portal, int(int32(limit)), func(chunk *vector.Chunk) error {
			if err := c.send(chunk); err != nil || !r.Live() {
				return err
			}
			return c.flush()
		})
		return err
	})
	switch {
	case err != nil:
		return ctx, portal.Text, err
	case end:
		c.complete(r, rows)
	default:
		c.put(&pgproto3.PortalSuspended{})
	}
	return ctx, portal.Text, nil
}

func (c *conn) closeObject(body []byte) error {
	object, name, err := decodeTarget(body, "Close")
	if err != nil {
		return err
	}
	if object == 'S' {
		c.sess.Statements.Remove(name)
	} else {
		c.sess.Portals.Remove(name)
	}
	c.put(&pgproto3.CloseComplete{})
	return nil
}
