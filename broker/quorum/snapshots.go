package quorum

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/hashicorp/raft"

	"github.com/freshetdb/freshet/storage/kv"
)

// snapshotsKept is how many snapshots stay: a bad one falls back to the one before.
const snapshotsKept = 2

// snapshots keeps raft's snapshots in the key-value store: an image is small, and one commit writes all of it. The id is term and
// index in hexadecimal, so that ids sort as snapshots do.
type snapshots struct{ db *kv.Store }

var _ raft.SnapshotStore = (*snapshots)(nil)

func newSnapshots(db *kv.Store) *snapshots { return &snapshots{db: db} }

// snapshotMeta is a snapshot's description, kept as JSON.
type snapshotMeta struct {
	raft.SnapshotMeta
	CRC uint32 // CRC-32C of the body
}

func snapshotKey(prefix byte, id string) []byte { return append([]byte{prefix}, id...) }

func checksum(body []byte) uint32 { return crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) }

// Create begins a snapshot; Close of the sink commits it.
func (s *snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration, configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	id := fmt.Sprintf("%016x-%016x", term, index)
	return &snapshotSink{s: s, meta: raft.SnapshotMeta{
		Version: version, ID: id, Index: index, Term: term,
		Configuration: configuration, ConfigurationIndex: configurationIndex,
	}}, nil
}

// List gives the snapshots there are, the newest first.
func (s *snapshots) List() ([]*raft.SnapshotMeta, error) {
	it, err := s.db.Iterator([]byte{prefixSnapshotMeta}, []byte{prefixSnapshotMeta + 1})
	if err != nil {
		return nil, fmt.Errorf("list metadata snapshots: %w", err)
	}
	var out []*raft.SnapshotMeta
	for ok := it.Last(); ok; ok = it.Prev() {
		var meta snapshotMeta
		raw, err := it.Value()
		if err == nil {
			err = json.Unmarshal(raw, &meta)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("metadata snapshot %s: %w", it.Key()[1:], err), it.Close())
		}
		out = append(out, &meta.SnapshotMeta)
	}
	return out, it.Close()
}

// Open reads a snapshot and checks it.
func (s *snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	raw, err := s.db.Get(snapshotKey(prefixSnapshotMeta, id))
	if err != nil {
		return nil, nil, fmt.Errorf("open metadata snapshot %s: %w", id, err)
	}
	var meta snapshotMeta
	if err := json.Unmarshal(raw, &meta); err != nil {
		return nil, nil, fmt.Errorf("metadata snapshot %s: %w", id, err)
	}
	body, err := s.db.Get(snapshotKey(prefixSnapshotBody, id))
	if err != nil {
		return nil, nil, fmt.Errorf("read metadata snapshot %s: %w", id, err)
	}
	if got := checksum(body); got != meta.CRC {
		return nil, nil, fmt.Errorf("metadata snapshot %s: checksum %08x, computed %08x", id, meta.CRC, got)
	}
	return &meta.SnapshotMeta, io.NopCloser(bytes.NewReader(body)), nil
}

// snapshotSink gathers a snapshot's body.
type snapshotSink struct {
	s    *snapshots
	meta raft.SnapshotMeta
	body []byte
	done bool
}

// ID names the snapshot.
func (k *snapshotSink) ID() string { return k.meta.ID }

// Write takes a part of the body.
func (k *snapshotSink) Write(p []byte) (int, error) {
	k.body = append(k.body, p...)
	return len(p), nil
}

// Cancel throws the snapshot away.
func (k *snapshotSink) Cancel() error {
	k.done, k.body = true, nil
	return nil
}

// Close commits the snapshot durably and removes old ones in the same commit.
func (k *snapshotSink) Close() error {
	if k.done {
		return nil
	}
	k.done = true
	k.meta.Size = int64(len(k.body))
	meta, err := json.Marshal(snapshotMeta{SnapshotMeta: k.meta, CRC: checksum(k.body)})
	if err != nil {
		return fmt.Errorf("describe metadata snapshot: %w", err)
	}
	old, err := k.s.List()
	if err != nil {
		return err
	}
	return commit(k.s.db, func(b *kv.Batch) error {
		errs := []error{b.Set(snapshotKey(prefixSnapshotMeta, k.meta.ID), meta), b.Set(snapshotKey(prefixSnapshotBody, k.meta.ID), k.body)}
		for i, m := range old {
			if i >= snapshotsKept-1 && m.ID != k.meta.ID {
				errs = append(errs, b.Delete(snapshotKey(prefixSnapshotMeta, m.ID)), b.Delete(snapshotKey(prefixSnapshotBody, m.ID)))
			}
		}
		return errors.Join(errs...)
	})
}
