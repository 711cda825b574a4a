// Package settings holds every session and query setting: name, type, default, range and help text.
//
// A Registry knows the settings, Values are those of one session. SET, RESET, SHOW, SET LOCAL and the end of a
// transaction work on Values; what a query is created with is recorded by Values.Query. Settings of ksqlDB go by their
// own names, which are aliases. Source of names and behaviour: PostgreSQL, "Server Configuration"; ksqlDB, "Configuration
// parameter reference".
package settings

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Kind is the type of a setting's values.
type Kind uint8

// The types of settings.
const (
	Text  Kind = iota
	Bool       // on, off and their like; printed on and off
	Int        // a whole number between Min and Max
	Float      // a number between Min and Max
	Time       // a whole number of Unit, or a number with a unit: 10s, '5 min'
	Enum       // one of Options
)

// String is the name pg_settings has for the type.
func (k Kind) String() string {
	return [...]string{"string", "bool", "integer", "real", "integer", "enum"}[k]
}

// Setting is one setting.
type Setting struct {
	Name     string
	Aliases  []string // other names, such as ksqlDB's
	Kind     Kind
	Default  string // canonical text
	Min, Max float64
	Unit     time.Duration // of Time: what a bare number counts
	Options  []string      // of Enum, canonical; lower case but where Postgres' is not
	Category string
	Help     string
	Report   bool // a change is told to Postgres clients (ParameterStatus)
	ReadOnly bool // cannot be set: 55P02
	Query    bool // changes what a query does, and is recorded with it
	// Check makes a text canonical, beyond what Kind does, or refuses it; nil for none.
	Check func(value string) (string, error)
}

// Parse makes a value canonical. Errors: 22023 with the values that would do.
func (s *Setting) Parse(value string) (string, error) {
	var err error
	switch s.Kind {
	case Bool:
		value, err = s.parseBool(value)
	case Int, Float:
		value, err = s.parseNumber(value)
	case Time:
		value, err = s.parseTime(value)
	case Enum:
		value, err = s.parseEnum(value)
	}
	if err == nil && s.Check != nil {
		value, err = s.Check(value)
	}
	return value, err
}

func (s *Setting) invalid(value string) *sqlerr.Error {
	return sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "invalid value for parameter %q: %q", s.Name, value)
}

// parseBool takes what Postgres takes: any unambiguous beginning of true, false, yes, no, on, off, 1, 0.
func (s *Setting) parseBool(value string) (string, error) {
	v := strings.ToLower(strings.TrimSpace(value))
	switch {
	case v == "":
	case v == "1", v == "on", strings.HasPrefix("true", v), strings.HasPrefix("yes", v):
		return "on", nil
	case v == "0", v == "of", v == "off", strings.HasPrefix("false", v), strings.HasPrefix("no", v):
		return "off", nil
	}
	return "", sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "parameter %q requires a Boolean value", s.Name)
}

func (s *Setting) parseNumber(value string) (string, error) {
	v := strings.TrimSpace(value)
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(f) {
		return "", s.invalid(value)
	}
	if s.Kind == Int && f != math.Trunc(f) {
		f = math.RoundToEven(f)
	}
	if f < s.Min || f > s.Max {
		return "", s.outside(v)
	}
	return strconv.FormatFloat(f, 'f', -1, 64), nil
}

func (s *Setting) outside(value string) error {
	return sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "%s is outside the valid range for parameter %q (%s .. %s)", value, s.Name,
		strconv.FormatFloat(s.Min, 'f', -1, 64), strconv.FormatFloat(s.Max, 'f', -1, 64))
}

var timeUnits = map[string]time.Duration{
	"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// parseTime takes a number, with or without a unit; the canonical text is a number of the setting's own unit.
func (s *Setting) parseTime(value string) (string, error) {
	v := strings.TrimSpace(value)
	end := strings.IndexFunc(v, func(r rune) bool { return r > '9' || r == ' ' })
	unit := s.Unit
	number := v
	if end >= 0 {
		var ok bool
		number = v[:end]
		if unit, ok = timeUnits[strings.TrimSpace(v[end:])]; !ok {
			return "", s.invalid(value).WithHint(`valid units for this parameter are "us", "ms", "s", "min", "h" and "d"`)
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(f) {
		return "", s.invalid(value)
	}
	f = math.RoundToEven(f * float64(unit) / float64(s.Unit))
	if f < s.Min || f > s.Max {
		return "", s.outside(v)
	}
	return strconv.FormatFloat(f, 'f', -1, 64), nil
}

func (s *Setting) parseEnum(value string) (string, error) {
	v := strings.TrimSpace(value)
	for _, o := range s.Options {
		if strings.EqualFold(o, v) {
			return o, nil
		}
	}
	return "", s.invalid(value).WithHint("available values: %s", strings.Join(s.Options, ", "))
}

// Show is the text SHOW prints for a canonical value: times have their unit.
func (s *Setting) Show(value string) string {
	if s.Kind != Time || value == "0" || strings.HasPrefix(value, "-") {
		return value
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return value
	}
	return showTime(time.Duration(n) * s.Unit)
}

// showTime prints a time in the largest unit that divides it.
func showTime(d time.Duration) string {
	for _, u := range []string{"d", "h", "min", "s", "ms"} {
		if unit := timeUnits[u]; d%unit == 0 {
			return strconv.FormatInt(int64(d/unit), 10) + u
		}
	}
	return strconv.FormatInt(int64(d/time.Microsecond), 10) + "us"
}
