package engine

import (
	"context"
	"maps"
	"slices"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// invalidSavepoint is the SQLSTATE of a savepoint that does not exist.
const invalidSavepoint sqlerr.Code = "3B001"

// savepoint is what a transaction had collected at a SAVEPOINT.
type savepoint struct {
	name string
	kept transaction
}

// savepoints runs SAVEPOINT, RELEASE and ROLLBACK TO.
func (e *Engine) savepoints(sess *session.Session, s *ast.Transaction) *session.Result {
	name := folded(s.Name)
	tag := string(s.Verb)
	if s.Verb == ast.RollbackTo {
		tag = "ROLLBACK"
	}
	return &session.Result{Tag: tag, Rows: func(context.Context, session.Yield) error {
		w := workOf(sess)
		if sess.Status() == session.Idle {
			return sqlerr.Newf(sqlerr.NoActiveTransaction, s.At, "%s can only be used in transaction blocks", s.Verb)
		}
		if s.Verb == ast.Savepoint {
			kept := w.tx
			kept.savepoints, kept.written = nil, maps.Clone(w.tx.written)
			w.tx.savepoints = append(w.tx.savepoints, savepoint{name: name, kept: kept})
			return nil
		}
		at := len(w.tx.savepoints) - 1
		for at >= 0 && w.tx.savepoints[at].name != name {
			at--
		}
		if at < 0 {
			return sqlerr.Newf(invalidSavepoint, s.Name.At, "savepoint %q does not exist", name)
		}
		if s.Verb == ast.Release {
			w.tx.savepoints = w.tx.savepoints[:at]
			return nil
		}
		e.rollbackTo(sess, at)
		return nil
	}}
}

// rollbackTo goes back to a savepoint, which stays. Settings keep the values they were given since: only the end of the transaction
// takes them back.
func (e *Engine) rollbackTo(sess *session.Session, at int) {
	w := workOf(sess)
	stack := w.tx.savepoints[:at+1]
	point := stack[at]
	w.tx = point.kept
	w.tx.savepoints, w.tx.written = stack, maps.Clone(point.kept.written)
	// What is appended from here on must not overwrite what a savepoint further out remembers.
	w.tx.commands = slices.Clip(w.tx.commands)
	w.tx.ddl = slices.Clip(w.tx.ddl)
	w.tx.records = slices.Clip(w.tx.records)
	sess.SetStatus(session.Open)
}
