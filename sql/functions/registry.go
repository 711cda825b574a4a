package functions

import (
	"sort"
	"strings"

	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// Registry is every function and aggregate there is, by lower-case name. Fill it first, then share it: reads need no lock.
type Registry struct {
	functions  map[string]*Function
	aggregates map[string][]*Aggregate
}

// NewRegistry is an empty registry.
func NewRegistry() *Registry {
	return &Registry{functions: map[string]*Function{}, aggregates: map[string][]*Aggregate{}}
}

// Add puts a function in; a second one of the name adds its overloads to the first's. Overloads without a name get the function's.
func (r *Registry) Add(f *Function) {
	for _, o := range f.Overloads {
		if o.Name == "" {
			o.Name = f.Name
		}
	}
	if have, ok := r.functions[f.Name]; ok {
		have.Overloads = append(have.Overloads, f.Overloads...)
		return
	}
	r.functions[f.Name] = f
}

// AddAggregate puts an aggregate's signature in.
func (r *Registry) AddAggregate(a *Aggregate) {
	r.aggregates[a.Name] = append(r.aggregates[a.Name], a)
}

// Function finds a scalar function by name, in any case; nil: there is none.
func (r *Registry) Function(name string) *Function { return r.functions[strings.ToLower(name)] }

// IsAggregate tells whether a name, in any case, is an aggregate's.
func (r *Registry) IsAggregate(name string) bool { return len(r.aggregates[strings.ToLower(name)]) > 0 }

// Functions lists all scalar functions by name.
func (r *Registry) Functions() []*Function {
	out := make([]*Function, 0, len(r.functions))
	for _, f := range r.functions {
		out = append(out, f)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Aggregates lists all aggregates by name.
func (r *Registry) Aggregates() []*Aggregate {
	var out []*Aggregate
	for _, a := range r.aggregates {
		out = append(out, a...)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Names lists every name of either kind, sorted: for completion.
func (r *Registry) Names() []string {
	var out []string
	for n := range r.functions {
		out = append(out, n)
	}
	for n := range r.aggregates {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}

// Result is the type of a call with arguments of these types (after implicit casts).
func (o *Overload) Result(args []types.Type) (types.Type, error) {
	if o.ReturnType == nil {
		return o.Returns, nil
	}
	return o.ReturnType(args)
}

// param is the type of parameter i, the last one repeating when variadic.
func (o *Overload) param(i int) types.Type {
	if i >= len(o.Params) {
		i = len(o.Params) - 1
	}
	return o.Params[i]
}

func (o *Overload) takes(n int) bool {
	if o.Variadic {
		return n >= len(o.Params)
	}
	return n == len(o.Params)
}

func undefined(name string, args []types.Type) *sqlerr.Error {
	if isOperator(name) {
		return sqlerr.Newf(sqlerr.UndefinedFunction, 0, "operator does not exist: %s", spellOperator(name, args)).
			WithHint("no operator matches the given name and argument types; you might need to add explicit type casts")
	}
	return sqlerr.Newf(sqlerr.UndefinedFunction, 0, "function %s does not exist", spellCall(name, args))
}

func isOperator(name string) bool {
	return name != "" && (name[0] != '_' && (name[0] < 'a' || name[0] > 'z'))
}

func spellOperator(name string, args []types.Type) string {
	if len(args) == 1 {
		return name + " " + args[0].String()
	}
	if len(args) == 2 {
		return args[0].String() + " " + name + " " + args[1].String()
	}
	return name
}

func spellCall(name string, args []types.Type) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = a.String()
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}
