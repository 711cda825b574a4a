package pgwire

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// fake is an engine of a few words:
//
//	rows N          N rows of n bigint, t text (null where n is divisible by 3)
//	live N          the same without an end, in chunks of N rows
//	hang            waits for its cancellation
//	echo $1 $2 …    one row of its parameters
//	begin, commit, rollback, fail, panic, notice, set NAME VALUE, copy N, copycsv N; any other word is a command with that tag
type fake struct{ hanging chan struct{} }

func (f *fake) Open(_ context.Context, id session.Identity, parameters map[string]string) (*session.Session, error) {
	if id.Database != "freshet" {
		return nil, sqlerr.Newf(sqlerr.InvalidCatalogName, 0, "database %q does not exist", id.Database)
	}
	s := session.New(id, nil)
	s.Report("server_version", "15.0")
	if name := parameters["application_name"]; name != "" {
		s.Report("application_name", name)
	}
	return s, nil
}

func (f *fake) CloseSession(sess *session.Session) { sess.Close() }

func (f *fake) Execute(_ context.Context, sess *session.Session, text string, handle session.Handler) error {
	at, some := 0, false
	for part := range strings.SplitSeq(text, ";") {
		start := at + len(part) - len(strings.TrimLeft(part, " "))
		at += len(part) + 1
		if strings.TrimSpace(part) == "" {
			continue
		}
		some = true
		r, err := f.result(sess, strings.Fields(part), start, nil)
		if err != nil {
			return err
		}
		if err := handle(r); err != nil {
			return err
		}
	}
	if !some {
		return handle(&session.Result{Empty: true})
	}
	return nil
}

func (f *fake) Prepare(_ context.Context, sess *session.Session, name, text string, params []types.Type) (*session.Prepared, error) {
	words := strings.Fields(text)
	p := &session.Prepared{Name: name, Text: text, Plan: words}
	if len(words) > 0 && words[0] == "echo" {
		for i := range words[1:] {
			t := types.Of(types.String)
			if i < len(params) && params[i].ID != types.Unknown {
				t = params[i]
			}
			p.Params = append(p.Params, t)
			p.Columns = append(p.Columns, types.Column{Name: words[i+1], Type: t})
		}
		return p, nil
	}
	r, err := f.result(sess, words, 0, nil)
	if err != nil {
		return nil, err
	}
	p.Columns = r.Columns
	return p, nil
}

func (f *fake) Bind(_ context.Context, sess *session.Session, p *session.Prepared, args []vector.Datum) (*session.Result, error) {
	if p.Params == nil {
		return f.result(sess, p.Plan.([]string), 0, args)
	}
	return &session.Result{Columns: p.Columns, Tag: "ECHO", Counted: true, Rows: func(_ context.Context, yield session.Yield) error {
		c := &vector.Chunk{N: 1}
		for _, a := range args {
			c.Cols = append(c.Cols, column(a))
		}
		return yield(c)
	}}, nil
}

func column(d vector.Datum) *vector.Vector {
	v := &vector.Vector{}
	v.Reset(d.Type, 0)
	switch {
	case d.Null:
		v.AppendNull()
	case len(d.Kids) > 0:
		kid := &vector.Vector{Type: *d.Type.Elem}
		for _, k := range d.Kids {
			kid.AppendFrom(column(k), 0)
		}
		return &vector.Vector{Type: d.Type, Offs: []int32{0, int32(len(d.Kids))}, Kids: []*vector.Vector{kid}}
	case d.Type.ID == types.String || d.Type.ID == types.Bytes:
		v.AppendString(d.S)
	case d.Type.ID == types.Real || d.Type.ID == types.Double:
		v.AppendFloat(d.F)
	case d.Type.ID == types.Decimal:
		v.AppendDecimal(d.D, d.Scale)
	case d.Type.ID == types.Interval:
		v.D = append(v.D, d.D)
	default:
		v.AppendInt(d.I)
	}
	return v
}

var numberColumns = types.Columns{{Name: "n", Type: types.Of(types.BigInt)}, {Name: "t", Type: types.Of(types.String)}}

