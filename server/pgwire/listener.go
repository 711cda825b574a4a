// Package pgwire is the Postgres protocol, version 3: start-up, simple and extended query, portals, cancel, text and binary values.
//
// A connection is one goroutine that reads a message, has the engine answer it and appends the reply to a buffer; the buffer goes out
// when it is full or when nothing is left to read, so that the replies of pipelined queries leave together. Only while an endless
// result streams does a second goroutine listen for the client going away.
//
// Source: PostgreSQL 15 documentation, chapter 55 (Frontend/Backend Protocol).
package pgwire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Engine answers statements. Errors are shown to the client as sqlerr.From sees them. Every call for a session comes from its
// connection's goroutine.
type Engine interface {
	// Open makes a session; parameters are those of the start-up packet, settings among them. Errors: 3D000, 22023.
	Open(ctx context.Context, id session.Identity, parameters map[string]string) (*session.Session, error)
	// CloseSession ends a session and what it left open.
	CloseSession(sess *session.Session)
	// Execute runs all statements of a text, each result given to handle before the next statement begins. The first error ends it.
	// A text without any statement gives one Empty result.
	Execute(ctx context.Context, sess *session.Session, text string, handle session.Handler) error
	// Prepare parses and plans one statement. params are the types the client insists on, Unknown where it does not.
	Prepare(ctx context.Context, sess *session.Session, name, text string, params []types.Type) (*session.Prepared, error)
	// Bind makes a result of a prepared statement and its parameters' values. Nothing has run until the result does.
	Bind(ctx context.Context, sess *session.Session, p *session.Prepared, args []vector.Datum) (*session.Result, error)
}

// Options shape a Listener; zero values mean the defaults.
type Options struct {
	MaxConnections   int           // 1,000; one more is refused with 53300
	MaxMessageBytes  int           // 64 MiB; a longer message ends the connection
	IdleTimeout      time.Duration // of a session between statements; 0: none
	StartupTimeout   time.Duration // 30 s from the connection to the first statement's permission
	WriteBufferBytes int           // 64 KiB: what is collected before it is written
	Grace            time.Duration // 5 s: how long running statements may go on when the listener stops
}

func (o Options) withDefaults() Options {
	if o.MaxConnections == 0 {
		o.MaxConnections = 1000
	}
	if o.MaxMessageBytes == 0 {
		o.MaxMessageBytes = 64 << 20
	}
	if o.StartupTimeout == 0 {
		o.StartupTimeout = 30 * time.Second
	}
	if o.WriteBufferBytes == 0 {
		o.WriteBufferBytes = 64 << 10
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	return o
}

// Listener serves the protocol on any number of net.Listeners.
type Listener struct {
	opts     Options
	engine   Engine
	log      *slog.Logger
	metrics  *metrics
	sessions *session.Sessions

	stopping atomic.Bool
	mu       sync.Mutex // guards: conns
	conns    map[*conn]struct{}
}

// New makes a listener; nothing is accepted before Serve.
func New(opts Options, reg prometheus.Registerer, log *slog.Logger, engine Engine) *Listener {
	opts = opts.withDefaults()
	return &Listener{
		opts: opts, engine: engine, log: log.With("component", "pgwire"), metrics: newMetrics(reg),
		sessions: session.NewSessions(opts.MaxConnections), conns: map[*conn]struct{}{},
	}
}

// Serve accepts connections from ls until ctx ends, then closes ls, lets running statements go on for the grace, and waits for every
// connection. It returns nil after an orderly stop. It may be called once.
func (l *Listener) Serve(ctx context.Context, ls ...net.Listener) error {
	connCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	var accepting, serving sync.WaitGroup
	failed := make(chan error, len(ls))
	for _, nl := range ls {
		accepting.Go(func() { failed <- l.accept(connCtx, nl, &serving) })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	l.stopping.Store(true)
	for _, nl := range ls {
		nl.Close() // its error would be that it is closed already
	}
	accepting.Wait()
	l.stop(cancel, &serving)
	return err
}

// accept serves one net.Listener until it is closed.
func (l *Listener) accept(ctx context.Context, nl net.Listener, serving *sync.WaitGroup) error {
	for {
		nc, err := nl.Accept()
		if err != nil {
			if l.stopping.Load() || errors.Is(err, net.ErrClosed) {
				return nil
			}
			var temporary interface{ Temporary() bool }
			if errors.As(err, &temporary) && temporary.Temporary() {
				l.log.Warn("accept failed", "err", err)
				select {
				case <-time.After(acceptPause):
				case <-ctx.Done():
				}
				continue
			}
			return fmt.Errorf("accept on %s: %w", nl.Addr(), err)
		}
		c := newConn(l, nc)
		l.mu.Lock()
		l.conns[c] = struct{}{}
		l.mu.Unlock()
		serving.Go(func() {
			defer l.forget(c)
			c.serve(ctx)
		})
	}
}

// acceptPause keeps a process out of file descriptors from spinning.
const acceptPause = 50 * time.Millisecond

func (l *Listener) forget(c *conn) {
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
}

// stop wakes idle connections, which say goodbye, and after the grace cancels what still runs and closes its sockets.
func (l *Listener) stop(cancel context.CancelCauseFunc, serving *sync.WaitGroup) {
	each := func(do func(*conn)) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for c := range l.conns {
			do(c)
		}
	}
	each((*conn).wake)
	done := make(chan struct{})
	go func() {
		serving.Wait()
		close(done)
	}()
	timer := time.NewTimer(l.opts.Grace)
	defer timer.Stop()
	select {
	case <-done:
		return
	case <-timer.C:
	}
	cancel(shutdown())
	each(func(c *conn) { c.net.SetWriteDeadline(time.Now().Add(goodbyeTime)) })
	select {
	case <-done:
		return
	case <-time.After(goodbyeTime):
	}
	each(func(c *conn) { c.net.Close() })
	<-done
}

// goodbyeTime is how long a cancelled connection has to tell its client.
const goodbyeTime = time.Second

func shutdown() *sqlerr.Error {
	return sqlerr.Newf(sqlerr.AdminShutdown, 0, "terminating connection due to administrator command")
}
