package wire

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
)

// Options of a listener. The zero value is usable: see the defaults in parentheses.
type Options struct {
	// RequestBytesMax is the largest frame accepted (100 MiB, Kafka's socket.request.max.bytes).
	RequestBytesMax int
	// ControlBytesMax is the largest frame of all APIs but Produce (4 MiB): decoding an array may take many times its bytes.
	ControlBytesMax int
	// MemoryMax bounds the bytes of all requests being read or served, and of what they are decoded to (256 MiB).
	MemoryMax int64
	// OwedMax bounds the bytes of answers that clients are slow to take, of all connections together (64 MiB). Beyond it answers are
	// small, who owes us the reading of one is asked for no more requests, and who doesn't read at all loses the connection.
	OwedMax int64
	// InFlightMax bounds the unanswered requests of a connection (64); beyond it the connection isn't read.
	InFlightMax int
	// IdleTimeout closes a connection nothing arrives on, and one that takes no bytes (10 minutes).
	IdleTimeout time.Duration
	// FrameTimeout is how long a begun frame may take to arrive (1 minute).
	FrameTimeout time.Duration
	// AuthTimeout is how long a client may take to authenticate where it has to (30 seconds).
	AuthTimeout time.Duration
	// AuthFailDelay is the pause before a failed authentication is told (100 ms, Kafka's connection.failed.authentication.delay.ms).
	AuthFailDelay time.Duration
	// AuthBytesMax is the largest frame of a client that has not authenticated (64 KiB).
	AuthBytesMax int
	// DrainTimeout is how long Serve waits for unanswered requests at its end (2 seconds).
	DrainTimeout time.Duration
	// Limiter holds clients to their quotas; nil lets them do what they can.
	Limiter Limiter
}

func (o Options) withDefaults() Options {
	o.RequestBytesMax = orDefault(o.RequestBytesMax, 100<<20)
	o.ControlBytesMax = min(orDefault(o.ControlBytesMax, 4<<20), o.RequestBytesMax)
	o.MemoryMax = max(orDefault(o.MemoryMax, 256<<20), int64(o.RequestBytesMax))
	o.OwedMax = orDefault(o.OwedMax, 64<<20)
	o.InFlightMax = orDefault(o.InFlightMax, 64)
	o.IdleTimeout = orDefault(o.IdleTimeout, 10*time.Minute)
	o.FrameTimeout = orDefault(o.FrameTimeout, time.Minute)
	o.AuthTimeout = orDefault(o.AuthTimeout, 30*time.Second)
	o.AuthFailDelay = orDefault(o.AuthFailDelay, 100*time.Millisecond)
	o.AuthBytesMax = orDefault(o.AuthBytesMax, 64<<10)
	o.DrainTimeout = orDefault(o.DrainTimeout, 2*time.Second)
	return o
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// Listener serves Kafka connections.
type Listener struct {
	opts     Options
	versions *Versions
	log      *slog.Logger
	metrics  *metrics
	buffers  buffers
	budget   *budget

	mu    sync.Mutex // guards: conns
	conns map[*Conn]struct{}

	connLimits atomic.Pointer[ConnLimits]
	owed       atomic.Int64 // bytes of answers not sent yet
	pressed    atomic.Int64 // when those who don't read were last set a time, in nanoseconds since 1970
	held       atomic.Int32 // connections turned away, but not closed yet
}

// New makes a listener that serves the table's APIs. A nil reg registers no metrics.
func New(opts Options, versions *Versions, reg prometheus.Registerer, log *slog.Logger) *Listener {
	opts = opts.withDefaults()
	return &Listener{
		opts: opts, versions: versions, log: log.With("component", "kafka"), metrics: newMetrics(reg, versions),
		budget: newBudget(opts.MemoryMax, int64(opts.RequestBytesMax)), conns: make(map[*Conn]struct{}),
	}
}

// acceptRetry is the pause after a passing failure to accept (too many open files).
const acceptRetry = 50 * time.Millisecond

// Serve accepts connections on ln until ctx ends, then closes ln, lets unanswered requests finish for Options.DrainTimeout and
// waits for every connection. It returns nil after such an end and the listener's error otherwise. It may run on
// several listeners at once. Its clients are asked nothing; see ServeEndpoint.
func (l *Listener) Serve(ctx context.Context, ln net.Listener) error {
	return l.ServeEndpoint(ctx, ln, &Endpoint{Name: NamePlaintext})
}

// ServeEndpoint is Serve with what clients are asked; endpoint must not be changed any more.
func (l *Listener) ServeEndpoint(ctx context.Context, ln net.Listener, endpoint *Endpoint) error {
	var running sync.WaitGroup
	serving, stop := context.WithCancel(ctx)
	defer running.Wait()
	defer stop()
	closed := context.AfterFunc(serving, func() { _ = ln.Close() })
	defer closed()
	for {
		nc, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("accept kafka connections: %w", err)
			}
			l.log.Warn("accept failed", "err", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(acceptRetry):
			}
			continue
		}
		if l.turnAway(serving, nc, &running) {
			continue
		}
		c := newConn(l, nc, endpoint)
		l.track(c, true)
		running.Go(func() {
			defer l.track(c, false)
			c.serve(serving)
		})
	}
}

func (l *Listener) track(c *Conn, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if open {
		l.conns[c] = struct{}{}
		l.metrics.accepted.Inc()
		l.metrics.connections.Inc()
		return
	}
	delete(l.conns, c)
	l.metrics.connections.Dec()
}
