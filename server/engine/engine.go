// Package engine runs statements: parse, plan, commit, apply, start; it owns the current catalogue.
//
// The catalogue is a value that only the tail of the command log replaces (apply.go): a DDL statement is planned on the catalogue of
// the moment, appended on condition that nothing came between, and answered when this node's own tail has applied it. Everything else
// reads the catalogue through an atomic pointer and never waits for DDL.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor"
	"github.com/freshetdb/freshet/server/commandlog"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/settings"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Options shape an Engine. Client, Executor and Functions are needed.
type Options struct {
	Client    client.Client
	Executor  *executor.Executor
	Functions *functions.Registry
	Virtual   Virtual

	Database         string          // that exists from the start; "": freshet
	Dialect          catalog.Dialect // its accent; "": postgres
	Version          string          // Freshet's, for version() and server_version
	StatementTimeout time.Duration   // default of the setting; 0: none
	ReadYourWrites   time.Duration   // longest a SELECT waits for what its session has written; 0: 5 s
	Now              func() time.Time
	Log              *slog.Logger
}

// Virtual are the tables that are made up when they are read: pg_catalog, information_schema.
type Virtual struct {
	Columns map[string]types.Columns // by qualified name
	// Number is an object's number in them, for 'name'::regclass: kind is "class", "namespace" …; nil: there are none.
	Number func(cat *catalog.Catalog, kind, name string) (int64, bool)
	// Rows yields all rows of a table, all columns.
	Rows func(ctx context.Context, name string, about About, push func(*vector.Chunk) error) error
}

// About is what virtual tables tell of.
type About struct {
	Catalog   *catalog.Catalog
	Databases []string
	User      string
	Settings  []SettingRow
}

// SettingRow is a session's setting for pg_settings and SHOW ALL.
type SettingRow struct{ Name, Value, Help string }

// snapshot is all databases at one version of the command log. It is immutable.
type snapshot struct {
	version  uint64
	catalogs map[string]*catalog.Catalog
}

// Engine runs statements on one node.
type Engine struct {
	opts     Options
	log      *slog.Logger
	ddl      *commandlog.Log
	settings *settings.Registry
	now      atomic.Pointer[snapshot]
	topics   map[string]catalog.Topic // as commands asked for them; the tail's goroutine alone uses it
	writer   writer

	committing sync.Mutex // held while commands are appended: who lost a race plans anew and appends before others of this node

	hidden hidden

	cancel context.CancelFunc
	ended  chan struct{} // closed when the tail has ended, with err
	err    error
}

// Open replays the command log, starts the queries it left running, and is then ready for sessions. ctx bounds the start only.
func Open(ctx context.Context, opts Options) (*Engine, error) {
	if opts.Database == "" {
		opts.Database = "freshet"
	}
	if opts.Dialect == "" {
		opts.Dialect = catalog.Postgres
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.ReadYourWrites == 0 {
		opts.ReadYourWrites = readYourWrites
	}
	log, err := commandlog.Open(ctx, opts.Client, opts.Now, opts.Log)
	if err != nil {
		return nil, err
	}
	e := &Engine{settings: settings.New(), opts: opts, log: opts.Log.With("component", "engine"), ddl: log, topics: map[string]catalog.Topic{}, ended: make(chan struct{})}
	e.writer.client = opts.Client
	e.now.Store(&snapshot{catalogs: map[string]*catalog.Catalog{opts.Database: newDatabase(opts.Database, opts.Dialect)}})
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.cancel = cancel
	past := make(chan error, 1)
	go func() {
		defer close(e.ended)
		e.err = log.Run(run, e.replay(past))
	}()
	if err := e.catchUp(ctx, past); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// catchUp waits until the past is applied and hands the tail over to the present.
func (e *Engine) catchUp(ctx context.Context, past chan error) error {
	if err := e.ddl.CaughtUp(ctx); err != nil {
		return fmt.Errorf("replay the command log: %w", err)
	}
	close(past)
	return e.startAll(ctx)
}

// replay is apply for the tail: before past is closed commands only change the catalogue.
func (e *Engine) replay(past <-chan error) commandlog.Apply {
	return func(ctx context.Context, version uint64, c *catalog.Command) error {
		select {
		case <-past: //nolint:errcheck // closed once the past is applied
			return e.apply(ctx, version, c, true)
		default:
			return e.apply(ctx, version, c, false)
		}
	}
}

// Ended is closed when the tail of the command log has ended: by Close, or because the log cannot be read, which Err then tells.
// A node whose engine has ended by itself must stop: it no longer sees what others change.
func (e *Engine) Ended() <-chan struct{} { return e.ended }

// Err is why the tail ended, nil after an orderly Close. It is called after Ended.
func (e *Engine) Err() error { return e.err }

// Catalog is a database's catalogue as it is now; nil when there is no such database.
func (e *Engine) Catalog(database string) *catalog.Catalog { return e.now.Load().catalogs[database] }

// Databases are the names of all databases, sorted.
func (e *Engine) Databases() []string { return slices.Sorted(maps.Keys(e.now.Load().catalogs)) }

// Close stops the tail. Sessions must have been closed before, the executor is closed after. Idempotent.
func (e *Engine) Close() error {
	e.cancel()
	e.ddl.Close()
	e.writer.close()
	<-e.ended
	return e.err
}
