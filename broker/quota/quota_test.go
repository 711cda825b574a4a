package quota

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/freshetdb/freshet/broker/metadata"
)

type clock struct{ now time.Time }

func newManager(t testing.TB, records ...metadata.Record) (*Manager, *clock) {
	t.Helper()
	c := &clock{time.Unix(1_000_000, 0)}
	m := New(func() time.Time { return c.now })
	img, delta, err := metadata.Replay(&metadata.Image{}, 1, records)
	if err != nil {
		t.Fatal(err)
	}
	m.ApplyImage(img, delta)
	return m, c
}

func set(e metadata.QuotaEntity, key string, value float64) metadata.Record {
	return metadata.QuotaRecord{Entity: e, Key: key, Value: value}
}

func entity(user, client metadata.QuotaName) metadata.QuotaEntity {
	return metadata.QuotaEntity{User: user, ClientID: client}
}

// TestPrecedence: of all quotas that fit, the nearest counts, and the measure is shared by those it names together.
func TestPrecedence(t *testing.T) {
	order := []struct {
		e   metadata.QuotaEntity
		who subject
	}{
		{entity(named("u"), named("c")), subject{"u", "c"}},
		{entity(named("u"), byDefault), subject{"u", "c"}},
		{entity(named("u"), absent), subject{"u", ""}},
		{entity(byDefault, named("c")), subject{"u", "c"}},
		{entity(byDefault, byDefault), subject{"u", "c"}},
		{entity(byDefault, absent), subject{"u", ""}},
		{entity(absent, named("c")), subject{"", "c"}},
		{entity(absent, byDefault), subject{"", "c"}},
	}
	for first := range order {
		var records []metadata.Record
		for i := first; i < len(order); i++ {
			records = append(records, set(order[i].e, ProducerByteRate, float64(i+1)))
		}
		m, _ := newManager(t, records...)
		limit, who, ok := m.table.Load().find(produced, "u", "c")
		if !ok || limit != float64(first+1) || who != order[first].who {
			t.Errorf("with %v and all below it: %v for %v", order[first].e, limit, who)
		}
	}
	if m, _ := newManager(t); m.Active() || m.Produced("u", "c", 1<<30) != 0 {
		t.Error("somebody is bounded where no quota is set")
	}
}

// TestProducerIsSlowedToItsRate: whatever the size of requests, a client that waits as told gets its rate in the long run.
func TestProducerIsSlowedToItsRate(t *testing.T) {
	for _, size := range []int{100, 10_000, 1_000_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			const limit = 100_000.0
			m, c := newManager(t, set(entity(absent, byDefault), ProducerByteRate, limit))
			begin, sent := c.now, 0
			for c.now.Sub(begin) < 3*time.Minute {
				wait := m.Produced("u", "c", size)
				sent += size
				c.now = c.now.Add(wait + time.Millisecond)
			}
			got := float64(sent) / c.now.Sub(begin).Seconds()
			if math.Abs(got-limit)/limit > 0.15 {
				t.Errorf("%.0f bytes a second instead of %.0f", got, limit)
			}
			if other := m.Produced("u", "d", 10); other != 0 {
				t.Errorf("another client waits %v", other)
			}
		})
	}
}

// TestFetchAndWork: what is fetched and worked is measured apart, and one wait for work is at most a window.
func TestFetchAndWork(t *testing.T) {
	e := entity(named("u"), absent)
	m, _ := newManager(t, set(e, ConsumerByteRate, 10), set(e, RequestPercentage, 50))
	if m.Produced("u", "c", 1<<20) != 0 || m.Fetched("v", "c", 1<<20) != 0 {
		t.Error("the wrong client waits")
	}
	if room := m.FetchRoom("u", "c"); room != 100 || m.FetchRoom("v", "c") != math.MaxInt32 {
		t.Errorf("room for %d bytes", room)
	}
	if wait := m.Fetched("u", "c", 1000); wait != 0 {
		t.Errorf("the first batch, larger than there is room for, waits %v", wait)
	}
	for range 3 { // what is taken back doesn't add up
		if wait := m.Fetched("u", "c", 10); wait < 80*time.Second || wait > 100*time.Second {
			t.Errorf("fetching more after 1000 bytes at 10 a second waits %v", wait)
		}
		m.Unfetched("u", "c", 10)
	}
	if wait := m.Worked("u", "c", time.Second); wait != 0 {
		t.Errorf("a second of work in ten at 50 %% waits %v", wait)
	}
	if wait := m.Worked("u", "d", time.Minute); wait != time.Second {
		t.Errorf("a minute of work waits %v", wait)
	}
}

