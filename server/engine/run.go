package engine

import (
	"context"
	"slices"
	"time"

	"github.com/freshetdb/freshet/planner"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// argument is the value of a statement's parameter.
type argument = vector.Datum

// readYourWrites is the default of Options.ReadYourWrites.
const readYourWrites = 5 * time.Second

// run makes the result of a planned statement.
func (e *Engine) run(ctx context.Context, sess *session.Session, p *planned, args []argument) (*session.Result, error) {
	r := &session.Result{Columns: p.result.Columns, Tag: p.result.Tag}
	for _, text := range p.result.Notices {
		r.Notices = append(r.Notices, session.Noticef("%s", text))
	}
	switch p.result.Kind {
	case planner.KindSelect:
		return r, e.selects(sess, p, args, r)
	case planner.KindPush:
		return r, e.pushes(ctx, sess, p, args, r)
	case planner.KindCommand:
		r.Rows = func(ctx context.Context, _ session.Yield) error { return e.command(ctx, sess, p) }
	case planner.KindInsert:
		r.Rows = func(ctx context.Context, _ session.Yield) (err error) {
			r.Tag, err = e.insert(ctx, sess, p, args)
			return err
		}
	case planner.KindShow:
		r.Rows = func(ctx context.Context, yield session.Yield) error { return e.show(ctx, sess, p, yield) }
	case planner.KindPrint:
		return r, e.prints(ctx, p.catalog, p.result.Print, workOf(sess).timeout, r)
	case planner.KindSet:
		r.Rows = func(context.Context, session.Yield) error { return e.set(sess, p.result.Set, r) }
	case planner.KindTransaction:
		r.Rows = func(ctx context.Context, _ session.Yield) error { return e.transact(ctx, sess, p.result.Verb, r) }
	case planner.KindNothing:
	default:
		return nil, sqlerr.Unsupported(p.stmt.Pos(), "this statement")
	}
	return r, nil
}

// bound is a plan with the values of its parameters.
func bound(plan *physical.Plan, args []argument) (*physical.Plan, error) {
	if len(args) == 0 {
		return plan, nil
	}
	return planner.BindParams(plan, args)
}

// selects runs a bounded plan.
func (e *Engine) selects(sess *session.Session, p *planned, args []argument, r *session.Result) error {
	plan, err := bound(p.result.Plan, args)
	if err != nil {
		return err
	}
	r.Counted = r.Tag == "SELECT"
	r.Rows = func(ctx context.Context, yield session.Yield) error {
		ctx, cancel := limit(ctx, workOf(sess).timeout)
		defer cancel()
		if err := e.ready(ctx, sess, p); err != nil {
			return because(ctx, err)
		}
		virtual := virtualTables{e: e, sess: sess, cat: p.catalog}
		fctx := e.environment(sess, p.catalog)
		if fctx.Dialect == functions.KsqlDB {
			fctx.RowError = func(int, *sqlerr.Error) {} // ksqlDB's answer to what cannot be computed is null
		}
		err := because(ctx, e.opts.Executor.Pull(ctx, plan, fctx, virtual, yield))
		return uncommitted(workOf(sess), err)
	}
	return nil
}

// uncommitted explains why a SELECT failed on what its own transaction has made: the log does not know of it yet.
func uncommitted(w *work, err error) error {
	if len(w.tx.commands) == 0 {
		return err
	}
	if known := sqlerr.From(err); err != nil && (known.Code == sqlerr.UndefinedObject || known.Code == sqlerr.ObjectNotInState) {
		return known.WithHint("what a transaction creates can be read after COMMIT")
	}
	return err
}

// ready starts the hidden queries a plan reads and waits until the plan's views have seen what the session wrote.
func (e *Engine) ready(ctx context.Context, sess *session.Session, p *planned) error {
	if len(p.result.Materialise) > 0 {
		if err := e.materialise(ctx, p.catalog, p.result.Materialise); err != nil {
			return err
		}
	}
	w := workOf(sess)
	if len(w.wrote) == 0 {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, e.opts.ReadYourWrites)
	defer cancel()
	for _, id := range e.affected(p.catalog, w.wrote) {
		// A query that is paused or has failed keeps nobody waiting; reading its view tells of it.
		if err := e.opts.Executor.WaitCaughtUp(bounded, id); err != nil && bounded.Err() != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			e.log.Warn("views have not caught up with a session's writes", "query_id", id, "waited", e.opts.ReadYourWrites)
			break
		}
	}
	clear(w.wrote)
	return nil
}

// affected lists the running queries that read topics, directly or through others, those first that others read from.
func (e *Engine) affected(cat *catalog.Catalog, topics map[string]bool) []string {
	reached := map[string]bool{}
	for t := range topics {
		reached[t] = true
	}
	var ids []string
	for grown := true; grown; {
		grown = false
		for _, q := range cat.Queries() {
			id := e.runID(cat, q.ID)
			if slices.Contains(ids, id) || !slices.ContainsFunc(q.Sources, func(name string) bool {
				r := cat.Relation(name)
				return r != nil && reached[r.Topic]
			}) {
				continue
			}
			ids, grown = append(ids, id), true
			if sink := cat.Relation(q.Sink); sink != nil {
				reached[sink.Topic] = true
			}
		}
	}
	for _, r := range cat.Relations() {
		if id := e.runID(cat, hiddenID(r)); r.Kind == catalog.Table && reached[r.Topic] && e.opts.Executor.Running(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// virtualTables are the tables of Options.Virtual as one statement sees them.
type virtualTables struct {
	e    *Engine
	sess *session.Session
	cat  *catalog.Catalog
}

// Rows implements pull.VirtualTables.
func (v virtualTables) Rows(ctx context.Context, name string, push func(*vector.Chunk) error) error {
	if v.e.opts.Virtual.Rows == nil {
		return sqlerr.Newf(sqlerr.UndefinedTable, 0, "relation %q does not exist", name)
	}
	about := About{Catalog: v.cat, Databases: v.e.Databases(), User: v.sess.User, Settings: v.e.settingRows(workOf(v.sess).settings)}
	return v.e.opts.Virtual.Rows(ctx, name, about, push)
}
