package task

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/state"
	"github.com/freshetdb/freshet/storage/vfs"
)

const (
	dumpSuffix = ".dump"
	tempSuffix = ".tmp"
	// dumpsKept is how many dumps stay: a bad one falls back to the one before.
	dumpsKept = 2
	// dumpAfterBytes is Env.DumpBytes' default: how much changelog must have been written before a dump is worth its while.
	dumpAfterBytes = 64 << 20
	dumpBuffer     = 1 << 20
)

// dumper writes a task's state to files beside the log, so that a restart need not replay the whole changelog. It works in a
// goroutine of its own; the store lets it copy one group at a time between chunks.
type dumper struct {
	task  *Task
	dir   string
	after int64 // bytes of changelog between two dumps

	mu      sync.Mutex
	running bool              // guarded by mu
	closed  bool              // guarded by mu
	wg      sync.WaitGroup    // of the goroutine
	seq     uint64            // guarded by mu: of the newest dump
	bytes   int64             // guarded by mu: its size; what a restart replays is at most about as much again
	from    []state.Positions // guarded by mu: of the dumps on disk, oldest first, as far as this life has made them
}

func newDumper(t *Task) *dumper {
	d := &dumper{task: t, dir: t.env.FS.PathJoin(t.env.Dir, t.spec.Group()), after: t.env.DumpBytes}
	if d.after <= 0 {
		d.after = dumpAfterBytes
	}
	return d
}

// consider starts a dump when enough has been written since the last.
func (d *dumper) consider() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running || d.closed {
		return
	}
	if !d.task.change.takeWritten(max(d.after, d.bytes)) {
		return
	}
	d.running = true
	d.seq++
	seq, at := d.seq, d.task.change.positions()
	d.wg.Go(func() { d.run(seq, at) })
}

// run writes one dump. at is where the changelog stood when it began: whatever lies below is in the dump.
func (d *dumper) run(seq uint64, at state.Positions) {
	began := d.task.env.Now()
	bytes, err := d.write(seq)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = false
	if err != nil {
		if !errors.Is(err, state.ErrClosed) {
			d.task.log.Warn("state dump failed, the changelog is kept", "err", err)
		}
		return
	}
	d.task.log.Info("state dumped", "seq", seq, "took_ms", d.task.env.Now().Sub(began).Milliseconds())
	d.from, d.bytes = append(d.from, at), bytes
	d.trim()
}

func (d *dumper) write(seq uint64) (bytes int64, err error) {
	fsys := d.task.env.FS
	if err := vfs.MkdirAll(fsys, d.dir, 0o755); err != nil {
		return 0, err
	}
	name := fsys.PathJoin(d.dir, fmt.Sprintf("%020d%s", seq, dumpSuffix))
	f, err := fsys.Create(name+tempSuffix, vfs.Category)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(f, dumpBuffer)
	err = d.task.store.Dump(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if info, serr := f.Stat(); serr == nil {
		bytes = info.Size()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = fsys.Rename(name+tempSuffix, name)
	}
	if err != nil {
		return 0, errors.Join(err, fsys.Remove(name+tempSuffix))
	}
	return bytes, vfs.SyncDir(fsys, d.dir)
}

// trim deletes dumps beyond the kept ones and the changelog that no kept dump needs. Called with mu held.
func (d *dumper) trim() {
	names, err := d.list()
	if err != nil {
		d.task.log.Warn("cannot list dumps", "err", err)
		return
	}
	for len(names) > dumpsKept {
		if err := d.task.env.FS.Remove(d.task.env.FS.PathJoin(d.dir, names[0])); err != nil {
			d.task.log.Warn("cannot remove an old dump", "err", err)
			return
		}
		names = names[1:]
	}
	if len(d.from) < dumpsKept {
		return
	}
	d.from = d.from[len(d.from)-dumpsKept:]
	ctx := context.Background() //nolint:forbidigo // the dump's own goroutine: whoever closes the task waits for it
	for p, before := range d.from[0] {
		tp := client.TopicPartition{Topic: d.task.spec.Changelog(), Partition: int32(p)}
		if err := d.task.env.Client.DeleteRecords(ctx, tp, before); err != nil {
			d.task.log.Warn("cannot trim the changelog", "err", err)
			return
		}
	}
}

// list gives the names of complete dumps, oldest first.
func (d *dumper) list() ([]string, error) {
	all, err := d.task.env.FS.List(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := all[:0]
	for _, name := range all {
		if strings.HasSuffix(name, dumpSuffix) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names, nil
}

// load reads the newest good dump into the task's empty store; zero positions when there is none.
func (d *dumper) load() (state.Positions, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	names, err := d.list()
	if err != nil {
		return state.Positions{}, err
	}
	if n := len(names); n > 0 {
		d.seq, _ = strconv.ParseUint(strings.TrimSuffix(names[n-1], dumpSuffix), 10, 64)
	}
	for _, name := range slices.Backward(names) {
		at, err := d.read(name)
		if err == nil {
			d.from = []state.Positions{at}
			return at, nil
		}
		d.task.log.Warn("dump refused, trying the one before", "name", name, "err", err)
	}
	return state.Positions{}, nil
}

func (d *dumper) read(name string) (state.Positions, error) {
	f, err := d.task.env.FS.Open(d.task.env.FS.PathJoin(d.dir, name))
	if err != nil {
		return state.Positions{}, err
	}
	defer func() { _ = f.Close() }()
	return d.task.store.Load(bufio.NewReaderSize(io.Reader(f), dumpBuffer))
}

// close keeps new dumps from starting and waits for a running one.
func (d *dumper) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.wg.Wait()
}
