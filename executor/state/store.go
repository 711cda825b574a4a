package state

import (
	"slices"
	"sync"
)

const (
	// Groups is the number of hash groups of a query's state.
	Groups = 128
	// ChangelogPartitions is the number of partitions of a state's changelog; a group's partition is group / 16.
	ChangelogPartitions = 8

	groupsPerPartition = Groups / ChangelogPartitions
)

// Positions are places in a changelog, one a partition: the offset after the last record applied.
type Positions [ChangelogPartitions]int64

// Options describes a store.
type Options struct {
	Budget *Budget // nil: unlimited
}

// Store is the state of one task.
type Store struct {
	budget *Budget // the store's own count, under the caller's limit

	mu        sync.Mutex // the chunk lock; guards everything below and the tables
	closed    bool
	tables    []*Table
	rows      map[string]*RowTable
	committed uint64
	positions Positions      // of the changelog as of committed
	pins      map[uint64]int // snapshots by epoch
	scratch   []byte
	order     []uint32
	value     []byte
}

// NewStore makes an empty store.
func NewStore(opts Options) *Store {
	return &Store{budget: &Budget{parent: opts.Budget}, rows: map[string]*RowTable{}, pins: map[uint64]int{}}
}

// Lock takes the chunk lock: around Push, Advance and Barrier of the task's operators.
func (s *Store) Lock() { s.mu.Lock() }

// Unlock gives the chunk lock back.
func (s *Store) Unlock() { s.mu.Unlock() }

// CommittedEpoch is the last committed epoch, 0 before the first.
func (s *Store) CommittedEpoch() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.committed
}

// Bytes is the memory the store holds.
func (s *Store) Bytes() int64 { return s.budget.Used() }

// Dirty is the number of keys changed in the open epoch so far.
func (s *Store) Dirty() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.tables {
		n += int(t.undo.head - t.undo.open())
	}
	return n
}

// seal ends the open epoch under a number.
func (s *Store) seal(epoch uint64) {
	for _, t := range s.tables {
		if t.NoUndo {
			continue
		}
		t.undo.seal(epoch)
		t.from = t.undo.open()
		for i := range t.dropped {
			if t.dropped[i].epoch == 0 {
				t.dropped[i].epoch = epoch
			}
		}
	}
}

// Committed says that the sealed epochs up to epoch are durable; at, when not nil, is where the changelog stands after it. Undo lists
// that no snapshot needs are dropped.
func (s *Store) Committed(epoch uint64, at *Positions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed = max(s.committed, epoch)
	if at != nil {
		s.positions = *at
	}
	s.dropUndo()
}

// dropUndo forgets what neither an abort nor a snapshot can ask for.
func (s *Store) dropUndo() {
	if s.closed {
		return
	}
	floor := s.committed
	for epoch := range s.pins {
		floor = min(floor, epoch)
	}
	for _, t := range s.tables {
		t.dropUndo(floor)
	}
}

func (t *Table) dropUndo(floor uint64) {
	var visit func(e []uint64)
	if len(t.ArenaWords) > 0 {
		visit = t.freeOld
	}
	t.undo.drop(floor, visit)
	kept := t.dropped[:0]
	for _, d := range t.dropped {
		if d.epoch != 0 && d.epoch <= floor {
			t.freeBucket(d.b)
			continue
		}
		kept = append(kept, d)
	}
	clear(t.dropped[len(kept):])
	t.dropped = kept
}

// freeOld gives back the arena values of an undo entry that nobody needs any more.
func (t *Table) freeOld(e []uint64) {
	if e[1]&slotPresent == 0 {
		return
	}
	arena := t.groups[e[0]>>32].bucket.arena
	for _, w := range t.ArenaWords {
		arena.Free(e[undoHead+w])
	}
}

// Rollback returns to the last committed epoch: an aborted commit, with whatever ran after it. Operators keep no state outside
// the store that outlives a chunk, so they can go on.
func (s *Store) Rollback() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	for _, t := range s.tables {
		t.rollback(s.committed)
	}
}

func (t *Table) rollback(committed uint64) {
	if t.NoUndo {
		return
	}
	cut := t.undo.cutoff(committed)
	for seq := t.undo.head; seq > cut; seq-- {
		t.undoEntry(t.undo.at(seq - 1))
	}
	t.undo.truncate(cut, committed)
	t.from = t.undo.open()
	for i, d := range slices.Backward(t.dropped) {
		if d.epoch != 0 && d.epoch <= committed {
			break
		}
		if b := t.buckets[d.b.key]; b != nil { // made after the drop: nothing of it is left
			t.freeBucket(b)
		}
		t.buckets[d.b.key] = d.b
		t.dropped = t.dropped[:i]
	}
	t.last = nil
}

// undoEntry sets a slot back.
func (t *Table) undoEntry(e []uint64) {
	g := t.groups[e[0]>>32]
	slot := g.slot(t, uint32(e[0]))
	if slot[0]&slotPresent != 0 {
		g.live--
		for _, w := range t.ArenaWords {
			g.bucket.arena.Free(slot[t.value+w])
		}
	}
	slot[0] = e[1]
	copy(slot[t.value:], e[undoHead:])
	if slot[0]&slotPresent != 0 {
		g.live++
	}
}

// Close frees everything. Snapshots still pinned answer ErrClosed from then on.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.clear()
}

// clear empties every table.
func (s *Store) clear() {
	for _, t := range s.tables {
		for _, b := range t.buckets {
			t.freeBucket(b)
		}
		for _, d := range t.dropped {
			t.freeBucket(d.b)
		}
		t.undo.release()
		t.undo = newUndoLog(t.ValueWords, s.budget)
		if !t.NoUndo {
			t.from = t.undo.open()
		}
		t.buckets, t.dropped, t.last, t.groups, t.freeIDs = map[int64]*bucket{}, nil, nil, nil, nil
	}
}
