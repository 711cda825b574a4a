package log

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/freshetdb/freshet/storage/vfs"
)

// TestEveryFault makes each operation on the disk of each way to change a log fail in turn. What was said to be done holds after a power cut; what
// was not leaves a log that opens and has every record that nobody asked to remove.
func TestEveryFault(t *testing.T) {
	const records = 40
	for _, step := range []struct {
		name string
		do   func(l *Log) error
		// done tells what must hold in a log opened after a power cut, when do had no error.
		done func(l *Log) bool
		// from and to are the records that must be there whatever happened.
		from, to int64
	}{
		{"delete records", func(l *Log) error { return l.DeleteTo(25) }, func(l *Log) bool { return l.StartOffset() == 25 }, 25, records},
		{"truncate", func(l *Log) error { return l.TruncateTo(15) }, func(l *Log) bool { return l.EndOffset() == 15 }, 0, 15},
		{"truncate in the last segment", func(l *Log) error { return l.TruncateTo(records - 1) }, func(l *Log) bool { return l.EndOffset() == records-1 }, 0, records - 1},
		{"truncate everything", func(l *Log) error { return l.TruncateTo(0) }, func(l *Log) bool { return l.EndOffset() == 0 }, 0, 0},
		{"restart beyond", func(l *Log) error {
			if err := l.DeleteTo(20); err != nil {
				return err
			}
			return l.TruncateTo(5)
		}, func(l *Log) bool { return l.StartOffset() == 5 && l.EndOffset() == 5 }, 0, 0},
		{"roll", func(l *Log) error { return l.Roll() }, func(*Log) bool { return true }, 0, records},
		{"close", func(l *Log) error { return l.Close() }, func(*Log) bool { return true }, 0, records},
		{"retain", func(l *Log) error {
			_, err := l.Retain(testNow.AddDate(0, 1, 0), records)
			return err
		}, func(l *Log) bool { return l.StartOffset() == records }, records, records},
		{"leader epoch", func(l *Log) error { return l.AssignEpoch(7) }, func(*Log) bool { return true }, 0, records},
	} {
		t.Run(step.name, func(t *testing.T) {
			for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
				for n := 1; ; n++ {
					disk := vfs.NewCrashableMem()
					if err := vfs.MkdirAll(disk, "data", dirMode); err != nil {
						t.Fatal(err)
					}
					var f faults
					l := openTest(t, vfs.Inject(disk, f.fault), func(o *Options) { o.Config.SegmentBytes, o.Config.IndexInterval = 600, 100 })
					for i := range records {
						appendOne(t, l, batchOf(t, testNow.UnixMilli(), fmt.Sprint("value", i)))
					}
					if _, err := l.Sync(); err != nil {
						t.Fatal(err)
					}
					count, failed := 0, false
					f.set(func(op vfs.Op) error {
						switch op.Kind {
						case vfs.OpCreate, vfs.OpRename, vfs.OpRemove, vfs.OpFileWrite, vfs.OpFileWriteAt, vfs.OpFileSync, vfs.OpFileSyncData:
							if count++; count == n {
								failed = true
								return fmt.Errorf("injected: %w", cause)
							}
						}
						return nil
					})
					err := step.do(l)
					f.set(nil)
					rng := rand.New(rand.NewPCG(uint64(n), 1))
					for _, percent := range []int{0, 50, 100} {
						again, openErr := Open(testDir, Options{FS: vfs.Crash(disk, percent, rng), Config: l.Config()})
						if openErr != nil {
							t.Fatalf("operation %d %v (%v): %v", n, cause, err, openErr)
						}
						if err == nil && !step.done(again) {
							t.Fatalf("operation %d %v: not done: [%d, %d)", n, cause, again.StartOffset(), again.EndOffset())
						}
						if step.to > step.from && (again.StartOffset() > step.from || again.EndOffset() < step.to) {
							t.Fatalf("operation %d %v (%v): [%d, %d) is left", n, cause, err, again.StartOffset(), again.EndOffset())
						}
						readAll(t, again, again.StartOffset(), 100)
					}
					if !failed {
						break
					}
				}
			}
		})
	}
}

// TestFilesGoLater: what retention ends is renamed, and removed when its time has come.
func TestFilesGoLater(t *testing.T) {
	fs := vfs.NewMem()
	l := openTest(t, fs, func(o *Options) { o.Config.SegmentBytes, o.Config.FileDeleteDelay = 200, time.Minute })
	for i := range 20 {
		appendOne(t, l, batchOf(t, testNow.UnixMilli(), fmt.Sprint("value", i)))
	}
	if err := l.DeleteTo(15); err != nil {
		t.Fatal(err)
	}
	doomed := func() (n int) {
		names, err := fs.List(testDir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if hasSuffix(name, suffixDeleted) {
				n++
			}
		}
		return n
	}
	first := doomed()
	for _, step := range []struct {
		after time.Duration
		left  bool
	}{{0, true}, {30 * time.Second, true}, {time.Minute, false}} {
		if _, err := l.Retain(testNow.Add(step.after), 0); err != nil {
			t.Fatal(err)
		}
		if n := doomed(); (n > 0) != step.left || first == 0 {
			t.Fatalf("after %v: %d of %d files", step.after, n, first)
		}
	}
}
