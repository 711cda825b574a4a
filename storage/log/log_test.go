package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testNow = time.UnixMilli(1_700_000_000_000)

const testDir = "data/orders-0"

func openTest(t testing.TB, fs vfs.FS, change func(*Options)) *Log {
	t.Helper()
	opts := Options{FS: fs, Config: DefaultConfig()}
	if change != nil {
		change(&opts)
	}
	l, err := Open(testDir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// batchOf makes a batch of records with timestamps from ms on, one a millisecond.
func batchOf(t testing.TB, ms int64, values ...string) record.Batch {
	t.Helper()
	b := record.NewBuilder(record.None)
	for i, v := range values {
		b.Append(ms+int64(i), nil, []byte(v), nil)
	}
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func producerBatchOf(t testing.TB, id int64, epoch int16, sequence int32, n int, transactional bool) record.Batch {
	t.Helper()
	b := batchOf(t, testNow.UnixMilli(), make([]string, n)...)
	b.SetProducer(id, epoch, sequence, transactional)
	return b
}

func appendOne(t testing.TB, l *Log, b record.Batch) AppendInfo {
	t.Helper()
	info, err := tryAppend(l, b, FromClient)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func tryAppend(l *Log, b record.Batch, origin Origin) (AppendInfo, error) {
	group := []Entry{{Batch: b, Origin: origin}}
	_ = l.Append(group, 0, testNow)
	return group[0].Info, group[0].Err
}

// readAll reads every batch in [from, end) and checks that the walk is gapless.
func readAll(t testing.TB, l *Log, from int64, maxBytes int) []byte {
	t.Helper()
	var all []byte
	for from < l.EndOffset() {
		span, err := l.Read(from, maxBytes, true, l.EndOffset())
		if err != nil {
			t.Fatal(err)
		}
		if len(span.Bytes) == 0 {
			t.Fatalf("nothing at %d of %d", from, l.EndOffset())
		}
		all = append(all, span.Bytes...)
		from = span.NextOffset
		span.Release()
	}
	return all
}

func TestAppendAndRead(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"memory": vfs.NewMem(), "disk": vfs.Default()} {
		t.Run(name, func(t *testing.T) {
			if name == "disk" {
				t.Chdir(t.TempDir())
			}
			if err := fs.MkdirAll("data", dirMode); err != nil {
				t.Fatal(err)
			}
			l := openTest(t, fs, func(o *Options) { o.Config.SegmentBytes = 20_000; o.TailBytes = 32 << 10 })
			rng := rand.New(rand.NewPCG(1, 2))
			var want []byte
			for i := range 300 {
				values := make([]string, 1+rng.IntN(5))
				for j := range values {
					values[j] = string(bytes.Repeat([]byte{'a' + byte(i%26)}, rng.IntN(300)))
				}
				if i%100 == 50 {
					values[0] = string(make([]byte, 15_000))
				}
				b := batchOf(t, int64(i), values...)
				before := l.EndOffset()
				if info := appendOne(t, l, b); info.BaseOffset != before || info.LastOffset != before+int64(len(values))-1 {
					t.Fatalf("info %+v at %d", info, before)
				}
				want = append(want, b...)
			}
			for _, maxBytes := range []int{1, 500, 5000, 1 << 20} {
				if got := readAll(t, l, 0, maxBytes); !bytes.Equal(got, want) {
					t.Fatalf("maxBytes %d: %d bytes, want %d", maxBytes, len(got), len(want))
				}
			}
			for offset := range l.EndOffset() {
				checkReadAt(t, l, offset)
			}
			for _, clean := range []bool{true, false} {
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if _, err := l.Read(0, 1, true, 1); !errors.Is(err, ErrClosed) {
					t.Fatalf("read after close: %v", err)
				}
				l = openTest(t, fs, func(o *Options) { o.Clean = clean; o.Config.SegmentBytes = 20_000 })
				if got := readAll(t, l, 0, 3000); !bytes.Equal(got, want) {
					t.Fatalf("reopened (clean %v): %d bytes, want %d", clean, len(got), len(want))
				}
			}
		})
	}
}

// checkReadAt reads one offset with tight limits.
func checkReadAt(t *testing.T, l *Log, offset int64) {
	t.Helper()
	span, err := l.Read(offset, 1, true, l.EndOffset())
	if err != nil {
		t.Fatal(err)
	}
	defer span.Release()
	b, rest, err := record.Next(span.Bytes)
	if err != nil || len(rest) != 0 || b.BaseOffset() > offset || b.LastOffset() < offset || span.NextOffset != b.NextOffset() {
		t.Fatalf("at %d: batch [%d, %d], %d more bytes, %v", offset, b.BaseOffset(), b.LastOffset(), len(rest), err)
	}
	small, err := l.Read(offset, len(span.Bytes)-1, false, l.EndOffset())
	if err != nil || small.Bytes != nil {
		t.Fatalf("at %d: a batch larger than allowed: %v", offset, err)
	}
	crossing, err := l.Read(offset, 1<<20, true, b.LastOffset())
	if err != nil || crossing.Bytes != nil {
		t.Fatalf("at %d: a batch across the limit: %v", offset, err)
	}
}

func TestReadRange(t *testing.T) {
	l := openTest(t, vfs.NewMem(), nil)
	if span, err := l.Read(0, 100, true, 10); err != nil || span.Bytes != nil {
		t.Fatalf("empty log: %v", err)
	}
	appendOne(t, l, batchOf(t, 1, "a", "b", "c"))
	for _, offset := range []int64{-1, 4} {
		if _, err := l.Read(offset, 100, true, 10); !errors.Is(err, ErrOffsetOutOfRange) {
			t.Fatalf("at %d: %v", offset, err)
		}
	}
	if span, err := l.Read(3, 100, true, 10); err != nil || span.Bytes != nil {
		t.Fatalf("at the end: %v", err)
	}
}

func TestLazyDirectory(t *testing.T) {
	fs := vfs.NewMem()
	l := openTest(t, fs, func(o *Options) { o.Lazy = true; o.TopicID = [16]byte{1} })
	if _, err := fs.Stat("data"); !vfs.IsNotExist(err) {
		t.Fatalf("directory made early: %v", err)
	}
	appendOne(t, l, batchOf(t, 1, "a"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testDir, Options{FS: fs, TopicID: [16]byte{2}}); !errors.Is(err, ErrTopicID) {
		t.Fatalf("other topic: %v", err)
	}
	l = openTest(t, fs, func(o *Options) { o.TopicID = [16]byte{1} })
	if l.EndOffset() != 1 {
		t.Fatalf("end %d", l.EndOffset())
	}
	if err := l.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Stat(testDir); !vfs.IsNotExist(err) {
		t.Fatalf("directory after Remove: %v", err)
	}
}

// TestTornIdentity: a full disk or a power cut may leave any beginning of the file that tells whose directory it is.
func TestTornIdentity(t *testing.T) {
	fs := vfs.NewMem()
	mine := func(o *Options) { o.TopicID = [16]byte{1, 2, 3} }
	if err := openTest(t, fs, mine).Close(); err != nil {
		t.Fatal(err)
	}
	name := fs.PathJoin(testDir, fileMetadata)
	whole, err := vfs.ReadFile(fs, name, smallFileMax)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		for _, torn := range [][]byte{whole[:n], append(bytes.Clone(whole[:n]), make([]byte, len(whole)-n)...)} {
			if err := vfs.WriteFileAtomic(fs, name, torn); err != nil {
				t.Fatal(err)
			}
			l, err := Open(testDir, Options{FS: fs, TopicID: [16]byte{1, 2, 3}})
			if err != nil {
				t.Fatalf("%q: %v", torn, err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if got, err := vfs.ReadFile(fs, name, smallFileMax); err != nil || !bytes.HasPrefix(got, bytes.TrimSpace(whole)) {
				t.Fatalf("%q became %q, %v", torn, got, err)
			}
		}
	}
}

// TestRemovalThatEndsInTheMiddle: wherever a removal ends, also by a power cut, a later topic of the same name doesn't find the records of the former.
func TestRemovalThatEndsInTheMiddle(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for stop := 0; ; stop++ {
		mem := vfs.NewCrashableMem()
		l := openTest(t, mem, func(o *Options) { o.TopicID = [16]byte{1}; o.Config.SegmentBytes = 100 })
		for range 3 {
			appendOne(t, l, batchOf(t, 1, "a"))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		ops := 0
		err := RemoveDir(vfs.Inject(mem, func(vfs.Op) error {
			if ops++; ops > stop {
				return errors.New("killed")
			}
			return nil
		}), testDir)
		for _, unsynced := range []int{0, 50, 100} {
			after := vfs.Crash(mem, unsynced, rng)
			if err := vfs.MkdirAll(after, testDir, dirMode); err != nil {
				t.Fatal(err)
			}
			l, err := Open(testDir, Options{FS: after, TopicID: [16]byte{2}})
			if errors.Is(err, ErrTopicID) {
				continue
			}
			if err != nil || l.EndOffset() != 0 {
				t.Fatalf("after %d operations the log of another topic ends at %d: %v", stop, l.EndOffset(), err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err == nil {
			return
		}
	}
}

func TestRefusals(t *testing.T) {
	l := openTest(t, vfs.NewMem(), func(o *Options) { o.Config.MessageBytesMax = 300; o.Config.TimestampAfterMax = time.Hour })
	marker := record.AppendMarker(nil, 1, 0, 5, record.Marker{})
	cases := []struct {
		name  string
		batch record.Batch
		want  error
	}{
		{"too large", batchOf(t, 1, string(make([]byte, 400))), record.ErrTooLarge},
		{"from the future", batchOf(t, testNow.Add(2*time.Hour).UnixMilli(), "a"), ErrInvalidTimestamp},
		{"a client's marker", marker, record.ErrInvalid},
		{"no batch", record.Batch{1, 2}, record.ErrInvalid},
	}
	for _, c := range cases {
		group := []Entry{{Batch: batchOf(t, 1, "before")}, {Batch: c.batch}, {Batch: batchOf(t, 1, "after")}}
		end := l.EndOffset()
		if err := l.Append(group, 0, testNow); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(group[1].Err, c.want) || group[0].Info.BaseOffset != end || group[2].Info.BaseOffset != end+1 {
			t.Errorf("%s: %v, offsets %d and %d", c.name, group[1].Err, group[0].Info.BaseOffset, group[2].Info.BaseOffset)
		}
	}
	if err := l.Append([]Entry{{Batch: batchOf(t, 1, "a")}}, 5, testNow); err != nil {
		t.Fatal(err)
	}
	if err := l.Append([]Entry{{Batch: batchOf(t, 1, "a")}}, 4, testNow); !errors.Is(err, ErrLeaderEpoch) {
		t.Fatalf("old leader: %v", err)
	}
}

func TestLogAppendTime(t *testing.T) {
	l := openTest(t, vfs.NewMem(), func(o *Options) { o.Config.Timestamps = LogAppendTime })
	if info := appendOne(t, l, batchOf(t, 5, "a", "b")); info.Timestamp != testNow.UnixMilli() {
		t.Fatalf("%+v", info)
	}
	found, ok, err := l.OffsetForTime(testNow.UnixMilli())
	if err != nil || !ok || found.Offset != 0 {
		t.Fatalf("%+v %v %v", found, ok, err)
	}
}

func TestOffsetForTime(t *testing.T) {
	l := openTest(t, vfs.NewMem(), func(o *Options) { o.Config.SegmentBytes = 3000; o.Config.IndexInterval = 200 })
	rng := rand.New(rand.NewPCG(3, 4))
	var stamps []int64
	for range 200 {
		ms := int64(rng.IntN(100_000))
		n := 1 + rng.IntN(4)
		appendOne(t, l, batchOf(t, ms, make([]string, n)...))
		for i := range n {
			stamps = append(stamps, ms+int64(i))
		}
	}
	check := func() {
		t.Helper()
		for range 300 {
			ms := int64(rng.IntN(110_000))
			want := int64(-1)
			for i := l.StartOffset(); i < l.EndOffset(); i++ {
				if stamps[i] >= ms {
					want = i
					break
				}
			}
			found, ok, err := l.OffsetForTime(ms)
			if err != nil || ok != (want >= 0) || ok && (found.Offset != want || found.Timestamp != stamps[want]) {
				t.Fatalf("at %d ms: %+v %v %v, want %d", ms, found, ok, err, want)
			}
		}
	}
	check()
	if err := l.DeleteTo(57); err != nil {
		t.Fatal(err)
	}
	check()
	if found, ok, err := l.MaxTimestamp(); err != nil || !ok || found.Timestamp < 99_000 {
		t.Fatalf("largest: %+v %v %v", found, ok, err)
	}
}

func TestTransactions(t *testing.T) {
	fs := vfs.NewMem()
	l := openTest(t, fs, func(o *Options) { o.Config.SegmentBytes = 400 })
	appendOne(t, l, batchOf(t, 1, "plain"))                // 0
	appendOne(t, l, producerBatchOf(t, 10, 0, 0, 2, true)) // 1-2
	appendOne(t, l, producerBatchOf(t, 20, 0, 0, 1, true)) // 3
	appendOne(t, l, producerBatchOf(t, 10, 0, 2, 1, true)) // 4
	expectStable := func(highWatermark, want int64) {
		t.Helper()
		if got := l.LastStableOffset(highWatermark); got != want {
			t.Fatalf("last stable offset %d at high watermark %d, want %d", got, highWatermark, want)
		}
	}
	expectStable(5, 1)
	if _, err := tryAppend(l, producerBatchOf(t, 10, 0, 3, 1, false), FromClient); !errors.Is(err, ErrInvalidTxnState) {
		t.Fatalf("plain batch in a transaction: %v", err)
	}
	abort := record.AppendMarker(nil, 10, 0, 1, record.Marker{CoordinatorEpoch: 3})
	if info, err := tryAppend(l, abort, FromCoordinator); err != nil || info.BaseOffset != 5 { // 5
		t.Fatal(info, err)
	}
	expectStable(5, 1) // the marker is not replicated yet
	expectStable(6, 3)
	stale := record.AppendMarker(nil, 10, 0, 1, record.Marker{CoordinatorEpoch: 2})
	if _, err := tryAppend(l, stale, FromCoordinator); !errors.Is(err, ErrCoordinatorFenced) {
		t.Fatalf("stale coordinator: %v", err)
	}
	commit := record.AppendMarker(nil, 20, 1, 1, record.Marker{Commit: true, CoordinatorEpoch: 3})
	if _, err := tryAppend(l, commit, FromCoordinator); err != nil { // 6, with the epoch bumped as fencing does
		t.Fatal(err)
	}
	expectStable(7, 7)
	if _, err := tryAppend(l, producerBatchOf(t, 20, 0, 1, 1, true), FromClient); !errors.Is(err, ErrProducerFenced) {
		t.Fatalf("fenced producer: %v", err)
	}
	appendOne(t, l, producerBatchOf(t, 20, 1, 0, 1, true)) // 7
	want := []AbortedTxn{{ProducerID: 10, FirstOffset: 1, LastOffset: 5, LastStableOffset: 3}}
	for _, clean := range []bool{false, true, false} {
		got, err := l.AbortedTxns(nil, 0, 8)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("aborted %v, %v", got, err)
		}
		if none, _ := l.AbortedTxns(nil, 6, 8); len(none) != 0 {
			t.Fatalf("aborted above the marker: %v", none)
		}
		expectStable(8, 7)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = openTest(t, fs, func(o *Options) { o.Clean = clean; o.Config.SegmentBytes = 400 })
	}
}

func TestRetention(t *testing.T) {
	l := openTest(t, vfs.NewMem(), func(o *Options) {
		o.Config.SegmentBytes, o.Config.RetentionAge, o.Config.RetentionBytes = 1000, time.Hour, -1
	})
	old := testNow.Add(-2 * time.Hour).UnixMilli()
	for range 40 {
		appendOne(t, l, batchOf(t, old, "0123456789"))
	}
	if n, err := l.Retain(testNow, 5); err != nil || n != 0 {
		t.Fatalf("above the high watermark: %d %v", n, err)
	}
	appendOne(t, l, batchOf(t, testNow.UnixMilli(), "new"))
	if n, err := l.Retain(testNow, 41); err != nil || n == 0 {
		t.Fatalf("%d %v", n, err)
	}
	start := l.StartOffset()
	if _, err := l.Read(start-1, 10, true, 41); start == 0 || !errors.Is(err, ErrOffsetOutOfRange) {
		t.Fatalf("below the start %d: %v", start, err)
	}
	if n, err := l.Retain(testNow.Add(3*time.Hour), 41); err != nil || n == 0 || l.StartOffset() != 41 {
		t.Fatalf("active segment expired: %d %v, start %d", n, err, l.StartOffset())
	}
	config := l.Config()
	config.RetentionAge, config.RetentionBytes = -1, 2000
	l.SetConfig(config)
	for range 100 {
		appendOne(t, l, batchOf(t, old, "0123456789"))
	}
	if _, err := l.Retain(testNow, l.EndOffset()); err != nil || l.SizeBytes() < 2000 || l.SizeBytes() > 3000 {
		t.Fatalf("by size: %d bytes left, %v", l.SizeBytes(), err)
	}
	readAll(t, l, l.StartOffset(), 1000)
}

func TestDeleteToSurvives(t *testing.T) {
	fs := vfs.NewMem()
	l := openTest(t, fs, func(o *Options) { o.Config.SegmentBytes = 500 })
	for range 30 {
		appendOne(t, l, batchOf(t, 1, "0123456789"))
	}
	if err := l.DeleteTo(31); !errors.Is(err, ErrOffsetOutOfRange) {
		t.Fatal(err)
	}
	for _, to := range []int64{7, 30} {
		if err := l.DeleteTo(to); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = openTest(t, fs, nil)
		if l.StartOffset() != to || l.EndOffset() != 30 {
			t.Fatalf("[%d, %d) after deleting to %d", l.StartOffset(), l.EndOffset(), to)
		}
	}
}

func TestEpochsAndTruncate(t *testing.T) {
	fs := vfs.NewMem()
	l := openTest(t, fs, func(o *Options) { o.Config.SegmentBytes = 500 })
	for epoch := range int32(4) {
		if err := l.AssignEpoch(epoch * 2); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			b := producerBatchOf(t, 1, 0, int32(l.EndOffset()), 1, false)
			if err := l.Append([]Entry{{Batch: b}}, epoch*2, testNow); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		epoch, found int32
		end          int64
	}{{-1, -1, -1}, {0, 0, 10}, {1, 0, 10}, {2, 2, 20}, {5, 4, 30}, {6, 6, 40}, {9, 6, 40}} {
		if found, end := l.EpochEnd(c.epoch); found != c.found || end != c.end {
			t.Errorf("epoch %d: %d ends %d, want %d, %d", c.epoch, found, end, c.found, c.end)
		}
	}
	all := readAll(t, l, 0, 1<<20)
	for _, to := range []int64{33, 25, 12} {
		if err := l.TruncateTo(to); err != nil {
			t.Fatal(err)
		}
		got := readAll(t, l, 0, 1<<20)
		if l.EndOffset() != to || !bytes.HasPrefix(all, got) || l.LatestEpoch() != int32((to-1)/10*2) {
			t.Fatalf("truncated to %d: end %d, epoch %d", to, l.EndOffset(), l.LatestEpoch())
		}
		b := producerBatchOf(t, 1, 0, int32(to), 1, false)
		if err := l.Append([]Entry{{Batch: b}}, 6, testNow); err != nil {
			t.Fatalf("producer state was not cut with the log: %v", err)
		}
		if err := l.TruncateTo(to); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.DeleteTo(12); err != nil {
		t.Fatal(err)
	}
	if err := l.TruncateTo(3); err != nil || l.EndOffset() != 3 || l.StartOffset() != 3 {
		t.Fatalf("restart at 3: [%d, %d), %v", l.StartOffset(), l.EndOffset(), err)
	}
}

func TestReplicatedBatches(t *testing.T) {
	l := openTest(t, vfs.NewMem(), nil)
	b := batchOf(t, 1, "a", "b")
	b.SetBaseOffset(100)
	b.SetLeaderEpoch(7)
	if info, err := tryAppend(l, b, FromLeader); err != nil || info.BaseOffset != 100 || l.EndOffset() != 102 || l.LatestEpoch() != 7 {
		t.Fatalf("%+v %v, end %d", info, err, l.EndOffset())
	}
	if span, err := l.Read(50, 1000, true, 102); err != nil || span.NextOffset != 102 {
		t.Fatalf("a gap is stepped over: %+v %v", span, err)
	}
	if _, err := tryAppend(l, b, FromLeader); !errors.Is(err, ErrLeaderEpoch) {
		t.Fatalf("the same batch again: %v", err)
	}
}

func TestCleanShutdownMark(t *testing.T) {
	fs := vfs.NewMem()
	if err := fs.MkdirAll("data", dirMode); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{false, true, false} {
		if clean, epoch, err := TakeCleanShutdown(fs, "data"); err != nil || clean != want || want && epoch != 42 {
			t.Fatalf("%v %d %v, want %v", clean, epoch, err, want)
		}
		if !want {
			if err := WriteCleanShutdown(fs, "data", 42); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestSubmitAndRead has producers, readers, retention and a syncer at work together.
func TestSubmitAndRead(t *testing.T) {
	const producers, each = 4, 200
	syncer := NewSyncer(SyncerOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = syncer.Run(ctx) })
	l := openTest(t, vfs.NewMem(), func(o *Options) { o.Syncer = syncer; o.Config.SegmentBytes = 10_000; o.TailBytes = 1 })
	var writers, readers sync.WaitGroup
	now := func() time.Time { return testNow }
	for p := range producers {
		writers.Go(func() {
			for i := range each {
				done := make(chan error, 1)
				b := producerBatchOf(t, int64(p), 0, int32(i), 1, false)
				l.Submit(&Submission{Entry: Entry{Batch: b}, Done: func(s *Submission) { done <- s.Err }}, now)
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for at := int64(0); at < producers*each; {
				span, err := l.Read(at, 700, true, l.EndOffset())
				if err != nil {
					t.Error(err)
					return
				}
				if len(span.Bytes) > 0 {
					b, _, err := record.Next(span.Bytes)
					if err != nil || b.BaseOffset() != at || b.ComputeCRC() != b.CRC() {
						t.Errorf("at %d: %v", at, err)
					}
					at = span.NextOffset
				}
				span.Release()
			}
		})
	}
	writers.Wait()
	if err := syncer.Wait(ctx, l, producers*each); err != nil || l.SyncedOffset() != producers*each {
		t.Errorf("synced %d, %v", l.SyncedOffset(), err)
	}
	readers.Wait()
	if _, err := l.Retain(testNow, l.EndOffset()); err != nil {
		t.Error(err)
	}
	cancel()
	running.Wait()
}
