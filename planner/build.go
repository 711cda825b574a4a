package planner

import (
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

func requires(ast.Statement, *catalog.Catalog) Needs { return Needs{} }

func plan(_ Facts, stmt ast.Statement, _ string) (*Result, error) {
	return nil, sqlerr.Unsupported(stmt.Pos(), "this statement")
}

func restart(_ Facts, _ *catalog.Query, stmt ast.Statement) (*physical.Plan, error) {
	return nil, sqlerr.Unsupported(stmt.Pos(), "this statement")
}

func materialise(*catalog.Relation, catalog.Dialect) *physical.Plan { return nil }

func bindParams(p *physical.Plan, _ []expr.Expr) (*physical.Plan, error) { return p, nil }
