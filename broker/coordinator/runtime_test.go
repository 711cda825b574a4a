package coordinator

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/storage/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memoryLog is a partition in memory whose appends are committed when the test says so.
type memoryLog struct {
	mu      sync.Mutex // guards what follows
	batches []record.Batch
	start   int64
	end     int64
	waiting []func()
	held    bool  // appends wait for release
	failure error // of the next appends
	broken  bool  // reads fail
}

func (l *memoryLog) Append(_ int32, batch []byte, done func(err error)) {
	l.mu.Lock()
	if err := l.failure; err != nil {
		l.mu.Unlock()
		done(err)
		return
	}
	b := record.Batch(slices.Clone(batch))
	b.SetBaseOffset(l.end)
	l.batches = append(l.batches, b)
	l.end = b.NextOffset()
	if l.held {
		l.waiting = append(l.waiting, func() { done(nil) })
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	done(nil)
}

func (l *memoryLog) release() {
	l.mu.Lock()
	waiting := l.waiting
	l.waiting, l.held = nil, false
	l.mu.Unlock()
	for _, fn := range waiting {
		fn()
	}
}

func (l *memoryLog) Read(_ int32, offset int64, _ int) ([]byte, func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return nil, nil, errors.New("broken")
	}
	for _, b := range l.batches {
		if b.LastOffset() >= offset {
			return b, func() {}, nil
		}
	}
	return nil, nil, nil
}

func (l *memoryLog) Bounds(int32) (Bounds, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Bounds{Start: l.start, LastStable: l.end, HighWatermark: l.end}, nil
}

func (l *memoryLog) Trim(_ int32, before int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start = before
	l.batches = slices.DeleteFunc(l.batches, func(b record.Batch) bool { return b.LastOffset() < before })
	return nil
}

// counters is a machine that counts by key; its timer adds one to "tick" every second.
type counters struct {
	counts  map[string]int
	shard   Shard
	next    time.Time
	parked  []func(error)
	replays int
	epoch   int32
}

func newCounters(int32) *counters { return &counters{counts: map[string]int{}} }

func (c *counters) Replay(e Entry) error {
	c.replays++
	n, err := strconv.Atoi(string(e.Value))
	if err != nil {
		return err
	}
	c.counts[string(e.Key)] = n
	return nil
}

func (c *counters) Start(now time.Time, epoch int32, shard Shard) {
	c.shard, c.epoch, c.next = shard, epoch, now.Add(time.Second)
}

func (c *counters) Tick(now time.Time) time.Time {
	for !c.next.After(now) {
		c.next = c.next.Add(time.Second)
		c.set("tick", c.counts["tick"]+1, func(error) {})
	}
	return c.next
}

func (c *counters) Snapshot() (records []Record, ok bool) {
	for k, n := range c.counts {
		records = append(records, Record{[]byte(k), []byte(strconv.Itoa(n))})
	}
	return records, true
}

func (c *counters) Stop(err error) {
	for _, fn := range c.parked {
		fn(err)
	}
	c.parked = nil
}

func (c *counters) set(key string, n int, done func(error)) {
	c.shard.Write(Write{Records: []Record{{[]byte(key), []byte(strconv.Itoa(n))}}, Done: func(_ time.Time, err error) {
		if err == nil {
			c.counts[key] = n
		}
		done(err)
	}})
}

type fixture struct {
	*Runtime[*counters]
	log *memoryLog
}

func start(t *testing.T, log *memoryLog, opts Options) fixture {
	r := New(opts, log, slog.New(slog.DiscardHandler), newCounters)
	t.Cleanup(r.Close)
	r.Elect(0, 5)
	return fixture{r, log}
}

// ask runs fn on the shard and waits for what it answers.
func (f fixture) ask(fn func(c *counters, reply func(error))) error {
	answer := make(chan error, 1)
	reply := func(err error) { answer <- err }
	f.Do(0, func(c *counters, _ time.Time) { fn(c, reply) }, reply)
	return <-answer
}

func (f fixture) set(key string, n int) error {
	return f.ask(func(c *counters, reply func(error)) { c.set(key, n, reply) })
}

func (f fixture) get(key string) (n int) {
	f.ask(func(c *counters, reply func(error)) { n = c.counts[key]; reply(nil) })
	return n
}

func TestStateOutlivesTheCoordinator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &memoryLog{}, Options{})
		for i := range 10 {
			if err := f.set(fmt.Sprint("k", i), i); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
		if err := f.set("k0", 1); !errors.Is(err, NotCoordinator) {
			t.Fatal(err)
		}
		again := start(t, f.log, Options{})
		if got := again.get("k7"); got != 7 {
			t.Fatal(got)
		}
		again.Close()
	})
}

