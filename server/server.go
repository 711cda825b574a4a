// Package server wires every part of a node, starts them in order and stops them in reverse; it is the embedding API.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/freshetdb/freshet/broker"
	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor"
	"github.com/freshetdb/freshet/executor/connect"
	"github.com/freshetdb/freshet/executor/connect/datagen"
	"github.com/freshetdb/freshet/server/admin"
	"github.com/freshetdb/freshet/server/certs"
	"github.com/freshetdb/freshet/server/config"
	"github.com/freshetdb/freshet/server/engine"
	"github.com/freshetdb/freshet/server/pgwire"
	formats "github.com/freshetdb/freshet/sql/format/builtin"
	functions "github.com/freshetdb/freshet/sql/functions/builtin"
	"github.com/freshetdb/freshet/storage/vfs"
)

// Addresses are where a node listens, HOST:PORT; "" where a listener is off. Kafka is the cluster's with config.Bootstrap.
type Addresses struct {
	Kafka, Postgres, HTTP             string
	KafkaTLS, KafkaSASL, KafkaSASLTLS string
}

// Server is a node.
type Server struct {
	cfg      config.Config
	log      *slog.Logger
	metrics  *prometheus.Registry
	lock     *dirLock
	broker   *broker.Broker // nil when the log is a cluster
	client   client.Client
	prepared prepared
	certs    *certs.Source // nil without TLS
	fs       vfs.FS
	executor *executor.Executor
	engine   *engine.Engine
	addrs    Addresses

	ready  atomic.Bool
	failed chan error
	stops  []func() error // in the order of the starts

	serving    sync.WaitGroup // HTTP
	sessions   sync.WaitGroup // of the Postgres listener, drained before anything below it stops
	stopServe  context.CancelFunc
	serveCtx   context.Context //nolint:containedctx // the life of the listeners and generators, ended by Close
	generators sync.WaitGroup

	closing sync.Once
	closeEr error
}

// nodeID is this process's number in the cluster.
const nodeID = 1

// Start brings a node up: lock, broker, executor, engine with the command log read to its end, listeners. It returns when
// the node is ready. Errors name what could not start: *ConfigError before anything was opened, ErrLocked, an address in use.
func Start(ctx context.Context, cfg config.Config, log *slog.Logger) (*Server, error) {
	return StartOn(ctx, cfg, nil, log)
}

// StartOn is Start on a file system of the caller's, for tests: one in memory, one that fails. Nothing there is locked, and the
// addresses are not written down. nil is the operating system's.
func StartOn(ctx context.Context, cfg config.Config, fs vfs.FS, log *slog.Logger) (*Server, error) {
	if err := refuseFailpoints(os.LookupEnv); err != nil {
		return nil, err
	}
	tuneGC()
	s := &Server{cfg: cfg, log: log, metrics: prometheus.NewRegistry(), failed: make(chan error, 4), fs: fs}
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.serveCtx, s.stopServe = context.WithCancel(context.WithoutCancel(ctx))
	began := time.Now()
	for _, step := range []func(context.Context) error{
		s.prepare, s.takeLock, s.startHTTP, s.startLog, s.startExecutor, s.startEngine, s.startPostgres, s.publish,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	s.ready.Store(true)
	log.Info("ready", "kafka", s.addrs.Kafka, "postgres", s.addrs.Postgres, "http", s.addrs.HTTP,
		"kafka_tls", s.addrs.KafkaTLS, "kafka_sasl", s.addrs.KafkaSASL, "kafka_sasl_tls", s.addrs.KafkaSASLTLS, "data_dir", cfg.DataDir,
		"took_ms", time.Since(began).Milliseconds())
	return s, nil
}

// refuseFailpoints guards against a library that reads fault injection from the environment: one variable opens an HTTP port
// without authentication, the other can end the process.
func refuseFailpoints(lookup func(string) (string, bool)) error {
	for _, name := range []string{"GO_FAILPOINTS_HTTP", "GO_FAILPOINTS"} {
		if _, set := lookup(name); set {
			return fmt.Errorf("the environment variable %s is set: it would inject faults into this process; unset it", name)
		}
	}
	return nil
}

// gcPercent trades memory for garbage collection: state holds no pointers, so the heap is small.
const gcPercent = 200

func tuneGC() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
}

