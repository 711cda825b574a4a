package log

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/freshetdb/freshet/storage/vfs"
)

const (
	// evictShare of the bound is closed at a time, so that a stream of openings looks for files to close now and then only.
	evictShare = 16
	// heldShare of the bound may be held by spans, whose readers may be slow; beyond it runs are read into memory.
	heldShare = 2
	// roomTries is how often room is looked for before the bound gives way: by closing, and again after a sync.
	roomTries = 2
)

// OpenFiles bounds how many segment files the logs of a node have open. When it is reached, those longest unused are closed; when everything
// that is not in use has unsynced appends, those are synced first, since a closed file can't tell of a failed write any more. Files in
// use are never closed, so the bound gives way to more users than it has files; spans don't take more than half. It is safe for
// concurrent use, and nil bounds nothing.
type OpenFiles struct {
	limit int
	count atomic.Int64
	held  atomic.Int64 // by spans

	making sync.Mutex // held by the one who makes room

	mu sync.Mutex
	// guards:
	open []*segment // in any order; a segment knows its place, which is guarded here too
	hand int        // where the next search begins
}

// NewOpenFiles makes a bound of limit files, at least one.
func NewOpenFiles(limit int) *OpenFiles { return &OpenFiles{limit: max(limit, 1)} }

// Limit is the bound.
func (f *OpenFiles) Limit() int { return f.limit }

// Count is how many segment files are open.
func (f *OpenFiles) Count() int { return int(f.count.Load()) }

// opened and closed keep the list. The segment's lock is held.
func (f *OpenFiles) opened(s *segment) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = append(f.open, s)
	s.place = len(f.open)
	f.count.Add(1)
}

func (f *OpenFiles) closed(s *segment) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.place == 0 {
		return
	}
	last := len(f.open) - 1
	moved := f.open[last]
	f.open[s.place-1], moved.place = moved, s.place
	f.open[last] = nil
	f.open, s.place = f.open[:last], 0
	f.count.Add(-1)
}

// hold counts a span that keeps a file, and let go one that does no more.
func (f *OpenFiles) hold(n int64) {
	if f != nil {
		f.held.Add(n)
	}
}

// crowded tells whether spans hold as many files as they may.
func (f *OpenFiles) crowded() bool {
	return f != nil && f.held.Load() >= int64(f.limit/heldShare)
}

// room closes files when the bound is reached, so that one more may be opened. The caller holds no segment's lock and no Log.mu; it may
// hold an append lock, whose log's active segment is left alone.
func (f *OpenFiles) room() {
	if f == nil {
		return
	}
	for range roomTries {
		if f.Count() < f.limit {
			return
		}
		for _, s := range f.makeRoom() {
			s.log.confirm(s.segment, s.end)
		}
	}
}

// makeRoom closes what may be closed. When that isn't enough it syncs what may not and returns it, to be confirmed.
func (f *OpenFiles) makeRoom() []syncedSegment {
	f.making.Lock()
	defer f.making.Unlock()
	target := f.limit - 1 - f.limit/evictShare
	candidates := f.candidates()
	var unsynced []*segment
	for _, unusedSince := range []bool{true, false} { // first those not used since the last search
		unsynced = unsynced[:0]
		for _, s := range candidates {
			if f.Count() <= target {
				return nil
			}
			if s.tryClose(unusedSince) {
				unsynced = append(unsynced, s)
			}
		}
		if f.Count() < f.limit {
			return nil
		}
	}
	return syncSegments(unsynced)
}

// candidates are the open segments, in the order in which they are looked at.
func (f *OpenFiles) candidates() []*segment {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hand >= len(f.open) {
		f.hand = 0
	}
	out := slices.Concat(f.open[f.hand:], f.open[:f.hand])
	f.hand += f.limit/evictShare + 1
	return out
}

// tryClose closes the file unless it is in use or has unsynced appends, which it tells; with unusedSince also unless it was used since the
// last call. It waits for nobody.
func (s *segment) tryClose(unusedSince bool) (unsynced bool) {
	if !s.mu.TryLock() {
		return false
	}
	defer s.mu.Unlock()
	if s.file == nil || s.users > 0 {
		return false
	}
	if unusedSince && s.recent {
		s.recent = false
		return false
	}
	if s.active {
		if !s.log.appendMu.TryLock() {
			return false
		}
		defer s.log.appendMu.Unlock()
		if s.log.cut {
			return false
		}
		if s.log.synced.Load() < s.next {
			return true
		}
	}
	s.closeIfUnused(true)
	return false
}

// syncedSegment is an active segment that was synced, up to an offset.
type syncedSegment struct {
	log     *Log
	segment *segment
	end     int64
	file    vfs.File
}

// syncSegments syncs active segments whose files are open, together when they are many, and gives those it did.
func syncSegments(segments []*segment) []syncedSegment {
	var taken []syncedSegment
	for _, s := range segments {
		if t, ok := s.takeToSync(); ok {
			taken = append(taken, t)
		}
	}
	if len(taken) == 0 {
		return nil
	}
	defer func() {
		for _, t := range taken {
			t.segment.release()
		}
	}()
	if len(taken) > syncFilesMax {
		switch done, err := vfs.SyncFS(taken[0].file); {
		case err != nil:
			_ = taken[0].log.killed(err) // kept, logged and told to everybody concerned
			return nil
		case done:
			for _, t := range taken {
				t.log.fresh.Store(false)
			}
			return taken
		}
	}
	var synced []syncedSegment
	for _, t := range taken {
		if err := errors.Join(t.file.SyncData(), t.log.settle()); err != nil {
			_ = t.log.killed(err)
			return synced
		}
		synced = append(synced, t)
	}
	return synced
}

// takeToSync makes the caller a user of an active segment's file that is open; what is written so far ends at end.
func (s *segment) takeToSync() (t syncedSegment, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil || s.gone || !s.active {
		return t, false
	}
	s.users++
	return syncedSegment{log: s.log, segment: s, end: s.next, file: s.file}, true
}
