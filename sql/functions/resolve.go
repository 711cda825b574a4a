package functions

import (
	"strings"

	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// Resolve picks the overload of a scalar function or operator for arguments of these types. casts[i] is the type argument i
// must be cast to before the call (equal to args[i]: no cast). The result's type is Overload.Result(casts).
//
// Unknown arguments (NULL, untyped text literals) take the type of the other side of an operator, else what fits best, text first.
// Errors, without a position: 42883 no such function, or none for these types; 42725 several fit equally.
// Source: Postgres, chapter "Function Type Resolution".
func (r *Registry) Resolve(name string, args []types.Type, d Dialect) (o *Overload, casts []types.Type, err error) {
	name = strings.ToLower(name)
	f := r.functions[name]
	if f == nil {
		return nil, nil, r.noSuchName(name, args)
	}
	args = unifyUnknown(name, args)
	best := rate(f.Overloads, args, d)
	switch {
	case len(best) == 0:
		return nil, nil, wrongArguments(f, args, d)
	case len(best) > 1:
		return nil, nil, sqlerr.Newf(sqlerr.AmbiguousFunction, 0, "%s is not unique", describe(name, args)).
			WithHint("could not choose a best candidate; you might need to add explicit type casts")
	}
	o = best[0]
	casts = make([]types.Type, len(args))
	for i, a := range args {
		casts[i] = castTo(a, o.param(i))
	}
	return o, casts, nil
}

func describe(name string, args []types.Type) string {
	if isOperator(name) {
		return "operator " + spellOperator(name, args)
	}
	return "function " + spellCall(name, args)
}

// unifyUnknown gives an untyped side of a binary operator the type of its other side, as Postgres does; not of subscripts and of
// arrows, whose sides differ in kind.
func unifyUnknown(name string, args []types.Type) []types.Type {
	if len(args) != 2 || !isOperator(name) || name == "[]" || name[0] == '-' && len(name) > 1 || args[0].ID != types.Unknown == (args[1].ID != types.Unknown) {
		return args
	}
	known := args[0]
	if known.ID == types.Unknown {
		known = args[1]
	}
	// A date or a number of seconds is moved by an interval, not by its own kind: leave those to the rating.
	if (name == "+" || name == "-") && (known.ID == types.Timestamp || known.ID == types.Date || known.ID == types.Time) || name == "||" {
		return args
	}
	return []types.Type{known, known}
}

// castTo is what an argument becomes for a parameter: decimals keep their scale for an unconstrained parameter.
func castTo(arg, param types.Type) types.Type {
	if fits(arg, param) {
		return arg
	}
	if param.ID == types.Decimal && param.Precision == 0 && arg.Integer() {
		return types.IntegerAsDecimal(arg.ID)
	}
	if arg.ID == types.Unknown && param.ID == types.Unknown {
		return types.Of(types.String)
	}
	return param
}

// fits tells whether an argument needs no cast: the same type; any decimal for an unconstrained one; a nested parameter without
// member types takes all of its kind; an Unknown parameter takes everything.
func fits(arg, param types.Type) bool {
	if param.ID == types.Unknown {
		return arg.ID != types.Unknown
	}
	if arg.ID != param.ID {
		return false
	}
	switch arg.ID {
	case types.Decimal:
		return param.Precision == 0 || arg.Equal(param)
	case types.Array, types.Map:
		return param.Elem == nil || arg.Equal(param)
	case types.Struct:
		return len(param.Fields) == 0 || arg.Equal(param)
	}
	return true
}

// Scores of one argument; an overload's is the sum. Exact beats preferred beats convertible; a dialect's own overload only breaks ties.
const (
	scoreExact     = 100
	scorePreferred = 2
	scoreUnknown   = 1
	scoreDialect   = 1
)

// rate keeps the overloads that take the arguments with the best score; those of the dialect beat those of any.
func rate(overloads []*Overload, args []types.Type, d Dialect) []*Overload {
	var best []*Overload
	top := -1
	for _, o := range overloads {
		if o.Dialect != Any && o.Dialect != d || !o.takes(len(args)) {
			continue
		}
		score, ok := score(o, args)
		if !ok {
			continue
		}
		if o.Dialect == d && d != Any {
			score += scoreDialect
		}
		if score > top {
			top, best = score, best[:0]
		}
		if score == top {
			best = append(best, o)
		}
	}
	return best
}

func score(o *Overload, args []types.Type) (int, bool) {
	total := 0
	if !o.Variadic {
		total += scorePreferred
	}
	for i, a := range args {
		p := o.param(i)
		switch {
		case fits(a, p):
			if p.ID != types.Unknown {
				total += scoreExact
			}
		case p.ID == types.Unknown: // polymorphic: takes an untyped literal as text
		case a.ID == types.Unknown:
			if p.ID == types.String {
				total += scorePreferred + scoreUnknown
			} else if preferred(p.ID) {
				total += scoreUnknown
			}
		case types.CanCast(a, p, types.Implicit):
			total += widening(a, p)
		default:
			return 0, false
		}
	}
	return total, true
}

// widening prefers the nearest wider number: int to bigint, before decimal, before double.
func widening(from, to types.Type) int {
	if !from.Numeric() || !to.Numeric() {
		return scorePreferred
	}
	order := map[types.ID]int{types.SmallInt: 0, types.Int: 1, types.BigInt: 2, types.Decimal: 3, types.Real: 5, types.Double: 4}
	return 2 * (6 - order[to.ID])
}

func preferred(id types.ID) bool {
	return id == types.Double || id == types.Timestamp || id == types.Boolean
}

func wrongArguments(f *Function, args []types.Type, d Dialect) error {
	e := undefined(f.Name, args)
	if isOperator(f.Name) {
		return e
	}
	shapes := make([]string, 0, len(f.Overloads))
	for _, o := range f.Overloads {
		if o.Dialect == Any || o.Dialect == d {
			shapes = append(shapes, o.Signature())
		}
	}
	if len(shapes) == 0 {
		return e.WithHint("it exists in the other dialect only")
	}
	return e.WithHint("it exists as %s", strings.Join(dedupe(shapes), ", "))
}

func dedupe(in []string) []string {
	seen := map[string]bool{}
	out := in[:0]
	for _, s := range in {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// Signature is the overload as written in documentation: "substring(text, integer)".
func (o *Overload) Signature() string {
	s := spellCall(o.Name, o.Params)
	s = strings.ReplaceAll(s, "unknown", "any")
	if o.Variadic {
		s = strings.TrimSuffix(s, ")") + ", ...)"
	}
	return s
}

func (r *Registry) noSuchName(name string, args []types.Type) error {
	e := undefined(name, args)
	if isOperator(name) {
		return e
	}
	if near := sqlerr.Nearest(name, r.Names(), max(1, len(name)/3)); near != "" {
		return e.WithHint("did you mean %q?", near)
	}
	return e
}

// ResolveAggregate picks the aggregate for arguments of these types (star: COUNT(*)) and binds nothing yet: pass casts to
// Aggregate.Bind, which gives the result type and the constructor. Errors as Resolve.
func (r *Registry) ResolveAggregate(name string, args []types.Type, star bool, d Dialect) (a *Aggregate, casts []types.Type, err error) {
	name = strings.ToLower(name)
	list := r.aggregates[name]
	if len(list) == 0 {
		return nil, nil, r.noSuchName(name, args)
	}
	byOverload := map[*Overload]*Aggregate{}
	var overloads []*Overload
	for _, a := range list {
		if a.Star != star {
			continue
		}
		o := &Overload{Name: name, Dialect: a.Dialect, Params: a.Params}
		byOverload[o] = a
		overloads = append(overloads, o)
	}
	best := rate(overloads, args, d)
	if len(best) == 0 {
		return nil, nil, wrongArguments(&Function{Name: name, Overloads: overloads}, args, d)
	}
	casts = make([]types.Type, len(args))
	for i, t := range args {
		casts[i] = castTo(t, best[0].param(i))
	}
	return byOverload[best[0]], casts, nil
}