func (s *Server) onStop(stop func() error) { s.stops = append(s.stops, stop) }

func (s *Server) takeLock(context.Context) error {
	if s.fs != nil {
		return nil
	}
	s.fs = vfs.Default()
	dir, err := filepath.Abs(s.cfg.DataDir) // as Kafka's tools name directories
	if err != nil {
		return err
	}
	s.cfg.DataDir = dir
	lock, err := lockDir(dir)
	if err != nil {
		return err
	}
	s.lock = lock
	s.onStop(lock.release)
	return nil
}

// startHTTP comes early, so that readiness can be asked for while the rest starts.
func (s *Server) startHTTP(context.Context) error {
	if s.cfg.HTTP == config.Off {
		return nil
	}
	ls, err := config.Listen(s.cfg.HTTP)
	if err != nil {
		return err
	}
	s.addrs.HTTP = address(ls)
	srv := &http.Server{
		Handler:           admin.Handler(s.readiness, s.metrics),
		ReadHeaderTimeout: httpHeaderTimeout,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	for _, l := range ls {
		s.serve(&s.serving, "http", func() error {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	s.onStop(srv.Close)
	return nil
}

// httpHeaderTimeout ends connections that never send a request.
const httpHeaderTimeout = 10 * time.Second

// errStarting is what /readyz says until Start returns.
var errStarting = errors.New("starting")

func (s *Server) readiness() error {
	if !s.ready.Load() {
		return errStarting
	}
	return nil
}

// address is what people are told of listeners: the IPv4 one.
func address(ls []net.Listener) string { return ls[0].Addr().String() }

// serve runs a listener until Close; if it ends before that the node has failed.
func (s *Server) serve(group *sync.WaitGroup, name string, run func() error) {
	group.Go(func() {
		if err := run(); err != nil && s.serveCtx.Err() == nil {
			s.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
}

func (s *Server) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// startLog brings up the node's own log, or reaches the cluster that is it.
func (s *Server) startLog(ctx context.Context) error {
	if s.cfg.Bootstrap.Used() {
		return s.dial(ctx)
	}
	if err := s.unclaimed(); err != nil {
		return err
	}
	return s.startBroker(ctx)
}

func (s *Server) startBroker(ctx context.Context) error {
	opts := broker.Options{
		FS: s.fs, DataDir: filepath.Join(s.cfg.DataDir, "log"), NodeID: nodeID, NoAutoCreate: !s.cfg.AutoCreateTopics,
		Configs: s.cfg.BrokerConfigs, Registerer: s.metrics, Logger: s.log,
	}
	if s.cfg.DefaultPartitions > 1 { // 1 is the log's own default, which then isn't shown as said by this node
		opts.NumPartitions = int32(s.cfg.DefaultPartitions)
	}
	if err := s.kafkaListeners(&opts); err != nil {
		return err
	}
	b, err := broker.Start(ctx, opts)
	if err != nil {
		return fmt.Errorf("start the log: %w", err)
	}
	s.broker, s.client = b, b.Client()
	s.onStop(b.Close)
	return nil
}

func (s *Server) startExecutor(ctx context.Context) error {
	x, err := executor.Open(ctx, executor.Options{
		Client: s.client, Formats: formats.New(), FS: s.fs, Dir: filepath.Join(s.cfg.DataDir, "state"), NodeID: nodeID,
		Workers: runtime.GOMAXPROCS(0), CommitInterval: s.cfg.CommitInterval, MemoryBytes: s.cfg.StateMemoryBytes,
		StatementBytes: s.cfg.StateMemoryBytes / statementShare, DumpBytes: s.cfg.StateDumpBytes, Log: s.log, Registerer: s.metrics,
	})
	if err != nil {
		return fmt.Errorf("start the executor: %w", err)
	}
	s.executor = x
	s.onStop(x.Close)
	return nil
}

// statementShare is the part of the state's memory that one SELECT may use.
const statementShare = 4

func (s *Server) startEngine(ctx context.Context) error {
	e, err := engine.Open(ctx, engine.Options{
		Client: s.client, Executor: s.executor, Functions: functions.New(), Virtual: virtualTables(),
		Database: s.cfg.DefaultDatabase, StatementTimeout: s.cfg.StatementTimeout, Log: s.log,
	})
	if err != nil {
		return fmt.Errorf("start the engine: %w", err)
	}
	s.engine = e
	s.serving.Go(func() {
		select {
		case <-e.Ended():
			s.fail(fmt.Errorf("the command log: %w", e.Err()))
		case <-s.serveCtx.Done():
		}
	})
	s.onStop(e.Close)
	return nil
}

func (s *Server) startPostgres(context.Context) error {
	if s.cfg.Postgres == config.Off {
		return nil
	}
	ls, err := config.Listen(s.cfg.Postgres)
	if err != nil {
		return err
	}
	s.addrs.Postgres = address(ls)
	l := pgwire.New(pgwire.Options{
		MaxConnections: s.cfg.MaxConnections, MaxMessageBytes: s.cfg.MaxMessageBytes, IdleTimeout: s.cfg.IdleSessionTimeout,
		Grace: s.cfg.ShutdownGracePeriod,
	}, s.metrics, s.log, s.engine)
	s.serve(&s.sessions, "postgres", func() error { return l.Serve(s.serveCtx, ls...) })
	return nil
}

// publish tells shells on the same directory where the node listens.
func (s *Server) publish(context.Context) error {
	if s.lock == nil {
		return nil
	}
	return s.lock.publish(s.addrs)
}

// Addresses are where the node listens.
func (s *Server) Addresses() Addresses { return s.addrs }

// Failed delivers the error of a part that ended by itself; the node should then be closed.
func (s *Server) Failed() <-chan error { return s.failed }

// Datagen describes a generator of Nexmark bids.
type Datagen struct {
	Topic string
	Rate  int   // bids a second; 0: as fast as the log takes them
	Limit int64 // bids in all; 0: for ever
}

// StartDatagen makes bids until Close, going on where the last life stopped.
func (s *Server) StartDatagen(d Datagen) error {
	if d.Topic == "" || strings.HasPrefix(d.Topic, "_") || d.Rate < 0 {
		return fmt.Errorf("datagen needs a topic and a rate, not %q and %d", d.Topic, d.Rate)
	}
	rate := d.Rate
	if rate == 0 {
		rate = datagen.DefaultRate
	}
	w := connect.NewWorker(connect.Options{Name: "datagen-" + d.Topic, Topic: d.Topic, Rate: d.Rate, Limit: d.Limit},
		datagen.NewBids(rate), s.client, s.log)
	opened := make(chan error, 1)
	s.generators.Go(func() {
		if err := w.Run(s.serveCtx, opened); err != nil && s.serveCtx.Err() == nil {
			s.fail(fmt.Errorf("datagen: %w", err))
		}
	})
	return <-opened
}

// Close stops listeners, lets running statements go on for the grace, commits what queries have done and closes the log. Idempotent.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.ready.Store(false)
		s.stopServe()
		s.generators.Wait()
		s.sessions.Wait()
		errs := make([]error, 0, len(s.stops))
		for _, stop := range slices.Backward(s.stops) {
			errs = append(errs, stop())
		}
		s.serving.Wait()
		s.closeEr = errors.Join(errs...)
	})
	return s.closeEr
}
