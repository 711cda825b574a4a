package log

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// cleanModel is what a compacted log should hold, kept beside it: every batch ever written.
type cleanModel struct {
	t       *testing.T
	rng     *rand.Rand
	fs      *vfs.MemFS
	log     *Log
	now     time.Time
	config  Config
	batches []modelBatch
	checks  int
	cleaned CleanStats // of the last cleaning
	inCheck bool
}

// modelBatch is a batch as it was written.
type modelBatch struct {
	base, last int64
	producer   int64
	sequence   int32
	txn        bool
	control    bool
	commit     bool
	written    time.Time
	records    []modelRecord
	bytes      record.Batch
}

type modelRecord struct {
	key, value string
	tombstone  bool
	timestamp  int64
}

const (
	modelKeys      = 12
	modelProducers = 4 // 1 and 2 are idempotent, 3 and 4 transactional
	modelRetention = 50 * time.Millisecond
)

func TestCleanModel(t *testing.T) {
	first, runs := rand.Uint64(), (*runsFlag+1)/2
	if *seedFlag != 0 {
		first, runs = *seedFlag, 1
	}
	checks := 0
	for i := range runs {
		seed := first + uint64(i)
		m := &cleanModel{t: t, rng: rand.New(rand.NewPCG(seed, 1)), fs: vfs.NewCrashableMem(), now: testNow}
		m.run()
		checks += m.checks
		if t.Failed() {
			t.Fatalf("reproduce with -run TestCleanModel -seed %d", seed)
		}
	}
	t.Logf("%d checks in %d runs from seed %d", checks, runs, first)
}

func (m *cleanModel) run() {
	m.config = DefaultConfig()
	m.config.SegmentBytes, m.config.IndexInterval = 1500, 200
	m.config.Compact, m.config.DeleteRetention, m.config.FileDeleteDelay = true, modelRetention, 0
	if err := m.fs.MkdirAll("data", dirMode); err != nil {
		m.t.Fatal(err)
	}
	_ = vfs.SyncDir(m.fs, "")
	m.open(m.fs, false)
	for range 150 {
		m.now = m.now.Add(time.Duration(m.rng.IntN(5)) * time.Millisecond)
		switch n := m.rng.IntN(40); {
		case n < 30:
			m.append()
		case n < 34:
			m.clean()
		case n < 36:
			m.roll()
		case n < 37:
			m.restart()
		case n < 38:
			m.powerCut()
		default:
			m.sync()
		}
		if m.t.Failed() {
			return
		}
	}
	m.clean()
	m.check(m.log, m.end())
	if err := m.log.Close(); err != nil {
		m.t.Error(err)
	}
}

// open opens the log on a disk that sometimes loses power for a look at what would be left.
func (m *cleanModel) open(disk *vfs.MemFS, clean bool) {
	m.fs, m.log = disk, nil
	faulty := vfs.Inject(disk, func(op vfs.Op) error {
		switch op.Kind {
		case vfs.OpFileSync, vfs.OpFileSyncData, vfs.OpRename, vfs.OpCreate, vfs.OpRemove:
			if m.rng.IntN(12) == 0 {
				m.glimpse()
			}
		}
		return nil
	})
	l, err := Open(testDir, Options{FS: faulty, Config: m.config, Clean: clean})
	if err != nil {
		m.t.Fatal(err)
	}
	m.log = l
}

// glimpse checks what a power cut now would leave; the log goes on unharmed.
func (m *cleanModel) glimpse() {
	if m.log == nil || m.inCheck {
		return
	}
	m.inCheck = true
	defer func() { m.inCheck = false }()
	synced := m.log.SyncedOffset()
	disk := vfs.Crash(m.fs, m.rng.IntN(101), m.rng)
	m.loseSnapshots(disk)
	for range 2 {
		l, err := Open(testDir, Options{FS: disk, Config: m.config})
		if err != nil {
			m.t.Errorf("open after a power cut: %v", err)
			return
		}
		m.check(l, synced)
		if m.rng.IntN(2) == 0 {
			if _, err := l.Clean(context.Background(), CleanOptions{Now: m.now, HighWatermark: l.EndOffset()}); err != nil {
				m.t.Error(err)
			}
			m.check(l, synced)
		}
		synced = l.EndOffset()
	}
}

