package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// TestCleanFaults makes every operation of a cleaning fail in turn, with an error and with a full disk. Whatever happens, readers go on, no key is
// lost, and the next start finds a whole log.
func TestCleanFaults(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		failed := true
		for n := 1; failed; n++ {
			failed = cleanWithFault(t, cause, n)
			if n > 500 {
				t.Fatal("a cleaning does not take that many operations")
			}
		}
	}
}

// cleanWithFault fails the nth operation that changes the disk; false when there are fewer.
func cleanWithFault(t *testing.T, cause error, n int) (failed bool) {
	t.Helper()
	disk := vfs.NewCrashableMem()
	if err := vfs.MkdirAll(disk, "data", dirMode); err != nil {
		t.Fatal(err)
	}
	var f faults
	l := openTest(t, vfs.Inject(disk, f.fault), compacted)
	for i := range 60 {
		appendOne(t, l, keyed(t, testNow.UnixMilli(), record.Snappy, 150, fmt.Sprint("k", i%5), fmt.Sprint("once", i/20)))
	}
	roll(t, l)
	m := &cleanModel{t: t, rng: rand.New(rand.NewPCG(1, 1))}
	count := 0
	f.set(func(op vfs.Op) error {
		switch op.Kind {
		case vfs.OpCreate, vfs.OpRename, vfs.OpRemove, vfs.OpFileWrite, vfs.OpFileSync, vfs.OpFileSyncData:
			if count++; count == n {
				failed = true
				return &vfsError{op: fmt.Sprint(op.Kind), err: cause}
			}
		}
		return nil
	})
	_, err := l.Clean(context.Background(), CleanOptions{Now: testNow, HighWatermark: l.EndOffset()})
	if failed && err == nil {
		t.Fatalf("operation %d failed with %v and nobody noticed", n, cause)
	}
	f.set(nil)
	for name, look := range map[string]*Log{
		"the same": l, "after a kill": openTest(t, vfs.Crash(disk, 100, m.rng), compacted),
		"after a power cut": openTest(t, vfs.Crash(disk, 0, m.rng), compacted),
	} {
		seen := m.readCommitted(look)
		last := map[string]int64{}
		for _, r := range seen {
			last[r.key] = r.offset
		}
		if len(last) != 8 || last["k4"] != 118 || last["once0"] != 39 || look.EndOffset() != 120 {
			t.Fatalf("operation %d, %v, %s: %d %v", n, cause, name, look.EndOffset(), last)
		}
	}
	if err == nil || errors.Is(err, ErrDiskDead) {
		return failed
	}
	if again := cleanNow(t, l, testNow, 0); again.FirstDirtyNow != 120 {
		t.Fatalf("operation %d, %v: not cleaned afterwards: %+v", n, cause, again)
	}
	return failed
}

type vfsError struct {
	op  string
	err error
}

func (e *vfsError) Error() string { return e.op + ": " + e.err.Error() }
func (e *vfsError) Unwrap() error { return e.err }

// FuzzClean cleans a log whose first segment holds anything.
func FuzzClean(f *testing.F) {
	good := append(bytes.Clone(keyed(f, 1, record.None, 5, "a", "b", "a")), keyed(f, 2, record.LZ4, -1, "a")...)
	f.Add(good)
	f.Add(append(bytes.Clone(good), record.AppendMarker(nil, 3, 0, 5, record.Marker{})...))
	f.Add(good[:len(good)-3])
	f.Add(append(bytes.Clone(good), record.AppendEmpty(nil, good)...))
	f.Fuzz(func(t *testing.T, content []byte) {
		// Stamped as a leader would, so that the recovery keeps what can be kept.
		next := int64(0)
		for rest := content; len(rest) > 0; {
			b, after, err := record.Next(rest)
			if err != nil {
				break
			}
			if b.BaseOffset() < next || b.BaseOffset() > 1<<40 {
				b.SetBaseOffset(next)
			}
			b.SetLeaderEpoch(0)
			b.SetCRC()
			next = b.NextOffset()
			rest = after
		}
		fs := vfs.NewMem()
		if err := fs.MkdirAll(testDir, dirMode); err != nil {
			t.Fatal(err)
		}
		if err := writeIndexFile(fs, fs.PathJoin(testDir, fileName(0, suffixLog)), bytes.Clone(content)); err != nil {
			t.Fatal(err)
		}
		opts := Options{FS: fs}
		compacted(&opts)
		l, err := Open(testDir, opts)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		end := l.EndOffset()
		if err := l.Roll(); err != nil {
			t.Fatal(err)
		}
		for pass := range 3 {
			stats, err := l.Clean(context.Background(), CleanOptions{Now: testNow.AddDate(0, 0, pass), HighWatermark: end})
			if err != nil && !errors.Is(err, record.ErrTooLarge) {
				t.Fatalf("%v %+v", err, stats)
			}
			for at := l.StartOffset(); at < end; {
				span, err := l.Read(at, 1, true, end)
				if err != nil {
					t.Fatal(err)
				}
				if len(span.Bytes) == 0 {
					break
				}
				if span.NextOffset <= at {
					t.Fatalf("no progress at %d", at)
				}
				at = span.NextOffset
				span.Release()
			}
			if err := l.noteCleaned(0); err != nil {
				t.Fatal(err)
			}
		}
		if again, err := Open(testDir, opts); err != nil || again.EndOffset() != end {
			t.Fatalf("%v, end %d", err, end)
		}
	})
}
