package bind

import (
	"strings"

	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// cteScope is the WITH queries in sight, innermost first.
type cteScope struct {
	outer  *cteScope
	name   string
	table  *ast.CommonTable
	hidden bool // while it is bound itself
}

// from binds a FROM clause; without one the input is a single row of no columns.
func (b *Binder) from(items []ast.Relation) (logical.Node, *scope, error) {
	if len(items) == 0 {
		return &logical.Values{Rows: [][]expr.Expr{{}}}, &scope{}, nil
	}
	node, s, err := b.relation(items[0])
	if err != nil {
		return nil, nil, err
	}
	for _, item := range items[1:] {
		if b.Kept {
			return nil, nil, sqlerr.Unsupported(item.Pos(), "a join in a kept query")
		}
		right, rs, err := b.relation(item)
		if err != nil {
			return nil, nil, err
		}
		if node, s, err = b.joined(logical.Cross, node, right, s, rs, item.Pos()); err != nil {
			return nil, nil, err
		}
	}
	return node, s, nil
}

func (b *Binder) relation(r ast.Relation) (logical.Node, *scope, error) {
	if b.items++; b.items > maxItems {
		return nil, nil, sqlerr.Newf(sqlerr.StatementTooComplex, r.Pos(), "statement reads more than %d relations", maxItems)
	}
	switch r := r.(type) {
	case *ast.Table:
		return b.table(r)
	case *ast.Derived:
		return b.derived(r)
	case *ast.Join:
		return b.join(r)
	}
	return nil, nil, sqlerr.Unsupported(r.Pos(), "a table function in FROM")
}

func (b *Binder) table(t *ast.Table) (logical.Node, *scope, error) {
	switch {
	case t.AsOf != nil:
		return nil, nil, sqlerr.Unsupported(t.AsOf.Pos(), "FOR SYSTEM_TIME AS OF")
	case t.Sample != nil:
		return nil, nil, sqlerr.Unsupported(t.Sample.At, "TABLESAMPLE")
	}
	name := b.Fold(t.Name.Last())
	if len(t.Name) == 1 {
		for c := b.ctes; c != nil; c = c.outer {
			if c.name == name && !c.hidden {
				return b.commonTable(c, t)
			}
		}
	}
	if qualified, columns, ok := b.virtual(t.Name); ok {
		if b.Kept {
			return nil, nil, sqlerr.Newf(sqlerr.WrongObjectType, t.Name.Pos(), "%q is a system table: it cannot be read by a query that is kept", name)
		}
		node := &logical.Virtual{Name: qualified, All: columns}
		s := &scope{}
		for i, c := range columns {
			node.Indexes = append(node.Indexes, i)
			s.columns = append(s.columns, scopeColumn{name: c.Name, typ: c.Type, index: i})
		}
		return node, s, b.alias(s, name, t.Alias)
	}
	rel, err := Relation(b.Catalog, t.Name)
	if err != nil {
		return nil, nil, err
	}
	node, s := b.source(rel)
	if node.Start, err = b.start(t.Start); err != nil {
		return nil, nil, err
	}
	if err := b.alias(s, name, t.Alias); err != nil {
		return nil, nil, err
	}
	node.Alias = s.tables[0]
	return node, s, nil
}

// virtual finds a system table: qualified by its schema, or bare in pg_catalog, which is searched first as Postgres does.
func (b *Binder) virtual(name ast.Name) (string, types.Columns, bool) {
	parts := make([]string, len(name))
	for i, p := range name {
		parts[i] = strings.ToLower(p.Name)
	}
	qualified := "pg_catalog." + parts[len(parts)-1]
	if len(parts) > 1 {
		qualified = parts[len(parts)-2] + "." + parts[len(parts)-1]
	}
	if len(parts) == 3 && parts[0] != strings.ToLower(b.Catalog.Database()) {
		return "", nil, false
	}
	columns, ok := b.Virtual[qualified]
	return qualified, columns, ok
}

// Names of pseudo columns. The spellings with an underscore are ours, in both dialects.
var pseudoNames = []struct {
	name   string
	pseudo logical.Pseudo
}{
	{"rowtime", logical.RowTime},
	{"rowpartition", logical.RowPartition},
	{"rowoffset", logical.RowOffset},
	{"window_start", logical.WindowStart},
	{"window_end", logical.WindowEnd},
	{"windowstart", logical.WindowStart},
	{"windowend", logical.WindowEnd},
}

// instant is the type of ROWTIME and of window bounds: TIMESTAMP, or BIGINT ms in the ksqldb dialect.
func (b *Binder) instant() types.Type {
	if b.Ksql() {
		return types.Of(types.BigInt)
	}
	return types.Of(types.Timestamp)
}

func (b *Binder) pseudoType(p logical.Pseudo) types.Type {
	switch p {
	case logical.RowPartition:
		return types.Of(types.Int)
	case logical.RowOffset:
		return types.Of(types.BigInt)
	}
	return b.instant()
}

// source reads all of a relation, pseudo columns included; pruning leaves out what is not used.
func (b *Binder) source(rel *catalog.Relation) (*logical.Source, *scope) {
	node, s := &logical.Source{Relation: rel}, &scope{}
	for i, c := range rel.Columns {
		node.Columns = append(node.Columns, logical.SourceColumn{Index: i, Name: c.Name, Type: c.Type})
		if !c.Hidden {
			s.columns = append(s.columns, scopeColumn{name: c.Name, typ: c.Type, index: i, rel: rel})
		}
	}
	added := map[logical.Pseudo]int{}
	for _, ps := range pseudoNames {
		ofWindow := ps.pseudo == logical.WindowStart || ps.pseudo == logical.WindowEnd
		if ofWindow && rel.Window == nil || !ofWindow && rel.Kind == catalog.Table && (!b.Kept || ps.pseudo != logical.RowTime) {
			continue
		}
		name := b.Fold(ast.Ident{Name: ps.name})
		if rel.Column(name) >= 0 {
			continue
		}
		at, have := added[ps.pseudo]
		if !have {
			at = len(node.Columns)
			added[ps.pseudo] = at
			node.Columns = append(node.Columns, logical.SourceColumn{Index: -1, Pseudo: ps.pseudo, Name: name, Type: b.pseudoType(ps.pseudo)})
		}
		// A windowed table shows its window in *, under the dialect's own spelling.
		shown := ofWindow && rel.Kind == catalog.Table && strings.Contains(ps.name, "_") != b.Ksql()
		s.columns = append(s.columns, scopeColumn{name: name, typ: b.pseudoType(ps.pseudo), index: at, hidden: !shown, pseudo: ps.pseudo, rel: rel})
	}
	return node, s
}

// start binds where a source begins, nil when the statement does not say.
func (b *Binder) start(at *ast.StartAt) (*catalog.Start, error) {
	if at == nil {
		return nil, nil
	}
	switch at.Kind {
	case ast.StartLatest:
		return &catalog.Start{Latest: true}, nil
	case ast.StartEarliest:
		return &catalog.Start{}, nil
	case ast.StartOffset:
		return nil, sqlerr.Unsupported(at.At, "FROM OFFSET")
	}
	e, err := b.Scalar(at.Expr)
	if err != nil {
		return nil, err
	}
	e, err = b.Assign(e, "FROM TIMESTAMP", types.Of(types.Timestamp), at.Expr.Pos())
	if err != nil {
		return nil, err
	}
	d, ok := b.datum(e)
	if !ok || d.Null {
		return nil, sqlerr.Newf(sqlerr.InvalidParameterValue, at.Expr.Pos(), "FROM TIMESTAMP must be a constant")
	}
	ms := d.I / 1000
	return &catalog.Start{TimestampMS: &ms}, nil
}

// alias names a FROM item and renames its columns. Errors: 42P10 when there are more aliases than columns.
func (b *Binder) alias(s *scope, name string, a *ast.Alias) error {
	if a != nil {
		if a.Types != nil {
			return sqlerr.Unsupported(a.At, "column types in an alias")
		}
		if a.Name.Given() {
			name = b.Fold(a.Name)
		}
		at := 0
		for _, id := range a.Columns {
			for at < len(s.columns) && s.columns[at].hidden {
				at++
			}
			if at == len(s.columns) {
				return sqlerr.Newf(sqlerr.InvalidColumnReference, id.At, "table %q has fewer columns than column aliases", name)
			}
			s.columns[at].name = b.Fold(id)
			at++
		}
	}
	s.tables = []string{name}
	for i := range s.columns {
		s.columns[i].table = name
	}
	return nil
}

func (b *Binder) derived(d *ast.Derived) (logical.Node, *scope, error) {
	if d.Lateral {
		return nil, nil, sqlerr.Unsupported(d.At, "LATERAL")
	}
	return b.subquery(d.Query, "", d.Alias)
}

// subquery binds a query as an item of FROM.
func (b *Binder) subquery(q *ast.Query, name string, a *ast.Alias) (logical.Node, *scope, error) {
	if err := b.enter(q.Pos()); err != nil {
		return nil, nil, err
	}
	defer b.leave()
	bound, err := b.query(q)
	if err != nil {
		return nil, nil, err
	}
	s := &scope{}
	for i, c := range bound.Columns {
		s.columns = append(s.columns, scopeColumn{name: c.Name, typ: c.Type, index: i})
	}
	return bound.Node, s, b.alias(s, name, a)
}

// commonTable binds a reference to a WITH query, each time anew.
func (b *Binder) commonTable(c *cteScope, t *ast.Table) (logical.Node, *scope, error) {
	q, ok := c.table.Query.(*ast.Query)
	if !ok {
		return nil, nil, sqlerr.Unsupported(c.table.Query.Pos(), "a statement that changes data in WITH")
	}
	outer := b.ctes
	b.ctes = c.outer
	defer func() { b.ctes = outer }()
	node, s, err := b.subquery(q, c.name, &ast.Alias{Columns: c.table.Columns})
	if err != nil {
		return nil, nil, err
	}
	return node, s, b.alias(s, c.name, t.Alias)
}
