package engine

import (
	"context"
	"errors"
	"strconv"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/parser"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

func itoa(n int) string { return strconv.Itoa(n) }

// prepared is what Prepared.Plan holds.
type prepared struct {
	stmt    ast.Statement // nil: an empty statement
	planned *planned      // nil: a statement of the engine's own, or one of a transaction
}

// Prepare parses and plans one statement. It is planned anew when the catalogue has changed by the time it runs.
func (e *Engine) Prepare(ctx context.Context, sess *session.Session, name, text string, params []types.Type) (*session.Prepared, error) {
	statements, err := parser.Parse(text)
	if err != nil {
		return nil, err
	}
	out := &session.Prepared{Name: name, Text: text}
	switch len(statements) {
	case 0:
		out.Plan = &prepared{}
		return out, nil
	case 1:
	default:
		return nil, sqlerr.Newf(sqlerr.SyntaxError, statements[1].Pos(), "cannot insert multiple commands into a prepared statement")
	}
	return out, e.prepare(ctx, sess, out, statements[0], params)
}

func (e *Engine) prepare(ctx context.Context, sess *session.Session, out *session.Prepared, stmt ast.Statement, params []types.Type) error {
	if err := admit(sess, stmt); err != nil {
		return err
	}
	ctx, cancel := limit(ctx, workOf(sess).timeout)
	defer cancel()
	plan := &prepared{stmt: stmt}
	out.Plan = plan
	switch s := stmt.(type) {
	case *ast.Fetch:
		if p, err := sess.Portals.Cursor(folded(s.Cursor)); err == nil && !s.Move {
			out.Columns = p.Result.Columns
		}
		return nil
	case *ast.Execute:
		if p, err := sess.Statements.Get(folded(s.Name)); err == nil {
			out.Columns = p.Columns
		}
		return nil
	case *ast.DeclareCursor, *ast.Close, *ast.Prepare, *ast.Deallocate, *ast.Discard, *ast.Copy, *ast.Wait, *ast.Use, *ast.SetConstraints:
		return nil
	case *ast.CreateObject:
		if s.Kind == ast.Database {
			return nil
		}
	case *ast.Transaction:
		switch s.Verb {
		case ast.Savepoint, ast.Release, ast.RollbackTo:
			return nil
		}
	}
	p, err := e.plan(ctx, sess, stmt, out.Text, params)
	if err != nil {
		return because(ctx, err)
	}
	plan.planned = p
	out.Columns, out.Params = p.result.Columns, p.result.ParamTypes
	for i, t := range out.Params {
		if t.ID == types.Unknown {
			out.Params[i] = types.Of(types.String)
		}
	}
	return nil
}

// Bind makes a result of a prepared statement and its parameters' values.
func (e *Engine) Bind(ctx context.Context, sess *session.Session, p *session.Prepared, args []vector.Datum) (*session.Result, error) {
	plan := p.Plan.(*prepared)
	if plan.stmt == nil {
		return &session.Result{Empty: true}, nil
	}
	if err := admit(sess, plan.stmt); err != nil {
		return nil, err
	}
	if plan.planned == nil {
		r, _, err := e.own(ctx, sess, plan.stmt, p.Text)
		return r, err
	}
	cat, err := e.catalogOf(sess)
	if err != nil {
		return nil, err
	}
	if plan.planned.catalog != cat {
		again, err := e.plan(ctx, sess, plan.stmt, p.Text, p.Params)
		if err != nil {
			return nil, err
		}
		if !sameColumns(again.result.Columns, p.Columns) {
			return nil, sqlerr.Newf(sqlerr.FeatureNotSupported, plan.stmt.Pos(), "cached plan must not change result type").
				WithHint("the relation has changed: prepare the statement again")
		}
		plan.planned = again
	}
	return e.run(ctx, sess, plan.planned, args)
}

func sameColumns(a, b types.Columns) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || !a[i].Type.Equal(b[i].Type) {
			return false
		}
	}
	return true
}

