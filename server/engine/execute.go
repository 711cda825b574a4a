package engine

import (
	"context"
	"errors"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/planner"
	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/parser"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// Execute runs all statements of a text, each result given to handle before the next statement begins. Several statements without
// BEGIN are one implicit transaction, which ends early where a statement has to see what those before it did.
func (e *Engine) Execute(ctx context.Context, sess *session.Session, text string, handle session.Handler) error {
	statements, err := parser.Parse(text)
	if err != nil {
		return err
	}
	if len(statements) == 0 {
		return handle(&session.Result{Empty: true})
	}
	w := workOf(sess)
	if len(statements) > 1 && sess.Status() == session.Idle {
		w.tx.implicit = true
	}
	defer w.tx.endImplicit()
	for _, stmt := range statements {
		if err := e.one(ctx, sess, stmt, text, handle); err != nil {
			return err
		}
	}
	return ofLog(e.flush(ctx, sess))
}

// one runs one statement of a text.
func (e *Engine) one(ctx context.Context, sess *session.Session, stmt ast.Statement, text string, handle session.Handler) error {
	ctx, cancel := limit(ctx, workOf(sess).timeout)
	defer cancel()
	r, err := e.result(ctx, sess, stmt, text, nil)
	if err != nil {
		return because(ctx, err)
	}
	if r.Live() {
		e.adviseFetchCount(sess, r)
	}
	return because(ctx, handle(r))
}

// limit is a statement's context with its timeout.
func limit(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, timeout, timeoutError())
}

func timeoutError() *sqlerr.Error {
	return sqlerr.Newf(sqlerr.QueryCanceled, 0, "canceling statement due to statement timeout")
}

// because replaces the error of a statement whose context has ended by the reason, when that is known.
func because(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return ofLog(err)
	}
	var known *sqlerr.Error
	if cause := context.Cause(ctx); errors.As(cause, &known) {
		return known
	}
	return err
}

// ofLog gives what a cluster that is the log refused, or did not answer, an SQLSTATE of its own.
func ofLog(err error) error {
	switch {
	case errors.Is(err, client.ErrNotAllowed):
		return sqlerr.Wrap(err, sqlerr.InsufficientPrivilege, "%s", err).
			WithHint("the Kafka cluster's ACLs refuse it to the user Freshet logs in as")
	case errors.Is(err, client.ErrUnavailable):
		return sqlerr.Wrap(err, sqlerr.IOError, "%s", err).WithHint("the Kafka cluster is away, or too few of its brokers are there; try again")
	}
	return err
}

// adviseFetchCount tells psql's users why they see nothing of a query without an end.
func (e *Engine) adviseFetchCount(sess *session.Session, r *session.Result) {
	if sess.Application != "psql" || r.Copy != nil {
		return
	}
	notice := session.Noticef("this query does not end by itself, and psql shows rows only at the end")
	notice.Error = *notice.WithHint(`\set FETCH_COUNT 1 shows them as they come; COPY (…) TO STDOUT does, too; Ctrl-C ends the query`)
	r.Notices = append(r.Notices, notice)
}

// result makes the result of a statement, planned here and now. Nothing has run until the result does. args are values of its parameters.
func (e *Engine) result(ctx context.Context, sess *session.Session, stmt ast.Statement, text string, args []argument) (*session.Result, error) {
	if err := admit(sess, stmt); err != nil {
		return nil, err
	}
	if r, mine, err := e.own(ctx, sess, stmt, text); mine {
		return r, err
	}
	if err := e.settle(ctx, sess, stmt); err != nil {
		return nil, err
	}
	p, err := e.plan(ctx, sess, stmt, text, nil)
	if err != nil {
		return nil, err
	}
	return e.run(ctx, sess, p, args)
}

// admit refuses what a failed transaction does not take.
func admit(sess *session.Session, stmt ast.Statement) error {
	if sess.Status() != session.Failed {
		return nil
	}
	if t, ok := stmt.(*ast.Transaction); ok {
		switch t.Verb {
		case ast.Commit, ast.End, ast.Rollback, ast.Abort, ast.RollbackTo:
			return nil
		}
	}
	return sqlerr.Newf(sqlerr.FailedTransaction, stmt.Pos(), "current transaction is aborted, commands ignored until end of transaction block")
}

// settle commits what an implicit transaction has collected before a statement that is not itself collected.
func (e *Engine) settle(ctx context.Context, sess *session.Session, stmt ast.Statement) error {
	switch stmt.(type) {
	case *ast.Insert, *ast.CreateRelation, *ast.Drop, *ast.QueryControl, *ast.Comment, *ast.Set, *ast.Reset:
		return nil
	}
	return e.flush(ctx, sess)
}

// planned is a statement with its plan and what it was planned on.
type planned struct {
	stmt    ast.Statement
	text    string // the whole text, which positions refer to
	result  *planner.Result
	catalog *catalog.Catalog
	params  []types.Type // as the client declared them
}

// plan plans a statement on the catalogue the session sees.
func (e *Engine) plan(ctx context.Context, sess *session.Session, stmt ast.Statement, text string, params []types.Type) (*planned, error) {
	cat, err := e.catalogOf(sess)
	if err != nil {
		return nil, err
	}
	return e.planOn(ctx, cat, workOf(sess).planned, stmt, text, params)
}

func (e *Engine) planOn(ctx context.Context, cat *catalog.Catalog, set map[string]string, stmt ast.Statement, text string, params []types.Type) (*planned, error) {
	facts, err := e.facts(ctx, cat, stmt, set, params)
	if err != nil {
		return nil, err
	}
	r, err := planner.Plan(facts, stmt, stmt.Span().Text(text))
	if err != nil {
		return nil, err
	}
	return &planned{stmt: stmt, text: text, result: r, catalog: cat, params: params}, nil
}

// facts looks up what a plan may depend on.
func (e *Engine) facts(ctx context.Context, cat *catalog.Catalog, stmt ast.Statement, set map[string]string, params []types.Type) (planner.Facts, error) {
	f := planner.Facts{
		Catalog: cat, Settings: set, Now: e.opts.Now(), Functions: e.opts.Functions, Virtual: e.opts.Virtual.Columns, Params: params,
	}
	if number := e.opts.Virtual.Number; number != nil {
		f.Objects = func(kind, name string) (int64, bool) { return number(cat, kind, name) }
	}
	needs := planner.Requires(stmt, cat)
	if len(needs.Topics) == 0 {
		return f, nil
	}
	f.Topics = make(map[string]planner.TopicFacts, len(needs.Topics))
	for _, name := range needs.Topics {
		t, err := e.opts.Client.Topic(ctx, name)
		switch {
		case err == nil:
			f.Topics[name] = planner.TopicFacts{Exists: true, Partitions: t.Partitions, Retention: t.Configs["retention.ms"]}
		case !errors.Is(err, client.ErrUnknownTopic):
			return f, sqlerr.Wrap(err, sqlerr.IOError, "topic %q cannot be looked up: %s", name, err)
		}
	}
	return f, nil
}

// environment is what functions may know in a statement of the session.
func (e *Engine) environment(sess *session.Session, cat *catalog.Catalog) functions.Context {
	return functions.Context{
		Now: e.opts.Now().UnixMicro(), TimeZone: workOf(sess).zoneName, Dialect: dialectOf(cat),
		Database: sess.Database, User: sess.User, Version: e.opts.Version,
	}
}
