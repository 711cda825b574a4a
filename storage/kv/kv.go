// Package kv is an ordered byte store on Pebble: raft's log and the node's metadata, coordinators' snapshots, ordered views and
// indexes, cold state. It is never on a per-record path.
//
// A Store may be used from any goroutine; a Batch or an Iterator by one at a time. Pebble's types stay inside.
package kv

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/freshetdb/freshet/storage/vfs"
)

// ErrNotFound answers Get of a missing key.
var ErrNotFound = errors.New("key not found")

const (
	defaultCacheBytes = 8 << 20
	// memTableBytes is small: the stores here hold little, and without cgo memtables live on the Go heap.
	memTableBytes = 4 << 20
)

// Options of a Store. The zero value is usable.
type Options struct {
	// FS is the operating system's unless set.
	FS vfs.FS
	// CacheBytes bounds the block cache (8 MiB).
	CacheBytes int64
	// Logger gets Pebble's errors; nil drops them.
	Logger *slog.Logger
}

// Store is an open store.
type Store struct {
	db       *pebble.DB
	closing  sync.Once
	closeErr error
}

// Open opens the store in dir, making it when missing.
func Open(dir string, opts Options) (*Store, error) {
	if opts.FS == nil {
		opts.FS = vfs.Default()
	}
	if opts.CacheBytes <= 0 {
		opts.CacheBytes = defaultCacheBytes
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	cache := pebble.NewCache(opts.CacheBytes)
	defer cache.Unref()
	db, err := pebble.Open(dir, &pebble.Options{
		FS: opts.FS, Cache: cache, MemTableSize: memTableBytes, Logger: logger{opts.Logger},
		FormatMajorVersion: pebble.FormatNewest,
	})
	if err != nil {
		return nil, fmt.Errorf("open key-value store %s: %w", dir, err)
	}
	return &Store{db: db}, nil
}

// Get reads a key into memory of the caller's own. Errors: ErrNotFound.
func (s *Store) Get(key []byte) ([]byte, error) {
	value, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	out := append([]byte{}, value...)
	return out, closer.Close()
}

// Iterator walks keys in [lower, upper); a nil bound is open. Close it.
func (s *Store) Iterator(lower, upper []byte) (*Iterator, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("iterate: %w", err)
	}
	return &Iterator{it: it}, nil
}

// NewBatch begins a group of changes that Commit makes visible and durable together. Close it.
func (s *Store) NewBatch() *Batch { return &Batch{b: s.db.NewBatch()} }

// Close closes the store; batches and iterators must be closed before. It is idempotent.
func (s *Store) Close() error {
	s.closing.Do(func() {
		if err := s.db.Close(); err != nil {
			s.closeErr = fmt.Errorf("close key-value store: %w", err)
		}
	})
	return s.closeErr
}

// Batch is a group of changes.
type Batch struct{ b *pebble.Batch }

// Set writes a key; both slices are copied.
func (b *Batch) Set(key, value []byte) error { return b.b.Set(key, value, nil) }

// Delete removes a key; a missing one is no error.
func (b *Batch) Delete(key []byte) error { return b.b.Delete(key, nil) }

// DeleteRange removes the keys in [lower, upper).
func (b *Batch) DeleteRange(lower, upper []byte) error { return b.b.DeleteRange(lower, upper, nil) }

// Commit applies the changes; with sync it returns when they are on disk.
func (b *Batch) Commit(sync bool) error {
	opts := pebble.NoSync
	if sync {
		opts = pebble.Sync
	}
	if err := b.b.Commit(opts); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Close frees the batch, committed or not.
func (b *Batch) Close() error { return b.b.Close() }

// Iterator walks keys in order. Key and Value are valid until the next move.
type Iterator struct{ it *pebble.Iterator }

// First moves to the first key and tells whether there is one.
func (it *Iterator) First() bool { return it.it.First() }

// Last moves to the last key.
func (it *Iterator) Last() bool { return it.it.Last() }

// SeekGE moves to the first key at or after key.
func (it *Iterator) SeekGE(key []byte) bool { return it.it.SeekGE(key) }

// Next moves on.
func (it *Iterator) Next() bool { return it.it.Next() }

// Prev moves back.
func (it *Iterator) Prev() bool { return it.it.Prev() }

// Key is the present key.
func (it *Iterator) Key() []byte { return it.it.Key() }

// Value is the present value.
func (it *Iterator) Value() []byte { return it.it.Value() }

// Err is why a move ended early, nil at the end of the keys.
func (it *Iterator) Err() error { return it.it.Error() }

// Close frees the iterator.
func (it *Iterator) Close() error { return it.it.Close() }

// logger hands Pebble's words on: errors as they are, the rest for debugging.
type logger struct{ log *slog.Logger }

func (l logger) Infof(format string, args ...any) {
	l.log.Debug("pebble: " + fmt.Sprintf(format, args...))
}

func (l logger) Errorf(format string, args ...any) {
	l.log.Error("pebble: " + fmt.Sprintf(format, args...))
}

// Fatalf must not return: Pebble calls it when going on would lose data.
func (l logger) Fatalf(format string, args ...any) {
	l.log.Error("pebble: " + fmt.Sprintf(format, args...))
	panic("pebble: " + fmt.Sprintf(format, args...))
}
