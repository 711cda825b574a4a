package settings

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Values are the settings of one session. They are not safe for concurrent use.
//
// A value set inside a transaction lasts if it commits; a local one ends with the transaction in any case.
type Values struct {
	registry *Registry
	defaults map[string]string // of the session, where they differ from the registry's
	session  map[string]string
	local    map[string]string // SET LOCAL, until the end of the transaction
	before   map[string]string // the session's values when the transaction began; nil outside one
	told     map[string]string // reported values the client knows
}

// NewValues returns the settings of a new session. The defaults are those of its database, user and startup packet, by
// name; what Parse refuses is an error.
func (r *Registry) NewValues(defaults map[string]string) (*Values, error) {
	v := &Values{registry: r, defaults: map[string]string{}, session: map[string]string{}, local: map[string]string{}, told: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		key, value, err := v.canonical(name, defaults[name], true)
		if err != nil {
			return nil, err
		}
		v.defaults[key] = value
	}
	v.Changes()
	return v, nil
}

// canonical finds a setting's key and makes a value canonical.
func (v *Values) canonical(name, value string, startup bool) (key, canonicalValue string, err error) {
	s, err := v.registry.Lookup(name)
	if err != nil {
		if custom(name) {
			return strings.ToLower(name), value, nil
		}
		return "", "", err
	}
	if s.ReadOnly && !startup {
		return "", "", sqlerr.Newf(sqlerr.CantChangeRuntimeParam, 0, "parameter %q cannot be changed", s.Name)
	}
	canonicalValue, err = s.Parse(value)
	return s.Name, canonicalValue, err
}

// Set changes a value; local means until the end of the transaction. Errors: 42704 for an unknown name, with the nearest
// one; 55P02 for one that is fixed; 22023 for a value that will not do.
func (v *Values) Set(name, value string, local bool) error {
	key, value, err := v.canonical(name, value, false)
	if err != nil {
		return err
	}
	if local {
		v.local[key] = value
		return nil
	}
	v.session[key] = value
	delete(v.local, key)
	return nil
}

// Reset gives a setting its session's default.
func (v *Values) Reset(name string) error {
	key := strings.ToLower(name)
	s, err := v.registry.Lookup(name)
	switch {
	case err == nil && s.ReadOnly:
		return sqlerr.Newf(sqlerr.CantChangeRuntimeParam, 0, "parameter %q cannot be changed", s.Name)
	case err == nil:
		key = s.Name
	case !custom(name):
		return err
	}
	delete(v.session, key)
	delete(v.local, key)
	return nil
}

// ResetAll gives all settings their session's defaults.
func (v *Values) ResetAll() {
	clear(v.session)
	clear(v.local)
}

// Begin opens a transaction.
func (v *Values) Begin() {
	if v.before == nil {
		v.before = maps.Clone(v.session)
	}
}

// End closes the transaction: local values end, and without commit all that was set in it.
func (v *Values) End(commit bool) {
	if !commit && v.before != nil {
		v.session = v.before
	}
	v.before = nil
	clear(v.local)
}

// Get is the canonical value of a setting. Error: 42704.
func (v *Values) Get(name string) (string, error) {
	s, err := v.registry.Lookup(name)
	if err == nil {
		return v.value(s), nil
	}
	if value, ok := v.own(strings.ToLower(name)); ok {
		return value, nil
	}
	return "", err
}

// Show is the value of a setting as SHOW prints it, with the setting's proper name. Error: 42704.
func (v *Values) Show(name string) (proper, value string, err error) {
	s, err := v.registry.Lookup(name)
	if err != nil {
		value, err = v.Get(name)
		return strings.ToLower(name), value, err
	}
	return s.Name, s.Show(v.value(s)), nil
}

func (v *Values) own(key string) (string, bool) {
	for _, m := range []map[string]string{v.local, v.session, v.defaults} {
		if value, ok := m[key]; ok {
			return value, true
		}
	}
	return "", false
}

func (v *Values) value(s *Setting) string {
	if value, ok := v.own(s.Name); ok {
		return value
	}
	return s.Default
}

// Bool is the value of a Bool setting of this package; false for any other.
func (v *Values) Bool(name string) bool {
	s, err := v.Get(name)
	return err == nil && s == "on"
}

// Int is the value of an Int setting of this package; 0 for any other.
func (v *Values) Int(name string) int64 {
	s, err := v.Get(name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Duration is the value of a Time setting of this package; 0 for any other.
func (v *Values) Duration(name string) time.Duration {
	s, err := v.registry.Lookup(name)
	if err != nil || s.Kind != Time {
		return 0
	}
	return time.Duration(v.Int(name)) * s.Unit
}

// Text is the value of a setting of this package; "" for any other.
func (v *Values) Text(name string) string {
	s, err := v.Get(name)
	if err != nil {
		return ""
	}
	return s
}

// Parameter is a setting and its value.
type Parameter struct {
	Name  string
	Value string
}

// Reported lists the settings a Postgres client is told of when it connects, by name.
func (v *Values) Reported() []Parameter {
	var list []Parameter
	for _, s := range v.registry.list {
		if s.Report {
			list = append(list, Parameter{s.Name, v.value(s)})
		}
	}
	return list
}

// Changes lists the reported settings that changed since the last call, or since the session began.
func (v *Values) Changes() []Parameter {
	var list []Parameter
	for _, p := range v.Reported() {
		if told, ok := v.told[p.Name]; !ok || told != p.Value {
			v.told[p.Name] = p.Value
			list = append(list, p)
		}
	}
	return list
}

// Query lists the settings that a query created now is to keep: those that change what it does and are not at the
// registry's default, by name.
func (v *Values) Query() []Parameter {
	var list []Parameter
	for _, s := range v.registry.list {
		if value := v.value(s); s.Query && value != s.Default {
			list = append(list, Parameter{s.Name, value})
		}
	}
	return list
}

// WithQuery returns settings of the same registry that has just these values: those a query was created with.
func (r *Registry) WithQuery(list []Parameter) (*Values, error) {
	defaults := make(map[string]string, len(list))
	for _, p := range list {
		defaults[p.Name] = p.Value
	}
	return r.NewValues(defaults)
}