// numberChunk is rows from, from+1, … below to.
func numberChunk(from, to int) *vector.Chunk {
	n, t := &vector.Vector{Type: numberColumns[0].Type}, &vector.Vector{Type: numberColumns[1].Type}
	for i := from; i < to; i++ {
		n.I = append(n.I, int64(i))
		text := "row " + strconv.Itoa(i)
		t.S = append(t.S, vector.Ref{Off: uint32(len(t.Buf)), Len: uint32(len(text))})
		t.Buf = append(t.Buf, text...)
		if i%3 == 0 {
			t.SetNull(i - from)
		}
	}
	return &vector.Chunk{N: to - from, Cols: []*vector.Vector{n, t}}
}

func numbers(total int) func(context.Context, session.Yield) error {
	return func(ctx context.Context, yield session.Yield) error {
		for from := 0; from < total; from += vector.MaxRows {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := yield(numberChunk(from, min(from+vector.MaxRows, total))); err != nil {
				return err
			}
		}
		return nil
	}
}

func (f *fake) result(sess *session.Session, words []string, at int, _ []vector.Datum) (*session.Result, error) {
	if len(words) == 0 {
		return &session.Result{Empty: true}, nil
	}
	if sess.Status() == session.Failed && words[0] != "rollback" {
		return nil, sqlerr.Newf(sqlerr.FailedTransaction, 0, "current transaction is aborted, commands ignored until end of transaction block")
	}
	count := 0
	if len(words) > 1 {
		count, _ = strconv.Atoi(words[1])
	}
	r := &session.Result{Tag: strings.ToUpper(words[0])}
	status := func(to session.Status) {
		r.Rows = func(context.Context, session.Yield) error {
			sess.SetStatus(to)
			return nil
		}
	}
	switch words[0] {
	case "begin":
		status(session.Open)
	case "commit", "rollback":
		status(session.Idle)
	case "fail":
		return nil, sqlerr.Newf(sqlerr.UndefinedTable, sqlerr.At(at), "relation %q does not exist", "fail").WithHint("try rows").WithDetail("a detail")
	case "panic":
		r.Rows = func(context.Context, session.Yield) error { panic("a bug") }
	case "notice":
		r.Notices = []session.Message{session.Noticef("mind the gap")}
	case "set":
		r.Rows = func(context.Context, session.Yield) error {
			sess.Report(words[1], words[2])
			return nil
		}
	case "hang":
		r.Columns = numberColumns
		r.Rows = func(ctx context.Context, _ session.Yield) error {
			f.hanging <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
	case "rows":
		r.Columns, r.Counted, r.Tag, r.Rows = numberColumns, true, "SELECT", numbers(count)
	case "copy", "copycsv":
		r.Copy = &session.Copy{Delimiter: '\t', Null: `\N`}
		if words[0] == "copycsv" {
			r.Copy = &session.Copy{CSV: true, Header: true, Delimiter: ',', Quote: '"', Escape: '"'}
		}
		r.Columns, r.Counted, r.Tag, r.Rows = numberColumns, true, "COPY", numbers(count)
	case "live":
		from := 0
		r.Columns, r.Counted, r.Tag = numberColumns, true, "SELECT"
		r.Next = func(ctx context.Context) (*vector.Chunk, error) {
			if from >= 2*count {
				f.hanging <- struct{}{}
				<-ctx.Done()
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			from += count
			return numberChunk(from-count, from), nil
		}
	}
	return r, nil
}

// start serves a fake engine until the test ends and gives its address.
func start(t testing.TB, opts Options) (address string, f *fake, stop func()) {
	t.Helper()
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f = &fake{hanging: make(chan struct{}, 100)}
	l := New(opts, nil, slog.New(slog.DiscardHandler), f)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx, nl) }()
	stopped := false
	stop = func() {
		cancel()
		if !stopped {
			if err := <-done; err != nil {
				t.Error(err)
			}
			stopped = true
		}
	}
	t.Cleanup(stop)
	return nl.Addr().String(), f, stop
}

func dsn(address string) string {
	return fmt.Sprintf("postgres://someone@%s/freshet?sslmode=prefer", address)
}
