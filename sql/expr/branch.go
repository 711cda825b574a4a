package expr

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// picker assembles a result whose rows come from several vectors.
type picker struct {
	t      types.Type
	out    vector.Vector
	listed bool             // holds arrays or maps: rows can only be appended, in order
	from   []*vector.Vector // listed: the vector of each row, nil for null
}

func newPicker(t types.Type) *picker { return &picker{t: t, listed: holdsLists(t)} }

func holdsLists(t types.Type) bool {
	switch t.ID {
	case types.Array, types.Map:
		return true
	case types.Struct:
		for _, f := range t.Fields {
			if holdsLists(f.Type) {
				return true
			}
		}
	}
	return false
}

func (p *picker) start(rows int) {
	p.out.Reset(p.t, rows)
	if !p.listed {
		return
	}
	if cap(p.from) < rows {
		p.from = make([]*vector.Vector, rows)
	}
	p.from = p.from[:rows]
	clear(p.from)
}

// take copies the rows of sel from v.
func (p *picker) take(v *vector.Vector, rows int, sel []uint16) {
	if p.listed {
		each(rows, sel, func(i int) { p.from[i] = v })
		return
	}
	if word(p.t.ID) && !v.Const && !v.HasNulls() {
		if sel == nil {
			copy(p.out.I, v.I[:rows])
			return
		}
		for _, i := range sel {
			p.out.I[i] = v.I[i]
		}
		return
	}
	each(rows, sel, func(i int) { vector.CopyRow(&p.out, i, v, i) })
}

// null makes the rows of sel null.
func (p *picker) null(sel []uint16) {
	if p.listed {
		return
	}
	for _, i := range sel {
		p.out.SetNull(int(i))
	}
}

func (p *picker) finish() *vector.Vector {
	if !p.listed {
		return &p.out
	}
	p.out.Truncate()
	for i, v := range p.from {
		if v == nil {
			p.out.AppendNull()
		} else {
			p.out.AppendFrom(v, i)
		}
	}
	clear(p.from)
	return &p.out
}

// caseNode is a searched CASE.
type caseNode struct {
	t         types.Type
	conds     []node
	thens     []node
	otherwise node
	pick      *picker
	open      [2][]uint16
	hits      []uint16
}

func compileCase(e *Case, ctx *functions.Context) (node, error) {
	n := &caseNode{t: e.Typ, pick: newPicker(e.Typ)}
	for _, w := range e.Whens {
		cond, then, err := compile2(w.Cond, w.Then, ctx)
		if err != nil {
			return nil, err
		}
		n.conds, n.thens = append(n.conds, cond), append(n.thens, then)
	}
	if e.Else != nil {
		var err error
		if n.otherwise, err = compile(e.Else, ctx); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (n *caseNode) typ() types.Type { return n.t }

func (n *caseNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	n.pick.start(c.N)
	open := sel
	if open == nil {
		n.open[1] = allRows(n.open[1], c.N)
		open = n.open[1]
	}
	for k, cond := range n.conds {
		if len(open) == 0 {
			break
		}
		hits, err := filter(cond, c, open, room(n.hits, c.N))
		if err != nil {
			return nil, err
		}
		n.hits = hits
		if len(hits) == 0 {
			continue
		}
		v, err := n.thens[k].eval(c, hits)
		if err != nil {
			return nil, err
		}
		n.pick.take(v, c.N, hits)
		next := without(n.open[k&1][:0], open, hits)
		n.open[k&1] = next
		open = next
	}
	if len(open) == 0 {
		return n.pick.finish(), nil
	}
	if n.otherwise == nil {
		n.pick.null(open)
		return n.pick.finish(), nil
	}
	v, err := n.otherwise.eval(c, open)
	if err != nil {
		return nil, err
	}
	n.pick.take(v, c.N, open)
	return n.pick.finish(), nil
}

// allRows lists 0..n-1.
func allRows(dst []uint16, n int) []uint16 {
	dst = room(dst, n)
	for i := range dst {
		dst[i] = uint16(i)
	}
	return dst
}

// without appends the rows of all that are not in some; both ascend. dst may be all itself, emptied: it is never ahead.
func without(dst, all, some []uint16) []uint16 {
	k := 0
	for _, i := range all {
		if k < len(some) && some[k] == i {
			k++
			continue
		}
		dst = append(dst, i)
	}
	return dst
}

// coalesceNode is COALESCE.
type coalesceNode struct {
	t    types.Type
	args []node
	pick *picker
	open []uint16
	hits []uint16
}

func (n *coalesceNode) typ() types.Type { return n.t }

func (n *coalesceNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	n.pick.start(c.N)
	if sel == nil {
		n.open = allRows(n.open, c.N)
	} else {
		n.open = append(n.open[:0], sel...)
	}
	for _, a := range n.args {
		if len(n.open) == 0 {
			break
		}
		v, err := a.eval(c, n.open)
		if err != nil {
			return nil, err
		}
		n.hits = appendNotNull(n.hits[:0], v, c.N, n.open)
		if len(n.hits) > 0 {
			n.pick.take(v, c.N, n.hits)
			n.open = without(n.open[:0], n.open, n.hits)
		}
	}
	n.pick.null(n.open)
	return n.pick.finish(), nil
}
