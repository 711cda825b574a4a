package bind

import (
	"slices"
	"strings"

	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// scope is the columns that names may mean.
type scope struct {
	columns []scopeColumn
	tables  []string // range variables, in order
}

// scopeColumn is a column of a FROM item.
type scopeColumn struct {
	table  string
	name   string
	typ    types.Type
	index  int               // in the rows
	hidden bool              // pseudo columns: found by name, not part of *
	merged bool              // the other side of USING: found with its table only
	value  expr.Expr         // of a merged column of a full join, instead of index
	pseudo logical.Pseudo    // of a source
	rel    *catalog.Relation // the relation it is a column of, nil when computed
}

func (s *scope) expr(c *scopeColumn) expr.Expr {
	if c.value != nil {
		return c.value
	}
	return &expr.Column{Index: c.index, Name: c.name, Typ: c.typ}
}

// find looks a column up: table is "" for a bare name. Found several times is an error of 42702. nil: not there.
func (s *scope) find(table, name string, pos sqlerr.Pos) (*scopeColumn, error) {
	var found *scopeColumn
	for _, wantHidden := range []bool{false, true} {
		for i := range s.columns {
			c := &s.columns[i]
			if c.name != name || c.hidden != wantHidden || table != "" && c.table != table || table == "" && c.merged {
				continue
			}
			if found != nil {
				return nil, sqlerr.Newf(sqlerr.AmbiguousColumn, pos, "column reference %q is ambiguous", name)
			}
			found = c
		}
		if found != nil {
			return found, nil
		}
	}
	return nil, nil
}

func (s *scope) hasTable(table string) bool {
	return slices.Contains(s.tables, table)
}

// names lists the columns for hints: of one table, or of all.
func (s *scope) names(table string) []string {
	var list []string
	for _, c := range s.columns {
		if table == "" || c.table == table {
			list = append(list, c.name)
		}
	}
	return list
}

// join is both scopes, right's columns moved behind left's width.
func (s *scope) join(right *scope, width int) *scope {
	all := &scope{tables: append(append([]string(nil), s.tables...), right.tables...)}
	all.columns = append(all.columns, s.columns...)
	for _, c := range right.columns {
		c.index += width
		if c.value != nil {
			c.value = logical.Shift(c.value, width)
		}
		all.columns = append(all.columns, c)
	}
	return all
}

// column resolves a name as written: column, table.column, schema.table.column, and then fields of structs: column.field.
func (b *Binder) column(s *scope, ref *ast.ColumnRef) (expr.Expr, error) {
	name := ref.Name
	parts := make([]string, len(name))
	for i, p := range name {
		parts[i] = b.Fold(p)
	}
	// table.column, with or without a schema before it.
	for skip := 0; skip+1 < len(parts) && skip < 2; skip++ {
		if !s.hasTable(parts[skip]) {
			continue
		}
		c, err := s.find(parts[skip], parts[skip+1], name[skip+1].At)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return nil, b.noColumn(s, parts[skip], parts[skip+1], name[skip+1].At)
		}
		return b.fields(b.at(s.expr(c), ref.At), name[skip+2:])
	}
	c, err := s.find("", parts[0], name[0].At)
	if err != nil {
		return nil, err
	}
	if c != nil {
		return b.fields(b.at(s.expr(c), ref.At), name[1:])
	}
	if len(parts) > 1 {
		e := sqlerr.Newf(sqlerr.UndefinedTable, name[0].At, "missing FROM-clause entry for table %q", parts[len(parts)-2])
		if near := Nearest(parts[len(parts)-2], s.tables); near != "" {
			return nil, e.WithHint("did you mean %q?", near)
		}
		return nil, e
	}
	return nil, b.noColumn(s, "", parts[0], name[0].At)
}

func (b *Binder) noColumn(s *scope, table, name string, pos sqlerr.Pos) error {
	for _, c := range s.columns {
		isPseudo := strings.EqualFold(name, "rowtime") || strings.EqualFold(name, "rowpartition") || strings.EqualFold(name, "rowoffset")
		if isPseudo && c.rel != nil && c.rel.Kind == catalog.Table && (table == "" || table == c.table) {
			return sqlerr.Unsupported(pos, strings.ToUpper(name)+" of a table")
		}
	}
	shown := `"` + name + `"`
	if table != "" {
		shown = table + "." + name
	}
	e := sqlerr.Newf(sqlerr.UndefinedColumn, pos, "column %s does not exist", shown)
	if near := Nearest(name, s.names(table)); near != "" {
		return e.WithHint("did you mean %q?", near)
	}
	return e
}

// at remembers where a column was written.
func (b *Binder) at(e expr.Expr, pos sqlerr.Pos) expr.Expr {
	if c, ok := e.(*expr.Column); ok {
		b.places[c] = pos
	}
	return e
}

// fields follows names into structs.
func (b *Binder) fields(e expr.Expr, names ast.Name) (expr.Expr, error) {
	for _, n := range names {
		next, err := b.field(e, n)
		if err != nil {
			return nil, err
		}
		e = next
	}
	return e, nil
}

// field is one member of a struct: exact name first, then regardless of case.
func (b *Binder) field(e expr.Expr, id ast.Ident) (expr.Expr, error) {
	t := e.Type()
	if t.ID != types.Struct {
		return nil, sqlerr.Newf(sqlerr.WrongObjectType, id.At, "column notation .%s applied to type %s, which is not a composite type", id.Name, t.String())
	}
	var names []string
	for i, f := range t.Fields {
		if f.Name == id.Name || f.Name == b.Fold(id) {
			return &expr.FieldOf{Arg: e, Index: i, Typ: f.Type}, nil
		}
		names = append(names, f.Name)
	}
	err := sqlerr.Newf(sqlerr.UndefinedColumn, id.At, "column %q not found in data type %s", id.Name, t.String())
	if near := Nearest(id.Name, names); near != "" {
		return nil, err.WithHint("did you mean %q?", near)
	}
	return nil, err
}