// loseSnapshots sometimes removes the producer snapshots, so that producers are known by what cleaning left.
func (m *cleanModel) loseSnapshots(disk *vfs.MemFS) {
	if m.rng.IntN(2) == 0 {
		return
	}
	names, _ := disk.List(testDir)
	for _, name := range names {
		if strings.HasSuffix(name, suffixSnapshot) {
			_ = disk.Remove(disk.PathJoin(testDir, name))
		}
	}
}

func (m *cleanModel) end() int64 {
	if len(m.batches) == 0 {
		return 0
	}
	return m.batches[len(m.batches)-1].last + 1
}

// open tells whether a producer has a transaction open below end.
func (m *cleanModel) openTxn(producer, end int64) (first int64, open bool) {
	for _, b := range m.batches {
		switch {
		case b.producer != producer || b.last >= end:
		case b.control:
			open = false
		case b.txn && !open:
			first, open = b.base, true
		}
	}
	return first, open
}

func (m *cleanModel) append() {
	producer := int64(m.rng.IntN(modelProducers + 2))
	transactional := producer == 3 || producer == 4
	b := modelBatch{base: m.end(), producer: producer, txn: transactional, written: m.now}
	if _, open := m.openTxn(producer, m.end()); open && m.rng.IntN(3) == 0 {
		b.control, b.commit, b.last = true, m.rng.IntN(2) == 0, b.base
		b.bytes = record.AppendMarker(nil, producer, 0, m.now.UnixMilli(), record.Marker{Commit: b.commit})
		m.write(b, FromCoordinator)
		return
	}
	builder := record.NewBuilder(record.Compression(m.rng.IntN(5)))
	for range 1 + m.rng.IntN(4) {
		r := modelRecord{
			key: fmt.Sprint("key", m.rng.IntN(modelKeys)), tombstone: m.rng.IntN(4) == 0, timestamp: m.now.UnixMilli() - int64(m.rng.IntN(1000)),
		}
		if !r.tombstone {
			r.value = fmt.Sprint(b.base, strings.Repeat("x", m.rng.IntN(150)))
			builder.Append(r.timestamp, []byte(r.key), []byte(r.value), nil)
		} else {
			builder.Append(r.timestamp, []byte(r.key), nil, nil)
		}
		b.records = append(b.records, r)
	}
	var err error
	if b.bytes, err = builder.Build(nil); err != nil {
		m.t.Fatal(err)
	}
	b.last = b.base + int64(len(b.records)) - 1
	if producer > 0 && producer <= modelProducers {
		for _, before := range m.batches {
			if before.producer == producer && !before.control {
				b.sequence = before.sequence + int32(len(before.records))
			}
		}
		b.bytes.SetProducer(producer, 0, b.sequence, transactional)
	}
	m.write(b, FromClient)
}

func (m *cleanModel) write(b modelBatch, origin Origin) {
	m.batches = append(m.batches, b)
	group := []Entry{{Batch: bytes.Clone(b.bytes), Origin: origin}}
	if err := m.log.Append(group, 0, m.now); err != nil || group[0].Err != nil || group[0].Info.BaseOffset != b.base {
		m.t.Fatalf("append %+v: %v %v", group[0].Info, err, group[0].Err)
	}
}

