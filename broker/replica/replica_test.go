package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// disk is a file system whose syncs can be held up.
type disk struct {
	vfs.FS
	gate sync.RWMutex
}

func newDisk() *disk {
	d := &disk{}
	d.FS = vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
		if op.Kind == vfs.OpFileSyncData && strings.HasSuffix(op.Path, ".log") {
			d.gate.RLock()
			defer d.gate.RUnlock()
		}
		return nil
	})
	return d
}

// node is a manager under test with its image.
type node struct {
	*Manager
	t   testing.TB
	img *metadata.Image
	ids byte
}

func newNode(t testing.TB, fs vfs.FS) *node {
	t.Helper()
	if err := fs.MkdirAll("topics", 0o755); err != nil {
		t.Fatal(err)
	}
	m, err := NewManager(Options{NodeID: 1, FS: fs, Dir: "topics"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() {
		if _, err := m.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &node{Manager: m, t: t, img: &metadata.Image{}}
}

func (n *node) change(records ...metadata.Record) {
	n.t.Helper()
	img, delta, err := metadata.Replay(n.img, n.img.Version()+1, records)
	if err != nil {
		n.t.Fatal(err)
	}
	n.img = img
	n.ApplyImage(img, delta)
}

// topic makes a topic of one partition and gives that.
func (n *node) topic(name string, configs ...string) *Partition {
	n.t.Helper()
	n.ids++
	id := metadata.UUID{0: n.ids, 15: 1}
	records := []metadata.Record{
		metadata.TopicRecord{ID: id, Name: name},
		metadata.PartitionRecord{TopicID: id, Partition: metadata.Partition{Replicas: []int32{1}, ISR: []int32{1}, Leader: 1}},
	}
	for _, c := range configs {
		key, value, _ := strings.Cut(c, "=")
		records = append(records, metadata.ConfigRecord{Resource: metadata.Resource{Type: metadata.ResourceTopic, Name: name}, Key: key, Value: value})
	}
	n.change(records...)
	p, err := n.Partition(name, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	return p
}

func batch(t testing.TB, values ...string) record.Batch {
	t.Helper()
	b := record.NewBuilder(record.None)
	for _, v := range values {
		b.Append(time.Now().UnixMilli(), nil, []byte(v), nil)
	}
	out, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// start begins an append and gives where its answer will be.
func start(p *Partition, b record.Batch, acks Acks, timeout time.Duration) <-chan Appended {
	done := make(chan Appended, 1)
	p.Append(b, AppendOptions{Acks: acks, Origin: log.FromClient, Timeout: timeout}, func(a Appended) { done <- a })
	return done
}

func mustAppend(t testing.TB, p *Partition, values ...string) Appended {
	t.Helper()
	a := <-start(p, batch(t, values...), AcksAll, 0)
	if a.Err != nil {
		t.Fatal(a.Err)
	}
	return a
}

// TestNothingIsSeenBeforeItIsSynced: while the disk syncs acks=1 is answered, acks=all and readers wait.
func TestNothingIsSeenBeforeItIsSynced(t *testing.T) {
	d := newDisk()
	p := newNode(t, d).topic("t")
	mustAppend(t, p, "first")
	d.gate.Lock()
	leader := <-start(p, batch(t, "a"), AcksLeader, 0)
	if leader.Err != nil || leader.BaseOffset != 1 {
		t.Fatal(leader)
	}
	all := start(p, batch(t, "b", "c"), AcksAll, 0)
	hurried := start(p, batch(t, "d"), AcksAll, time.Millisecond)
	if got := <-hurried; !errors.Is(got.Err, ErrTimedOut) {
		t.Fatal(got)
	}
	b, err := p.Bounds()
	if err != nil || b.HighWatermark != 1 {
		t.Fatal(b, err)
	}
	if r, err := p.Read(1, 1000, true, ReadUncommitted); err != nil || r.Span.Bytes != nil {
		t.Fatal("unsynced records were read", err)
	}
	if end, _ := p.EndOffset(); end != 5 {
		t.Fatal(end)
	}
	d.gate.Unlock()
	if got := <-all; got.Err != nil || got.BaseOffset != 2 {
		t.Fatal(got)
	}
	mustAppend(t, p, "e")
	if b, _ := p.Bounds(); b.HighWatermark != 6 {
		t.Fatal(b)
	}
}

func TestIntervalTopicsDoNotWaitForTheDisk(t *testing.T) {
	d := newDisk()
	p := newNode(t, d).topic("t", "flush.mode=interval")
	d.gate.Lock()
	defer d.gate.Unlock()
	mustAppend(t, p, "a")
	if b, _ := p.Bounds(); b.HighWatermark != 1 {
		t.Fatal(b)
	}
}

func TestAppendsAreRefused(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	p := n.topic("t", "min.insync.replicas=2", "message.timestamp.before.max.ms=1000")
	old := record.NewBuilder(record.None)
	old.Append(1, nil, []byte("x"), nil)
	ancient, _ := old.Build(nil)
	if got := <-start(p, ancient, AcksAll, 0); !errors.Is(got.Err, log.ErrInvalidTimestamp) {
		t.Fatal(got)
	}
	mustAppend(t, p, "min.insync.replicas counts up to the replication factor")
	n.change(metadata.PartitionRecord{TopicID: p.id, Partition: metadata.Partition{Replicas: []int32{1, 2}, ISR: []int32{1}, Leader: 1, PartitionEpoch: 1}})
	if got := <-start(p, batch(t, "x"), AcksAll, 0); !errors.Is(got.Err, ErrNotEnoughReplicas) {
		t.Fatal(got)
	}
	n.change(metadata.PartitionRecord{TopicID: p.id, Partition: metadata.Partition{Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: 2, LeaderEpoch: 1, PartitionEpoch: 2}})
	if got := <-start(p, batch(t, "x"), AcksAll, 0); !errors.Is(got.Err, ErrNotLeader) {
		t.Fatal(got)
	}
	if _, err := n.Partition("t", 0); !errors.Is(err, ErrNotLeader) {
		t.Fatal(err)
	}
	if _, err := n.Partition("t", 1); !errors.Is(err, ErrUnknownPartition) {
		t.Fatal(err)
	}
	if _, err := n.PartitionByID(metadata.UUID{77}, 0); !errors.Is(err, ErrUnknownTopicID) {
		t.Fatal(err)
	}
}

// TestDeletionAnswersWhoWaits: parked appends and fetches of a deleted topic are answered, and its name begins anew.
func TestDeletionAnswersWhoWaits(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	p := n.topic("t")
	mustAppend(t, p, "old")
	got := make(chan []Fetched, 1)
	n.Fetch(context.Background(), FetchRequest{
		Partitions: []FetchPartition{{Partition: p, Offset: 1, MaxBytes: 100, LeaderEpoch: -1, LastEpoch: -1}}, MinBytes: 1, MaxBytes: 100, MaxWait: time.Minute,
	}, func(f []Fetched) { got <- f })
	n.change(metadata.TopicRemovedRecord{ID: p.id})
	if f := <-got; !errors.Is(f[0].Err, ErrUnknownPartition) {
		t.Fatal(f)
	}
	if a := <-start(p, batch(t, "late"), AcksAll, 0); !errors.Is(a.Err, ErrUnknownPartition) {
		t.Fatal(a)
	}
	if a := mustAppend(t, n.topic("t"), "new"); a.BaseOffset != 0 {
		t.Fatal(a)
	}
}

func fetchOf(p *Partition, offset int64, minBytes int, wait time.Duration) FetchRequest {
	return FetchRequest{
		Partitions: []FetchPartition{{Partition: p, Offset: offset, MaxBytes: 1 << 20, LeaderEpoch: -1, LastEpoch: -1}},
		MinBytes:   minBytes, MaxBytes: 1 << 20, MaxWait: wait,
	}
}

func (n *node) fetch(ctx context.Context, req FetchRequest) <-chan []Fetched {
	got := make(chan []Fetched, 1)
	n.Fetch(ctx, req, func(f []Fetched) { got <- f })
	return got
}

func releaseAll(f []Fetched) (bytes int) {
	for i := range f {
		if f[i].Span.Bytes != nil {
			bytes += len(f[i].Span.Bytes)
			f[i].Span.Release()
		}
	}
	return bytes
}

func TestFetchWaits(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	p := n.topic("t")
	mustAppend(t, p, "a")
	size := len(batch(t, "a"))
	ctx, cancel := context.WithCancel(context.Background())

	if f := <-n.fetch(ctx, fetchOf(p, 0, 1, time.Minute)); releaseAll(f) != size || f[0].HighWatermark != 1 {
		t.Fatal("data that is there was not given at once")
	}
	if f := <-n.fetch(ctx, fetchOf(p, 1, 1, 0)); releaseAll(f) != 0 || f[0].Err != nil {
		t.Fatal("a fetch without a wait waited")
	}
	if f := <-n.fetch(ctx, fetchOf(p, 9, 1, time.Minute)); !errors.Is(f[0].Err, log.ErrOffsetOutOfRange) || f[0].HighWatermark != 1 {
		t.Fatal(f)
	}
	if f := <-n.fetch(ctx, fetchOf(p, 1, 1, time.Millisecond)); releaseAll(f) != 0 {
		t.Fatal("time was over, but there is data")
	}
	enough := n.fetch(ctx, fetchOf(p, 1, 2*size, time.Minute))
	mustAppend(t, p, "b")
	mustAppend(t, p, "c")
	if f := <-enough; releaseAll(f) != 2*size {
		t.Fatal("not as many bytes as asked for")
	}
	lost := n.fetch(ctx, fetchOf(p, 3, 1, time.Minute))
	cancel()
	if f := <-lost; releaseAll(f) != 0 {
		t.Fatal(f)
	}
	if p.Watched() {
		t.Fatal("a fetch is over, but its watcher is still there")
	}
}

func TestFetchChecksTheEpoch(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	p := n.topic("t")
	n.change(metadata.PartitionRecord{TopicID: p.id, Partition: metadata.Partition{Replicas: []int32{1}, ISR: []int32{1}, Leader: 1, LeaderEpoch: 5}})
	for epoch, want := range map[int32]error{-1: nil, 5: nil, 4: ErrFencedLeaderEpoch, 6: ErrUnknownLeaderEpoch} {
		req := fetchOf(p, 0, 0, 0)
		req.Partitions[0].LeaderEpoch = epoch
		if f := <-n.fetch(context.Background(), req); !errors.Is(f[0].Err, want) {
			t.Errorf("epoch %d: %v", epoch, f[0].Err)
		}
	}
	mustAppend(t, p, "x")
	for epoch, want := range map[int32][2]int64{9: {-1, -1}, 5: {5, 1}, 4: {-1, -1}} {
		if found, end, err := p.EpochEnd(epoch); int64(found) != want[0] || end != want[1] || err != nil {
			t.Fatal(epoch, found, end, err)
		}
	}
}

// TestFirstBatchIsGivenWhateverItsSize: a budget smaller than a batch still makes progress (KIP-74), in one partition only.
func TestFirstBatchIsGivenWhateverItsSize(t *testing.T) {
	n := newNode(t, vfs.NewMem())
	a, b := n.topic("a"), n.topic("b")
	mustAppend(t, a, strings.Repeat("x", 1000))
	mustAppend(t, b, strings.Repeat("y", 1000))
	req := fetchOf(a, 0, 1, 0)
	req.Partitions = append(req.Partitions, fetchOf(b, 0, 1, 0).Partitions...)
	req.MaxBytes = 10
	f := <-n.fetch(context.Background(), req)
	if len(f[0].Span.Bytes) < 1000 || f[1].Span.Bytes != nil {
		t.Fatal(len(f[0].Span.Bytes), len(f[1].Span.Bytes))
	}
	releaseAll(f)
}

// TestReadersFollowWriters: readers with long polls see every record once and in order, whatever the interleaving.
func TestReadersFollowWriters(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	n := newNode(t, vfs.NewMem())
	const writers, readers, each = 3, 3, 60
	p := n.topic("t")
	var all sync.WaitGroup
	for w := range writers {
		rng := rand.New(rand.NewPCG(seed, uint64(w)))
		all.Go(func() {
			for i := range each {
				acks := []Acks{AcksAll, AcksLeader}[rng.IntN(2)]
				if a := <-start(p, batch(t, fmt.Sprint(w, " ", i)), acks, 0); a.Err != nil {
					t.Error(a.Err)
				}
			}
		})
	}
	for range readers {
		all.Go(func() {
			offset := int64(0)
			for offset < writers*each {
				f := <-n.fetch(context.Background(), fetchOf(p, offset, 1, time.Minute))
				if f[0].Err != nil {
					t.Error(f[0].Err)
					return
				}
				if first := record.Batch(f[0].Span.Bytes).BaseOffset(); first != offset {
					t.Errorf("asked for %d, got %d", offset, first)
				}
				offset = f[0].Span.NextOffset
				releaseAll(f)
			}
		})
	}
	all.Wait()
}

func TestWatch(t *testing.T) {
	p := newNode(t, vfs.NewMem()).topic("t")
	var calls atomic.Int32
	called := make(chan struct{}, 16)
	cancel := p.Watch(func() {
		calls.Add(1)
		called <- struct{}{}
	})
	if calls.Load() != 1 {
		t.Fatal("not called at the start")
	}
	mustAppend(t, p, "a")
	// The watcher is told after the append is acknowledged.
	<-called
	<-called
	cancel()
	cancel()
	before := calls.Load()
	mustAppend(t, p, "b")
	if calls.Load() != before {
		t.Fatal("called after cancel")
	}
}

// TestRestartRecovers: unsynced records may go with the power, acknowledged ones not, and offsets go on.
func TestRestartRecovers(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 10 {
		fs := vfs.NewCrashableMem()
		n := newNode(t, fs)
		if err := vfs.SyncDir(fs, ""); err != nil {
			t.Fatal(err)
		}
		p := n.topic("t")
		acked := rng.IntN(20)
		for i := range acked {
			mustAppend(t, p, strconv.Itoa(i))
		}
		for range rng.IntN(5) {
			start(p, batch(t, "unacknowledged"), AcksLeader, 0)
		}
		again := newNode(t, vfs.Crash(fs, rng.IntN(101), rng)).topic("t")
		b, err := again.Bounds()
		if err != nil || b.HighWatermark < int64(acked) {
			t.Fatalf("%d records were acknowledged, %+v is left: %v", acked, b, err)
		}
		if a := mustAppend(t, again, "next"); a.BaseOffset != b.HighWatermark {
			t.Fatal(a, b)
		}
	}
}

func BenchmarkAppendAcksAll(b *testing.B) {
	p := newNode(b, vfs.NewMem()).topic("t", "flush.mode=interval")
	src := batch(b, strings.Repeat("x", 100))
	buf := make(record.Batch, len(src))
	done := make(chan struct{}, 1)
	b.ReportAllocs()
	for b.Loop() {
		copy(buf, src)
		p.Append(buf, AppendOptions{Acks: AcksAll}, func(Appended) { done <- struct{}{} })
		<-done
	}
}

func BenchmarkFetch(b *testing.B) {
	n := newNode(b, vfs.NewMem())
	p := n.topic("t")
	mustAppend(b, p, strings.Repeat("x", 1000))
	req := fetchOf(p, 0, 1, 0)
	b.ReportAllocs()
	for b.Loop() {
		n.Fetch(context.Background(), req, func(f []Fetched) { releaseAll(f) })
	}
}
