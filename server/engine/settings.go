package engine

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// setting is one thing SET can change.
type setting struct {
	name     string // as SHOW ALL prints it
	value    string // default
	help     string
	reported bool // the client is told when it changes
	readOnly bool
	check    func(string) (string, error) // gives the value in its canonical form; nil: any text
}

// settingTable is what there is, by lower-case name.
var settingTable = makeSettingTable()

func makeSettingTable() map[string]*setting {
	table := map[string]*setting{}
	for _, s := range []setting{
		{name: "application_name", reported: true, help: "name of the client, for logs"},
		{name: "client_encoding", value: "UTF8", reported: true, check: utf8Only, help: "encoding of the client; only UTF8"},
		{name: "client_min_messages", value: "notice", check: words("debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"), help: "accepted, without effect"},
		{name: "DateStyle", value: "ISO, MDY", reported: true, check: dateStyle, help: "form of dates; only ISO"},
		{name: "default_transaction_isolation", value: "read committed", help: "accepted, without effect: reads see one commit"},
		{name: "default_transaction_read_only", value: "off", reported: true, check: boolean, help: "accepted, without effect"},
		{name: "extra_float_digits", value: "1", check: integer(-15, 3), help: "accepted: floats always have their shortest exact digits"},
		{name: "idle_in_transaction_session_timeout", value: "0", check: milliseconds, help: "accepted, without effect"},
		{name: "in_hot_standby", value: "off", reported: true, readOnly: true, help: "always off"},
		{name: "integer_datetimes", value: "on", reported: true, readOnly: true, help: "always on"},
		{name: "IntervalStyle", value: "postgres", reported: true, check: words("postgres"), help: "form of intervals; only postgres"},
		{name: "is_superuser", value: "on", reported: true, readOnly: true, help: "there is no authorization yet"},
		{name: "jit", value: "off", check: boolean, help: "accepted, without effect"},
		{name: "lock_timeout", value: "0", check: milliseconds, help: "accepted, without effect: there are no locks"},
		{name: "max_identifier_length", value: "63", readOnly: true, help: "of PostgreSQL, for clients that ask"},
		{name: "row_security", value: "off", check: boolean, help: "accepted, without effect"},
		{name: "search_path", value: `"$user", public`, help: "accepted: there is one schema, public"},
		{name: "server_encoding", value: "UTF8", reported: true, readOnly: true, help: "always UTF8"},
		{name: "server_version", value: "15.0 (Freshet)", reported: true, readOnly: true, help: "version of PostgreSQL whose catalogues clients may expect"},
		{name: "server_version_num", value: "150000", readOnly: true, help: "the same as a number"},
		{name: "session_authorization", reported: true, readOnly: true, help: "the user"},
		{name: "standard_conforming_strings", value: "on", reported: true, check: words("on"), help: "backslashes in '…' are ordinary; always on"},
		{name: "statement_timeout", value: "0", check: milliseconds, help: "longest a statement may take, in ms unless a unit is given; 0 for ever"},
		{name: "synchronous_commit", value: "on", check: words("on", "off", "local", "remote_write", "remote_apply"), help: "accepted: writes are always synced"},
		{name: "TimeZone", value: "UTC", reported: true, check: zone, help: "zone in which timestamps are printed and read"},
		{name: "transaction_isolation", value: "read committed", help: "accepted, without effect"},
		{name: "transaction_read_only", value: "off", check: boolean, help: "accepted, without effect"},
		{name: "bytea_output", value: "hex", check: words("hex"), help: "form of bytes; only hex"},
		{name: "xmloption", value: "content", check: words("content", "document"), help: "accepted, without effect"},
		{name: "auto.offset.reset", value: "earliest", check: words("earliest", "latest"), help: "where queries begin to read a topic"},
		{name: "emit_intermediate", value: "off", check: boolean, help: "on: aggregates emit every step instead of net changes"},
		{name: "ksql.persistence.default.format.key", value: "KAFKA", help: "key format of relations that name none"},
		{name: "ksql.persistence.default.format.value", value: "JSON", help: "value format of relations that name none"},
	} {
		table[strings.ToLower(s.name)] = &s
	}
	return table
}

// aliases are other names of settings, ksqlDB's and Postgres'.
var aliases = map[string]string{
	"ksql.streams.auto.offset.reset": "auto.offset.reset",
	"time zone":                      "timezone",
	"session characteristics":        "default_transaction_isolation",
	"names":                          "client_encoding",
}

// settings are one session's values; it implements session.Settings.
type settings struct {
	changed  map[string]string // by lower-case name, those that differ from the default
	defaults map[string]string // of this session: server options, start-up packet
}

