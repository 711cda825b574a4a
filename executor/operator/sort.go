package operator

import (
	"slices"

	"github.com/freshetdb/freshet/executor/dataflow"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// sortSlack is how many rows above its limit a top-n keeps before it throws the others away.
const sortSlack = 4 * vector.MaxRows

// sorter keeps its input and passes it on in order at the end; rows that compare equal stay in their order of arrival.
type sorter struct {
	dataflow.Operator // next

	b       *builder
	keys    []sortKey
	limit   int64 // -1: all
	rows    *rowStore
	order   []uint32 // the rows kept; a permutation once sorted
	memory  *reserve
	columns int // of the input; key columns follow them in rows
}

type sortKey struct {
	program *expr.Program
	desc    bool
	nulls   int // how a null compares to a value: -1 first, 1 last
}

func (b *builder) buildSort(s *physical.Sort, next dataflow.Operator, limits []*limit) error {
	if err := b.boundedOnly("ORDER BY"); err != nil {
		return err
	}
	o := &sorter{Operator: next, b: b, limit: s.Limit, memory: b.reserve("ORDER BY")}
	colTypes := columnTypes(s.Schema())
	o.columns = len(colTypes)
	for _, k := range s.Keys {
		p, err := b.compile(k.Expr)
		if err != nil {
			return err
		}
		key := sortKey{program: p, desc: k.Desc, nulls: 1}
		if k.NullsFirst {
			key.nulls = -1
		}
		o.keys = append(o.keys, key)
		colTypes = append(colTypes, p.Type())
	}
	o.rows = newRowStore(colTypes)
	return b.build(s.Input, o, limits)
}

// Push implements dataflow.Operator.
func (o *sorter) Push(c *vector.Chunk) error {
	if o.limit == 0 {
		return nil
	}
	o.b.running = "sort"
	cols := slices.Clone(c.Cols)
	for _, k := range o.keys {
		v, err := k.program.Eval(c)
		if err != nil {
			return err
		}
		cols = append(cols, v)
	}
	before := o.rows.n
	if err := o.rows.append(c, cols); err != nil {
		return err
	}
	for id := before; id < o.rows.n; id++ {
		o.order = append(o.order, uint32(id))
	}
	if o.limit > 0 && int64(len(o.order)) > 2*o.limit+sortSlack {
		o.cut()
	}
	return o.memory.grow(o.rows.bytes() + 4*int64(cap(o.order)))
}

// cut throws away the rows that cannot be among the first limit.
func (o *sorter) cut() {
	o.sort()
	kept := o.order[:o.limit]
	slices.Sort(kept) // arrival order, so that the sort stays stable
	rows := newRowStore(o.rows.types)
	for _, id := range kept {
		rows.appendRow(o.rows, int(id))
	}
	o.rows = rows
	o.order = o.order[:0]
	for id := range rows.n {
		o.order = append(o.order, uint32(id))
	}
}

func (o *sorter) sort() {
	slices.SortFunc(o.order, func(a, b uint32) int {
		if c := o.compare(int(a), int(b)); c != 0 {
			return c
		}
		return int(a) - int(b)
	})
}

func (o *sorter) compare(a, b int) int {
	ac, ai := o.rows.at(a)
	bc, bi := o.rows.at(b)
	for k := range o.keys {
		key := &o.keys[k]
		x, y := ac[o.columns+k], bc[o.columns+k]
		xn, yn := x.IsNull(ai), y.IsNull(bi)
		switch {
		case xn && yn:
			continue
		case xn:
			return key.nulls
		case yn:
			return -key.nulls
		}
		if c := vector.Compare(x, ai, y, bi); c != 0 {
			if key.desc {
				return -c
			}
			return c
		}
	}
	return 0
}

// End implements dataflow.Operator.
func (o *sorter) End() error {
	defer o.memory.release()
	o.sort()
	order := o.order
	if o.limit >= 0 {
		order = order[:min(int64(len(order)), o.limit)]
	}
	out := newOut(o.rows.types[:o.columns])
	for _, id := range order {
		cols, i := o.rows.at(int(id))
		for j, v := range out.Cols {
			v.AppendFrom(cols[j], i)
		}
		if out.N++; out.N == vector.MaxRows {
			if err := flushRows(out, o.Operator); err != nil {
				return err
			}
		}
	}
	o.rows = nil
	if err := flushRows(out, o.Operator); err != nil {
		return err
	}
	return o.Operator.End()
}

func newOut(colTypes []types.Type) *vector.Chunk {
	out := &vector.Chunk{}
	for _, t := range colTypes {
		out.Cols = append(out.Cols, vector.New(t, 0))
	}
	return out
}

// rowStore keeps rows of any number, numbered from 0, in chunks of columns.
type rowStore struct {
	types  []types.Type
	chunks [][]*vector.Vector
	n      int
	held   int64 // bytes of the full chunks
	sel    []uint16
}

// rowStoreMax bounds a store: rows are numbered in 32 bits.
const rowStoreMax = 1<<32 - 1

func newRowStore(colTypes []types.Type) *rowStore { return &rowStore{types: colTypes} }

// append copies the rows of c that count, with their columns in cols.
func (r *rowStore) append(c *vector.Chunk, cols []*vector.Vector) error {
	r.sel = selected(c, r.sel)
	if int64(r.n)+int64(len(r.sel)) > rowStoreMax {
		return sqlerr.Newf(sqlerr.ProgramLimitExceeded, 0, "more than %d rows cannot be kept", int64(rowStoreMax))
	}
	for sel := r.sel; len(sel) > 0; {
		into := r.tail()
		room := min(vector.MaxRows-r.n%vector.MaxRows, len(sel))
		for j, v := range into {
			v.Gather(cols[j], c.N, sel[:room])
		}
		r.n += room
		sel = sel[room:]
		if r.n%vector.MaxRows == 0 {
			r.held += vectorBytes(into)
		}
	}
	return nil
}

// appendRow copies a row of another store of the same types.
func (r *rowStore) appendRow(from *rowStore, id int) {
	cols, i := from.at(id)
	into := r.tail()
	for j, v := range into {
		v.AppendFrom(cols[j], i)
	}
	if r.n++; r.n%vector.MaxRows == 0 {
		r.held += vectorBytes(into)
	}
}

// tail is the chunk that is being filled.
func (r *rowStore) tail() []*vector.Vector {
	if r.n == len(r.chunks)*vector.MaxRows {
		cols := make([]*vector.Vector, len(r.types))
		for j, t := range r.types {
			cols[j] = vector.New(t, 0)
		}
		r.chunks = append(r.chunks, cols)
	}
	return r.chunks[len(r.chunks)-1]
}

// at gives the columns that hold a row, and its place in them.
func (r *rowStore) at(id int) ([]*vector.Vector, int) {
	return r.chunks[id/vector.MaxRows], id % vector.MaxRows
}

func (r *rowStore) bytes() int64 {
	if r.n%vector.MaxRows == 0 {
		return r.held
	}
	return r.held + vectorBytes(r.chunks[len(r.chunks)-1])
}

// vectorBytes is the memory of columns, roughly.
func vectorBytes(cols []*vector.Vector) int64 {
	n := int64(0)
	for _, v := range cols {
		n += int64(8*(cap(v.I)+cap(v.F)+2*cap(v.D)+cap(v.S)+cap(v.Nulls)) + 2*cap(v.Scales) + cap(v.Buf) + 4*cap(v.Offs))
		n += vectorBytes(v.Kids)
	}
	return n
}
