package log

import (
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/freshetdb/freshet/storage/vfs"
)

// closeParallel is how many logs CloseAll works on at once.
const closeParallel = 8

// Close writes indexes and producer state, syncs and closes. It is idempotent. Spans stay valid; later calls answer ErrClosed.
func (l *Log) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	defer l.interruptCleaning()()
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	var err error
	if l.savable() {
		err = l.writeClean()
	}
	l.forget()
	return err
}

// savable tells whether there is something on disk, and a disk, to write a last state to.
func (l *Log) savable() bool {
	return l.made && (l.syncer == nil || l.syncer.Err() == nil) && l.dead.Load() == nil
}

// unsaved tells whether the log holds what the next Open of a clean directory would miss. l.appendMu is held.
func (l *Log) unsaved() bool { return l.saved != l.end.Load() || l.cut }

// writeClean writes everything that lets the next Open trust the active segment.
func (l *Log) writeClean() error {
	if !l.unsaved() {
		return nil
	}
	if err := l.cutTail(); err != nil {
		return err
	}
	if err := l.active().seal(); err != nil {
		return l.killed(err)
	}
	end := l.end.Load()
	if err := l.writeSnapshot(end); err != nil {
		return err
	}
	if err := l.saveEpochs(l.epochs); err != nil {
		return err
	}
	if err := l.settle(); err != nil {
		return l.killed(err)
	}
	l.confirm(l.active(), end)
	return nil
}

// forget gives back files and memory.
func (l *Log) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		s.retire()
	}
	l.dropTail(0)
	if l.syncer != nil {
		l.syncer.remove(l)
	}
}

// CloseAll closes the logs whose directories lie in dir, as Close does each. Many of them are made durable together where the system
// can sync a whole disk: ten thousand cost two syncs then, not forty thousand. Without an error every log is saved.
func CloseAll(fs vfs.FS, dir string, logs []*Log) error {
	if len(logs) > syncFilesMax {
		if done, err := closeTogether(fs, dir, logs, closeParallel); done {
			return err
		}
	}
	return forAll(logs, closeParallel, (*Log).Close)
}

// forAll calls f for each log, several at once, and gives one of the errors.
func forAll(logs []*Log, parallel int, f func(*Log) error) error {
	var g errgroup.Group
	g.SetLimit(parallel)
	for _, l := range logs {
		g.Go(func() error { return f(l) })
	}
	return g.Wait()
}

// closeTogether is CloseAll by syncs of the whole disk; done is false, and nothing has happened, where that cannot be.
func closeTogether(fs vfs.FS, dir string, logs []*Log, parallel int) (done bool, err error) {
	disk, err := fs.OpenDir(dir)
	if err != nil {
		return true, closeDead(logs, fmt.Errorf("close logs: %w", err))
	}
	defer func() { _ = disk.Close() }()
	// The records first, which also tells whether the system can; what is written then is small.
	if done, err = vfs.SyncFS(disk); !done || err != nil {
		if err != nil {
			return true, closeDead(logs, err)
		}
		return false, nil
	}
	failed := forAll(logs, parallel, (*Log).writeLast)
	if _, err = vfs.SyncFS(disk); err != nil {
		return true, closeDead(logs, err)
	}
	if err := forAll(logs, parallel, (*Log).closeSaved); failed == nil {
		failed = err
	}
	return true, failed
}

// closeDead closes logs whose disk failed.
func closeDead(logs []*Log, cause error) error {
	return forAll(logs, closeParallel, func(l *Log) error {
		err := l.killed(cause)
		l.closed.Store(true)
		_ = l.closeSaved() // what could not be saved is in err
		return err
	})
}

// writeLast ends appends and writes what Close writes, unsynced. Until the sync a power cut may leave each of these files torn: the next
// start, which finds no mark of a clean shutdown, takes none of them on trust. For a short active segment nothing is written: to read it
// again costs the next Open no more than to read what describes it.
func (l *Log) writeLast() error {
	if l.closed.Swap(true) {
		return nil // closed by somebody else
	}
	defer l.interruptCleaning()()
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if !l.savable() || !l.unsaved() {
		return nil
	}
	if err := l.cutTail(); err != nil {
		return err
	}
	if l.active().size <= unindexedBytes {
		return l.leaveUnsaved()
	}
	if err := l.active().sealUnsynced(); err != nil {
		return l.refused(err)
	}
	if err := l.writeLastSnapshot(l.end.Load()); err != nil {
		return err
	}
	if l.keeping {
		return l.saveEpochs(l.epochs) // durably: unlike a first one, a file that is replaced may hold what the records do not
	}
	return l.refused(writeUnsynced(l.fs, l.fs.PathJoin(l.dir, fileEpochs), l.epochs.encode()))
}

// leaveUnsaved sees to it that the next Open reads the active segment: a snapshot of its end, which says that indexes are to be
// believed, can only be one from before a crash.
func (l *Log) leaveUnsaved() error {
	end := l.end.Load()
	at := slices.Index(l.snapshots, end)
	if at < 0 || end == l.active().base {
		return nil
	}
	if err := l.removeSnapshot(end); err != nil {
		return err
	}
	l.snapshots = slices.Delete(l.snapshots, at, at+1)
	return nil
}

// writeLastSnapshot is writeSnapshot without a sync, but for the snapshot that a recovery would begin with.
func (l *Log) writeLastSnapshot(end int64) error {
	if end == l.active().base {
		return l.writeSnapshot(end)
	}
	snapshot := l.producers.encode()
	if batches := l.producers.encodeBatches(snapshot); batches != nil {
		if err := writeUnsynced(l.fs, l.fs.PathJoin(l.dir, fileName(end, suffixBatches)), batches); err != nil {
			return l.refused(err)
		}
	}
	if err := writeUnsynced(l.fs, l.fs.PathJoin(l.dir, fileName(end, suffixSnapshot)), snapshot); err != nil {
		return l.refused(err)
	}
	if !slices.Contains(l.snapshots, end) {
		l.snapshots = append(l.snapshots, end)
	}
	return l.pruneSnapshots(end)
}

// closeSaved ends a log after the sync that followed writeLast, unless that is not known to have happened.
func (l *Log) closeSaved() error {
	l.appendMu.Lock()
	defer l.appendMu.Unlock()
	if l.savable() {
		l.fresh.Store(false)
		l.confirm(l.active(), l.end.Load())
	}
	l.forget()
	return nil
}
