package log

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// Layout of the file beside a producer snapshot that has what Kafka's format has no room for, the batches of each producer before its last,
// so that all five are recognised over restarts: version i16, CRC-32C of the rest u32, CRC of the snapshot u32, then for each
// producer its id i64, the number of batches u8 and the batches, oldest first.
const (
	batchesVersion   = 1
	batchesCRCAt     = 2
	batchesRestAt    = 6
	batchesEntriesAt = 10
	batchesHeadLen   = 8 + 1
	batchLen         = 4 + 4 + 8 + 8
)

// encodeBatches gives the file's bytes, nil when no producer has more than one batch.
func (s *producers) encodeBatches(snapshot []byte) []byte {
	var ids []int64
	for id, p := range s.byID {
		if p.n > 1 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	dst := make([]byte, batchesEntriesAt, batchesEntriesAt+len(ids)*(batchesHeadLen+(producerBatches-1)*batchLen))
	binary.BigEndian.PutUint16(dst, batchesVersion)
	copy(dst[batchesRestAt:], snapshot[snapshotCRCAt:snapshotRestAt])
	for _, id := range ids {
		p := s.byID[id]
		dst = binary.BigEndian.AppendUint64(dst, uint64(id))
		dst = append(dst, byte(p.n-1))
		for _, b := range p.batches[:p.n-1] {
			dst = binary.BigEndian.AppendUint32(dst, uint32(b.firstSequence))
			dst = binary.BigEndian.AppendUint32(dst, uint32(b.lastSequence))
			dst = binary.BigEndian.AppendUint64(dst, uint64(b.baseOffset))
			dst = binary.BigEndian.AppendUint64(dst, uint64(b.lastOffset))
		}
	}
	binary.BigEndian.PutUint32(dst[batchesCRCAt:], crc32.Checksum(dst[batchesRestAt:], snapshotTable))
	return dst
}

// addBatches adds the file's batches to producers that were read from its snapshot. A file that is bad, or another snapshot's, adds nothing:
// it only saves a duplicate from being refused.
func (s *producers) addBatches(content, snapshot []byte) {
	if len(content) < batchesEntriesAt || binary.BigEndian.Uint16(content) != batchesVersion ||
		crc32.Checksum(content[batchesRestAt:], snapshotTable) != binary.BigEndian.Uint32(content[batchesCRCAt:]) ||
		string(content[batchesRestAt:batchesEntriesAt]) != string(snapshot[snapshotCRCAt:snapshotRestAt]) {
		return
	}
	for rest := content[batchesEntriesAt:]; len(rest) >= batchesHeadLen; {
		id, n := int64(binary.BigEndian.Uint64(rest)), int(rest[8])
		rest = rest[batchesHeadLen:]
		p, known := s.byID[id]
		if n >= producerBatches || len(rest) < n*batchLen || !known || p.n != 1 {
			return
		}
		p.batches[n], p.n = p.batches[0], int8(n+1)
		for i := range n {
			p.batches[i] = producerBatch{
				firstSequence: int32(binary.BigEndian.Uint32(rest)), lastSequence: int32(binary.BigEndian.Uint32(rest[4:])),
				baseOffset: int64(binary.BigEndian.Uint64(rest[8:])), lastOffset: int64(binary.BigEndian.Uint64(rest[16:])),
			}
			rest = rest[batchLen:]
		}
		s.byID[id] = p
	}
}
