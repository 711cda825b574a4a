package log

import (
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/freshetdb/freshet/storage/vfs"
)

// Sizes of the index files' entries, in bytes.
const (
	offsetEntryLen = 8
	timeEntryLen   = 12
	txnEntryLen    = 34

	indexFileMax = 256 << 20 // an index larger than this is not ours
)

// offsetEntry says that the batch at position pos ends with offset base+last.
type offsetEntry struct {
	last uint32
	pos  uint32
}

// timeEntry says that up to the record base+last no timestamp is larger than max.
type timeEntry struct {
	max  int64
	last uint32
}

// indexes is what finds records inside one segment; its files hold the same, big-endian.
type indexes struct {
	offsets []offsetEntry
	times   []timeEntry
	aborted []AbortedTxn

	sinceEntry      int64 // bytes since the last offset entry
	maxTimestamp    int64 // of all batches, -1 when none
	maxTimestampEnd int64 // last offset of the first batch that has it
}

func newIndexes() indexes { return indexes{maxTimestamp: -1, maxTimestampEnd: -1} }

// note adds a batch: its last offset, largest timestamp, place and size. Source: Kafka LogSegment.append.
func (x *indexes) note(base, last, timestamp, pos int64, size int, interval int64) {
	if timestamp > x.maxTimestamp {
		x.maxTimestamp, x.maxTimestampEnd = timestamp, last
	}
	if x.sinceEntry > interval {
		x.offsets = append(x.offsets, offsetEntry{last: uint32(last - base), pos: uint32(pos)})
		x.noteTime(base)
		x.sinceEntry = 0
	}
	x.sinceEntry += int64(size)
}

// noteTime adds the largest timestamp so far to the time index, unless it is there.
func (x *indexes) noteTime(base int64) {
	if x.maxTimestamp < 0 {
		return
	}
	if n := len(x.times); n > 0 && (x.times[n-1].max >= x.maxTimestamp || int64(x.times[n-1].last) >= x.maxTimestampEnd-base) {
		return
	}
	x.times = append(x.times, timeEntry{max: x.maxTimestamp, last: uint32(x.maxTimestampEnd - base)})
}

// lookup gives a position at or before the batch that holds offset base+rel.
func (x *indexes) lookup(rel int64) int64 {
	n := sort.Search(len(x.offsets), func(i int) bool { return int64(x.offsets[i].last) > rel })
	if n == 0 {
		return 0
	}
	return int64(x.offsets[n-1].pos)
}

// before gives a relative offset such that every record up to it has a timestamp below ms.
func (x *indexes) before(ms int64) int64 {
	n := sort.Search(len(x.times), func(i int) bool { return x.times[i].max >= ms })
	if n == 0 {
		return 0
	}
	return int64(x.times[n-1].last)
}

func (x *indexes) appendOffsets(dst []byte) []byte {
	for _, e := range x.offsets {
		dst = binary.BigEndian.AppendUint32(dst, e.last)
		dst = binary.BigEndian.AppendUint32(dst, e.pos)
	}
	return dst
}

func (x *indexes) appendTimes(dst []byte) []byte {
	for _, e := range x.times {
		dst = binary.BigEndian.AppendUint64(dst, uint64(e.max))
		dst = binary.BigEndian.AppendUint32(dst, e.last)
	}
	return dst
}

func (x *indexes) appendAborted(dst []byte) []byte {
	for _, e := range x.aborted {
		dst = binary.BigEndian.AppendUint16(dst, 0) // version
		dst = binary.BigEndian.AppendUint64(dst, uint64(e.ProducerID))
		dst = binary.BigEndian.AppendUint64(dst, uint64(e.FirstOffset))
		dst = binary.BigEndian.AppendUint64(dst, uint64(e.LastOffset))
		dst = binary.BigEndian.AppendUint64(dst, uint64(e.LastStableOffset))
	}
	return dst
}

// parse reads the three files' contents and refuses what is not a possible index of size bytes. The time index's last
// entry is the segment's largest timestamp.
func (x *indexes) parse(offsets, times, aborted []byte, size int64) error {
	if len(offsets)%offsetEntryLen != 0 || len(times)%timeEntryLen != 0 || len(aborted)%txnEntryLen != 0 {
		return fmt.Errorf("index sizes %d, %d, %d", len(offsets), len(times), len(aborted))
	}
	for at := 0; at < len(offsets); at += offsetEntryLen {
		e := offsetEntry{binary.BigEndian.Uint32(offsets[at:]), binary.BigEndian.Uint32(offsets[at+4:])}
		if n := len(x.offsets); n > 0 && (e.last <= x.offsets[n-1].last || e.pos <= x.offsets[n-1].pos) || int64(e.pos) >= size {
			return fmt.Errorf("offset index entry %d goes back or beyond the segment", n)
		}
		x.offsets = append(x.offsets, e)
	}
	for at := 0; at < len(times); at += timeEntryLen {
		e := timeEntry{int64(binary.BigEndian.Uint64(times[at:])), binary.BigEndian.Uint32(times[at+8:])}
		if n := len(x.times); n > 0 && (e.max <= x.times[n-1].max || e.last <= x.times[n-1].last) {
			return fmt.Errorf("time index entry %d goes back", n)
		}
		x.times = append(x.times, e)
	}
	for at := 0; at < len(aborted); at += txnEntryLen {
		x.aborted = append(x.aborted, AbortedTxn{
			ProducerID:       int64(binary.BigEndian.Uint64(aborted[at+2:])),
			FirstOffset:      int64(binary.BigEndian.Uint64(aborted[at+10:])),
			LastOffset:       int64(binary.BigEndian.Uint64(aborted[at+18:])),
			LastStableOffset: int64(binary.BigEndian.Uint64(aborted[at+26:])),
		})
	}
	return nil
}

// writeIndexFile replaces an index file and syncs it; the directory is the caller's to sync.
func writeIndexFile(fs vfs.FS, name string, content []byte) error {
	return writeFile(fs, name, content, vfs.File.Sync)
}

// writeUnsynced replaces a file and leaves its sync to the caller.
func writeUnsynced(fs vfs.FS, name string, content []byte) error {
	return writeFile(fs, name, content, func(vfs.File) error { return nil })
}

func writeFile(fs vfs.FS, name string, content []byte, sync func(vfs.File) error) error {
	f, err := fs.Create(name, vfs.Category)
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	if len(content) > 0 {
		_, err = f.Write(content)
	}
	if err == nil {
		err = sync(f)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
