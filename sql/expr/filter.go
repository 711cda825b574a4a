package expr

import (
	"bytes"
	"cmp"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// filter lists in dst, which is long enough, the rows of sel (nil: all) for which n is true, and gives dst cut to them.
func filter(n node, c *vector.Chunk, sel, dst []uint16) ([]uint16, error) {
	switch n := n.(type) {
	case *logicNode:
		if n.closes == 0 {
			return n.filterAnd(c, sel, dst)
		}
		return n.filterOr(c, sel, dst)
	case *compareNode:
		return n.filter(c, sel, dst)
	}
	v, err := n.eval(c, sel)
	if err != nil {
		return nil, err
	}
	return filterBool(v, c.N, sel, dst), nil
}

func filterBool(v *vector.Vector, n int, sel, dst []uint16) []uint16 {
	if v.Const {
		if v.IsNull(0) || v.I[0] == 0 {
			return dst[:0]
		}
		return copyRows(dst, n, sel)
	}
	k := 0
	if sel == nil {
		for i, x := range v.I[:n] {
			dst[k] = uint16(i)
			k += int(x & 1)
		}
	} else {
		for _, i := range sel {
			dst[k] = i
			k += int(v.I[i] & 1)
		}
	}
	return notNull(v, dst[:k])
}

func copyRows(dst []uint16, n int, sel []uint16) []uint16 {
	if sel == nil {
		return allRows(dst, n)
	}
	return dst[:copy(dst, sel)]
}

// notNull drops rows at which v is null, in place.
func notNull(v *vector.Vector, rows []uint16) []uint16 {
	if !v.HasNulls() {
		return rows
	}
	return appendNotNull(rows[:0], v, 0, nonNil(rows))
}

func nonNil(rows []uint16) []uint16 {
	if rows == nil {
		return []uint16{}
	}
	return rows
}

func (n *logicNode) filterAnd(c *vector.Chunk, sel, dst []uint16) ([]uint16, error) {
	n.scratch = room(n.scratch, c.N)
	left, err := filter(n.left, c, sel, n.scratch)
	if err != nil || len(left) == 0 {
		return dst[:0], err
	}
	return filter(n.right, c, left, dst)
}

func (n *logicNode) filterOr(c *vector.Chunk, sel, dst []uint16) ([]uint16, error) {
	n.scratch = room(n.scratch, c.N)
	left, err := filter(n.left, c, sel, n.scratch)
	if err != nil {
		return nil, err
	}
	if sel == nil {
		n.open = without(n.open[:0], allRows(dst, c.N), left)
	} else {
		n.open = without(n.open[:0], sel, left)
	}
	if len(n.open) == 0 {
		return dst[:copy(dst, left)], nil
	}
	right, err := filter(n.right, c, n.open, dst)
	if err != nil || len(left) == 0 {
		return right, err
	}
	n.open = append(n.open[:0], right...) // merging overwrites dst
	return merge(dst[:0], left, n.open), nil
}

// merge appends two ascending lists without common rows.
func merge(dst, a, b []uint16) []uint16 {
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			dst, a = append(dst, a[0]), a[1:]
		} else {
			dst, b = append(dst, b[0]), b[1:]
		}
	}
	return append(append(dst, a...), b...)
}

// compareNode is a comparison whose filter runs over the values directly; its eval is the call's own.
type compareNode struct {
	*callNode
	op string
}

// newCompare recognises a comparison of values held in one kind of slice; nil otherwise.
func newCompare(n *callNode) node {
	switch n.call.Fn.Name {
	case "=", "<>", "!=", "<", "<=", ">", ">=":
	default:
		return nil
	}
	if len(n.args) != 2 {
		return nil
	}
	a, b := n.args[0].typ(), n.args[1].typ()
	switch {
	case word(a.ID) && word(b.ID):
	case float(a.ID) && float(b.ID):
	case a.ID == types.String && b.ID == types.String:
	default:
		return nil
	}
	return &compareNode{callNode: n, op: n.call.Fn.Name}
}

func float(id types.ID) bool { return id == types.Real || id == types.Double }

func (n *compareNode) filter(c *vector.Chunk, sel, dst []uint16) ([]uint16, error) {
	l, err := n.args[0].eval(c, sel)
	if err != nil {
		return nil, err
	}
	r, err := n.args[1].eval(c, sel)
	if err != nil {
		return nil, err
	}
	if l.Const && !r.Const {
		return compareRows(swapped(n.op), r, l, c.N, sel, dst), nil
	}
	return compareRows(n.op, l, r, c.N, sel, dst), nil
}

// swapped is the operator with its sides exchanged.
func swapped(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return op
}

