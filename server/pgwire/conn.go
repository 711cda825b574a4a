package pgwire

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// conn is one client. Its goroutine owns everything but net's deadlines, which Listener.stop sets, too.
type conn struct {
	l    *Listener
	net  net.Conn
	in   *reader
	out  []byte // replies not yet written
	sess *session.Session
	ctx  context.Context //nolint:containedctx // of the connection: ends with its cause when the listener's grace is over
	skip bool            // an extended-protocol error: messages are ignored until Sync
	bind bind
	rows encoder
}

func newConn(l *Listener, nc net.Conn) *conn {
	c := &conn{l: l, net: nc}
	c.in = newReader(nc, c.beforeRead)
	return c
}

// errGone ends a connection without a word: the client has left, or is not one of ours.
var errGone = errors.New("client gone")

// serve talks to the client until it leaves, breaks the protocol, or the listener stops.
func (c *conn) serve(ctx context.Context) {
	c.ctx = ctx
	c.l.metrics.connections.Inc()
	defer c.l.metrics.connections.Dec()
	defer c.net.Close() // its error would tell nobody anything
	err := c.guard(c.startup)
	if err == nil {
		defer c.l.engine.CloseSession(c.sess)
		defer c.l.sessions.Remove(c.sess)
		for err == nil {
			err = c.guard(c.next)
		}
	}
	c.goodbye(err)
}

// guard turns a panic into XX000: a bug report, not an outage.
func (c *conn) guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.l.metrics.panics.Inc()
			c.l.log.Error("panic in a connection", "panic", p, "stack", string(debug.Stack()))
			err = sqlerr.Newf(sqlerr.Internal, 0, "internal error").
				WithHint("the server's log has the details; the connection is closed, others go on")
		}
	}()
	return do()
}

// goodbye tells the client why the connection ends, when it is there to hear it.
func (c *conn) goodbye(err error) {
	var known *sqlerr.Error
	switch {
	case errors.Is(err, errGone), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return
	case errors.Is(err, os.ErrDeadlineExceeded) && c.l.stopping.Load():
		known = shutdown()
	case errors.Is(err, os.ErrDeadlineExceeded) && c.sess == nil:
		return
	case errors.Is(err, os.ErrDeadlineExceeded):
		known = sqlerr.Newf(idleSessionTimeout, 0, "terminating connection due to idle-session timeout")
	case !errors.As(err, &known):
		c.l.log.Debug("connection failed", "err", err)
		return
	}
	c.put(errorResponse(severityFatal, known, ""))
	c.net.SetWriteDeadline(time.Now().Add(goodbyeTime))
	if err := c.flush(); err != nil {
		c.l.log.Debug("goodbye was not heard", "err", err)
		return
	}
	c.linger()
}

// lingerBytes bounds what is read from a client that is still sending when its connection ends.
const lingerBytes = 64 << 20

// linger reads what the client was sending when it was told goodbye, for a moment: closing a socket with unread bytes resets it, and the
// client would see the reset instead of the reason.
func (c *conn) linger() {
	tcp, ok := c.net.(*net.TCPConn)
	if !ok || c.l.stopping.Load() || tcp.CloseWrite() != nil {
		return
	}
	c.net.SetReadDeadline(time.Now().Add(goodbyeTime))
	if _, err := io.CopyN(io.Discard, tcp, lingerBytes); err != nil {
		return // the client has hung up, or time is over
	}
}

// wake makes a blocked read return, so that an idle connection notices that the listener stops.
func (c *conn) wake() { c.net.SetReadDeadline(time.Now()) }

// beforeRead writes what is due and sets the patience for the next message.
func (c *conn) beforeRead() error {
	if err := c.flush(); err != nil {
		return err
	}
	if c.sess == nil {
		return nil
	}
	if idle := c.l.opts.IdleTimeout; idle > 0 {
		c.net.SetReadDeadline(time.Now().Add(idle))
	}
	if c.l.stopping.Load() {
		c.wake()
	}
	return nil
}

// put appends a message to the replies. Encoding fails only for lengths beyond the protocol's, which ends the connection.
func (c *conn) put(m pgproto3.BackendMessage) {
	out, err := m.Encode(c.out)
	if err != nil {
		panic(err)
	}
	c.out = out
}

// flush writes the replies.
func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	n, err := c.net.Write(c.out)
	c.l.metrics.sent.Add(float64(n))
	if cap(c.out) > 4*c.l.opts.WriteBufferBytes {
		c.out = nil
	}
	c.out = c.out[:0]
	if err != nil {
		return errGone
	}
	return nil
}

// next reads and answers one message. An error ends the connection.
func (c *conn) next() error {
	kind, body, err := c.in.message()
	if err != nil {
		return err
	}
	if c.skip && kind != kindSync && kind != kindTerminate {
		return nil
	}
	switch kind {
	case kindQuery:
		return c.query(body)
	case kindParse, kindBind, kindDescribe, kindExecute, kindClose:
		return c.extended(kind, body)
	case kindSync:
		c.skip = false
		c.endOfPipeline()
		c.ready()
	case kindFlush:
		return c.flush()
	case kindTerminate:
		return errGone
	case kindFunctionCall:
		c.fail(sqlerr.Unsupported(0, "the function call message").WithHint("use SELECT f(…)"), "")
		c.ready()
	case kindCopyData, kindCopyDone, kindCopyFail:
		// Left over from a COPY that failed: PostgreSQL ignores them, too.
	default:
		return sqlerr.Newf(sqlerr.ProtocolViolation, 0, "invalid frontend message type %d", kind)
	}
	return nil
}

// ready says that the next statement may come, and in which state it finds the transaction.
func (c *conn) ready() {
	for _, p := range c.sess.TakeReports() {
		c.put(&pgproto3.ParameterStatus{Name: p.Name, Value: p.Value})
	}
	c.put(&pgproto3.ReadyForQuery{TxStatus: byte(c.sess.Status())})
}

// fail sends a statement's error; an open transaction has failed with it.
func (c *conn) fail(e *sqlerr.Error, text string) {
	c.l.metrics.errors.Inc()
	if e.Code == sqlerr.Internal {
		c.l.log.Error("statement failed inside", "err", e.Message, "cause", e.Unwrap())
	}
	c.sess.Fail()
	c.put(errorResponse(severityError, e, text))
}

// endOfPipeline ends what lives as long as the implicit transaction of a pipeline.
func (c *conn) endOfPipeline() {
	if c.sess.Status() == session.Idle {
		c.sess.Portals.EndTransaction()
	}
}
