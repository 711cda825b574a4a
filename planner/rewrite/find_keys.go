package rewrite

import (
	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/expr"
)

// maxLookups is how many keys are looked up one by one before a scan is the better plan.
const maxLookups = 1000

// FindKeys turns the scan of a table into look-ups when the filter above it pins every column of the key, the window's start included, to
// constants or parameters. The filter stays: it also tests what the key does not.
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
		keys := lookups(source, logical.Conjuncts(f.Cond))
		if keys == nil {
			return n
		}
		found := *source
		found.Keys = keys
		return &logical.Filter{Input: &found, Cond: f.Cond}
	})
}

// lookups are the full keys that conditions allow, nil when some part of the key is open.
func lookups(s *logical.Source, conds []expr.Expr) [][]expr.Expr {
	keys := [][]expr.Expr{nil}
	for _, at := range keyColumns(s) {
		values := pinned(at, conds)
		if values == nil || len(values)*len(keys) > maxLookups {
			return nil
		}
		next := make([][]expr.Expr, 0, len(keys)*len(values))
		for _, k := range keys {
			for _, v := range values {
				next = append(next, append(k[:len(k):len(k)], v))
			}
		}
		keys = next
	}
	if len(keys[0]) == 0 {
		return nil
	}
	return keys
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

// pinned are the values conditions allow for a column, nil when any.
func pinned(column int, conds []expr.Expr) []expr.Expr {
	for _, c := range conds {
		switch c := c.(type) {
		case *expr.Call:
			if c.Fn.Name != "=" || len(c.Args) != 2 {
				continue
			}
			for i, side := range c.Args {
				if other := c.Args[1-i]; isColumn(side, column) && fixed(other) {
					return []expr.Expr{other}
				}
			}
		case *expr.In:
			if !isColumn(c.Arg, column) {
				continue
			}
			var values []expr.Expr
			for _, d := range c.List {
				if !d.Null && !contains(values, &expr.Literal{Value: d}) {
					values = append(values, &expr.Literal{Value: d})
				}
			}
			return values
		}
	}
	return nil
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