// compareRows lists the rows at which l op r; r may be Const, l only if r is.
func compareRows(op string, l, r *vector.Vector, n int, sel, dst []uint16) []uint16 {
	if r.Const && r.IsNull(0) {
		return dst[:0]
	}
	if l.Const {
		if l.IsNull(0) || !holds(op, vector.Compare(l, 0, r, 0)) {
			return dst[:0]
		}
		return copyRows(dst, n, sel)
	}
	var out []uint16
	switch {
	case l.Type.ID == types.String:
		out = compareTexts(op, l, r, n, sel, dst)
	case word(l.Type.ID) && r.Const:
		out = filterConst(op, l.I, r.I[0], n, sel, dst)
	case word(l.Type.ID):
		out = filterPairs(op, l.I, r.I, n, sel, dst)
	case r.Const && r.F[0] == r.F[0]:
		out = filterConst(op, l.F, r.F[0], n, sel, dst)
	default:
		out = compareFloats(op, l, r, n, sel, dst)
	}
	out = notNull(l, out)
	if !r.Const {
		out = notNull(r, out)
	}
	return out
}

func holds(op string, c int) bool {
	switch op {
	case "=":
		return c == 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	case ">=":
		return c >= 0
	}
	return c != 0
}

// filterConst compares with a constant without branching on the outcome. The negated forms put NaN above every number, as Postgres
// does. One loop an operator: a function value would not be inlined.
func filterConst[T cmp.Ordered](op string, col []T, x T, n int, sel, dst []uint16) []uint16 {
	if sel == nil {
		return filterConstAll(op, col[:n], x, dst)
	}
	k := 0
	switch op {
	case "=":
		for _, i := range sel {
			dst[k] = i
			k += bit(col[i] == x)
		}
	case "<":
		for _, i := range sel {
			dst[k] = i
			k += bit(col[i] < x)
		}
	case "<=":
		for _, i := range sel {
			dst[k] = i
			k += bit(col[i] <= x)
		}
	case ">":
		for _, i := range sel {
			dst[k] = i
			k += bit(col[i] > x)
		}
	case ">=":
		for _, i := range sel {
			dst[k] = i
			k += bit(col[i] >= x)
		}
	default:
		for _, i := range sel {
			dst[k] = i
			k += bit(col[i] != x)
		}
	}
	return dst[:k]
}

func filterConstAll[T cmp.Ordered](op string, col []T, x T, dst []uint16) []uint16 {
	k := 0
	switch op {
	case "=":
		for i, v := range col {
			dst[k] = uint16(i)
			k += bit(v == x)
		}
	case "<":
		for i, v := range col {
			dst[k] = uint16(i)
			k += bit(v < x)
		}
	case "<=":
		for i, v := range col {
			dst[k] = uint16(i)
			k += bit(v <= x)
		}
	case ">":
		for i, v := range col {
			dst[k] = uint16(i)
			k += bit(v > x)
		}
	case ">=":
		for i, v := range col {
			dst[k] = uint16(i)
			k += bit(v >= x)
		}
	default:
		for i, v := range col {
			dst[k] = uint16(i)
			k += bit(v != x)
		}
	}
	return dst[:k]
}

// bit is 1 for true; the compiler makes it a set instruction.
func bit(b bool) int {
	var n int
	if b {
		n = 1
	}
	return n
}

func filterPairs[T cmp.Ordered](op string, l, r []T, n int, sel, dst []uint16) []uint16 {
	k := 0
	eq, lt := op == "=" || op == "<=" || op == ">=", op == "<" || op == "<=" || op == "<>" || op == "!="
	gt := op == ">" || op == ">=" || op == "<>" || op == "!="
	each(n, sel, func(i int) {
		dst[k] = uint16(i)
		x, y := l[i], r[i]
		k += bit(eq && x == y || lt && x < y || gt && x > y)
	})
	return dst[:k]
}

func compareFloats(op string, l, r *vector.Vector, n int, sel, dst []uint16) []uint16 {
	k := 0
	each(n, sel, func(i int) {
		dst[k] = uint16(i)
		k += bit(holds(op, vector.CompareFloat(l.F[i], r.F[r.Row(i)])))
	})
	return dst[:k]
}

func compareTexts(op string, l, r *vector.Vector, n int, sel, dst []uint16) []uint16 {
	if l.HasNulls() { // a null's text may lie anywhere
		sel = appendNotNull([]uint16{}, l, n, sel)
	}
	if !r.Const && r.HasNulls() {
		sel = appendNotNull([]uint16{}, r, n, sel)
	}
	k := 0
	if op == "=" && r.Const {
		want := r.Bytes(0)
		each(n, sel, func(i int) {
			dst[k] = uint16(i)
			ref := l.S[i]
			k += bit(int(ref.Len) == len(want) && bytes.Equal(l.Buf[ref.Off:ref.Off+ref.Len], want))
		})
		return dst[:k]
	}
	each(n, sel, func(i int) {
		dst[k] = uint16(i)
		k += bit(holds(op, bytes.Compare(l.Bytes(i), r.Bytes(i))))
	})
	return dst[:k]
}
