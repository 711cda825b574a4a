package expr

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Program is an expression ready to run over chunks. It owns scratch memory: one goroutine at a time; compile once a task.
type Program struct {
	root node
}

// node is a compiled expression. eval computes the rows of sel (nil: all c.N); its result is dense over c.N or Const, specified on
// those rows only, and the node's own until its next eval.
type node interface {
	typ() types.Type
	eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error)
}

// Compile prepares e. ctx is kept and read at each Eval: the caller may change Now and RowError in between; nil is a strict one.
// Errors: a bad constant pattern or format, a Param that was not replaced.
func Compile(e Expr, ctx *functions.Context) (*Program, error) {
	if ctx == nil {
		ctx = &functions.Context{}
	}
	root, err := compile(e, ctx)
	if err != nil {
		return nil, err
	}
	return &Program{root: root}, nil
}

// Type is the type of the result.
func (p *Program) Type() types.Type { return p.root.typ() }

// Eval computes the expression for the selected rows of c. The result is dense over c.N (or Const), specified on selected rows only,
// and the program's until its next Eval; a bare column is the chunk's own vector.
func (p *Program) Eval(c *vector.Chunk) (*vector.Vector, error) {
	return p.root.eval(c, c.Sel)
}

// Filter appends to dst[:0] the selected rows of c for which the expression, a BOOLEAN, is true (neither false nor null), ascending.
// dst must not be c.Sel.
func (p *Program) Filter(c *vector.Chunk, dst []uint16) ([]uint16, error) {
	return filter(p.root, c, c.Sel, room(dst, c.N))
}

// room makes dst long enough to be written by index.
func room(dst []uint16, n int) []uint16 {
	if cap(dst) < n {
		return make([]uint16, n, max(n, vector.MaxRows))
	}
	return dst[:n]
}

func compile(e Expr, ctx *functions.Context) (node, error) {
	switch e := e.(type) {
	case *Column:
		return &columnNode{index: e.Index, t: e.Typ}, nil
	case *Literal:
		return &constNode{v: vector.ConstOf(e.Value)}, nil
	case *Param:
		return nil, sqlerr.Newf(sqlerr.UndefinedParameter, e.Pos, "there is no parameter $%d", e.Number)
	case *Call:
		return compileCall(e, ctx)
	case *Cast:
		return compileCast(e, ctx)
	case *And:
		l, r, err := compile2(e.Left, e.Right, ctx)
		return &logicNode{left: l, right: r, closes: 0}, err
	case *Or:
		l, r, err := compile2(e.Left, e.Right, ctx)
		return &logicNode{left: l, right: r, closes: 1}, err
	case *Not:
		a, err := compile(e.Arg, ctx)
		return &notNode{arg: a}, err
	case *IsNull:
		a, err := compile(e.Arg, ctx)
		return &isNullNode{arg: a}, err
	case *IsDistinct:
		l, r, err := compile2(e.Left, e.Right, ctx)
		return &distinctNode{left: l, right: r}, err
	case *Case:
		return compileCase(e, ctx)
	case *Coalesce:
		args, err := compileAll(e.Args, ctx)
		return &coalesceNode{t: e.Typ, args: args, pick: newPicker(e.Typ)}, err
	case *In:
		a, err := compile(e.Arg, ctx)
		if err != nil {
			return nil, err
		}
		return newIn(a, e.List, ctx), nil
	case *FieldOf:
		a, err := compile(e.Arg, ctx)
		return &fieldNode{arg: a, index: e.Index, t: e.Typ}, err
	}
	return nil, sqlerr.Newf(sqlerr.Internal, 0, "unknown expression %T", e)
}

func compile2(l, r Expr, ctx *functions.Context) (left, right node, err error) {
	if left, err = compile(l, ctx); err != nil {
		return nil, nil, err
	}
	right, err = compile(r, ctx)
	return left, right, err
}

