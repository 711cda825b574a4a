package engine

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
)

// work is what the engine keeps for a session.
type work struct {
	settings *settings
	zoneName string        // of TimeZone
	timeout  time.Duration // of statement_timeout
	tx       transaction
	wrote    map[string]bool // topics written since they were last waited for
}

func workOf(sess *session.Session) *work { return sess.Work.(*work) }

// ignoredParameters of a start-up packet are no settings.
var ignoredParameters = map[string]bool{"replication": true}

// Open makes a session for a database. Errors: 3D000, and those of settings.
func (e *Engine) Open(_ context.Context, id session.Identity, parameters map[string]string) (*session.Session, error) {
	if e.Catalog(id.Database) == nil {
		return nil, sqlerr.Newf(sqlerr.InvalidCatalogName, 0, "database %q does not exist", id.Database).
			WithHint("connect to database %q (psql -d %s)", e.opts.Database, e.opts.Database)
	}
	values := &settings{changed: map[string]string{}, defaults: map[string]string{"session_authorization": id.User}}
	if e.opts.StatementTimeout > 0 {
		values.defaults["statement_timeout"] = strconv.FormatInt(e.opts.StatementTimeout.Milliseconds(), 10)
	}
	w := &work{settings: values, wrote: map[string]bool{}}
	sess := session.New(id, values)
	sess.Work = w
	for name, value := range parameters {
		var err error
		switch {
		case ignoredParameters[name]:
		case name == "options":
			err = setOptions(values, value)
		default:
			err = values.Set(name, value)
		}
		if err != nil {
			return nil, err
		}
	}
	maps.Copy(values.defaults, values.changed) // RESET goes back to what the client began with
	clear(values.changed)
	for _, row := range values.rows() {
		if settingTable[strings.ToLower(row.Name)].reported {
			sess.Report(row.Name, row.Value)
		}
	}
	w.refresh(sess)
	return sess, nil
}

// setOptions reads the options of a start-up packet: -c name=value, --name=value.
func setOptions(values *settings, options string) error {
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
			return sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "option %q of the connection is not understood", option)
		}
		name, value, _ := strings.Cut(option, "=")
		if err := values.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// refresh takes over settings that are used in a parsed form.
func (w *work) refresh(sess *session.Session) {
	zone := w.settings.value(settingTable["timezone"])
	if zone != w.zoneName {
		w.zoneName = zone
		location, err := time.LoadLocation(zone)
		if err != nil {
			location = time.UTC
		}
		sess.Style = vector.Style{Zone: location}
	}
	ms, _ := strconv.ParseInt(w.settings.value(settingTable["statement_timeout"]), 10, 64) // checked when it was set
	w.timeout = time.Duration(ms) * time.Millisecond
}

// report tells the client of reported settings that differ from before.
func (w *work) report(sess *session.Session, before map[string]string) {
	for lower, known := range settingTable {
		if !known.reported {
			continue
		}
		was, changed := before[lower]
		now, changes := w.settings.changed[lower]
		if was != now || changed != changes {
			sess.Report(known.name, w.settings.value(known))
		}
	}
	w.refresh(sess)
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
