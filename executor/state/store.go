package state

import (
	"io"

	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

const (
	// Groups is the number of hash groups of a query's state.
	Groups = 128
	// ChangelogPartitions is the number of partitions of a state's changelog; a group's partition is group / 16.
	ChangelogPartitions = 8
)

// Positions are places in a changelog, one a partition: the offset after the last record applied.
type Positions [ChangelogPartitions]int64

// ChangelogWriter takes the records that make an epoch durable. key and value are views, valid during the call; a nil value is
// a tombstone. Changelogs are cut by dumps (delete records below a dump's positions), never compacted by time.
type ChangelogWriter interface {
	Write(partition int32, key, value []byte) error
}

// Options describes a store.
type Options struct {
	Budget *Budget // nil: unlimited
}

// Store is the state of one task.
type Store struct{}

// NewStore makes an empty store.
func NewStore(opts Options) *Store { return nil }

// Lock takes the chunk lock: around Push, Advance and Barrier of the task's operators.
func (s *Store) Lock() {}

// Unlock gives the chunk lock back.
func (s *Store) Unlock() {}

// DirtyInto writes the whole values of the keys changed in the open epoch (tombstones for removed ones) and seals the epoch
// under the number epoch: later changes belong to the next one. w nil: nothing is written. After an error the caller must Rollback.
func (s *Store) DirtyInto(epoch uint64, w ChangelogWriter) error { return nil }

// Restore applies one changelog record. Only before the first epoch, or on a standby.
func (s *Store) Restore(key, value []byte) error { return nil }

// Committed says that the sealed epochs up to epoch are durable; at, when not nil, is where the changelog stands after it. Undo lists
// that no snapshot needs are dropped.
func (s *Store) Committed(epoch uint64, at *Positions) {}

// CommittedEpoch is the last committed epoch, 0 before the first.
func (s *Store) CommittedEpoch() uint64 { return 0 }

// Rollback returns to the last committed epoch: an aborted commit, with whatever ran after it. Operators keep no state outside
// the store, but what they hold back in memory (touched lists) is in the store too, so they can go on.
func (s *Store) Rollback() {}

// Dump writes the state as of the last commit, one group at a time, taking the chunk lock for a group's copy only.
func (s *Store) Dump(w io.Writer) error { return nil }

// Load reads a dump into an empty store whose tables have been made, and tells from where to replay the changelog. Errors: ErrCorrupt,
// ErrLayout (made by another plan: rebuild from input); the store is then empty again.
func (s *Store) Load(r io.Reader) (Positions, error) { return Positions{}, nil }

// Bytes is the memory the store holds.
func (s *Store) Bytes() int64 { return 0 }

// Close frees everything. Snapshots still pinned answer ErrClosed from then on.
func (s *Store) Close() {}

// RowTable finds a table made with Store.RowTable by its name.
func (s *Store) FindRows(name string) (*RowTable, bool) { return nil, false }

// RowLayout describes a RowTable.
type RowLayout struct {
	Name    string // unique in the store, stable over restarts
	Columns types.Columns
	Key     []int // of Columns
	// WindowColumn is the column (TIMESTAMP us or BIGINT ms) that holds the window start, part of the key, -1: none; BucketMS is the width of the buckets
	// in which old windows are dropped.
	WindowColumn int
	BucketMS     int64
}

// RowTable keeps whole rows by key: views, tables over topics.
type RowTable struct{}

// RowTable makes a table of rows. Before the first change only.
func (s *Store) RowTable(l RowLayout) (*RowTable, error) { return nil, nil }

// Columns are the rows' columns.
func (t *RowTable) Columns() types.Columns { return nil }

// Key are the key's columns.
func (t *RowTable) Key() []int { return nil }

// Pin fixes the last commit for reading; Release must be called.
func (s *Store) Pin() *Snapshot { return nil }

// Snapshot reads a store as of a commit. It is safe for concurrent use.
type Snapshot struct{}

// Release lets the snapshot go; idempotent.
func (s *Snapshot) Release() {}

// Epoch is the commit read.
func (s *Snapshot) Epoch() uint64 { return 0 }

// Get appends the row of a key (one datum a key column, in the order of the table's Key) to out's columns, projected to indexes,
// and tells whether there was one. Errors: ErrClosed.
func (s *Snapshot) Get(t *RowTable, key []vector.Datum, indexes []int, out *vector.Chunk) (bool, error) {
	return false, nil
}

// Scan hands every row to push, in chunks of projected columns with their event times, group by group; push runs without the lock and
// must not keep the chunk. Errors: ErrClosed, push's.
func (s *Snapshot) Scan(t *RowTable, indexes []int, push func(*vector.Chunk) error) error { return nil }

// Len is the number of rows.
func (s *Snapshot) Len(t *RowTable) int { return 0 }