func compileAll(list []Expr, ctx *functions.Context) ([]node, error) {
	out := make([]node, len(list))
	for i, e := range list {
		var err error
		if out[i], err = compile(e, ctx); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// columnNode is a column of the chunk itself.
type columnNode struct {
	index int
	t     types.Type
}

func (n *columnNode) typ() types.Type { return n.t }

func (n *columnNode) eval(c *vector.Chunk, _ []uint16) (*vector.Vector, error) {
	return c.Cols[n.index], nil
}

// constNode is a literal.
type constNode struct{ v *vector.Vector }

func (n *constNode) typ() types.Type { return n.v.Type }

func (n *constNode) eval(*vector.Chunk, []uint16) (*vector.Vector, error) { return n.v, nil }

// callNode is a call of a kernel.
type callNode struct {
	call   *Call
	kernel functions.Kernel
	args   []node
	ctx    *functions.Context
	vecs   []*vector.Vector
	out    vector.Vector
	open   []uint16
}

func compileCall(e *Call, ctx *functions.Context) (node, error) {
	args, err := compileAll(e.Args, ctx)
	if err != nil {
		return nil, err
	}
	n := &callNode{call: e, kernel: e.Fn.Kernel, args: args, ctx: ctx, vecs: make([]*vector.Vector, len(args))}
	if e.Fn.Specialise != nil {
		consts := make([]*vector.Vector, len(args))
		argTypes := make([]types.Type, len(args))
		for i, a := range args {
			argTypes[i] = a.typ()
			if k, ok := a.(*constNode); ok && !k.v.IsNull(0) {
				consts[i] = k.v
			}
		}
		k, err := e.Fn.Specialise(consts, argTypes)
		if err != nil {
			return nil, at(err, e.Pos)
		}
		if k != nil {
			n.kernel = k
		}
	}
	if cmp := newCompare(n); cmp != nil {
		return cmp, nil
	}
	return n, nil
}

// at gives an error the position of the expression it came from.
func at(err error, pos sqlerr.Pos) error { return sqlerr.From(err).WithPos(pos) }

func (n *callNode) typ() types.Type { return n.call.Typ }

func (n *callNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	rows := c.N
	constant := n.call.Fn.Volatility != functions.Volatile
	for i, a := range n.args {
		v, err := a.eval(c, sel)
		if err != nil {
			return nil, err
		}
		n.vecs[i] = v
		constant = constant && v.Const
	}
	if constant {
		rows, sel = 1, nil
	}
	n.out.Reset(n.call.Typ, rows)
	if rows == 0 || sel != nil && len(sel) == 0 {
		return &n.out, nil
	}
	if n.call.Fn.Nulls == functions.NullIfAny {
		var none bool
		if sel, none = n.dropNulls(rows, sel); none {
			n.out.Const = constant
			return &n.out, nil
		}
	}
	if err := n.kernel(n.ctx, n.vecs, rows, sel, &n.out); err != nil {
		return nil, at(err, n.call.Pos)
	}
	n.out.Const = constant
	return &n.out, nil
}

// dropNulls marks rows with a null argument as null and takes them out of the selection; none tells that no row is left.
func (n *callNode) dropNulls(rows int, sel []uint16) (rest []uint16, none bool) {
	some := false
	for _, v := range n.vecs {
		if !v.HasNulls() {
			continue
		}
		some = true
		if v.Const {
			setAllNull(&n.out, rows)
			return nil, true
		}
		orNulls(&n.out, v.Nulls)
	}
	if !some {
		return sel, false
	}
	n.open = appendNotNull(n.open[:0], &n.out, rows, sel)
	return n.open, len(n.open) == 0
}

// orNulls adds nulls to a vector's own.
func orNulls(out *vector.Vector, nulls []uint64) {
	for i, w := range nulls {
		if i < len(out.Nulls) {
			out.Nulls[i] |= w
		} else {
			out.Nulls = append(out.Nulls, w)
		}
	}
}

func setAllNull(out *vector.Vector, rows int) {
	out.Nulls = out.Nulls[:0]
	for i := 0; i < rows; i += 64 {
		out.Nulls = append(out.Nulls, ^uint64(0))
	}
}

// appendNotNull appends the rows of sel (nil: all n) at which v is not null.
func appendNotNull(dst []uint16, v *vector.Vector, n int, sel []uint16) []uint16 {
	if sel == nil {
		for i := range n {
			if !v.IsNull(i) {
				dst = append(dst, uint16(i))
			}
		}
		return dst
	}
	for _, i := range sel {
		if !v.IsNull(int(i)) {
			dst = append(dst, i)
		}
	}
	return dst
}
