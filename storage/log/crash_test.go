package log

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

var (
	seedFlag = flag.Uint64("seed", 0, "run one seed of the crash test")
	runsFlag = flag.Int("runs", 20, "seeds of the crash test")
)

// crashRun writes to a log on a crashable disk, pulls the plug at random syncs, creations and renames, and checks each
// time what a start finds.
type crashRun struct {
	t      *testing.T
	rng    *rand.Rand
	fs     *vfs.MemFS
	log    *Log
	syncer *Syncer

	written  []byte // everything appended or about to be
	sequence int32
	crashes  int
}

func TestCrash(t *testing.T) {
	first, runs := rand.Uint64(), *runsFlag
	if *seedFlag != 0 {
		first, runs = *seedFlag, 1
	}
	crashes := 0
	for i := range runs {
		seed := first + uint64(i)
		c := &crashRun{t: t, rng: rand.New(rand.NewPCG(seed, 0)), fs: vfs.NewCrashableMem()}
		c.run()
		crashes += c.crashes
		if t.Failed() {
			t.Fatalf("reproduce with -run TestCrash -seed %d", seed)
		}
	}
	t.Logf("%d crashes in %d runs from seed %d", crashes, runs, first)
}

func (c *crashRun) options(fs vfs.FS, clean bool) Options {
	config := DefaultConfig()
	config.SegmentBytes, config.IndexInterval = 30_000, 1000
	return Options{FS: fs, Syncer: c.syncer, Config: config, Clean: clean, Lazy: true, TopicID: [16]byte{9}}
}

