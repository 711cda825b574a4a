package scalar

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// collections is reading arrays and maps.
func collections() []*functions.Function {
	element := overload(nil, tAny, tArray, tInt)
	element.Kernel, element.ReturnType = picked(elementAt), elementType
	value := overload(nil, tAny, tMap, tAny)
	value.Kernel, value.ReturnType = picked(valueOf), elementType
	size := rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
		r := args[0].Row(i)
		out.I[i] = int64(args[0].Offs[r+1] - args[0].Offs[r])
		return nil
	})
	return []*functions.Function{
		{
			Name: "[]", Category: "collections", Help: "Element of an array, from 1 (from the end when negative, in the ksqldb dialect); value of a key of a map. Null when there is none. Written a[i].",
			Examples: examples("ARRAY[10, 20, 30][2]", "20", "MAP['a', 1, 'b', 2]['b']", "2"), Overloads: []*functions.Overload{element, value},
		},
		{
			Name: "element_at", Category: "collections", Help: "As a[i]: element of an array or value of a map's key.", Examples: examples("element_at(ARRAY[10, 20], 1)", "10"),
			Overloads: []*functions.Overload{named(element), named(value)},
		},
		{Name: "array", Category: "collections", Help: "Array of the arguments. Written ARRAY[a, b].", Examples: examples("array(1, 2.5, NULL)", "{1,2.5,NULL}"), Overloads: constructors()},
		{
			Name: "array_length", Category: "collections", Help: "Number of elements; of two arguments, the second is the dimension, 1, and an empty array gives null.",
			Examples: examples("array_length(ARRAY[1, 2, 3])", "3", "array_length(ARRAY['a'], 1)", "1"), Overloads: []*functions.Overload{
				overload(size, tInt, tArray),
				overload(rows(func(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
					r := args[0].Row(i)
					out.I[i] = int64(args[0].Offs[r+1] - args[0].Offs[r])
					if integer(args, 1, i) != 1 || out.I[i] == 0 {
						out.SetNull(i)
					}
					return nil
				}), tInt, tArray, tInt),
			},
		},
		{
			Name: "cardinality", Category: "collections", Help: "Number of elements of an array or entries of a map.", Examples: examples("cardinality(ARRAY[1, 2])", "2"),
			Overloads: []*functions.Overload{overload(size, tInt, tArray), overload(size, tInt, tMap)},
		},
		{
			Name: "array_contains", Category: "collections", Help: "Whether an array holds a value.", Examples: examples("array_contains(ARRAY['a', 'b'], 'b')", "t"),
			Overloads: []*functions.Overload{{Params: []types.Type{tArray, tAny}, Returns: tBool, Kernel: rows(arrayContains)}},
		},
		{
			Name: "equals_any", Category: "collections", Help: "Whether a value equals any element of an array, as a = ANY(b) does; null when only a null might.", Examples: examples("equals_any(2, ARRAY[1, 2])", "t"),
			Overloads: []*functions.Overload{seesNulls(&functions.Overload{Params: []types.Type{tAny, tArray}, Returns: tBool, Kernel: rows(equalsAny)})},
		},
		{
			Name: "array_to_string", Category: "collections", Help: "Elements printed with a text between them; nulls are passed over, or printed as the third argument.",
			Examples: examples("array_to_string(ARRAY[1, 2, NULL, 5], ',')", "1,2,5", "array_to_string(ARRAY[1, NULL], ',', '*')", "1,*"), Overloads: []*functions.Overload{
				overload(rows(arrayToString), tText, tArray, tText), overload(rows(arrayToString), tText, tArray, tText, tText),
			},
		},
		{Name: "map_keys", Category: "collections", Help: "Array of a map's keys.", Examples: examples("map_keys(MAP['a', 1])", "{a}"), Overloads: []*functions.Overload{mapMembers(0)}},
		{Name: "map_values", Category: "collections", Help: "Array of a map's values.", Examples: examples("map_values(MAP['a', 1])", "{1}"), Overloads: []*functions.Overload{mapMembers(1)}},
		{Name: "as_value", Category: "other", Help: "The argument itself: copies a key column into the value.", Examples: examples("as_value(7)", "7"), Overloads: []*functions.Overload{asValue()}},
	}
}

// named copies an overload for another name.
func named(o *functions.Overload) *functions.Overload {
	c := *o
	c.Name = ""
	return &c
}

// constructors is ARRAY[...], an overload an element type so that elements are cast to one.
func constructors() []*functions.Overload {
	var out []*functions.Overload
	for _, t := range append(ordered(), tArray, tMap, types.Of(types.Struct)) {
		o := seesNulls(variadic(overload(makeArray, types.ArrayOf(t), t)))
		if t.ID == types.Decimal || t.Nested() {
			o.ReturnType = func(args []types.Type) (types.Type, error) {
				elem, err := widestDecimal(args)
				return types.ArrayOf(elem), err
			}
		}
		out = append(out, o)
	}
	return out
}

func makeArray(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
	fixed := out.Type.Elem.ID == types.Decimal && out.Type.Elem.Precision == 0
	return appendRows(n, sel, out, func(i int) error {
		for _, a := range args {
			if fixed && !a.IsNull(i) {
				out.Kids[0].AppendDecimal(a.D[a.Row(i)], a.ScaleAt(i))
				continue
			}
			out.Kids[0].AppendFrom(a, i)
		}
		out.EndList()
		return nil
	})
}

