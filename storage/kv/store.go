// Package kv is an ordered byte store on Pebble: raft's log, the node's catalogue, coordinators' snapshots, ordered views
// and indexes, cold state.
//
// A node opens one (each open store costs nine goroutines and a tick every 100 ms) and its users keep apart by key
// prefix. It is never on a per-record path: a Set costs half a microsecond and more.
package kv

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/freshetdb/freshet/storage/vfs"
)

// Errors that callers branch on.
var (
	ErrNotFound = errors.New("key not found")
	// ErrNoSpace says that the disk is full: nothing of the batch was written.
	ErrNoSpace = errors.New("disk full")
)

const (
	cacheBytesDefault    = 8 << 20
	memTableBytesDefault = 4 << 20
	bloomBitsPerKey      = 10

	// commitReserve is the room that must be left on the disk for a commit to be tried: Pebble ends the process when it
	// cannot write its log.
	commitReserve = 4 << 20
)

// Options say where a store lives and how much memory it may take.
type Options struct {
	FS            vfs.FS       // nil: the operating system's
	CacheBytes    int64        // block cache; 0: 8 MiB. Without cgo it lies on the Go heap
	MemTableBytes uint64       // 0: 4 MiB
	Logger        *slog.Logger // nil: silence
}

// Store is an open store, safe for concurrent use.
type Store struct {
	db       *pebble.DB
	fs       vfs.FS
	dir      string
	closing  sync.Once
	closeErr error
}

// Open opens the store in dir, making it when it is not there. A second Open of the same directory fails.
func Open(dir string, opts Options) (*Store, error) {
	if opts.FS == nil {
		opts.FS = vfs.Default()
	}
	if opts.CacheBytes == 0 {
		opts.CacheBytes = cacheBytesDefault
	}
	if opts.MemTableBytes == 0 {
		opts.MemTableBytes = memTableBytesDefault
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	cache := pebble.NewCache(opts.CacheBytes)
	defer cache.Unref()
	logger := opts.Logger.With("component", "kv")
	po := &pebble.Options{
		FS:                 opts.FS,
		Cache:              cache,
		MemTableSize:       opts.MemTableBytes,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             quiet{logger},
		EventListener: &pebble.EventListener{
			BackgroundError: backgroundErrors(logger),
			WriteStallBegin: func(i pebble.WriteStallBeginInfo) { logger.Warn("writes stalled", "reason", i.Reason) },
			WriteStallEnd:   func() { logger.Info("writes go on") },
		},
	}
	for i := range po.Levels {
		po.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
	}
	db, err := pebble.Open(dir, po)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	return &Store{db: db, fs: opts.FS, dir: dir}, nil
}

// quiet turns Pebble's chatter into debug lines.
type quiet struct{ logger *slog.Logger }

// Infof implements pebble.Logger.
func (q quiet) Infof(format string, args ...any) {
	q.logger.Debug("pebble", "text", fmt.Sprintf(format, args...))
}

// Errorf implements pebble.Logger.
func (q quiet) Errorf(format string, args ...any) {
	q.logger.Error("pebble", "text", fmt.Sprintf(format, args...))
}

// Fatalf implements pebble.Logger. Pebble calls it where it cannot go on (a failed write of its log), and it may not
// return: the process ends, and recovery finds what was synced.
func (q quiet) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	q.logger.Error("store unusable", "text", text)
	panic("kv: " + text)
}

// Get returns a copy of a key's value. Errors: ErrNotFound.
func (s *Store) Get(key []byte) ([]byte, error) { return get(s.db, key) }

func get(r pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	copied := append(make([]byte, 0, len(value)), value...)
	return copied, closer.Close()
}

// NewBatch begins a set of changes that Commit makes at once. Close it in any case.
func (s *Store) NewBatch() *Batch { return &Batch{b: s.db.NewBatch(), s: s} }

// Iterator walks the keys in [lower, upper); nil means no bound. It sees the store as it is now. Close it.
func (s *Store) Iterator(lower, upper []byte) (*Iterator, error) {
	return newIterator(s.db, lower, upper)
}

// Snapshot holds the store as it is now, for reading. Close it.
func (s *Store) Snapshot() *Snapshot { return &Snapshot{s: s.db.NewSnapshot()} }

// Close closes the store; batches, iterators and snapshots must be closed before. It is idempotent.
func (s *Store) Close() error {
	s.closing.Do(func() {
		if err := s.db.Close(); err != nil {
			s.closeErr = fmt.Errorf("close store: %w", err)
		}
	})
	return s.closeErr
}

