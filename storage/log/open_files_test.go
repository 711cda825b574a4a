package log

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/freshetdb/freshet/storage/vfs"
)

// countFS counts the segment files that are open.
type countFS struct {
	vfs.FS
	open, most atomic.Int64
}

type countedFile struct {
	vfs.File
	fs *countFS
}

func (f countedFile) Close() error {
	f.fs.open.Add(-1)
	return f.File.Close()
}

func (c *countFS) counted(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil || !hasSuffix(name, suffixLog) {
		return f, err
	}
	n := c.open.Add(1)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
	return countedFile{f, c}, nil
}

func (c *countFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := c.FS.Open(name, opts...)
	return c.counted(name, f, err)
}

func (c *countFS) OpenReadWrite(name string, category vfs.WriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := c.FS.OpenReadWrite(name, category, opts...)
	return c.counted(name, f, err)
}

const (
	fileBound = 8
	fileLogs  = 40
)

// fileRun is more logs than files may be open.
type fileRun struct {
	t      *testing.T
	mem    *vfs.MemFS
	fs     *countFS
	files  *OpenFiles
	syncer *Syncer
	logs   []*Log
}

func newFileRun(t *testing.T) *fileRun {
	r := &fileRun{t: t, mem: vfs.NewCrashableMem(), files: NewOpenFiles(fileBound), syncer: NewSyncer(SyncerOptions{})}
	if err := vfs.MkdirAll(r.mem, "data", dirMode); err != nil {
		t.Fatal(err)
	}
	r.fs = &countFS{FS: r.mem}
	for i := range fileLogs {
		l, err := Open(closeDir(i), r.options())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		r.logs = append(r.logs, l)
	}
	return r
}

func (r *fileRun) options() Options {
	o := Options{FS: r.fs, Files: r.files, Syncer: r.syncer, Config: DefaultConfig(), Lazy: true, TailBytes: 1}
	o.Config.SegmentBytes, o.Config.IndexInterval = 30_000, 1000
	return o
}

func (r *fileRun) append(i int) error {
	group := []Entry{{Batch: batchOf(r.t, testNow.UnixMilli(), string(bytes.Repeat([]byte{byte(i)}, 5000)))}}
	if err := r.logs[i].Append(group, 0, testNow); err != nil {
		return err
	}
	return group[0].Err
}

// read reads a log from its start and checks what it finds.
func (r *fileRun) read(i int) error {
	l := r.logs[i]
	for at := int64(0); at < l.EndOffset(); {
		span, err := l.Read(at, 1, true, l.EndOffset())
		if err != nil {
			return err
		}
		if len(span.Bytes) < 5000 || span.Bytes[len(span.Bytes)-2] != byte(i) || span.NextOffset != at+1 {
			return fmt.Errorf("log %d at %d: %d bytes", i, at, len(span.Bytes))
		}
		at = span.NextOffset
		span.Release()
	}
	return nil
}

// TestOpenFilesBound writes and reads many logs with few files, nobody syncing: what is closed was synced.
func TestOpenFilesBound(t *testing.T) {
	r := newFileRun(t)
	for range 15 {
		for i := range r.logs {
			if err := r.append(i); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range r.logs {
		if err := r.read(i); err != nil {
			t.Fatal(err)
		}
	}
	if most := r.fs.most.Load(); most > fileBound {
		t.Errorf("%d files were open, the bound is %d", most, fileBound)
	}
	if int(r.fs.open.Load()) != r.files.Count() {
		t.Errorf("%d files are open, %d are known", r.fs.open.Load(), r.files.Count())
	}
	disk := vfs.Crash(r.mem, 0, rand.New(rand.NewPCG(1, 1)))
	for i, l := range r.logs {
		again, err := Open(closeDir(i), Options{FS: disk, Config: l.Config()})
		if err != nil {
			t.Fatal(err)
		}
		if again.EndOffset() < l.SyncedOffset() || l.SyncedOffset() == 0 {
			t.Errorf("log %d: %d is left, %d was said to be synced", i, again.EndOffset(), l.SyncedOffset())
		}
	}
	for _, l := range r.logs {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if r.fs.open.Load() != 0 || r.files.Count() != 0 {
		t.Errorf("%d files are open after the end, %d are known", r.fs.open.Load(), r.files.Count())
	}
}

// TestOpenFilesTogether appends, reads, syncs and forgets from several goroutines.
func TestOpenFilesTogether(t *testing.T) {
	r := newFileRun(t)
	ctx, cancel := context.WithCancel(t.Context())
	var syncing sync.WaitGroup
	syncing.Go(func() { _ = r.syncer.Run(ctx) })
	const workers = 6
	var work sync.WaitGroup
	for w := range workers {
		work.Go(func() {
			rng := rand.New(rand.NewPCG(3, uint64(w)))
			for range 300 {
				i := rng.IntN(len(r.logs))
				var err error
				switch rng.IntN(5) {
				case 0:
					err = r.read(i)
				case 1:
					err = r.syncer.Wait(ctx, r.logs[i], r.logs[i].EndOffset())
				case 2:
					_, err = r.logs[i].Retain(testNow, 0)
				default:
					err = r.append(i)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	cancel()
	syncing.Wait()
	if most := r.fs.most.Load(); most > fileBound+workers+1 {
		t.Errorf("%d files were open, the bound is %d", most, fileBound)
	}
	for i := range r.logs {
		if err := r.read(i); err != nil {
			t.Error(err)
		}
	}
}

// TestOpenFilesHeld: files that spans hold stay open, and no more than half of the bound are held.
func TestOpenFilesHeld(t *testing.T) {
	r := newFileRun(t)
	var held []Span
	for i := range r.logs {
		b := batchOf(t, testNow.UnixMilli(), string(bytes.Repeat([]byte{byte(i)}, 2*rangeMin)))
		group := []Entry{{Batch: b}}
		if err := r.logs[i].Append(group, 0, testNow); err != nil || group[0].Err != nil {
			t.Fatal(err, group[0].Err)
		}
		span, err := r.logs[i].ReadRange(0, 1<<20, 1<<20, true, 1)
		if err != nil || span.Len() == 0 {
			t.Fatal(span, err)
		}
		held = append(held, span)
	}
	ranges := 0
	for i := range held {
		span := &held[i]
		content := span.Bytes
		if span.File != nil {
			ranges++
			content = make([]byte, span.Len())
			if _, err := span.File.ReadAt(content, span.Pos); err != nil {
				t.Fatal(err)
			}
		}
		if content[len(content)-2] != byte(i) {
			t.Fatalf("span %d holds something else", i)
		}
		span.Release()
	}
	if ranges > fileBound/heldShare {
		t.Errorf("%d files held, the bound is %d", ranges, fileBound)
	}
	if r.files.held.Load() != 0 {
		t.Errorf("%d files held after the end", r.files.held.Load())
	}
}
