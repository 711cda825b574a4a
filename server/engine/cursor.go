package engine

import (
	"context"
	"strings"
	"time"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// folded is a name of the session's own things, as Postgres folds it.
func folded(id ast.Ident) string {
	if id.Quoted {
		return id.Name
	}
	return strings.ToLower(id.Name)
}

// declare runs DECLARE name CURSOR FOR query.
func (e *Engine) declare(ctx context.Context, sess *session.Session, s *ast.DeclareCursor, text string) (*session.Result, error) {
	switch {
	case s.Query == nil:
		return nil, sqlerr.Unsupported(s.At, "SUBSCRIPTION CURSOR")
	case s.Scroll == "SCROLL":
		return nil, sqlerr.Unsupported(s.At, "SCROLL")
	case s.Binary:
		return nil, sqlerr.Unsupported(s.At, "BINARY CURSOR")
	case !s.Hold && sess.Status() != session.Open && !workOf(sess).tx.implicit:
		return nil, sqlerr.Newf(sqlerr.NoActiveTransaction, s.At, "DECLARE CURSOR can only be used in transaction blocks").
			WithHint("BEGIN first, or declare it WITH HOLD")
	}
	w := workOf(sess)
	timeout := w.timeout
	w.timeout = 0 // the statement timeout is each FETCH's
	inner, err := e.result(ctx, sess, s.Query, text, nil)
	w.timeout = timeout
	if err != nil {
		return nil, err
	}
	return &session.Result{Tag: "DECLARE CURSOR", Rows: func(ctx context.Context, _ session.Yield) error {
		p := session.NewPortal(context.WithoutCancel(ctx), folded(s.Name), inner)
		p.Cursor, p.Hold, p.Text = true, s.Hold, text
		return sess.Open(p)
	}}, nil
}

// fetch runs FETCH and MOVE, forwards.
func (e *Engine) fetch(sess *session.Session, s *ast.Fetch) (*session.Result, error) {
	p, err := sess.Portals.Cursor(folded(s.Cursor))
	if err != nil {
		return nil, sqlerr.From(err).WithPos(s.Cursor.At)
	}
	if s.Direction != "NEXT" && s.Direction != "FORWARD" && s.Direction != "" || s.Count < 0 {
		return nil, sqlerr.Newf(sqlerr.ObjectNotInState, s.At, "cursor can only scan forward").WithHint("FETCH NEXT, FETCH n and FETCH ALL do")
	}
	timeout, err := fetchTimeout(s)
	if err != nil {
		return nil, err
	}
	most := int(min(s.Count, 1<<31-1))
	r := &session.Result{Tag: "FETCH", Counted: true, Columns: p.Result.Columns, Waits: p.Result.Live()}
	r.Rows = func(ctx context.Context, yield session.Yield) error {
		if s.Count == 0 && s.Counted && !s.All {
			return nil
		}
		if s.All {
			most = 0
		}
		ctx, done := limit(ctx, workOf(sess).timeout)
		defer done()
		if timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, timeout, session.ErrFetchTimeout)
			defer cancel()
		}
		_, _, err := sess.Fetch(ctx, p, most, yield)
		return because(ctx, err)
	}
	if s.Move {
		moved := r.Rows
		r.Tag, r.Counted, r.Columns = "MOVE 0", false, nil
		r.Rows = func(ctx context.Context, _ session.Yield) error {
			rows := 0
			err := moved(ctx, func(c *vector.Chunk) error {
				rows += c.Rows()
				return nil
			})
			r.Tag = "MOVE " + itoa(rows)
			return err
		}
	}
	return r, nil
}

// fetchTimeout reads FETCH … WITH (timeout = '1s').
func fetchTimeout(s *ast.Fetch) (timeout time.Duration, err error) {
	for _, o := range s.With {
		text, ok := optionText(o)
		if !ok || !strings.EqualFold(o.Name.Name, "timeout") {
			return 0, sqlerr.Newf(sqlerr.SyntaxError, o.Name.At, "unrecognized FETCH option %q", o.Name.Name).WithHint("there is timeout = '1s'")
		}
		if timeout != 0 {
			return 0, sqlerr.Newf(sqlerr.SyntaxError, o.Name.At, "conflicting or redundant options")
		}
		d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
		if err != nil || d < 0 {
			return 0, sqlerr.Newf(sqlerr.InvalidParameterValue, o.Name.At, "timeout %q is not a duration such as 500ms or 2s", text)
		}
		timeout = max(d, time.Millisecond)
	}
	return timeout, nil
}