func lookup(name string) (*setting, error) {
	lower := strings.ToLower(name)
	if other, ok := aliases[lower]; ok {
		lower = other
	}
	if s := settingTable[lower]; s != nil {
		return s, nil
	}
	e := sqlerr.Newf(sqlerr.UndefinedObject, 0, "unrecognized configuration parameter %q", name)
	if near := nearest(lower, settingTable); near != "" {
		return nil, e.WithHint("did you mean %q?", near)
	}
	return nil, e.WithHint("SHOW ALL lists what there is")
}

// nearest is the name that begins like the wrong one, when there is one.
func nearest(name string, table map[string]*setting) string {
	best, longest := "", 2
	for known := range table {
		n := 0
		for n < len(name) && n < len(known) && name[n] == known[n] {
			n++
		}
		if n > longest || n == longest && known < best {
			best, longest = known, n
		}
	}
	return best
}

// Get implements session.Settings.
func (s *settings) Get(name string) (string, bool) {
	known, err := lookup(name)
	if err != nil {
		return "", false
	}
	return s.value(known), true
}

func (s *settings) value(known *setting) string {
	lower := strings.ToLower(known.name)
	if v, ok := s.changed[lower]; ok {
		return v
	}
	if v, ok := s.defaults[lower]; ok {
		return v
	}
	return known.value
}

// Set implements session.Settings.
func (s *settings) Set(name, value string) error {
	known, err := lookup(name)
	if err != nil {
		return err
	}
	if known.readOnly {
		return sqlerr.Newf(sqlerr.CantChangeRuntimeParam, 0, "parameter %q cannot be changed", known.name)
	}
	if known.check != nil {
		if value, err = known.check(value); err != nil {
			return sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "invalid value for parameter %q: %s", known.name, err)
		}
	}
	s.changed[strings.ToLower(known.name)] = value
	return nil
}

// reset gives a setting, or with "" all, its default back.
func (s *settings) reset(name string) error {
	if name == "" || strings.EqualFold(name, "all") {
		clear(s.changed)
		return nil
	}
	known, err := lookup(name)
	if err != nil {
		return err
	}
	delete(s.changed, strings.ToLower(known.name))
	return nil
}

// rows are all settings with their values, sorted by name.
func (s *settings) rows() []SettingRow {
	rows := make([]SettingRow, 0, len(settingTable))
	for _, known := range settingTable {
		rows = append(rows, SettingRow{known.name, s.value(known), known.help})
	}
	sort.Slice(rows, func(i, j int) bool { return strings.ToLower(rows[i].Name) < strings.ToLower(rows[j].Name) })
	return rows
}

func words(allowed ...string) func(string) (string, error) {
	return func(v string) (string, error) {
		for _, w := range allowed {
			if strings.EqualFold(v, w) {
				return w, nil
			}
		}
		return "", fmt.Errorf("%q is not one of %s", v, strings.Join(allowed, ", "))
	}
}

func boolean(v string) (string, error) {
	switch strings.ToLower(v) {
	case "on", "true", "yes", "1", "t", "y":
		return "on", nil
	case "off", "false", "no", "0", "f", "n":
		return "off", nil
	}
	return "", fmt.Errorf("%q is neither on nor off", v)
}

func integer(least, most int) func(string) (string, error) {
	return func(v string) (string, error) {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return "", fmt.Errorf("%q is not a number from %d to %d", v, least, most)
		}
		return strconv.Itoa(n), nil
	}
}

// timeUnits are PostgreSQL's units of durations.
var timeUnits = map[string]time.Duration{
	"": time.Millisecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// milliseconds reads a duration as PostgreSQL does: a number of ms, or with a unit; it is kept in ms.
func milliseconds(v string) (string, error) {
	digits := strings.TrimRight(v, "usminhd ")
	unit, ok := timeUnits[strings.TrimSpace(v[len(digits):])]
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 32)
	if err != nil || !ok || n < 0 {
		return "", fmt.Errorf("%q is not a duration such as 500, 30s or 5min", v)
	}
	return strconv.FormatInt((time.Duration(n) * unit).Milliseconds(), 10), nil
}

func utf8Only(v string) (string, error) {
	// As PostgreSQL does, only letters and digits count: asyncpg sends 'utf-8', quotes included.
	word := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, strings.ToUpper(v))
	switch word {
	case "UTF8", "UNICODE":
		return "UTF8", nil
	}
	return "", fmt.Errorf("%q is not supported, only UTF8", v)
}

func dateStyle(v string) (string, error) {
	for part := range strings.SplitSeq(v, ",") {
		switch strings.ToUpper(strings.TrimSpace(part)) {
		case "ISO", "MDY", "DMY", "YMD", "DEFAULT":
		default:
			return "", fmt.Errorf("%q is not supported, only ISO", v)
		}
	}
	return "ISO, MDY", nil
}

func zone(v string) (string, error) {
	if strings.EqualFold(v, "default") || strings.EqualFold(v, "local") {
		return "UTC", nil
	}
	if _, err := time.LoadLocation(v); err != nil {
		return "", fmt.Errorf("time zone %q is not known", v)
	}
	return v, nil
}
