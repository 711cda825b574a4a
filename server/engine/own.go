package engine

import (
	"context"
	"strings"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// own runs statements the planner knows nothing of, since they are about the session or the node; mine is false for the others.
func (e *Engine) own(ctx context.Context, sess *session.Session, stmt ast.Statement, text string) (r *session.Result, mine bool, err error) {
	switch s := stmt.(type) {
	case *ast.DeclareCursor:
		r, err = e.declare(ctx, sess, s, text)
	case *ast.Fetch:
		r, err = e.fetch(sess, s)
	case *ast.Close:
		r, err = e.closeCursor(sess, s)
	case *ast.Prepare:
		r, err = e.prepareSQL(ctx, sess, s, text)
	case *ast.Execute:
		r, err = e.executeSQL(ctx, sess, s, text)
	case *ast.Deallocate:
		r = e.deallocate(sess, s)
	case *ast.Discard:
		r = e.discard(sess, s)
	case *ast.Copy:
		r, err = e.copies(ctx, sess, s, text)
	case *ast.Wait:
		r = &session.Result{Tag: "WAIT", Rows: func(ctx context.Context, _ session.Yield) error { return e.wait(ctx, sess) }}
	case *ast.CreateObject:
		if s.Kind != ast.Database {
			return nil, false, nil
		}
		r, err = e.createDatabase(sess, s)
	case *ast.Use:
		err = sqlerr.Unsupported(s.At, "USE").WithHint("a session stays in its database: connect to %s (\\c in psql)", s.Name.Name)
	case *ast.Transaction:
		switch s.Verb {
		case ast.Savepoint, ast.Release, ast.RollbackTo:
			return e.savepoints(sess, s), true, nil
		}
		return nil, false, nil
	case *ast.SetConstraints:
		r = &session.Result{Tag: "SET CONSTRAINTS"}
	default:
		return nil, false, nil
	}
	return r, true, err
}

// wait runs WAIT: until every query of the database has seen what was written before.
func (e *Engine) wait(ctx context.Context, sess *session.Session) error {
	if err := e.flush(ctx, sess); err != nil {
		return err
	}
	cat, err := e.catalogOf(sess)
	if err != nil {
		return err
	}
	all := map[string]bool{}
	for _, r := range cat.Relations() {
		all[r.Topic] = true
	}
	if err := e.opts.Executor.WaitCaughtUp(ctx, e.affected(cat, all)...); err != nil {
		return because(ctx, err)
	}
	clear(workOf(sess).wrote)
	return nil
}

// databaseNameMax keeps names within those of topics.
const databaseNameMax = 63

// createDatabase runs CREATE DATABASE name [WITH (dialect = …)]: a command without changes makes it known.
func (e *Engine) createDatabase(sess *session.Session, s *ast.CreateObject) (*session.Result, error) {
	name := s.Name.Last()
	if !name.Quoted {
		name.Name = strings.ToLower(name.Name)
	}
	dialect := catalog.Postgres
	for _, o := range s.Options {
		switch strings.ToLower(o.Name.Name) {
		case "dialect":
			word, ok := optionText(o)
			dialect = catalog.Dialect(strings.ToLower(word))
			if !ok || dialect != catalog.Postgres && dialect != catalog.KsqlDB {
				return nil, sqlerr.Newf(sqlerr.InvalidParameterValue, o.Name.At, "dialect must be postgres or ksqldb")
			}
		case "owner", "encoding", "template", "lc_collate", "lc_ctype", "locale", "tablespace", "connection":
		default:
			return nil, sqlerr.Newf(sqlerr.SyntaxError, o.Name.At, "unrecognized database option %q", o.Name.Name).WithHint("there is dialect")
		}
	}
	if len(s.Name) != 1 || strings.ContainsFunc(name.Name, func(r rune) bool {
		return r != '_' && r != '-' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) || name.Name == "" || len(name.Name) > databaseNameMax {
		return nil, sqlerr.Newf(sqlerr.InvalidName, s.Name.Pos(), "%q cannot name a database", name.Name).
			WithHint("letters, digits, _ and - make up to %d characters", databaseNameMax)
	}
	return &session.Result{Tag: "CREATE DATABASE", Rows: func(ctx context.Context, _ session.Yield) error {
		if sess.Status() == session.Open {
			return sqlerr.Newf(sqlerr.ActiveTransaction, s.At, "CREATE DATABASE cannot run inside a transaction block")
		}
		now := e.now.Load()
		if now.catalogs[name.Name] != nil {
			return sqlerr.Newf(sqlerr.DuplicateDatabase, s.Name.Pos(), "database %q already exists", name.Name)
		}
		return e.ddl.Append(ctx, &catalog.Command{Database: name.Name, Dialect: dialect}, now.version)
	}}, nil
}

// optionText is an option's value: a string or a bare word.
func optionText(o ast.Property) (string, bool) {
	switch v := o.Value.(type) {
	case *ast.StringLit:
		return v.Value, true
	case *ast.NumberLit:
		return v.Text, true
	case *ast.BoolLit:
		if v.Value {
			return "true", true
		}
		return "false", true
	case *ast.ColumnRef:
		return v.Name.Last().Name, true
	}
	return "", o.Value == nil
}
