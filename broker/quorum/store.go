package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/freshetdb/freshet/storage/kv"
)

// Keys of the store: 'l' and a big-endian index for log entries, 's' and a name for raft's own values, 'n' and 'm' for snapshots.
const (
	prefixEntry        = 'l'
	prefixStable       = 's'
	prefixSnapshotMeta = 'm'
	prefixSnapshotBody = 'n'
)

// store is raft's log and its stable values in the node's key-value store.
type store struct{ db *kv.Store }

var (
	_ raft.LogStore          = (*store)(nil)
	_ raft.StableStore       = (*store)(nil)
	_ raft.MonotonicLogStore = (*store)(nil)
)

func newStore(db *kv.Store) *store { return &store{db: db} }

// IsMonotonic is false: an ordered store minds no gap after a restored snapshot.
func (s *store) IsMonotonic() bool { return false }

// commit makes changes visible and durable together, all or none.
func commit(db *kv.Store, fill func(*kv.Batch) error) error {
	b := db.NewBatch()
	err := fill(b)
	if err == nil {
		err = b.Commit(true)
	}
	return errors.Join(err, b.Close())
}

func entryKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixEntry}, index)
}

func stableKey(name []byte) []byte { return append([]byte{prefixStable}, name...) }

// FirstIndex is the first entry's, 0 when there is none.
func (s *store) FirstIndex() (uint64, error) { return s.edge((*kv.Iterator).First) }

// LastIndex is the last entry's, 0 when there is none.
func (s *store) LastIndex() (uint64, error) { return s.edge((*kv.Iterator).Last) }

func (s *store) edge(seek func(*kv.Iterator) bool) (uint64, error) {
	it, err := s.db.Iterator([]byte{prefixEntry}, []byte{prefixEntry + 1})
	if err != nil {
		return 0, fmt.Errorf("read raft's log: %w", err)
	}
	var index uint64
	if seek(it) {
		index = binary.BigEndian.Uint64(it.Key()[1:])
	}
	return index, it.Close()
}

// entryFixed is the length of an entry's fixed part: term u64, type u8, appended at (Unix nanoseconds, 0 unknown) i64, length of
// the extensions u32; extensions and data follow.
const entryFixed = 21

func appendEntry(dst []byte, l *raft.Log) []byte {
	dst = binary.BigEndian.AppendUint64(dst, l.Term)
	dst = append(dst, byte(l.Type))
	var at int64
	if !l.AppendedAt.IsZero() {
		at = l.AppendedAt.UnixNano()
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(at))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(l.Extensions)))
	dst = append(dst, l.Extensions...)
	return append(dst, l.Data...)
}

func decodeEntry(index uint64, v []byte, l *raft.Log) error {
	if len(v) < entryFixed {
		return fmt.Errorf("raft entry %d: %d bytes are too few", index, len(v))
	}
	extensions := int(binary.BigEndian.Uint32(v[entryFixed-4:]))
	if len(v)-entryFixed < extensions {
		return fmt.Errorf("raft entry %d: extensions are cut short", index)
	}
	*l = raft.Log{Index: index, Term: binary.BigEndian.Uint64(v), Type: raft.LogType(v[8])}
	if at := int64(binary.BigEndian.Uint64(v[9:])); at != 0 {
		l.AppendedAt = time.Unix(0, at)
	}
	rest := v[entryFixed:]
	if extensions > 0 {
		l.Extensions = append([]byte(nil), rest[:extensions]...)
	}
	if len(rest) > extensions {
		l.Data = append([]byte(nil), rest[extensions:]...)
	}
	return nil
}

// GetLog reads an entry. Errors: raft.ErrLogNotFound.
func (s *store) GetLog(index uint64, l *raft.Log) error {
	v, err := s.db.Get(entryKey(index))
	if errors.Is(err, kv.ErrNotFound) {
		return raft.ErrLogNotFound
	}
	if err != nil {
		return fmt.Errorf("read raft entry %d: %w", index, err)
	}
	return decodeEntry(index, v, l)
}

// StoreLog appends one entry durably.
func (s *store) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs appends entries durably, all or none.
func (s *store) StoreLogs(logs []*raft.Log) error {
	return commit(s.db, func(b *kv.Batch) error {
		var buf []byte
		for _, l := range logs {
			buf = appendEntry(buf[:0], l)
			if err := b.Set(entryKey(l.Index), buf); err != nil {
				return fmt.Errorf("write raft entry %d: %w", l.Index, err)
			}
		}
		return nil
	})
}

// DeleteRange removes entries lo to hi, both included.
func (s *store) DeleteRange(lo, hi uint64) error {
	return commit(s.db, func(b *kv.Batch) error { return b.DeleteRange(entryKey(lo), entryKey(hi+1)) })
}

// Set writes one of raft's own values durably.
func (s *store) Set(name, value []byte) error {
	return commit(s.db, func(b *kv.Batch) error { return b.Set(stableKey(name), value) })
}

// Get reads one of raft's own values; a missing one is empty.
func (s *store) Get(name []byte) ([]byte, error) {
	v, err := s.db.Get(stableKey(name))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	}
	return v, err
}

// SetUint64 writes a number.
func (s *store) SetUint64(name []byte, value uint64) error {
	return s.Set(name, binary.BigEndian.AppendUint64(nil, value))
}

// GetUint64 reads a number; a missing one is 0.
func (s *store) GetUint64(name []byte) (uint64, error) {
	v, err := s.Get(name)
	if err != nil || len(v) == 0 {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("raft's %s has %d bytes instead of 8", name, len(v))
	}
	return binary.BigEndian.Uint64(v), nil
}
