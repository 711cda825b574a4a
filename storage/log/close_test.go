package log

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// diskFS can sync all of itself, as a system does, file by file.
type diskFS struct{ vfs.FS }

type diskFile struct {
	vfs.File
	fs vfs.FS
}

func (d diskFS) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	return diskFile{f, d.FS}, err
}

func (f diskFile) SyncAll() error { return syncTree(f.fs, "data") }

func syncTree(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil {
			return err
		}
		if info.IsDir() {
			err = syncTree(fs, path)
		} else {
			err = syncFile(fs, path)
		}
		if err != nil {
			return err
		}
	}
	return vfs.SyncDir(fs, dir)
}

// closeRun is a number of logs that are closed together.
type closeRun struct {
	t     *testing.T
	mem   *vfs.MemFS
	fault faults
	fs    vfs.FS
	logs  []*Log
	whole [][]byte // what each log holds
}

// closeLogs is enough of them for CloseAll to sync them together.
const closeLogs = syncFilesMax + 6

func closeDir(i int) string { return fmt.Sprintf("data/orders-%d", i) }

func (c *closeRun) options(i int, fs vfs.FS) Options {
	o := Options{FS: fs, Config: DefaultConfig(), TopicID: [16]byte{byte(i), 1}, Lazy: true}
	o.Config.SegmentBytes, o.Config.IndexInterval = 40_000, 1000
	return o
}

// newCloseRun makes logs of all kinds: empty, short, with an active segment too long to be read again, with several segments and epochs.
func newCloseRun(t *testing.T) *closeRun {
	c := &closeRun{t: t, mem: vfs.NewCrashableMem()}
	if err := vfs.MkdirAll(c.mem, "data", dirMode); err != nil {
		t.Fatal(err)
	}
	c.fs = diskFS{vfs.Inject(c.mem, c.fault.fault)}
	for i := range closeLogs {
		l, err := Open(closeDir(i), c.options(i, c.fs))
		if err != nil {
			t.Fatal(err)
		}
		c.logs, c.whole = append(c.logs, l), append(c.whole, nil)
		c.append(i, 0, i%5)
	}
	return c
}

// append gives a log as many batches as its kind says.
func (c *closeRun) append(i int, epoch int32, kind int) {
	l := c.logs[i]
	for range []int{0, 1, 4, 25, 70}[kind] {
		b := batchOf(c.t, testNow.UnixMilli(), string(bytes.Repeat([]byte{byte(i)}, 1000)))
		b.SetProducer(int64(i), 0, int32(l.EndOffset()), false)
		group := []Entry{{Batch: b}}
		if err := l.Append(group, epoch, testNow); err != nil || group[0].Err != nil {
			c.t.Fatal(err, group[0].Err)
		}
	}
	c.whole[i] = readAll(c.t, l, 0, 1<<20)
}

// check opens what a power cut leaves and compares it with what was written; synced is what each log must have.
func (c *closeRun) check(disk vfs.FS, clean bool, synced []int64) {
	c.t.Helper()
	for i := range c.logs {
		o := c.options(i, disk)
		o.Clean = clean
		l, err := Open(closeDir(i), o)
		if err != nil {
			c.t.Fatalf("log %d: %v", i, err)
		}
		if l.EndOffset() < synced[i] {
			c.t.Fatalf("log %d ends at %d, %d was synced", i, l.EndOffset(), synced[i])
		}
		got := readAll(c.t, l, 0, 1<<20)
		if !bytes.HasPrefix(c.whole[i], got) || clean && len(got) != len(c.whole[i]) {
			c.t.Fatalf("log %d: %d bytes read, %d written", i, len(got), len(c.whole[i]))
		}
		if len(got) > 0 {
			last := record.Batch(got)
			for rest := got; len(rest) > 0; {
				last, rest, _ = record.Next(rest)
			}
			group := []Entry{{Batch: bytes.Clone(last)}}
			if _ = l.Append(group, last.LeaderEpoch(), testNow); group[0].Err != nil || !group[0].Info.Duplicate {
				c.t.Fatalf("log %d: a repeated batch is not known: %+v", i, group[0])
			}
			if l.LatestEpoch() != last.LeaderEpoch() {
				c.t.Fatalf("log %d: epoch %d, expected %d", i, l.LatestEpoch(), last.LeaderEpoch())
			}
		}
	}
}

func (c *closeRun) synced() []int64 {
	out := make([]int64, len(c.logs))
	for i, l := range c.logs {
		out[i] = l.SyncedOffset()
	}
	return out
}

// TestCloseTogether closes many logs through several lives: nothing is lost when the power goes right after, and nothing that was synced when
// it goes in between.
func TestCloseTogether(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	c, checks := newCloseRun(t), 0
	for life := range 4 {
		c.fault.set(func(op vfs.Op) error {
			if op.Kind != vfs.OpFileRead && op.Kind != vfs.OpFileReadAt && rng.IntN(500) == 0 {
				checks++
				c.check(vfs.Crash(c.mem, rng.IntN(101), rng), false, c.synced())
			}
			return nil
		})
		// One after the other: a check that comes between operations sees the logs at rest.
		if done, err := closeTogether(c.fs, "data", c.logs, 1); !done || err != nil {
			t.Fatal(done, err)
		}
		c.fault.set(nil)
		ends := make([]int64, len(c.logs))
		for i, l := range c.logs {
			if ends[i] = l.EndOffset(); l.SyncedOffset() != ends[i] {
				t.Fatalf("life %d: log %d is synced up to %d of %d", life, i, l.SyncedOffset(), ends[i])
			}
		}
		c.check(vfs.Crash(c.mem, 0, rng), life%2 == 0, ends)
		for i := range c.logs {
			o := c.options(i, c.fs)
			o.Clean = life%2 == 0 // a kill without appends comes in between
			l, err := Open(closeDir(i), o)
			if err != nil {
				t.Fatal(err)
			}
			c.logs[i] = l
			c.append(i, int32(life), (i+life)%3)
		}
	}
	if err := CloseAll(c.fs, "data", c.logs); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d power cuts", checks)
}

// TestCloseTogetherFaults: when an operation of closing fails CloseAll says so, or nothing is missing; and every log is closed.
func TestCloseTogetherFaults(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for n := 1; ; n *= 3 {
			c := newCloseRun(t)
			synced, count, failed := c.synced(), 0, false
			c.fault.set(func(op vfs.Op) error {
				switch op.Kind {
				case vfs.OpCreate, vfs.OpRename, vfs.OpRemove, vfs.OpFileWrite, vfs.OpFileWriteAt, vfs.OpFileSync, vfs.OpFileSyncData:
					if count++; count == n {
						failed = true
						return fmt.Errorf("injected: %w", cause)
					}
				}
				return nil
			})
			err := CloseAll(c.fs, "data", c.logs)
			c.fault.set(nil)
			if (err != nil) != failed {
				t.Fatalf("operation %d %v: failed %v, error %v", n, cause, failed, err)
			}
			c.check(vfs.Crash(c.mem, 50, rng), err == nil, synced)
			for i, l := range c.logs {
				if l.active().file != nil {
					t.Fatalf("log %d holds its file", i)
				}
			}
			if !failed {
				break
			}
		}
	}
}