// prepareSQL runs PREPARE name (types) AS statement.
func (e *Engine) prepareSQL(ctx context.Context, sess *session.Session, s *ast.Prepare, text string) (*session.Result, error) {
	params := make([]types.Type, len(s.Types))
	for i, t := range s.Types {
		known, ok := types.ByName(t.Name.String())
		if !ok {
			return nil, sqlerr.Newf(sqlerr.UndefinedObject, t.At, "type %q does not exist", t.Name.String())
		}
		params[i] = known
	}
	p := &session.Prepared{Name: folded(s.Name), Text: text, FromSQL: true}
	if err := e.prepare(ctx, sess, p, s.Statement, params); err != nil {
		return nil, err
	}
	return &session.Result{Tag: "PREPARE", Rows: func(context.Context, session.Yield) error { return sess.Statements.Put(p) }}, nil
}

// executeSQL runs EXECUTE name (args): the arguments are evaluated and read as the parameters' types.
func (e *Engine) executeSQL(ctx context.Context, sess *session.Session, s *ast.Execute, text string) (*session.Result, error) {
	p, err := sess.Statements.Get(folded(s.Name))
	if err != nil {
		return nil, sqlerr.From(err).WithPos(s.Name.At)
	}
	if len(s.Args) != len(p.Params) {
		return nil, sqlerr.Newf(sqlerr.SyntaxError, s.At, "wrong number of parameters for prepared statement %q", p.Name).
			WithDetail("expected %d parameters but got %d", len(p.Params), len(s.Args))
	}
	var args []vector.Datum
	if len(s.Args) > 0 {
		if args, err = e.evaluate(ctx, sess, s, p.Params, text); err != nil {
			return nil, err
		}
	}
	return e.Bind(ctx, sess, p, args)
}

// evaluate computes EXECUTE's arguments as one row and takes their text as input of the parameters' types.
func (e *Engine) evaluate(ctx context.Context, sess *session.Session, s *ast.Execute, params []types.Type, text string) ([]vector.Datum, error) {
	query := &ast.Query{Extent: s.Extent, Body: &ast.Values{Place: ast.Place{At: s.At}, Rows: [][]ast.Expr{s.Args}}}
	row, err := e.plan(ctx, sess, query, text, nil)
	if err != nil {
		return nil, err
	}
	args := make([]vector.Datum, len(params))
	virtual := virtualTables{e: e, sess: sess, cat: row.catalog}
	err = e.opts.Executor.Pull(ctx, row.result.Plan, e.environment(sess, row.catalog), virtual, func(c *vector.Chunk) error {
		at := 0
		if c.Sel != nil {
			at = int(c.Sel[0])
		}
		for i, v := range c.Cols {
			if v.IsNull(at) {
				args[i] = vector.NullOf(params[i])
				continue
			}
			value := string(vector.AppendText(nil, v, at, sess.Style))
			if args[i], err = vector.ParseText(params[i], value, sess.Style.Zone); err != nil {
				code := sqlerr.InvalidTextRepresentation
				if errors.Is(err, vector.ErrRange) {
					code = sqlerr.NumericOutOfRange
				}
				return sqlerr.Newf(code, s.Args[i].Pos(), "parameter $%d cannot be %q: its type is %s", i+1, value, params[i])
			}
		}
		return nil
	})
	return args, err
}

func (e *Engine) deallocate(sess *session.Session, s *ast.Deallocate) *session.Result {
	if s.All {
		return &session.Result{Tag: "DEALLOCATE ALL", Rows: func(context.Context, session.Yield) error {
			sess.Statements.Clear()
			return nil
		}}
	}
	name := folded(s.Name)
	return &session.Result{Tag: "DEALLOCATE", Rows: func(context.Context, session.Yield) error {
		if !sess.Statements.Remove(name) {
			return sqlerr.Newf(sqlerr.InvalidStatementName, s.Name.At, "prepared statement %q does not exist", name)
		}
		return nil
	}}
}

// discard runs DISCARD: what poolers send between two clients.
func (e *Engine) discard(sess *session.Session, s *ast.Discard) *session.Result {
	return &session.Result{Tag: "DISCARD " + s.What, Rows: func(context.Context, session.Yield) error {
		if s.What != "ALL" {
			return nil
		}
		if sess.Status() == session.Open {
			return sqlerr.Newf(sqlerr.ActiveTransaction, s.At, "DISCARD ALL cannot run inside a transaction block")
		}
		sess.Portals.CloseCursors()
		sess.Statements.Clear()
		w := workOf(sess)
		w.settings.ResetAll()
		w.refresh(sess)
		return nil
	}}
}