// elementType is the type of an array's elements or a map's values.
func elementType(args []types.Type) (types.Type, error) {
	if args[0].Elem == nil {
		return types.Type{}, sqlerr.Newf(sqlerr.IndeterminateDatatype, 0, "could not determine the element type")
	}
	if args[0].ID == types.Map && !args[1].Equal(*args[0].Key) && !types.CanCast(args[1], *args[0].Key, types.Implicit) && (args[1].ID != args[0].Key.ID) {
		return types.Type{}, sqlerr.Newf(sqlerr.DatatypeMismatch, 0, "map key must be of type %s, not %s", args[0].Key, args[1])
	}
	return *args[0].Elem, nil
}

// picked is a kernel whose rows are members of its first argument: find gives the kid and place, or nil for null.
func picked(find func(ctx *functions.Context, args []*vector.Vector, i int) (*vector.Vector, int)) functions.Kernel {
	return func(ctx *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
		flat := !out.Type.Nested()
		one := func(i int) error {
			kid, at := find(ctx, args, i)
			switch {
			case kid == nil && flat:
				out.SetNull(i)
			case kid == nil:
				out.AppendNull()
			case flat:
				vector.CopyRow(out, i, kid, at)
			default:
				out.AppendFrom(kid, at)
			}
			return nil
		}
		if flat {
			return each(n, sel, one)
		}
		return appendRows(n, sel, out, one)
	}
}

func elementAt(ctx *functions.Context, args []*vector.Vector, i int) (*vector.Vector, int) {
	a := args[0]
	r := a.Row(i)
	from, to := int64(a.Offs[r]), int64(a.Offs[r+1])
	k := integer(args, 1, i)
	if k < 0 && ctx.Dialect == functions.KsqlDB {
		k += to - from + 1
	}
	if k < 1 || k > to-from {
		return nil, 0
	}
	return a.Kids[0], int(from + k - 1)
}

func valueOf(_ *functions.Context, args []*vector.Vector, i int) (*vector.Vector, int) {
	m := args[0]
	r := m.Row(i)
	for k := int(m.Offs[r+1]) - 1; k >= int(m.Offs[r]); k-- {
		if sameValue(m.Kids[0], k, args[1], i) {
			return m.Kids[1], k
		}
	}
	return nil, 0
}

// sameValue compares values that may be of different widths of one family.
func sameValue(a *vector.Vector, i int, b *vector.Vector, j int) bool {
	if a.Type.ID == b.Type.ID || a.Type.Integer() && b.Type.Integer() || (a.Type.ID == types.String || a.Type.ID == types.Unknown) && (b.Type.ID == types.String || b.Type.ID == types.Unknown) {
		return vector.Equal(a, i, b, j)
	}
	return false
}

func arrayContains(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	a := args[0]
	r := a.Row(i)
	out.I[i] = 0
	for k := a.Offs[r]; k < a.Offs[r+1]; k++ {
		if sameValue(a.Kids[0], int(k), args[1], i) {
			out.I[i] = 1
			return nil
		}
	}
	return nil
}

// equalsAny is = ANY in three-valued logic: null when nothing matches and a null might have.
func equalsAny(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	value, list := args[0], args[1]
	if list.IsNull(i) {
		out.SetNull(i)
		return nil
	}
	r := list.Row(i)
	out.I[i] = 0
	unknown := false
	for k := list.Offs[r]; k < list.Offs[r+1]; k++ {
		switch {
		case value.IsNull(i) || list.Kids[0].IsNull(int(k)):
			unknown = true
		case sameValue(list.Kids[0], int(k), value, i):
			out.I[i] = 1
			return nil
		}
	}
	if unknown {
		out.SetNull(i)
	}
	return nil
}

func arrayToString(_ *functions.Context, args []*vector.Vector, i int, out *vector.Vector) *sqlerr.Error {
	a := args[0]
	r := a.Row(i)
	at, some := len(out.Buf), false
	for k := int(a.Offs[r]); k < int(a.Offs[r+1]); k++ {
		null := a.Kids[0].IsNull(k)
		if null && len(args) < 3 {
			continue
		}
		if some {
			out.Buf = append(out.Buf, text(args, 1, i)...)
		}
		some = true
		if null {
			out.Buf = append(out.Buf, text(args, 2, i)...)
		} else {
			out.Buf = vector.AppendText(out.Buf, a.Kids[0], k, vector.Style{})
		}
	}
	out.MarkText(i, at)
	return nil
}

// mapMembers is map_keys (kid 0) and map_values (kid 1).
func mapMembers(kid int) *functions.Overload {
	return &functions.Overload{
		Params: []types.Type{tMap},
		ReturnType: func(args []types.Type) (types.Type, error) {
			if kid == 0 {
				return types.ArrayOf(*args[0].Key), nil
			}
			return types.ArrayOf(*args[0].Elem), nil
		},
		Kernel: func(_ *functions.Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error {
			return appendRows(n, sel, out, func(i int) error {
				r := args[0].Row(i)
				for k := args[0].Offs[r]; k < args[0].Offs[r+1]; k++ {
					out.Kids[0].AppendFrom(args[0].Kids[kid], int(k))
				}
				out.EndList()
				return nil
			})
		},
	}
}

func asValue() *functions.Overload {
	return &functions.Overload{
		Params: []types.Type{tAny}, ReturnType: sameAsFirst,
		Kernel: picked(func(_ *functions.Context, args []*vector.Vector, i int) (*vector.Vector, int) { return args[0], i }),
	}
}