func (c *crashRun) open(clean bool) {
	c.syncer = NewSyncer(SyncerOptions{})
	faulty := vfs.Inject(c.fs, func(op vfs.Op) error {
		switch op.Kind {
		case vfs.OpFileSync, vfs.OpFileSyncData, vfs.OpRename, vfs.OpCreate, vfs.OpRemove:
			if c.rng.IntN(6) == 0 {
				c.crash()
			}
		}
		return nil
	})
	var err error
	if c.log, err = Open(testDir, c.options(faulty, clean)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crashRun) run() {
	if err := c.fs.MkdirAll("data", dirMode); err != nil {
		c.t.Fatal(err)
	}
	_ = vfs.SyncDir(c.fs, "")
	c.open(false)
	for range 40 {
		switch n := c.rng.IntN(20); {
		case n < 12:
			c.append()
		case n < 17:
			if err := c.syncer.Round(); err != nil {
				c.t.Fatal(err)
			}
		case n < 18:
			if err := c.log.Roll(); err != nil {
				c.t.Fatal(err)
			}
		default:
			if err := c.log.Close(); err != nil {
				c.t.Fatal(err)
			}
			c.open(c.rng.IntN(2) == 0)
		}
	}
	c.crash()
	if err := c.log.Close(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crashRun) append() {
	group := make([]Entry, 1+c.rng.IntN(4))
	end := c.log.EndOffset()
	epoch := c.log.LatestEpoch()
	if c.rng.IntN(10) == 0 || epoch < 0 {
		epoch++
	}
	for i := range group {
		values := make([]string, 1+c.rng.IntN(4))
		for j := range values {
			values[j] = string(bytes.Repeat([]byte{byte(c.rng.Uint32())}, c.rng.IntN(3000)))
		}
		b := batchOf(c.t, 5, values...)
		b.SetProducer(1, 0, c.sequence, false)
		c.sequence += b.Count()
		group[i] = Entry{Batch: b}
		stamped := bytes.Clone(b)
		record.Batch(stamped).SetBaseOffset(end)
		record.Batch(stamped).SetLeaderEpoch(epoch)
		end += int64(b.Count())
		c.written = append(c.written, stamped...)
	}
	if err := c.log.Append(group, epoch, testNow); err != nil {
		c.t.Fatal(err)
	}
}

// crash opens what a power cut would leave now and checks it. The log under test goes on unharmed.
func (c *crashRun) crash() {
	if c.log == nil {
		return
	}
	c.crashes++
	synced := c.log.SyncedOffset()
	disk := vfs.Crash(c.fs, c.rng.IntN(101), c.rng)
	opts := c.options(disk, false)
	opts.Syncer = nil
	for life := range 2 {
		l, err := Open(testDir, opts)
		if err != nil {
			c.t.Fatalf("life %d: %v", life, err)
		}
		if l.EndOffset() < synced {
			c.t.Fatalf("life %d: end %d, but %d was synced", life, l.EndOffset(), synced)
		}
		got := readAll(c.t, l, 0, 10_000)
		if !bytes.HasPrefix(c.written, got) {
			c.t.Fatalf("life %d: the recovered log is no prefix of what was written", life)
		}
		if len(got) > 0 {
			c.checkProducer(l, got)
		}
		synced = l.EndOffset()
		// Not closed: the next life begins as after kill -9.
	}
}

// checkProducer sends the last recovered batch again: it must be known.
func (c *crashRun) checkProducer(l *Log, got []byte) {
	var last record.Batch
	for rest := got; len(rest) > 0; {
		b, after, err := record.Next(rest)
		if err != nil {
			c.t.Fatal(err)
		}
		last, rest = b, after
	}
	info, err := tryAppend(l, bytes.Clone(last), FromClient)
	if errors.Is(err, ErrLeaderEpoch) {
		return // an epoch above 0 was reached; tryAppend is an old leader then
	}
	if err != nil || !info.Duplicate || info.BaseOffset != last.BaseOffset() {
		c.t.Fatalf("repeated batch at %d: %+v %v", last.BaseOffset(), info, err)
	}
}

// faults makes chosen operations fail while on.
type faults struct {
	mu   sync.Mutex
	fail func(vfs.Op) error
}

func (f *faults) set(fail func(vfs.Op) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *faults) fault(op vfs.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == nil {
		return nil
	}
	return f.fail(op)
}

func failing(err error, kinds ...vfs.OpKind) func(vfs.Op) error {
	return func(op vfs.Op) error {
		if slices.Contains(kinds, op.Kind) {
			return err
		}
		return nil
	}
}

func TestDiskFull(t *testing.T) {
	base := vfs.NewMem()
	var f faults
	l := openTest(t, vfs.Inject(base, f.fault), nil)
	kept := batchOf(t, 1, "kept")
	appendOne(t, l, kept)
	ghost := batchOf(t, 1, "ghost-0")
	second := batchOf(t, 1, "ghost-1")
	second.SetBaseOffset(2)
	second.SetLeaderEpoch(0)
	f.set(func(op vfs.Op) error {
		if op.Kind != vfs.OpFileWriteAt {
			return nil
		}
		if op.Offset == int64(len(kept)) { // the disk takes the bytes and then says no
			file, err := base.OpenReadWrite(op.Path, vfs.Category)
			if err != nil {
				return err
			}
			defer file.Close()
			if _, err := file.WriteAt(append(bytes.Clone(ghost), second...), op.Offset); err != nil {
				return err
			}
		}
		return fmt.Errorf("write: %w", syscall.ENOSPC)
	})
	for range 3 {
		if _, err := tryAppend(l, batchOf(t, 1, "ghost-0"), FromClient); !errors.Is(err, ErrNoSpace) {
			t.Fatalf("full disk: %v", err)
		}
	}
	if got := readAll(t, l, 0, 100); !bytes.Equal(got, kept) {
		t.Fatal("reads go on")
	}
	f.set(nil)
	after := batchOf(t, 1, "after-0") // as long as the first ghost: the second would follow it seamlessly
	if info := appendOne(t, l, after); info.BaseOffset != 1 {
		t.Fatalf("%+v", info)
	}
	again := openTest(t, base, nil) // as after kill -9
	if got := readAll(t, again, 0, 1000); !bytes.Equal(got, append(bytes.Clone(kept), after...)) {
		t.Fatalf("a refused batch came to life: end %d", again.EndOffset())
	}
}

func TestDiskFullElsewhere(t *testing.T) {
	for name, kinds := range map[string][]vfs.OpKind{
		"making the directory": {vfs.OpMkdirAll},
		"creating files":       {vfs.OpCreate},
	} {
		t.Run(name, func(t *testing.T) {
			var f faults
			l := openTest(t, vfs.Inject(vfs.NewMem(), f.fault), func(o *Options) { o.Lazy = true; o.Config.SegmentBytes = 100; o.TopicID = [16]byte{1} })
			f.set(failing(syscall.ENOSPC, kinds...))
			if _, err := tryAppend(l, batchOf(t, 1, "a"), FromClient); !errors.Is(err, ErrNoSpace) {
				t.Fatalf("first append: %v", err)
			}
			f.set(nil)
			appendOne(t, l, batchOf(t, 1, string(make([]byte, 90))))
			f.set(failing(syscall.ENOSPC, vfs.OpCreate))
			if _, err := tryAppend(l, batchOf(t, 1, "b"), FromClient); !errors.Is(err, ErrNoSpace) {
				t.Fatalf("while rolling: %v", err)
			}
			f.set(nil)
			if info := appendOne(t, l, batchOf(t, 1, "b")); info.BaseOffset != 1 {
				t.Fatalf("%+v", info)
			}
			if got := readAll(t, l, 0, 1); len(got) == 0 {
				t.Fatal("nothing to read")
			}
		})
	}
}

// smallDisk has a fixed number of bytes left.
type smallDisk struct {
	vfs.FS
	left uint64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.left}, nil
}

func TestReserve(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem(), left: reservedBytesDefault + 300}
	syncer := NewSyncer(SyncerOptions{FS: disk, Dir: "data"})
	l := openTest(t, disk, func(o *Options) { o.Syncer = syncer })
	appendOne(t, l, batchOf(t, 1, string(make([]byte, 100))))
	disk.left -= 200
	if _, err := tryAppend(l, batchOf(t, 1, string(make([]byte, 200))), FromClient); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("into the reserve: %v", err)
	}
	if err := l.DeleteTo(1); err != nil {
		t.Fatalf("deleting needs no room: %v", err)
	}
	disk.left += 10 * admitStep
	for range 20 {
		appendOne(t, l, batchOf(t, 1, string(make([]byte, 200))))
	}
}

