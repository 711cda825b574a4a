// Package pgcatalog is pg_catalog and information_schema as virtual tables, for psql's \d and BI tools.
//
// The tables are ordinary relations under the ordinary planner; their rows are made from the catalogue when a statement reads them.
// Streams show as tables, tables filled by a query as materialized views, other tables as tables; keys of tables as primary keys with
// an index of their own.
package pgcatalog

import (
	"context"
	"fmt"
	"hash/fnv"

	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Facts are what the rows are made from.
type Facts struct {
	Catalog   *catalog.Catalog
	Databases []string
	User      string
	Settings  []Setting
}

// Setting is a row of pg_settings.
type Setting struct{ Name, Value, Help string }

// Numbers of objects that are the same everywhere. Source: PostgreSQL's src/include/catalog.
const (
	oidPgCatalog         = 11
	oidPublic            = 2200
	oidInformationSchema = 13000
	oidOwner             = 10
	oidHeap              = 2
	oidBtree             = 403
	oidDefaultCollation  = 100
	oidClassPgClass      = 1259
	firstUserOID         = 16384
)

// Tables yields the rows of virtual tables. It is immutable.
type Tables struct{ columns map[string]types.Columns }

// New makes the tables.
func New() *Tables { return &Tables{columns: Columns()} }

// Columns are the columns of every table by qualified name; the map is shared and must not be changed.
func (t *Tables) Columns() map[string]types.Columns { return t.columns }

// Rows pushes all rows of a table, all columns. Errors: 42P01, ctx's, push's.
func (t *Tables) Rows(ctx context.Context, name string, facts Facts, push func(*vector.Chunk) error) error {
	columns := t.columns[name]
	if columns == nil {
		return sqlerr.Newf(sqlerr.UndefinedTable, 0, "relation %q does not exist", name)
	}
	m := &maker{Facts: facts, rows: &rows{columns: columns, push: push, ctx: ctx}, oids: numbers(facts.Catalog)}
	fill, ok := makers[name]
	if !ok {
		return nil
	}
	fill(m)
	return m.rows.flush()
}

// maker makes the rows of one table.
type maker struct {
	Facts
	rows *rows
	oids map[string]int64 // of relations, by id
}

// numbers gives every relation a number that stays the same as long as it lives: made from its id, moved on when taken.
func numbers(cat *catalog.Catalog) map[string]int64 {
	taken, oids := map[int64]bool{}, map[string]int64{}
	for _, r := range cat.Relations() {
		h := fnv.New32a()
		h.Write([]byte(r.ID)) // a hash takes every write
		// Even numbers are relations', the odd one after each its primary key's.
		n := firstUserOID + int64(h.Sum32()>>3)*2
		for taken[n] {
			n += 2
		}
		taken[n] = true
		oids[r.ID] = n
	}
	return oids
}

// rows collects rows into chunks.
type rows struct {
	columns types.Columns
	push    func(*vector.Chunk) error
	ctx     context.Context //nolint:containedctx // of one call of Rows
	chunk   *vector.Chunk
	err     error
}

// value names a column's value.
type values map[string]any

// add appends a row; columns not named are null. A value is a string, bool, int, int64, float64, []string or []int64.
func (r *rows) add(row values) {
	if r.err != nil {
		return
	}
	if r.chunk == nil {
		r.chunk = &vector.Chunk{}
		for _, c := range r.columns {
			v := &vector.Vector{}
			v.Reset(c.Type, 0)
			r.chunk.Cols = append(r.chunk.Cols, v)
		}
	}
	named := 0
	for i, c := range r.columns {
		value, ok := row[c.Name]
		if ok {
			named++
		}
		appendValue(r.chunk.Cols[i], value)
	}
	if named != len(row) {
		panic(fmt.Sprintf("pgcatalog: a row of %v names a column that is not there", row)) // the tests make every row
	}
	if r.chunk.N++; r.chunk.N == vector.MaxRows {
		r.err = r.flush()
	}
}

func (r *rows) flush() error {
	if r.err != nil || r.chunk == nil {
		return r.err
	}
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	c := r.chunk
	r.chunk = nil
	return r.push(c)
}

func appendValue(v *vector.Vector, value any) {
	switch x := value.(type) {
	case nil:
		v.AppendNull()
	case string:
		v.AppendString(x)
	case bool:
		v.AppendBool(x)
	case int:
		v.AppendInt(int64(x))
	case int64:
		v.AppendInt(x)
	case float64:
		v.AppendFloat(x)
	case []string:
		for _, s := range x {
			v.Kids[0].AppendString(s)
		}
		v.EndList()
	case []int64:
		for _, n := range x {
			v.Kids[0].AppendInt(n)
		}
		v.EndList()
	default:
		panic(fmt.Sprintf("pgcatalog: a value of type %T", value))
	}
}
