package engine

import (
	"context"
	"errors"
	"maps"

	"github.com/freshetdb/freshet/planner"
	"github.com/freshetdb/freshet/server/commandlog"
	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// transaction is what a session has collected and not committed: DDL, applied to a catalogue of its own, and inserted records.
type transaction struct {
	implicit   bool             // several statements in one text, without BEGIN
	version    uint64           // of the command log the catalogue came from
	catalog    *catalog.Catalog // with the transaction's DDL; nil: it has none
	commands   []*catalog.Command
	ddl        []*planned // what the commands were made of, to plan them anew
	records    []batch
	bytes      int             // of records
	written    map[string]bool // topics of records
	savepoints []savepoint     // the innermost last
}

// collects tells whether statements are collected rather than run.
func (t *transaction) collects(sess *session.Session) bool {
	return t.implicit || sess.Status() == session.Open
}

// clear forgets what was collected.
func (t *transaction) clear() {
	*t = transaction{implicit: t.implicit}
}

func (t *transaction) endImplicit() {
	if t.implicit {
		t.implicit = false
		t.clear()
	}
}

// command runs DDL: collected in a transaction, else appended and applied at once.
func (e *Engine) command(ctx context.Context, sess *session.Session, p *planned) error {
	t := &workOf(sess).tx
	if t.catalog == nil {
		now := e.now.Load()
		t.version, t.catalog = now.version, now.catalogs[sess.Database]
		if t.catalog != p.catalog { // it has changed since the statement was planned
			again, err := e.plan(ctx, sess, p.stmt, p.text, p.params)
			if err != nil {
				t.clear()
				return err
			}
			p = again
		}
	}
	if err := t.add(p); err != nil {
		if len(t.ddl) == 0 {
			t.catalog = nil
		}
		return err
	}
	if t.collects(sess) {
		return nil
	}
	return e.flush(ctx, sess)
}

// add applies a planned statement to the transaction's catalogue.
func (t *transaction) add(p *planned) error {
	if p.result.Kind != planner.KindCommand {
		return nil // planned anew it has nothing to do any more: IF NOT EXISTS
	}
	after, err := catalog.Apply(t.catalog, p.result.Command)
	if err != nil {
		return sqlerr.From(err).WithPos(p.stmt.Pos())
	}
	t.catalog, t.commands, t.ddl = after, append(t.commands, p.result.Command), append(t.ddl, p)
	return nil
}

// flush commits what was collected, unless a transaction that BEGIN opened is still open.
func (e *Engine) flush(ctx context.Context, sess *session.Session) error {
	if sess.Status() != session.Idle {
		return nil
	}
	return e.commit(ctx, sess)
}

// commitTries is how often a transaction is planned anew because others changed the catalogue.
const commitTries = 10

// commit makes one command of the DDL and one transaction of the records. The command comes first: the records may need its topics.
func (e *Engine) commit(ctx context.Context, sess *session.Session) error {
	w := workOf(sess)
	t := &w.tx
	defer t.clear()
	if len(t.commands) > 0 {
		if err := e.commitCommands(ctx, sess, t); err != nil {
			return err
		}
		w.willRead(t)
	}
	if len(t.records) == 0 {
		return nil
	}
	if err := e.writer.write(ctx, t.records); err != nil {
		return err
	}
	maps.Copy(w.wrote, t.written)
	return nil
}

// commitCommands appends the DDL as one command. One session at a time does, so that who has to plan anew is not overtaken by others of
// this node.
func (e *Engine) commitCommands(ctx context.Context, sess *session.Session, t *transaction) error {
	e.committing.Lock()
	defer e.committing.Unlock()
	for try := 1; ; try++ {
		// Topics come before the command: one that cannot be made is this statement's error, and nothing has been recorded.
		for _, c := range t.commands {
			if err := e.makeTopics(ctx, c); err != nil {
				return err
			}
		}
		err := e.ddl.Append(ctx, catalog.Merge(t.commands...), t.version)
		if err == nil || !errors.Is(err, commandlog.ErrConflict) {
			return err
		}
		if try == commitTries {
			return sqlerr.Wrap(err, sqlerr.SerializationFailure, "could not commit: the catalogue keeps changing").WithHint("try again")
		}
		if err := e.planAgain(ctx, sess, t); err != nil || len(t.commands) == 0 {
			return err
		}
	}
}

// willRead makes the session's next SELECT wait for the kept queries of a transaction, as if it had written what they read.
func (w *work) willRead(t *transaction) {
	for _, c := range t.commands {
		for i := range c.Changes {
			if created := c.Changes[i].Create; created != nil && created.Query != nil {
				for _, name := range created.Query.Sources {
					if source := t.catalog.Relation(name); source != nil {
						w.wrote[source.Topic] = true
					}
				}
			}
		}
	}
}

// planAgain plans a transaction's DDL on the current catalogue.
func (e *Engine) planAgain(ctx context.Context, sess *session.Session, t *transaction) error {
	if err := e.ddl.CaughtUp(ctx); err != nil {
		return err
	}
	now := e.now.Load()
	statements := t.ddl
	t.version, t.catalog, t.commands, t.ddl = now.version, now.catalogs[sess.Database], nil, nil
	for _, old := range statements {
		p, err := e.planOn(ctx, t.catalog, workOf(sess).planned, old.stmt, old.text, old.params)
		if err != nil {
			return err
		}
		if err := t.add(p); err != nil {
			return err
		}
	}
	return nil
}

// transact runs BEGIN, COMMIT, ROLLBACK and their like.
func (e *Engine) transact(ctx context.Context, sess *session.Session, verb ast.TransactionVerb, r *session.Result) error {
	w := workOf(sess)
	switch verb {
	case ast.Begin, ast.StartTransaction:
		if sess.Status() != session.Idle {
			r.Notices = append(r.Notices, warning(sqlerr.ActiveTransaction, "there is already a transaction in progress"))
			return nil
		}
		w.settings.Begin()
		w.tx = transaction{} // an implicit one was committed by settle
		sess.SetStatus(session.Open)
	case ast.Commit, ast.End:
		status := sess.Status()
		if status == session.Idle {
			r.Notices = append(r.Notices, warning(sqlerr.NoActiveTransaction, "there is no transaction in progress"))
			return nil
		}
		if status == session.Failed {
			r.Tag = "ROLLBACK"
			e.rollback(sess)
			return nil
		}
		err := e.commit(ctx, sess)
		if err != nil {
			e.rollback(sess)
			return err
		}
		e.end(sess, true)
	case ast.Rollback, ast.Abort:
		if sess.Status() == session.Idle {
			r.Notices = append(r.Notices, warning(sqlerr.NoActiveTransaction, "there is no transaction in progress"))
			return nil
		}
		e.rollback(sess)
	}
	return nil
}

func warning(code sqlerr.Code, text string) session.Message {
	return session.Message{Severity: session.Warning, Error: *sqlerr.Newf(code, 0, "%s", text)}
}

// rollback forgets what was collected and gives settings back the values they had at BEGIN.
func (e *Engine) rollback(sess *session.Session) { e.end(sess, false) }

// end leaves a transaction: local settings go back, cursors close.
func (e *Engine) end(sess *session.Session, committed bool) {
	w := workOf(sess)
	w.tx = transaction{}
	w.settings.End(committed)
	w.refresh(sess)
	sess.SetStatus(session.Idle)
	sess.Portals.EndTransaction()
}
