package replica

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshetdb/freshet/storage/vfs"
)

// scarce is memory of which no reader gets more than most.
type scarce struct {
	most  int
	taken atomic.Int64
	peak  atomic.Int64
}

func (m *scarce) TakeRoom(most int) int {
	n := min(most, m.most)
	m.peak.Store(max(m.peak.Load(), m.taken.Add(int64(n))))
	return n
}

func (m *scarce) GiveRoom(bytes int) { m.taken.Add(-int64(bytes)) }

// TestFetchTakesItsMemory: what a fetch reads is set aside from the moment it reads until it is handed over; one that waits holds nothing.
func TestFetchTakesItsMemory(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	p := n.topic("t")
	for range 4 {
		mustAppend(t, p, strings.Repeat("x", 1000))
	}
	memory := &scarce{most: 2500}
	fetch := func(offset int64, minBytes int, wait time.Duration, arrived func()) (bytes int, held int64) {
		t.Helper()
		req := fetchOf(p, offset, minBytes, wait)
		req.Memory = memory
		answered := make(chan struct{})
		n.Fetch(context.Background(), req, func(f []Fetched) {
			held = memory.taken.Load()
			for i := range f {
				bytes += f[i].Span.Len()
				f[i].Span.Release()
			}
			close(answered)
		})
		if arrived != nil {
			if got := memory.taken.Load(); got != 0 {
				t.Errorf("a fetch that waits holds %d bytes", got)
			}
			arrived()
		}
		<-answered
		return bytes, held
	}
	for name, c := range map[string]struct {
		offset   int64
		minBytes int
		wait     time.Duration
		arrived  func()
		want     int // batches
	}{
		"at once":          {offset: 0, minBytes: 1, want: 2},
		"the end":          {offset: 4, want: 0},
		"time is over":     {offset: 4, minBytes: 1, wait: time.Millisecond, want: 0},
		"out of range":     {offset: 90, minBytes: 1, wait: time.Minute, want: 0},
		"less than wanted": {offset: 3, minBytes: 1 << 20, wait: time.Millisecond, want: 1},
	} {
		bytes, held := fetch(c.offset, c.minBytes, c.wait, c.arrived)
		if batches := bytes / 1000; batches != c.want || held < int64(bytes) {
			t.Errorf("%s: %d batches, %d expected; %d bytes set aside for %d", name, batches, c.want, held, bytes)
		}
	}
	if bytes, held := fetch(4, 1, time.Minute, func() { mustAppend(t, p, strings.Repeat("y", 1000)) }); bytes < 1000 || held < int64(bytes) {
		t.Errorf("after a wait: %d bytes, %d set aside", bytes, held)
	}
	large := &scarce{most: 10}
	memory = large
	if bytes, held := fetch(0, 1, 0, nil); bytes < 1000 || held < int64(bytes) {
		t.Errorf("a first batch larger than the room: %d bytes, %d set aside", bytes, held)
	}
	deadline := time.Now().Add(10 * time.Second)
	for large.taken.Load() != 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if got := large.taken.Load(); got != 0 {
		t.Errorf("%d bytes were never given back", got)
	}
}
