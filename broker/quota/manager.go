package quota

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/freshetdb/freshet/broker/metadata"
)

// Manager measures and bounds what clients use. It is safe for concurrent use.
type Manager struct {
	now     func() time.Time
	table   atomic.Pointer[table]
	active  atomic.Bool
	windows atomic.Pointer[Settings]

	measures [resources]measures
}

// Settings say how rates are measured: those of controller mutations apart.
type Settings struct {
	Windows, Mutations Windows
	// Connections bounds all connections made in a second; 0 doesn't.
	Connections float64
}

// DefaultSettings are Kafka's: eleven windows of a second.
func DefaultSettings() Settings {
	w := Windows{Count: 11, Size: time.Second}
	return Settings{Windows: w, Mutations: w}
}

// New makes a manager that bounds nobody; a nil clock is time.Now.
func New(clock func() time.Time) *Manager {
	if clock == nil {
		clock = time.Now
	}
	m := &Manager{now: clock}
	m.table.Store(&table{})
	s := DefaultSettings()
	m.windows.Store(&s)
	return m
}

// SetSettings changes how rates are measured; what was measured so far is forgotten where the windows differ.
func (m *Manager) SetSettings(s Settings) { m.windows.Store(&s) }

// ApplyImage takes over the image's quotas, when delta says that they changed.
func (m *Manager) ApplyImage(img *metadata.Image, delta *metadata.Delta) {
	if !delta.Quotas {
		return
	}
	t := newTable(img)
	m.table.Store(t)
	m.active.Store(t[produced] != nil || t[fetched] != nil || t[worked] != nil || t[mutated] != nil)
}

// Active tells whether any client is bounded; the methods below but Connected need not be called otherwise.
func (m *Manager) Active() bool { return m.active.Load() }

// Produced counts the bytes of a Produce request and says how long the client's connection is not to be read.
func (m *Manager) Produced(user, client string, bytes int) time.Duration {
	return m.count(produced, user, client, float64(bytes))
}

// Fetched counts the bytes of a Fetch answer and says how long the client has to wait before it may have them; an answer that is not sent
// is taken back by Unfetched. A client that has fetched nothing within the windows never waits: a batch may be larger than they allow.
func (m *Manager) Fetched(user, client string, bytes int) time.Duration {
	limit, who, ok := m.table.Load().find(fetched, user, client)
	if !ok {
		return 0
	}
	w := m.windows.Load().Windows
	var wait time.Duration
	m.measures[fetched].with(who, m.now(), w, func(e *measure, now time.Time) {
		idle := e.rate.idle(now, w)
		if wait = e.rate.add(now, w, float64(bytes), limit); idle {
			wait = 0
		}
	})
	return wait
}

// Unfetched takes back what Fetched has just counted.
func (m *Manager) Unfetched(user, client string, bytes int) {
	if _, who, ok := m.table.Load().find(fetched, user, client); ok {
		w := m.windows.Load().Windows
		m.measures[fetched].with(who, m.now(), w, func(e *measure, now time.Time) { e.rate.take(now, w, float64(bytes)) })
	}
}

// FetchRoom is the most bytes one Fetch answer to a client may have without making it wait for ever: what the windows before the present
// one allow together (Kafka's getMaxValueInQuotaWindow).
func (m *Manager) FetchRoom(user, client string) int {
	limit, _, ok := m.table.Load().find(fetched, user, client)
	w := m.windows.Load().Windows
	room := limit * float64(w.Count-1) * w.Size.Seconds()
	if !ok || room >= math.MaxInt32 {
		return math.MaxInt32
	}
	return int(room)
}

// hundredth turns the seconds of one processor into percent.
const hundredth = 100

// Worked does the same for the time the broker worked for a request; one wait is no longer than a window (KIP-124).
func (m *Manager) Worked(user, client string, d time.Duration) time.Duration {
	return min(m.count(worked, user, client, d.Seconds()*hundredth), m.windows.Load().Windows.Size)
}

func (m *Manager) count(r resource, user, client string, amount float64) time.Duration {
	limit, who, ok := m.table.Load().find(r, user, client)
	if !ok {
		return 0
	}
	w := m.windows.Load().Windows
	var wait time.Duration
	m.measures[r].with(who, m.now(), w, func(e *measure, now time.Time) { wait = e.rate.add(now, w, amount, limit) })
	return wait
}

// Mutate asks whether a client may make or delete so many partitions now. In strict use (newer versions of requests) it may not
// while it owes some; else it may and only has to wait. wait is how long the connection is not to be read.
func (m *Manager) Mutate(user, client string, strict bool, partitions int) (wait time.Duration, ok bool) {
	limit, who, bounded := m.table.Load().find(mutated, user, client)
	if !bounded {
		return 0, true
	}
	w := m.windows.Load().Mutations
	ok = true
	m.measures[mutated].with(who, m.now(), w, func(e *measure, now time.Time) {
		e.bucket.fill(now, w, limit)
		if ok = !strict || e.bucket.tokens >= 0; ok {
			e.bucket.tokens -= float64(partitions)
			if strict {
				return // what is owed is felt by the next request
			}
		}
		wait = e.bucket.owed(limit)
	})
	return wait, ok
}

// everybody is the subject of the bound on all connections; no address is written so.
var everybody = subject{client: "*"}

// Connected counts a connection from an IP address and says how long to hold it before it is closed; 0 lets it in.
func (m *Manager) Connected(ip string) time.Duration {
	limit, ok := m.table.Load().address(ip)
	all := m.windows.Load().Connections
	if !ok && all <= 0 {
		return 0
	}
	w := m.windows.Load().Windows
	var wait time.Duration
	count := func(who subject, limit float64) {
		m.measures[connected].with(who, m.now(), w, func(e *measure, now time.Time) {
			// A connection that isn't let in doesn't count, or nobody would be any more.
			if wait = max(wait, e.rate.add(now, w, 1, limit)); wait > 0 {
				e.rate.add(now, w, -1, limit)
			}
		})
	}
	if ok {
		count(subject{user: ip}, limit)
	}
	if all > 0 && wait == 0 {
		count(everybody, all)
	}
	return min(wait, w.span())
}

// measuresMax bounds the subjects measured at a time: clients choose their ids.
const measuresMax = 10_000

// measure is what one subject used.
type measure struct {
	rate   rate
	bucket bucket
	seen   time.Time
}

// measures are those of one resource.
type measures struct {
	mu  sync.Mutex // guards by
	by  map[subject]*measure
	low time.Time // nothing is old enough to be dropped before
}

// with runs f on a subject's measure. When there are too many, those of subjects that are idle go; when none is, newcomers share one.
func (s *measures) with(who subject, now time.Time, w Windows, f func(e *measure, now time.Time)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = make(map[subject]*measure)
	}
	e := s.by[who]
	if e == nil {
		if len(s.by) >= measuresMax && !s.makeRoom(now, w) {
			who = subject{}
		}
		if e = s.by[who]; e == nil {
			e = &measure{}
			s.by[who] = e
		}
	}
	e.seen = now
	f(e, now)
}

func (s *measures) makeRoom(now time.Time, w Windows) bool {
	if now.Before(s.low) {
		return false
	}
	s.low = now.Add(w.Size)
	for who, e := range s.by {
		if now.Sub(e.seen) > w.span() && e.bucket.tokens >= 0 {
			delete(s.by, who)
		}
	}
	return len(s.by) < measuresMax
}
