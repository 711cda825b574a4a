package log

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// Layout of a producer snapshot, Kafka's version 1: version i16, CRC-32C of the rest u32, count i32, entries.
const (
	snapshotVersion   = 1
	snapshotCRCAt     = 2
	snapshotRestAt    = 6
	snapshotEntriesAt = 10
	snapshotEntryLen  = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8
)

// snapshotTable is the polynomial of the snapshot's checksum.
var snapshotTable = crc32.MakeTable(crc32.Castagnoli)

// encode gives the snapshot's bytes, entries ascending by producer id. Of each producer's batches the last one is kept.
func (s *producers) encode() []byte {
	ids := make([]int64, 0, len(s.byID))
	for id := range s.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	dst := make([]byte, snapshotEntriesAt, snapshotEntriesAt+len(ids)*snapshotEntryLen)
	binary.BigEndian.PutUint16(dst, snapshotVersion)
	binary.BigEndian.PutUint32(dst[snapshotRestAt:], uint32(len(ids)))
	for _, id := range ids {
		p := s.byID[id]
		last := producerBatch{firstSequence: -1, lastSequence: -1, baseOffset: -1, lastOffset: -1}
		if p.n > 0 {
			last = p.batches[p.n-1]
		}
		dst = binary.BigEndian.AppendUint64(dst, uint64(id))
		dst = binary.BigEndian.AppendUint16(dst, uint16(p.epoch))
		dst = binary.BigEndian.AppendUint32(dst, uint32(last.lastSequence))
		dst = binary.BigEndian.AppendUint64(dst, uint64(last.lastOffset))
		dst = binary.BigEndian.AppendUint32(dst, uint32(last.lastOffset-last.baseOffset))
		dst = binary.BigEndian.AppendUint64(dst, uint64(p.lastTimestamp))
		dst = binary.BigEndian.AppendUint32(dst, uint32(p.coordinatorEpoch))
		dst = binary.BigEndian.AppendUint64(dst, uint64(p.txnFirst))
	}
	binary.BigEndian.PutUint32(dst[snapshotCRCAt:], crc32.Checksum(dst[snapshotRestAt:], snapshotTable))
	return dst
}

// parseSnapshot reads a snapshot; nothing of a bad one is used.
func parseSnapshot(b []byte) (producers, error) {
	if len(b) < snapshotEntriesAt || binary.BigEndian.Uint16(b) != snapshotVersion {
		return producers{}, fmt.Errorf("producer snapshot of %d bytes: unknown version", len(b))
	}
	if crc32.Checksum(b[snapshotRestAt:], snapshotTable) != binary.BigEndian.Uint32(b[snapshotCRCAt:]) {
		return producers{}, errors.New("producer snapshot: bad checksum")
	}
	n := int64(binary.BigEndian.Uint32(b[snapshotRestAt:]))
	if n*snapshotEntryLen != int64(len(b)-snapshotEntriesAt) {
		return producers{}, fmt.Errorf("producer snapshot: %d entries in %d bytes", n, len(b))
	}
	s := newProducers()
	for b = b[snapshotEntriesAt:]; len(b) > 0; b = b[snapshotEntryLen:] {
		id := int64(binary.BigEndian.Uint64(b))
		lastSequence := int32(binary.BigEndian.Uint32(b[10:]))
		lastOffset := int64(binary.BigEndian.Uint64(b[14:]))
		delta := int32(binary.BigEndian.Uint32(b[22:]))
		p := newProducer()
		p.epoch = int16(binary.BigEndian.Uint16(b[8:]))
		p.lastTimestamp = int64(binary.BigEndian.Uint64(b[26:]))
		p.coordinatorEpoch = int32(binary.BigEndian.Uint32(b[34:]))
		p.txnFirst = int64(binary.BigEndian.Uint64(b[38:]))
		if lastSequence >= 0 {
			p.n = 1
			p.batches[0] = producerBatch{record.AddSequence(lastSequence, -delta), lastSequence, lastOffset - int64(delta), lastOffset}
		}
		s.byID[id] = p
		if p.txnFirst != noTxn {
			s.open = append(s.open, openTxn{id, p.txnFirst})
		}
	}
	slices.SortFunc(s.open, func(a, b openTxn) int { return cmp.Compare(a.first, b.first) })
	return s, nil
}

// readSnapshot reads the newest good snapshot at or below offset and says where it was taken. Without one the state is
// empty and the offset is first, where the log begins.
func readSnapshot(fs vfs.FS, dir string, offsets []int64, first, offset int64) (producers, int64) {
	for _, at := range slices.Backward(offsets) {
		if at > offset || at < first {
			continue
		}
		content, err := vfs.ReadFile(fs, fs.PathJoin(dir, fileName(at, suffixSnapshot)), indexFileMax)
		if err != nil {
			continue
		}
		s, err := parseSnapshot(content)
		if err != nil {
			continue
		}
		if batches, err := vfs.ReadFile(fs, fs.PathJoin(dir, fileName(at, suffixBatches)), indexFileMax); err == nil {
			s.addBatches(batches, content)
		}
		return s, at
	}
	return newProducers(), first
}
