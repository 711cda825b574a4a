package planner

import (
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/planner/bind"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// set plans SET: the value as text; whether the setting exists is the session's to tell.
func (p *planning) set(s *ast.Set) (*Result, error) {
	if s.Current {
		return nil, sqlerr.Unsupported(s.At, "SET … FROM CURRENT")
	}
	set := &Set{Name: settingName(s.Name), Local: s.Scope == ast.ScopeLocal, Reset: len(s.Values) == 0}
	parts := make([]string, len(s.Values))
	for i, v := range s.Values {
		text, err := propertyText(ast.Property{Name: s.Name.Last(), Value: v})
		if err != nil {
			return nil, err
		}
		parts[i] = text
	}
	set.Value = strings.Join(parts, ", ")
	return &Result{Kind: KindSet, Tag: "SET", Set: set}, nil
}

func settingName(name ast.Name) string {
	parts := make([]string, len(name))
	for i, part := range name {
		parts[i] = strings.ToLower(part.Name)
	}
	return strings.Join(parts, ".")
}

func (p *planning) reset(s *ast.Reset) (*Result, error) {
	return &Result{Kind: KindSet, Tag: "RESET", Set: &Set{Name: settingName(s.Name), Reset: true}}, nil
}

func (p *planning) showSetting(s *ast.ShowSetting) (*Result, error) {
	name := settingName(s.Name)
	columns := textColumns(name)
	if name == "" {
		columns = textColumns("name", "setting", "description")
	}
	return &Result{Kind: KindShow, Tag: "SHOW", Show: Show{What: "SETTING", Name: name}, Columns: columns}, nil
}

func (p *planning) transaction(s *ast.Transaction) (*Result, error) {
	switch s.Verb {
	case ast.Savepoint, ast.Release, ast.RollbackTo:
		return nil, sqlerr.Unsupported(s.At, string(s.Verb))
	}
	if s.Chain {
		return nil, sqlerr.Unsupported(s.At, "AND CHAIN")
	}
	tag := map[ast.TransactionVerb]string{
		ast.Begin: "BEGIN", ast.StartTransaction: "START TRANSACTION", ast.Commit: "COMMIT", ast.End: "COMMIT", ast.Rollback: "ROLLBACK",
		ast.Abort: "ROLLBACK", ast.SetTransaction: "SET", ast.SetSession: "SET",
	}[s.Verb]
	return &Result{Kind: KindTransaction, Tag: tag, Verb: s.Verb}, nil
}

// print plans PRINT topic. A relation's name serves as well, when no topic has it.
func (p *planning) print(s *ast.Print) (*Result, error) {
	out := &Print{Topic: s.Topic.Name, FromBeginning: s.FromBeginning, Interval: 1, Limit: -1}
	if !p.Topics[out.Topic].Exists {
		rel := p.Catalog.Relation(bind.Fold(p.Catalog.Dialect(), s.Topic))
		if rel == nil {
			var topics []string
			for _, r := range p.Catalog.Relations() {
				topics = append(topics, r.Topic)
			}
			e := sqlerr.Newf(sqlerr.UndefinedObject, s.Topic.At, "topic %q does not exist", s.Topic.Name)
			if near := bind.Nearest(s.Topic.Name, topics); near != "" {
				return nil, e.WithHint("did you mean %q?", near)
			}
			return nil, e
		}
		out.Topic = rel.Topic
	}
	var err error
	if s.Interval != nil {
		if out.Interval, err = count(s.Interval, 1); err != nil {
			return nil, err
		}
	}
	if s.Limit != nil {
		if out.Limit, err = count(s.Limit, 0); err != nil {
			return nil, err
		}
	}
	columns := types.Columns{
		{Name: "partition", Type: types.Of(types.Int)},
		{Name: "offset", Type: types.Of(types.BigInt)},
		{Name: "timestamp", Type: types.Of(types.Timestamp)},
		{Name: "key", Type: types.Of(types.String)},
		{Name: "value", Type: types.Of(types.String)},
	}
	return &Result{Kind: KindPrint, Tag: "PRINT", Print: out, Columns: columns}, nil
}

func count(e ast.Expr, least int64) (int64, error) {
	if lit, ok := e.(*ast.NumberLit); ok {
		if n, err := strconv.ParseInt(lit.Text, 10, 64); err == nil && n >= least {
			return n, nil
		}
	}
	return 0, sqlerr.Newf(sqlerr.InvalidParameterValue, e.Pos(), "a whole number from %d is expected here", least)
}

// feature names a statement that is understood but not run.
func feature(stmt ast.Statement) string {
	switch s := stmt.(type) {
	case *ast.CreateView:
		if s.Materialized {
			return "CREATE MATERIALIZED VIEW"
		}
		return "CREATE VIEW"
	case *ast.CreateIndex:
		return "CREATE INDEX"
	case *ast.CreateType:
		return "CREATE TYPE"
	case *ast.CreateConnector:
		return "CREATE CONNECTOR"
	case *ast.CreateSink:
		return "CREATE SINK"
	case *ast.CreateFunction:
		return "CREATE FUNCTION"
	case *ast.CreateObject:
		return "CREATE " + string(s.Kind)
	case *ast.Alter:
		return "ALTER " + string(s.Kind)
	case *ast.AlterSystem:
		return "ALTER SYSTEM"
	case *ast.Update:
		return "UPDATE"
	case *ast.Delete:
		return "DELETE"
	case *ast.Copy:
		return "COPY"
	case *ast.Grant:
		return "GRANT"
	case *ast.Truncate:
		return "TRUNCATE"
	case *ast.Refresh:
		return "REFRESH"
	case *ast.DeclareCursor:
		return "DECLARE CURSOR"
	case *ast.Fetch:
		return "FETCH"
	case *ast.Close:
		return "CLOSE"
	case *ast.Prepare:
		return "PREPARE"
	case *ast.Execute:
		return "EXECUTE"
	case *ast.Deallocate:
		return "DEALLOCATE"
	case *ast.Discard:
		return "DISCARD"
	case *ast.Assert:
		return "ASSERT"
	case *ast.Define, *ast.Undefine:
		return "DEFINE"
	case *ast.RunScript:
		return "RUN SCRIPT"
	case *ast.Spool:
		return "SPOOL"
	case *ast.Wait:
		return "WAIT"
	case *ast.Listen:
		return s.Verb
	case *ast.Maintain:
		return s.Verb
	case *ast.Do:
		return "DO"
	case *ast.CallProcedure:
		return "CALL"
	case *ast.Use:
		return "USE"
	case *ast.Kill:
		return "KILL"
	case *ast.SetConstraints:
		return "SET CONSTRAINTS"
	}
	return "this statement"
}