func TestFailedSyncIsFinal(t *testing.T) {
	var f faults
	fs := vfs.Inject(vfs.NewMem(), f.fault)
	syncer := NewSyncer(SyncerOptions{})
	var told error
	l := openTest(t, fs, func(o *Options) {
		o.Syncer = syncer
		o.OnSynced = func(_ int64, err error) { told = err }
	})
	appendOne(t, l, batchOf(t, 1, "a"))
	if err := syncer.Round(); err != nil || told != nil || l.SyncedOffset() != 1 {
		t.Fatalf("%v %v, synced %d", err, told, l.SyncedOffset())
	}
	appendOne(t, l, batchOf(t, 1, "b"))
	f.set(failing(syscall.EIO, vfs.OpFileSyncData))
	if err := syncer.Round(); !errors.Is(err, ErrDiskDead) || !errors.Is(told, ErrDiskDead) {
		t.Fatalf("%v, told %v", err, told)
	}
	f.set(nil)
	if err := syncer.Round(); !errors.Is(err, ErrDiskDead) {
		t.Fatalf("a later round: %v", err)
	}
	if _, err := tryAppend(l, batchOf(t, 1, "c"), FromClient); !errors.Is(err, ErrDiskDead) {
		t.Fatalf("append: %v", err)
	}
	if l.SyncedOffset() != 1 || l.EndOffset() != 2 {
		t.Fatalf("synced %d, end %d", l.SyncedOffset(), l.EndOffset())
	}
	if got := readAll(t, l, 0, 1000); len(got) == 0 {
		t.Fatal("reads go on")
	}
}

func TestFailedWriteIsFinal(t *testing.T) {
	var f faults
	l := openTest(t, vfs.Inject(vfs.NewMem(), f.fault), nil)
	appendOne(t, l, batchOf(t, 1, "a"))
	f.set(failing(syscall.EIO, vfs.OpFileWriteAt))
	for range 2 {
		if _, err := tryAppend(l, batchOf(t, 1, "b"), FromClient); !errors.Is(err, ErrDiskDead) {
			t.Fatal(err)
		}
		f.set(nil)
	}
}

// TestSyncRounds has more dirty logs than are synced one by one, on a real disk.
func TestSyncRounds(t *testing.T) {
	t.Chdir(t.TempDir())
	syncer := NewSyncer(SyncerOptions{})
	var logs []*Log
	for i := range syncFilesMax + 10 {
		l, err := Open(fmt.Sprintf("p-%d", i), Options{Syncer: syncer, Lazy: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Remove() })
		logs = append(logs, l)
	}
	for _, n := range []int{1, syncParallel, len(logs)} {
		for _, l := range logs[:n] {
			appendOne(t, l, batchOf(t, 1, "a"))
		}
		if err := syncer.Round(); err != nil {
			t.Fatal(err)
		}
		for i, l := range logs[:n] {
			if l.SyncedOffset() != l.EndOffset() {
				t.Fatalf("%d logs: log %d synced %d of %d", n, i, l.SyncedOffset(), l.EndOffset())
			}
		}
	}
}

// FuzzRecovery opens a log whose active segment holds anything.
func FuzzRecovery(f *testing.F) {
	good := append(bytes.Clone(batchOf(f, 1, "a", "b")), batchOf(f, 2, "c")...)
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add(append(bytes.Clone(good), make([]byte, 100)...))
	f.Fuzz(func(t *testing.T, content []byte) {
		fs := vfs.NewMem()
		if err := fs.MkdirAll(testDir, dirMode); err != nil {
			t.Fatal(err)
		}
		if err := writeIndexFile(fs, fs.PathJoin(testDir, fileName(0, suffixLog)), bytes.Clone(content)); err != nil {
			t.Fatal(err)
		}
		l, err := Open(testDir, Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for at := int64(0); at < l.EndOffset(); {
			span, err := l.Read(at, 100, true, l.EndOffset())
			if err != nil || len(span.Bytes) == 0 {
				t.Fatalf("at %d of %d: %v", at, l.EndOffset(), err)
			}
			at = span.NextOffset
			span.Release()
		}
		_, _, _ = l.OffsetForTime(5)
		if epoch := l.LatestEpoch(); epoch < 1<<31-1 {
			if err := l.Append([]Entry{{Batch: batchOf(t, 1, "after")}}, epoch+1, testNow); err != nil {
				t.Fatal(err)
			}
		}
	})
}