// Batch is a set of changes. One goroutine may use it at a time; keys and values are copied.
type Batch struct {
	b *pebble.Batch
	s *Store
}

// Set gives key a value.
func (b *Batch) Set(key, value []byte) error { return b.b.Set(key, value, nil) }

// Delete removes key, if it is there.
func (b *Batch) Delete(key []byte) error { return b.b.Delete(key, nil) }

// DeleteRange removes the keys in [from, to).
func (b *Batch) DeleteRange(from, to []byte) error { return b.b.DeleteRange(from, to, nil) }

// Len is the number of changes.
func (b *Batch) Len() int { return int(b.b.Count()) }

// Commit makes the changes visible, all or none; with sync they are durable when it returns. Commit once. Errors: ErrNoSpace.
func (b *Batch) Commit(sync bool) error {
	if err := b.s.admit(b.b.Len()); err != nil {
		return err
	}
	opts := pebble.NoSync
	if sync {
		opts = pebble.Sync
	}
	if err := b.b.Commit(opts); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// admit tells whether there is room to commit n bytes. File systems that cannot tell are not held back.
func (s *Store) admit(n int) error {
	usage, err := s.fs.GetDiskUsage(s.dir)
	if err == nil && usage.AvailBytes < uint64(n)+commitReserve {
		return fmt.Errorf("%w: %d bytes left", ErrNoSpace, usage.AvailBytes)
	}
	return nil
}

// Close gives the batch's memory back and drops what was not committed.
func (b *Batch) Close() error { return b.b.Close() }

// Snapshot is the store as it was, safe for concurrent use.
type Snapshot struct{ s *pebble.Snapshot }

// Get returns a copy of a key's value. Errors: ErrNotFound.
func (s *Snapshot) Get(key []byte) ([]byte, error) { return get(s.s, key) }

// Iterator walks the keys in [lower, upper); nil means no bound.
func (s *Snapshot) Iterator(lower, upper []byte) (*Iterator, error) {
	return newIterator(s.s, lower, upper)
}

// Close lets go of the snapshot.
func (s *Snapshot) Close() error { return s.s.Close() }

// Iterator walks keys in order. It begins nowhere: call First, Last, SeekGE or SeekLT. One goroutine may use it at a time.
type Iterator struct{ it *pebble.Iterator }

func newIterator(r pebble.Reader, lower, upper []byte) (*Iterator, error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("iterate: %w", err)
	}
	return &Iterator{it}, nil
}

// First goes to the first key and tells whether there is one.
func (i *Iterator) First() bool { return i.it.First() }

// Last goes to the last key and tells whether there is one.
func (i *Iterator) Last() bool { return i.it.Last() }

// SeekGE goes to the first key at or after key.
func (i *Iterator) SeekGE(key []byte) bool { return i.it.SeekGE(key) }

// SeekLT goes to the last key before key.
func (i *Iterator) SeekLT(key []byte) bool { return i.it.SeekLT(key) }

// Next goes on.
func (i *Iterator) Next() bool { return i.it.Next() }

// Prev goes back.
func (i *Iterator) Prev() bool { return i.it.Prev() }

// Valid tells whether the iterator is at a key.
func (i *Iterator) Valid() bool { return i.it.Valid() }

// Key is the key the iterator is at, valid until it moves.
func (i *Iterator) Key() []byte { return i.it.Key() }

// Value is the value the iterator is at, valid until it moves.
func (i *Iterator) Value() ([]byte, error) { return i.it.ValueAndErr() }

// Close ends the walk; its error is the first that the walk met.
func (i *Iterator) Close() error { return i.it.Close() }

// PrefixEnd is the smallest key above every key with the prefix, for Iterator's upper bound; nil when there is none.
func PrefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// errorsEvery is the least time between two lines about failing background work: a flush on a full disk is tried again at once, for ever.
const errorsEvery = 5 * time.Second

// backgroundErrors logs failures of flushes and compactions, now and then, with how many there were meanwhile.
func backgroundErrors(logger *slog.Logger) func(error) {
	var (
		mu    sync.Mutex
		last  time.Time
		count int
	)
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		count++
		if now := time.Now(); now.Sub(last) >= errorsEvery {
			logger.Error("background work failed", "error", err, "failures", count)
			last, count = now, 0
		}
	}
}
