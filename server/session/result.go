package session

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Severity is how loud a notice is.
type Severity string

// The severities of notices.
const (
	Notice  Severity = "NOTICE"
	Warning Severity = "WARNING"
	Info    Severity = "INFO"
)

// Message is a notice: told to the client, fatal to nothing.
type Message struct {
	Severity Severity
	sqlerr.Error
}

// Noticef builds a notice.
func Noticef(format string, args ...any) Message {
	return Message{Severity: Notice, Error: *sqlerr.Newf("00000", 0, format, args...)}
}

// Yield takes a chunk of a result. The chunk is the producer's again when it returns.
type Yield func(*vector.Chunk) error

// Result is the answer to one statement. It is run once, by Run or through a Portal, and then closed.
type Result struct {
	// Columns of the rows; nil when the statement has no rows at all (not even none of them).
	Columns types.Columns
	// Tag is the command tag: "CREATE STREAM", "INSERT 0 3". With Counted, the number of rows sent follows it: "SELECT 5".
	Tag     string
	Counted bool
	Empty   bool // an empty statement: no tag at all
	Notices []Message
	Copy    *Copy // rows go out as COPY data
	Waits   bool  // may be silent for long: FETCH of an endless cursor

	// Rows pushes a bounded result. Nil when there are none.
	Rows func(ctx context.Context, yield Yield) error
	// Next pulls an endless result: it waits for the next chunk, which is valid until the next call. io.EOF ends it.
	Next func(ctx context.Context) (*vector.Chunk, error)
	// OnClose, when not nil, lets go of what the result holds. It is called once, whether or not the result was run.
	OnClose func()

	closed sync.Once
}

// Copy says how COPY … TO STDOUT writes rows.
type Copy struct {
	CSV       bool
	Header    bool
	Delimiter byte
	Null      string
	Quote     byte
	Escape    byte
}

// Live tells whether the result is endless: its rows must reach the client as they come.
func (r *Result) Live() bool { return r.Next != nil }

// HasRows tells whether the statement answers with rows, be there any or not.
func (r *Result) HasRows() bool { return r.Columns != nil }

// Run hands every chunk to yield until the result ends, fails, or yield does.
func (r *Result) Run(ctx context.Context, yield Yield) error {
	if r.Next == nil {
		if r.Rows == nil {
			return nil
		}
		return r.Rows(ctx, yield)
	}
	for {
		c, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := yield(c); err != nil {
			return err
		}
	}
}

// Close lets go of what the result holds. It is idempotent.
func (r *Result) Close() {
	r.closed.Do(func() {
		if r.OnClose != nil {
			r.OnClose()
		}
	})
}

// Handler is given the results of a text's statements, one after the other, and runs each before it returns.
type Handler func(*Result) error