func (m *cleanModel) sync() {
	if _, err := m.log.Sync(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *cleanModel) roll() {
	if err := m.log.Roll(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *cleanModel) restart() {
	if err := m.log.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.open(m.fs, m.rng.IntN(2) == 0)
	m.check(m.log, m.end())
}

func (m *cleanModel) powerCut() {
	synced := m.log.SyncedOffset()
	disk := vfs.Crash(m.fs, m.rng.IntN(101), m.rng)
	_ = m.log.Close()
	m.loseSnapshots(disk)
	m.open(disk, false)
	end := m.log.EndOffset()
	if end < synced {
		m.t.Fatalf("end %d, %d was synced", end, synced)
	}
	for len(m.batches) > 0 && m.end() > end {
		m.batches = m.batches[:len(m.batches)-1]
	}
	m.check(m.log, synced)
}

func (m *cleanModel) clean() {
	m.sync()
	if m.rng.IntN(2) == 0 {
		m.roll()
	}
	m.config.MinCompactionLag = time.Duration(m.rng.IntN(2)*m.rng.IntN(1000)) * time.Millisecond
	m.log.SetConfig(m.config)
	before := m.readCommitted(m.log)
	stats, err := m.log.Clean(context.Background(), CleanOptions{Now: m.now, HighWatermark: m.log.EndOffset(), MapBytes: 1})
	if err != nil {
		m.t.Fatal(err)
	}
	m.cleaned = stats
	after := m.readCommitted(m.log)
	same := func(seen []seenRecord) []seenRecord {
		i := slices.IndexFunc(seen, func(r seenRecord) bool { return r.offset >= stats.FirstDirtyNow })
		if i < 0 {
			return nil
		}
		return seen[i:]
	}
	if !slices.Equal(same(before), same(after)) {
		m.t.Errorf("records beyond %d changed", stats.FirstDirtyNow)
	}
	m.check(m.log, m.end())
}

// seenRecord is a record as a consumer sees it.
type seenRecord struct {
	offset int64
	modelRecord
}

// readCommitted reads the log as a consumer of committed records does.
func (m *cleanModel) readCommitted(l *Log) []seenRecord {
	var seen []seenRecord
	var dec record.Decompressor
	stable := l.LastStableOffset(l.EndOffset())
	last := int64(-1)
	for offset := l.StartOffset(); offset < stable; {
		span, err := l.Read(offset, 1+m.rng.IntN(3000), true, stable)
		if err != nil {
			m.t.Errorf("read at %d: %v", offset, err)
			return nil
		}
		if len(span.Bytes) == 0 {
			break
		}
		aborted, err := l.AbortedTxns(nil, offset, span.NextOffset)
		if err != nil {
			m.t.Error(err)
		}
		slices.SortFunc(aborted, func(a, b AbortedTxn) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
		dropped := map[int64]bool{}
		for rest := span.Bytes; len(rest) > 0; {
			var b record.Batch
			if b, rest, err = record.Next(rest); err != nil {
				m.t.Error(err)
				return nil
			}
			if b.BaseOffset() <= last || b.CRC() != b.ComputeCRC() {
				m.t.Errorf("batch at %d after %d", b.BaseOffset(), last)
			}
			last = b.LastOffset()
			for len(aborted) > 0 && aborted[0].FirstOffset <= b.LastOffset() {
				dropped[aborted[0].ProducerID] = true
				aborted = aborted[1:]
			}
			if b.Control() {
				delete(dropped, b.ProducerID())
				continue
			}
			if b.LastOffset() < offset || b.Transactional() && dropped[b.ProducerID()] {
				continue
			}
			seen = m.appendSeen(seen, b, offset, &dec)
		}
		offset = span.NextOffset
		span.Release()
	}
	return seen
}

func (m *cleanModel) appendSeen(seen []seenRecord, b record.Batch, from int64, dec *record.Decompressor) []seenRecord {
	it, err := record.Records(b, dec)
	if err != nil {
		m.t.Error(err)
		return seen
	}
	var r record.Record
	for it.Next(&r) {
		if at := b.BaseOffset() + int64(r.OffsetDelta); at >= from {
			seen = append(seen, seenRecord{at, modelRecord{string(r.Key), string(r.Value), r.Value == nil, b.TimestampOf(&r)}})
		}
	}
	if it.Err() != nil {
		m.t.Error(it.Err())
	}
	return seen
}

// check compares a log, which must reach to synced, with the model.
func (m *cleanModel) check(l *Log, synced int64) {
	m.checks++
	end := l.EndOffset()
	if end < synced {
		m.t.Errorf("end %d, but %d was synced", end, synced)
		return
	}
	want := m.committed(end, l.LastStableOffset(end))
	seen := m.readCommitted(l)
	got := map[string]seenRecord{}
	for _, r := range seen {
		if model, ok := want.all[r.offset]; !ok || model.modelRecord != r.modelRecord {
			m.t.Errorf("record at %d is %+v, written was %+v (visible: %v)", r.offset, r.modelRecord, model.modelRecord, ok)
		}
		got[r.key] = r
	}
	for key, last := range want.last {
		r, there := got[key]
		switch {
		case there && r.offset == last.offset:
		case !there && last.tombstone && m.now.Sub(last.written) >= modelRetention:
		default:
			m.t.Errorf("end %d: last of %s is %+v (there: %v), written was %+v at %v of %v", end, key, r, there, last, last.written, m.now)
		}
	}
	m.checkIndexes(l, seen)
	m.checkProducers(l, end)
}

type committedRecord struct {
	seenRecord
	written time.Time
}

// committedState is what is visible below a last stable offset.
type committedState struct {
	all  map[int64]committedRecord
	last map[string]committedRecord
}

func (m *cleanModel) committed(end, stable int64) committedState {
	s := committedState{all: map[int64]committedRecord{}, last: map[string]committedRecord{}}
	lso := end
	for producer := int64(3); producer <= modelProducers; producer++ {
		if first, open := m.openTxn(producer, end); open {
			lso = min(lso, first)
		}
	}
	if lso != stable {
		m.t.Errorf("last stable offset %d, expected %d", stable, lso)
	}
	for i, b := range m.batches {
		if b.last >= stable || b.control {
			continue
		}
		if b.txn {
			at := slices.IndexFunc(m.batches[i:], func(o modelBatch) bool { return o.control && o.producer == b.producer })
			if !m.batches[i+at].commit {
				continue
			}
		}
		for j, r := range b.records {
			c := committedRecord{seenRecord{b.base + int64(j), r}, b.written}
			s.all[c.offset] = c
			s.last[r.key] = c
		}
	}
	return s
}

// checkIndexes looks some records up by offset and by time.
func (m *cleanModel) checkIndexes(l *Log, seen []seenRecord) {
	if len(seen) == 0 {
		return
	}
	wanted := seen[m.rng.IntN(len(seen))]
	span, err := l.Read(wanted.offset, 1, true, l.EndOffset())
	if err != nil || len(span.Bytes) == 0 {
		m.t.Errorf("read at %d: %v", wanted.offset, err)
		return
	}
	if b := record.Batch(span.Bytes); b.BaseOffset() > wanted.offset || b.LastOffset() < wanted.offset {
		m.t.Errorf("asked for %d, got [%d, %d]", wanted.offset, b.BaseOffset(), b.LastOffset())
	}
	span.Release()
	found, ok, err := l.OffsetForTime(wanted.timestamp)
	if err != nil || !ok || found.Offset > wanted.offset {
		m.t.Errorf("offset for time %d: %+v %v %v, there is %d", wanted.timestamp, found, ok, err, wanted.offset)
	}
}

// checkProducers sends every producer's last batch again: it must be known.
func (m *cleanModel) checkProducers(l *Log, end int64) {
	last := map[int64]modelBatch{}
	for _, b := range m.batches {
		if b.producer > 0 && b.producer <= modelProducers && !b.control && b.last < end {
			last[b.producer] = b
		}
	}
	for _, b := range last {
		group := []Entry{{Batch: bytes.Clone(b.bytes)}}
		_ = l.Append(group, l.LatestEpoch(), m.now)
		if e := group[0]; e.Err != nil || !e.Info.Duplicate || e.Info.BaseOffset != b.base {
			m.t.Errorf("end %d: producer %d, batch at %d again: %+v %v", end, b.producer, b.base, e.Info, e.Err)
		}
	}
}

// keyed makes a batch of keys with a value of so many bytes each; a length below zero is a tombstone.
func keyed(t testing.TB, ms int64, codec record.Compression, length int, keys ...string) record.Batch {
	t.Helper()
	b := record.NewBuilder(codec)
	for _, k := range keys {
		var value []byte
		if length >= 0 {
			value = bytes.Repeat([]byte("v"), length)
		}
		b.Append(ms, []byte(k), value, nil)
	}
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func compacted(o *Options) {
	o.Config.Compact, o.Config.SegmentBytes, o.Config.IndexInterval = true, 4000, 200
	o.Config.DeleteRetention = time.Minute
}

func cleanNow(t testing.TB, l *Log, now time.Time, mapBytes int) CleanStats {
	t.Helper()
	stats, err := l.Clean(context.Background(), CleanOptions{Now: now, HighWatermark: l.EndOffset(), MapBytes: mapBytes})
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

func roll(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Roll(); err != nil {
		t.Fatal(err)
	}
}

func TestCleanKeepsTheLast(t *testing.T) {
	l := openTest(t, vfs.NewMem(), compacted)
	for i := range 200 {
		appendOne(t, l, keyed(t, testNow.UnixMilli(), record.LZ4, 100, fmt.Sprint("k", i%7), fmt.Sprint("k", i%3)))
	}
	roll(t, l)
	dirt, err := l.Dirt(testNow, l.EndOffset())
	if err != nil || dirt.Ratio() != 1 || dirt.End != 400 || dirt.CleanBytes != 0 {
		t.Fatalf("%+v %v", dirt, err)
	}
	stats := cleanNow(t, l, testNow, 0)
	if stats.MapKeys != 7 || stats.FirstDirtyNow != 400 || stats.BytesWritten*5 > stats.BytesRead {
		t.Fatalf("%+v", stats)
	}
	m := &cleanModel{t: t, rng: rand.New(rand.NewPCG(1, 1))}
	if seen := m.readCommitted(l); len(seen) != 7 {
		t.Fatal(seen)
	}
	if dirt, _ = l.Dirt(testNow, l.EndOffset()); dirt.DirtyBytes != 0 || dirt.Ratio() != 0 {
		t.Fatalf("%+v", dirt)
	}
	if again := cleanNow(t, l, testNow, 0); again.BytesRead != 0 {
		t.Fatalf("%+v", again)
	}
}

func TestCleanTombstones(t *testing.T) {
	fs := vfs.NewMem()
	l := openTest(t, fs, compacted)
	m := &cleanModel{t: t, rng: rand.New(rand.NewPCG(1, 1))}
	appendOne(t, l, keyed(t, 5, record.None, 10, "a", "b"))
	appendOne(t, l, keyed(t, 6, record.Zstd, -1, "a"))
	now := testNow
	for step, want := range []int{2, 2, 1} { // b and the tombstone; within its time; after
		roll(t, l)
		cleanNow(t, l, now, 0)
		seen := m.readCommitted(l)
		seen = slices.DeleteFunc(seen, func(r seenRecord) bool { return r.key == "other" })
		if len(seen) != want {
			t.Fatalf("step %d: %+v", step, seen)
		}
		if want == 2 && (seen[1].timestamp != 6 || seen[1].offset != 2 || !seen[1].tombstone) {
			t.Fatalf("step %d: %+v", step, seen)
		}
		appendOne(t, l, keyed(t, 7, record.None, 10, "other"))
		now = now.Add(40 * time.Second)
	}
}

func TestCleanMapFull(t *testing.T) {
	l := openTest(t, vfs.NewMem(), compacted)
	for i := range 3000 {
		appendOne(t, l, keyed(t, 5, record.None, 1, fmt.Sprint("k", i%1500)))
	}
	roll(t, l)
	m := &cleanModel{t: t, rng: rand.New(rand.NewPCG(1, 1))}
	passes := 0
	for full := true; full; passes++ {
		stats := cleanNow(t, l, testNow, offsetSlotsMin*offsetSlotBytes)
		full = stats.Full
		if stats.FirstDirtyNow <= stats.FirstDirtyBefore {
			t.Fatalf("%+v", stats)
		}
	}
	if seen := m.readCommitted(l); len(seen) != 1500 || seen[0].offset != 1500 || passes < 3 {
		t.Fatal(len(seen), passes)
	}
}

func TestCleanLags(t *testing.T) {
	l := openTest(t, vfs.NewMem(), func(o *Options) {
		compacted(o)
		o.Config.MinCompactionLag, o.Config.MaxCompactionLag = time.Second, time.Minute
	})
	appendOne(t, l, keyed(t, testNow.UnixMilli(), record.None, 1, "a"))
	roll(t, l)
	for _, step := range []struct {
		after   time.Duration
		dirty   bool
		overdue bool
	}{{0, false, false}, {2 * time.Second, true, false}, {2 * time.Minute, true, true}} {
		d, err := l.Dirt(testNow.Add(step.after), l.EndOffset())
		if err != nil || (d.DirtyBytes > 0) != step.dirty || d.Overdue != step.overdue {
			t.Fatalf("after %v: %+v %v", step.after, d, err)
		}
	}
}

func TestCleanIsInterrupted(t *testing.T) {
	l := openTest(t, vfs.NewMem(), compacted)
	for range 100 {
		appendOne(t, l, keyed(t, 5, record.None, 100, "a"))
	}
	roll(t, l)
	reading, done := make(chan struct{}), make(chan error)
	go func() {
		first := true
		_, err := l.Clean(context.Background(), CleanOptions{Now: testNow, HighWatermark: l.EndOffset(), Throttle: func(context.Context, int) error {
			if first {
				close(reading)
				first = false
			}
			return nil
		}})
		done <- err
	}()
	<-reading
	if err := l.TruncateTo(50); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if l.EndOffset() > 50 {
		t.Fatal(l.EndOffset())
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	roll(t, l)
	if _, err := l.Clean(cancelled, CleanOptions{Now: testNow, HighWatermark: l.EndOffset()}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	names, _ := l.fs.List(testDir)
	for _, name := range names {
		if hasSuffix(name, suffixCleaned) || hasSuffix(name, suffixSwap) {
			t.Fatal(names)
		}
	}
}
