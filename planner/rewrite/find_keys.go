package rewrite

import (
	"slices"

	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/types"
)

// maxLookups is how many keys are looked up one by one before a scan is the better plan.
const maxLookups = 1000

// FindKeys turns the scan of a table into look-ups when the filter above it pins every column of the key, the window's start included, to
// constants or parameters. A look-up finds nothing for a null, as the comparison would, so the conditions it stands for go; the rest of the
// filter stays.
func FindKeys(n logical.Node) logical.Node {
	return logical.Transform(n, func(n logical.Node) logical.Node {
		f, ok := n.(*logical.Filter)
		if !ok {
			return n
		}
		source, ok := f.Input.(*logical.Source)
		if !ok || !source.Table() || source.Keys != nil {
			return n
		}
		keys, rest := lookups(source, logical.Conjuncts(f.Cond))
		if keys == nil {
			return n
		}
		found := *source
		found.Keys = keys
		return filter(&found, rest)
	})
}

// lookups are the full keys that conditions allow, and the conditions that are not part of them; nil when some part of the key is open.
func lookups(s *logical.Source, conds []expr.Expr) (keys [][]expr.Expr, rest []expr.Expr) {
	keys = [][]expr.Expr{nil}
	used := map[int]bool{}
	for _, at := range keyColumns(s) {
		if at < 0 || !byBytes(s.Columns[at].Type) {
			return nil, nil
		}
		values, by := pinned(at, conds)
		if by < 0 || len(values)*len(keys) > maxLookups {
			return nil, nil
		}
		used[by] = true
		next := make([][]expr.Expr, 0, len(keys)*len(values))
		for _, k := range keys {
			for _, v := range values {
				next = append(next, append(slices.Clip(k), v))
			}
		}
		keys = next
	}
	if len(used) == 0 {
		return nil, nil
	}
	for i, c := range conds {
		if !used[i] {
			rest = append(rest, c)
		}
	}
	return keys, rest
}

// byBytes tells whether equal values of a type are stored alike, so that a look-up finds what a comparison would: not so for
// floating point (0 and -0) and numbers that carry their own scale (1.0 and 1.00).
func byBytes(t types.Type) bool {
	switch t.ID {
	case types.Real, types.Double, types.Interval, types.Array, types.Map, types.Struct:
		return false
	case types.Decimal:
		return t.Precision > 0
	}
	return true
}

// keyColumns are the positions of the key's columns among those read, in the view's order; -1 for one that is not read.
func keyColumns(s *logical.Source) []int {
	var keys []int
	for _, k := range s.Relation.Keys() {
		keys = append(keys, position(s, func(c logical.SourceColumn) bool { return c.Index == k }))
	}
	if s.Relation.Window != nil {
		// The window's start may have been selected: then its column is asked for, and equals the pseudo column.
		start := position(s, func(c logical.SourceColumn) bool {
			return c.Index >= 0 && s.Relation.Columns[c.Index].Bound == "start"
		})
		if start < 0 {
			start = position(s, func(c logical.SourceColumn) bool { return c.Pseudo == logical.WindowStart })
		}
		keys = append(keys, start)
	}
	return keys
}

func position(s *logical.Source, is func(logical.SourceColumn) bool) int {
	for i, c := range s.Columns {
		if is(c) {
			return i
		}
	}
	return -1
}

// pinned are the values conditions allow for a column, and the condition that says so; -1: any value.
func pinned(column int, conds []expr.Expr) ([]expr.Expr, int) {
	for i, c := range conds {
		switch c := c.(type) {
		case *expr.Call:
			if c.Fn.Name != "=" || len(c.Args) != 2 {
				continue
			}
			for side, arg := range c.Args {
				if other := c.Args[1-side]; isColumn(arg, column) && fixed(other) {
					return []expr.Expr{other}, i
				}
			}
		case *expr.In:
			if !isColumn(c.Arg, column) || len(c.List) > maxLookups {
				continue
			}
			values := []expr.Expr{}
			for _, d := range c.List {
				if !d.Null && !contains(values, &expr.Literal{Value: d}) {
					values = append(values, &expr.Literal{Value: d})
				}
			}
			return values, i
		}
	}
	return nil, -1
}

func contains(list []expr.Expr, e expr.Expr) bool {
	for _, have := range list {
		if logical.Equal(have, e) {
			return true
		}
	}
	return false
}

func isColumn(e expr.Expr, index int) bool {
	c, ok := e.(*expr.Column)
	return ok && c.Index == index
}

// fixed tells whether a value is known before the first row: a literal, a parameter, or a cast of one.
func fixed(e expr.Expr) bool {
	switch e := e.(type) {
	case *expr.Literal, *expr.Param:
		return true
	case *expr.Cast:
		return fixed(e.Arg)
	}
	return false
}
