package expr

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// nestedCastNode casts arrays, maps and structs member by member: the kids are columns of a chunk of their own.
type nestedCastNode struct {
	arg  node
	t    types.Type
	kids []*Program
	out  vector.Vector
}

// maxKidRows is how many members a kid's program sees at a time.
const maxKidRows = 1 << 15

func compileNestedCast(arg node, e *Cast, ctx *functions.Context) (node, error) {
	n := &nestedCastNode{arg: arg, t: e.Typ}
	from, to := arg.typ().Members(), e.Typ.Members()
	for i := range from {
		kid, err := Compile(&Cast{Arg: &Column{Typ: from[i]}, Typ: to[i], Try: e.Try, Pos: e.Pos}, ctx)
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, kid)
	}
	return n, nil
}

func (n *nestedCastNode) typ() types.Type { return n.t }

func (n *nestedCastNode) eval(c *vector.Chunk, sel []uint16) (*vector.Vector, error) {
	v, err := n.arg.eval(c, sel)
	if err != nil {
		return nil, err
	}
	n.out.Kids = n.out.Kids[:0]
	kids := n.out.Kids
	n.out = *v
	n.out.Type = n.t
	for k, p := range n.kids {
		kid := vector.New(p.Type(), 0)
		total := v.Kids[k].Len()
		for from := 0; from < total; from += maxKidRows {
			part, err := n.castPart(p, v.Kids[k], from, min(total-from, maxKidRows))
			if err != nil {
				return nil, err
			}
			kid.Gather(part, min(total-from, maxKidRows), nil)
		}
		kids = append(kids, kid)
	}
	n.out.Kids = kids
	return &n.out, nil
}

// castPart casts count members from one on.
func (n *nestedCastNode) castPart(p *Program, src *vector.Vector, from, count int) (*vector.Vector, error) {
	in := src
	if from > 0 {
		in = vector.New(src.Type, count)
		for i := range count {
			in.AppendFrom(src, from+i)
		}
	}
	return p.Eval(&vector.Chunk{N: count, Cols: []*vector.Vector{in}})
}