func (e *Engine) closeCursor(sess *session.Session, s *ast.Close) (*session.Result, error) {
	if s.All {
		return &session.Result{Tag: "CLOSE CURSOR ALL", Rows: func(context.Context, session.Yield) error {
			sess.Portals.CloseCursors()
			return nil
		}}, nil
	}
	name := folded(s.Cursor)
	if _, err := sess.Portals.Cursor(name); err != nil {
		return nil, sqlerr.From(err).WithPos(s.Cursor.At)
	}
	return &session.Result{Tag: "CLOSE CURSOR", Rows: func(context.Context, session.Yield) error {
		sess.Portals.Remove(name)
		return nil
	}}, nil
}

// copies runs COPY (query) TO STDOUT and COPY table TO STDOUT.
func (e *Engine) copies(ctx context.Context, sess *session.Session, s *ast.Copy, text string) (*session.Result, error) {
	switch {
	case s.From:
		return nil, sqlerr.Unsupported(s.At, "COPY FROM").WithHint("INSERT INTO … VALUES takes many rows at once; Kafka producers take any number")
	case s.Target != "STDOUT" || s.Program:
		return nil, sqlerr.Unsupported(s.At, "COPY to a file of the server").WithHint("COPY … TO STDOUT, or \\copy in psql")
	}
	query := s.Query
	if query == nil {
		query = selectAll(s)
	}
	if _, ok := query.(*ast.Query); !ok {
		return nil, sqlerr.Unsupported(s.At, "COPY of anything but a SELECT")
	}
	format, err := copyFormat(s)
	if err != nil {
		return nil, err
	}
	r, err := e.result(ctx, sess, query, text, nil)
	if err != nil {
		return nil, err
	}
	r.Copy, r.Tag, r.Counted = format, "COPY", true
	return r, nil
}

// selectAll is the query behind COPY table (columns) TO.
func selectAll(s *ast.Copy) *ast.Query {
	sel := &ast.Select{Place: ast.Place{At: s.At}, From: []ast.Relation{&ast.Table{Place: ast.Place{At: s.Table.Pos()}, Name: s.Table}}}
	for _, c := range s.Columns {
		sel.Items = append(sel.Items, ast.SelectItem{Expr: &ast.ColumnRef{Place: c.Place, Name: ast.Name{c}}})
	}
	if len(s.Columns) == 0 {
		sel.Items = []ast.SelectItem{{Expr: &ast.Star{Place: ast.Place{At: s.At}}}}
	}
	return &ast.Query{Extent: s.Extent, Body: sel}
}

// copyFormat reads the options of COPY. Source: PostgreSQL, COPY.
func copyFormat(s *ast.Copy) (*session.Copy, error) {
	f := &session.Copy{}
	null, delimiter := "", ""
	hasNull := false
	for _, o := range s.Options {
		text, ok := optionText(o)
		name := strings.ToLower(o.Name.Name)
		switch {
		case !ok:
			return nil, sqlerr.Newf(sqlerr.SyntaxError, o.Name.At, "the value of COPY option %q is not understood", name)
		case name == "format" && strings.EqualFold(text, "csv"), name == "csv":
			f.CSV = true
		case name == "format" && strings.EqualFold(text, "text"):
		case name == "header":
			f.Header = text == "" || strings.EqualFold(text, "true") || strings.EqualFold(text, "on")
		case name == "delimiter" && len(text) == 1:
			delimiter = text
		case name == "null":
			null, hasNull = text, true
		case name == "quote" && len(text) == 1:
			f.Quote = text[0]
		case name == "escape" && len(text) == 1:
			f.Escape = text[0]
		case name == "encoding":
		default:
			return nil, sqlerr.Unsupported(o.Name.At, "COPY with "+name+" "+text)
		}
	}
	if f.Quote == 0 {
		f.Quote = '"'
	}
	if f.Escape == 0 {
		f.Escape = f.Quote
	}
	f.Null, f.Delimiter = `\N`, '\t'
	if f.CSV {
		f.Null, f.Delimiter = "", ','
	}
	if hasNull {
		f.Null = null
	}
	if delimiter != "" {
		f.Delimiter = delimiter[0]
	}
	return f, nil
}
