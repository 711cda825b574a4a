// Package client speaks to a server over the Postgres protocol: simple queries, rows as text, cancel.
package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgproto3/v2"
)

// Options say where to connect and as whom.
type Options struct {
	Address  string // HOST:PORT
	User     string
	Database string
	// Application is told to the server as application_name.
	Application string
}

// dialTimeout bounds connecting and the start-up exchange; cancelTimeout a cancel request.
const (
	dialTimeout   = 5 * time.Second
	cancelTimeout = 2 * time.Second
)

// ErrUnreachable is wrapped by errors of Dial that no statement could mend.
var ErrUnreachable = errors.New("cannot connect")

// Client is one session. One goroutine uses it at a time.
type Client struct {
	opts     Options
	conn     net.Conn
	frontend *pgproto3.Frontend
	pid, key uint32
	status   byte // of the transaction: 'I', 'T' or 'E'
	params   map[string]string
}

// Column describes a column of a result.
type Column struct {
	Name string
	OID  uint32
}

// Message is an error or a notice of the server.
type Message struct {
	Severity, Code, Message, Detail, Hint string
	Position                              int // 1-based character in the statement's text; 0: unknown
}

// Error implements error.
func (m *Message) Error() string { return m.Message }

// Handler takes the parts of answers as they come. Values are views, valid during the call; nil is null.
type Handler interface {
	Columns(cols []Column) error
	Row(values [][]byte) error
	// Done ends one statement's answer.
	Done(tag string) error
	Notice(m *Message)
}

// Dial connects. Errors wrap ErrUnreachable, or are a *Message when the server refused.
func Dial(ctx context.Context, opts Options) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", opts.Address)
	if err != nil {
		return nil, fmt.Errorf("%w to %s: %w", ErrUnreachable, opts.Address, err)
	}
	c := &Client{opts: opts, conn: conn, params: map[string]string{}}
	c.frontend = pgproto3.NewFrontend(pgproto3.NewChunkReader(conn), conn)
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if err := c.startUp(); err != nil {
		if _, ok := errors.AsType[*Message](err); !ok {
			err = fmt.Errorf("%w to %s: %w", ErrUnreachable, opts.Address, err)
		}
		return nil, errors.Join(err, conn.Close())
	}
	return c, conn.SetDeadline(time.Time{})
}

func (c *Client) startUp() error {
	err := c.frontend.Send(&pgproto3.StartupMessage{
		ProtocolVersion: pgproto3.ProtocolVersionNumber,
		Parameters: map[string]string{
			"user": c.opts.User, "database": c.opts.Database, "application_name": c.opts.Application, "client_encoding": "UTF8",
		},
	})
	if err != nil {
		return err
	}
	for {
		m, err := c.frontend.Receive()
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *pgproto3.AuthenticationOk:
		case *pgproto3.BackendKeyData:
			c.pid, c.key = m.ProcessID, m.SecretKey
		case *pgproto3.ParameterStatus:
			c.params[m.Name] = m.Value
		case *pgproto3.ErrorResponse:
			return message(m)
		case *pgproto3.ReadyForQuery:
			c.status = m.TxStatus
			return nil
		}
	}
}

// InTransaction tells whether a transaction is open, and whether it has failed.
func (c *Client) InTransaction() (open, failed bool) { return c.status != 'I', c.status == 'E' }

// Parameter is what the server last said of one of its parameters.
func (c *Client) Parameter(name string) string { return c.params[name] }

// Query runs a text by the simple protocol and hands the answers to h. It returns a *Message when a statement failed; the session then
// goes on. When ctx ends the statement is cancelled and the server's answer to that is returned. Any other error ends the session.
func (c *Client) Query(ctx context.Context, text string, h Handler) error {
	if err := c.frontend.Send(&pgproto3.Query{String: text}); err != nil {
		return c.lost(err)
	}
	stop := c.cancelWhenDone(ctx)
	defer stop()
	var failure error
	for {
		m, err := c.frontend.Receive()
		if err != nil {
			return c.lost(err)
		}
		done, err := c.take(m, h)
		if err != nil && failure == nil {
			failure = err
			if _, ok := errors.AsType[*Message](err); !ok { // the handler wants no more
				c.cancel()
			}
		}
		if done {
			return failure
		}
	}
}

// take handles one message; done after the last of the answer.
func (c *Client) take(m pgproto3.BackendMessage, h Handler) (done bool, err error) {
	switch m := m.(type) {
	case *pgproto3.RowDescription:
		cols := make([]Column, len(m.Fields))
		for i, f := range m.Fields {
			cols[i] = Column{Name: string(f.Name), OID: f.DataTypeOID}
		}
		return false, h.Columns(cols)
	case *pgproto3.DataRow:
		return false, h.Row(m.Values)
	case *pgproto3.CommandComplete:
		return false, h.Done(string(m.CommandTag))
	case *pgproto3.EmptyQueryResponse:
		return false, h.Done("")
	case *pgproto3.NoticeResponse:
		e := pgproto3.ErrorResponse(*m)
		h.Notice(message(&e))
	case *pgproto3.ParameterStatus:
		c.params[m.Name] = m.Value
	case *pgproto3.ErrorResponse:
		return false, message(m)
	case *pgproto3.ReadyForQuery:
		c.status = m.TxStatus
		return true, nil
	}
	return false, nil
}

func message(m *pgproto3.ErrorResponse) *Message {
	return &Message{
		Severity: m.Severity, Code: m.Code, Message: m.Message, Detail: m.Detail, Hint: m.Hint, Position: int(m.Position),
	}
}

// lost explains a broken connection.
func (c *Client) lost(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the server at %s closed the connection", ErrUnreachable, c.opts.Address)
	}
	return fmt.Errorf("%w: connection to %s lost: %w", ErrUnreachable, c.opts.Address, err)
}

// cancelWhenDone sends a cancel request when ctx ends before stop is called. stop waits.
func (c *Client) cancelWhenDone(ctx context.Context) (stop func()) {
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-ctx.Done():
			c.cancel()
		case <-over:
		}
	})
	return func() {
		close(over)
		wg.Wait()
	}
}

// cancelRequestCode is the request code of a CancelRequest. Source: PostgreSQL, "Message Formats".
const cancelRequestCode = 80877102

// cancel asks the server, over a connection of its own, to end the running statement. Best effort.
func (c *Client) cancel() {
	conn, err := net.DialTimeout("tcp", c.opts.Address, cancelTimeout)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(cancelTimeout))
	b := binary.BigEndian.AppendUint32(nil, 16)
	b = binary.BigEndian.AppendUint32(b, cancelRequestCode)
	b = binary.BigEndian.AppendUint32(b, c.pid)
	b = binary.BigEndian.AppendUint32(b, c.key)
	if _, err := conn.Write(b); err != nil {
		return
	}
	_, _ = conn.Read(b[:1]) // the server closes when it has taken the request
}

// Close says goodbye and hangs up.
func (c *Client) Close() error {
	_ = c.frontend.Send(&pgproto3.Terminate{})
	return c.conn.Close()
}