func TestAnswersComeWithTheHighWatermark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &memoryLog{held: true}, Options{})
		answers := make(chan error, 3)
		for i := range 3 {
			f.Do(0, func(c *counters, _ time.Time) { c.set("k", i, func(err error) { answers <- err }) }, nil)
		}
		synctest.Wait()
		if len(answers) != 0 || f.get("k") != 0 {
			t.Fatal("answered before the commit")
		}
		f.log.release()
		synctest.Wait()
		if len(answers) != 3 || f.get("k") != 2 {
			t.Fatal(len(answers), f.get("k"))
		}
		f.Close()
	})
}

func TestNeighboursShareABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &memoryLog{}, Options{})
		f.ask(func(c *counters, reply func(error)) {
			for i := range 10 {
				c.set("k", i, func(error) {})
			}
			c.shard.Write(Write{Txn: &Producer{ID: 7, Epoch: 1}, Records: []Record{{[]byte("t"), []byte("1")}}, Done: func(time.Time, error) {}})
			c.set("k", 11, reply)
		})
		if got := len(f.log.batches); got != 3 {
			t.Fatal(got, "batches")
		}
		if b := f.log.batches[1]; !b.Transactional() || b.ProducerID() != 7 || b.BaseSequence() != -1 {
			t.Fatal(b[:record.HeaderLen])
		}
		f.Close()
	})
}

func TestFailedWritesChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &memoryLog{}, Options{})
		f.log.failure = errors.New("disk on fire")
		if err := f.set("k", 1); !errors.Is(err, StorageError) {
			t.Fatal(err)
		}
		f.log.failure = errors.Join(errors.New("gone"), NotCoordinator)
		if err := f.set("k", 1); !errors.Is(err, NotCoordinator) {
			t.Fatal(err)
		}
		if got := f.get("k"); got != 0 {
			t.Fatal(got)
		}
		f.Close()
	})
}

func TestTimersRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &memoryLog{}, Options{})
		time.Sleep(3500 * time.Millisecond) // of the bubble's clock
		if got := f.get("tick"); got != 3 {
			t.Fatal(got)
		}
		f.Close()
	})
}

func TestSnapshotsBoundTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &memoryLog{}, Options{SnapshotBytes: 4096})
		for i := range 1000 {
			if err := f.set("k", i); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(f.log.batches); n > 100 {
			t.Fatal(n, "batches are left")
		}
		f.Close()
		again := start(t, f.log, Options{SnapshotBytes: 4096})
		if got := again.get("k"); got != 999 {
			t.Fatal(got)
		}
		again.Close()
	})
}

func TestStopAnswersEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &memoryLog{held: true}, Options{})
		answers := make(chan error, 2)
		f.Do(0, func(c *counters, _ time.Time) {
			c.parked = append(c.parked, func(err error) { answers <- err })
			c.set("k", 1, func(err error) { answers <- err })
		}, nil)
		synctest.Wait()
		f.Resign(0)
		f.log.release()
		for range 2 {
			if err := <-answers; !errors.Is(err, NotCoordinator) {
				t.Fatal(err)
			}
		}
		f.Close()
	})
}

func TestElections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &memoryLog{}, Options{})
		if err := f.set("k", 1); err != nil {
			t.Fatal(err)
		}
		f.Elect(0, 5) // nothing new
		f.Elect(0, 6)
		err := f.ask(func(c *counters, reply func(error)) {
			if c.epoch != 6 || c.replays == 0 {
				reply(fmt.Errorf("epoch %d, %d replays", c.epoch, c.replays))
				return
			}
			reply(nil)
		})
		if err != nil || f.get("k") != 1 {
			t.Fatal(err)
		}
		f.Close()
		f.Elect(1, 1)
		if led := f.Led(); len(led) != 0 {
			t.Fatal("elected after close", led)
		}
	})
}

func TestUnreadablePartitionIsNotAvailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &memoryLog{}
		f := start(t, log, Options{})
		if err := f.set("k", 1); err != nil {
			t.Fatal(err)
		}
		f.Close()
		log.broken = true
		again := start(t, log, Options{})
		if err := again.set("k", 2); !errors.Is(err, NotAvailable) {
			t.Fatal(err)
		}
		again.Close()
	})
}

func TestPartitionForIsJavas(t *testing.T) {
	for id, want := range map[string]int32{ // Utils.abs("…".hashCode())
		"": 0, "a": 97, "order-processors": 658362880, "größe": 98762257, "😀": 1772899, "polygenelubricants": 0,
	} {
		if got := PartitionFor(id, 1<<31-1); got != want {
			t.Errorf("%q: %d, want %d", id, got, want)
		}
	}
}

func TestCodesHaveTexts(t *testing.T) {
	for c := Code(0); c <= TransactionalIDUnknown; c++ {
		if c.Error() == "" {
			t.Error("no text for", int16(c))
		}
	}
	if Code(12345).Error() != "error code 12345" || OK.Err() != nil || !strings.Contains(NotCoordinator.Err().Error(), "coordinator") {
		t.Error("texts of codes")
	}
}
