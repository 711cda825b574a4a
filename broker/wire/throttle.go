package wire

import (
	"context"
	"math"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
)

// fetchKey is the API whose answers count for what a client consumes.
const fetchKey = 1

// Limiter says what clients' use costs them; broker/quota is one. Each method counts what it is told and answers how long the
// connection is not to be read. It must be safe for concurrent use.
type Limiter interface {
	// Active tells whether any client is limited; if not, only Connected is called.
	Active() bool
	Produced(user, client string, bytes int) time.Duration
	Fetched(user, client string, bytes int) time.Duration
	// Unfetched takes back what Fetched has just counted; FetchRoom bounds one answer.
	Unfetched(user, client string, bytes int)
	FetchRoom(user, client string) int
	Worked(user, client string, d time.Duration) time.Duration
	// Connected is asked of every connection; one that isn't let in is held for the answer and closed.
	Connected(ip string) time.Duration
}

// ConnLimits bound the connections of a listener; the zero value doesn't.
type ConnLimits struct {
	// Max bounds all, PerIP those from one address unless Overrides names it; 0 in either means no limit.
	Max, PerIP int
	Overrides  map[string]int
}

// SetConnLimits changes what holds for connections to come.
func (l *Listener) SetConnLimits(limits ConnLimits) { l.connLimits.Store(&limits) }

// heldMax bounds the connections held because their addresses connect too often; more are closed at once.
const heldMax = 1000

// turnAway tells whether a new connection may not stay, and then sees to its end, in running if it takes a while.
func (l *Listener) turnAway(ctx context.Context, nc net.Conn, running *sync.WaitGroup) bool {
	ip := auth.HostOf(nc.RemoteAddr().String())
	if !l.hasRoom(ip) {
		l.metrics.refused.Inc()
		_ = nc.Close() // there is nobody to tell
		return true
	}
	if l.opts.Limiter == nil {
		return false
	}
	wait := l.opts.Limiter.Connected(ip)
	if wait <= 0 {
		return false
	}
	l.metrics.refused.Inc()
	if l.held.Add(1) > heldMax {
		wait = 0
	}
	running.Go(func() {
		defer l.held.Add(-1)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		_ = nc.Close() // there is nobody to tell
	})
	return true
}

// hasRoom tells whether the limits allow one more connection from ip.
func (l *Listener) hasRoom(ip string) bool {
	limits := l.connLimits.Load()
	if limits == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if limits.Max > 0 && len(l.conns) >= limits.Max {
		return false
	}
	most, own := limits.Overrides[ip]
	if !own {
		if most = limits.PerIP; most <= 0 {
			return true
		}
	}
	open := 0
	for c := range l.conns {
		if c.caller.Host == ip {
			open++
		}
	}
	return open < most
}

// Throttle makes the answer to come tell the client to wait for d, and the connection be left unread for as long (KIP-219). The
// longest of several counts.
func (r *Request) Throttle(d time.Duration) { r.throttle = max(r.throttle, d) }

// charge counts a request's bytes where they count, before it is served.
func (r *Request) charge(bytes int) {
	limiter := r.Conn.l.opts.Limiter
	if limiter == nil || !limiter.Active() {
		return
	}
	r.charged = true
	r.began.Store(time.Now().UnixNano())
	if r.Key == produceKey {
		r.Throttle(limiter.Produced(r.Conn.caller.Principal.Name, r.ClientID, bytes))
	}
}

// served notes how long the handler of a charged request worked, when it returned before the answer was known.
func (r *Request) served() {
	if r.charged {
		if began := r.began.Load(); began > 0 {
			r.began.Store(began - time.Now().UnixNano()) // negative: the time it took
		}
	}
}

// settle counts what a charged request cost, now that its answer is about to leave.
func (r *Request) settle() {
	if !r.charged {
		return
	}
	took := time.Duration(-r.began.Load())
	if took < 0 { // still being served
		took = time.Since(time.Unix(0, int64(-took)))
	}
	r.Throttle(r.Conn.l.opts.Limiter.Worked(r.Conn.caller.Principal.Name, r.ClientID, took))
}

// FetchRoom is the most bytes the answer to this Fetch may have: a larger one would never be within the client's quota.
func (r *Request) FetchRoom() int {
	if !r.charged {
		return math.MaxInt32
	}
	return r.Conn.l.opts.Limiter.FetchRoom(r.Conn.caller.Principal.Name, r.ClientID)
}

// ThrottleFetch counts what serving a Fetch took, and an answer of so many bytes, and tells whether the client has to wait: its answer must have
// no records then, and its bytes don't count (KIP-219). It is called once, when the answer is known, before it is sent.
func (r *Request) ThrottleFetch(bytes int) bool {
	if !r.charged {
		return false
	}
	r.settle()
	r.charged = false
	limiter, user := r.Conn.l.opts.Limiter, r.Conn.caller.Principal.Name
	if r.Throttle(limiter.Fetched(user, r.ClientID, bytes)); r.throttle <= 0 {
		return false
	}
	limiter.Unfetched(user, r.ClientID, bytes)
	return true
}

// throttleMillis is what the answer tells the client.
func (r *Request) throttleMillis() int32 { return int32(r.throttle.Milliseconds()) }

// tell puts the throttle time into an answer of kmsg.
func (r *Request) tell(resp kmsg.Response) {
	if r.throttle == 0 {
		return
	}
	if s, ok := resp.(kmsg.SetThrottleResponse); ok {
		s.SetThrottle(r.throttleMillis())
	}
}

// mute leaves the connection unread for d from now.
func (c *Conn) mute(d time.Duration) {
	if d <= 0 {
		return
	}
	now := time.Now().UnixNano()
	until := now + int64(d)
	for {
		before := c.mutedUntil.Load()
		if until <= before {
			return
		}
		if c.mutedUntil.CompareAndSwap(before, until) {
			c.l.metrics.throttled.Add(time.Duration(until - max(before, now)).Seconds())
			return
		}
	}
}

// awaitUnmuted waits while the connection is muted.
func (c *Conn) awaitUnmuted(ctx context.Context) error {
	for {
		until := c.mutedUntil.Load()
		if until == 0 {
			return nil
		}
		wait := time.Until(time.Unix(0, until))
		if wait <= 0 {
			c.mutedUntil.CompareAndSwap(until, 0)
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// muted is when a connection may be read again, in nanoseconds since 1970; 0 for at once.
type muted = atomic.Int64

// ParseOverrides reads Kafka's max.connections.per.ip.overrides: addresses with their limits, "127.0.0.1:10,10.0.0.7:100". What isn't
// one is left out.
func ParseOverrides(words []string) map[string]int {
	out := make(map[string]int, len(words))
	for _, w := range words {
		host, text, err := net.SplitHostPort(w)
		if err != nil {
			continue
		}
		if n, err := strconv.Atoi(text); err == nil && n >= 0 {
			out[host] = n
		}
	}
	return out
}
