package expr

import (
	"slices"
	"sort"

	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

var boolean = types.Of(types.Boolean)

// logicNode is AND (closed by false) or OR (closed by true): the right side sees only rows the left side leaves open.
type logicNode struct {
	left, right node
	closes      int64
	out         vector.Vector
	open        []uint16
	scratch     []uint16
}

func (n *logicNode) typ() types.Type { return boolean }

func (n *logicNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	l, err := n.left.eval(c, sel)
	if err != nil {
		return nil, err
	}
	n.out.Reset(boolean, c.N)
	n.open = n.open[:0]
	each(c.N, sel, func(i int) {
		n.out.I[i] = n.closes
		if l.IsNull(i) || l.I[l.Row(i)] != n.closes {
			n.open = append(n.open, uint16(i))
		}
	})
	if len(n.open) == 0 {
		return &n.out, nil
	}
	// The left result may be recycled by the right side only if they are one node, which they never are.
	r, err := n.right.eval(c, n.open)
	if err != nil {
		return nil, err
	}
	for _, o := range n.open {
		i := int(o)
		switch {
		case !r.IsNull(i) && r.I[r.Row(i)] == n.closes:
		case l.IsNull(i) || r.IsNull(i):
			n.out.SetNull(i)
		default:
			n.out.I[i] = 1 - n.closes
		}
	}
	return &n.out, nil
}

// each calls f for the rows of sel (nil: all n).
func each(n int, sel []uint16, f func(i int)) {
	if sel == nil {
		for i := range n {
			f(i)
		}
		return
	}
	for _, i := range sel {
		f(int(i))
	}
}

// notNode is NOT.
type notNode struct {
	arg node
	out vector.Vector
}

func (n *notNode) typ() types.Type { return boolean }

func (n *notNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	v, err := n.arg.eval(c, sel)
	if err != nil {
		return nil, err
	}
	rows := c.N
	if v.Const {
		rows, sel = 1, nil
	}
	n.out.Reset(boolean, rows)
	orNulls(&n.out, v.Nulls)
	each(rows, sel, func(i int) { n.out.I[i] = v.I[i] ^ 1 })
	n.out.Const = v.Const
	return &n.out, nil
}

// isNullNode is IS NULL.
type isNullNode struct {
	arg node
	out vector.Vector
}

func (n *isNullNode) typ() types.Type { return boolean }

func (n *isNullNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	v, err := n.arg.eval(c, sel)
	if err != nil {
		return nil, err
	}
	n.out.Reset(boolean, c.N)
	clear(n.out.I)
	if v.HasNulls() {
		each(c.N, sel, func(i int) {
			if v.IsNull(i) {
				n.out.I[i] = 1
			}
		})
	}
	return &n.out, nil
}

// distinctNode is IS DISTINCT FROM.
type distinctNode struct {
	left, right node
	out         vector.Vector
}

func (n *distinctNode) typ() types.Type { return boolean }

func (n *distinctNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	l, err := n.left.eval(c, sel)
	if err != nil {
		return nil, err
	}
	r, err := n.right.eval(c, sel)
	if err != nil {
		return nil, err
	}
	n.out.Reset(boolean, c.N)
	each(c.N, sel, func(i int) {
		n.out.I[i] = 1
		if l.Type.ID == types.Unknown || r.Type.ID == types.Unknown { // IS DISTINCT FROM NULL
			if l.IsNull(i) == r.IsNull(i) {
				n.out.I[i] = 0
			}
		} else if vector.Equal(l, i, r, i) {
			n.out.I[i] = 0
		}
	})
	return &n.out, nil
}

// fieldNode is a member of a struct.
type fieldNode struct {
	arg   node
	index int
	t     types.Type
	out   vector.Vector
	nulls []uint64
}

func (n *fieldNode) typ() types.Type { return n.t }

func (n *fieldNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	v, err := n.arg.eval(c, sel)
	if err != nil {
		return nil, err
	}
	n.out = *v.Kids[n.index]
	n.out.Const = v.Const
	if v.HasNulls() {
		n.nulls = append(n.nulls[:0], n.out.Nulls...)
		n.out.Nulls = n.nulls
		orNulls(&n.out, v.Nulls)
		n.nulls = n.out.Nulls
	}
	return &n.out, nil
}

// linearLimit is up to how many constants an IN of whole numbers is searched in turn rather than through a map.
const linearLimit = 8

// inNode is IN (constants).
type inNode struct {
	arg     node
	hasNull bool // of the list: not found is null, but for ksqlDB
	ints    []int64
	intSet  map[int64]struct{}
	texts   map[string]struct{}
	sorted  *vector.Vector // other types, ordered
	out     vector.Vector
}

func newIn(arg node, list []vector.Datum, ctx *functions.Context) *inNode {
	n := &inNode{arg: arg}
	t := arg.typ()
	var values []vector.Datum
	for _, d := range list {
		if d.Null {
			n.hasNull = ctx.Dialect != functions.KsqlDB
			continue
		}
		values = append(values, d)
	}
	switch {
	case word(t.ID):
		n.addInts(values)
	case t.ID == types.String || t.ID == types.Bytes:
		n.texts = make(map[string]struct{}, len(values))
		for _, d := range values {
			n.texts[d.S] = struct{}{}
		}
	default:
		n.addSorted(t, values)
	}
	return n
}

func (n *inNode) addInts(values []vector.Datum) {
	n.ints = []int64{}
	for _, d := range values {
		n.ints = append(n.ints, d.I)
	}
	if len(n.ints) > linearLimit {
		n.intSet = make(map[int64]struct{}, len(n.ints))
		for _, x := range n.ints {
			n.intSet[x] = struct{}{}
		}
	}
}

func (n *inNode) addSorted(t types.Type, values []vector.Datum) {
	v := vector.New(t, len(values))
	for _, d := range values {
		vector.AppendDatum(v, d)
	}
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return vector.Compare(v, order[a], v, order[b]) < 0 })
	n.sorted = vector.New(t, len(values))
	for _, i := range order {
		n.sorted.AppendFrom(v, i)
	}
}

// word tells whether values are held in Vector.I.
func word(id types.ID) bool {
	switch id {
	case types.Boolean, types.SmallInt, types.Int, types.BigInt, types.Timestamp, types.Date, types.Time:
		return true
	}
	return false
}

func (n *inNode) typ() types.Type { return boolean }

func (n *inNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	v, err := n.arg.eval(c, sel)
	if err != nil {
		return nil, err
	}
	rows := c.N
	if v.Const {
		rows, sel = 1, nil
	}
	n.out.Reset(boolean, rows)
	each(rows, sel, func(i int) {
		switch {
		case v.IsNull(i):
			n.out.SetNull(i)
		case n.has(v, i):
			n.out.I[i] = 1
		default:
			n.out.I[i] = 0
			if n.hasNull {
				n.out.SetNull(i)
			}
		}
	})
	n.out.Const = v.Const
	return &n.out, nil
}

func (n *inNode) has(v *vector.Vector, i int) bool {
	switch {
	case n.intSet != nil:
		_, ok := n.intSet[v.I[i]]
		return ok
	case n.ints != nil:
		return slices.Contains(n.ints, v.I[i])
	case n.texts != nil:
		_, ok := n.texts[string(v.Bytes(i))]
		return ok
	}
	k := sort.Search(n.sorted.Len(), func(k int) bool { return vector.Compare(n.sorted, k, v, i) >= 0 })
	return k < n.sorted.Len() && vector.Compare(n.sorted, k, v, i) == 0
}
