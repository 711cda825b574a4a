package engine

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/settings"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// work is what the engine keeps for a session.
type work struct {
	settings *settings.Values
	zoneName string            // of TimeZone
	timeout  time.Duration     // of statement_timeout
	planned  map[string]string // the settings the planner asks for, under its names; never changed, only replaced
	tx       transaction
	wrote    map[string]bool // topics written since they were last waited for
}

func workOf(sess *session.Session) *work { return sess.Work.(*work) }

// notSettings are parameters of a start-up packet that set nothing.
var notSettings = map[string]bool{"replication": true, "options": true}

// Open makes a session for a database. Errors: 3D000, and those of settings.
func (e *Engine) Open(_ context.Context, id session.Identity, parameters map[string]string) (*session.Session, error) {
	if e.Catalog(id.Database) == nil {
		return nil, sqlerr.Newf(sqlerr.InvalidCatalogName, 0, "database %q does not exist", id.Database).
			WithHint("connect to database %q (psql -d %s)", e.opts.Database, e.opts.Database)
	}
	defaults := map[string]string{"session_authorization": id.User}
	if e.opts.StatementTimeout > 0 {
		defaults[settings.StatementTimeout] = strconv.FormatInt(e.opts.StatementTimeout.Milliseconds(), 10)
	}
	for name, value := range parameters {
		if !notSettings[name] {
			defaults[name] = strings.Trim(value, "'") // asyncpg sends client_encoding with its quotes
		}
	}
	options, err := startOptions(parameters["options"])
	if err != nil {
		return nil, err
	}
	maps.Copy(defaults, options)
	values, err := e.settings.NewValues(defaults)
	if err != nil {
		return nil, err
	}
	w := &work{settings: values, wrote: map[string]bool{}}
	sess := session.New(id, values)
	sess.Work = w
	for _, p := range values.Reported() {
		sess.Report(p.Name, p.Value)
	}
	w.refresh(sess)
	return sess, nil
}

// startOptions reads the options of a start-up packet: -c name=value, --name=value.
func startOptions(options string) (map[string]string, error) {
	set := map[string]string{}
	fields := strings.Fields(options)
	for i := 0; i < len(fields); i++ {
		option := fields[i]
		switch {
		case option == "-c" && i+1 < len(fields):
			i++
			option = fields[i]
		case strings.HasPrefix(option, "-c"):
			option = option[2:]
		case strings.HasPrefix(option, "--"):
			option = option[2:]
		default:
			return nil, sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "option %q of the connection is not understood", option)
		}
		name, value, _ := strings.Cut(option, "=")
		set[name] = value
	}
	return set, nil
}

// refresh takes over settings that are used in a parsed form, and tells the client of those it wants to know.
func (w *work) refresh(sess *session.Session) {
	if zone := w.settings.Text(settings.TimeZone); zone != w.zoneName {
		w.zoneName = zone
		sess.Style = vector.Style{Zone: settings.Location(zone)}
	}
	w.timeout = w.settings.Duration(settings.StatementTimeout)
	w.planned = plannerSettings(w.settings)
	for _, p := range w.settings.Changes() {
		sess.Report(p.Name, p.Value)
	}
}

// plannerNames are the settings the planner reads, and what it calls them.
var plannerNames = map[string]string{
	settings.TimeZone:         "timezone",
	settings.AutoOffsetReset:  "auto.offset.reset",
	settings.EmitIntermediate: "emit_intermediate",
	settings.KeyFormat:        "ksql.persistence.default.format.key",
	settings.ValueFormat:      "ksql.persistence.default.format.value",
}

// plannerSettings are those settings, where they differ from the defaults.
func plannerSettings(values *settings.Values) map[string]string {
	set := map[string]string{}
	for _, p := range values.Query() {
		if name, ok := plannerNames[p.Name]; ok {
			set[name] = p.Value
		}
	}
	return set
}

// rows are all settings with their values, by name.
func (e *Engine) settingRows(values *settings.Values) []SettingRow {
	rows := make([]SettingRow, 0, len(e.settings.All()))
	for _, s := range e.settings.All() {
		_, value, err := values.Show(s.Name)
		if err == nil {
			rows = append(rows, SettingRow{s.Name, value, s.Help})
		}
	}
	return rows
}

// CloseSession ends a session: its portals, its transaction.
func (e *Engine) CloseSession(sess *session.Session) { sess.Close() }

// catalogOf is the catalogue a session's statements see: its transaction's, or the current one.
func (e *Engine) catalogOf(sess *session.Session) (*catalog.Catalog, error) {
	w := workOf(sess)
	if w.tx.catalog != nil {
		return w.tx.catalog, nil
	}
	cat := e.Catalog(sess.Database)
	if cat == nil {
		return nil, sqlerr.Newf(sqlerr.InvalidCatalogName, 0, "database %q does not exist", sess.Database)
	}
	return cat, nil
}
