package log

import "slices"

const (
	tailBytesDefault = 512 << 10
	chunkBytesMin    = 16 << 10
	chunkBytesMax    = 256 << 10
	// tailShare: pieces smaller than this part of their chunk are copied for readers.
	tailShare = 4
)

const (
	// untailedAfter is how much is appended without anybody reading at the end before the tail is no longer kept.
	untailedAfter = 1 << 20
	// untailedBatchMin is the average size of batches worth a write each.
	untailedBatchMin = 16 << 10
)

// untailed tells whether the next total bytes are written without a copy in memory: large batches that nobody would read there.
// l.appendMu is held.
func (l *Log) untailed(total int) bool {
	if l.tailed.Swap(false) {
		l.unread = 0
	}
	l.unread += total
	return l.unread > untailedAfter && total >= untailedBatchMin*len(l.accepted)
}

// chunk is a stretch of the active segment as it was appended, kept in memory for readers at the end.
type chunk struct {
	seg  *segment
	buf  *buffer
	base int64 // first offset
	pos  int64 // of buf's first byte in the segment's file
	n    int   // bytes written to the file and published
}

// chunkFor gives the chunk that takes the next total bytes of a segment. l.appendMu is held.
func (l *Log) chunkFor(s *segment, total int) *chunk {
	if n := len(l.tail); n > 0 {
		if c := l.tail[n-1]; c.seg == s && c.pos+int64(c.n) == s.size && len(c.buf.data)-c.n >= total {
			return c
		}
	}
	size := chunkBytesMin
	crowded := l.buffers.tailBytes.Load() > tailBudget
	if n := len(l.tail); n > 0 && !crowded {
		size = min(2*len(l.tail[n-1].buf.data), chunkBytesMax)
	}
	c := &chunk{seg: s, buf: l.buffers.get(max(size, total)), base: l.end.Load(), pos: s.size}
	keep := l.opts.TailBytes
	if keep == 0 {
		keep = tailBytesDefault
	}
	if crowded {
		keep = 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.tail); n > 0 && l.tail[n-1].n == 0 { // left by a failed write
		l.dropChunks(len(l.tail)-1, len(l.tail))
	}
	l.dropTail(keep - len(c.buf.data))
	l.tail = append(l.tail, c)
	l.buffers.tailBytes.Add(int64(len(c.buf.data)))
	return c
}

// dropTail lets go of the oldest chunks until the rest holds at most keep bytes. l.mu is held.
func (l *Log) dropTail(keep int) {
	held := 0
	for i, v := range slices.Backward(l.tail) {
		if held += len(v.buf.data); held > keep {
			l.dropChunks(0, i+1)
			return
		}
	}
}

// dropChunks lets go of tail[from:to]. l.mu is held.
func (l *Log) dropChunks(from, to int) {
	for _, c := range l.tail[from:to] {
		l.buffers.tailBytes.Add(-int64(len(c.buf.data)))
		c.buf.release()
	}
	l.tail = append(l.tail[:from:from], l.tail[to:]...)
}
