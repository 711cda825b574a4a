package settings

import (
	"slices"
	"strings"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Registry knows the settings. It is immutable and safe for concurrent use.
type Registry struct {
	byName map[string]*Setting // by lower-case name and alias
	list   []*Setting
}

// New returns the registry of all settings.
func New() *Registry {
	return NewOf(slices.Concat(postgresSettings(), quietSettings(), fixedSettings(), freshetSettings(), ksqlSettings()))
}

// NewOf returns a registry of these settings. Two settings of one name are a mistake of the caller's; the later one counts.
func NewOf(list []Setting) *Registry {
	r := &Registry{byName: make(map[string]*Setting, 2*len(list))}
	for i := range list {
		s := &list[i]
		r.list = append(r.list, s)
		r.byName[strings.ToLower(s.Name)] = s
		for _, a := range s.Aliases {
			r.byName[strings.ToLower(a)] = s
		}
	}
	slices.SortFunc(r.list, func(a, b *Setting) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return r
}

// All lists the settings by name. The list must not be changed.
func (r *Registry) All() []*Setting { return r.list }

// Lookup finds a setting by its name or alias in any case. Error: 42704 with the nearest name.
func (r *Registry) Lookup(name string) (*Setting, error) {
	if s, ok := r.byName[strings.ToLower(name)]; ok {
		return s, nil
	}
	err := sqlerr.Newf(sqlerr.UndefinedObject, 0, "unrecognized configuration parameter %q", name)
	if near := r.nearest(strings.ToLower(name)); near != "" {
		err = err.WithHint("did you mean %q?", near)
	}
	return nil, err
}

// nearest is the name fewest letters away; "" when none is near. Of equally near ones the first by the alphabet.
func (r *Registry) nearest(name string) string {
	const far = 4
	best, bestDistance := "", far
	for candidate := range r.byName {
		d := sqlerr.Distance(name, candidate, far)
		if d*3 <= len(candidate) && (d < bestDistance || d == bestDistance && best != "" && candidate < best) {
			best, bestDistance = candidate, d
		}
	}
	if s := r.byName[best]; s != nil && strings.EqualFold(s.Name, best) {
		return s.Name
	}
	return best
}

// custom tells whether a name is one of the user's own: two or more parts with dots, and none of a family of ours.
func custom(name string) bool {
	prefix, rest, ok := strings.Cut(strings.ToLower(name), ".")
	if !ok || prefix == "" || rest == "" {
		return false
	}
	switch prefix {
	case "ksql", "freshet", "auto", "processing", "commit", "cache":
		return false
	}
	return true
}