// TestMutations: tokens are saved up for the windows' time; strict requests are refused while some are owed, older ones wait.
func TestMutations(t *testing.T) {
	m, c := newManager(t, set(entity(absent, named("c")), ControllerMutationRate, 2))
	if wait, ok := m.Mutate("u", "c", true, 30); !ok || wait != 0 { // 22 tokens were saved up
		t.Fatal(wait, ok)
	}
	if wait, ok := m.Mutate("u", "c", true, 1); ok || wait != 4*time.Second {
		t.Fatal(wait, ok)
	}
	if wait, ok := m.Mutate("u", "c", false, 2); !ok || wait != 5*time.Second {
		t.Fatal(wait, ok)
	}
	c.now = c.now.Add(5 * time.Second)
	if wait, ok := m.Mutate("u", "c", true, 1); !ok || wait != 0 {
		t.Fatal(wait, ok)
	}
	if wait, ok := m.Mutate("u", "other", true, 1000); !ok || wait != 0 {
		t.Fatal(wait, ok)
	}
}

// TestConnections: an address has its own rate or the default one, and all together may have one.
func TestConnections(t *testing.T) {
	m, c := newManager(t,
		set(metadata.QuotaEntity{IP: named("10.0.0.1")}, ConnectionCreationRate, 1),
		set(metadata.QuotaEntity{IP: byDefault}, ConnectionCreationRate, 5))
	admitted := func(ip string, tries int) (n int) {
		for range tries {
			if m.Connected(ip) == 0 {
				n++
			}
		}
		return n
	}
	if n := admitted("10.0.0.1", 100); n != 10 {
		t.Errorf("%d connections of ten seconds' worth were let in", n)
	}
	if n := admitted("10.0.0.2", 100); n != 50 {
		t.Errorf("%d connections of ten seconds' worth were let in", n)
	}
	s := DefaultSettings()
	s.Connections = 2
	m.SetSettings(s)
	c.now = c.now.Add(time.Minute)
	if n := admitted("10.0.0.3", 100); n != 20 {
		t.Errorf("%d connections were let in beside a bound for all", n)
	}
}

// TestSubjectsAreBounded: clients can't grow memory by inventing names; idle ones make room.
func TestSubjectsAreBounded(t *testing.T) {
	m, c := newManager(t, set(entity(absent, byDefault), ProducerByteRate, 100))
	for i := range 2 * measuresMax {
		m.Produced("u", fmt.Sprint(i), 1)
	}
	if n := len(m.measures[produced].by); n > measuresMax+1 {
		t.Fatalf("%d subjects are measured", n)
	}
	c.now = c.now.Add(time.Minute)
	m.Produced("u", "late", 1)
	if n := len(m.measures[produced].by); n != 1 {
		t.Fatalf("%d subjects are measured after a minute of silence", n)
	}
}

func BenchmarkNoQuota(b *testing.B) {
	m, _ := newManager(b)
	b.ReportAllocs()
	for b.Loop() {
		if m.Active() {
			b.Fatal("active")
		}
	}
}

func BenchmarkProduced(b *testing.B) {
	m, _ := newManager(b, set(entity(absent, byDefault), ProducerByteRate, 1e12))
	b.ReportAllocs()
	for b.Loop() {
		m.Produced("u", "c", 1000)
	}
}
