package planner

import (
	"strings"

	"github.com/freshetdb/freshet/planner/bind"
	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/planner/rewrite"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// Settings that shape plans, by name.
const (
	settingTimeZone         = "timezone"
	settingOffsetReset      = "auto.offset.reset"
	settingEmitIntermediate = "emit_intermediate"
	settingValueFormat      = "ksql.persistence.default.format.value"
	settingKeyFormat        = "ksql.persistence.default.format.key"
)

// planSettings are those kept with a query, since they change its plan.
var planSettings = []string{settingTimeZone, settingOffsetReset, settingEmitIntermediate}

// planning is one statement being planned.
type planning struct {
	Facts
	text string
}

func plan(facts Facts, stmt ast.Statement, text string) (*Result, error) {
	p := &planning{Facts: facts, text: text}
	r, err := p.statement(stmt)
	if err != nil {
		return nil, sqlerr.From(err).WithPos(stmt.Pos())
	}
	return r, nil
}

func (p *planning) statement(stmt ast.Statement) (*Result, error) {
	switch s := stmt.(type) {
	case *ast.Query:
		return p.query(s)
	case *ast.CreateRelation:
		return p.create(s)
	case *ast.Insert:
		return p.insert(s)
	case *ast.Drop:
		return p.drop(s)
	case *ast.QueryControl:
		return p.control(s)
	case *ast.Comment:
		return p.comment(s)
	case *ast.Show:
		return p.show(s)
	case *ast.ShowSetting:
		return p.showSetting(s)
	case *ast.Describe:
		return p.describe(s)
	case *ast.Explain:
		return p.explain(s)
	case *ast.Print:
		return p.print(s)
	case *ast.Set:
		return p.set(s)
	case *ast.Reset:
		return p.reset(s)
	case *ast.Transaction:
		return p.transaction(s)
	}
	return nil, sqlerr.Unsupported(stmt.Pos(), feature(stmt))
}

func (p *planning) dialect() functions.Dialect { return bind.FunctionDialect(p.Catalog.Dialect()) }

func (p *planning) setting(name string) string {
	if v, ok := p.Settings[name]; ok {
		return v
	}
	return p.Settings["ksql.streams."+name]
}

func (p *planning) binder(kept bool) *bind.Binder {
	return bind.New(bind.Options{
		Catalog: p.Catalog, Functions: p.Functions, Virtual: p.Virtual, Objects: p.Objects, Params: p.Params,
		Now: p.Now, TimeZone: p.setting(settingTimeZone), Kept: kept,
	})
}

// fold computes constants as the statement's session would.
func (p *planning) fold(e expr.Expr) expr.Expr {
	return expr.Fold(e, &functions.Context{Now: p.Now.UnixMicro(), TimeZone: p.setting(settingTimeZone), Dialect: p.dialect()})
}

// steps rewrites a logical plan and chooses its steps.
func (p *planning) steps(n logical.Node, mode physical.Mode) (physical.Step, error) {
	n = rewrite.Apply(n, rewrite.Default(rewrite.Options{OneShot: mode == physical.OneShot, Fold: p.fold}))
	return physical.Build(n, physical.BuildOptions{
		Mode:   mode,
		Latest: strings.EqualFold(p.setting(settingOffsetReset), "latest"),
		Each:   isOn(p.setting(settingEmitIntermediate)),
	})
}

func isOn(v string) bool {
	switch strings.ToLower(v) {
	case "on", "true", "1", "yes", "t", "y":
		return true
	}
	return false
}

// query plans a SELECT: once, or with EMIT until the client goes away.
func (p *planning) query(q *ast.Query) (*Result, error) {
	mode, kind := physical.OneShot, KindSelect
	if q.Emit != ast.EmitNone {
		mode, kind = physical.Push, KindPush
	}
	b := p.binder(mode == physical.Push)
	bound, err := b.BindQuery(q)
	if err != nil {
		return nil, err
	}
	if mode == physical.Push && len(logical.Sources(bound.Node)) == 0 {
		return nil, sqlerr.Newf(sqlerr.WrongObjectType, q.EmitAt.At, "EMIT needs a stream or table to read")
	}
	if q.Emit == ast.EmitFinal {
		if bound.Node, err = final(bound, q.EmitAt.At); err != nil {
			return nil, err
		}
	}
	root, err := p.steps(bound.Node, mode)
	if err != nil {
		return nil, err
	}
	r := &Result{
		Kind: kind, Tag: "SELECT", Columns: bound.Columns, ParamTypes: b.Params(),
		Plan: &physical.Plan{Mode: mode, Dialect: p.dialect(), Root: root, Output: bound.Columns, Limit: -1},
	}
	if lit, ok := bound.Limit.(*expr.Literal); ok {
		r.Plan.Limit = lit.Value.I
	} else if bound.Limit != nil {
		return nil, sqlerr.Unsupported(q.Limit.Pos(), "a parameter as LIMIT of a push query")
	}
	if mode == physical.OneShot {
		for _, rel := range logical.Sources(bound.Node) {
			if rel.Kind == catalog.Table && !rel.Materialised {
				r.Materialise = append(r.Materialise, rel)
			}
		}
	}
	return r, nil
}

// final makes the windowed aggregate below emit each window once, when it closes.
func final(q *bind.Query, pos sqlerr.Pos) (logical.Node, error) {
	if q.Core == nil || q.Core.Window == nil {
		return nil, sqlerr.Newf(sqlerr.WindowingError, pos, "EMIT FINAL is only for windowed aggregations").
			WithHint("use EMIT CHANGES, or add a WINDOW clause")
	}
	return finalised(q.Node), nil
}

func finalised(n logical.Node) logical.Node {
	return logical.Transform(n, func(n logical.Node) logical.Node {
		a, ok := n.(*logical.Aggregate)
		if !ok || a.Window == nil {
			return n
		}
		c := *a
		c.Final = true
		return &c
	})
}

// noParams refuses parameters where a statement is kept as text.
func noParams(b *bind.Binder, pos sqlerr.Pos) error {
	if len(b.Params()) > 0 {
		return sqlerr.Newf(sqlerr.UndefinedParameter, pos, "a statement that defines objects cannot have parameters")
	}
	return nil
}

// textColumns are columns of text, for SHOW and its like.
func textColumns(names ...string) types.Columns {
	columns := make(types.Columns, len(names))
	for i, n := range names {
		columns[i] = types.Column{Name: n, Type: types.Of(types.String)}
	}
	return columns
}
